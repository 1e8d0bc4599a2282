import threading
import time

import pytest

from graphrec.batches import by_batch
from graphrec.tensors import Histories


@pytest.mark.parametrize("users_at_a_time", [1, 2, 7])
def test_no_more_users_are_at_work_than_the_cells_hold(users_at_a_time):
    histories, busy, most, lock = Histories.of([[0]] * 50), [0], [0], threading.Lock()

    def work(place, batch):
        with lock:
            busy[0] += len(batch)
            most[0] = max(most[0], busy[0])
        time.sleep(0.002)
        with lock:
            busy[0] -= len(batch)
        return list(range(place.start, place.stop))

    found = list(by_batch(work, histories, 100, cells=100 * users_at_a_time + 99))
    assert [row for _, rows in found for row in rows] == list(range(50))
    assert 1 <= most[0] <= users_at_a_time
