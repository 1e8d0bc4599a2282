"""What every reader must do; a new file in kg_builder/dumps is tested by giving it an example here."""

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from kg_builder.dumps import read_dump, readers
from kg_builder.errors import DamagedDump, EmptyDump
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000


@dataclass(frozen=True)
class Example:
    """A mini dump: a frame a file, rows that must be refused, and the reason."""

    files: Mapping[str, pl.DataFrame]
    dirt: Mapping[str, pl.DataFrame]
    reason: str
    texts: Mapping[str, str] = field(default_factory=dict)
    """Files that are no tables, such as a mapping."""

    def write(self, folder: Path, *, dirty: bool = False, seed: int | None = None, rows: int | None = None) -> Path:
        folder.mkdir(exist_ok=True)
        for name, text in self.texts.items():
            (folder / name).write_text(text)
        for name, frame in self.files.items():
            table = pl.concat([frame, self.dirt[name]], how="diagonal") if dirty and name in self.dirt else frame
            if seed is not None:
                table = table.sample(fraction=1, shuffle=True, seed=seed)
            write(folder / name, table if rows is None else table.head(rows))
        return folder


def write(path: Path, table: pl.DataFrame) -> None:
    if path.suffix == ".parquet":
        table.write_parquet(path)
    elif path.name.startswith("u."):  # ml-100k: no header, no quotes, Latin-1
        separator = "\t" if path.suffix == ".data" else "|"
        path.write_bytes(table.write_csv(separator=separator, include_header=False, quote_style="never").encode("latin-1"))
    elif path.suffix in (".inter", ".item", ".user", ".kg", ".link"):
        table.write_csv(path, separator="\t", quote_style="never")
    elif path.suffix in (".tsv", ".csv", ".txt", ".dat"):
        table.write_csv(path, separator="\t" if path.suffix in (".tsv", ".txt") else ",", include_header=path.suffix != ".dat")
    else:
        written = repr if "python" in path.name else json.dumps
        lines = "".join(written({k: v for k, v in row.items() if v is not None}) + "\n" for row in table.to_dicts())
        path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())


def rows(columns: str, *values: tuple) -> pl.DataFrame:
    return pl.DataFrame(values, schema=columns.split(), orient="row", infer_schema_length=None)


