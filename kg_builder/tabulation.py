"""From a Dump to GraphTables: cleaned, one node a thing, one edge a fact; what is refused goes to the rejects."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from kg_builder import cleaning
from kg_builder.assembly import IDS, Assembly
from kg_builder.dumps import Dump, Progress
from kg_builder.engines import Engine, Started, height
from kg_builder.engines.polars import Polars
from kg_builder.errors import EmptyDump
from kg_builder.merging import merged
from kg_builder.rejects import Rejects, Sieve
from kg_builder.schema import RETAIL, EdgeSpec, EdgeType, GraphSchema, NodeSpec, PropertyType
from kg_builder.tables import GraphTables

Dangling = Literal["keep", "drop"]
"""What becomes of links to products that nothing else tells of: bare nodes, or nothing."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a store holds already that a dump may speak of."""

    products: pl.LazyFrame = field(default_factory=lambda: IDS)
    """Column `id`: triples and edges may end there too."""
    brands: Mapping[str, str] = field(default_factory=dict)
    """The names of its brands by id; they keep them."""


def tabulate(
    dump: Dump,
    *,
    rejects: Rejects | None = None,
    now: int | None = None,
    schema: GraphSchema = RETAIL,
    scratch: Path | None = None,
    dangling: Dangling = "keep",
    held: Held | None = None,
    engine: Started = Polars,
    progress: Progress | None = None,
) -> GraphTables:
    """The graph that the dump tells of, in tables that pass `GraphTables.check`.

    Args:
        dump: what a reader returned.
        rejects: takes every refused row with its reason.
        now: epoch seconds; no row may lie more than a day after. None asks the clock.
        schema: what the graph may hold; unknown columns of the dump are added to it as properties.
        scratch: an empty folder for the cleaned rows and the tables, so that memory grows with the keys and not with the rows;
            the tables read from it as long as they live. None keeps them in memory.
        dangling: whether products that are only linked to become bare nodes ("keep") or their links are left out ("drop").
        held: what the store holds already that the tables are for.
        engine: where the work is done, as `engines.running` yields it.
        progress: called with (step, steps done, steps in all).

    Raises:
        EmptyDump: no product and no interaction is left.
        SchemaError: a required column is missing.
    """
    rejects = Rejects() if rejects is None else rejects
    now = int(time.time()) if now is None else now
    tell = progress or (lambda _what, _done, _total: None)
    held = Held() if held is None else held
    tell("clean", 0, 3)
    for label in dump.codes:
        schema = schema.without_text(label)
    works = engine(Sieve(rejects, scratch))
    graph = cleaned(dump, works, now, schema)
    parts = [graph.products, graph.reviews, graph.events, graph.triples, *dump.nodes.values(), *dump.edges.values()]
    if not any(height(part) for part in parts if part is not None):
        raise EmptyDump(_why_empty(dump, rejects, 0 if graph.users is None else height(graph.users)))
    tell("resolve", 1, 3)
    graph.add_reviews()
    graph.add_events()
    graph.add_links(keep_dangling=dangling == "keep")
    for kind, edges in dump.edges.items():
        graph.add_own_edges(kind, works.cleaned("-".join(kind), edges, cleaning.edges(kind, now)))
    graph.add_users()
    graph.add_products(dump.text_properties, held.products)
    graph.add_relations()
    graph.add_brands(held.brands, now)
    given = dump.categories
    graph.add_categories(None if given is None else works.cleaned("categories", given, cleaning.categories()))
    for label, nodes in dump.nodes.items():
        sound = works.cleaned(label, nodes, cleaning.nodes(label))
        graph.add_own_nodes(label, sound, dump.text_properties.get(label, ()))
    graph.add_ends(dump.edges, keep_dangling=dangling == "keep")
    tell("tabulate", 2, 3)
    tables = _without_empty(merged(graph.tables(), graph.spellings))
    tell("tabulate", 3, 3)
    return tables


def cleaned(dump: Dump, engine: Engine, now: int, schema: GraphSchema = RETAIL) -> Assembly:
    """The cleaned rows of the shop's own tables, not yet put together."""
    products, users, reviews, events, triples = dump.products, dump.users, dump.reviews, dump.events, dump.triples
    return Assembly(
        schema,
        engine,
        products=None if products is None else engine.cleaned("products", products, cleaning.products()),
        users=None if users is None else engine.cleaned("users", users, cleaning.users()),
        reviews=None if reviews is None else engine.cleaned("reviews", reviews, cleaning.reviews(reviews.collect_schema(), now)),
        events=None if events is None else engine.cleaned("events", events, cleaning.events(now)),
        triples=None if triples is None else engine.cleaned("triples", triples, cleaning.triples()),
    )


def _without_empty(tables: GraphTables) -> GraphTables:
    """The tables without properties of the dump's own that no row has: nothing says of which type they would be."""
    schema, nodes, edges = tables.schema, dict(tables.nodes), dict(tables.edges)
    specs: dict[str, NodeSpec] = dict(schema.nodes)
    kinds: dict[EdgeType, EdgeSpec] = dict(schema.edges)
    for label, table in tables.nodes.items():
        empty = _empty(table, set(specs[label].properties) - set(_properties(RETAIL.nodes.get(label))))
        left = {name: kind for name, kind in specs[label].properties.items() if name not in empty}
        text = tuple(name for name in specs[label].text if name not in empty)
        specs[label], nodes[label] = replace(specs[label], properties=left, text=text), table.drop(empty)
    for kind, table in tables.edges.items():
        own = set(kinds[kind].properties) - {*_properties(RETAIL.edges.get(kind)), kinds[kind].key}
        empty = _empty(table, own)
        left = {name: of for name, of in kinds[kind].properties.items() if name not in empty}
        kinds[kind], edges[kind] = replace(kinds[kind], properties=left), table.drop(empty)
    return GraphTables(replace(schema, nodes=specs, edges=kinds), nodes, edges)


def _properties(spec: NodeSpec | EdgeSpec | None) -> Mapping[str, PropertyType]:
    return {} if spec is None else spec.properties


def _empty(table: pl.LazyFrame, names: Collection[str]) -> list[str]:
    """Those of the columns in which there is no value."""
    asked = [name for name in table.collect_schema() if name in names]
    if not asked:
        return []
    filled = table.select(pl.col(asked).count()).collect(engine="streaming").row(0, named=True)
    return [name for name in asked if not filled[name]]


def _why_empty(dump: Dump, rejects: Rejects, users: int) -> str:
    held = f"{users} user{'' if users == 1 else 's'} but no product and nothing that anybody chose" if users else "nothing"
    refused = next(iter(rejects.counts().items()), None)
    rows = "1 row was" if len(rejects) == 1 else f"{len(rejects)} rows were"
    first = "".join(f"; the first is {fault}" for fault in rejects.first_faults(1))
    why = f"; {rows} refused, most often because {refused[0]} ({refused[1]}){first}" if refused else ""
    return f"{dump.name} ({dump.format}) holds {held} to build a graph of{why}"
