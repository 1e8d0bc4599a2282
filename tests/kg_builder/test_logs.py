"""Logs: what happens as records, on stderr as JSON lines, without a secret and without a word of a row."""

import gzip
import json
import logging
import os

import pytest
from typer.testing import CliRunner

import kg_builder
from kg_builder.cli import app
from kg_builder.logs import log
from kg_builder.planted import write_planted
from kg_builder.progress import Logged

runner = CliRunner()
NOW = 1_750_000_000
WORDS = ("xylophonist", "Quetzalcoatl", "zugzwang", "u-marigold", "hunter2hunter2")
"""In a review's text, in its title, in refused rows, in a user's id, and a password."""


def run(*arguments, **options):
    return runner.invoke(app, [str(argument) for argument in arguments], **options)


def records(result):
    """Every line of stderr is an object with moment, level and event."""
    found = [json.loads(line) for line in result.stderr.splitlines()]
    for one in found:
        assert one["at"].endswith("Z")
        assert one["level"] in ("info", "warning", "error", "critical")
        assert one["event"]
    return found


def only(found, event):
    (one,) = [one for one in found if one["event"] == event]
    return one


def said(result, *words):
    return [word for word in words if word.lower() in result.output.lower()]


def reviews(folder, *lines):
    """A dump of Amazon's reviews with a peculiar word in each place; a string is a line as it is."""
    good = {
        "reviewerID": "u-marigold",
        "asin": "p1",
        "overall": 5.0,
        "reviewText": "as the xylophonist said",
        "summary": "Quetzalcoatl",
        "unixReviewTime": 1393372800,
    }
    folder.mkdir()
    text = "\n".join(one if isinstance(one, str) else json.dumps(good | one) for one in lines)
    (folder / "Tea_5.json.gz").write_bytes(gzip.compress(text.encode()))
    return folder


FAULTY = ({"asin": "zugzwang", "overall": 9}, '{"reviewerID": "u-marigold", "asin": "zugzwang', {"unixReviewTime": "zugzwang"})


@pytest.fixture
def shop(tmp_path):
    return reviews(tmp_path / "dump", {}, {"asin": "p2"}, *FAULTY)


@pytest.fixture
def address(fresh_address, monkeypatch):
    found = fresh_address()
    if "://" not in found:
        monkeypatch.setenv("NEO4J_PASSWORD", "hunter2hunter2")
    return found


@pytest.mark.parametrize("options", [(), ("--json",), ("--max-rejects", "90%")], ids=lambda options: " ".join(options) or "none")
def test_the_log_of_a_build_holds_no_secret_and_no_word_of_a_row(options, shop, address):
    result = run("build", shop, "--into", address, "--name", "shop", "--log-json", *options)
    assert result.exit_code == (0 if "--max-rejects" in options else 1)
    assert said(result, *WORDS, os.environ["NEO4J_PASSWORD"]) == []
    found = records(result)
    events = [one["event"] for one in found]
    assert [events[0], events[-2], events[-1]] == ["started", "finished", "ended"]
    assert found[-1]["exit"] == result.exit_code
    faults = [(one["file"], one["line"], one["reason"]) for one in found if one["event"] == "fault"]
    assert faults[:2] == [
        ("Tea_5.json.gz", 3, "rating must lie in 1..5"),
        ("Tea_5.json.gz", 4, "the line must be sound JSON"),
    ]
    told = only(found, "finished")
    assert (told["command"], told["source"], told["store"], told["faults"]) == ("build", "shop", address, 3)
    assert told["rejected"] == {reason: 1 for _, _, reason in faults}
    assert (told["added"]["Review"], told["changed"], told["removed"]) == (2, {}, {})
    assert told["digest"] == run("hash", address).stdout.strip()
    assert told["seconds"] > 0


def test_the_answer_on_stdout_is_the_same_with_a_log(shop, tmp_path):
    arguments = ("build", shop, "--into", tmp_path / "s.graph", "--again", "--json")
    answers = [run(*arguments, *more).stdout for more in ((), (), ("--log-json",))]
    one, other = (json.loads(answer) | {"seconds": 0} for answer in answers[1:])
    assert one == other


def test_without_the_option_there_is_no_log(shop, tmp_path):
    lines = run("build", shop, "--into", tmp_path / "s.graph").stderr.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("kg-builder: ") for line in lines)


@pytest.mark.parametrize(
    ("lines", "options", "kind"),
    [
        (({}, *FAULTY), ("--max-rejects", "1"), "TooManyFaults"),
        (FAULTY, (), "EmptyDump"),
        (("[{}, zugzwang",), (), "DamagedDump"),
        (({"asin": None, "zugzwang": "u-marigold"},), (), "SchemaError"),
        (({},), ("--format", "zugzwang "), "BadRequest"),
    ],
    ids=["too many faults", "nothing is left", "a damaged file", "a field that is nowhere", "a wrong argument"],
)
def test_the_log_of_a_build_that_fails_says_why_and_no_word_of_a_row(lines, options, kind, address, tmp_path):
    result = run("build", reviews(tmp_path / "dump", *lines), "--into", address, "--log-json", *options)
    found = records(result)
    assert result.exit_code == (2 if kind == "BadRequest" else 1)
    assert [(one["event"], one["kind"]) for one in found[-2:]] == [("failed", kind), ("ended", kind)]
    assert found[-1]["exit"] == result.exit_code
    assert found[-1]["error"]
    secrets = (*WORDS, os.environ["NEO4J_PASSWORD"])
    assert said(result, *(word for word in secrets if kind != "BadRequest" or word != "zugzwang")) == []


