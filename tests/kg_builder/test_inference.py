"""What is proposed for files whose makers nobody asked, on the planted shop in other people's words."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest

from kg_builder.dumps import read_dump
from kg_builder.inference import infer
from kg_builder.mappings import parse
from kg_builder.planted import planted_shop, write_planted
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_750_000_000


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The planted tables, by name."""
    folder = tmp_path_factory.mktemp("planted")
    write_planted(folder)
    csv = {name: pl.read_csv(folder / f"{name}.csv", infer_schema=False) for name in ("products", "reviews")}
    return csv | {name: pl.read_parquet(folder / f"{name}.parquet") for name in ("users", "events")}


@pytest.fixture(scope="module")
def counts():
    """Nodes and edges of the planted shop."""
    return tabulate(planted_shop(), now=NOW).counts()


def dated(form):
    return pl.col("at").cast(pl.Int64).map_elements(lambda at: datetime.fromtimestamp(at, UTC).strftime(form), pl.String)


def comma(name):
    return pl.col(name).str.replace("$", "", literal=True).str.replace(".", ",", literal=True)


def json_lines(frame, path):
    path.write_text("".join(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in frame.to_dicts()))


def german(tables, folder):
    products = tables["products"].with_columns(
        comma("price") + " €",
        pl.col("categories").str.replace_all(" > ", "/"),
        pl.col("also_bought").str.replace_all("|", ";", literal=True),
    )
    names = ["Artikelnr", "Bezeichnung", "Beschreibung", "Preis", "Marke", "Warengruppe", "auch_gekauft", "Farbe"]
    products.rename(dict(zip(products.columns, names, strict=True))).write_csv(folder / "artikel.csv", separator="\t")
    tables["users"].rename({"id": "Kundennr", "city": "Ort"}).write_csv(folder / "kunden.csv", separator=";")
    reviews = tables["reviews"].with_columns(dated("%d.%m.%Y %H:%M:%S"), pl.col("rating").str.replace(".", ",", literal=True))
    names = ["Kunde", "Artikel", "Sterne", "Titel", "Kommentar", "Datum", "hilfreich"]
    reviews.rename(dict(zip(reviews.columns, names, strict=True))).write_csv(folder / "bewertungen.csv", separator=";")
    words = {"viewed": "ANSICHT", "carted": "WARENKORB", "bought": "KAUF"}
    events = (
        tables["events"].with_columns(pl.col("event").replace(words), day=dated("%d.%m.%Y"), clock=dated("%H:%M:%S")).drop("at")
    )
    names = ["Kunde", "Artikel", "Typ", "Beleg", "Menge", "Datum", "Uhrzeit"]
    json_lines(events.rename(dict(zip(events.columns, names, strict=True))), folder / "ereignisse.jsonl")


def shopify(tables, folder):
    paths = pl.col("categories").alias("Type")
    products = tables["products"].select(
        pl.col("title").str.to_lowercase().str.replace_all(r"\W+", "-").alias("Handle"),
        *(pl.col(one).alias(other) for one, other in (("title", "Title"), ("description", "Body (HTML)"), ("brand", "Vendor"))),
        paths,
        pl.lit("sale").alias("Tags"),
        pl.col("id").alias("Variant SKU"),
        comma("price").str.replace(",", ".").alias("Variant Price"),
        pl.lit("https://cdn.example/x.png").alias("Image Src"),
        pl.col("also_bought").alias("Related Products"),
        pl.col("color").alias("Option1 Value"),
    )
    products.write_csv(folder / "products_export.csv")
    people = tables["users"].select("id", "city", "newsletter", (pl.col("id") + "@mail.example").alias("email"))
    names = ["Customer ID", "Default Address City", "Accepts Email Marketing", "Email"]
    people.rename(dict(zip(people.columns, names, strict=True))).write_csv(folder / "customers_export.csv")
    events = tables["events"].with_columns(dated("%Y-%m-%d %H:%M:%S +0000"))
    names = ["Customer ID", "Lineitem sku", "Event type", "Name", "Created at", "Lineitem quantity"]
    events.rename(dict(zip(events.columns, names, strict=True))).write_csv(folder / "activity.csv")
    names = ["customer_id", "variant_sku", "rating", "title", "body", "created_at", "helpful_votes"]
    tables["reviews"].rename(dict(zip(tables["reviews"].columns, names, strict=True))).write_csv(folder / "product_reviews.csv")


