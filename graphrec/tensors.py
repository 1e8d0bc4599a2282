"""Ids become rows: the graph as sparse matrices and as PyG's HeteroData."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import scipy.sparse as sp
import torch

from graphrec.errors import NothingToLearn, UnknownId
from kg_builder.errors import did_you_mean
from kg_builder.tables import GraphTables

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Relation = tuple[str, str, str]
"""(source label, name, target label); the name is the relationship type, or `RELATED:directed_by` for outside relations."""

_SHARED = 0.5
"""A property of users is an attribute where at least this share of them have the value of another."""


_PARTS = ("data", "indices", "indptr")


@dataclass(frozen=True)
class Ids:
    """The ids of one label; an id's place in the list is its row."""

    label: str
    names: npt.NDArray[np.object_]

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Id → row."""
        return {name: row for row, name in enumerate(self.names)}

    def row(self, name: str) -> int:
        """The row of this id.

        Raises:
            UnknownId: says which ids come close.
        """
        if name not in self.row_of:
            close = did_you_mean(name, self.row_of, alike=0.75)  # ids of one shop are all a little alike
            raise UnknownId(f"no {self.label.lower()} {name!r} among {len(self.names):,}{close}")
        return self.row_of[name]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class Interactions:
    """Who chose what, ordered by user and then from the oldest to the newest; a product chosen twice stands there twice.

    user, product: [m] rows. at: [m] epoch seconds, NaN where unknown. rating: [m], NaN where unknown.
    """

    user: Rows
    product: Rows
    at: npt.NDArray[np.float64]
    rating: Floats
    ordered: bool
    """False where neither time nor position says what came first."""

    def take(self, mask: npt.NDArray[np.bool_]) -> "Interactions":
        """Only the interactions where the mask is true."""
        return Interactions(self.user[mask], self.product[mask], self.at[mask], self.rating[mask], self.ordered)

    def __len__(self) -> int:
        return len(self.user)


@dataclass(frozen=True, slots=True)
class Histories:
    """What each user of a batch chose, all that a scorer is told of a user: known users and strangers look alike.

    product: [sum of lengths] product rows, oldest first within a user, none twice (the latest time counts).
    at: the epoch seconds of each, NaN where unknown. indptr: [b + 1], user i owns product[indptr[i]:indptr[i + 1]].
    user: [b] the user's row, or -1 for somebody the model never saw.
    """

    indptr: Rows
    product: Rows
    at: npt.NDArray[np.float64]
    user: Rows

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]], *, user: Sequence[int] | None = None) -> Self:
        """Histories without times; a product repeated in a list counts where it stands last."""
        kept = [list(dict.fromkeys(reversed(one)))[::-1] for one in lists]
        indptr = np.concatenate([[0], np.cumsum([len(one) for one in kept])]).astype(np.int64)
        product = np.array([row for one in kept for row in one], dtype=np.int64)
        rows = np.full(len(kept), -1, dtype=np.int64) if user is None else np.asarray(user, dtype=np.int64)
        return cls(indptr, product, np.full(len(product), np.nan), rows)

    def matrix(self, products: int) -> sp.csr_matrix:
        """[b, products] float32, 1 where the user chose the product."""
        ones = np.ones(len(self.product), dtype=np.float32)
        return sp.csr_matrix((ones, self.product, self.indptr), shape=(len(self), products))

    def batches(self, size: int) -> Iterable["Histories"]:
        """The same users in pieces of at most `size`."""
        for start in range(0, len(self), size):
            yield self.slice(start, min(start + size, len(self)))

    def slice(self, start: int, stop: int) -> "Histories":
        """Users start … stop - 1."""
        span = slice(self.indptr[start], self.indptr[stop])
        return Histories(
            self.indptr[start : stop + 1] - self.indptr[start], self.product[span], self.at[span], self.user[start:stop]
        )

    def take(self, rows: Rows) -> "Histories":
        """Only the users at these places, in this order."""
        lengths = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        pick = np.repeat(self.indptr[rows] - indptr[:-1], lengths) + np.arange(indptr[-1])
        return Histories(indptr, self.product[pick], self.at[pick], self.user[rows])

    def __len__(self) -> int:
        return len(self.user)


@dataclass(frozen=True)
class KnownGraph:
    """What a model may learn from: everything in the graph up to a moment.

    Scorers are fitted on one and see nothing else. `until_mask` makes the smaller one that an inner validation needs.
    """

    ids: Mapping[str, Ids]
    """By label; `User` and `Product` are always there."""
    interactions: Interactions
    relations: Mapping[Relation, sp.csr_matrix]
    """[source rows, target rows] float32 with ones: every edge type that is no interaction, one matrix an outside relation."""
    listed: npt.NDArray[np.bool_]
    """[products] True for what may be recommended: described or chosen at least once; False for bare co-purchase targets."""
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By label, one text a row (empty where nothing is known). A product's is title, brand, category path, description."""
    attributes: Mapping[str, Sequence[str | int | float | bool | None]] = field(default_factory=dict)
    """By property of the users that several share, one value a user; None where it is unknown."""

    @property
    def users(self) -> Ids:
        """Ids of the users."""
        return self.ids["User"]

    @property
    def products(self) -> Ids:
        """Ids of the products."""
        return self.ids["Product"]

    @cached_property
    def matrix(self) -> sp.csr_matrix:
        """[users, products] float32, 1 where the user chose the product at least once."""
        ones = np.ones(len(self.interactions), dtype=np.float32)
        shape = (len(self.users), len(self.products))
        matrix = sp.csr_matrix((ones, (self.interactions.user, self.interactions.product)), shape=shape)
        matrix.sum_duplicates()
        matrix.data[:] = 1
        return matrix

    @cached_property
    def warm(self) -> npt.NDArray[np.bool_]:
        """[products] True where somebody chose the product."""
        return np.bincount(self.interactions.product, minlength=len(self.products)) > 0

    def take(self, mask: npt.NDArray[np.bool_]) -> "KnownGraph":
        """The same graph where only the interactions under the mask have happened."""
        return replace(self, interactions=self.interactions.take(mask))

    def histories(self, users: Rows | None = None) -> Histories:
        """What these users (default: all) chose, oldest first, each product once at its latest time. users: [b] rows."""
        users = np.arange(len(self.users)) if users is None else np.asarray(users, dtype=np.int64)
        indptr, product, at = self._latest
        return Histories(indptr, product, at, np.arange(len(self.users))).take(users)

    @cached_property
    def _latest(self) -> tuple[Rows, Rows, npt.NDArray[np.float64]]:
        """indptr, product, at of every user's distinct products, each where it was chosen last."""
        all_ = self.interactions
        pair = all_.user * len(self.products) + all_.product
        _, first_from_end = np.unique(pair[::-1], return_index=True)
        keep = np.sort(len(pair) - 1 - first_from_end)
        indptr = np.searchsorted(all_.user[keep], np.arange(len(self.users) + 1)).astype(np.int64)
        return indptr, all_.product[keep], all_.at[keep]

    def hetero(self) -> "HeteroData":
        """The user-item-entity graph as HeteroData: `num_nodes` a label, `edge_index` [2, m] an edge type.

        Interactions are one edge type (User, INTERACTED, Product) with `at` [m] float64 and `rating` [m] float32.
        """
        with warnings.catch_warnings():  # torch_geometric compiles with what torch calls deprecated
            warnings.simplefilter("ignore", FutureWarning)
            from torch_geometric.data import HeteroData  # here: importing it takes three times as long as importing torch

        data = HeteroData()
        for label, ids in self.ids.items():
            data[label].num_nodes = len(ids)
        pairs = np.stack([self.interactions.user, self.interactions.product])
        chosen = data["User", "INTERACTED", "Product"]
        chosen.edge_index = torch.from_numpy(pairs)
        chosen.at = torch.from_numpy(self.interactions.at)
        chosen.rating = torch.from_numpy(self.interactions.rating)
        for relation, matrix in self.relations.items():
            coordinates = matrix.tocoo()
            ends = np.stack([coordinates.row, coordinates.col]).astype(np.int64)
            data[relation].edge_index = torch.from_numpy(ends)
        return data

    @classmethod
    def of(cls, tables: GraphTables) -> Self:
        """The graph of these tables in rows; rows follow the sorted ids, so equal tables give equal graphs.

        Raises:
            NothingToLearn: no user chose anything.
        """
        tables = tables.without_derived()
        names = {
            label: table.select("id").sort("id")
            for label, table in sorted(tables.nodes.items(), key=lambda one: one[0])
            if label != "Review"
        }
        frames = pl.collect_all(list(names.values()))
        ids = {label: Ids(label, frame["id"].to_numpy().astype(object)) for label, frame in zip(names, frames, strict=True)}
        chosen = _ordered(tables.interactions())
        if chosen.is_empty():
            held = ", ".join(f"{count} {label}" for label, count in tables.counts()[0].items()) or "nothing"
            raise NothingToLearn(
                f"the graph has no interactions between users and products (it holds {held}); add reviews or events"
            )
        rows = {
            label: frame.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
            for label, frame in zip(names, frames, strict=True)
        }
        interactions = _interactions(chosen, rows["User"], rows["Product"])
        listed = np.zeros(len(ids["Product"]), dtype=bool)
        listed[interactions.product] = True
        described = tables.nodes["Product"].filter(pl.col("listed")).select("id").collect()
        listed[_rows(described, "id", rows["Product"])] = True
        relations = _relations(tables, rows)
        return cls(ids, interactions, relations, listed, _texts(tables, rows), _attributes(tables, rows["User"]))


