"""What a caller asks a ranker about, in rows: whose lists, among which products."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.errors import BadRequest
from graphrec.model import Model
from graphrec.tensors import Floats, Histories, KnownGraph

STRANGER = "stranger"
"""What the user of a bare history is called in a ranking."""
Mask = npt.NDArray[np.bool_]
Exclusion = str | tuple[str, str]
"""A product nobody shall be shown, or (user, product)."""
Users = str | Sequence[str]
History = Sequence[str] | Sequence[Sequence[str]]


def histories(
    model: Model, user: Users | None, history: History | None, *, strangers: bool = False
) -> tuple[list[str], Histories]:
    """Names and histories of what was asked for.

    Raises:
        UnknownId: a user (unless `strangers`) or product that the model does not know.
        BadRequest: neither was given, or both, or what was given is no list of ids.
    """
    if user is not None and history is not None:
        raise BadRequest("give a user or a history, not both")
    if user is not None:
        if not isinstance(user, Iterable):
            raise BadRequest(f"a user is an id in quotes, or a list of ids (got {user!r})")
        ids = [user] if isinstance(user, str) else [str(one) for one in user]
        row_of = model.known.users.row_of
        rows = [row_of.get(one, -1) if strangers else model.known.users.row(one) for one in ids]
        return ids, model.histories(np.array(rows, dtype=np.int64))
    if history is None:
        raise BadRequest("give a user, several users or a history (got none)")
    if isinstance(history, str):
        raise BadRequest(f"history is a list of product ids (got the text {history!r})")
    for one in history:
        if not isinstance(one, Iterable):
            raise BadRequest(f"history is a list of product ids in quotes (got {one!r})")
    several = [list(one) for one in history if not isinstance(one, str)]
    lists = several or [[one for one in history if isinstance(one, str)]]
    row = model.known.products.row
    names = [f"{STRANGER} {number}" for number in range(1, len(lists) + 1)] if len(lists) > 1 else [STRANGER]
    return names, Histories.of([[row(product) for product in one] for one in lists])


def allowed(known: KnownGraph, candidates: Iterable[str] | None) -> Mask:
    """[products] True for what may be ranked.

    Raises:
        UnknownId: a candidate that the model does not know.
        BadRequest: there are no candidates, or they are no list.
    """
    if candidates is None:
        return known.listed
    if isinstance(candidates, str):
        raise BadRequest(f"candidates is a list of product ids (got the text {candidates!r})")
    rows = [known.products.row(product) for product in candidates]
    if not rows:
        raise BadRequest("candidates is empty: name at least one product, or leave it out to rank all")
    mask = np.zeros(len(known.products), dtype=bool)
    mask[rows] = True
    return mask


def barred(known: KnownGraph, names: Sequence[str], exclude: Iterable[Exclusion] | None) -> sp.csr_matrix:
    """[users asked for, products] 1 where `exclude` says no."""
    row_of = known.products.row_of
    everybody: list[int] = []
    pairs: dict[str, list[int]] = {}
    for one in () if exclude is None else exclude:
        user, product = (None, one) if isinstance(one, str) else one
        if product in row_of:
            (everybody if user is None else pairs.setdefault(user, [])).append(row_of[product])
    return Histories.of([[*everybody, *pairs.get(name, ())] for name in names]).matrix(len(known.products))


def hide(scores: Floats, histories: Histories, allowed: Mask, barred: sp.csr_matrix, *, exclude_seen: bool) -> None:
    """The scores are -inf for what may not be shown and for what is no number. scores: [b, products], changed in place."""
    scores[:, ~allowed] = -np.inf
    if exclude_seen:
        scores[np.repeat(np.arange(len(histories)), np.diff(histories.indptr)), histories.product] = -np.inf
    scores[barred.nonzero()] = -np.inf
    scores[np.isnan(scores)] = -np.inf
