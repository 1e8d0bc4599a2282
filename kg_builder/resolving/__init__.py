"""Brands, categories and products of a store that are one thing become one node."""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from kg_builder.errors import BadRequest, did_you_mean
from kg_builder.logs import logged
from kg_builder.merging import Step, contract, contraction, merged_away, undoing
from kg_builder.merging.aliases import LABELS, aliases
from kg_builder.merging.clusters import Match, clusters, degrees_in
from kg_builder.resolving.matching import THRESHOLD, Named, Vectors, find
from kg_builder.schema import EdgeType
from kg_builder.stores import GraphStore, Progress, opened
from kg_builder.tables import GraphTables

_ORDER = ("Category", "Brand", "Product")
"""Brands are told by their categories, products by their brands."""
_ROUNDS = 5
"""What one round merges can show more to the next; three settle any real catalogue."""
_TOGETHER = ("ALSO_BOUGHT", "BOUGHT_TOGETHER")


@dataclass(frozen=True, slots=True)
class Merge:
    """One node that was found to be another one."""

    alias: str
    """The id that takes the merge back, `Brand/acmee`."""
    label: str
    one: str
    """The id of the node."""
    one_name: str | None
    other: str
    """The id of the node it was found to be: the one that stands for it, or one merged into that."""
    other_name: str | None
    score: float
    rule: str


@dataclass(frozen=True, slots=True)
class ResolveReport:
    """What resolving a store found and did."""

    store: str
    merges: tuple[Merge, ...]
    """The merges, the surest first."""
    undone: tuple[str, ...]
    """The aliases whose merges were taken back."""
    written: bool
    """False for a dry run, and where there was nothing to do."""

    @property
    def rules(self) -> dict[str, int]:
        """How many nodes were merged by each rule, such as `Brand: misspelt`; the most frequent first."""
        return dict(Counter(f"{merge.label}: {merge.rule}" for merge in self.merges).most_common())


def resolve(
    store: str | Path | GraphStore,
    *,
    labels: Sequence[str] = LABELS,
    threshold: float = THRESHOLD,
    vectors: Vectors | None = None,
    undo: Sequence[str] = (),
    dry_run: bool = False,
    progress: Progress | None = None,
    now: int | None = None,
) -> ResolveReport:
    """Nodes of the store that are one thing are one node; what was merged is kept as an `Alias` with the evidence.

    A second run finds nothing new. What an earlier `undo` told apart stays apart.

    Args:
        store: a path, `neo4j://…`, or an open store.
        labels: of Brand, Category and Product, those to resolve.
        threshold: the least score of a pair; less finds more and errs more.
        vectors: from texts to [n, dim] unit vectors; with it, close meanings are pairs too.
        undo: ids of aliases (`Brand/acmee`): takes their merges back, exactly, and merges nothing.
        dry_run: only say what would be merged.
        progress: called as work goes on.
        now: epoch seconds, kept with each merge. None asks the clock.

    Raises:
        BadRequest: an unknown label or alias, or a threshold outside 0..1.
        StoreError: the store cannot be reached or written to.

    Example:
        >>> import tempfile
        >>> from kg_builder.pipeline import build
        >>> products = pl.DataFrame({"id": ["p1", "p2", "p3"], "brand": ["Borealis", "Borealis, Inc.", "Embercoal"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = build({"products": products}, into=f"{folder}/shop.graph")
        ...     print(resolve(f"{folder}/shop.graph").rules)
        ...     print(resolve(f"{folder}/shop.graph").rules)
        {'Brand: legal form': 1}
        {}
    """
    for label in labels:
        if label not in LABELS:
            raise BadRequest(f"cannot resolve {label!r}{did_you_mean(label, LABELS) or ';'} known: {', '.join(LABELS)}")
    tell = progress or (lambda _what, _done, _total: None)
    tell("read", 0, 3)
    address = getattr(store, "address", store)
    with (
        logged("resolve", store=address, dry_run=dry_run or None) as said,
        opened(store, read_only=dry_run) as there,
        nullcontext() if dry_run else there.writing(),
    ):
        address, tables = there.info().address, there.read(derived=True)
        tell("match", 1, 3)
        found = [] if undo else matches(tables, labels=labels, threshold=threshold, vectors=vectors)
        step = undoing(tables, undo) if undo else contraction(tables, found, at=int(time.time()) if now is None else now)
        written = not dry_run and _changes(step)
        if written:
            tell("write", 2, 3)
            there.write(step.written, gone=step.gone)
        said.update(merged=len(found), undone=len(undo), written=written)
    tell("resolve", 3, 3)
    return ResolveReport(address, _merges(tables, found), tuple(undo), written)


