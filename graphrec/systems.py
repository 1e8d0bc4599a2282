"""The systems of an evaluation rank for its test users: the blend, popularity as the floor, and every scorer alone."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from graphrec import metrics
from graphrec import scorers as registry
from graphrec.batches import by_batch
from graphrec.errors import BadRequest
from graphrec.metrics import Values, top
from graphrec.ranker import Ranker
from graphrec.reranking import Head
from graphrec.scorers import FitContext, Scorer
from graphrec.scorers.popularity import Popularity
from graphrec.splits import Mask, Split
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from kg_builder.stores import Progress

BLEND = "blend"
FLOOR = Popularity.name
"""What every system is held against."""
_FLOAT = 4
"""Bytes of a score."""
_COPIES = 10
"""Beside each system's scores: what scorers, the blend, a mask and the best k take while they work, in such matrices."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """What the systems list, by their names."""

    lists: dict[str, Rows]
    """[users, k] product rows, -1 where a list ends early."""
    silent: Counter[str]
    """How many scores are not numbers."""
    auc: dict[str, Values]
    """[users], where it was asked for."""
    seconds: dict[str, float]
    """How long each scorer took to score, all batches together; those at work side by side count each."""
    heads: dict[str, Head] = field(default_factory=dict)
    """The blend's best candidates, where more than k of them were asked for."""


def alone(ranker: Ranker, known: KnownGraph, context: FitContext, wanted: Sequence[str]) -> dict[str, Scorer]:
    """Popularity, the scorers that the blend kept, and those wanted besides, by name."""
    found: dict[str, Scorer] = {FLOOR: Popularity.fit(known, FitContext()), **ranker.model.blend.scorers}
    return found | {name: registry.load(name).fit(known, context) for name in wanted if name not in found}


def draw(cut: Split, size: int, seed: int) -> sp.csr_matrix:
    """[users, products] ones for the truth and so many listed products besides that the user never chose."""
    rows, told = [], cut.histories
    for place, row in enumerate(cut.users):
        chosen = told.product[told.indptr[place] : told.indptr[place + 1]]
        free = cut.known.listed.copy()
        free[chosen] = free[cut.truth[place].indices] = False
        others = np.flatnonzero(free)
        random = np.random.default_rng([seed, int(row)])
        rows.append([*cut.truth[place].indices, *random.choice(others, min(size, len(others)), replace=False)])
    return Histories.of(rows).matrix(len(cut.known.products))


def cells_within(memory: int, systems: int, products: int) -> int:
    """How many scores, users × products, so many bytes hold at a time.

    Raises:
        BadRequest: they do not hold those of one user.

    Example:
        >>> cells_within(5_600_000, systems=4, products=1_000)
        100000
    """
    cells = memory // (_FLOAT * (systems + _COPIES))
    if cells < products:
        need = _FLOAT * (systems + _COPIES) * products
        raise BadRequest(f"memory must hold one user's scores: {products:,} products by {systems} systems need {need:,} bytes")
    return cells


def ranked(
    ranker: Ranker,
    alone: Mapping[str, Scorer],
    cut: Split,
    k: int,
    *,
    exclude_seen: bool,
    drawn: sp.csr_matrix | None = None,
    new: bool = False,
    auc: bool = False,
    deep: int | None = None,
    cells: int | None = None,
    progress: Progress | None = None,
) -> Ranked:
    """What the blend and those `alone` list for the users of the cut, a batch of them at a time.

    Every listed product is ranked, or those `drawn` alone ([users, products]), or those `new` ones that nobody chose before.
    auc: of the whole ranking, which takes as long again. deep: so many of the blend's best besides, as `Ranked.heads`.
    cells: how many scores may be held at a time, users × products.
    """
    histories, listed = cut.histories, cut.known.listed & ~(cut.known.warm & new)
    model = ranker.model if exclude_seen else ranker.model.again

    def one(place: slice, batch: Histories) -> Ranked:
        said, faulty, seconds = _said(alone, batch)
        allowed = listed if drawn is None else listed & (drawn[place].toarray() > 0)
        scores = {BLEND: model.score(batch, said=said), **said}
        made = Ranked({}, faulty, {}, seconds)
        for system, values in scores.items():
            masked = _masked(values, batch, allowed, exclude_seen=exclude_seen and drawn is None)
            made.lists[system] = top(masked, k)
            if deep is not None and system == BLEND:
                made.heads[system] = Head.of(masked, deep)
            if auc:
                among = _among(batch, allowed, exclude_seen=exclude_seen and drawn is None)
                made.auc[system] = _auc(values, cut.truth[place], among)
        return made

    parts: list[Ranked] = []
    for done, part in by_batch(one, histories, len(cut.known.products), cells=cells):
        parts.append(part)
        if progress:
            progress("rank test users among new products" if new else "rank test users", done, len(histories))
    return _together(parts)


def _together(parts: Sequence[Ranked]) -> Ranked:
    """The batches in one, the blend first."""
    first = parts[0]
    silent, seconds = Counter[str](), dict.fromkeys(first.seconds, 0.0)
    for part in parts:
        silent += part.silent
        seconds = {name: spent + part.seconds[name] for name, spent in seconds.items()}
    return Ranked(
        {system: np.concatenate([part.lists[system] for part in parts]) for system in first.lists},
        silent,
        {system: np.concatenate([part.auc[system] for part in parts]) for system in first.auc},
        seconds,
        {system: Head.together([part.heads[system] for part in parts]) for system in first.heads},
    )


def _said(alone: Mapping[str, Scorer], batch: Histories) -> tuple[dict[str, Floats], Counter[str], dict[str, float]]:
    """By scorer, its scores, -inf where they are NaN, how many are, and the seconds it took."""
    said, seconds = {}, {}
    for name, scorer in alone.items():
        started = time.perf_counter()
        said[name] = scorer.score(batch)
        seconds[name] = time.perf_counter() - started
    faulty = Counter({name: int(np.isnan(scores).sum()) for name, scores in said.items()})
    cleaned = {name: np.where(np.isnan(one), np.float32(-np.inf), one) if faulty[name] else one for name, one in said.items()}
    return cleaned, faulty, seconds


def _among(batch: Histories, listed: Mask, *, exclude_seen: bool) -> Mask:
    """[b, products] what is ranked for each."""
    among = np.repeat(listed[None, :], len(batch), axis=0) if listed.ndim == 1 else listed
    if exclude_seen:
        among[_chosen(batch)] = False
    return among


def _auc(scores: Floats, truth: sp.csr_matrix, among: Mask) -> Values:
    return metrics.auc(metrics.ranks(scores, truth, among), metrics.counts(truth), among.sum(axis=1))


def _masked(scores: Floats, batch: Histories, listed: Mask, *, exclude_seen: bool) -> Floats:
    masked = np.where(listed, scores, np.float32(-np.inf))
    if exclude_seen:
        masked[_chosen(batch)] = -np.inf
    return masked


def _chosen(batch: Histories) -> tuple[Rows, Rows]:
    """The cells of what each chose before."""
    return np.repeat(np.arange(len(batch)), np.diff(batch.indptr)), batch.product
