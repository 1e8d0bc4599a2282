"""Dates of either order are read as all of them together tell."""

import polars as pl
import pytest

from kg_builder.layouts.dates import dated


def read(*said):
    notes = []
    table = dated(pl.LazyFrame({"at": said}, schema={"at": pl.String()}), notes.append)
    return table.collect()["at"].to_list(), notes


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("12/31/2010 8:26", "2010-12-31T08:26:00"),
        ("31-12-2010 08:26", "2010-12-31T08:26:00"),
        ("31.12.2010 08:26:09", "2010-12-31T08:26:09"),
        ("12/31/10 8:26", "2010-12-31T08:26:00"),
        ("12/31/2010", "2010-12-31T00:00:00"),
        ("12/31/2010 8:26 PM", "2010-12-31T20:26:00"),
        ("12/31/2010 8:26:01 AM", "2010-12-31T08:26:01"),
    ],
)
def test_a_day_above_12_tells_the_order(said, meant):
    assert read(said) == ([meant], [])


def test_one_value_tells_for_all():
    assert read("1/2/2011", "1/13/2011")[0][0] == "2011-01-02T00:00:00"
    assert read("1/2/2011", "13/1/2011")[0][0] == "2011-02-01T00:00:00"


def test_where_none_tells_the_separator_does_and_a_note_says_so():
    slashes, notes = read("1/2/2011")
    assert slashes == ["2011-01-02T00:00:00"]
    assert "read as month/day/year" in notes[0]
    dashes, notes = read("1-2-2011")
    assert dashes == ["2011-02-01T00:00:00"]
    assert "read as day-month-year" in notes[0]


def test_where_they_contradict_each_other_most_decide_and_the_others_stay():
    said, notes = read("1/13/2011", "1/14/2011", "15/1/2011")
    assert said == ["2011-01-13T00:00:00", "2011-01-14T00:00:00", "15/1/2011"]
    assert "some say one thing" in notes[0]


@pytest.mark.parametrize("said", ["2011-02-03 08:26", "1300000000", "soon", "30/30/2011", "1/2/3/2011", None])
def test_what_is_no_such_date_stays(said):
    assert read(said)[0] == [said]
