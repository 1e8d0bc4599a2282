"""A hopeless load stops early, and one that would pass never does where the limit is a number."""

import json

import polars as pl
import pytest

import kg_builder
from kg_builder import outlook
from kg_builder.errors import TooManyFaults

NOW = 1_750_000_000
LINES = 60_000


def line(number, **changes):
    good = {"reviewerID": f"u{number % 999}", "asin": f"p{number % 99}", "overall": 4.0, "reviewText": "good tea " * 20}
    return json.dumps({**good, "unixReviewTime": 1_393_372_800 + number, **changes}) + "\n"


def nine(number):
    return line(number, overall=9)


def no_json(number):
    return line(number)[:-30] + "\n"


@pytest.fixture
def reviews(tmp_path):
    """A function that writes 18 MB of reviews, faulty where it is told so."""
    folder = tmp_path / "dump"
    folder.mkdir()

    def write(fault, where):
        with (folder / "Tea_5.json").open("w") as file:
            file.writelines((fault if where(number) else line)(number) for number in range(LINES))
        return folder

    return write


def build(source, **options):
    """What was refused, and how far the reading of all came."""
    read = []
    path = source.parent / "s.graph"
    try:
        done = kg_builder.build(
            source, path, now=NOW, dry_run=True, progress=lambda *step: read.append(step), rejects=source.parent / "r", **options
        )
    except TooManyFaults as error:
        return str(error), read
    return done.faults, read


@pytest.mark.parametrize("limit", [100, "1%"])
@pytest.mark.parametrize("fault", [nine, no_json])
def test_a_file_of_which_half_is_faulty_is_not_read_to_its_end(fault, limit, reviews):
    said, read = build(reviews(fault, lambda number: number % 2), max_rejects=limit)
    assert "of the first" in said
    assert "the rest was not read and nothing was written; the first is Tea_5.json line 2: " in said
    assert read == []


def test_the_faulty_rows_that_were_seen_are_in_the_rejects(reviews, tmp_path):
    said, _ = build(reviews(nine, lambda number: number % 2), max_rejects=100)
    rows = [json.loads(text) for text in (tmp_path / "r").read_text().splitlines()]
    assert said.startswith(f"{len(rows):,} of the first ")
    assert {row["reason"] for row in rows} == {"rating must lie in 1..5"}


@pytest.mark.parametrize("fault", [nine, no_json])
def test_a_number_is_held_to_exactly_wherever_the_faulty_rows_lie(fault, reviews):
    for where in (lambda number: number < 50, lambda number: number >= LINES - 50):
        source = reviews(fault, where)
        assert build(source, max_rejects=50)[0] == 50
        assert "may be" in build(source, max_rejects=49)[0]


def test_faulty_rows_at_the_start_are_no_reason_to_stop_where_the_share_of_all_is_kept(reviews):
    source = reviews(nine, lambda number: number < 3_000)
    assert build(source, max_rejects="5%")[0] == 3_000
    assert build(source, max_rejects="4%")[0].startswith("3,000 of 60,000 rows are faulty")


def test_a_share_is_given_up_where_the_rest_could_mend_it_only_with_more_than_twice_the_rows(reviews):
    said, read = build(reviews(nine, lambda number: number < 20_000), max_rejects="5%")
    assert "of the first" in said
    assert "5% of all may be" in said
    assert read == []


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(outlook, "_SMALL", 0)
    monkeypatch.setattr(outlook, "_ROWS", 1_000)


def test_times_that_the_rest_shows_to_be_positions_are_no_faults(small, tmp_path):
    (tmp_path / "dump").mkdir()
    days = "".join(f"u{number},p{number % 9},19000101\n" for number in range(20_000))
    (tmp_path / "dump" / "clicks.csv").write_text(f"user,product,timestamp\n{days}u1,p1,7\n")
    assert build(tmp_path / "dump", max_rejects=0)[0] == 0


def test_what_a_later_row_of_another_file_tells_is_not_missing(small, tmp_path):
    dump = tmp_path / "dump"
    dump.mkdir()
    rows = range(20_000)
    (dump / "baskets.csv").write_text("basket,who\n" + "".join(f"b{number},u{number % 9:020}\n" for number in rows))
    (dump / "lines.csv").write_text("basket,sku\n" + "".join(f"b{19_999 - number},p{number % 9:020}\n" for number in rows))
    (dump / "mapping.toml").write_text(
        '[[source]]\nfile = "lines.csv"\ntable = "events"\njoin = { file = "baskets.csv", on = "basket" }\n'
        'columns = { who = "user", sku = "product", basket = "key" }\n'
    )
    assert build(dump, max_rejects=0)[0] == 0


def test_a_field_that_only_later_rows_have_is_no_reason_to_stop(small, tmp_path):
    (tmp_path / "dump").mkdir()
    with (tmp_path / "dump" / "Tea_5.json").open("w") as file:
        file.writelines(line(number, asin="") for number in range(3_000))
        file.writelines(line(number) for number in range(3_000))
    assert build(tmp_path / "dump", max_rejects=3_000)[0] == 3_000
    assert "may be" in build(tmp_path / "dump", max_rejects=2_999)[0]


def test_parquet_is_looked_at_too(small, tmp_path):
    (tmp_path / "dump").mkdir()
    frame = pl.DataFrame({"user": ["u1"] * 50_000, "product": ["p1"] * 50_000, "rating": [9.0] * 50_000, "at": range(50_000)})
    frame.with_columns(pl.col("at") + 1_393_372_800).write_parquet(tmp_path / "dump" / "reviews.parquet")
    said, _ = build(tmp_path / "dump", max_rejects="10%")
    assert "1,000 of the first 1,000 rows are faulty" not in said
    assert "of the first" in said
