"""The tables of a graph as they grow out of the cleaned parts of a dump, one kind of node or edge after the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from kg_builder.errors import SchemaError
from kg_builder.merging.aliases import Alias
from kg_builder.rejects import Rejects, Sieve
from kg_builder.resolution import NO_BRAND, PATH_SEPARATOR, brands, categories, cut, joined
from kg_builder.schema import DTYPES, RETAIL, EdgeSpec, EdgeType, GraphSchema, NodeSpec, PropertyType
from kg_builder.tables import GraphTables, edge_columns, node_columns
from kg_builder.values import day, none_if_empty, property_name, text

LINKS: Mapping[str, str] = {"also_bought": "ALSO_BOUGHT", "also_viewed": "ALSO_VIEWED", "bought_together": "BOUGHT_TOGETHER"}
"""Lists of a product, and relations of triples, that become edges between products."""

_PROPERTY_OF = {dtype: name for name, dtype in DTYPES.items()}
IDS = pl.LazyFrame(schema={"id": pl.String()})


@dataclass(slots=True)
class Assembly:
    """The tables as they grow; every `add_…` puts one part of the cleaned dump into them."""

    schema: GraphSchema
    sieve: Sieve
    products: pl.LazyFrame | None
    users: pl.LazyFrame | None
    reviews: pl.LazyFrame | None
    events: pl.LazyFrame | None
    triples: pl.LazyFrame | None
    nodes: dict[str, pl.LazyFrame] = field(default_factory=dict)
    edges: dict[EdgeType, pl.LazyFrame] = field(default_factory=dict)
    product_ids: pl.LazyFrame = field(default_factory=lambda: IDS)
    spellings: list[Alias] = field(default_factory=list)
    """Spellings of brands that are no brands of their own."""

    def add_reviews(self) -> None:
        """User - WROTE - Review - ABOUT - Product."""
        if self.reviews is None:
            return
        node = self.reviews.drop("user", "product", "file", "line").with_columns(day(pl.col("at")).alias("day"))
        self._allow("Review", node)
        self.nodes["Review"] = node
        self.edges["User", "WROTE", "Review"] = self.reviews.select(source="user", target="id")
        self.edges["Review", "ABOUT", "Product"] = self.reviews.select(source="id", target="product")

    def add_events(self) -> None:
        """User - VIEWED, CARTED, BOUGHT, INTERACTED - Product; values that the schema does not know become properties."""
        if self.events is None:
            return
        events = self.events.rename({"user": "source", "product": "target"}).with_columns(day(pl.col("at")).alias("day"))
        for kind in events.select(pl.col("event").unique()).collect(engine="streaming")["event"].sort():
            edge_type = ("User", kind.upper(), "Product")
            edges = events.filter(pl.col("event") == kind).drop("event")
            known = edge_columns(self.schema, edge_type)
            further = {name: dtype for name, dtype in edges.collect_schema().items() if name not in known}
            filled = edges.select(pl.col(list(further)).count()).collect(engine="streaming").row(0, named=True) if further else {}
            extra = {name: _PROPERTY_OF[dtype] for name, dtype in further.items() if filled[name]}
            spec = self.schema.edge(edge_type)
            spec = replace(spec, properties={**spec.properties, **extra})
            self.schema = replace(self.schema, edges={**self.schema.edges, edge_type: spec})
            self.edges[edge_type] = edges.drop([name for name in further if name not in extra])

    def add_links(self, *, keep_dangling: bool) -> None:
        """Product - ALSO_BOUGHT, ALSO_VIEWED, BOUGHT_TOGETHER - Product, without links to itself."""
        known = None if keep_dangling else self._told_of()
        for name, kind in LINKS.items():
            parts = []
            self._tell_of_itself(name)
            if self.products is not None:
                parts.append(self.products.select(pl.col("id").alias("source"), pl.col(name).alias("target")).explode("target"))
            if self.triples is not None:
                parts.append(self.triples.filter(pl.col("relation") == name).select(source="head", target="tail"))
            if not parts:
                continue
            links = pl.concat(parts).with_columns(none_if_empty(pl.col("target"))).drop_nulls().unique()
            links = links.collect(engine="streaming").lazy()
            links = links.filter(pl.col("source") != pl.col("target"))
            if known is not None:
                links = links.join(known, left_on="source", right_on="id", how="semi")
                links = links.join(known, left_on="target", right_on="id", how="semi")
            if height(links):
                self.edges["Product", kind, "Product"] = links

    def _tell_of_itself(self, name: str) -> None:
        """Products whose list holds themselves are in the rejects, for this as no fault."""
        if self.products is not None:
            others = pl.col(name).list.eval(pl.element().str.strip_chars())
            itself = self.products.filter(others.list.contains(pl.col("id"))).select("id", name, "file", "line")
            self.sieve.spare(itself, f"a product cannot be {name} with itself", "id")

    def _told_of(self) -> pl.LazyFrame:
        """Products that are described or chosen."""
        parts = [edge.select(id="target") for (one, _, to), edge in self.edges.items() if to == "Product" and one != "Product"]
        if self.products is not None:
            parts.append(self.products.select("id"))
        return pl.concat([IDS, *parts]).unique()

    def add_own_edges(self, kind: EdgeType, edges: pl.LazyFrame) -> None:
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

    def add_own_nodes(self, label: str, nodes: pl.LazyFrame, texts: Sequence[str]) -> None:
        """Nodes of a kind that the schema lacks, or more about nodes that it has."""
        nodes = nodes.drop("file", "line")
        if label not in self.schema.nodes:
            self.schema = self.schema.merge(GraphSchema.of([NodeSpec(label)], []))
        self._allow(label, nodes, texts)
        if label in self.nodes:
            both = pl.concat([self.nodes[label], nodes], how="diagonal_relaxed")
            nodes = both.group_by("id").agg(pl.exclude("id").drop_nulls().last())
        self.nodes[label] = nodes

    def add_ends(self, own: Iterable[EdgeType], *, keep_dangling: bool) -> None:
        """The nodes at the ends of own edges that nothing describes, or else no edges that end there."""
        for kind in own:
            for label, end in ((kind[0], "source"), (kind[2], "target")):
                there = self.nodes.get(label, IDS)
                if not keep_dangling:
                    self.edges[kind] = self.edges[kind].join(there, left_on=end, right_on="id", how="semi")
                elif label not in ("User", "Product"):
                    bare = self.edges[kind].select(id=end).unique().join(there, on="id", how="anti")
                    self.nodes[label] = pl.concat([there, bare], how="diagonal_relaxed").collect(engine="streaming").lazy()

    def add_users(self) -> None:
        """Everybody described or doing something."""
        ids = self._ends("User")
        if self.users is not None:
            described = self.users.drop("file", "line")
            self._allow("User", described)
            ids.append(described.select("id"))
        every = pl.concat([IDS, *ids]).unique()
        self.nodes["User"] = every if self.users is None else every.join(described, on="id", how="left")

    def _ends(self, label: str) -> list[pl.LazyFrame]:
        """The ids of this label's nodes at either end of the edges so far."""
        return [
            edge.select(pl.col(end).alias("id"))
            for (source, _, target), edge in self.edges.items()
            for end, one in (("source", source), ("target", target))
            if one == label
        ]

    def add_products(self, texts: Mapping[str, Sequence[str]], held: pl.LazyFrame) -> None:
        """Every product described, chosen or linked to; `listed` is true for the first two, null for bare targets."""
        listed = self._told_of()
        bare = pl.concat([IDS, *self._ends("Product")]).unique().join(listed, on="id", how="anti")
        every = (
            pl.concat([listed.with_columns(listed=pl.lit(value=True)), bare.with_columns(listed=pl.lit(None, pl.Boolean))])
            .collect(engine="streaming")
            .lazy()
        )
        self.product_ids = pl.concat([every.select("id"), held.select("id")]).unique()
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
        known = self.product_ids.with_columns(known=pl.lit(value=True))
        marked = (
            self.triples.filter(~pl.col("relation").is_in(list(LINKS)))
            .join(known, left_on="head", right_on="id", how="left")
            .join(known.rename({"known": "tail_known"}), left_on="tail", right_on="id", how="left")
        )
        own = pl.col("relation").is_in(["brand", "category"]) & pl.col("known").is_not_null()
        marked = marked.filter(~own).collect(engine="streaming").lazy()
        entities = []
        for source, head in (("Product", pl.col("known").is_not_null()), ("Entity", pl.col("known").is_null())):
            for target, tail in (("Product", pl.col("tail_known").is_not_null()), ("Entity", pl.col("tail_known").is_null())):
                edges = marked.filter(head & tail).select("relation", source="head", target="tail")
                if not height(edges):
                    continue
                self.edges[source, "RELATED", target] = edges
                ends = [end for end, label in (("source", source), ("target", target)) if label == "Entity"]
                entities += [edges.select("relation", id=end).unique() for end in ends]
        if entities:
            # `department:GROCERY` at the end of the relation `department` is an entity called GROCERY.
            prefix = pl.col("relation") + ":"
            name = pl.when(pl.col("id").str.starts_with(prefix)).then(pl.col("id").str.strip_prefix(prefix))
            self.nodes["Entity"] = pl.concat(entities).group_by("id").agg(name.min().alias("name"))

    def add_brands(self, held: Mapping[str, str], now: int) -> None:
        """Product - MADE_BY - Brand, a brand for each spelling; those to be joined are noted in `spellings`."""
        said = self._said_of_products("brand", "brand").filter(~pl.col("brand").str.to_lowercase().is_in(list(NO_BRAND)))
        resolved = brands(said.select(spelling="brand"), held)
        edges = said.join(resolved.lazy(), left_on="brand", right_on="spelling").select(source="id", target="id_right").unique()
        if not resolved.height:
            return
        others = resolved.filter(pl.col("id") != pl.col("brand"))
        named = pl.concat([resolved.select(id="brand", name="name").unique(), others.select("id", name="spelling")])
        self.nodes["Brand"] = named.lazy()
        self.edges["Product", "MADE_BY", "Brand"] = edges
        for one, spelling, brand in others.select("id", "spelling", "brand").iter_rows():
            self.spellings.append(Alias("Brand", one, spelling, brand, score=1.0, rule="spelling", via=brand, at=now))

    def add_categories(self, given: pl.LazyFrame | None) -> None:
        """Product - IN_CATEGORY - Category - CHILD_OF - Category, every level of every path a category of its own."""
        flat = self._said_of_products("category", None)
        said = flat.rename({"category": "path"})
        if self.products is not None:
            paths = (
                self.products.select("id", pl.col("categories"))
                .explode("categories")
                .select("id", path=joined(pl.col("categories")))
            )
            said = pl.concat([said, paths]).drop_nulls()
        said = said.unique().collect(engine="streaming").lazy()
        leaves, every = categories(said)
        if given is not None:
            every = _without_cycles(_with_given(every, given), given, self.sieve.rejects)
        if not every.height:
            return
        self.nodes["Category"] = every.lazy().select("id", "name")
        self.edges["Category", "CHILD_OF", "Category"] = every.lazy().drop_nulls("parent").select(source="id", target="parent")
        self.edges["Product", "IN_CATEGORY", "Category"] = (
            said.join(leaves.lazy(), on="path").select(source="id", target="id_right").unique()
        )

    def tables(self) -> GraphTables:
        """The finished tables, worked out once: in memory, or as Parquet in the scratch folder."""
        tables = GraphTables.of(self.schema, self.nodes, self.edges)
        if self.sieve.scratch is not None:
            tables.save(self.sieve.scratch / "tables")
            return GraphTables.load(self.sieve.scratch / "tables")
        frames = pl.collect_all([*tables.nodes.values(), *tables.edges.values()], engine="streaming")
        lazies = [frame.lazy() for frame in frames]
        nodes, edges = lazies[: len(tables.nodes)], lazies[len(tables.nodes) :]
        return GraphTables(
            tables.schema, dict(zip(tables.nodes, nodes, strict=True)), dict(zip(tables.edges, edges, strict=True))
        )

    def _said_of_products(self, relation: str, column: str | None) -> pl.LazyFrame:
        """(`id`, `relation`'s name) from triples and from the products' column; a `brand:` before a tail is left out."""
        parts = [pl.LazyFrame(schema={"id": pl.String(), relation: pl.String()})]
        if self.triples is not None:
            tail = text(pl.col("tail").str.strip_prefix(f"{relation}:")).alias(relation)
            tails = self.triples.filter(pl.col("relation") == relation).select(pl.col("head").alias("id"), tail)
            parts.append(tails.join(self.product_ids, on="id", how="semi"))
        if self.products is not None and column is not None:
            parts.append(self.products.select("id", pl.col(column).alias(relation)))
        return pl.concat(parts).drop_nulls()

    def _allow(self, label: str, table: pl.LazyFrame, texts: Sequence[str] = ()) -> None:
        """The schema knows every column of the table."""
        known = node_columns(self.schema, label)
        extra: dict[str, PropertyType] = {
            name: _PROPERTY_OF[dtype] for name, dtype in table.collect_schema().items() if name not in known
        }
        self.schema = self.schema.with_properties(label, extra, text=[name for name in texts if name in extra])


