"""Spark as an engine: tasks that fail, a session that is quiet, and errors of one line."""

import json
import os
import signal
import socket
import subprocess
import sys
from functools import partial

import polars as pl
import pytest

import kg_builder
from kg_builder import cleaning
from kg_builder.cleaning import Step
from kg_builder.engines import collected, running
from kg_builder.engines.polars import Polars
from kg_builder.errors import BadRequest, EngineError
from kg_builder.rejects import Rejects, Sieve
from kg_builder.stores import connect

NOW = 1_600_000_000
REVIEWS = pl.LazyFrame(
    {
        "user": ["u1", "u1", "u2", "u3", "u4", None],
        "product": ["p1", "p1", "p2", "p1", "p2", "p1"],
        "rating": ["5", "4", "9", "1", "2", "3"],
        "at": [1_500_000_000] * 6,
        "file": ["reviews.csv"] * 6,
        "line": [2, 3, 4, 5, 6, 7],
    }
)
STEPS = cleaning.reviews(REVIEWS.collect_schema(), NOW)


def cleaned(engine, scratch, steps=STEPS):
    """The rows that stay, and the refused ones, both in an order of their own."""
    sieve = Sieve(Rejects(), scratch)
    rows = collected(engine(sieve).cleaned("reviews", REVIEWS, steps))
    return rows.sort("id").rows(named=True), sorted(map(str, sieve.rejects.rows())), sieve.rejects.passed


@pytest.mark.parametrize("number", [0, 1], ids=["row by row", "together"])
def test_a_task_whose_process_is_killed_runs_again_and_doubles_nothing(number, spark, tmp_path):
    steps, died = list(STEPS), tmp_path / "died"

    def dying(rows, sieve, work=STEPS[number].work):
        """The step, which the first time does its work and then dies by the hand of the system."""
        done = work(rows, sieve)
        if not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    (tmp_path / "polars").mkdir()
    (tmp_path / "spark").mkdir()
    expected = cleaned(Polars, tmp_path / "polars")

    def everywhere(rows, sieve):  # on this machine it is asked for the columns alone
        return dying(rows, sieve) if rows.head(1).collect().height else STEPS[number].work(rows, sieve)

    steps[number] = Step(everywhere, STEPS[number].by)
    assert cleaned(partial(spark, rows=2), tmp_path / "spark", steps) == expected
    assert died.exists()
    assert expected[1]


def test_a_task_that_fails_each_time_says_so_in_one_line(tmp_path, spark):
    def faulty(rows, sieve):
        if rows.head(1).collect().height:
            raise ValueError("no such colour: ultraviolet")
        return rows

    with pytest.raises(EngineError) as error, running("spark") as engine:
        cleaned(engine, tmp_path, [Step(faulty)])
    assert str(error.value) == "a task of Spark failed: no such colour: ultraviolet"


def test_a_task_that_is_killed_each_time_says_so_in_one_line(tmp_path, spark):
    def dying(rows, sieve):
        if rows.head(1).collect().height:
            os.kill(os.getpid(), signal.SIGKILL)
        return rows

    with pytest.raises(EngineError, match=r"^a task of Spark was killed each time, .* memory; .*$"), running("spark") as engine:
        cleaned(engine, tmp_path, [Step(dying)])


def test_frames_are_a_source_too(spark, tmp_path):
    frames = {
        "products": pl.DataFrame({"id": ["p1", "p2"], "title": ["Tea &amp; cup", None], "price": ["$5", "free"]}),
        "events": pl.DataFrame({"user": ["u1"] * 2, "product": ["p1"] * 2, "event": ["view"] * 2, "at": [1_500_000_000] * 2}),
    }
    one, other = (
        kg_builder.build(frames, tmp_path / f"{engine}.graph", engine=engine, now=NOW) for engine in ("polars", "spark")
    )
    assert (other.digest, other.rejected, other.nodes, other.edges) == (one.digest, one.rejected, one.nodes, one.edges)
    assert other.first_faults == one.first_faults != ()
    with connect(tmp_path / "polars.graph") as mine, connect(tmp_path / "spark.graph") as theirs:
        assert mine.read() == theirs.read()


def test_a_source_is_exported_by_either_engine_to_the_same_end(spark, tmp_path):
    source = {"events": pl.DataFrame({"user": ["u1"], "product": ["p1"], "event": ["view"], "at": [1_500_000_000]})}
    for engine in ("polars", "spark"):
        kg_builder.export(source, tmp_path / engine, format="parquet", engine=engine, now=NOW)
    exported = kg_builder.read_export(tmp_path / "spark")
    assert exported == kg_builder.read_export(tmp_path / "polars")
    assert exported.counts() == ({"User": 1, "Product": 1}, {("User", "VIEWED", "Product"): 1})


def test_a_store_is_exported_by_no_engine(tmp_path):
    source = {"events": pl.DataFrame({"user": ["u1"], "product": ["p1"], "event": ["view"]})}
    kg_builder.build(source, tmp_path / "shop.graph", now=NOW)
    with pytest.raises(BadRequest, match="--engine says how a source is read"):
        kg_builder.export(tmp_path / "shop.graph", tmp_path / "out", format="parquet", engine="spark")


def test_without_a_folder_to_hand_rows_over_in_there_is_no_spark(spark):
    with pytest.raises(BadRequest, match="a folder that all its workers see"):
        spark(Sieve(Rejects())).lifted(REVIEWS)


def test_without_pyspark_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(EngineError, match=r"pip install 'graphrec\[spark\]'"), running("spark"):
        pass


def run(tmp_path, *arguments, **environment):
    """kg-builder build of a small dump by Spark, in a process of its own."""
    (tmp_path / "events.csv").write_text("user,product,event,at\nu1,p1,bought,1500000000\n")
    program = "import sys; from kg_builder.cli import app; app()"
    command = [sys.executable, "-c", program, "build", str(tmp_path / "events.csv"), "--into", str(tmp_path / "shop.graph")]
    return subprocess.run(  # noqa: S603 - our own program
        [*command, "--engine", "spark", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_nothing_of_sparks_own_talk_reaches_the_terminal(spark, tmp_path):
    done = run(tmp_path, "--master", "local[1]", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["added"] == {"User": 1, "Product": 1, "User-BOUGHT-Product": 1}


def test_without_java_one_line_says_so(tmp_path):
    pytest.importorskip("pyspark")
    done = run(tmp_path, JAVA_HOME=str(tmp_path))
    expected = "kg-builder: the engine spark needs Java 17 or newer, and there is none: install it, or set JAVA_HOME\n"
    assert (done.returncode, done.stderr) == (1, expected)
    assert not (tmp_path / "shop.graph").exists()


def test_a_java_that_is_too_old_is_named(tmp_path):
    pytest.importorskip("pyspark")
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    done = run(tmp_path, JAVA_HOME=str(tmp_path))
    assert done.returncode == 1
    assert 'needs Java 17 or newer (got openjdk version "11.0.2" 2019-01-15 from' in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_master_that_does_not_answer_is_named(spark, tmp_path):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"spark://127.0.0.1:{taken.getsockname()[1]}"
        done = run(tmp_path, "--master", address)
    assert done.returncode == 1
    assert done.stderr == (
        f"kg-builder: no Spark master answers at {address}; start one, or work on this machine with --master 'local[*]'\n"
    )
