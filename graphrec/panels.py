"""Panels: for the users of a cut, a few hundred candidates each, and what every scorer says of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from graphrec.batches import by_batch
from graphrec.metrics import counts
from graphrec.scorers import Scorer
from graphrec.splits import Split
from graphrec.tensors import Floats, Histories, Rows
from graphrec.weighing import Panel, standardise

Mask = npt.NDArray[np.bool_]
Piece = tuple[Floats, Mask, Mask]
_CANDIDATES = 60
"""Candidates that each scorer brings for each user."""
_SCORED = 120_000_000
"""Users × products that are scored for one panel."""


def users_for(products: int) -> int:
    """How many users a panel takes for a catalogue of this size: 500 to 3,000."""
    return int(np.clip(_SCORED // max(products, 1), 500, 3_000))


def warm_panel(scorers: Mapping[str, Scorer], cut: Split, *, repeats: bool = False) -> Panel:
    """Every scorer's best 60 of what a user may be recommended, products that nobody chose left out.

    repeats: what a user chose before may be recommended too.
    """
    known = cut.known
    truth = cut.truth @ sp.diags(known.warm.astype(np.float32)).tocsr()
    truth.eliminate_zeros()

    def piece(place: slice, batch: Histories) -> Piece:
        allowed = np.repeat((known.warm & known.listed)[None, :], len(batch), axis=0)
        if not repeats:
            allowed[batch.matrix(len(known.products)).nonzero()] = False
        return _piece(_standardised(scorers, batch, known.warm), allowed, truth[place].toarray() > 0)

    parts = by_batch(piece, known.histories(cut.users), len(known.products))
    return _joined([part for _, part in parts], counts(truth))


def cold_panel(scorers: Mapping[str, Scorer], cut: Split, hidden: Rows) -> Panel:
    """Every scorer's best 60 of the hidden products. cut.truth: [u, hidden]."""

    def piece(place: slice, batch: Histories) -> Piece:
        values = [one[:, hidden] for one in _standardised(scorers, batch, cut.known.warm)]
        truth = cut.truth[place].toarray() > 0
        return _piece(values, np.ones_like(truth), truth)

    parts = by_batch(piece, cut.known.histories(cut.users), len(cut.known.products))
    return _joined([part for _, part in parts], counts(cut.truth))


def _standardised(scorers: Mapping[str, Scorer], batch: Histories, warm: Mask) -> list[Floats]:
    return [standardise(scorer.score(batch), warm) for scorer in scorers.values()]


def _piece(values: Sequence[Floats], allowed: Mask, truth: Mask) -> Piece:
    outside = ~torch.from_numpy(allowed)
    size = min(_CANDIDATES, allowed.shape[1])
    best = [torch.topk(torch.from_numpy(one).masked_fill(outside, -torch.inf), size, dim=1).indices for one in values]
    candidates = np.sort(torch.cat(best, dim=1).numpy(), axis=1)  # [b, c]
    fresh = np.diff(candidates, axis=1, prepend=-1) > 0
    real = fresh & np.take_along_axis(allowed, candidates, axis=1)
    said = np.stack([np.take_along_axis(one, candidates, axis=1) for one in values], axis=2)
    return said, real, np.take_along_axis(truth, candidates, axis=1) & real


def _joined(parts: Sequence[Piece], wanted: Rows) -> Panel:
    values, candidate, truth = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Panel(values, candidate, truth, wanted)