def sparse_arrays(head: str, matrix: sp.csr_matrix) -> dict[str, npt.NDArray[Any]]:
    """The parts of a CSR matrix under this head; `sparse` puts them together."""
    return {f"{head}/{part}": getattr(matrix, part) for part in _PARTS}


def sparse(arrays: Mapping[str, npt.NDArray[Any]], head: str, width: int) -> sp.csr_matrix:
    """The matrix of this width whose `sparse_arrays` stand under this head."""
    parts = tuple(np.asarray(arrays[f"{head}/{part}"]) for part in _PARTS)
    return sp.csr_matrix(parts, shape=(len(parts[2]) - 1, width))


def _ordered(interactions: pl.LazyFrame) -> pl.DataFrame:
    return interactions.sort("user", "at", "position", "product", nulls_last=False).collect()


def _rows(frame: pl.DataFrame, column: str, rows: pl.DataFrame) -> Rows:
    found = frame.select(pl.col(column).alias("id")).join(rows, on="id", how="left", maintain_order="left")["row"]
    return found.to_numpy().astype(np.int64)


def _interactions(chosen: pl.DataFrame, users: pl.DataFrame, products: pl.DataFrame) -> Interactions:
    ordered = bool(chosen["at"].is_not_null().any() or chosen["position"].is_not_null().any())
    return Interactions(
        _rows(chosen, "user", users),
        _rows(chosen, "product", products),
        chosen["at"].cast(pl.Float64).fill_null(float("nan")).to_numpy().copy(),
        chosen["rating"].cast(pl.Float32).fill_null(float("nan")).to_numpy().copy(),
        ordered,
    )


