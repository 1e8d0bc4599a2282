"""An outside graph joined to the shop's products by id: what is kept of it, and how much of the shop it covers."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from kg_builder.reading.triples import local_name, names_a_node
from kg_builder.schema import EdgeType

LONGEST = 200
"""Characters of an entity's id: a longer literal is an abstract, which no other triple shares."""
_EXAMPLES = 5
_IDS = pl.LazyFrame(schema={"id": pl.String()})


@dataclass(frozen=True, slots=True)
class Coverage:
    """How an outside graph fits the shop."""

    products: int
    """Listed products of the store."""
    linked: int
    """Listed products that are an entity of the triples."""
    covered: int
    """Listed products at an end of a kept triple."""
    unknown_products: int
    """Rows of the link file whose product the store does not have."""
    unknown_product_examples: tuple[str, ...]
    silent_entities: int
    """Rows of the link file whose product is known and whose entity no triple has."""
    silent_entity_examples: tuple[str, ...]
    triples: int
    """Triples read, the refused ones not among them."""
    kept: int
    """Different triples that became edges."""
    dropped: Mapping[str, int]
    """How many did not, by reason."""
    relations: Mapping[str, int]
    """Kept triples by relation, the most frequent first."""

    @property
    def verdict(self) -> str:
        """One line that says whether the outside graph is of use."""
        if not self.linked:
            hint = f" (the link file says {self.unknown_product_examples[0]!r})" if self.unknown_product_examples else ""
            return f"no product is linked: the ids of the outside graph are not those of the store{hint}"
        share = self.covered / max(self.products, 1)
        return (
            f"{self.covered:,} of {self.products:,} products ({share:.1%}) have outside knowledge: {self.kept:,} of "
            f"{self.triples:,} triples kept, {len(self.relations):,} relation{'s' * (len(self.relations) != 1)}"
        )


@dataclass(frozen=True, slots=True)
class Linked:
    """The part of an outside graph that goes into the store."""

    entities: pl.DataFrame
    """`id` and `name` of every end that is no product."""
    edges: Mapping[EdgeType, pl.DataFrame]
    """RELATED edges: `source`, `target`, `relation`."""
    coverage: Coverage


def linked(
    triples: pl.LazyFrame,
    links: pl.LazyFrame | None,
    products: pl.DataFrame,
    *,
    hops: int | None = 1,
    names: bool = False,
) -> Linked:
    """The triples near a linked product as RELATED edges, entities that are a product replaced by it.

    Args:
        triples: `head`, `relation`, `tail`; scanned a few times, so that only what is kept is held in memory.
        links: `item` and `entity`; an entity may be given whole or by the local name of its IRI, where only one node has that
            name. None: entities that have a product's id are that product.
        products: `id` and `listed` of the store's products and of ids merged into them; `product` says which product an id is.
        hops: a triple is kept where one of its ends is at most `hops - 1` triples away from a linked product; None keeps all.
        names: literals of the relations label and prefLabel name their node instead of being one.
    """
    is_name = names_a_node() & names
    naming, facts = triples.filter(is_name), triples.filter(~is_name)
    nodes = pl.concat([triples.select(id="head"), facts.select(id="tail")]).unique().collect(engine="streaming")
    same, unknown, silent = _joined(nodes, links, products)
    near, reason = _near(facts, same, hops)
    total, named = height(triples), height(naming)
    different = near.unique()
    long = pl.col("tail").str.len_chars() > LONGEST
    fit = different.filter(~long)
    product = same.rename({"product": "head_product"}), same.rename({"product": "tail_product"})
    ends = fit.join(product[0], left_on="head", right_on="node", how="left").join(
        product[1], left_on="tail", right_on="node", how="left"
    )
    itself = (pl.col("head_product") == pl.col("tail_product")).fill_null(value=False)
    ends = ends.filter(~itself)
    kept = ends.unique(["head", "relation", "tail"])
    dropped = {
        reason: total - named - near.height,
        "said more than once": near.height - different.height,
        f"the tail is a text of more than {LONGEST} characters": different.height - fit.height,
        "both ends are the same product": fit.height - kept.height,
        "names a node": named,
    }
    edges = _edges(ends)
    coverage = Coverage(
        products=products.filter("listed").height,
        linked=products.filter("listed").join(same, left_on="id", right_on="product", how="semi").height,
        covered=products.filter("listed").join(_touched(ends), on="id", how="semi").height,
        unknown_products=unknown.height,
        unknown_product_examples=_first(unknown["item"]),
        silent_entities=silent.height,
        silent_entity_examples=_first(silent["entity"]),
        triples=total,
        kept=kept.height,
        dropped={why: count for why, count in dropped.items() if count},
        relations=dict(kept.group_by("relation").len().sort("len", "relation", descending=[True, False]).iter_rows()),
    )
    return Linked(_entities(edges, naming), edges, coverage)