def test_a_crash_is_told_by_its_place_alone(shop, tmp_path, monkeypatch):
    def crash(*_, **__):
        raise RuntimeError("zugzwang")

    monkeypatch.setattr("kg_builder.pipeline.news", crash)
    result = run("build", shop, "--into", tmp_path / "s.graph", "--log-json")
    last = records(result)[-1]
    assert (result.exit_code, last["level"], last["kind"]) == (1, "critical", "RuntimeError")
    assert last["where"][-1].endswith(" crash")
    assert said(result, *WORDS) == []


@pytest.mark.parametrize("address", ["neo4j://me:hunter2hunter2@localhost:1", "http://me:hunter2hunter2@localhost:1"])
def test_a_password_in_an_address_is_refused_and_never_shown(address, shop):
    for options in ((), ("--log-json",), ("--log-json", "--json")):
        result = run("build", shop, "--into", address, *options)
        assert result.exit_code == 1
        assert said(result, "hunter2hunter2") == []
        assert "NEO4J_PASSWORD" in result.stderr


@pytest.mark.neo4j
def test_a_wrong_password_is_not_in_the_log(shop, neo4j_address):
    result = run("build", shop, "--into", neo4j_address, "--log-json", env={"NEO4J_PASSWORD": "hunter2hunter2"})
    assert records(result)[-1]["kind"] == "StoreRefused"
    assert said(result, "hunter2hunter2") == []


def test_user_password_and_query_of_an_address_are_not_in_a_record(caplog):
    with caplog.at_level(logging.INFO, "kg_builder"):
        log("retry", source="https://me:hunter2@example.org/ml.zip?token=hunter2", why=["x at ftp://a:hunter2@b/c"])
    assert "hunter2" not in caplog.text
    assert caplog.records[0].fields == {"source": "https://example.org/ml.zip", "why": ["x at ftp://b/c"]}


def test_a_fetch_logs_its_address_without_a_token(tmp_path, free_port, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    mirror = f"http://127.0.0.1:{free_port}/movies?token=hunter2hunter2"
    result = run("fetch", "ml-100k", "--into", tmp_path, "--from", mirror, "--log-json")
    found = records(result)
    assert (found[0]["event"], found[-1]["kind"]) == ("started", "SourceUnreachable")
    assert found[0]["source"] == f"http://127.0.0.1:{free_port}/movies"
    assert said(result, "hunter2hunter2") == []


@pytest.mark.parametrize("command", ["build", "enrich", "export", "fetch", "resolve", "verify"])
def test_a_command_that_takes_long_offers_a_log(command):
    assert "--log-json" in run(command, "--help").stdout


def test_every_command_that_takes_long_logs_its_start_and_end(tmp_path):
    write_planted(tmp_path / "dump", users=24, products=48)
    store = tmp_path / "s.graph"
    commands = [
        ("build", tmp_path / "dump", "--into", store, "--max-rejects", "50%"),
        ("resolve", store),
        ("enrich", store),
        ("export", store, tmp_path / "out", "--for", "parquet"),
        ("verify", store),
    ]
    for command in commands:
        found = records(run(*command, "--log-json"))
        assert {one["command"] for one in found} == {command[0]}
        assert [only(found, event)["store"] for event in ("started", "finished")] == [str(store)] * 2
        assert found[-1] == found[-1] | {"event": "ended", "exit": 0}


def test_a_program_gets_the_same_records(shop, tmp_path, caplog):
    told = records(run("build", shop, "--into", tmp_path / "a.graph", "--log-json"))
    with caplog.at_level(logging.INFO, "kg_builder"):
        kg_builder.build(shop, tmp_path / "b.graph")
    heard = [(one.event, one.levelname.lower(), sorted({"command", *one.fields})) for one in caplog.records]
    assert heard == [(one["event"], one["level"], sorted(one.keys() - {"at", "level", "event"})) for one in told[:-1]]
    assert not any(word in caplog.text for word in WORDS)


def test_progress_is_logged_every_few_seconds_and_not_oftener(monkeypatch, caplog):
    clock = iter(range(100))
    monkeypatch.setattr("kg_builder.progress.time.monotonic", lambda: next(clock) / 10)
    progress = Logged()
    with caplog.at_level(logging.INFO, "kg_builder"):
        for done in range(99):
            progress("read", done, 99)
    assert [one.fields for one in caplog.records] == [{"step": "read", "done": done, "total": 99} for done in (29, 59, 89)]


def test_wrong_usage_is_logged_too():
    result = run("build", "--log-json", "x")
    assert records(result)[-1]["error"] == "missing option '--into' (kg-builder build --help)"
    assert result.exit_code == 2


def test_the_log_ends_with_the_command():
    before = list(logging.getLogger("kg_builder").handlers)
    run("build", "--log-json", "x")
    assert logging.getLogger("kg_builder").handlers == before
