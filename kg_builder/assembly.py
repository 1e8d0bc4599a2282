"""The tables of a graph as they grow out of the cleaned parts of a dump, one kind of node or edge after the other.

Tables are narwhals' lazy frames, so one code serves every engine; what is small (brands, categories) is polars in this process.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import narwhals as nw
import polars as pl

from kg_builder.cleaning import LINKS, NAMED
from kg_builder.engines import Engine, Rows, collected
from kg_builder.errors import SchemaError
from kg_builder.merging.aliases import Alias
from kg_builder.rejects import Rejects
from kg_builder.resolution import NO_BRAND, PATH_SEPARATOR, brands, categories, cut
from kg_builder.schema import DTYPES, RETAIL, EdgeSpec, EdgeType, GraphSchema, NodeSpec, PropertyType
from kg_builder.tables import GraphTables, edge_columns, node_columns
from kg_builder.values import property_name

EDGES: Mapping[str, str] = dict(zip(LINKS, ("ALSO_BOUGHT", "ALSO_VIEWED", "BOUGHT_TOGETHER"), strict=True))
"""Lists of a product, and relations of triples, that become edges between products."""

_PROPERTY_OF = {nw.Schema.from_polars({"x": dtype})["x"]: name for name, dtype in DTYPES.items()}
IDS = pl.LazyFrame(schema={"id": pl.String()})


@dataclass(slots=True)
class Assembly:
    """The tables as they grow; every `add_…` puts one part of the cleaned dump into them."""

    schema: GraphSchema
    engine: Engine
    products: Rows | None
    users: Rows | None
    reviews: Rows | None
    events: Rows | None
    triples: Rows | None
    nodes: dict[str, Rows] = field(default_factory=dict)
    edges: dict[EdgeType, Rows] = field(default_factory=dict)
    product_ids: Rows = field(init=False)
    spellings: list[Alias] = field(default_factory=list)
    """Spellings of brands that are no brands of their own."""
    none: Rows = field(init=False)
    """A table of no ids."""

    def __post_init__(self) -> None:
        self.none = self.product_ids = self.engine.lifted(IDS)

    def add_reviews(self) -> None:
        """User - WROTE - Review - ABOUT - Product."""
        if self.reviews is None:
            return
        node = self.reviews.drop("user", "product", "file", "line")
        self._allow("Review", node)
        self.nodes["Review"] = node
        self.edges["User", "WROTE", "Review"] = self.reviews.select(source="user", target="id")
        self.edges["Review", "ABOUT", "Product"] = self.reviews.select(source="id", target="product")

    def add_events(self) -> None:
        """User - VIEWED, CARTED, BOUGHT, INTERACTED - Product; values that the schema does not know become properties."""
        if self.events is None:
            return
        events = self.events.rename({"user": "source", "product": "target"})
        for kind in collected(events.select("event").unique())["event"].sort():
            edge_type = ("User", kind.upper(), "Product")
            edges = events.filter(nw.col("event") == kind).drop("event")
            known = edge_columns(self.schema, edge_type)
            further = {name: dtype for name, dtype in edges.collect_schema().items() if name not in known}
            filled = collected(edges.select(nw.col(*further).count())).row(0, named=True) if further else {}
            extra = {name: _PROPERTY_OF[dtype] for name, dtype in further.items() if filled[name]}
            spec = self.schema.edge(edge_type)
            spec = replace(spec, properties={**spec.properties, **extra})
            self.schema = replace(self.schema, edges={**self.schema.edges, edge_type: spec})
            self.edges[edge_type] = edges.drop([name for name in further if name not in extra])

    def add_links(self, *, keep_dangling: bool) -> None:
        """Product - ALSO_BOUGHT, ALSO_VIEWED, BOUGHT_TOGETHER - Product, without links to itself."""
        parts = []
        if self.products is not None:
            lists = {name: self.products.select(source="id", target=name).explode("target") for name in EDGES}
            parts = [rows.with_columns(relation=nw.lit(name)) for name, rows in lists.items()]
        if self.triples is not None:
            triples = self.triples.filter(nw.col("relation").is_in(list(EDGES)))
            parts.append(triples.select("relation", source="head", target="tail").select("source", "target", "relation"))
        if not parts:
            return
        links = nw.concat(parts).drop_nulls().unique().filter(nw.col("source") != nw.col("target"))
        if not keep_dangling:
            known = self._told_of()
            links = links.join(known, left_on="source", right_on="id", how="semi")
            links = links.join(known, left_on="target", right_on="id", how="semi")
        links = self.engine.held("links", links)
        there = collected(links.select("relation").unique())["relation"]
        for name, kind in EDGES.items():
            if name in there:
                self.edges["Product", kind, "Product"] = links.filter(nw.col("relation") == name).drop("relation")

    def _told_of(self) -> Rows:
        """Products that are described or chosen."""
        parts = [edge.select(id="target") for (one, _, to), edge in self.edges.items() if to == "Product" and one != "Product"]
        if self.products is not None:
            parts.append(self.products.select("id"))
        return self._distinct(parts)

    def _distinct(self, ids: Iterable[Rows]) -> Rows:
        return nw.concat([self.none, *ids]).unique()

    def add_own_edges(self, kind: EdgeType, edges: Rows) -> None:
        """Edges of a kind that the schema lacks; one from a User to a Product says that it was chosen."""
        if kind in RETAIL.edges:
            raise SchemaError(
                f"{'-'.join(kind)} is an edge of every shop's graph: hand it over as events, reviews, products or triples"
            )
        edges = edges.drop("file", "line")
        columns = edges.collect_schema()
        properties = {name: _PROPERTY_OF[dtype] for name, dtype in columns.items() if name not in ("source", "target")}
        chosen = kind[0] == "User" and kind[2] == "Product"
        spec = EdgeSpec(*kind, properties, key="key" if "key" in columns else None, interaction=chosen)
        labels = [self.schema.nodes.get(label, NodeSpec(label)) for label in (kind[0], kind[2])]
        self.schema = self.schema.merge(GraphSchema.of(labels, [spec]))
        self.edges[kind] = edges

    def add_own_nodes(self, label: str, nodes: Rows, texts: Sequence[str]) -> None:
        """Nodes of a kind that the schema lacks, or more about nodes that it has."""
        nodes = nodes.drop("file", "line")
        if label not in self.schema.nodes:
            self.schema = self.schema.merge(GraphSchema.of([NodeSpec(label)], []))
        self._allow(label, nodes, texts)
        there = self.nodes.get(label)
        self.nodes[label] = nodes if there is None else self._both(there, nodes)

    def _both(self, one: Rows, other: Rows) -> Rows:
        """What either says of a node; where both say something, the other is right."""
        mine, theirs = one.collect_schema(), other.collect_schema()
        shared = [name for name in mine if name in theirs and name != "id"]
        unlike = [name for name in shared if mine[name] != theirs[name] and nw.String in (mine[name], theirs[name])]
        texts = [nw.col(name).cast(nw.String) for name in unlike]
        every = self._distinct([one.select("id"), other.select("id")])
        joined = every.join(one.with_columns(texts), on="id", how="left")
        joined = joined.join(other.with_columns(texts), on="id", how="left", suffix="__other")
        right = [nw.coalesce(nw.col(f"{name}__other"), nw.col(name)).alias(name) for name in shared]
        return joined.with_columns(right).drop([f"{name}__other" for name in shared])

    def add_ends(self, own: Iterable[EdgeType], *, keep_dangling: bool) -> None:
        """The nodes at the ends of own edges that nothing describes, or else no edges that end there."""
        for kind in own:
            for label, end in ((kind[0], "source"), (kind[2], "target")):
                there = self.nodes.get(label, self.none)
                if not keep_dangling:
                    self.edges[kind] = self.edges[kind].join(there.select("id"), left_on=end, right_on="id", how="semi")
                elif label not in ("User", "Product"):
                    bare = self.edges[kind].select(id=end).unique().join(there.select("id"), on="id", how="anti")
                    name = f"{'-'.join(kind)}-{end}"
                    self.nodes[label] = self.engine.held(name, nw.concat([there, bare], how="diagonal"))

    def add_users(self) -> None:
        """Everybody described or doing something."""
        ids = self._ends("User")
        if self.users is None:
            self.nodes["User"] = self._distinct(ids)
            return
        described = self.users.drop("file", "line")
        self._allow("User", described)
        every = self._distinct([*ids, described.select("id")])
        self.nodes["User"] = every.join(described, on="id", how="left")

    def _ends(self, label: str, *, of: Iterable[EdgeType] | None = None) -> list[Rows]:
        """The ids of this label's nodes at either end of these edges, by default of all so far."""
        return [
            self.edges[kind].select(id=end)
            for kind in (self.edges if of is None else of)
            for end, one in (("source", kind[0]), ("target", kind[2]))
            if one == label
        ]

    def add_products(self, texts: Mapping[str, Sequence[str]], held: pl.LazyFrame) -> None:
        """Every product described, chosen or linked to; `listed` is true for the first two, null for bare targets."""
        listed = self._told_of()
        links = [kind for kind in self.edges if kind[0] == "Product"]  # where all others end is listed
        bare = self._distinct(self._ends("Product", of=links)).join(listed, on="id", how="anti")
        marked = [
            listed.with_columns(listed=nw.lit(value=True)),
            bare.with_columns(listed=nw.lit(None, nw.Boolean)),
        ]
        every = self.engine.held("listed", nw.concat(marked))
        self.product_ids = self._distinct([every.select("id"), self.engine.lifted(held)])
        if self.products is not None:
            described = self.products.drop("file", "line", "brand", "categories", *LINKS)
            names = [property_name(name) for name in texts.get("Product", ())]
            self._allow("Product", described, [own for name in names for own in (name, f"{name}_")])
            every = every.join(described, on="id", how="left")
        self.nodes["Product"] = every

    def add_relations(self) -> None:
        """(Product|Entity) - RELATED {relation} - (Product|Entity): triples that have no edge type of their own."""
        if self.triples is None:
            return
        triples = self.triples.filter(~nw.col("relation").is_in(list(LINKS)))
        for end in ("head", "tail"):
            known = self.product_ids.with_columns(nw.lit("Product").alias(f"{end}_label"))
            triples = triples.join(known, left_on=end, right_on="id", how="left")
            triples = triples.with_columns(nw.col(f"{end}_label").fill_null("Entity"))
        own = nw.col("relation").is_in(list(NAMED)) & (nw.col("head_label") == "Product")
        triples = self.engine.held("relations", triples.filter(~own))
        entities = []
        for source, target in collected(triples.select("head_label", "tail_label").unique()).sort(pl.all()).iter_rows():
            edges = triples.filter(nw.col("head_label") == source, nw.col("tail_label") == target)
            self.edges[source, "RELATED", target] = edges.select("relation", source="head", target="tail")
            ends = [end for end, label in (("head", source), ("tail", target)) if label == "Entity"]
            entities += [edges.select(id=end, name=f"{end}_name") for end in ends]
        if entities:
            self.nodes["Entity"] = nw.concat(entities).group_by("id").agg(nw.col("name").min())

    def add_brands(self, held: Mapping[str, str], now: int) -> None:
        """Product - MADE_BY - Brand, a brand for each spelling; those to be joined are noted in `spellings`."""
        said = self._said_of_products("brand")
        if self.products is not None:
            said = nw.concat([said, self.products.select("id", said="brand")])
        said = said.drop_nulls().filter(~nw.col("said").str.to_lowercase().is_in(list(NO_BRAND)))
        uses = collected(said.group_by("said").agg(uses=nw.len())).rename({"said": "spelling"})
        resolved = brands(uses.lazy(), held)
        if not resolved.height:
            return
        others = resolved.filter(pl.col("id") != pl.col("brand"))
        named = pl.concat([resolved.select(id="brand", name="name").unique(), others.select("id", name="spelling")])
        self.nodes["Brand"] = self.engine.lifted(named.lazy())
        brand = self.engine.lifted(resolved.lazy().select(said="spelling", target="id"))
        self.edges["Product", "MADE_BY", "Brand"] = said.join(brand, on="said").select("target", source="id").unique()
        for one, spelling, joint in others.select("id", "spelling", "brand").iter_rows():
            self.spellings.append(Alias("Brand", one, spelling, joint, score=1.0, rule="spelling", via=joint, at=now))

    def add_categories(self, given: Rows | None) -> None:
        """Product - IN_CATEGORY - Category - CHILD_OF - Category, every level of every path a category of its own."""
        said = self._said_of_products("category")
        if self.products is not None:
            said = nw.concat([said, self.products.select("id", said="categories").explode("said")])
        said = self.engine.held("paths", said.drop_nulls().unique())
        leaves, every = categories(collected(said.select(path="said").unique()).lazy())
        if given is not None:
            rows = collected(given)
            every = _without_cycles(_with_given(every, rows), rows, self.engine.sieve.rejects)
        if not every.height:
            return
        self.nodes["Category"] = self.engine.lifted(every.lazy().select("id", "name"))
        above = every.lazy().drop_nulls("parent").select(source="id", target="parent")
        self.edges["Category", "CHILD_OF", "Category"] = self.engine.lifted(above)
        leaf = self.engine.lifted(leaves.lazy().select(said="path", target="id"))
        self.edges["Product", "IN_CATEGORY", "Category"] = said.join(leaf, on="said").select("target", source="id").unique()

    def tables(self) -> GraphTables:
        """The finished tables, worked out once."""
        return self.engine.saved(self.schema, self.nodes, self.edges)

    def _said_of_products(self, relation: str) -> Rows:
        """(`id`, `said`) from triples."""
        if self.triples is None:
            return self.engine.lifted(pl.LazyFrame(schema={"id": pl.String(), "said": pl.String()}))
        tails = self.triples.filter(nw.col("relation") == relation).select("said", id="head")
        return tails.join(self.product_ids, on="id", how="semi").select("id", "said")

    def _allow(self, label: str, table: Rows, texts: Sequence[str] = ()) -> None:
        """The schema knows every column of the table."""
        known = node_columns(self.schema, label)
        extra: dict[str, PropertyType] = {
            name: _PROPERTY_OF[dtype] for name, dtype in table.collect_schema().items() if name not in known
        }
        self.schema = self.schema.with_properties(label, extra, text=[name for name in texts if name in extra])


def _with_given(every: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """The categories of the paths and the given ones (`id`, `name`, `parent`); what is given wins, gaps take the last name."""
    rows = given.select("id", "name", "parent")
    parents = rows.select(pl.col("parent").alias("id")).drop_nulls()
    table = (
        pl.concat([rows, every, parents], how="diagonal")
        .group_by("id")
        .agg(pl.col("name").drop_nulls().first(), pl.col("parent").drop_nulls().first())
    )
    own = pl.col("id").str.split(PATH_SEPARATOR).list.last()
    return table.select("id", pl.coalesce("name", own).alias("name"), "parent")


def _without_cycles(every: pl.DataFrame, given: pl.DataFrame, rejects: Rejects) -> pl.DataFrame:
    """The categories without the links that close a circle."""
    parents = dict(every.select("id", "parent").drop_nulls().iter_rows())
    rows = given.select("id", "file", "line").iter_rows()
    gone = cut(parents, {one: (file, line) for one, file, line in rows}, rejects)
    return every.with_columns(pl.when(~pl.col("id").is_in(list(gone))).then(pl.col("parent")).alias("parent")) if gone else every
