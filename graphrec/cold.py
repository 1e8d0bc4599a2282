"""Products that nobody chose yet: how to practise on them, and how much of a list they deserve."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.splits import Split
from graphrec.tensors import KnownGraph, Relation, Rows

Mask = npt.NDArray[np.bool_]
_LARGEST_SHARE = 0.15
_FEWEST = 20


def hidden_products(known: KnownGraph, seed: int) -> Rows:
    """Warm products to hide so that a fit can practise on cold ones: as large a share as is cold now, at most 15%.

    Empty where no listed product is cold, or where too few products are warm to spare some.
    """
    cold = int((known.listed & ~known.warm).sum())
    warm = np.flatnonzero(known.warm)
    size = min(max(cold, _FEWEST), int(_LARGEST_SHARE * len(warm)))
    if not cold or size < 5:
        return np.zeros(0, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).choice(warm, size, replace=False)).astype(np.int64)


def without(known: KnownGraph, hidden: Rows) -> KnownGraph:
    """The graph as if nobody had chosen these products.

    An edge type that the truly cold products have less than half as often as warm ones (co-purchase edges, typically) loses the
    edges of the hidden products too: practice must not be easier than the real thing.
    """
    if not len(hidden):
        return known
    mask = np.zeros(len(known.products), dtype=bool)
    mask[hidden] = True
    cold = known.listed & ~known.warm
    kept = {
        relation: _cut(relation, matrix, mask) if _rare(relation, matrix, cold, known.warm) else matrix
        for relation, matrix in known.relations.items()
    }
    return replace(known.take(~mask[known.interactions.product]), relations=kept)


def practice(known: KnownGraph, cut: Split, hidden: Rows, *, size: int, seed: int) -> Split:
    """At most `size` users with a history in the cut's graph, and which of the hidden products they chose ever."""
    truth = known.matrix[:, hidden]
    history = np.diff(cut.known.matrix.indptr) > 0
    users = np.flatnonzero(history & (np.diff(truth.indptr) > 0)).astype(np.int64)
    found = Split(cut.known, users, truth[users], f"{len(hidden)} products are hidden")
    return found.sample(size, seed)


def newcomers(known: KnownGraph) -> tuple[float, str]:
    """The share of the next choices that will fall on products nobody has chosen yet, and how it was found.

    With times: the share of the latest tenth of all choices that fell on products first chosen within it. Without: half the cold
    products' share of the catalogue, or the share of products chosen once among all choices, whichever is more (Good, "The
    population frequencies of species", Biometrika 1953: singletons foretell the unseen).
    """
    chosen = known.interactions
    listed = max(int(known.listed.sum()), 1)
    cold = int((known.listed & ~known.warm).sum())
    if not cold:
        return 0.0, "every product was chosen already"
    if len(chosen) and np.isnan(chosen.at).mean() < 0.5:
        later = chosen.at > np.nanquantile(chosen.at, 0.9)
        seen = np.zeros(len(known.products), dtype=bool)
        seen[chosen.product[~later]] = True
        if later.any():
            return float(
                (~seen[chosen.product[later]]).mean()
            ), "the share of the latest tenth of choices that fell on new products"
    once = int((np.bincount(chosen.product, minlength=len(known.products)) == 1).sum())
    return max(0.5 * cold / listed, once / max(len(chosen), 1)), "half their share of the catalogue (no times to learn it from)"


def _cut(relation: Relation, matrix: sp.csr_matrix, mask: Mask) -> sp.csr_matrix:
    source, _, target = relation
    rows = sp.diags((~mask).astype(np.float32)) if source == "Product" else sp.eye(matrix.shape[0], dtype=np.float32)
    columns = sp.diags((~mask).astype(np.float32)) if target == "Product" else sp.eye(matrix.shape[1], dtype=np.float32)
    cut: sp.csr_matrix = (rows @ matrix @ columns).tocsr()
    cut.eliminate_zeros()
    return cut


def _rare(relation: Relation, matrix: sp.csr_matrix, cold: Mask, warm: Mask) -> bool:
    """True where cold products have this edge type less than half as often as warm ones."""
    source, _, target = relation
    touched = np.zeros(len(cold), dtype=bool)
    if source == "Product":
        touched |= np.diff(matrix.indptr) > 0
    if target == "Product":
        touched[np.unique(matrix.indices)] = True
    return bool(touched[cold].mean() < 0.5 * touched[warm].mean())