def woocommerce(tables, folder):
    products = tables["products"].with_columns(
        pl.col("categories").str.replace_all("|", ", ", literal=True),
        pl.col("also_bought").str.replace_all("|", ", ", literal=True),
    )
    names = ["SKU", "Name", "Description", "Regular price", "Brands", "Categories", "Cross-sells", "Attribute 1 value(s)"]
    products.rename(dict(zip(products.columns, names, strict=True))).write_csv(folder / "wc-product-export.csv")
    tables["users"].rename({"id": "user_id"}).write_csv(folder / "wc-customers.csv")
    events = tables["events"].with_columns(dated("%Y-%m-%d %H:%M:%S"))
    names = ["user_id", "product_sku", "action", "order_number", "date_created", "qty"]
    events.rename(dict(zip(events.columns, names, strict=True))).write_csv(folder / "wc-events.csv")
    names = ["user_id", "product_sku", "rating", "review_title", "review", "date_created_gmt", "helpful"]
    reviews = tables["reviews"].with_columns(dated("%m/%d/%Y %I:%M:%S %p"))
    reviews.rename(dict(zip(reviews.columns, names, strict=True))).write_csv(folder / "wc-product-reviews.csv")


def camel_case(tables, folder):
    rename = {"id": "productId", "title": "productName", "also_bought": "alsoBought", "categories": "categoryPath"}
    json_lines(tables["products"].rename(rename), folder / "productCatalog.jsonl")
    json_lines(tables["users"].rename({"id": "userId"}), folder / "userProfiles.jsonl")
    events = tables["events"].with_columns(pl.col("at") * 1000)
    rename = {"user": "userId", "product": "productId", "event": "eventType", "key": "orderId", "at": "eventTime"}
    events.rename(rename).write_parquet(folder / "eventLog.parquet")
    rename = {"user": "userId", "product": "productId", "title": "reviewTitle", "text": "reviewText", "at": "createdAt"}
    json_lines(tables["reviews"].rename(rename), folder / "productReviews.jsonl")


def nested(tables, folder):
    goods = [
        {
            "sku": row["id"],
            "info": {"name": row["title"], "description": row["description"], "brand": {"name": row["brand"]}},
            "offer": {"price": row["price"], "currency": "USD"},
            "categories": [path.split(" > ") for path in row["categories"].split("|")] if row["categories"] else [],
            "related_products": row["also_bought"].split("|") if row["also_bought"] else [],
            "attributes": {"color": row["color"]},
        }
        for row in tables["products"].to_dicts()
    ]
    (folder / "catalog.jsonl").write_text("".join(json.dumps(one) + "\n" for one in goods))
    people = [
        {"user_id": row["id"], "address": {"city": row["city"]}, "opt": row["newsletter"]} for row in tables["users"].to_dicts()
    ]
    (folder / "members.json").write_text(json.dumps(people))
    events = [
        {
            "actor": {"user_id": row["user"]},
            "object": {"sku": row["product"]},
            "action": row["event"],
            "ts": row["at"],
            "order": {"order_id": row["key"], "quantity": row["quantity"]},
        }
        for row in tables["events"].to_dicts()
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(one) + "\n" for one in events))
    reviews = [
        {
            "author": {"user_id": row["user"]},
            "item": {"sku": row["product"]},
            "review": {k: row[k] for k in ("rating", "title", "text", "at")},
        }
        | {"votes": {"helpful": row["helpful"]}}
        for row in tables["reviews"].to_dicts()
    ]
    (folder / "reviews.jsonl").write_text("".join(json.dumps(one) + "\n" for one in reviews))


def mute(tables, folder):
    for file, table in zip(("t1.csv", "t2.csv", "t3.csv", "t4.csv"), ("events", "products", "reviews", "users"), strict=True):
        frame = tables[table]
        frame.rename(dict(zip(frame.columns, "abcdefghij", strict=False))).write_csv(folder / file)


VARIANTS = {one.__name__: one for one in (german, shopify, woocommerce, camel_case, nested, mute)}


def built(folder, proposal, rejects=None):
    """The graph that the proposal makes of the folder."""
    mapping = folder.parent / f"{folder.name}.toml"
    mapping.write_text(proposal.to_toml())
    reading = Reading(Rejects() if rejects is None else rejects, mapping=mapping)
    tables = tabulate(read_dump(folder, reading=reading), rejects=reading.rejects, now=NOW)
    tables.check()
    return tables


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_planted_shop_in_other_words_gives_the_same_counts(variant, planted, counts, tmp_path):
    folder = tmp_path / variant
    folder.mkdir()
    VARIANTS[variant](planted, folder)
    proposal = infer(folder)
    assert len(parse(proposal.to_toml())) == 4
    assert built(folder, proposal).counts() == counts
