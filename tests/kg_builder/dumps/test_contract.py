"""What every reader must do; a new file in kg_builder/dumps is tested by giving it an example here."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from kg_builder.dumps import read_dump, readers
from kg_builder.errors import EmptyDump, UnknownFormat
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
    elif path.suffix in (".tsv", ".csv"):
        table.write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
    else:
        lines = "".join(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in table.to_dicts())
        path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())


def rows(columns: str, *values: tuple) -> pl.DataFrame:
    return pl.DataFrame(values, schema=columns.split(), orient="row", infer_schema_length=None)


EXAMPLES = {
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


def test_files_without_a_byte_are_an_empty_dump_or_of_no_format(format_, tmp_path):
    for name in EXAMPLES[format_].files:
        if not name.endswith(".parquet"):
            (tmp_path / name).write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    with pytest.raises((EmptyDump, UnknownFormat)):
        tables_of(tmp_path)


def test_tables_in_a_scratch_folder_equal_those_in_memory(format_, tmp_path):
    folder = EXAMPLES[format_].write(tmp_path / "dump")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert tabulate(read_dump(folder), now=NOW, scratch=scratch) == tables_of(folder)
