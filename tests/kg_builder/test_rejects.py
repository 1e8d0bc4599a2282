"""Rejects: every refused row can be found again, and none is lost on the way to the file."""

import json

import polars as pl
import pytest

from kg_builder.errors import TooManyFaults
from kg_builder.rejects import Check, Rejects, Sieve

ROWS = pl.DataFrame({"user": ["u1", None, "u3"], "rating": [9, 9, 4], "file": ["a.csv"] * 3, "line": [2, 3, 4]}).lazy()
CHECKS = [
    Check("user id is missing", pl.col("user").is_null(), "user"),
    Check("rating must lie in 1..5", pl.col("rating") > 5, "rating"),
]


def test_a_row_is_refused_once_for_the_first_check_it_fails():
    rejects = Rejects()
    kept = Sieve(rejects).sift("rows", ROWS, CHECKS, [pl.col("user")])
    assert kept.collect()["user"].to_list() == ["u3"]
    assert rejects.counts() == {"rating must lie in 1..5": 1, "user id is missing": 1}


def test_a_scratch_folder_holds_the_same_rows(tmp_path):
    inside, outside = Rejects(), Rejects()
    kept = Sieve(outside, tmp_path).sift("rows", ROWS, CHECKS, [pl.col("user")]).collect()
    assert kept.equals(Sieve(inside).sift("rows", ROWS, CHECKS, [pl.col("user")]).collect())
    assert outside.rows() == inside.rows()
    assert (tmp_path / "rows.parquet").is_file()


def test_the_file_holds_one_json_object_a_refused_row(tmp_path):
    rejects = Rejects()
    Sieve(rejects).sift("rows", ROWS, CHECKS, [pl.col("user")])
    rejects.add("b.json", 7, "the line must be a JSON object", "oops", "oops")
    rejects.save(tmp_path / "rejects.jsonl")
    written = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert written == rejects.rows()
    assert written[-1] == {
        "file": "b.json",
        "line": 7,
        "reason": "the line must be a JSON object",
        "fault": True,
        "message": "b.json line 7: the line must be a JSON object (got oops)",
        "row": "oops",
    }
    assert {"user": "u1", "rating": 9} in [record["row"] for record in written]


def test_without_rejects_the_file_is_empty_and_there(tmp_path):
    Rejects().save(tmp_path / "rejects.jsonl")
    assert (tmp_path / "rejects.jsonl").read_text() == ""


def test_a_very_long_value_is_cut_in_the_message_and_whole_in_the_row():
    rejects = Rejects()
    rejects.add("a", 1, "too long", "x" * 500, {"text": "x" * 500})
    (record,) = rejects.rows()
    assert len(record["message"]) < 120
    assert record["row"] == {"text": "x" * 500}


def test_one_faulty_row_more_than_may_be_stops_everything():
    rejects = Rejects(most=1)
    rejects.add("a", 1, "too long", "x", "x")
    with pytest.raises(
        TooManyFaults, match=r"2 faulty rows so far, 1 may be; .* nothing was written; the first is a line 1: too"
    ):
        Sieve(rejects).sift("rows", ROWS.filter(pl.col("user").is_null()), CHECKS, [pl.col("user")])
    assert len(rejects) == rejects.faults == 2


def test_what_others_refused_is_taken_along_with_its_counts():
    one, other = Rejects(), Rejects()
    one.add("a", 1, "too long", "x", "x")
    Sieve(other).sift("rows", ROWS, CHECKS, [pl.col("user")])
    one.take(other)
    assert (one.faults, one.passed, len(one.rows())) == (3, 1, 3)
