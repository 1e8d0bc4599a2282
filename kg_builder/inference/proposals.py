"""What `infer` proposes: for every file what its rows are and for every column what it is, how sure that is, and why."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kg_builder.inference.samples import Layout
from kg_builder.layouts.blocks import Join, Split
from kg_builder.schema import EdgeType

DOUBTFUL = 0.6
"""What is less sure than this is said to be doubtful."""


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """What a column is taken for."""

    column: str
    ours: str | None
    """Our column or a property's name; None leaves the column out."""
    sure: float
    """0 to 1."""
    reason: str
    examples: tuple[str, ...] = ()
    split: Split | None = None
    format: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    """Their values to ours."""


@dataclass(frozen=True, slots=True)
class FileGuess:
    """What the rows of a file are taken for; one of table, node and edge, or none where there is no telling."""

    file: str
    sure: float
    reason: str
    columns: tuple[ColumnGuess, ...] = ()
    table: str | None = None
    node: str | None = None
    edge: EdgeType | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)
    join: Join | None = None

    @property
    def placed(self) -> bool:
        """True where it is known what the rows are."""
        return self.table is not None or self.node is not None or self.edge is not None

    @property
    def kind(self) -> str:
        """What a row is, in a word or three."""
        return self.table or self.node or ("-".join(self.edge) if self.edge else "unknown")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping that could fit a source, with how sure every part of it is.

    Example:
        >>> column = ColumnGuess("nr", "id", 0.9, "no value twice", ("k1", "k2"))
        >>> print(Proposal("shop", (FileGuess("kunden.csv", 0.8, "named so", (column,), table="users"),)).to_toml())
        # Proposed by kg-builder infer for shop. Read it, mend it, then:
        #   kg-builder build shop --mapping mapping.toml --into shop.graph
        # Behind every column stands how sure it is (0 to 1), why, and values of it.
        <BLANKLINE>
        # kunden.csv: users, 0.80 sure: named so
        [[source]]
        file = "kunden.csv"
        table = "users"
        [source.columns]
        nr = "id"  # 0.90 no value twice: k1, k2
        <BLANKLINE>
    """

    source: str
    files: tuple[FileGuess, ...]
    notes: tuple[str, ...] = ()
    """What somebody should know beside it, such as a file that could not be placed and how to write it by hand."""

    def to_toml(self, path: str = "mapping.toml") -> str:
        """The mapping as text for a file of this path; what is doubtful is marked, what is left out is commented out."""
        head = [
            f"# Proposed by kg-builder infer for {self.source}. Read it, mend it, then:",
            f"#   kg-builder build {self.source} --mapping {path} --into shop.graph",
            "# Behind every column stands how sure it is (0 to 1), why, and values of it.",
            *(f"# Note: {note}" for note in self.notes),
        ]
        return "\n".join(head) + "\n" + "".join("\n" + "\n".join(_block(guess)) + "\n" for guess in self.files)

    def to_record(self) -> dict[str, Any]:
        """The proposal as JSON can hold it."""
        return {
            "source": self.source,
            "files": [
                {
                    "file": guess.file,
                    "is": guess.kind if guess.placed else None,
                    "sure": guess.sure,
                    "reason": guess.reason,
                    "constants": dict(guess.constants),
                    "columns": [
                        {
                            "column": one.column,
                            "is": one.ours,
                            "sure": one.sure,
                            "reason": one.reason,
                            "examples": list(one.examples),
                        }
                        for one in guess.columns
                    ],
                }
                for guess in self.files
            ],
            "notes": list(self.notes),
            "mapping": self.to_toml(),
        }


def _block(guess: FileGuess) -> Iterator[str]:
    """The lines of a `[[source]]`; commented out where it is not known what the rows are."""
    doubt = "" if guess.sure >= DOUBTFUL or not guess.placed else ", DOUBTFUL"
    yield f"# {_line(guess.file)}: {guess.kind}, {guess.sure:.2f} sure{doubt}: {_line(guess.reason)}"
    lines = [*_head(guess), *_columns(guess.columns), *_further(guess)]
    yield from lines if guess.placed else (f"# {line}" for line in lines)


def _head(guess: FileGuess) -> Iterator[str]:
    yield "[[source]]"
    yield f"file = {_text(_pattern(guess.file))}"
    if guess.edge is not None:
        yield f"edge = {_list(guess.edge)}"
    elif guess.node is not None:
        yield f"node = {_text(guess.node)}"
    else:
        yield f"table = {_text(guess.table or 'products, users, reviews, events, categories or triples?')}"
    for name, value in (("separator", guess.layout.separator), ("encoding", guess.layout.encoding)):
        if value is not None:
            yield f"{name} = {_text(value)}"
    if guess.layout.header is not None:
        yield f"header = {_list(guess.layout.header)}"
    if guess.join is not None:
        there = f", there = {_text(guess.join.there)}" if guess.join.there != guess.join.on else ""
        yield f"join = {{ file = {_text(_pattern(guess.join.file))}, on = {_text(guess.join.on)}{there} }}"


def _columns(columns: Sequence[ColumnGuess]) -> Iterator[str]:
    if not columns:
        return
    yield "[source.columns]"
    said = [f"{'' if one.ours else '# '}{_key(one.column)} = {_text(one.ours or '?')}" for one in columns]
    width = min(max(map(len, said)), 48)
    for line, one in zip(said, columns, strict=True):
        doubt = " DOUBTFUL" if one.ours and one.sure < DOUBTFUL else ""
        examples = ": " + _line(", ".join(one.examples), 60) if one.examples else ""
        yield f"{line:<{width}}  # {one.sure:.2f}{doubt} {_line(one.reason)}{examples}"


def _further(guess: FileGuess) -> Iterator[str]:
    kept = [one for one in guess.columns if one.ours]
    if guess.constants:
        yield "[source.constants]"
        yield from (f"{_key(name)} = {_text(value)}" for name, value in guess.constants.items())
    for one in kept:
        if one.values:
            yield f"[source.values.{_key(one.column)}]"
            yield from (f"{_key(theirs)} = {_text(ours)}" for theirs, ours in one.values.items())
    if splits := [(one.column, one.split) for one in kept if one.split is not None]:
        yield "[source.split]"
        for name, split in splits:
            parts = [f"{key} = {_text(sign)}" for key, sign in (("path", split.path), ("list", split.list)) if sign is not None]
            parts += ["levels = true"] if split.levels else []
            yield f"{_key(name)} = {{ {', '.join(parts)} }}"
    if formats := [(one.column, one.format) for one in kept if one.format is not None]:
        yield "[source.formats]"
        yield from (f"{_key(name)} = {_text(form)}" for name, form in formats)


def _pattern(file: str) -> str:
    """The file's name as a pattern that fits it alone."""
    return re.sub(r"[\[*?]", lambda found: f"[{found[0]}]", file)


def _text(said: str) -> str:
    """The text as TOML writes it, which is nearly as JSON does."""
    return json.dumps(said, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _list(items: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, items))}]"


def _line(said: str, most: int = 200) -> str:
    """The text on one line, without control characters, not longer than so many."""
    plain = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", said).split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