def _relations(tables: GraphTables, rows: Mapping[str, pl.DataFrame]) -> dict[Relation, sp.csr_matrix]:
    relations: dict[Relation, sp.csr_matrix] = {}
    for kind, table in sorted(tables.edges.items(), key=lambda one: one[0]):
        source, name, target = kind
        if tables.schema.edge(kind).interaction or source not in rows or target not in rows:
            continue
        edges = table.collect()
        parts = edges.partition_by("relation", as_dict=True) if "relation" in edges.columns else {("",): edges}
        for (relation,), part in sorted(parts.items()):
            full = f"{name}:{relation}" if relation else name
            shape = (rows[source].height, rows[target].height)
            ends = (_rows(part, "source", rows[source]), _rows(part, "target", rows[target]))
            if len(ends[0]):
                relations[source, full, target] = sp.csr_matrix((np.ones(len(ends[0]), dtype=np.float32), ends), shape=shape)
    return relations


def _attributes(tables: GraphTables, users: pl.DataFrame) -> dict[str, list[str | int | float | bool | None]]:
    """By property of the users its values in rows; what tells most users from all others (a name, an address) is left out."""
    kinds = tables.schema.node("User").properties
    wanted = [name for name, kind in kinds.items() if kind not in ("strings", "vector")]
    said = tables.nodes["User"].select("id", *wanted)
    frame = users.lazy().join(said, on="id", how="left", maintain_order="left").collect().fill_nan(None)
    shared = {name: frame[name].drop_nulls().is_duplicated() for name in wanted}
    return {name: frame[name].to_list() for name in wanted if shared[name].sum() >= max(_SHARED * len(shared[name]), 1)}


def _texts(tables: GraphTables, rows: Mapping[str, pl.DataFrame]) -> dict[str, tuple[str, ...]]:
    """One text a node: its text properties in the schema's order, a product's brand and categories after its title."""
    texts: dict[str, tuple[str, ...]] = {}
    for label, ids in rows.items():
        spec = tables.schema.node(label)
        if not spec.text:
            continue
        parts = tables.nodes[label].select("id", *(_as_text(name, spec.properties[name]) for name in spec.text))
        frame = ids.lazy().join(parts, on="id", how="left", maintain_order="left")
        order = list(spec.text)
        named = {kind[2]: kind for kind in tables.edges if kind[0] == label and kind[1] in ("MADE_BY", "IN_CATEGORY")}
        for kind in (named[target] for target in ("Category", "Brand") if target in named and tables.schema.node(target).text):
            frame = frame.join(_names_of(tables, kind), left_on="id", right_on="source", how="left", maintain_order="left")
            order.insert(1, kind[1])
        joined = frame.select(pl.concat_str(order, separator=". ", ignore_nulls=True).alias("text")).collect()["text"]
        texts[label] = tuple(text or "" for text in joined)
    return texts


def _as_text(name: str, kind: str) -> pl.Expr:
    return pl.col(name).list.join(", ") if kind == "strings" else pl.col(name)


def _names_of(tables: GraphTables, kind: tuple[str, str, str]) -> pl.LazyFrame:
    """For every source of this edge type, what its targets are called; a category by its whole path."""
    target = tables.nodes[kind[2]]
    spoken = pl.col("id") if kind[2] == "Category" else pl.coalesce("name", "id")
    names = target.select("id", spoken.alias("name"))
    edges = tables.edges[kind].select("source", "target").join(names, left_on="target", right_on="id")
    return edges.sort("source", "name").group_by("source").agg(pl.col("name").str.join(", ").alias(kind[1]))
