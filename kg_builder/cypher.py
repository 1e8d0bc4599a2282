"""Cypher of both stores: a query's parameters with the defaults its header gives them, and the patterns of a schema."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from kg_builder.errors import MissingSource, QueryError
from kg_builder.schema import EdgeType, GraphSchema

_NO_CODE = re.compile(r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`", re.DOTALL)
_HEADER = re.compile(r"^//\s*:param\s+(\w+)\s*=>\s*(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """A reading query with defaults for its parameters.

    Example:
        >>> Query.parse('// :param k => 3\\nMATCH (p:Product) RETURN p.id LIMIT $k').defaults
        {'k': 3}
    """

    text: str
    defaults: dict[str, Any]
    """From the lines `// :param name => value` at the top; values are JSON."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The query of this text.

        Raises:
            QueryError: a header's value is no JSON.
        """
        defaults: dict[str, Any] = {}
        for name, value in _HEADER.findall(text):
            try:
                defaults[name] = json.loads(value)
            except json.JSONDecodeError:
                raise QueryError(f':param {name} => {value}: expected JSON such as "text", 3 or ["a", "b"]') from None
        return cls(text, defaults)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The query in this file.

        Raises:
            MissingSource: there is no such file.
            QueryError: as `parse`.
        """
        path = Path(path)
        if not path.is_file():
            raise MissingSource(f"there is no file {path}")
        return cls.parse(path.read_text(encoding="utf-8"))


def used_parameters(cypher: str) -> list[str]:
    """The names of the parameters that a query uses, in order; comments and quoted text do not count.

    Example:
        >>> used_parameters("MATCH (p {id: $id}) WHERE p.title <> '$no' RETURN p LIMIT $k // $neither")
        ['id', 'k']
    """
    return list(dict.fromkeys(re.findall(r"\$(\w+)", _NO_CODE.sub(" ", cypher))))


def edge_pattern(kind: EdgeType) -> str:
    """The pattern that matches the edges of a type: `r` from `a` to `b`.

    Example:
        >>> edge_pattern(("User", "BOUGHT", "Product"))
        '(a:`User`)-[r:`BOUGHT`]->(b:`Product`)'
    """
    source, name, target = kind
    return f"(a:`{source}`)-[r:`{name}`]->(b:`{target}`)"


def times_of_interactions(schema: GraphSchema) -> Iterator[tuple[str, str]]:
    """Patterns of interactions with the expression of their time: on the edge, or on the node that stands for the event."""
    for kind, spec in schema.edges.items():
        if spec.interaction and "at" in spec.properties:
            yield edge_pattern(kind), "r.`at`"
        elif spec.interaction and "at" in schema.node(spec.source).properties:
            yield edge_pattern(kind), "a.`at`"


def one_line(message: str) -> str:
    """An engine's message without its line breaks."""
    return " ".join(message.split())