def matches(
    tables: GraphTables,
    *,
    labels: Collection[str] = LABELS,
    threshold: float = THRESHOLD,
    vectors: Vectors | None = None,
) -> list[Match]:
    """The pairs of nodes that are one thing and were not told apart before, those that show only after others are merged too."""
    there = _described(tables)

    def degrees(label: str, ids: set[str]) -> Mapping[str, int]:
        return degrees_in(tables, label, ids)  # with the edges of users, as when it is written

    every: list[Match] = []
    for _ in range(_ROUNDS):
        found: list[Match] = []
        for label in (label for label in _ORDER if label in labels):
            pairs = find(label, named(there, label), threshold=threshold, vectors=vectors)
            made = clusters(there, aliases(there).values(), pairs, degrees=degrees)
            joined = [match for cluster in made for _, match in cluster.found.values()]
            if joined:
                there = contract(there, joined, degrees=degrees).collect()
                found += joined
        every += found
        if not found:
            break
    return every


def named(tables: GraphTables, label: str) -> list[Named]:
    """The nodes of the label as matching sees them; those without a name are left out."""
    make = {"Brand": _named_brands, "Category": _named_categories, "Product": _named_products}
    return make[label](tables) if label in tables.nodes else []


def _described(tables: GraphTables) -> GraphTables:
    """What names, categories, brands and prices there are: the part of the graph that matching looks at, in memory."""
    away = merged_away(tables)
    left_out = {"User", "Review"}
    nodes = {
        label: table.filter(~pl.col("id").is_in(list(away.get(label, ()))))
        for label, table in tables.nodes.items()
        if label not in left_out
    }
    edges = {
        kind: table
        for kind, table in tables.edges.items()
        if not left_out & {kind[0], kind[2]} and (kind[1] == "SAME_AS" or not tables.schema.edge(kind).derived)
    }
    return GraphTables(tables.schema, nodes, edges).collect()


def _pairs(tables: GraphTables, kind: EdgeType) -> list[tuple[str, str]]:
    """(source, target) of every edge of the type."""
    return tables.edges[kind].select("source", "target").collect().rows() if kind in tables.edges else []


