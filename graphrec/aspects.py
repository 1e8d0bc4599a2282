"""What the graph says of products by itself, before anybody recommends: what describes them, and who makes them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.tensors import KnownGraph

MADE_BY = ("Product", "MADE_BY", "Brand")


@dataclass(frozen=True, slots=True, eq=False)
class Brands:
    """The brands that make a product."""

    names: npt.NDArray[np.object_]
    """[brands] ids."""
    made: sp.csr_matrix
    """[products, brands] float32 ones."""


def described(known: KnownGraph) -> sp.csr_matrix:
    """[products, f] ones: all that the graph says of products, but for other products and users."""
    told = [
        (matrix if source == "Product" else matrix.T).tocsr()
        for (source, _, target), matrix in sorted(known.relations.items())
        if (source == "Product") != (target == "Product") and "User" not in (source, target)
    ]
    return sp.hstack(told, format="csr") if told else sp.csr_matrix(np.zeros((len(known.products), 1), dtype=np.float32))


def brands(known: KnownGraph) -> Brands | None:
    """Those that make a product; None where there are fewer than two, among whom nothing can be shared out."""
    if MADE_BY not in known.relations:
        return None
    made = known.relations[MADE_BY]
    there = np.flatnonzero(np.asarray(made.sum(axis=0)).ravel())
    return Brands(known.ids["Brand"].names[there], made[:, there]) if len(there) >= 2 else None
