"""What was known and what came after: cuts of a graph for validation and evaluation.

One global moment is the honest cut; where too few users stand on both sides of it, every user's latest choices are held out, and
where nothing says what came first, random ones. The cut says which it was.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.errors import NothingToLearn
from graphrec.tensors import Histories, Interactions, KnownGraph, Rows

Mask = npt.NDArray[np.bool_]
_FEWEST_USERS = 30
_SMALLEST_SHARE = 0.05
_BURST = 0.05


@dataclass(frozen=True, slots=True)
class Split:
    """A smaller known graph and what its users chose after it."""

    known: KnownGraph
    users: Rows
    """[u] rows of the users who have truth; all of them have a history too."""
    truth: sp.csr_matrix
    """[u, products] float32 ones: what each of `users` chose later."""
    reason: str
    """One line: which cut this is, and why."""
    moment: float | None = None
    """Epoch seconds: everything later is held out, everything else is known; None where no one moment divides them."""
    told: Histories | None = None
    """What is told of `users` when they are ranked, where the known graph does not hold it: they are new to the fit."""

    @property
    def histories(self) -> Histories:
        """What is told of `users` when they are ranked."""
        return self.known.histories(self.users) if self.told is None else self.told

    def only(self, places: Rows) -> "Split":
        """The same split over the users at these places alone."""
        told = None if self.told is None else self.told.take(places)
        return replace(self, users=self.users[places], truth=self.truth[places], told=told)

    def sample(self, size: int, seed: int) -> "Split":
        """The same split over at most `size` of its users, drawn at random."""
        if len(self.users) <= size:
            return self
        return self.only(np.sort(np.random.default_rng(seed).choice(len(self.users), size, replace=False)))


def split(known: KnownGraph, later: Mask, *, reason: str, repeats: bool = False, moment: float | None = None) -> Split:
    """The graph without the interactions under the mask, and those as truth.

    later: [interactions]. Users without a history are left out. Products of the user's own history are no truth, unless `repeats`
    (groceries, where buying again is the point).
    """
    shape = (len(known.users), len(known.products))
    before, after = known.take(~later), known.interactions.take(later)
    truth = sp.csr_matrix((np.ones(len(after), dtype=np.float32), (after.user, after.product)), shape=shape)
    truth.sum_duplicates()
    truth.data[:] = 1
    if not repeats:
        truth = (truth - truth.multiply(before.matrix)).tocsr()
        truth.eliminate_zeros()
    history = np.diff(before.matrix.indptr) > 0
    users = np.flatnonzero(history & (np.diff(truth.indptr) > 0)).astype(np.int64)
    return Split(before, users, truth[users].astype(np.float32), reason, moment)


def following(known: KnownGraph, cut: Split) -> Split:
    """What the users of a cut of this graph chose next, repeats too: those alone whose held-out choices follow all that is left.

    So a cut at random can be asked what comes next, without a second fit.
    """
    chosen, left = known.interactions, cut.known.interactions
    totals, stay = (np.bincount(one.user, minlength=len(known.users)) for one in (chosen, left))
    place = np.arange(len(chosen)) - (np.cumsum(totals) - totals)[chosen.user]
    later = place >= stay[chosen.user]
    between = left.user[left.product != chosen.product[~later]]
    found = split(known, later, reason=cut.reason, repeats=True, moment=cut.moment)
    return replace(found, known=cut.known).only(np.flatnonzero(~np.isin(found.users, between)))


def inner_cut(known: KnownGraph, seed: int = 0, *, share: float = 0.1, repeats: bool = False) -> Split:
    """The cut a fit validates itself on: `global_time_cut`, but random where users come in bursts.

    The order within one visit follows the shop's own lists: weights learnt from its end would praise whatever stood next on the
    page.

    Raises:
        NothingToLearn: no user chose two products.
    """
    return _cut(known, share, seed, repeats=repeats, inner=True)


def global_time_cut(known: KnownGraph, *, share: float = 0.1, seed: int = 0, repeats: bool = False) -> Split:
    """The latest `share` of all interactions held out by one moment, or the nearest thing to it that the data allows.

    1. Times are known and enough users have interactions on both sides: one global moment.
    2. Times are known but users come in bursts, or few come again: the latest `share` (rounded up) of every user's interactions.
    3. Positions alone are known: every user's last interaction.
    4. Nothing is known of the order, or all times are equal: a random `share` (rounded up) of every user's interactions.

    Raises:
        NothingToLearn: no user chose two products.
    """
    return _cut(known, share, seed, repeats=repeats, inner=False)


def _cut(known: KnownGraph, share: float, seed: int, *, repeats: bool, inner: bool) -> Split:
    chosen = known.interactions
    unordered = ""
    if at_once(chosen):
        unordered = "all carry the same time"
    elif len(chosen) and float(np.isnan(chosen.at).mean()) < 0.5:
        found = _divided(known, share, repeats=repeats)
        if found is not None:
            return found
        if inner and _bursts(chosen, len(known.users)):
            unordered = "users come in bursts"
        else:
            reason = f"the latest {share:.0%} of every user's interactions are held out: no one moment divides them"
            later = latest(chosen, share)
    elif chosen.ordered:
        reason, later = "every user's last interaction is held out: positions are known, times are not", latest(chosen, 0.0)
    else:
        unordered = "neither times nor positions are known"
    if unordered:
        reason = f"a random {share:.0%} of every user's interactions is held out: {unordered}"
        later = drawn(chosen, share, seed)
    found = split(known, later, reason=reason, repeats=repeats)
    if not len(found.users):
        raise NothingToLearn("no user chose two products, so nothing can be held out; add interactions")
    return found


def _divided(known: KnownGraph, share: float, *, repeats: bool) -> Split | None:
    """The cut at one moment; None where users come in bursts or few (in number, of all, of the later ones) are on both sides."""
    chosen = known.interactions
    moment = float(np.nanquantile(chosen.at, 1 - share))
    later = chosen.at > moment
    when = np.datetime64(int(moment), "s")
    reason = f"one global moment: everything after {when} UTC is held out"
    found = split(known, later, reason=reason, repeats=repeats, moment=moment)
    active = len(np.unique(chosen.user[later]))
    few = len(found.users) < max(_FEWEST_USERS, _SMALLEST_SHARE * len(known.users), active / 2)
    return None if few or _bursts(chosen, len(known.users)) else found


def _bursts(chosen: Interactions, users: int) -> bool:
    """Whether half of the users are there for less than a twentieth of the time."""
    first, last = np.full(users, np.inf), np.full(users, -np.inf)
    np.fmin.at(first, chosen.user, chosen.at)
    np.fmax.at(last, chosen.user, chosen.at)
    stayed = (last - first)[last > first]
    return not len(stayed) or bool(np.median(stayed) < _BURST * (np.nanmax(chosen.at) - np.nanmin(chosen.at)))


def at_once(chosen: Interactions) -> bool:
    """Whether every interaction carries one and the same time, which says as little of the order as none."""
    return len(chosen) > 1 and not np.isnan(chosen.at).any() and bool((chosen.at == chosen.at[0]).all())


def latest(chosen: Interactions, share: float) -> Mask:
    """The last ⌈share · n⌉ (at least 1) of the n interactions of every user who has two or more."""
    if not len(chosen):
        return np.zeros(0, dtype=bool)
    totals = np.bincount(chosen.user)
    starts = np.concatenate([[0], np.cumsum(totals)[:-1]])
    place = np.arange(len(chosen)) - starts[chosen.user]
    held = np.where(totals > 1, np.minimum(np.maximum(np.ceil(share * totals - 1e-9), 1), totals - 1), 0)
    return np.asarray(place >= (totals - held)[chosen.user])


def drawn(chosen: Interactions, share: float, seed: int) -> Mask:
    """As `latest`, of a random order within each user."""
    shuffled = np.lexsort((np.random.default_rng(seed).random(len(chosen)), chosen.user))
    later = np.zeros(len(chosen), dtype=bool)
    later[shuffled] = latest(chosen, share)  # users keep their block, so `latest` sees the same totals
    return later