def _of_source(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for source, target in pairs:
        found[source].add(target)
    return found


def _within(tables: GraphTables) -> Mapping[str, frozenset[str]]:
    """Each category with those above it."""
    above = _of_source(_pairs(tables, ("Category", "CHILD_OF", "Category")))

    def path(category: str) -> frozenset[str]:
        seen, waiting = {category}, [category]
        while waiting:
            further = above.get(waiting.pop(), set()) - seen
            seen |= further
            waiting += further
        return frozenset(seen)

    ids = tables.nodes["Category"].select("id").collect()["id"] if "Category" in tables.nodes else ()
    return {category: path(category) for category in ids}


def _categories_of(tables: GraphTables) -> dict[str, frozenset[str]]:
    """Each product with its categories and those above them."""
    within = _within(tables)
    held = _of_source(_pairs(tables, ("Product", "IN_CATEGORY", "Category")))
    return {product: frozenset().union(*(within[one] for one in own if one in within)) for product, own in held.items()}


def _named_brands(tables: GraphTables) -> list[Named]:
    categories, prices = _categories_of(tables), _prices(tables)
    of: dict[str, set[str]] = defaultdict(set)
    asked: dict[str, list[float]] = defaultdict(list)
    titles: dict[str, list[str]] = defaultdict(list)
    uses: Counter[str] = Counter()
    said = _titles(tables)
    for product, brand in _pairs(tables, ("Product", "MADE_BY", "Brand")):
        uses[brand] += 1
        of[brand] |= categories.get(product, frozenset())
        if product in prices:
            asked[brand].append(prices[product])
        if product in said:
            titles[brand].append(said[product])
    rows = tables.nodes["Brand"].select("id", "name").drop_nulls().sort("id").collect().iter_rows()
    return [
        Named(one, name, uses[one], frozenset(of[one]), prices=_span(asked[one]), titles=tuple(titles[one])) for one, name in rows
    ]


def _span(values: list[float]) -> tuple[float, float] | None:
    return (min(values), max(values)) if values else None


def _titles(tables: GraphTables) -> dict[str, str]:
    titled = tables.nodes["Product"].select("id", "title") if "Product" in tables.nodes else None
    return {} if titled is None else dict(titled.drop_nulls().collect().iter_rows())


def _prices(tables: GraphTables) -> dict[str, float]:
    priced = tables.nodes["Product"].select("id", "price") if "Product" in tables.nodes else None
    return {} if priced is None else dict(priced.filter(pl.col("price") > 0).collect().iter_rows())


def _named_categories(tables: GraphTables) -> list[Named]:
    above = _of_source(_pairs(tables, ("Category", "CHILD_OF", "Category")))
    rows = tables.nodes["Category"].select("id", "name").drop_nulls().sort("id").collect().iter_rows()
    return [Named(one, name, parent=min(above.get(one, ()), default=None)) for one, name in rows]


def _named_products(tables: GraphTables) -> list[Named]:
    spec = tables.schema.node("Product")
    kinds = {name for name, kind in spec.properties.items() if kind in ("string", "integer", "float")}
    facts = sorted(kinds - {"title", "description", "price"})
    categories = _categories_of(tables)
    together: dict[str, set[str]] = defaultdict(set)
    for name in _TOGETHER:
        for one, others in _of_source(_pairs(tables, ("Product", name, "Product"))).items():
            together[one] |= others
    brand = dict(sorted(_pairs(tables, ("Product", "MADE_BY", "Brand")), reverse=True))
    names = dict(tables.nodes["Brand"].select("id", "name").collect().iter_rows()) if "Brand" in tables.nodes else {}
    rows = tables.nodes["Product"].filter(pl.col("title").is_not_null()).sort("id").collect().iter_rows(named=True)
    return [
        Named(
            row["id"],
            row["title"],
            categories=categories.get(row["id"], frozenset()),
            price=row["price"],
            brand=brand.get(row["id"]),
            brand_name=names.get(brand.get(row["id"], "")) or "",
            text=row["description"],
            facts={name: str(row[name]) for name in facts if row[name] is not None},
            linked=frozenset(together.get(row["id"], ())),
        )
        for row in rows
    ]


def _merges(tables: GraphTables, found: list[Match]) -> tuple[Merge, ...]:
    merges = []
    names: dict[str, dict[str, str]] = {}
    for cluster in clusters(tables, aliases(tables).values(), found):
        label = cluster.label
        if label not in names:
            column = "title" if label == "Product" else "name"
            names[label] = dict(tables.nodes[label].select("id", column).collect().iter_rows())
        merges += [
            Merge(f"{label}/{node}", label, node, names[label].get(node), via, names[label].get(via), match.score, match.rule)
            for node, (via, match) in cluster.found.items()
        ]
    return tuple(sorted(merges, key=lambda merge: (-merge.score, merge.alias)))


def _changes(step: Step) -> bool:
    return any(any(counts) for part in (step.written, step.gone) for counts in part.counts())