def _joined(
    nodes: pl.DataFrame, links: pl.LazyFrame | None, products: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Which `node` is which `product`; links whose product is unknown; links whose entity is no node."""
    if links is None:
        same = nodes.join(products, on="id").select(pl.col("id").alias("node"), "product")
        none = pl.DataFrame(schema={"item": pl.String(), "entity": pl.String()})
        return same, none, none
    given = links.select("item", "entity").unique().collect(engine="streaming")
    unknown = given.join(products, left_on="item", right_on="id", how="anti")
    known = given.join(products, left_on="item", right_on="id").select("entity", item="product").unique()
    whole = known.join(nodes, left_on="entity", right_on="id", how="semi").with_columns(node="entity")
    rest = known.join(whole, on=["item", "entity"], how="anti")
    short = nodes.with_columns(local_name(pl.col("id")).alias("local")).drop_nulls().unique("local", keep="none")
    by_name = rest.join(short, left_on="entity", right_on="local").rename({"id": "node"})
    silent = rest.join(by_name, on=["item", "entity"], how="anti")
    same = pl.concat([part.select("node", pl.col("item").alias("product")) for part in (whole, by_name)]).unique()
    return same, unknown, silent


def _near(facts: pl.LazyFrame, same: pl.DataFrame, hops: int | None) -> tuple[pl.DataFrame, str]:
    """The triples to keep, and why the others are not."""
    wanted = facts.select("head", "relation", "tail")
    if hops is None:
        return wanted.collect(engine="streaming"), ""
    reached = same.select(pl.col("node").alias("id")).unique()
    near = wanted.limit(0).collect()
    for _ in range(hops):
        mark = reached.lazy().with_columns(pl.lit(value=True).alias("head_near"))
        marked = wanted.join(mark, left_on="head", right_on="id", how="left").join(
            mark.rename({"head_near": "tail_near"}), left_on="tail", right_on="id", how="left"
        )
        touching = pl.col("head_near").is_not_null() | pl.col("tail_near").is_not_null()
        near = marked.filter(touching).select("head", "relation", "tail").collect(engine="streaming")
        reached = pl.concat([reached, near.select(id="head"), near.select(id="tail")]).unique()
    return near, f"farther than {hops} hop{'s' * (hops != 1)} from a linked product"


def _edges(ends: pl.DataFrame) -> dict[EdgeType, pl.DataFrame]:
    edges: dict[EdgeType, pl.DataFrame] = {}
    for source, is_source in (("Product", True), ("Entity", False)):
        for target, is_target in (("Product", True), ("Entity", False)):
            some = ends.filter(
                pl.col("head_product").is_not_null() == is_source, pl.col("tail_product").is_not_null() == is_target
            ).select(
                pl.col("head_product" if is_source else "head").alias("source"),
                pl.col("tail_product" if is_target else "tail").alias("target"),
                "relation",
            )
            if some.height:
                edges[source, "RELATED", target] = some.unique()
    return edges


def _entities(edges: Mapping[EdgeType, pl.DataFrame], naming: pl.LazyFrame) -> pl.DataFrame:
    """Every end that is no product, named by a label, else by what its id says to people."""
    parts = [
        frame.lazy().select("relation", pl.col(end).alias("id"))
        for (source, _, target), frame in edges.items()
        for end, label in (("source", source), ("target", target))
        if label == "Entity"
    ]
    prefix = pl.col("relation") + ":"
    after = pl.when(pl.col("id").str.starts_with(prefix)).then(pl.col("id").str.strip_prefix(prefix))
    words = pl.when(pl.col("id").str.contains(r"\s")).then(pl.col("id"))
    readable = local_name(pl.col("id")).str.replace_all("_", " ")
    ids = pl.concat([_IDS.with_columns(pl.lit(None, pl.String).alias("relation")).select("relation", "id"), *parts])
    found = ids.group_by("id").agg(after.min().alias("after"))
    labels = naming.group_by("head").agg(pl.col("tail").min().alias("label"))
    named = found.join(labels, left_on="id", right_on="head", how="left")
    return named.select("id", pl.coalesce("label", "after", readable, words).alias("name")).collect(engine="streaming")


def _touched(ends: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([ends.select(pl.col(f"{end}_product").alias("id")) for end in ("head", "tail")]).drop_nulls().unique()


def _first(values: pl.Series) -> tuple[str, ...]:
    return tuple(values.unique().sort().head(_EXAMPLES))


def height(frame: pl.LazyFrame) -> int:
    """How many rows the frame has, without holding them."""
    return int(frame.select(pl.len()).collect(engine="streaming").item())
