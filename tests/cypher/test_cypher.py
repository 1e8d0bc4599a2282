"""Every file of cypher/ runs unchanged on both stores, with equal rows in equal order."""

from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from kg_builder.cypher import Query, used_parameters
from kg_builder.planted import planted_shop
from kg_builder.schema import RETAIL
from kg_builder.stores import connect
from kg_builder.tables import GraphTables
from kg_builder.tabulation import tabulate

FILES = sorted((Path(__file__).parents[2] / "cypher").glob("*.cypher"))
IDS = {"product": "p0000", "other": "p0012", "user": "u0000", "category": "Kitchen", "k": 10}


def written_back():
    """What a model might write: u0000's recommendations and p0000's neighbours."""
    recommended = {"source": ["u0000"] * 3, "target": ["p0012", "p0024", "p0001"], "rank": [1, 2, 3], "score": [0.9, 0.8, 0.1]}
    similar = {"source": ["p0000"] * 2, "target": ["p0012", "p0003"], "score": [0.75, 0.5]}
    return GraphTables.of(
        RETAIL,
        {},
        {
            ("User", "RECOMMENDED", "Product"): pl.DataFrame(recommended).with_columns(model=pl.lit("m")),
            ("Product", "SIMILAR_TO", "Product"): pl.DataFrame(similar).with_columns(model=pl.lit("m")),
        },
    )


@pytest.fixture(scope="module")
def shop():
    return tabulate(planted_shop(), now=1_800_000_000)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory, shop):
    with connect(tmp_path_factory.mktemp("cypher") / "shop.graph", create=True) as store:
        store.write(shop)
        store.write(written_back())
        yield store


@pytest.fixture(scope="module")
def server(neo4j_address, wipe, shop):
    wipe()
    with connect(neo4j_address) as store:
        store.write(shop)
        store.write(written_back())
        yield store


def answer(store, file):
    query = Query.load(file)
    return store.query(query.text, {name: IDS[name] for name in query.defaults})


def test_there_are_at_least_eight_files():
    assert len(FILES) >= 8


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_parameter_of_a_file_has_a_default_and_every_default_is_used(file):
    query = Query.load(file)
    assert set(used_parameters(query.text)) == query.defaults.keys()
    assert query.text.startswith("// ")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_finds_rows_in_the_planted_shop(embedded, file):
    assert len(answer(embedded, file)) > 0


@pytest.mark.neo4j
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_has_equal_rows_on_both_stores(embedded, server, file):
    pd.testing.assert_frame_equal(answer(embedded, file), answer(server, file), check_dtype=False)


def test_dead_stock_is_what_was_planted_cold(embedded, shop):
    chosen = shop.interactions().filter(pl.col("kind").is_in(["BOUGHT", "ABOUT"])).select("product").unique()
    listed = shop.nodes["Product"].filter("listed").select("id")
    dead = listed.join(chosen, left_on="id", right_on="product", how="anti").collect()["id"]
    query = Query.load(next(file for file in FILES if file.stem == "dead_stock"))
    assert set(embedded.query(query.text, {"k": 1000})["product"]) == set(dead)


def test_who_bought_both_is_what_the_tables_say(embedded, shop):
    buyers = shop.interactions().filter(pl.col("kind").is_in(["BOUGHT", "ABOUT"])).collect()
    by = {product: set(rows["user"]) for (product,), rows in buyers.group_by("product")}
    query = Query.load(next(file for file in FILES if file.stem == "who_bought_both"))
    found = embedded.query(query.text, {"product": IDS["product"], "other": IDS["other"]})["user"]
    assert list(found) == sorted(by[IDS["product"]] & by[IDS["other"]])
