"""Every engine makes the same graph of the same dump, and refuses the same rows."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from kg_builder.digests import digest
from kg_builder.dumps import read_dump, readers
from kg_builder.engines import running
from kg_builder.engines.polars import Polars
from kg_builder.errors import BadRequest, DamagedDump, EmptyDump
from kg_builder.planted import planted_shop
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects, Sieve
from kg_builder.tabulation import tabulate
from tests.kg_builder.dumps.test_contract import EXAMPLES, NOW


def made(source, engine, scratch: Path, **how):
    """The tables of a dump, and the rows that were refused, in an order of their own."""
    scratch.mkdir()
    rejects = Rejects()
    spread = engine(Sieve(rejects, scratch)).spread
    dump = read_dump(source, reading=Reading(rejects, scratch=scratch, spread=spread))
    tables = tabulate(dump, rejects=rejects, now=NOW, scratch=scratch, engine=engine, **how)
    return tables, rejects


def told(rejects):
    """Everything about the refused rows but their order."""
    return sorted(map(str, rejects.rows())), rejects.passed, rejects.notes


@pytest.fixture
def split(spark):
    """Spark with so few rows a part that the rows of every example are cleaned in several tasks."""
    return partial(spark, rows=2)


@pytest.mark.parametrize("format_", sorted(readers()))
def test_both_engines_make_equal_tables_and_refuse_the_same_rows(format_, split, tmp_path):
    source = EXAMPLES[format_].write(tmp_path / "dump", dirty=True)
    expected, refused = made(source, Polars, tmp_path / "polars")
    tables, rejects = made(source, split, tmp_path / "spark")
    tables.check()
    assert tables == expected
    assert digest(tables) == digest(expected)
    assert told(rejects) == told(refused)


def test_both_engines_make_the_same_of_the_planted_shop(spark, tmp_path):
    dump = planted_shop(seed=0)
    expected, tables = Rejects(), Rejects()
    one = tabulate(dump, rejects=expected, now=1_750_000_000)
    other = tabulate(dump, rejects=tables, now=1_750_000_000, scratch=tmp_path, engine=partial(spark, rows=500))
    assert other == one
    assert digest(other) == digest(one)
    assert told(tables) == told(expected)
    assert len(expected) > 0


SEVERAL = {
    "amazon-2014": ["reviews_Tea_5.json.gz", "meta_python.json.gz"],
    "amazon-2023": ["Tea.jsonl.gz", "meta_Tea.jsonl.gz"],
    "events": ["clicks_2020.csv"],
}
"""Formats whose files are read at the same time, and files to have twice; amazon-2018 is read by the function of amazon-2023."""


@pytest.mark.parametrize("format_", sorted(SEVERAL))
def test_several_files_are_read_at_the_same_time_to_the_same_end(format_, spark, tmp_path):
    source = EXAMPLES[format_].write(tmp_path / "dump", dirty=True)
    for name in SEVERAL[format_]:
        again = source / name.replace("Tea", "Teas").replace("python", "python_too").replace("2020", "2021")
        again.write_bytes((source / name).read_bytes())
    if format_ == "events":
        with (source / SEVERAL[format_][0]).open("ab") as file:
            file.write("u9,Café,view\n".encode("cp1252"))  # a note, and too few fields
    expected, refused = made(source, Polars, tmp_path / "polars")
    tables, rejects = made(source, spark, tmp_path / "spark")
    assert tables == expected
    assert told(rejects) == told(refused)
    assert any((tmp_path / "spark").glob("files-*"))


def test_a_damaged_file_among_several_is_named_as_ever(spark, tmp_path):
    source = EXAMPLES["amazon-2018"].write(tmp_path / "dump")
    whole = (source / "Tea_5.json.gz").read_bytes()
    (source / "Coffee_5.json.gz").write_bytes(whole[:-20])
    with pytest.raises(DamagedDump, match=r"Coffee_5\.json\.gz: the gzip file breaks off"):
        made(source, spark, tmp_path / "spark")


def test_a_dump_in_which_every_row_is_refused_is_empty_on_both(split, tmp_path):
    source = {"events": pl.DataFrame({"user": ["u1"], "product": ["p1"], "event": ["teleported"]})}
    for name, engine in (("polars", Polars), ("spark", split)):
        with pytest.raises(EmptyDump, match="1 row was refused, most often because event must be viewed"):
            made(source, engine, tmp_path / name)


def test_a_table_without_rows_beside_one_with_rows_is_no_obstacle(split, tmp_path):
    events = pl.DataFrame({"user": ["u1"], "product": ["p1"], "event": ["bought"]})
    source = {"events": events, "products": pl.DataFrame(schema={"id": pl.String, "color": pl.String})}
    expected, _ = made(source, Polars, tmp_path / "polars")
    assert made(source, split, tmp_path / "spark")[0] == expected


def test_products_that_are_only_linked_to_can_be_left_out_on_both(split, tmp_path):
    source = EXAMPLES["interactions"].write(tmp_path / "dump")
    kept = made(source, Polars, tmp_path / "kept")[0]
    dropped = made(source, split, tmp_path / "dropped", dangling="drop")[0]
    assert dropped == made(source, Polars, tmp_path / "polars", dangling="drop")[0] != kept


def test_a_later_word_on_a_node_wins_on_both(split, tmp_path):
    """Own nodes may tell more of what the dump describes already; `age` is text here and a number there."""
    users = pl.DataFrame({"id": ["u1", "u2"], "age": [20, 30], "city": ["Graz", None]})
    events = pl.DataFrame({"user": ["u1"], "product": ["p1"], "event": ["bought"]})
    more = pl.DataFrame({"id": ["u2", "u3"], "age": ["31", None], "name": ["Bo", "Cy"]})
    dump = replace(read_dump({"users": users, "events": events}), nodes={"User": more.lazy()})
    for number, engine in enumerate((Polars, split)):
        (tmp_path / str(number)).mkdir()
        tables = tabulate(dump, now=NOW, scratch=tmp_path / str(number), engine=engine)
        found = tables.nodes["User"].select("id", "age", "city", "name").sort("id").collect().rows()
        assert found == [("u1", 20, "Graz", None), ("u2", 31, None, "Bo"), ("u3", None, None, "Cy")]


def test_an_engine_that_is_misspelt_is_named_with_the_closest():
    with pytest.raises(BadRequest, match="no engine 'sprak'; did you mean 'spark'"):
        running("sprak")


def test_polars_has_no_master():
    with pytest.raises(BadRequest, match="for --engine spark"), running("polars", master="local[2]"):
        pass
