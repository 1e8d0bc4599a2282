"""Small known graphs with planted tastes, made without stores or files."""

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse as sp

from graphrec.tensors import Ids, Interactions, KnownGraph, Relation


def known_graph(
    lists: Sequence[Sequence[int]],
    products: int,
    *,
    at: Sequence[Sequence[float]] | None = None,
    ordered: bool = True,
    relations: Mapping[Relation, sp.csr_matrix] | None = None,
    texts: Sequence[str] = (),
    labels: Mapping[str, int] | None = None,
) -> KnownGraph:
    """Users who chose these products, oldest first. at: epoch seconds beside each choice."""
    user = np.repeat(np.arange(len(lists)), [len(one) for one in lists]).astype(np.int64)
    product = np.array([row for one in lists for row in one], dtype=np.int64)
    moments = (
        np.full(len(product), np.nan) if at is None else np.array([moment for one in at for moment in one], dtype=np.float64)
    )
    sizes = {"User": len(lists), "Product": products, **(labels or {})}
    ids = {
        label: Ids(label, np.array([f"{label[0].lower()}{row:05d}" for row in range(size)], dtype=object))
        for label, size in sizes.items()
    }
    rating = np.full(len(product), np.nan, dtype=np.float32)
    listed = np.ones(products, dtype=bool)
    return KnownGraph(
        ids,
        Interactions(user, product, moments, rating, ordered),
        relations or {},
        listed,
        {"Product": tuple(texts)} if texts else {},
    )


def tastes(
    *, users: int = 200, groups: int = 4, size: int = 15, length: int = 8, cold: int = 0, seed: int = 0, timed: bool = False
) -> KnownGraph:
    """Users of one of `groups` tastes choose products of that taste; brands and texts give the taste away.

    The last `cold` products of each taste are never chosen. Group of product p: p // size.
    """
    random = np.random.default_rng(seed)
    taste = np.arange(users) % groups
    lists, moments = [], []
    for one in taste:
        warm = one * size + np.arange(size - cold)
        noise = random.choice(groups * size, 1)
        chosen = [*random.choice(warm, length - 1, replace=False), *(row for row in noise if row % size < size - cold)]
        lists.append([int(row) for row in dict.fromkeys(random.permutation(chosen))])
        moments.append(np.sort(1.5e9 + random.integers(0, 10**7, len(lists[-1]))).tolist())
    brand = np.arange(groups * size) // size
    made = sp.csr_matrix((np.ones(len(brand), dtype=np.float32), (np.arange(len(brand)), brand)), shape=(len(brand), groups))
    texts = [f"taste{row // size} thing number{row}" for row in range(groups * size)]
    return known_graph(
        lists,
        groups * size,
        at=moments if timed else None,
        relations={("Product", "MADE_BY", "Brand"): made},
        texts=texts,
        labels={"Brand": groups},
    )
