"""Ranking: ordered recommendations in the shop's own ids, and what people and programs see of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from graphrec.errors import BadRequest
from graphrec.tensors import Floats, Rows

Names = npt.NDArray[np.object_]
_SHOWN = 10
_NAMED = 3


class Recommendation(NamedTuple):
    """One line of a ranking."""

    user: str
    item: str
    rank: int
    """From 1."""
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Products in order for one user or several, best first; users in the order they were asked for.

    Example:
        >>> import numpy as np
        >>> products, lists = np.array(["p1", "p2"], dtype=object), np.array([[1, 0]])
        >>> one = Ranking.of(["u1"], products, lists, np.array([[0.5, 0.25]], dtype=np.float32))
        >>> [(line.item, line.rank) for line in one]
        [('p2', 1), ('p1', 2)]
    """

    users: Names
    """[m] the user of each line."""
    items: Names
    """[m] product ids."""
    ranks: Rows
    """[m] from 1 within a user."""
    scores: Floats
    """[m] higher is better; comparable within a user only."""
    titles: Names | None = None
    """[m] what the products are called, for people; None where the graph has no titles."""
    unserved: tuple[str, ...] = ()
    """Who was asked for and has no line: all that may be shown to them they chose before, or it was left out."""

    @classmethod
    def of(cls, users: Sequence[str], products: Names, lists: Rows, scores: Floats, titles: Names | None = None) -> "Ranking":
        """The ranking of these lists, one a user.

        products, titles: [products]; lists: [b, k] rows, -1 is nothing; scores: [b, k].
        """
        filled = lists >= 0
        owners, places = np.nonzero(filled)
        rows = lists[filled]
        served: list[bool] = np.asarray(filled.any(axis=1)).tolist()
        return cls(
            np.array(users, dtype=object)[owners],
            products[rows],
            places.astype(np.int64) + 1,
            scores[filled].astype(np.float32),
            None if titles is None else titles[rows],
            tuple(user for user, has_some in zip(users, served, strict=True) if not has_some),
        )

    def to_pandas(self) -> pd.DataFrame:
        """A frame with the columns user, item, rank, score."""
        return pd.DataFrame({"user": self.users, "item": self.items, "rank": self.ranks, "score": self.scores})

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Recommendation]:
        columns = (self.users, self.items, self.ranks.tolist(), self.scores.tolist())
        return (Recommendation(*line) for line in zip(*columns, strict=True))

    def __repr__(self) -> str:
        head = f"Ranking: {len(self)} products for {len(set(self.users))} users"
        lines = [f"  {rank:>3}  {item}  {title}".rstrip() for item, rank, _, title in self._shown()]
        more = [f"  … {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        return "\n".join([head, *lines, *more, *self.said()])

    def _repr_html_(self) -> str:
        several = len(set(self.users)) > 1
        cells = [
            f"<tr>{f'<td>{escape(str(user))}</td>' if several else ''}<td>{rank}</td><td>{escape(item)}</td>"
            f"<td>{escape(title)}</td><td>{score:.4g}</td></tr>"
            for user, (item, rank, score, title) in zip(self.users, self._shown(), strict=False)
        ]
        columns = ["user"] * several + ["rank", "item", "title", "score"]
        head = "".join(f"<th>{name}</th>" for name in columns)
        more = f"<p>… {len(self) - _SHOWN} more</p>" if len(self) > _SHOWN else ""
        more += "".join(f"<p>{escape(line)}</p>" for line in self.said())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(cells)}</tbody></table>{more}"

    def said(self) -> list[str]:
        """A line on those who have no products, if there are some."""
        if not self.unserved:
            return []
        named = ", ".join(map(str, self.unserved[:_NAMED])) + (", …" if len(self.unserved) > _NAMED else "")
        return [f"nothing is left for {named}: they chose all that may be ranked, or it was left out"]

    def _shown(self) -> Iterator[tuple[str, int, float, str]]:
        for place in range(min(len(self), _SHOWN)):
            title = "" if self.titles is None else self.titles[place]
            yield self.items[place], int(self.ranks[place]), float(self.scores[place]), title


def check_k(k: int) -> None:
    """Nothing, or the error for a length that no list can have.

    Raises:
        BadRequest: k is no whole number, or below 1.
    """
    if not isinstance(k, int | np.integer) or isinstance(k, bool):
        raise BadRequest(f"k must be a whole number (got {k!r})")
    if k < 1:
        raise BadRequest(f"k must be at least 1 (got {k})")
