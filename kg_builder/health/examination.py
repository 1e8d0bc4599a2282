"""What is looked at: one function a kind of measure, over tables, so that every store gives equal numbers."""

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from kg_builder.health.measures import Graph, Measure, filled, height, lacking, listing, most
from kg_builder.values import DAY, day

MANY = 5
"""Products that may share a title before it is worth a word."""
LEAST_DEGREE = 100
"""Edges that no node counts as far out with fewer of."""
SPREAD = 6
"""Median absolute deviations of the log-degree beyond which a node is far out."""


_SOUND, _TREE, _TIME = "soundness", "category tree", "time"
_COVER, _PROPERTIES, _ODD = "coverage", "properties", "worth a look"


def measures(graph: Graph) -> Iterator[Measure]:
    """Every measure of the graph, in the order in which people read them."""
    for kind in _KINDS:
        yield from kind(graph)


def _duplicates(graph: Graph) -> Iterator[Measure]:
    """Cannot happen in a sound store: its keys are unique."""
    nodes = {label: (table, ("id",)) for label, table in graph.tables.nodes.items()}
    edges = {"-".join(kind): (table, graph.tables.schema.edge(kind).identity) for kind, table in graph.tables.edges.items()}
    for name, what, held in (
        ("duplicate_nodes", "nodes of a label without an id or that share it", nodes),
        ("duplicate_edges", "edges of a type that share their ends and key", edges),
    ):
        shared = [doubled_keys(table, identity, owner) for owner, (table, identity) in held.items()]
        found = pl.concat([pl.DataFrame(schema={"id": pl.String(), "value": pl.Float64()}), *shared])
        total = sum(height(table) for table, _ in held.values())
        yield Measure(name, _SOUND, what, int(found["value"].sum()), total, examples=most(found))


def doubled_keys(table: pl.LazyFrame, identity: Sequence[str], owner: str) -> pl.DataFrame:
    """Identities that several rows have (or that are null), as `Label id`, with the number of their rows."""
    null = pl.any_horizontal(pl.col(name).is_null() for name in identity)
    rows = table.group_by(identity).len().filter((pl.col("len") > 1) | null)
    written = pl.concat_str(pl.lit(owner), *(pl.col(name).fill_null("null") for name in identity), separator=" ")
    return rows.select(written.alias("id"), pl.col("len").cast(pl.Float64).alias("value")).collect(engine="streaming")


def _dangling(graph: Graph) -> Iterator[Measure]:
    loose = [pl.DataFrame(schema={"id": pl.String()})]
    total = 0
    for (source, name, target), table in graph.tables.edges.items():
        total += height(table)
        ends = graph.edges(source, name, target)
        for column, label in (("source", source), ("target", target)):
            there = graph.nodes(label).select("id").unique().with_columns(pl.lit(value=True).alias(f"{column}_there"))
            ends = ends.join(there, left_on=column, right_on="id", how="left")
        missing = ends.filter(pl.col("source_there").is_null() | pl.col("target_there").is_null())
        said = pl.format("{}-[{}]->{}", pl.col("source").fill_null("null"), pl.lit(name), pl.col("target").fill_null("null"))
        loose.append(missing.select(said.alias("id")).collect(engine="streaming"))
    yield listing("dangling_edges", _SOUND, "edges with an end that is no node", pl.concat(loose), total)


def _orphans(graph: Graph) -> Iterator[Measure]:
    for label in graph.labels:
        table = graph.nodes(label).select("id")
        alone = table.join(graph.degrees[label].lazy(), on="id", how="anti").collect()
        yield listing(f"orphans.{label}", _SOUND, f"{label} nodes without any edge", alone, height(table))


def _bare(graph: Graph) -> Iterator[Measure]:
    products = graph.nodes("Product").select("id")
    bare = products.join(graph.listed.lazy(), on="id", how="anti").collect()
    what = "products known only as the target of a link"
    yield listing("bare_products", _SOUND, what, bare, height(products))


