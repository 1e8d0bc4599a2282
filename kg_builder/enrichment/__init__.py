"""What a graph learns from texts and from outside, without a server: attributes of products, and triples joined by id.

Attributes enter the graph as outside knowledge does: `(Product)-[:RELATED {relation: 'colour'}]->(Entity {id: 'colour:black'})`.
The graph encoder and the path scorer learn from edges, not from properties, and they know RELATED and its relations already, as
does the reader of a `kg.tsv`; a new label would have to be taught to each of them. Only exact numbers (`size_amount` with
`size_unit`, `pack_count`) become properties too, so that Cypher can compare them. Properties of the source stay as they are.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from kg_builder.allowance import Allowance, allowance, check
from kg_builder.enrichment.exact import EXACT, exact_numbers, without_numbers
from kg_builder.enrichment.linking import Coverage, Linked, height, linked
from kg_builder.enrichment.traits import ATTRIBUTES, values
from kg_builder.errors import BadRequest, did_you_mean
from kg_builder.logs import logged
from kg_builder.reading import Reading
from kg_builder.reading.triples import read_links, read_triples
from kg_builder.rejects import Rejects
from kg_builder.schema import RETAIL, EdgeType, GraphSchema, NodeSpec
from kg_builder.scratch import scratch
from kg_builder.stores import GraphStore, Progress, asked, opened
from kg_builder.tables import GraphTables

_RELATED: EdgeType = ("Product", "RELATED", "Entity")
_TOLD = 5


@dataclass(frozen=True, slots=True)
class Attribute:
    """What was read of one attribute."""

    name: str
    products: int
    """Products that have it."""
    values: int
    """Different values."""
    most: Mapping[str, int]
    """The most frequent values with their products, up to five."""
    examples: Mapping[str, str]
    """Some products with their value, up to five."""


@dataclass(frozen=True, slots=True)
class EnrichReport:
    """What an enrichment found, and what of it was new to the store."""

    into: str
    """The store's address, without a password."""
    products: int
    """Listed products of the store."""
    attributes: tuple[Attribute, ...]
    coverage: Coverage | None
    """How the outside graph fits; None without triples."""
    entities: int
    edges: int
    new_entities: int
    """Entities that the store did not have; 0 where the same enrichment was done before."""
    new_edges: int
    written: bool
    """False for a dry run."""
    rejected: Mapping[str, int]
    """How many lines of triples and links were refused, by reason."""
    first_faults: tuple[str, ...]
    """The first of these in words, with file, line, value and expectation."""
    seconds: float


@dataclass(slots=True)
class _Finds:
    """What goes into the store."""

    entities: list[pl.DataFrame] = field(default_factory=list)
    edges: dict[EdgeType, list[pl.DataFrame]] = field(default_factory=dict)
    exact: pl.DataFrame = field(default_factory=pl.DataFrame)

    def add(self, entities: pl.DataFrame, edges: Mapping[EdgeType, pl.DataFrame]) -> None:
        self.entities.append(entities.select("id", "name"))
        for kind, frame in edges.items():
            self.edges.setdefault(kind, []).append(frame.select("source", "target", "relation"))


def enrich(
    store: GraphStore | str | Path,
    *,
    attributes: Iterable[str] | None = None,
    triples: Path | str | None = None,
    link: Path | str | None = None,
    hops: int | None = 1,
    dry_run: bool = False,
    rejects: Path | str | None = None,
    max_rejects: int | str | None = None,
    progress: Progress | None = None,
) -> EnrichReport:
    """The store's products have the attributes that their texts tell, and the outside knowledge that the triples hold.

    Doing it twice changes nothing. An attribute that a product has no longer, for its text or price has changed, goes.

    Args:
        store: an open store, or its address.
        attributes: some of `ATTRIBUTES`. None is all of them, or none where there are triples.
        triples: a file that `read_triples` reads.
        link: a file that says which item is which entity (`read_links`). None: entities that have a product's id are it.
        hops: triples are kept up to so many hops from a linked product; None keeps all.
        dry_run: write nothing.
        rejects: the file for refused lines.
        max_rejects: how many lines of triples and links may be left out, as a number or a share such as "1%" of all; where there
            are more, nothing is written. None leaves out any number.
        progress: called as work goes on.

    Raises:
        BadRequest: an unknown attribute, fewer hops than 1, links without triples, no such share, or nothing to do.
        TooManyFaults: more lines are faulty than `max_rejects` allows.
        MissingSource, DamagedDump, UnknownFormat: a file is not there, or cannot be read.
        StoreError: the store cannot be read or written to.

    Example:
        >>> import tempfile
        >>> import kg_builder
        >>> frame = pl.DataFrame({"id": ["p1"], "title": ["Espresso cups, white, set of 4"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = kg_builder.build({"products": frame}, into=f"{folder}/shop.graph")
        ...     report = enrich(f"{folder}/shop.graph")
        >>> {one.name: one.examples["p1"] for one in report.attributes if one.products}
        {'colour': 'white', 'pack': '4'}
    """
    wanted, most = _wanted(attributes, triples, link, hops), allowance(max_rejects)
    address = getattr(store, "address", store)
    with (
        logged("enrich", store=address, source=triples, dry_run=dry_run or None) as said,
        opened(store, read_only=dry_run) as there,
        nullcontext() if dry_run else there.writing(),
    ):
        report = _enriched(there, wanted, triples, link, hops, most, dry_run=dry_run, rejects=rejects, progress=progress)
        said.update(added={"Entity": report.new_entities, "RELATED": report.new_edges}, rejected=report.rejected)
        return report


