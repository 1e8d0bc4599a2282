"""The graph's schema as data: which nodes and edges there are, and what they carry.

Labels are CamelCase, relationship types UPPER_SNAKE, properties snake_case (Neo4j's style guide). A user adds a node or
edge type by adding a spec; neither the stores nor the recommender need to be touched.
"""

import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

import polars as pl

from kg_builder.errors import SchemaError, did_you_mean

PropertyType = Literal["string", "integer", "float", "boolean", "strings", "vector"]
EdgeType = tuple[str, str, str]
"""(source label, relationship type, target label): it reads as a sentence."""

DTYPES: Mapping[PropertyType, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "float": pl.Float64(),
    "boolean": pl.Boolean(),
    "strings": pl.List(pl.String()),
    "vector": pl.List(pl.Float32()),
}

_LABEL = re.compile(r"[A-Z][A-Za-z0-9]*")
_TYPE = re.compile(r"[A-Z][A-Z0-9_]*")
_PROPERTY = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = frozenset({"id", "source", "target"})


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """One kind of node. Every node has a unique string `id` besides its properties."""

    label: str
    properties: Mapping[str, PropertyType] = field(default_factory=dict)
    """Name and type of what a dump says of the node."""
    derived: Mapping[str, PropertyType] = field(default_factory=dict)
    """Name and type of what a model wrote back; `read` leaves it out unless asked."""
    text: tuple[str, ...] = ()
    """The properties, in order, that a text model reads."""
    record: bool = False
    """True for what the builder notes about the graph and is no part of it, such as merges; `read` leaves it out unless asked."""

    def __post_init__(self) -> None:
        _matches(_LABEL, self.label, "a label", "CamelCase such as Product")
        _check_properties({**self.properties, **self.derived}, self.label)
        for name in self.text:
            if self.properties.get(name) not in ("string", "strings"):
                raise SchemaError(f"{self.label}.{name} is text, so it must be a property of type string or strings")


