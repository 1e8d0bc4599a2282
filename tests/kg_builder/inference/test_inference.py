"""What is proposed for files whose makers nobody asked, on the planted shop in other people's words."""

import gzip
import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg_builder.dumps import read_dump
from kg_builder.errors import DamagedDump, EmptyDump, MissingSource, SchemaError
from kg_builder.inference import infer
from kg_builder.layouts.mappings import parse
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
def original():
    """The planted shop as a graph."""
    return tabulate(planted_shop(), now=NOW)


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


def chosen(tables):
    """Who chose what, how and when, and how it was rated."""
    return tables.interactions().select("user", "product", "kind", "at", "rating").collect().sort(pl.all())


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_planted_shop_in_other_words_is_the_same_shop(variant, planted, original, tmp_path):
    folder = tmp_path / variant
    folder.mkdir()
    VARIANTS[variant](planted, folder)
    proposal = infer(folder)
    assert len(parse(proposal.to_toml())) == 4
    rejects = Rejects()
    tables = built(folder, proposal, rejects)
    assert tables.counts() == original.counts()
    assert chosen(tables).equals(chosen(original))
    said = "title", "description", "price"
    assert dict(tables.nodes["Product"].select("id", pl.struct(said)).collect().rows()) == dict(
        original.nodes["Product"].select("id", pl.struct(said)).collect().rows()
    )
    assert rejects.faults == 5


def columns_of(proposal, file):
    """What every column of the file is taken for."""
    return {one.column: one.ours for guess in proposal.files if guess.file == file for one in guess.columns if one.ours}


def write(folder, **files):
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_a_lone_file_of_orders_is_events_that_bought(tmp_path):
    rows = "".join(
        f"{1000 + n // 2},C{n % 17},2021-03-{1 + n % 28:02} 10:00,P{n % 23},{1 + n % 3},{n % 50}.99\n" for n in range(120)
    )
    (tmp_path / "orders.csv").write_text("order_id,customer_id,order_date,product_id,quantity,unit_price\n" + rows)
    proposal = infer(tmp_path / "orders.csv")
    assert columns_of(proposal, "orders.csv") == {
        "order_id": "key",
        "customer_id": "user",
        "order_date": "at",
        "product_id": "product",
        "quantity": "quantity",
        "unit_price": "price",
    }
    (tmp_path / "m.toml").write_text(proposal.to_toml())
    dump = read_dump(tmp_path / "orders.csv", reading=Reading(mapping=tmp_path / "m.toml"))
    assert tabulate(dump, now=NOW).counts()[1] == {("User", "BOUGHT", "Product"): 120}


def test_ratings_of_movies_are_interactions_with_ratings(tmp_path):
    rows = "".join(f"{1 + n // 10},{n * 7 % 40},{1 + n % 9 / 2},{964982703 + n}\n" for n in range(200))
    films = "".join(f'{n},"Film {n}, The (1999)",{"Comedy|Drama" if n % 2 else "War"}\n' for n in range(40))
    write(tmp_path, ratings__csv="userId,movieId,rating,timestamp\n" + rows, movies__csv="movieId,title,genres\n" + films)
    nodes, edges = built(tmp_path, infer(tmp_path)).counts()
    assert nodes == {"User": 20, "Product": 40, "Category": 3}
    assert edges["User", "INTERACTED", "Product"] == 200