EXAMPLES = {
    "triples": Example(
        {
            "kg.tsv": rows(
                "head relation tail",
                ("m.norway", "borders", "m.sweden"),
                ("m.norway", "borders", "m.sweden"),
                ("i7", "made_in", "m.norway"),
            ),
            "links.tsv": rows("item entity", ("i1", "m.kettle")),
        },
        {"kg.tsv": rows("head relation tail", ("m.norway", None, "m.oslo"))},
        "a line must hold a head, a relation and a tail",
    ),
    "interactions": Example(
        {
            "train.tsv": rows(
                "user item timestamp rating",
                ("u1", "i1", 900000000, 5),
                ("u1", "i1", 900000000, 3),
                ("u1", "i2", 900000001, 4),
                ("u2", "i2", 0, 1),
                ("u2", "i1", 0, 2),
            ),
            "valid.tsv": rows("user item timestamp rating", ("u3", "i3", 900000009, 2)),
            "items.jsonl": rows(
                "item title brand categories year",
                ("i1", "Kettle", "Acme", ["Kitchen", "Tea"], 1999),
                ("i2", "Cup", "ACME", ["Kitchen"], 2001),
                ("i4", "Never sold", "", None, None),
            ),
            "kg.tsv": rows(
                "head relation tail",
                ("i1", "brand", "brand:Acme"),
                ("i3", "category", "category:Tea"),
                ("i1", "also_bought", "i9"),
                ("i2", "made_in", "m.norway"),
                ("m.norway", "borders", "m.sweden"),
            ),
        },
        {"train.tsv": rows("user item timestamp rating", ("u9", "i9", 3_800_000_000, 5))},
        "time must lie between 1995-01-01 and tomorrow",
    ),
    "amazon-2018": Example(
        {
            "Tea_5.json.gz": rows(
                "reviewerID asin overall unixReviewTime summary reviewText vote verified",
                ("u1", "b1", 5.0, 1393372800, "Good", "Hot &amp; tasty", "1,234", True),
                ("u1", "b1", 5.0, 1393372800, "Good", "Hot", None, True),
                ("u2", "b2", 1.0, 1393372800, None, None, None, False),
            ),
            "meta_Tea.json.gz": rows(
                "asin title price brand category description also_buy also_view main_cat",
                ("b1", "<b>Tea</b>", "$1,299.00", "Acme", ["Kitchen", "Tea"], ["Hot"], ["b2", "b9"], [], "Kitchen"),
                ("b1", "<b>Tea</b>", "", "Acme", ["Kitchen", "Tea"], [], [], [], "Kitchen"),
                ("b2", '<span class="a-size-medium', "", "ACME", [], [], ["b2"], ["b1"], "Kitchen"),
            ),
        },
        {"Tea_5.json.gz": rows("reviewerID asin overall unixReviewTime", ("u1", "b2", 9.0, 1393372800))},
        "rating must lie in 1..5",
    ),
    "amazon-2014": Example(
        {
            "reviews_Tea_5.json.gz": rows(
                "reviewerID asin overall unixReviewTime summary reviewText helpful",
                ("u1", "b1", 5.0, 1393372800, "Good", "Hot &amp; tasty", [13, 14]),
                ("u1", "b1", 5.0, 1393372800, "Good", "Hot", [0, 0]),
                ("u2", "b2", 1.0, 1393372800, None, None, [0, 0]),
            ),
            "meta_python.json.gz": rows(
                "asin title price brand categories description related salesRank imUrl",
                (
                    *("b1", 'Tea\'s "best"', 9.5, "Acme", [["Kitchen", "Tea"], ["Gifts"]], "Hot &amp; caf\xe9"),
                    *({"also_bought": ["b2", "b9"], "also_viewed": ["b3"], "buy_after_viewing": ["b4"]}, {"Kitchen": 7}, "x"),
                ),
                ("b1", 'Tea\'s "best"', None, "Acme", [["Kitchen", "Tea"]], None, None, None, "x"),
                ("b2", None, None, None, [["Kitchen"]], None, {"bought_together": ["b1"]}, None, "x"),
            ),
        },
        {"reviews_Tea_5.json.gz": rows("reviewerID asin overall unixReviewTime", ("u1", "b2", 9.0, 1393372800))},
        "rating must lie in 1..5",
    ),
    "amazon-2023": Example(
        {
            "Tea.jsonl.gz": rows(
                "user_id asin parent_asin rating title text timestamp helpful_vote verified_purchase",
                ("u1", "v1", "b1", 5.0, "Good", "Hot<br />tasty", 1588687728923, 3, True),
                ("u1", "v2", "b1", 5.0, "Good", "Hot", 1588687728100, 0, True),
                ("u2", "b2", "b2", 1.0, None, "", 1588687728923, 0, False),
            ),
            "meta_Tea.jsonl.gz": rows(
                "parent_asin title price store main_category categories description features details average_rating",
                (
                    "b1",
                    "Tea",
                    "9.5",
                    "Acme",
                    "Grocery",
                    ["Kitchen", "Tea"],
                    ["Hot"],
                    ["Green"],
                    {"Brand": "ACME", "Size": "2"},
                    4.1,
                ),
                ("b2", "Cup", "None", "Acme", "Grocery", [], [], ["Holds tea"], {"Color": "Blue"}, 4.2),
            ),
        },
        {"Tea.jsonl.gz": rows("user_id parent_asin rating timestamp", ("u1", "b2", 9.0, 1588687728923))},
        "rating must lie in 1..5",
    ),
    "complete-journey": Example(
        {
            "transactions.parquet": rows(
                "household_id basket_id product_id quantity sales_value retail_disc coupon_disc coupon_match_disc"
                " transaction_timestamp",
                (1, 31, 7, 2, 3.0, 0.5, 0.0, 0.0, datetime(2017, 1, 1, 12, 0, 0)),  # noqa: DTZ001
                (1, 31, 7, 1, 3.0, 0.0, 0.0, 0.5, datetime(2017, 1, 1, 12, 0, 0)),  # noqa: DTZ001
                (2, 32, 8, 0, 0.0, 0.0, 0.0, 0.0, datetime(2017, 1, 2, 12, 0, 0)),  # noqa: DTZ001
            ),
            "products.parquet": rows(
                "product_id manufacturer_id department brand product_category product_type package_size",
                (7, 2, "GROCERY", "National", "TEA", "GREEN TEA", "8 OZ"),
                (8, 69, "MISCELLANEOUS", "Private", None, None, None),
            ),
            "demographics.parquet": rows("household_id age income", (1, "65+", "35-49K")),
        },
        {
            "transactions.parquet": rows(
                "household_id basket_id product_id quantity transaction_timestamp",
                (None, 33, 7, 1, datetime(2017, 1, 1, 12, 0, 0)),  # noqa: DTZ001
            )
        },
        "user id is missing",
    ),
    "tables": Example(
        {
            "products.csv": rows(
                "id title price categories brand color",
                ("p1", "Kettle", "$9.99", "Kitchen > Tea|Gifts", "Acme", "red"),
                ("p2", "Cup", "", "Kitchen", "acme.", "blue"),
            ),
            "events.parquet": rows(
                "user product event at",
                ("u1", "p1", "purchase", 1500000000),
                ("u1", "p1", "view", 1500000000),
                ("u1", "p1", "view", 1500000000),
            ),
            "reviews.csv": rows("user product rating at text", ("u2", "p2", 4, "2017-07-14T02:40:00Z", "Fine")),
            "users.csv": rows("id city", ("u1", "Oslo"), ("u5", "Graz")),
        },
        {"events.parquet": rows("user product event at", ("u1", "p1", "teleported", 1500000000))},
        "event must be viewed, carted, bought or interacted",
    ),
    "events": Example(
        {
            "clicks_2019.csv": rows(
                "Customer_ID SKU action when channel brand",
                ("u1", "p1", "view", "2019-05-01 10:00:00", "web", "Acme"),
                ("u1", "p1", "purchase", "2019-05-01 10:00:09", "app", "ACME"),
                ("u2", "p2", "Click", "2019-05-01T10:00:09Z", None, None),
            ),
            "clicks_2020.csv": rows(
                "Customer_ID SKU action when channel brand", ("u1", "p3", "add_to_cart", "2019-06-01 00:00:00", "web", "Acme")
            ),
        },
        {"clicks_2020.csv": rows("Customer_ID SKU action when", ("u1", "p3", "teleported", "2019-06-01 00:00:00"))},
        "event must be viewed, carted, bought or interacted",
    ),
    "retailrocket": Example(
        {
            "events.csv": rows(
                "timestamp visitorid event itemid transactionid",
                (1433221332117, 257597, "view", 355908, None),
                (1433224214164, 992329, "addtocart", 248676, None),
                (1433224214999, 992329, "transaction", 248676, 4000),
            ),
            "item_properties_part1.csv": rows(
                "timestamp itemid property value",
                (1435460400000, 248676, "categoryid", "1338"),
                (1441508400000, 248676, "888", "1116713 960601 n277.200"),
                (1435460400000, 355908, "790", "n10200.000"),
            ),
            "item_properties_part2.csv": rows(
                "timestamp itemid property value",
                (1442113200000, 248676, "categoryid", "1016"),
                (1442113200000, 355908, "available", "1"),
            ),
            "category_tree.csv": rows("categoryid parentid", (1016, 213), (213, None), (1338, 1016)),
        },
        {"events.csv": rows("timestamp visitorid event itemid transactionid", (1433221332117, 257597, "teleport", 355908, None))},
        "event must be viewed, carted, bought or interacted",
    ),
    "yoochoose": Example(
        {
            "yoochoose-clicks.dat": rows(
                "session at item category",
                (1, "2014-04-07T10:51:09.277Z", 214536502, "0"),
                (1, "2014-04-07T10:54:09.868Z", 214536500, "S"),
                (2, "2014-04-07T13:56:37.614Z", 214536500, "3"),
                (3, "2014-04-07T13:56:37.614Z", 214536500, "2089037041"),
            ),
            "yoochoose-buys.dat": rows(
                "session at item price quantity",
                (1, "2014-04-07T10:58:00.306Z", 214536502, 12462, 1),
                (1, "2014-04-07T10:58:00.306Z", 214536500, 0, 0),
            ),
        },
        {"yoochoose-clicks.dat": rows("session at item category", (9, "2090-04-07T10:51:09.277Z", 214536502, "0"))},
        "time must lie between 1995-01-01 and tomorrow",
    ),
    "orders": Example(
        {
            "data.csv": rows(
                "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country",
                ("536365", "85123A", "WHITE HANGING HEART T-LIGHT HOLDER", 6, "12/1/2010 8:26", 2.55, 17850.0, "United Kingdom"),
                ("536365", "71053", "WHITE METAL LANTERN", 6, "12/1/2010 8:26", 3.39, 17850.0, "United Kingdom"),
                ("536370", "POST", "POSTAGE", 3, "12/1/2010 8:45", 18.0, 12583.0, "France"),
                ("C536379", "71053", "WHITE METAL LANTERN", -2, "12/13/2010 9:41", 3.39, 17850.0, "United Kingdom"),
                ("536380", "71053", "damaged", 2, "12/13/2010 9:42", 0.0, None, "United Kingdom"),
                ("C536383", "85123A", "WHITE HANGING HEART T-LIGHT HOLDER", -6, "12/14/2010 9:49", 2.55, 17850.0, "France"),
            )
        },
        {
            "data.csv": rows(
                "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country",
                ("536399", "71053", "WHITE METAL LANTERN", 6, "yesterday", 3.39, 17850.0, "United Kingdom"),
            )
        },
        "time must be epoch seconds or an ISO 8601 date",
    ),
}