def _category_tree(graph: Graph) -> Iterator[Measure]:
    """Peeled from the top level by level; what then withstands peeling from below lies on a cycle, or between two."""
    edges = graph.edges("Category", "CHILD_OF", "Category").unique().collect()
    total = height(graph.nodes("Category"))
    depth = int(total > 0)
    rest = edges
    while (
        below := rest.join(rest.select("source").unique(), left_on="target", right_on="source", how="semi")
    ).height < rest.height:
        rest, depth = below, depth + 1
    while (
        above := rest.join(rest.select("target").unique(), left_on="source", right_on="target", how="semi")
    ).height < rest.height:
        rest = above
    cycle = rest.select(pl.col("source").alias("id")).unique()
    yield listing("category_cycles", _TREE, "categories that are their own ancestors", cycle, total)
    several = (
        edges.group_by(pl.col("source").alias("id")).agg(pl.len().cast(pl.Float64).alias("value")).filter(pl.col("value") > 1)
    )
    yield Measure("category_parents", _TREE, "categories with several parents", several.height, total, examples=most(several))
    yield Measure("category_depth", _TREE, "levels of the category tree", depth, better="neither", unit="levels")


def _outliers(graph: Graph) -> Iterator[Measure]:
    """Log-degree beyond the median by six median absolute deviations (at least half a doubling each), and a hundred edges."""
    for label in graph.labels:
        degrees = graph.degrees[label].with_columns(pl.col("degree").cast(pl.Float64).log(2).alias("log"))
        if label == "Product":  # bare ones have hardly any edges: among them every described one would be far out
            degrees = degrees.join(graph.listed, on="id", how="semi")
        middle = pl.col("log").median()
        spread = pl.max_horizontal((pl.col("log") - middle).abs().median(), pl.lit(0.5))
        far = degrees.filter((pl.col("log") > middle + SPREAD * spread) & (pl.col("degree") >= LEAST_DEGREE))
        found = far.select("id", pl.col("degree").cast(pl.Float64).alias("value"))
        total = height(graph.nodes(label))
        what = f"{label} nodes with far more edges than is usual (bots, catch-alls)"
        yield Measure(f"degree_outliers.{label}", _ODD, what, found.height, total, examples=most(found))


def _times(graph: Graph) -> Iterator[Measure]:
    at = graph.interactions["at"]
    total = len(at)
    what = "interactions with a time"
    yield Measure("interactions_with_time", _TIME, what, total - at.null_count(), total, better="high")
    future = pl.col("at") > graph.now + DAY  # the builder puts up with a day, as zones differ
    past = graph.interactions.filter(~future)["at"]
    for name, what, moment in (("first_interaction", "first", past.min()), ("last_interaction", "last", past.max())):
        value = int(moment) if isinstance(moment, int) else None
        what = f"moment of the {what} interaction up to now"
        yield Measure(name, _TIME, what, value, better="neither", unit="moment")
    said = graph.interactions.filter(future).select(pl.format("{} {} {}", "user", "kind", "product").alias("id"))
    yield listing("interactions_in_future", _TIME, "interactions more than a day after now", said, total)
    yield from _gaps(past)


