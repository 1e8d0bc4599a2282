"""The systems of an evaluation rank for its test users: the blend, popularity as the floor, and every scorer alone."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec import scorers as registry
from graphrec.batches import by_batch
from graphrec.metrics import top
from graphrec.ranker import Ranker
from graphrec.scorers import FitContext, Scorer
from graphrec.scorers.popularity import Popularity
from graphrec.splits import Split
from graphrec.tensors import Floats, Histories, KnownGraph, Rows
from kg_builder.stores import Progress

BLEND = "blend"


def alone(ranker: Ranker, known: KnownGraph, context: FitContext, wanted: Sequence[str]) -> dict[str, Scorer]:
    """Popularity, the scorers that the blend kept, and those wanted besides, by name."""
    found: dict[str, Scorer] = {"popularity": Popularity.fit(known, FitContext()), **ranker.model.blend.scorers}
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


def ranked(
    ranker: Ranker,
    alone: Mapping[str, Scorer],
    cut: Split,
    k: int,
    *,
    exclude_seen: bool,
    drawn: sp.csr_matrix | None = None,
    new: bool = False,
    progress: Progress | None = None,
) -> tuple[dict[str, Rows], Counter[str]]:
    """By system, [users, k] the product rows it lists, a batch of users at a time, and how many of its scores are NaN.

    Every listed product is ranked, or those `drawn` alone ([users, products]), or those `new` ones that nobody chose before.
    """
    histories, listed = cut.histories, cut.known.listed & ~(cut.known.warm & new)
    silent: Counter[str] = Counter()

    def one(place: slice, batch: Histories) -> tuple[dict[str, Rows], Counter[str]]:
        said, faulty = _said(alone, batch)
        allowed = listed if drawn is None else listed & (drawn[place].toarray() > 0)
        scores = {BLEND: ranker.model.score(batch, said=said), **said}
        lists = {
            system: top(_masked(values, batch, allowed, exclude_seen=exclude_seen and drawn is None), k)
            for system, values in scores.items()
        }
        return lists, faulty

    parts = []
    for done, (lists, faulty) in by_batch(one, histories, len(cut.known.products)):
        parts.append(lists)
        silent += faulty
        if progress:
            progress("rank test users among new products" if new else "rank test users", done, len(histories))
    return {system: np.concatenate([lists[system] for lists in parts]) for system in (BLEND, *alone)}, silent


def _said(alone: Mapping[str, Scorer], batch: Histories) -> tuple[dict[str, Floats], Counter[str]]:
    """By scorer, its scores, -inf where they are NaN, and how many are."""
    said = {name: scorer.score(batch) for name, scorer in alone.items()}
    faulty = Counter({name: int(np.isnan(scores).sum()) for name, scores in said.items()})
    return {
        name: np.where(np.isnan(one), np.float32(-np.inf), one) if faulty[name] else one for name, one in said.items()
    }, faulty


def _masked(scores: Floats, batch: Histories, listed: npt.NDArray[np.bool_], *, exclude_seen: bool) -> Floats:
    masked = np.where(listed, scores, np.float32(-np.inf))
    if exclude_seen:
        masked[np.repeat(np.arange(len(batch)), np.diff(batch.indptr)), batch.product] = -np.inf
    return masked