FLAGS = tuple(f"genre_{number}" for number in range(19))
EXAMPLES |= {
    "movielens": Example(
        {
            "u.data": rows(
                "user item rating timestamp",
                (196, 242, 3, 881250949),
                (186, 302, 4, 891717742),
                (186, 302, 5, 891717742),
                (22, 1650, 1, 878887116),
            ),
            "u.item": rows(
                f"item title release video url {' '.join(FLAGS)}",
                (242, "Kolya (1996)", "24-Jan-1997", None, "http://imdb/Kolya", *(int(n == 5) for n in range(19))),
                (302, 'L.A. "Noir, The" (1997)', "01-Jan-1997", None, None, *(int(n in (6, 10)) for n in range(19))),
                (543, "Misérables, Les (1995)", "01-Jan-1995", None, None, *(int(n == 8) for n in range(19))),
                (267, "unknown", None, None, None, *(int(n == 0) for n in range(19))),
            ),
            "u.user": rows("user age gender occupation zip", (196, 49, "M", "writer", "05501"), (22, 25, "F", "other", "V3N4P")),
            "u.genre": rows(
                "name number", ("unknown", 0), *((name, number) for number, name in enumerate("ABCDEFGHIJKLMNOPQR", 1))
            ),
        },
        {"u.data": rows("user item rating timestamp", (5, 242, 3, 3_800_000_000))},
        "time must lie between 1995-01-01 and tomorrow",
    ),
    "recbole": Example(
        {
            "tea.train.inter": rows(
                "user_id:token item_id:token rating:float timestamp:float event:token",
                ("u1", "i1", 4.5, 978300760.0, "bought"),
                ("u1", "i1", None, 978300760.0, "view"),
                ("u2", "i2", 3.0, 978302109.0, None),
            ),
            "tea.valid.inter": rows("user_id:token item_id:token timestamp:float", ("u2", "i3", 978302110.0)),
            "tea.item": rows(
                "item_id:token title:token_seq class:token_seq price:float brand:token weight:float",
                ("i1", 'The "best" kettle', "Kitchen Tea", 9.5, "Acme", 1.5),
                ("i2", "Cup", "Kitchen", float("nan"), "ACME", None),
            ),
            "tea.user": rows("user_id:token age:float", ("u1", 49.0), ("u7", None)),
            "tea.kg": rows(
                "head_id:token relation_id:token tail_id:token",
                ("m.1", "made_of", "m.steel"),
                ("m.1", "sequel", "m.2"),
                ("m.steel", "used_in", "m.2"),
            ),
            "tea.link": rows("item_id:token entity_id:token", ("i1", "m.1"), ("i2", "m.2"), ("i3", "m.2"), ("i9", "m.steel")),
        },
        {"tea.train.inter": rows("user_id:token item_id:token event:token", ("u9", "i1", "teleported"))},
        "event must be viewed, carted, bought or interacted",
    ),
}

