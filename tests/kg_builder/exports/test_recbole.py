"""RecBole's files, read as RecBole reads them: pandas, tabs, the types in the header, blanks between the tokens of a sequence."""

from urllib.parse import unquote

import pandas as pd
import polars as pl
import pytest

from kg_builder.dumps import read_dump
from kg_builder.exports import export
from kg_builder.schema import RETAIL
from kg_builder.tables import GraphTables
from kg_builder.tabulation import tabulate
from tests.kg_builder.graphs import TEXTS, outside, planted, ugly, written_back


def read(folder, ending, engine="python"):
    file = folder / f"{folder.name}.{ending}"
    header = file.read_text(encoding="utf-8").partition("\n")[0].split("\t")
    types = dict(column.split(":") for column in header)
    dtype = {column: float if column.endswith(":float") else str for column in header}
    frame = pd.read_csv(file, delimiter="\t", usecols=header, dtype=dtype, encoding="utf-8", engine=engine)
    frame.columns = [column.partition(":")[0] for column in frame.columns]
    return types, frame


def rows(frame):
    return [tuple(None if pd.isna(value) else value for value in row) for row in frame.itertuples(index=False)]


def decoded(token):
    return "" if token == "%" else unquote(token)  # noqa: S105


@pytest.fixture(params=["python", "c"])
def engine(request):
    return request.param


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop"
    export(outside(), path, format="recbole")
    return path


def test_interactions_are_by_user_and_time_with_what_was_paid(shop, engine):
    types, frame = read(shop, "inter", engine)
    assert types == {"user_id": "token", "item_id": "token", "timestamp": "float", "event": "token", "paid": "float"}
    assert rows(frame) == [("u1", "p1", 10, "BOUGHT", None), ("u1", "p2", 20, "BOUGHT", 2.5)]
    assert "u1\tp1\t10\tBOUGHT\t\n" in (shop / "shop.inter").read_text()


def test_items_have_their_properties_brand_and_categories(shop, engine):
    types, frame = read(shop, "item", engine)
    assert types == {
        "item_id": "token",
        "title": "token_seq",
        "price": "float",
        "brand": "token",
        "categories": "token_seq",
    }
    assert rows(frame) == [("p1", "Green  tea", 1299.0, "Acme Tea", "Food Food%20>%20Tea"), ("p2", None, 0.1, "%4EA", None)]


def test_triples_name_entities_by_label_and_the_link_says_which_item_one_is(shop, engine):
    _, triples = read(shop, "kg", engine)
    assert set(rows(triples)) == {
        ("Product/p1", "MADE_BY", "Brand/b2"),
        ("Product/p2", "MADE_BY", "Brand/b1"),
        ("Product/p1", "IN_CATEGORY", "Category/Food > Tea"),
        ("Product/p1", "IN_CATEGORY", "Category/Food"),
        ("Product/p1", "RELATED:made in", "Entity/m.1"),
        ("Entity/m.1", "RELATED:near", "Entity/p1"),
    }
    types, links = read(shop, "link", engine)
    assert types == {"item_id": "token", "entity_id": "token"}
    assert rows(links) == [("p1", "Product/p1"), ("p2", "Product/p2")]


def test_every_interaction_item_user_and_triple_of_a_shop_is_there(tmp_path, engine):
    tables, path = planted(), tmp_path / "planted"
    export(tables, path, format="recbole")
    nodes, edges = tables.counts()
    assert len(read(path, "item", engine)[1]) == nodes["Product"]
    assert len(read(path, "user", engine)[1]) == nodes["User"]
    _, inter = read(path, "inter", engine)
    wanted = tables.interactions().select("user", "product", "kind", "at", "rating").collect()
    found = pl.from_pandas(inter[["user_id", "item_id", "event", "timestamp", "rating"]]).select(
        user="user_id",
        product="item_id",
        kind="event",
        at=pl.col("timestamp").cast(pl.Int64),
        rating=pl.col("rating").cast(pl.Float64),
    )
    by = ["user", "product", "kind", "at", "rating"]
    assert found.sort(by).equals(wanted.sort(by))
    assert len(read(path, "kg", engine)[1]) == sum(n for kind, n in edges.items() if not {"User", "Review"} & {*kind})


@pytest.mark.parametrize("tables", [planted(), outside()], ids=["planted", "outside"])
def test_built_again_every_node_and_edge_is_there_once(tables, tmp_path):
    export(tables, tmp_path / "shop", format="recbole")
    found = tabulate(read_dump(tmp_path / "shop"), now=1_750_000_000)
    for kind, count in tables.counts()[1].items():
        assert found.counts()[1].get(kind, 0) == count, kind
    assert set(found.edges) - set(tables.edges) <= {("Category", "CHILD_OF", "Category")}  # which a category's path implies
    counts = {label: count for label, count in tables.counts()[0].items() if count}
    assert {label: count for label, count in found.counts()[0].items() if count} == counts


def test_built_again_reviews_keep_their_ratings_and_times(tmp_path):
    tables = planted()
    export(tables, tmp_path / "shop", format="recbole")
    found = tabulate(read_dump(tmp_path / "shop"), now=1_750_000_000)
    told = [one.nodes["Review"].select("rating", "at").sort("rating", "at").collect() for one in (found, tables)]
    assert told[0].equals(told[1])
    assert "INTERACTED" not in {kind[1] for kind, count in found.counts()[1].items() if count}


def test_ids_of_any_kind_survive_what_pandas_takes_for_its_own(tmp_path, engine):
    export(ugly(), tmp_path / "ugly", format="recbole")
    for ending, field in (("item", "item_id"), ("user", "user_id"), ("inter", "user_id")):
        _, frame = read(tmp_path / "ugly", ending, engine)
        assert {decoded(token) for token in frame[field]} == set(TEXTS)
    _, items = read(tmp_path / "ugly", "item", engine)
    by_id = {decoded(name): words for name, words in zip(items["item_id"], items["words"], strict=True)}
    wanted = {row["id"]: row["words"] or None for row in ugly().nodes["Product"].collect().to_dicts()}
    found = {name: None if pd.isna(said) else [decoded(token) for token in said.split(" ")] for name, said in by_id.items()}
    assert found == wanted


def test_a_name_that_recbole_or_another_file_uses_gets_an_underscore(tmp_path):
    export(ugly(), tmp_path / "ugly", format="recbole")
    types, _ = read(tmp_path / "ugly", "user")
    assert types["size_"] == "token"
    assert "item_id" not in types
    fields = [name for ending in ("inter", "item", "user") for name in read(tmp_path / "ugly", ending)[0]]
    assert {name for name in fields if fields.count(name) > 1} == {"user_id", "item_id"}


def test_vectors_are_sequences_of_floats_where_asked_for(tmp_path):
    export(written_back(), tmp_path / "v", format="recbole", derived=True)
    types, frame = read(tmp_path / "v", "item")
    assert types["seen"] == "float_seq"
    said = next(value for value in frame["seen"] if not pd.isna(value) and value.startswith("0.1"))
    assert [float(number) for number in said.split(" ")] == pytest.approx([0.1, -1e30])


def test_recommendations_are_no_triples(tmp_path):
    scores = pl.DataFrame({"source": ["u1"], "target": ["p1"], "model": ["m"], "rank": [1]})
    tables = outside().merge(GraphTables.of(RETAIL, {}, {("User", "RECOMMENDED", "Product"): scores}))
    export(tables, tmp_path / "r", format="recbole", derived=True)
    assert "RECOMMENDED" not in (tmp_path / "r" / "r.kg").read_text()
