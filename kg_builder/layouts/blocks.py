"""What a mapping says of one file: which rows are what, and which of its columns is which of ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kg_builder.reading.columns import REQUIRED, columns_of
from kg_builder.schema import EdgeType

Constant = str | int | float | bool

_NODE, _EDGE = ("id",), ("source", "target", "key", "at")


@dataclass(frozen=True, slots=True)
class Split:
    """What stands between the items of a cell, and between the levels of a path."""

    path: str | None = None
    list: str | None = None
    levels: bool = False
    """True where a list holds the levels of one path, from the top down, and not several names."""


@dataclass(frozen=True, slots=True)
class Join:
    """Another file of which each row gets the one of the same id: the order of an order's line.

    Where it is the same file, gaps are filled from the rows of the same id: variants that leave out what their first row says.
    """

    file: str
    on: str
    """The column with the id here."""
    there: str
    """The column with the id there."""


@dataclass(frozen=True, slots=True)
class Block:
    """One `[[source]]`: the files it means, what their rows are, and what their columns are."""

    file: str
    """A name or a pattern, relative to the source's folder."""
    where: str
    """How an error calls the block."""
    table: str | None = None
    node: str | None = None
    edge: EdgeType | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Theirs to ours; ours may end in `.1`, `.2` … : parts of one value, joined in this order."""
    constants: Mapping[str, Constant] = field(default_factory=dict)
    """Ours to a value that every row has."""
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By their column, their values to ours; "" stands for no value."""
    split: Mapping[str, Split] = field(default_factory=dict)
    """By their column, what separates its items."""
    formats: Mapping[str, str] = field(default_factory=dict)
    """By their column, how its dates are written (`%d.%m.%Y`)."""
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By their column, the values of the rows that are meant."""
    join: Join | None = None
    """Where further columns come from."""
    rest: bool = False
    """True where the columns that nothing is said of are kept as properties."""
    separator: str | None = None
    encoding: str | None = None
    quote: bool = True
    header: tuple[str, ...] | None = None
    """The columns' names where the file has no header."""
    decimal: str | None = None
    """The sign before decimals; None finds it out."""

    @property
    def ours(self) -> tuple[str, ...]:
        """Our columns that the block fills, parts taken together."""
        return tuple(dict.fromkeys([*(whole(name) for name in self.columns.values()), *self.constants]))

    @property
    def needed(self) -> tuple[str, ...]:
        """Our columns that a row of this kind must have."""
        return REQUIRED[self.table] if self.table else _NODE if self.node else _EDGE[:2]

    @property
    def known(self) -> tuple[str, ...]:
        """Our columns that mean something for this kind of row; all others are properties."""
        return tuple(columns_of(self.table)) if self.table else _NODE if self.node else _EDGE


def whole(name: str) -> str:
    """The column that a part such as `categories.2` belongs to.

    Example:
        >>> whole("categories.2"), whole("title")
        ('categories', 'title')
    """
    return re.sub(r"\.\d+$", "", name)
