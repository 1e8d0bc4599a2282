"""What matching is told of a node, and what it answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Vectors = Callable[[list[str]], Any]
"""From texts to [n, dim] unit vectors."""


@dataclass(frozen=True, slots=True)
class Named:
    """A node as matching sees it: its name, and what is known of it beside."""

    id: str
    name: str
    uses: int = 1
    """How many edges say it: a misspelling is rarer than the name."""
    categories: frozenset[str] = frozenset()
    """Ids of its categories, those above them too."""
    price: float | None = None
    """A product's price."""
    prices: tuple[float, float] | None = None
    """The lowest and highest price of a brand's products."""
    titles: tuple[str, ...] = ()
    """The titles of a brand's products."""
    brand: str | None = None
    """A product's brand id."""
    brand_name: str = ""
    parent: str | None = None
    """A category's parent."""
    text: str | None = None
    """A product's description."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Further properties of a product."""
    linked: frozenset[str] = frozenset()
    """Ids of products bought together with it: they are others."""


Found = Iterator[tuple[Named, Named, float, str]]


def within(one: float | None, other: float | None, factor: float) -> bool:
    """Whether the prices are at most so far apart, or one is unknown."""
    return one is None or other is None or max(one, other) <= factor * min(one, other)


def alike(groups: Iterable[list[Named]], vectors: Vectors, least: float, may: Callable[[Named, Named], bool]) -> Found:
    """The pairs of a group whose names have close vectors, where they may be one at all."""
    crowded = [group for group in groups if len(group) > 1]
    texts = list(dict.fromkeys(one.name for group in crowded for one in group))
    if not texts:
        return
    made = np.asarray(vectors(texts), dtype=np.float32)
    row = {text: place for place, text in enumerate(texts)}
    for group in crowded:
        own = made[[row[one.name] for one in group]]
        for place, there in np.argwhere(np.triu(own @ own.T >= least, 1)).tolist():
            if may(group[place], group[there]):
                yield group[place], group[there], float(own[place] @ own[there]), "vectors"