@dataclass(frozen=True, slots=True)
class EdgeSpec:
    """One kind of edge, from a source label to a target label."""

    source: str
    type: str
    target: str
    properties: Mapping[str, PropertyType] = field(default_factory=dict)
    key: str | None = None
    """The string property that tells apart edges between the same two nodes; None where there is at most one."""
    interaction: bool = False
    """True where the edge says that a user chose a product. A source that is no User (a Review) stands for the event:
    the User is found one edge further back, time and rating on the source itself."""
    derived: bool = False
    """True for what a model wrote back; `read` leaves it out unless asked."""

    def __post_init__(self) -> None:
        _matches(_TYPE, self.type, "a relationship type", "UPPER_SNAKE such as IN_CATEGORY")
        _check_properties(self.properties, self.type)
        if self.key is not None and self.properties.get(self.key) != "string":
            raise SchemaError(f"{self.type}.{self.key} is the key, so it must be a property of type string")

    @property
    def edge_type(self) -> EdgeType:
        """The triple that names the edge type everywhere."""
        return (self.source, self.type, self.target)

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that tell one edge from another."""
        return ("source", "target") if self.key is None else ("source", "target", self.key)


@dataclass(frozen=True, slots=True)
class GraphSchema:
    """All node and edge specs of a graph, by label and by edge type."""

    nodes: Mapping[str, NodeSpec]
    edges: Mapping[EdgeType, EdgeSpec]

    @classmethod
    def of(cls, nodes: Iterable[NodeSpec], edges: Iterable[EdgeSpec]) -> Self:
        """The schema of these specs.

        Raises:
            SchemaError: an edge names a label that no node spec has.
        """
        by_label = {node.label: node for node in nodes}
        by_type = {edge.edge_type: edge for edge in edges}
        for source, name, target in by_type:
            for label in (source, target):
                if label not in by_label:
                    raise SchemaError(f"{name} names the label {label!r}, which has no NodeSpec{did_you_mean(label, by_label)}")
        return cls(by_label, by_type)

    def node(self, label: str) -> NodeSpec:
        """The spec of this label.

        Raises:
            SchemaError: no such label; names the closest.
        """
        if label not in self.nodes:
            raise SchemaError(
                f"the schema has no label {label!r}{did_you_mean(label, self.nodes) or ';'} known: {', '.join(self.nodes)}"
            )
        return self.nodes[label]

    def edge(self, edge_type: EdgeType) -> EdgeSpec:
        """The spec of this edge type.

        Raises:
            SchemaError: no such edge type.
        """
        if edge_type not in self.edges:
            known = ", ".join("-".join(known) for known in self.edges)
            raise SchemaError(f"the schema has no edge type {'-'.join(edge_type)}; known: {known}")
        return self.edges[edge_type]

    def with_properties(self, label: str, properties: Mapping[str, PropertyType], *, text: Iterable[str] = ()) -> Self:
        """The same schema where nodes of `label` carry these properties too, those in `text` read by text models."""
        spec = self.node(label)
        merged = {**spec.properties, **properties}
        texts = tuple(dict.fromkeys((*spec.text, *text)))
        return replace(self, nodes={**self.nodes, label: replace(spec, properties=merged, text=texts)})

    def without_text(self, label: str) -> Self:
        """The same schema where no text model reads nodes of `label`."""
        return replace(self, nodes={**self.nodes, label: replace(self.node(label), text=())})

    def merge(self, other: "GraphSchema") -> Self:
        """A schema that allows what either allows: of a property that is integer here and float there it is float, else text.

        Raises:
            SchemaError: both know a property, with types of which none holds both, or an edge type with different keys.
        """
        nodes = dict(self.nodes)
        for label, spec in other.nodes.items():
            nodes[label] = _merge_nodes(nodes[label], spec) if label in nodes else spec
        edges = dict(self.edges)
        for edge_type, edge in other.edges.items():
            edges[edge_type] = _merge_edges(edges[edge_type], edge) if edge_type in edges else edge
        return replace(self, nodes=nodes, edges=edges)

    def widened(self, other: "GraphSchema") -> Self:
        """The same schema, with the types that its properties have in a merge with the other."""
        both = self.merge(other)
        nodes = {k: replace(v, properties={n: both.nodes[k].properties[n] for n in v.properties}) for k, v in self.nodes.items()}
        edges = {k: replace(v, properties={n: both.edges[k].properties[n] for n in v.properties}) for k, v in self.edges.items()}
        return replace(self, nodes=nodes, edges=edges)

    def to_json(self) -> str:
        """The schema as JSON text; `from_json` reads it back."""
        return json.dumps(
            {
                "nodes": [asdict(spec) for spec in self.nodes.values()],
                "edges": [asdict(spec) for spec in self.edges.values()],
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The schema that `to_json` wrote."""
        parsed: dict[str, list[dict[str, Any]]] = json.loads(text)
        nodes = [NodeSpec(**{**spec, "text": tuple(spec["text"])}) for spec in parsed["nodes"]]
        return cls.of(nodes, [EdgeSpec(**spec) for spec in parsed["edges"]])


def _matches(pattern: re.Pattern[str], name: str, what: str, example: str) -> None:
    if not pattern.fullmatch(name):
        raise SchemaError(f"{name!r} is not {what}: expected {example}")


def _check_properties(properties: Mapping[str, str], owner: str) -> None:
    for name, kind in properties.items():
        _matches(_PROPERTY, name, f"a property of {owner}", "snake_case such as list_price")
        if name in _RESERVED:
            raise SchemaError(f"{owner}.{name}: the names {', '.join(sorted(_RESERVED))} are taken; choose another")
        if kind not in DTYPES:
            raise SchemaError(f"{owner}.{name} has type {kind!r}; known: {', '.join(DTYPES)}")


def _merge_nodes(one: NodeSpec, other: NodeSpec) -> NodeSpec:
    return replace(
        one,
        properties=_merge_properties(one.properties, other.properties, one.label, _fixed(RETAIL.nodes.get(one.label))),
        derived=_merge_properties(one.derived, other.derived, one.label, one.derived),
        text=tuple(dict.fromkeys((*one.text, *other.text))),
    )


def _merge_edges(one: EdgeSpec, other: EdgeSpec) -> EdgeSpec:
    if (one.key, one.interaction, one.derived) != (other.key, other.interaction, other.derived):
        raise SchemaError(f"{'-'.join(one.edge_type)} is described in two ways: {one} and {other}")
    return replace(
        one, properties=_merge_properties(one.properties, other.properties, one.type, _fixed(RETAIL.edges.get(one.edge_type)))
    )