@pytest.mark.parametrize(("separator", "file"), [("::", "ratings.dat"), ("\t", "u.txt")])
def test_a_file_without_a_header_is_read_in_the_order_of_its_ids(separator, file, tmp_path):
    rows = [(1 + n // 10, 100 + n * 7 % 40, 1 + n % 5, 964982703 + n) for n in range(200)]
    (tmp_path / file).write_text("".join(separator.join(map(str, row)) + "\n" for row in rows))
    proposal = infer(tmp_path / file)
    assert list(columns_of(proposal, file).values()) == ["user", "product", "rating", "at"]
    assert proposal.files[0].sure < 0.6
    assert "DOUBTFUL" in proposal.to_toml()
    (tmp_path / "m.toml").write_text(proposal.to_toml())
    dump = read_dump(tmp_path / file, reading=Reading(mapping=tmp_path / "m.toml"))
    assert tabulate(dump, now=NOW).counts()[1] == {("User", "INTERACTED", "Product"): 200}


def shop_with_stores(folder):
    stores = "".join(f"S{n},{'Graz' if n % 2 else 'Wien'},0{1 + n % 9}.05.2001\n" for n in range(12))
    people = "".join(f"C{n},c{n}@x.example,S{n % 12}\n" for n in range(80))
    goods = "".join(f"P{n},Nice thing {n},{n}.99\n" for n in range(60))
    orders = "".join(f"O{n},C{n % 80},P{n * 7 % 60},2022-01-{1 + n % 28:02}\n" for n in range(300))
    visits = "".join(f"C{n % 80},S{n * 5 % 12},{1600000000 + n}\n" for n in range(200))
    return write(
        folder,
        stores__csv="store_id,city,opened\n" + stores,
        customers__csv="customer_id,email,home_store\n" + people,
        products__csv="sku,name,price\n" + goods,
        orders__csv="order,customer,sku,date\n" + orders,
        visits__csv="customer,store,at\n" + visits,
    )


def test_things_of_a_kind_of_their_own_are_nodes_and_what_names_them_edges(tmp_path):
    proposal = infer(shop_with_stores(tmp_path))
    (tmp_path / "mapping.toml").write_text(proposal.to_toml())
    dump = read_dump(tmp_path)
    store = dump.nodes["Store"].drop("file", "line").collect()
    assert store.columns == ["id", "city", "opened"]
    assert store["opened"][0] == "2001-05-01"
    assert set(dump.edges) == {("User", "HAS_STORE", "Store"), ("User", "VISITS", "Store")}
    assert dump.edges["User", "VISITS", "Store"].collect().height == 200
    assert dump.events.collect().height == 300


def test_what_belongs_to_a_person_is_left_out_and_not_shown(tmp_path):
    text = infer(shop_with_stores(tmp_path)).to_toml()
    assert '# email = "?"' in text
    assert "x.example" not in text


def test_lines_of_orders_are_joined_with_their_orders(tmp_path):
    orders = "".join(f"O{n},C{n % 60},2018-02-{1 + n % 28:02} 11:00:00\n" for n in range(200))
    lines = "".join(f"O{n // 2},{1 + n % 2},P{n % 40},{1 + n % 9}.50\n" for n in range(400))
    goods = "".join(f"P{n},{['toys', 'perfume', 'books'][n % 3]},{n * 10}\n" for n in range(40))
    write(
        tmp_path,
        orders__csv="order_id,customer_id,order_purchase_timestamp\n" + orders,
        order_items__csv="order_id,order_item_id,product_id,price\n" + lines,
        products__csv="product_id,product_category_name,product_weight_g\n" + goods,
    )
    proposal = infer(tmp_path)
    assert [guess.file for guess in proposal.files] == ["order_items.csv", "products.csv"]
    tables = built(tmp_path, proposal)
    nodes, edges = tables.counts()
    assert (nodes["User"], nodes["Product"], nodes["Category"]) == (60, 40, 3)
    assert edges["User", "BOUGHT", "Product"] == 400
    assert tables.interactions().select(pl.col("at").null_count()).collect().item() == 0


def test_products_and_users_that_only_events_describe_are_told_of_once(tmp_path):
    rows = "".join(
        f"{536365 + n // 5},{85000 + n % 50}A,NICE THING {n % 50},{1 + n % 12},12/{1 + n % 28}/2010 8:00,{n % 50}.10,"
        f"{17000 + n % 30},{['UK', 'FR', 'DE'][n % 3]}\n"
        for n in range(600)
    )
    head = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    rejects = Rejects()
    proposal = infer(write(tmp_path, online_retail__csv=head + rows))
    assert [guess.table for guess in proposal.files] == ["events", "products", "users"]
    tables = built(tmp_path, proposal, rejects)
    assert tables.nodes["Product"].select("title").collect()["title"].n_unique() == 50
    assert sorted(tables.nodes["User"].select("country").collect()["country"].unique()) == ["DE", "FR", "UK"]
    assert tables.counts()[1] == {("User", "BOUGHT", "Product"): 600}
    assert len(rejects) == 0


def test_variants_that_leave_out_what_their_first_row_says_get_it(tmp_path):
    head = "Handle,Title,Vendor,Type,Option1 Value,Variant SKU,Variant Price,Image Src\n"
    goods = "".join(
        f"nice-{n},{f'Nice Thing {n},{brand},Clock' if size == 'S' else ',,'},{size},NT-{n}-{size},19.{n + 10},\n"
        for n, brand in enumerate(("Acme", "Borealis") * 20)
        for size in "SML"
    )
    rows = "".join(
        f"#{1001 + n},c{n % 40}@x.example,NT-{n % 40}-{'SML'[n % 3]},2,2021-05-01 10:00:00 +0200\n" for n in range(150)
    )
    orders = "Name,Email,Lineitem sku,Lineitem quantity,Created at\n"
    proposal = infer(write(tmp_path, products_export__csv=head + goods, orders_export__csv=orders + rows))
    product = built(tmp_path, proposal).nodes["Product"].collect()
    assert product.height == 120
    assert product["title"].null_count() == 0
    assert columns_of(proposal, "products_export.csv")["Variant SKU"] == "id"


def test_an_id_that_stands_in_a_row_twice_is_still_its_id(tmp_path):
    goods = "".join(f"P{n},Nice thing {n},Acme,P{n}\n" for n in range(60))
    reviews = "".join(f"C{n % 20},P{n % 60},{1 + n % 5},Nice and good {n}\n" for n in range(90))
    write(tmp_path, meta__csv="asin,title,brand,code\n" + goods, reviews__csv="user,asin,overall,text\n" + reviews)
    assert columns_of(infer(tmp_path), "meta.csv") == {"asin": "id", "title": "title", "brand": "brand", "code": "code"}


def test_lists_of_names_that_nest_are_paths_and_others_are_not(tmp_path):
    nested = [["Home", "Tea", f"Tea {n % 7}"] if n % 2 else ["Garden", f"Seeds {n % 5}"] for n in range(60)]
    flat = [[f"Genre {n % 5}", f"Genre {n * 3 % 7}"] for n in range(60)]
    for lists, count in ((nested, 15), (flat, 7)):
        rows = [{"sku": f"p{n}", "title": f"Thing {n}", "category": names} for n, names in enumerate(lists)]
        (tmp_path / "products.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        categories = built(tmp_path, infer(tmp_path)).nodes["Category"].select("id").collect()["id"]
        assert len(categories) == count
        assert any(" > " in one for one in categories) == (lists is nested)


def test_a_column_that_is_not_what_its_name_says_is_left_out(tmp_path):
    rows = "".join(f"p{n},Nice thing {n},see {n} below\n" for n in range(60))
    proposal = infer(write(tmp_path, products__csv="sku,title,price\n" + rows))
    assert "price" not in columns_of(proposal, "products.csv")
    assert "its values are not what its name says" in proposal.to_toml()


def test_a_test_split_beside_a_train_split_is_left_out(tmp_path):
    rows = "".join(f"u{n % 30},i{n % 41},{1500000000 + n}\n" for n in range(100))
    proposal = infer(write(tmp_path, train__csv="user,item,time\n" + rows, test__csv="user,item,time\n" + rows))
    assert [guess.file for guess in proposal.files] == ["train.csv"]
    assert proposal.notes == ("test.csv is left out: by its name it is held out for tests",)


def test_small_numbers_under_the_name_of_a_time_are_positions(tmp_path):
    rows = "".join(f"u{n // 10},i{n % 41},{n % 10}\n" for n in range(100))
    proposal = infer(write(tmp_path, train__csv="user,item,timestamp\n" + rows))
    assert columns_of(proposal, "train.csv")["timestamp"] == "position"


def test_a_date_whose_day_and_month_could_be_swapped_is_less_sure(tmp_path):
    def at(dates):
        rows = "".join(f"u{n % 7},i{n % 11},{dates[n % len(dates)]}\n" for n in range(50))
        proposal = infer(write(tmp_path, orders__csv="user,item,date\n" + rows))
        return next(one for one in proposal.files[0].columns if one.ours == "at")

    clear, unclear = at(["03/25/2020", "04/01/2020"]), at(["03/02/2020", "04/01/2020"])
    assert (clear.format, unclear.format) == ("%m/%d/%Y", "%m/%d/%Y")
    assert unclear.sure < clear.sure
    assert "day and month could be swapped" in unclear.reason
    assert at(["25/03/2020", "01/04/2020"]).format == "%d/%m/%Y"


def test_ids_of_a_long_file_are_known_beyond_its_first_rows(tmp_path):
    goods = "".join(f"P{n:05},Nice thing {n},{n % 90}.99\n" for n in range(30_000))
    rows = "".join(f"C{n % 50},P{29_999 - n % 200:05},{1500000000 + n}\n" for n in range(500))
    proposal = infer(write(tmp_path, a__csv="x,y,z\n" + goods, b__csv="k,l,m\n" + rows))
    assert columns_of(proposal, "a.csv") == {"x": "id", "y": "title", "z": "price"}
    assert columns_of(proposal, "b.csv") == {"k": "user", "l": "product", "m": "at"}
    assert "100% of its values are x of a.csv" in proposal.to_toml()


def test_a_file_that_cannot_be_placed_says_how_to_write_it_by_hand(tmp_path):
    proposal = infer(write(tmp_path, x__csv="a,b\n" + "".join(f"{n / 7},{n / 3}\n" for n in range(50))))
    assert not proposal.files[0].placed
    assert "x.csv could not be placed" in proposal.notes[0]
    assert "Say it by hand in its block below: the table (or node, or edge), and which of a, b is the id" in proposal.notes[0]
    assert '# file = "x.csv"' in proposal.to_toml()


def test_names_and_values_of_any_signs_make_sound_toml(tmp_path):
    head = 'user id,"it""em.no",größe \\ x,[z]\n'
    rows = "".join(f'u{n % 7},i{n % 11},"a\nb ""{n}""",{n % 3}\n' for n in range(50))
    proposal = infer(write(tmp_path, **{"orders [1]__csv": head + rows}))
    (tmp_path / "mapping.toml").write_text(proposal.to_toml())
    assert read_dump(tmp_path).events.collect().height == 50


def test_chinese_that_is_no_utf_8_is_found_out_and_western_text_is_not_taken_for_it(tmp_path):
    rows = "".join(f"用户{n % 7},商品{n % 11},购买了一个好东西{n},2020-01-{1 + n % 28:02}\n" for n in range(50))
    (tmp_path / "orders.csv").write_bytes(("user,item,备注,date\n" + rows).encode("gb18030"))
    proposal = infer(tmp_path)
    assert 'encoding = "gb18030"' in proposal.to_toml()
    (tmp_path / "mapping.toml").write_text(proposal.to_toml())
    assert read_dump(tmp_path).events.collect()["user"][0] == "用户0"
    for encoding, words in (
        ("latin-1", "Größe Köln süß élève"),
        ("cp1251", "Привет мир красный"),
        ("cp1252", "“quoted” – naïve"),
    ):
        (tmp_path / "orders.csv").write_bytes(("user,item,word\n" + f"u1,i1,{words}\nu2,i2,{words}\n" * 20).encode(encoding))
        assert "encoding" not in infer(tmp_path).to_toml()


def test_a_source_that_is_not_there_or_holds_nothing_is_refused(tmp_path):
    with pytest.raises(MissingSource, match="there is nothing at"):
        infer(tmp_path / "nowhere")
    with pytest.raises(EmptyDump, match="holds no rows of CSV, TSV, JSON lines or Parquet"):
        infer(tmp_path)
    with pytest.raises(EmptyDump, match="holds no rows"):
        infer(write(tmp_path, a__csv="", b__txt="x,y\n", c__png="x"))


NAMES = st.one_of(
    st.sampled_from(["id", "user", "product", "sku", "price", "rating", "date", "text", "title", "event", "line", "file", "a.b"]),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8),
)
VALUES = st.one_of(
    st.integers(-3, 40).map(str),
    st.sampled_from(
        ["2020-01-02", "03.04.2021 10:00", "1500000000", "$3.50", "1,5", "A > B", "x|y", "view", "true", "", "p1", '{"a": 1}']
    ),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=12),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(["csv", "jsonl", "parquet"]))
def test_whatever_the_files_hold_the_proposal_is_a_mapping_that_can_be_read(data, kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    for file in ("orders", "things"):
        names = data.draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
        rows = data.draw(st.lists(st.tuples(*[VALUES] * len(names)), min_size=1, max_size=12))
        frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
        if kind == "csv":
            frame.write_csv(folder / f"{file}.csv")
        elif kind == "parquet":
            frame.write_parquet(folder / f"{file}.parquet")
        else:
            json_lines(frame, folder / f"{file}.jsonl")
    proposal = infer(folder)
    placed = [guess for guess in proposal.files if guess.placed]
    if not placed:
        with pytest.raises(SchemaError, match="describes nothing"):
            parse(proposal.to_toml())
        return
    assert len(parse(proposal.to_toml())) == len(placed)
    (folder / "mapping.toml").write_text(proposal.to_toml())
    dump = read_dump(folder)
    for frame in (dump.products, dump.users, dump.reviews, dump.events, dump.triples, dump.categories, *dump.nodes.values()):
        if frame is not None:
            frame.collect()


def test_events_told_as_actor_verb_and_object_are_placed(tmp_path):
    rows = [
        {
            "actor": {"id": f"a{n % 7}"},
            "object": {"id": f"o{n % 5}"},
            "verb": ("view", "purchase")[n % 2],
            "published": 1500000000 + n,
        }
        for n in range(60)
    ]
    (tmp_path / "stream.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (guess,) = infer(tmp_path).files
    assert guess.table == "events"
    found = {one.ours: one.column for one in guess.columns if one.ours}
    assert found == {"user": "actor.id", "product": "object.id", "event": "verb", "at": "published"}
    (tmp_path / "mapping.toml").write_text(infer(tmp_path).to_toml())
    counts = tabulate(read_dump(tmp_path), now=NOW).counts()
    assert (counts[0]["User"], counts[0]["Product"], counts[1]["User", "BOUGHT", "Product"]) == (7, 5, 30)


def test_few_events_of_actor_and_object_are_placed_too(tmp_path):
    row = {"actor": {"id": "u1", "type": "person"}, "object": {"id": "p1"}, "verb": "viewed"}
    (tmp_path / "log.jsonl").write_text(json.dumps(row) + "\n" + json.dumps({**row, "verb": "bought"}) + "\n")
    (guess,) = infer(tmp_path).files
    assert (guess.table, {one.column: one.ours for one in guess.columns if one.ours in ("user", "product")}) == (
        "events",
        {"actor.id": "user", "object.id": "product"},
    )


def test_a_link_out_of_the_folder_is_not_followed_and_a_lone_link_is(tmp_path):
    (tmp_path / "secret.csv").write_text("Kundennr;Stadt\nk1;Graz\nk2;Wien\n")
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "kunden.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(MissingSource, match=r"kunden\.csv is a link to .*secret\.csv, outside of its folder"):
        infer(tmp_path / "dump")
    assert infer(tmp_path / "dump" / "kunden.csv").files[0].table == "users"


@pytest.mark.parametrize("cut", [9, 400])
def test_a_gzip_that_breaks_off_is_named(cut, tmp_path):
    rows = "".join(f"m{number * 7919}\trel{number % 7}\tp{number * 104_729}\n" for number in range(300))
    (tmp_path / "facts.tsv.gz").write_bytes(gzip.compress(rows.encode())[:-cut])
    with pytest.raises(DamagedDump, match=r"facts\.tsv\.gz: the gzip file breaks off"):
        infer(tmp_path)


def test_a_gzip_with_a_damaged_middle_is_named(tmp_path):
    packed = bytearray(gzip.compress("".join(f"m{number * 7919}\tp{number * 104_729}\n" for number in range(3000)).encode()))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = b"\xff" * 40
    (tmp_path / "facts.tsv.gz").write_bytes(bytes(packed))
    with pytest.raises(DamagedDump, match=r"facts\.tsv\.gz: not a sound gzip file"):
        infer(tmp_path)


@pytest.mark.parametrize("damage", [lambda whole: whole[:-40], lambda whole: whole[:4] + b"\xff" * 60 + whole[64:]])
def test_a_damaged_parquet_file_is_named(damage, tmp_path):
    pl.DataFrame({"Kundennr": [f"k{number}" for number in range(99)]}).write_parquet(tmp_path / "kunden.parquet")
    (tmp_path / "kunden.parquet").write_bytes(damage((tmp_path / "kunden.parquet").read_bytes()))
    with pytest.raises(DamagedDump, match=r"kunden\.parquet: not a sound Parquet file"):
        infer(tmp_path)