def _enriched(
    store: GraphStore,
    wanted: Sequence[str],
    triples: Path | str | None,
    link: Path | str | None,
    hops: int | None,
    most: Allowance,
    *,
    dry_run: bool,
    rejects: Path | str | None,
    progress: Progress | None,
) -> EnrichReport:
    started = time.monotonic()
    tell = progress or (lambda _what, _done, _total: None)
    tables, refused, finds = store.read(), Rejects(most.number), _Finds()
    products = _products(tables, store)
    found = _add_attributes(finds, wanted, tables, tell)
    coverage = None
    if triples is not None:
        tell("triples", 0, 1)
        outside = _outside(Path(triples), link, products, hops, refused)
        finds.add(outside.entities, outside.edges)
        coverage = outside.coverage
        tell("triples", 1, 1)
    if rejects is not None:
        refused.save(rejects)
    check(refused, most)
    learnt = _tables(finds, tables.schema)
    new_entities, new_edges = _new(learnt, tables)
    nodes, edges = learnt.counts()
    if not dry_run:
        outdated = _outdated(learnt, tables, wanted)
        bare = _without_numbers(store, outdated)
        store.write(bare.merge(learnt), gone=outdated.merge(bare), progress=progress)
    return EnrichReport(
        into=store.info().address,
        products=products.filter("listed").height,
        attributes=found,
        coverage=coverage,
        entities=nodes.get("Entity", 0),
        edges=sum(edges.values()),
        new_entities=new_entities,
        new_edges=new_edges,
        written=not dry_run,
        rejected=refused.counts(),
        first_faults=tuple(refused.first_faults(_TOLD)),
        seconds=time.monotonic() - started,
    )


def _wanted(
    attributes: Iterable[str] | None, triples: Path | str | None, link: Path | str | None, hops: int | None
) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(attributes)) if attributes is not None else () if triples is not None else ATTRIBUTES
    for name in wanted:
        if name not in ATTRIBUTES:
            raise BadRequest(f"no attribute {name!r}{did_you_mean(name, ATTRIBUTES) or ';'} known: {', '.join(ATTRIBUTES)}")
    if link is not None and triples is None:
        raise BadRequest(f"a link file needs a file of triples (got only {link})")
    if hops is not None and hops < 1:
        raise BadRequest(f"hops must be at least 1 (got {hops})")
    if not wanted and triples is None:
        raise BadRequest(f"nothing to do: name attributes ({', '.join(ATTRIBUTES)}) or a file of triples")
    return wanted


def _products(tables: GraphTables, store: GraphStore) -> pl.DataFrame:
    """`id`, `listed` (never null) and `product` of every product and merged id: which product it is."""
    empty = pl.LazyFrame(schema={"id": pl.String(), "listed": pl.Boolean()})
    table = tables.nodes.get("Product", empty)
    listed = pl.col("listed").fill_null(value=False) if "listed" in table.collect_schema() else pl.lit(value=True)
    own = table.select("id", listed.alias("listed"), product="id").collect()
    merged = asked(store, "MATCH (a:Alias)-[:SAME_AS]->(p:Product) RETURN a.id, p.id")
    rows = [(alias.removeprefix("Product/"), False, product) for alias, product in merged]
    return own.vstack(pl.DataFrame(rows, schema=own.schema, orient="row"))