def _fixed(spec: NodeSpec | EdgeSpec | None) -> Container[str]:
    """The properties whose types every shop's graph has."""
    return () if spec is None else spec.properties


def _merge_properties(
    one: Mapping[str, PropertyType], other: Mapping[str, PropertyType], owner: str, fixed: Container[str]
) -> Mapping[str, PropertyType]:
    """All properties, of the wider type where both have one; those that are `fixed` keep theirs."""
    found = {**one, **other}
    for name in one.keys() & other.keys():
        if one[name] == other[name]:
            continue
        if name in fixed or not {one[name], other[name]} <= _SINGLE:
            raise SchemaError(f"{owner}.{name} is {one[name]} here and {other[name]} there; rename one or convert it")
        found[name] = "float" if {one[name], other[name]} == {"integer", "float"} else "string"
    return found


_SINGLE = {"string", "integer", "float", "boolean"}
"""Types of one value, which can all be text."""

_EVENT: Mapping[str, PropertyType] = {
    "key": "string",
    "at": "integer",
    "day": "string",
    "quantity": "float",
    "price": "float",
    "discount": "float",
}
_EMBEDDINGS: Mapping[str, PropertyType] = {"text_embedding": "vector", "graph_embedding": "vector"}
_ENDS = ("Product", "Entity")
_EVIDENCE: Mapping[str, PropertyType] = {"score": "float", "rule": "string", "via": "string", "at": "integer"}

RETAIL = GraphSchema.of(
    nodes=[
        NodeSpec("User", derived=_EMBEDDINGS),
        NodeSpec(
            "Product",
            # `listed` is true where a dump describes the product or somebody chose it, else null: a bare target of ALSO_BOUGHT
            # is a node of the graph but never a candidate.
            {"title": "string", "description": "string", "price": "float", "listed": "boolean"},
            derived=_EMBEDDINGS,
            text=("title", "description"),
        ),
        NodeSpec(
            "Review",
            {
                "rating": "float",
                "title": "string",
                "text": "string",
                "at": "integer",
                "day": "string",
                "helpful": "integer",
                "verified": "boolean",
            },
            text=("title", "text"),
        ),
        NodeSpec("Category", {"name": "string"}, text=("name",)),
        NodeSpec("Brand", {"name": "string"}, text=("name",)),
        NodeSpec("Entity", {"name": "string"}, text=("name",)),
        # A node that was found to be another one: `held` is what undoing the merge needs, `differs_from` what it is never to be
        # merged with again.
        NodeSpec("Alias", {"name": "string", "label": "string", "held": "string", "differs_from": "strings"}, record=True),
    ],
    edges=[
        EdgeSpec("User", "WROTE", "Review"),
        EdgeSpec("Review", "ABOUT", "Product", interaction=True),
        *(EdgeSpec("User", name, "Product", _EVENT, key="key", interaction=True) for name in ("VIEWED", "CARTED", "BOUGHT")),
        EdgeSpec(
            "User",
            "INTERACTED",
            "Product",
            {"key": "string", "at": "integer", "day": "string", "position": "integer", "rating": "float"},
            key="key",
            interaction=True,
        ),
        EdgeSpec("Product", "IN_CATEGORY", "Category"),
        EdgeSpec("Category", "CHILD_OF", "Category"),
        EdgeSpec("Product", "MADE_BY", "Brand"),
        *(EdgeSpec("Product", name, "Product") for name in ("ALSO_BOUGHT", "ALSO_VIEWED", "BOUGHT_TOGETHER")),
        *(EdgeSpec(one, "RELATED", other, {"relation": "string"}, key="relation") for one in _ENDS for other in _ENDS),
        EdgeSpec(
            "User",
            "RECOMMENDED",
            "Product",
            {"rank": "integer", "score": "float", "model": "string", "at": "integer"},
            key="model",
            derived=True,
        ),
        EdgeSpec("Product", "SIMILAR_TO", "Product", {"score": "float", "model": "string"}, key="model", derived=True),
        *(EdgeSpec("Alias", "SAME_AS", label, _EVIDENCE, derived=True) for label in ("Brand", "Category", "Product")),
    ],
)
"""The schema of a shop; every dump format fills a part of it."""