MAPPING = """
[[source]]
file = "artikel*.csv"
table = "products"
rest = "properties"
[source.columns]
nr = "id"
bezeichnung = "title"
warengruppe = "categories"
preis = "price"
[source.split]
warengruppe = { path = "/", list = ";" }

[[source]]
file = "bestellungen.jsonl"
table = "events"
columns = { kunde = "user", artikel = "product", typ = "event", wann = "at", menge = "quantity", beleg = "key" }
values.typ = { KAUF = "bought", ANSICHT = "viewed" }
formats.wann = "%d.%m.%Y %H:%M"

[[source]]
file = "filialen.parquet"
node = "Store"
columns = { nr = "id", stadt = "city" }

[[source]]
file = "besuche.tsv"
edge = ["User", "VISITED", "Store"]
columns = { kunde = "source", filiale = "target", wann = "at" }
"""
EXAMPLES |= {
    "mapping": Example(
        {
            "artikel-1.csv": rows(
                "nr bezeichnung warengruppe preis farbe gewicht",
                ("7", "Kanne", "Küche/Tee;Geschenke", "1.299,50 €", "rot", "1,5"),
                ("8", "Tasse", "Küche", "", "blau", "0,25"),
                ("8", "Tasse", "Küche", "", None, None),
            ),
            "artikel-2.csv": rows("nr bezeichnung warengruppe preis", ("9", "Becher", "Küche/Tee", "2,00")),
            "bestellungen.jsonl": rows(
                "kunde artikel typ wann menge beleg",
                (1, 7, "KAUF", "03.02.2017 10:15", 2, "b1"),
                (1, 7, "KAUF", "03.02.2017 10:15", 1, "b1"),
                (2, 8, "ANSICHT", "04.02.2017 10:15", None, None),
                (2, 8, "ANSICHT", "04.02.2017 10:15", None, None),
            ),
            "filialen.parquet": rows("nr stadt", (1, "Graz"), (2, "Wien")),
            "besuche.tsv": rows("kunde filiale wann", (1, 1, "2017-02-03"), (1, 2, "2017-02-03"), (2, 2, None)),
        },
        {"bestellungen.jsonl": rows("kunde artikel typ wann", (1, 7, "STORNO", "03.02.2017 10:15"))},
        "event must be viewed, carted, bought or interacted",
        {"mapping.toml": MAPPING},
    )
}


