"""Users in batches, two or more at work at a time: the scores of a batch are the largest thing in memory."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from graphrec.tensors import Histories

Result = TypeVar("Result")
CELLS = 8_000_000
"""Scores held at a time, users × products of all batches at work: 32 MB a scorer."""
_LARGEST = 512
_WORKERS = 4


def by_batch(
    work: Callable[[slice, Histories], Result], histories: Histories, products: int, *, cells: int | None = None
) -> Iterator[tuple[int, Result]]:
    """(users done so far, what `work` made of a batch), batch by batch in the order of the users.

    Threads, since scipy's sparse products run on one processor and let others run meanwhile. work: takes the users' places in
    `histories` and their histories, and changes nothing that another batch reads. cells: instead of `CELLS`.
    """
    rows = (CELLS if cells is None else cells) // max(products, 1)
    workers = max(1, min(_WORKERS, torch.get_num_threads(), rows))
    size = max(1, min(_LARGEST, rows // workers))
    places = [slice(start, min(start + size, len(histories))) for start in range(0, len(histories), size)]

    def one(place: slice) -> tuple[int, Result]:
        return place.stop, work(place, histories.slice(place.start, place.stop))

    if workers == 1 or len(places) <= 1:
        yield from map(one, places)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(one, places)
