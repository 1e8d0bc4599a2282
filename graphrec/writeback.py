"""What a model knows, as derived tables that a graph store can hold."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from graphrec.errors import BadRequest
from graphrec.model import Model
from graphrec.ranking import Names, Ranking
from kg_builder.schema import RETAIL, EdgeType, GraphSchema
from kg_builder.stores import GraphStore
from kg_builder.tables import GraphTables

Vectors = npt.NDArray[np.floating]
_LABELS = ("User", "Product")
_FEWEST = 0.5
"""The share of a model's users and products that a store must hold to be taken for the same shop's."""
_RECOMMENDED: EdgeType = ("User", "RECOMMENDED", "Product")
_SIMILAR: EdgeType = ("Product", "SIMILAR_TO", "Product")
_DERIVED = GraphSchema.of(
    [replace(RETAIL.node(label), properties={}, text=()) for label in _LABELS], [RETAIL.edge(_RECOMMENDED), RETAIL.edge(_SIMILAR)]
)
"""What a model writes and nothing more: it must not tell a store what its own nodes hold, or which of it is text."""


def tables(model: Model, ranking: Ranking, similar: Ranking | None, *, embeddings: bool, at: int | None) -> GraphTables:
    """RECOMMENDED of the ranking, SIMILAR_TO of `similar` (its users are products) and the embeddings of the model.

    Every node that an edge touches or that has an embedding is in the tables by its id; its own properties are null, which a
    store takes as no change.
    """
    moment = model.last_at if at is None else at
    recommended = pl.DataFrame(
        {
            "source": _strings(ranking.users),
            "target": _strings(ranking.items),
            "rank": ranking.ranks,
            "score": ranking.scores.astype(np.float64),
            "model": pl.repeat(model.name, len(ranking), eager=True),
            "at": pl.repeat(moment, len(ranking), eager=True, dtype=pl.Int64),
        }
    )
    edges = {_RECOMMENDED: recommended}
    if similar is not None:
        edges[_SIMILAR] = pl.DataFrame(
            {
                "source": _strings(similar.users),
                "target": _strings(similar.items),
                "score": similar.scores.astype(np.float64),
                "model": pl.repeat(model.name, len(similar), eager=True),
            }
        )
    vectors: dict[str, Mapping[str, Vectors]] = (
        {"text_embedding": model.text, "graph_embedding": model.graph_vectors()} if embeddings else {}
    )
    nodes = {label: _nodes(model, label, vectors, edges) for label in _LABELS}
    return GraphTables.of(_DERIVED, nodes, edges)


def held_by(store: GraphStore, tables: GraphTables) -> tuple[GraphTables, int]:
    """The part of the tables whose nodes the store holds, since a model makes no nodes, and how many nodes it lacks.

    Raises:
        BadRequest: the store lacks most of the users or of the products: it is another shop's.
    """
    nodes, missing = {}, 0
    for label, table in tables.nodes.items():
        ids = store.query(f"MATCH (n:{label}) RETURN n.id AS id")["id"].to_list() if label in store.info().nodes else []
        known = pl.LazyFrame({"id": ids}, schema={"id": pl.String})
        nodes[label] = table.join(known, on="id", how="semi")
        every, held = (part.select(pl.len()).collect().item() for part in (table, nodes[label]))
        if held < _FEWEST * every:
            raise BadRequest(
                f"{store.info().address} lacks {every - held:,} of the model's {every:,} {label.lower()}s, so it is another "
                "shop's; nothing was written"
            )
        missing += every - held
    edges = {
        kind: table.join(nodes[kind[0]], left_on="source", right_on="id", how="semi").join(
            nodes[kind[2]], left_on="target", right_on="id", how="semi"
        )
        for kind, table in tables.edges.items()
    }
    return GraphTables(tables.schema, nodes, edges), missing


def _nodes(
    model: Model, label: str, vectors: Mapping[str, Mapping[str, Vectors]], edges: Mapping[EdgeType, pl.DataFrame]
) -> pl.DataFrame:
    columns = {name: by_label[label] for name, by_label in vectors.items() if label in by_label}
    names = _strings(model.known.ids[label].names)
    if columns:
        return pl.DataFrame({"id": names}).with_columns(_vectors(name, matrix) for name, matrix in columns.items())
    ends = [
        table[column]
        for kind, table in edges.items()
        for column, end in (("source", kind[0]), ("target", kind[2]))
        if end == label
    ]
    return pl.DataFrame({"id": pl.concat(ends).unique().sort()}, schema={"id": pl.String})


def _vectors(name: str, matrix: Vectors) -> pl.Series:
    """One list a row; null where the vector is all zeros: nothing is known of that node."""
    full = matrix.astype(np.float32)
    column = pl.Series(name, full, dtype=pl.Array(pl.Float32, full.shape[1])).cast(pl.List(pl.Float32))
    known = pl.Series(full.any(axis=1))
    return pl.select(pl.when(known).then(column).otherwise(None).alias(name)).to_series()


def _strings(names: Names) -> pl.Series:
    return pl.Series(names, dtype=pl.String)
