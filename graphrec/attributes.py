"""What the graph says of its users, and what people of whom the same is said choose."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from graphrec.connections import Names
from graphrec.errors import BadRequest
from graphrec.tensors import Floats, KnownGraph
from kg_builder.errors import did_you_mean

_DRAWN = 100.0
"""Choices of everybody that are mixed into those of people alike: a larger number trusts few people less."""
_ALIKE = 0.05, 20
"""By a number such as an age, at least this share of the users, and so many, are alike: the nearest."""
_SHOWN = 10
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Attributes:
    """By name, who has which value: of the properties of users, and of the nodes that users are tied to (LIVES_IN: `city`)."""

    known: KnownGraph
    values: Mapping[str, Mapping[str, Mask]]
    """By attribute and value, [users] True for those who have it."""
    numbers: Mapping[str, npt.NDArray[np.float64]]
    """By attribute that is a number, [users], NaN where unknown."""

    @classmethod
    def of(cls, known: KnownGraph, names: Mapping[str, Names]) -> Self:
        """The attributes of this graph's users."""
        values: dict[str, Mapping[str, Mask]] = {}
        numbers: dict[str, npt.NDArray[np.float64]] = {}
        for name, column in known.attributes.items():
            if all(isinstance(value, int | float) and not isinstance(value, bool) for value in column if value is not None):
                numbers[name] = np.array([np.nan if value is None else value for value in column], dtype=np.float64)
            else:
                said = np.array([None if value is None else _text(value) for value in column], dtype=object)
                values[name] = {value: said == value for value in sorted({one for one in said if one is not None})}
        for (source, _, target), edges in known.relations.items():
            if source == "User" and target not in ("User", "Product"):
                ids = known.ids[target].names
                called = [name or id_ for name, id_ in zip(names.get(target, ids), ids, strict=True)]
                columns = sp.csc_matrix(edges)
                held = {called[row]: columns[:, [row]].toarray().ravel() > 0 for row in np.unique(edges.indices)}
                values[target.lower()] = {**values.get(target.lower(), {}), **held}
        return cls(known, values, numbers)

    @property
    def names(self) -> list[str]:
        """The attributes there are."""
        return sorted([*self.values, *self.numbers])

    def score(self, about: Mapping[str, object]) -> Floats:
        """[products] log p(i) + Σ over attributes a of log (p(i | a) / p(i)); -inf for what nobody chose.

        p(i | a) = (choices of i by people with a + 100 · p(i)) / (their choices + 100), so few people change little.

        Raises:
            BadRequest: `about` is empty, or names an attribute or a value that no user has; says which there are.
        """
        if not isinstance(about, Mapping) or not about:
            raise BadRequest(f"about is what is known of somebody, such as {{'city': 'Graz'}} (got {about!r})")
        chosen = np.asarray(self.known.matrix.sum(axis=0), dtype=np.float64).ravel()
        share = chosen / chosen.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.log(share)
            for name, value in about.items():
                alike = self.known.matrix.T @ self._with(name, value).astype(np.float64)
                score += np.log((alike + _DRAWN * share) / (alike.sum() + _DRAWN) / share)
        score[chosen == 0] = -np.inf
        found: Floats = score.astype(np.float32)
        return found

    def _with(self, name: str, value: object) -> Mask:
        """[users] who has this value."""
        if name in self.numbers:
            return self._near(name, value)
        if name not in self.values:
            there = f"{did_you_mean(str(name), self.names) or ';'} known: {', '.join(self.names)}"
            none = "; the graph says nothing of its users: give a history or a text instead"
            raise BadRequest(f"users have no attribute {name!r}{there if self.names else none}")
        held, said = self.values[name], _text(value)
        if said not in held:
            common = sorted(held, key=lambda one: (-held[one].sum(), one))[:_SHOWN]
            more = ", …" if len(held) > _SHOWN else ""
            raise BadRequest(f"no user's {name} is {said!r}{did_you_mean(said, held) or ';'} known: {', '.join(common)}{more}")
        return held[said]

    def _near(self, name: str, value: object) -> Mask:
        """[users] those whose number is this one or, where they are few, comes nearest."""
        numbers = self.numbers[name]
        try:
            apart = np.abs(numbers - float(str(value)))
        except ValueError:
            raise BadRequest(f"a user's {name} is a number (got {value!r})") from None
        if np.isnan(apart).all():
            raise BadRequest(f"a user's {name} is a number (got {value!r})")
        share, fewest = _ALIKE
        wanted = min(max(int(share * len(apart)), fewest), int((~np.isnan(apart)).sum()))
        return np.asarray(apart <= np.sort(apart)[wanted - 1])


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
