"""The cut of an evaluation: as it was asked for, without what cannot be tested, and in words what was lost on the way."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from graphrec.errors import BadRequest, NothingToLearn
from graphrec.leaks.findings import moment
from graphrec.protocols import hold_out
from graphrec.splits import Split, split
from graphrec.tensors import Interactions, KnownGraph


def cut_by(known: KnownGraph, protocol: str | None, until: int | None, share: float, seed: int) -> Split:
    """The split with repeats still in the truth."""
    if until is None:
        try:
            return hold_out(known, protocol or "time", share=share, seed=seed)
        except NothingToLearn as error:
            raise NothingToLearn(f"{error}; an evaluation needs something to hold out") from error
    if np.isnan(known.interactions.at).all():
        raise BadRequest("until divides by time, and no interaction carries one; take the protocol ratio or leave-one-out")
    at = known.interactions.at
    later = np.nan_to_num(at, nan=-np.inf) > until
    if not later.any() or later.all():
        span = f"the choices are from {moment(np.nanmin(at))} to {moment(np.nanmax(at))}"
        raise BadRequest(f"until {moment(until)} UTC leaves {'nothing to fit on' if later.any() else 'nothing to test'}: {span}")
    reason = f"everything after {moment(until)} UTC is held out, as asked"
    return split(known, later, reason=reason, repeats=True, moment=float(until))


def without_seen(cut: Split) -> Split:
    """The split where what a user chose before is no truth."""
    told = cut.histories.matrix(len(cut.known.products))
    truth = (cut.truth - cut.truth.multiply(told)).tocsr()
    truth.eliminate_zeros()
    return replace(cut, truth=truth).only(np.flatnonzero(np.diff(truth.indptr)))


def shortfalls(everything: Interactions, asked: Split, cut: Split, k: int, *, exclude_seen: bool) -> Iterator[str]:
    """What became of users and lists on the way from what was asked for to what is measured."""
    if len(asked.users) > len(cut.users):
        yield f"users not tested, as they chose nothing later that is new to them: {len(asked.users) - len(cut.users):,}"
    came = len(np.union1d(everything.user, asked.users)) - len(np.union1d(asked.known.interactions.user, asked.users))
    if came and asked.told is None:
        yield f"users not tested, as they have no choice before the cut: {came:,}"
    strangers = int((np.diff(cut.histories.indptr) == 0).sum())
    if strangers:
        yield f"test users without a history, ranked as strangers: {strangers:,} of {len(cut.users):,}"
    listed = int(cut.known.listed.sum())
    if listed < k:
        yield f"there are fewer products than k: lists have {listed:,} places instead of {k:,}"
    elif exclude_seen:
        short = int((listed - cut.histories.matrix(len(cut.known.products)) @ cut.known.listed < k).sum())
        if short:
            yield f"users who chose so much that their lists cannot be {k:,} long: {short:,}"