def _outside(triples: Path, link: Path | str | None, products: pl.DataFrame, hops: int | None, refused: Rejects) -> Linked:
    named = triples.name.removesuffix(".gz").endswith(".nt")
    with scratch() as folder:
        reading = Reading(refused, scratch=folder)
        joined = None if link is None else read_links(link, reading)
        found = linked(read_triples(triples, reading), joined, products, hops=hops, names=named)
        refused.passed += found.coverage.triples + (0 if joined is None else height(joined))
        return found


def _add_attributes(finds: _Finds, wanted: Sequence[str], tables: GraphTables, tell: Progress) -> tuple[Attribute, ...]:
    """The attributes' values and exact numbers are among the finds."""
    said: dict[str, pl.DataFrame] = {}
    for number, name in enumerate(wanted):
        tell("attributes", number, len(wanted))
        said[name] = values(name, tables).drop_nulls().sort("id")
    if wanted:
        tell("attributes", len(wanted), len(wanted))
    finds.exact = exact_numbers(said, tables.schema)
    return tuple(_add_attribute(finds, name, found) for name, found in said.items())


def _add_attribute(finds: _Finds, name: str, said: pl.DataFrame) -> Attribute:
    """The attribute's values are among the finds."""
    entity = pl.concat_str(pl.lit(f"{name}:"), pl.col("value"))
    entities = said.select(entity.alias("id"), pl.col("value").alias("name")).unique()
    edges = said.select(pl.col("id").alias("source"), entity.alias("target"), pl.lit(name).alias("relation"))
    finds.add(entities, {_RELATED: edges})
    counted = said.group_by("value").len().sort("len", "value", descending=[True, False])
    return Attribute(name, said.height, counted.height, dict(counted.head(5).iter_rows()), dict(said.head(5).iter_rows()))


def _tables(finds: _Finds, schema: GraphSchema) -> GraphTables:
    """The finds as tables of what the store's schema and they allow."""
    needed = GraphSchema.of(
        [NodeSpec("Product"), RETAIL.node("Entity")],
        [RETAIL.edge((one, "RELATED", other)) for one in ("Product", "Entity") for other in ("Product", "Entity")],
    )
    schema = schema.merge(needed)
    nodes: dict[str, pl.DataFrame] = {}
    if finds.exact.height:
        schema = schema.with_properties("Product", {name: EXACT[name] for name in finds.exact.columns if name in EXACT})
        nodes["Product"] = finds.exact
    if finds.entities:
        nodes["Entity"] = pl.concat(finds.entities).group_by("id").agg(pl.col("name").min())
    edges = {kind: pl.concat(parts).unique() for kind, parts in finds.edges.items()}
    return GraphTables.of(schema, nodes, edges)


def _new(learnt: GraphTables, held: GraphTables) -> tuple[int, int]:
    """How many entities and edges the store does not hold yet."""
    entities = _missing(learnt.nodes.get("Entity"), held.nodes.get("Entity"), ("id",))
    return entities, sum(
        _missing(table, held.edges.get(kind), ("source", "target", "relation")) for kind, table in learnt.edges.items()
    )


def _outdated(learnt: GraphTables, held: GraphTables, wanted: Sequence[str]) -> GraphTables:
    """The edges of these attributes that an earlier enrichment wrote and this one does not say again."""
    said = held.edges.get(_RELATED)
    if said is None or not wanted:
        return GraphTables(held.schema, {}, {})
    ours = pl.col("relation").is_in(list(wanted)) & pl.col("target").str.starts_with(pl.col("relation") + ":")
    identity = list(held.schema.edge(_RELATED).identity)
    old = said.filter(ours)
    if _RELATED in learnt.edges:
        old = old.join(learnt.edges[_RELATED], on=identity, how="anti")
    old = old.collect().lazy()
    return GraphTables(held.schema, {}, {_RELATED: old})


def _without_numbers(store: GraphStore, outdated: GraphTables) -> GraphTables:
    """The products whose sizes and packs are outdated as the store holds them, models' vectors too, without those numbers."""
    if _RELATED not in outdated.edges or not height(outdated.edges[_RELATED]):
        return GraphTables(outdated.schema, {}, {})
    held = store.read(derived=True)
    products = without_numbers(held.nodes["Product"], outdated.edges[_RELATED], held.schema)
    return GraphTables(held.schema, {"Product": products.collect().lazy()}, {})


def _missing(table: pl.LazyFrame | None, there: pl.LazyFrame | None, identity: tuple[str, ...]) -> int:
    if table is None:
        return 0
    new = table if there is None else table.join(there, on=identity, how="anti")
    return int(new.select(pl.len()).collect(engine="streaming").item())
