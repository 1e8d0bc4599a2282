"""Lists that another system made, to be measured beside ours on the same users."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from graphrec.errors import BadRequest
from graphrec.splits import Split
from graphrec.tensors import Rows


@dataclass(frozen=True, slots=True)
class Submission:
    """Lists in rows, and what was wrong with them."""

    lists: Rows
    """[users of the split, k] product rows; -1 is nothing, or a product the graph does not know."""
    notes: tuple[str, ...]
    """One line a fault that was put up with, with its count and how."""


def submission(name: str, rows: Iterable[tuple[str, str]], cut: Split, k: int) -> Submission:
    """The lists of a system of this name for the users of the split, from (user, product) rows, each user's best first.

    A product that stands in a list again is left out there. An unknown product keeps its place and is a miss, as is one the user
    chose before. A user without a list scores nothing; lists of users who are not tested are not looked at.

    Raises:
        BadRequest: no tested user has a list.
    """
    by_user: dict[str, list[str]] = {}
    for user, product in rows:
        by_user.setdefault(str(user), []).append(str(product))
    users = [str(user) for user in cut.known.users.names[cut.users]]
    if not any(user in by_user for user in users):
        first = repr(next(iter(by_user), "nobody"))
        raise BadRequest(f"{name}: no list is of a tested user, the first is of {first} (tested: {users[0]!r} …)")
    whole = [by_user.get(user, []) for user in users]
    heads = [list(dict.fromkeys(one))[:k] for one in whole]
    row_of = cut.known.products.row_of
    lists = np.full((len(users), k), -1, dtype=np.int64)
    for place, head in enumerate(heads):
        lists[place, : len(head)] = [row_of.get(product, -1) for product in head]
    tested = set(users)
    faults = {
        "places that repeat a product of the same list (the first counts)": sum(len(one) - len(set(one)) for one in whole),
        "places with products the graph does not know (misses)": sum(product not in row_of for head in heads for product in head),
        "places with what the user chose before (misses, unless that is asked for)": _seen(lists, cut),
        "tested users without a list (they score nothing)": sum(not one for one in whole),
        f"lists shorter than {k}": sum(0 < len(head) < k for head in heads),
        "lists of users who are not tested (not looked at)": sum(user not in tested for user in by_user),
    }
    return Submission(lists, tuple(f"{name}: {what}: {count:,}" for what, count in faults.items() if count))


def _seen(lists: Rows, cut: Split) -> int:
    """How many places hold a product of the user's history."""
    told, width = cut.histories, len(cut.known.products)
    chosen = np.repeat(np.arange(len(told)), np.diff(told.indptr)) * width + told.product
    placed = np.where(lists >= 0, np.arange(len(lists))[:, None] * width + lists, -1)
    return int(np.isin(placed, chosen).sum())