@pytest.fixture(params=sorted(readers()))
def format_(request):
    return request.param


def tables_of(folder, rejects=None):
    rejects = Rejects() if rejects is None else rejects
    return tabulate(read_dump(folder, reading=Reading(rejects)), rejects=rejects, now=NOW)


def test_every_reader_has_an_example_here():
    assert set(EXAMPLES) == set(readers())


def test_a_reader_says_its_name_and_what_it_looks_for_in_one_line(format_):
    reader = readers()[format_]
    assert format_ == reader.FORMAT
    assert reader.LOOKS_FOR
    assert "\n" not in reader.LOOKS_FOR


def test_a_folder_is_read_by_its_own_reader(format_, tmp_path):
    assert read_dump(EXAMPLES[format_].write(tmp_path)).format == format_


def test_no_other_reader_of_known_layouts_takes_a_folder_for_its_own(format_, tmp_path):
    folder = EXAMPLES[format_].write(tmp_path)
    known = [name for name, reader in readers().items() if reader.PRECEDENCE <= readers()[format_].PRECEDENCE]
    assert [name for name in known if readers()[name].recognises(folder)] == [format_]


def test_tables_pass_their_check(format_, tmp_path):
    tables_of(EXAMPLES[format_].write(tmp_path)).check()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shuffled_lines_give_equal_tables_and_refuse_the_same_rows(format_, seed, tmp_path):
    example = EXAMPLES[format_]
    first, second = Rejects(), Rejects()
    tables = tables_of(example.write(tmp_path / "a", dirty=True), first)
    assert tables_of(example.write(tmp_path / "b", dirty=True, seed=seed), second) == tables
    assert first.counts() == second.counts()