def _gaps(at: pl.Series) -> Iterator[Measure]:
    """A gap is a run of days without any interaction, longer than a week and than five times the usual distance of two days."""
    days = pl.DataFrame({"from": (at // DAY).unique().sort()}).with_columns(pl.col("from").shift(-1).alias("to")).drop_nulls()
    runs = days.with_columns((pl.col("to") - pl.col("from")).alias("apart"))
    empty = runs.select(
        pl.format("{} to {}", day((pl.col("from") + 1) * DAY), day((pl.col("to") - 1) * DAY)).alias("id"),
        (pl.col("apart") - 1).cast(pl.Float64).alias("value"),
        pl.col("apart").median().alias("usual"),
    ).filter(pl.col("value") > 0)
    gaps = empty.filter((pl.col("value") > 7) & (pl.col("value") > 5 * pl.col("usual")))
    what = "long runs of days without any interaction"
    yield Measure("time_gaps", _TIME, what, gaps.height if at.len() else None, examples=most(gaps))
    longest = most(empty)[:1]
    value = longest[0].value if longest else 0
    what = "days of the longest run without any interaction"
    yield Measure("longest_gap", _TIME, what, value if at.len() else None, unit="days", examples=longest)


def _coverage(graph: Graph) -> Iterator[Measure]:
    products = graph.products()
    texts = graph.tables.schema.node("Product").text if "Product" in graph.tables.schema.nodes else ()
    kinds = graph.properties("Product")
    said = [filled(name, kinds[name]) for name in texts if name in kinds] or [pl.lit(value=False)]
    priced = pl.col("price").is_not_null() if "price" in kinds else pl.lit(value=False)
    source, target = pl.col("source").alias("id"), pl.col("target").alias("id")
    having = {
        "text": ("a title, a description or another text", products.filter(pl.any_horizontal(said)).select("id")),
        "price": ("a price", products.filter(priced).select("id")),
        "brand": ("a brand", graph.edges("Product", "MADE_BY", "Brand").select(source)),
        "category": ("a category", graph.edges("Product", "IN_CATEGORY", "Category").select(source)),
        "reviews": ("a review", graph.edges("Review", "ABOUT", "Product").select(target)),
        "interactions": ("an interaction", graph.interactions.lazy().select(pl.col("product").alias("id"))),
    }
    for name, (what, have) in having.items():
        without = graph.listed.lazy().join(have, on="id", how="anti").collect(engine="streaming")
        yield lacking(f"products_with_{name}", _COVER, f"listed products with {what}", without, graph.listed.height)
    users = graph.nodes("User").select("id")
    counted = graph.interactions.lazy().group_by(pl.col("user").alias("id")).len()
    for least in (2, 5):
        fewer = users.join(counted.filter(pl.col("len") >= least), on="id", how="anti").collect()
        what = f"users with at least {least} interactions"
        yield lacking(f"users_with_{least}_interactions", _COVER, what, fewer, height(users))


def _missing(graph: Graph) -> Iterator[Measure]:
    for label in graph.labels:
        table = graph.products() if label == "Product" else graph.nodes(label)
        kinds, total = graph.properties(label), height(table)
        nodes = "listed products" if label == "Product" else f"{label} nodes"
        frames = pl.collect_all([table.filter(~filled(name, kind)).select("id") for name, kind in kinds.items()])
        for name, frame in zip(kinds, frames, strict=True):
            yield lacking(f"has.{label}.{name}", _PROPERTIES, f"{nodes} with the property {name}", frame, total)


def _problems(graph: Graph) -> Iterator[Measure]:
    repeated = graph.interactions.group_by("user", "product", "kind").len()
    extra = repeated.filter(pl.col("len") > 1).select(
        pl.format("{} {} {}", "user", "kind", "product").alias("id"), pl.col("len").cast(pl.Float64).alias("value")
    )
    again = int(extra["value"].sum()) - extra.height
    what = "interactions of a user with a product after the first of their kind"
    yield Measure("repeated_interactions", _ODD, what, again, graph.interactions.height, "neither", examples=most(extra))
    yield _alike("brands_with_shared_name", "brands that have the name of another brand", graph, "Brand", "name", 2)
    what = f"listed products whose title {MANY} or more have"
    yield _alike("products_with_shared_title", what, graph, "Product", "title", MANY)
    reviews, kinds = graph.nodes("Review"), graph.properties("Review")
    silent = reviews.filter(~filled("text", kinds["text"])) if "text" in kinds else reviews
    yield listing("reviews_without_text", _ODD, "reviews without a text", silent.select("id").collect(), height(reviews))
    ratings = graph.interactions.group_by(pl.col("rating").cast(pl.String).alias("id")).len("value").drop_nulls()
    usual = most(ratings.with_columns(pl.col("value").cast(pl.Float64)))[:1]
    what = "ratings that are the most usual one (100%: all are equal)"
    rated = int(ratings["value"].sum())
    yield Measure("ratings_alike", _ODD, what, usual[0].value if usual else None, rated, "neither", examples=usual)


def _alike(name: str, what: str, graph: Graph, label: str, column: str, least: int) -> Measure:
    """Nodes whose property (whatever its case) is that of so many nodes; examples are the values."""
    if column not in graph.properties(label):
        return Measure(name, _ODD, what, 0, 0)
    table = graph.products() if label == "Product" else graph.nodes(label)
    value = pl.col(column).str.to_lowercase()
    rows = table.select(value.alias("id")).drop_nulls().group_by("id").agg(pl.len().cast(pl.Float64).alias("value"))
    counted = rows.collect(engine="streaming")
    shared = counted.filter(pl.col("value") >= least)
    return Measure(name, _ODD, what, int(shared["value"].sum()), int(counted["value"].sum()), examples=most(shared))


_KINDS: tuple[Callable[[Graph], Iterator[Measure]], ...] = (
    _duplicates,
    _dangling,
    _orphans,
    _bare,
    _category_tree,
    _times,
    _coverage,
    _missing,
    _outliers,
    _problems,
)
