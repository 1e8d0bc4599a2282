"""Protocols: the ways to hold out choices by which recommenders are compared, under the names that people know them by.

`time` is the honest one and the default. Each of the others answers a question of its own, and `Split.reason` says which.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np
import scipy.sparse as sp

from graphrec.errors import BadRequest, NothingToLearn
from graphrec.splits import Mask, Split, at_once, drawn, global_time_cut, latest, split
from graphrec.tensors import Interactions, KnownGraph, Rows
from kg_builder.errors import did_you_mean

_ASKED = 0.2
"""The share of a new user's choices that is asked for; the first part is told (Liang et al., WWW 2018)."""


class _Protocol(Protocol):
    def __call__(self, known: KnownGraph, *, share: float, seed: int) -> Split:
        """The split, with what users chose before still in the truth."""


def check_protocol(name: str) -> None:
    """Nothing, or the error for a name that no protocol has.

    Raises:
        BadRequest: with the closest name.

    Example:
        >>> check_protocol("ratoi")
        Traceback (most recent call last):
        graphrec.errors.BadRequest: no protocol 'ratoi'; did you mean 'ratio'? known: time, leave-one-out, ratio, ...
    """
    if name not in PROTOCOLS:
        raise BadRequest(f"no protocol {name!r}{did_you_mean(name, PROTOCOLS) or ';'} known: {', '.join(PROTOCOLS)}")


def hold_out(known: KnownGraph, protocol: str = "time", *, share: float = 0.1, seed: int = 0) -> Split:
    """What this protocol holds out; what a user chose before is still in the truth, where it was chosen again.

    A fit that validates itself does so on the split's own known graph, so the same protocol over `Split.known` gives the inner
    cut: after leave-one-out, the last choice but one.

    Args:
        known: Everything.
        protocol: `time`: see `splits.global_time_cut`. `leave-one-out`: every user's last choice. `ratio`: the latest `share`
            (rounded up) of every user's. `new-users`: a `share` of the users is unknown to the fit; the first four fifths of
            their choices are told when they are ranked, the rest is asked for (strong generalisation: Marlin, NIPS 2004;
            Liang et al., WWW 2018). `new-products`: a `share` of the chosen products loses every choice before the fit, and
            these are asked for.
        share: Of the interactions, users or products, how much is held out; above 0, below 1.
        seed: Draws users and products, and choices where nothing says which came first.

    Raises:
        BadRequest: no such protocol, or such a share.
        NothingToLearn: nothing can be held out, or nothing would be left.
    """
    check_protocol(protocol)
    if not 0 < share < 1:
        raise BadRequest(f"share must lie between 0 and 1 (got {share})")
    found = PROTOCOLS[protocol](known, share=share, seed=seed)
    if not len(found.users):
        raise NothingToLearn(f"{protocol} holds nothing out: no user is left with both a history and something to find")
    return found


def _by_time(known: KnownGraph, *, share: float, seed: int) -> Split:
    return global_time_cut(known, share=share, seed=seed, repeats=True)


def _leave_one_out(known: KnownGraph, *, share: float, seed: int) -> Split:  # noqa: ARG001 - one is one
    chosen = known.interactions
    if not _in_order(chosen):
        reason = f"leave one out: a random choice of every user is held out, for {_why(chosen)}"
        return split(known, drawn(chosen, 0.0, seed), reason=reason, repeats=True)
    reason = "leave one out: every user's last choice is held out; training knows what others chose later"
    return split(known, latest(chosen, 0.0), reason=reason, repeats=True)


def _ratio(known: KnownGraph, *, share: float, seed: int) -> Split:
    chosen = known.interactions
    if not _in_order(chosen):
        reason = f"ratio: a random {share:.0%} of every user's choices is held out, for {_why(chosen)}"
        return split(known, drawn(chosen, share, seed), reason=reason, repeats=True)
    reason = f"ratio: the latest {share:.0%} of every user's choices are held out; training knows what others chose later"
    return split(known, latest(chosen, share), reason=reason, repeats=True)