def _with_given(every: pl.DataFrame, given: pl.LazyFrame) -> pl.DataFrame:
    """The categories of the paths and the given ones (`id`, `name`, `parent`); what is given wins, gaps take the last name."""
    rows = given.select("id", "name", "parent").collect(engine="streaming")
    parents = rows.select(pl.col("parent").alias("id")).drop_nulls()
    table = (
        pl.concat([rows, every, parents], how="diagonal")
        .group_by("id")
        .agg(pl.col("name").drop_nulls().first(), pl.col("parent").drop_nulls().first())
    )
    own = pl.col("id").str.split(PATH_SEPARATOR).list.last()
    return table.select("id", pl.coalesce("name", own).alias("name"), "parent")


def _without_cycles(every: pl.DataFrame, given: pl.LazyFrame, rejects: Rejects) -> pl.DataFrame:
    """The categories without the links that close a circle."""
    parents = dict(every.select("id", "parent").drop_nulls().iter_rows())
    rows = given.select("id", "file", "line").collect().iter_rows()
    gone = cut(parents, {one: (file, line) for one, file, line in rows}, rejects)
    return every.with_columns(pl.when(~pl.col("id").is_in(list(gone))).then(pl.col("parent")).alias("parent")) if gone else every


def height(frame: pl.LazyFrame | None) -> int:
    """How many rows the frame has; none where there is no frame."""
    return 0 if frame is None else int(frame.select(pl.len()).collect(engine="streaming").item())