def test_a_dirty_row_goes_to_the_rejects_and_the_rest_stays(format_, tmp_path):
    example = EXAMPLES[format_]
    clean, dirty = Rejects(), Rejects()
    tables = tables_of(example.write(tmp_path / "clean"), clean)
    assert tables_of(example.write(tmp_path / "dirty", dirty=True), dirty) == tables
    assert dirty.counts() == {**clean.counts(), example.reason: 1}
    refused = next(row for row in dirty.rows() if row["reason"] == example.reason)
    (file,) = example.dirt
    assert refused["file"] == file
    assert refused["line"] is not None


def test_files_without_rows_are_an_empty_dump(format_, tmp_path):
    with pytest.raises(EmptyDump, match="holds nothing"):
        tables_of(EXAMPLES[format_].write(tmp_path, rows=0))


def test_files_without_a_byte_are_an_empty_dump(format_, tmp_path):
    for name in EXAMPLES[format_].files:
        if not name.endswith(".parquet"):
            (tmp_path / name).write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    with pytest.raises(EmptyDump, match=r"holds nothing to build a graph of$|is empty; expected|is an empty folder; expected"):
        tables_of(tmp_path)


def test_a_truncated_file_is_named_or_costs_its_last_row(format_, tmp_path):
    example = EXAMPLES[format_]
    for number, name in enumerate(example.files):
        folder = example.write(tmp_path / str(number))
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) * 2 // 3])
        if name.endswith((".gz", ".parquet")):
            why = "the gzip file breaks off" if name.endswith(".gz") else "not a sound Parquet file"
            with pytest.raises(DamagedDump, match=f"{re.escape(name)}: {why}"):
                tables_of(folder)
        else:
            tables_of(folder).check()


def test_an_empty_file_beside_full_ones_is_told_of_and_costs_itself_alone(format_, tmp_path):
    example = EXAMPLES[format_]
    for number, name in enumerate(name for name in example.files if not name.endswith(".parquet")):
        folder = example.write(tmp_path / str(number))
        (folder / name).write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
        rejects = Rejects()
        if (format_, name) in ALL_THERE_IS:
            with pytest.raises(EmptyDump, match=r"holds nothing to build a graph of$|every file in .* \(data\.csv\) is empty"):
                tables_of(folder, rejects)
            continue
        tables = tables_of(folder, rejects)
        assert f"{name} holds no rows" in rejects.notes
        if (format_, name) not in SIGNS:
            (folder / name).unlink()
            assert tables_of(folder) == tables


ALL_THERE_IS = {("orders", "data.csv"), ("triples", "kg.tsv")}
SIGNS = {
    *(("interactions", "train.tsv"), ("movielens", "u.data"), ("retailrocket", "events.csv")),
    *(("mapping", "bestellungen.jsonl"), ("mapping", "besuche.tsv")),
}
"""Files without which a folder is of another format or of none."""


def test_tables_in_a_scratch_folder_equal_those_in_memory(format_, tmp_path):
    folder = EXAMPLES[format_].write(tmp_path / "dump")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    reading = Reading(Rejects(), scratch=scratch)
    assert tabulate(read_dump(folder, reading=reading), now=NOW, scratch=scratch) == tables_of(folder)
