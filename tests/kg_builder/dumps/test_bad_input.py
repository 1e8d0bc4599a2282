"""Bad input: each case has its test, and nothing that was good is lost with a bad row."""

import gzip
import json

import polars as pl
import pytest

from kg_builder.dumps import read_dump
from kg_builder.errors import DamagedDump, EmptyDump, MissingSource, SchemaError, UnknownFormat
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000


def review(**changes):
    return {"reviewerID": "u1", "asin": "p1", "overall": 5.0, "unixReviewTime": 1393372800, "reviewText": "good", **changes}


def lines(*objects):
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in objects).encode()


def amazon(folder, *objects):
    (folder / "Tea_5.json.gz").write_bytes(gzip.compress(lines(*objects)))
    return folder


def build(folder):
    rejects = Rejects()
    tables = tabulate(read_dump(folder, reading=Reading(rejects)), rejects=rejects, now=NOW)
    tables.check()
    return tables, rejects


def test_truncated_gzip(tmp_path):
    whole = gzip.compress(lines(*(review(reviewerID=f"u{number * 7919}") for number in range(3000))))
    (tmp_path / "Tea_5.json.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedDump, match=r"Tea_5\.json\.gz: the gzip file breaks off \(\d+ lines could be read before\)"):
        read_dump(tmp_path)


def test_text_under_the_name_of_a_gzip(tmp_path):
    (tmp_path / "Tea_5.json.gz").write_bytes(lines(review()))
    with pytest.raises(DamagedDump, match="not a sound gzip file"):
        read_dump(tmp_path)


def test_gzip_with_a_damaged_middle(tmp_path):
    whole = bytearray(gzip.compress(lines(*(review(reviewerID=f"u{number * 7919}") for number in range(3000)))))
    whole[len(whole) // 2 : len(whole) // 2 + 40] = b"\xff" * 40
    (tmp_path / "Tea_5.json.gz").write_bytes(bytes(whole))
    with pytest.raises(DamagedDump, match="not a sound gzip file"):
        read_dump(tmp_path)


def test_line_that_is_no_json(tmp_path):
    tables, rejects = build(amazon(tmp_path, review(), '{"reviewerID": "u2", "asi', "", "[1, 2]", review(reviewerID="u3")))
    assert sorted(tables.nodes["User"].collect()["id"]) == ["u1", "u3"]
    assert [row["message"] for row in rejects.rows()] == [
        'Tea_5.json.gz line 2: the line must be a JSON object (got {"reviewerID": "u2", "asi)',
        "Tea_5.json.gz line 4: the line must be a JSON object (got [1, 2])",
    ]


def test_line_that_is_no_json_beyond_the_first_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr("kg_builder.files.CHUNK", 64)
    users = [f"u{number}" for number in range(100)]
    objects = [review(reviewerID=user) for user in users]
    tables, rejects = build(amazon(tmp_path, *objects[:70], "oops", *objects[70:]))
    assert sorted(tables.nodes["User"].collect()["id"]) == sorted(users)
    assert [(row["line"], row["row"]) for row in rejects.rows()] == [(71, "oops")]


def test_rating_of_9(tmp_path):
    tables, rejects = build(amazon(tmp_path, review(), review(reviewerID="u2", overall=9)))
    assert [row["message"] for row in rejects.rows()] == ["Tea_5.json.gz line 2: rating must lie in 1..5 (got 9)"]
    assert rejects.rows()[0]["row"]["user"] == "u2"
    assert tables.nodes["User"].collect()["id"].to_list() == ["u1"]


@pytest.mark.parametrize("rating", ["five", "NaN", "inf", [5]])
def test_rating_that_is_no_number(rating, tmp_path):
    _, rejects = build(amazon(tmp_path, review(), review(reviewerID="u2", overall=rating)))
    assert rejects.counts() == {"rating must lie in 1..5": 1}


def test_rating_that_is_missing_is_no_fault(tmp_path):
    tables, rejects = build(amazon(tmp_path, review(overall=None)))
    assert (len(rejects), tables.nodes["Review"].collect()["rating"].to_list()) == (0, [None])


def test_date_in_2090(tmp_path):
    tables, rejects = build(amazon(tmp_path, review(), review(reviewerID="u2", unixReviewTime=3_800_000_000)))
    assert [row["message"] for row in rejects.rows()] == [
        "Tea_5.json.gz line 2: time must lie between 1995-01-01 and tomorrow (got 3800000000)"
    ]
    assert tables.counts()[0]["Review"] == 1


def test_tomorrow_is_still_possible_and_the_day_after_is_not(tmp_path):
    day = 86400
    folder = amazon(tmp_path, review(unixReviewTime=NOW + day), review(asin="p2", unixReviewTime=NOW + day + 1))
    tables, rejects = build(folder)
    assert (tables.counts()[0]["Review"], len(rejects)) == (1, 1)


def test_empty_dump(tmp_path):
    with pytest.raises(EmptyDump, match=r"holds nothing to build a graph of$"):
        build(amazon(tmp_path))


def test_dump_of_which_every_row_is_refused(tmp_path):
    with pytest.raises(EmptyDump, match=r"2 rows were refused, most often because rating must lie in 1\.\.5 \(2\)"):
        build(amazon(tmp_path, review(overall=9), review(overall=0)))


def test_dump_with_users_only(tmp_path):
    (tmp_path / "users.csv").write_text("id,city\nu1,Oslo\nu2,Graz\n")
    with pytest.raises(EmptyDump, match="holds 2 users but no product and nothing that anybody chose"):
        build(tmp_path)


def test_unknown_folder_format_says_what_was_looked_for_and_what_was_seen(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(UnknownFormat) as refusal:
        read_dump(tmp_path)
    message = str(refusal.value)
    assert all(name in message for name in ("amazon-2018", "complete-journey", "interactions", "tables", "train.tsv"))
    assert message.endswith("Saw: holiday.jpg")


def test_empty_folder_says_that_it_saw_nothing(tmp_path):
    with pytest.raises(UnknownFormat, match="Saw: nothing"):
        read_dump(tmp_path)


@pytest.mark.parametrize("source", [None, 5, ["products.csv"]])
def test_what_is_no_source_is_refused(source):
    with pytest.raises(UnknownFormat, match="expected a path, a name or a mapping of frames"):
        read_dump(source)


def test_frames_for_a_format_that_reads_files_are_refused():
    with pytest.raises(UnknownFormat, match="interactions does not read frames"):
        read_dump({"products": pl.DataFrame({"id": ["p1"]})}, format="interactions")


def test_misspelt_format_is_asked_about(tmp_path):
    with pytest.raises(UnknownFormat, match="no format 'amazon-2081'; did you mean 'amazon-2018'"):
        read_dump(tmp_path, format="amazon-2081")


def test_missing_file(tmp_path):
    with pytest.raises(MissingSource, match=r"there is nothing at .*nowhere"):
        read_dump(tmp_path / "nowhere")


@pytest.mark.parametrize("format_", ["interactions", "amazon-2014", "amazon-2018", "amazon-2023", "complete-journey", "tables"])
def test_missing_file_of_a_named_format(format_, tmp_path):
    with pytest.raises(MissingSource):
        read_dump(tmp_path / "nowhere", format=format_)


def test_misspelt_column_is_asked_about(tmp_path):
    (tmp_path / "events.csv").write_text("usr,product\nu1,p1\n")
    with pytest.raises(SchemaError, match="events needs the column 'user'; did you mean 'usr'"):
        read_dump(tmp_path)


def test_missing_ids_are_refused(tmp_path):
    tables, rejects = build(amazon(tmp_path, review(), review(reviewerID=" "), review(asin=None)))
    assert rejects.counts() == {"user id is missing": 1, "product id is missing": 1}
    assert tables.counts()[0]["Review"] == 1


def test_bytes_that_are_no_utf8_do_not_stop_the_reading(tmp_path):
    (tmp_path / "train.tsv").write_bytes(b"user\titem\ttimestamp\trating\nu\xff1\ti1\t0\t1\nu2\ti1\t0\t1\n")
    tables, _ = build(tmp_path)
    assert tables.nodes["User"].select(pl.len()).collect().item() == 2
