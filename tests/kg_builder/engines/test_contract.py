"""Every engine makes the same graph of the same dump, and refuses the same rows."""

from functools import partial
from pathlib import Path

import pytest

from kg_builder.digests import digest
from kg_builder.dumps import read_dump, readers
from kg_builder.engines.polars import Polars
from kg_builder.planted import planted_shop
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate
from tests.kg_builder.dumps.test_contract import EXAMPLES, NOW


def made(source, engine, scratch: Path, **how):
    """The tables of a dump, and the rows that were refused, in an order of their own."""
    scratch.mkdir()
    rejects = Rejects()
    dump = read_dump(source, reading=Reading(rejects, scratch=scratch))
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