def _new_users(known: KnownGraph, *, share: float, seed: int) -> Split:
    chosen = known.interactions
    several = np.flatnonzero(np.diff(known.matrix.indptr) > 1)
    new = _some(several, share, seed)
    theirs = np.isin(chosen.user, new)
    asked = latest(chosen, _ASKED) if _in_order(chosen) else drawn(chosen, _ASKED, seed)
    way = "latest" if _in_order(chosen) else "random"
    told = known.take(theirs & ~asked)
    found = split(known.take(theirs), asked[theirs], reason="", repeats=True)
    reason = (
        f"new users: {len(new):,} of {len(known.users):,} users are unknown to the fit; the {way} {_ASKED:.0%} of their choices "
        "are held out, the others told when they are ranked"
    )
    histories = replace(told.histories(found.users), user=np.full(len(found.users), -1, dtype=np.int64))
    return Split(_strangers(known.take(~theirs), new), found.users, found.truth, reason, told=histories)


def _strangers(known: KnownGraph, new: Rows) -> KnownGraph:
    """The graph where no edge and no text tells of these users."""
    keep = np.ones(len(known.users), dtype=np.float32)
    keep[new] = 0
    only = sp.diags(keep, format="csr")
    relations = dict(known.relations)
    for kind, matrix in known.relations.items():
        matrix = only @ matrix if kind[0] == "User" else matrix
        relations[kind] = _pruned(matrix @ only if kind[2] == "User" else matrix)
    texts = dict(known.texts)
    if "User" in texts:
        texts["User"] = tuple(text if keep[row] else "" for row, text in enumerate(texts["User"]))
    return replace(known, relations=relations, texts=texts)


def _pruned(matrix: sp.csr_matrix) -> sp.csr_matrix:
    matrix = matrix.tocsr().astype(np.float32)
    matrix.eliminate_zeros()
    return matrix


def _new_products(known: KnownGraph, *, share: float, seed: int) -> Split:
    warm = np.flatnonzero(known.warm)
    new = _some(warm, share, seed)
    reason = (
        f"new products: every choice of {len(new):,} of {len(warm):,} products is held out, so nobody chose them before; "
        "training knows what users chose later"
    )
    return split(known, np.isin(known.interactions.product, new), reason=reason, repeats=True)


def _some(rows: Rows, share: float, seed: int) -> Rows:
    """A share of the rows (rounded up), drawn at random."""
    if len(rows) < 2:
        raise NothingToLearn(f"only {len(rows)} could be held out, and the fit needs others; add interactions")
    size = min(int(np.ceil(share * len(rows))), len(rows) - 1)
    return np.sort(np.random.default_rng(seed).choice(rows, size, replace=False)).astype(np.int64)


def _in_order(chosen: Interactions) -> bool:
    return chosen.ordered and not at_once(chosen)


def _why(chosen: Interactions) -> str:
    return "all carry the same time" if at_once(chosen) else "neither times nor positions are known"


PROTOCOLS: Mapping[str, _Protocol] = {
    "time": _by_time,
    "leave-one-out": _leave_one_out,
    "ratio": _ratio,
    "new-users": _new_users,
    "new-products": _new_products,
}
"""Every protocol by its name."""


def core(known: KnownGraph, k: int) -> tuple[KnownGraph, str]:
    """The largest part where every user chose k different products and k users every product, and a line that says what is left.

    Products outside it are no longer listed. Figures over a core hold for busy users and popular products alone.

    Source: Seidman, "Network structure and minimum degree", Social Networks 1983.

    Raises:
        BadRequest: k is below 1, or there is no such part.
    """
    if k < 1:
        raise BadRequest(f"k_core must be at least 1 (got {k})")
    users, products = _core(known.matrix, k)
    chosen = known.interactions
    kept = users[chosen.user] & products[chosen.product]
    if not kept.any():
        raise BadRequest(f"there is no {k}-core: no users and products have {k} of each other; ask for a smaller one")
    was_users, was_products = np.diff(known.matrix.indptr) > 0, known.warm
    said = (
        f"{k}-core, at least {k} choices a user and a product: {users.sum():,} of {was_users.sum():,} users, "
        f"{products.sum():,} of {was_products.sum():,} chosen products and {kept.sum():,} of {len(chosen):,} interactions are "
        "left; the figures hold for them alone"
    )
    return replace(known.take(kept), listed=known.listed & products), said


def _core(matrix: sp.csr_matrix, k: int) -> tuple[Mask, Mask]:
    """[users], [products] True for those in the core."""
    users, products = np.ones(matrix.shape[0], dtype=bool), np.ones(matrix.shape[1], dtype=bool)
    while True:
        left = users & (matrix @ products.astype(np.float32) >= k)
        chosen = products & (matrix.T @ left.astype(np.float32) >= k)
        if (left == users).all() and (chosen == products).all():
            return users, products
        users, products = left, chosen
