"""The command line: what it prints, how it ends, and one clear line for everything that goes wrong."""

import gzip
import json
import os
import re
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from kg_builder.cli import app
from kg_builder.planted import write_planted
from kg_builder.stores.embedded import EmbeddedStore

runner = CliRunner()


def run(*arguments, **options):
    return runner.invoke(app, [str(argument) for argument in arguments], **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("dumps") / "planted"
    write_planted(path, users=24, products=48)
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory, folder):
    path = tmp_path_factory.mktemp("stores") / "shop.graph"
    assert run("build", folder, "--into", path, "--max-rejects", "10%").exit_code == 0
    return path


def refused(result, *words, code=1):
    """True where the command ended with the code and said why in one line that has these words."""
    lines = result.stderr.splitlines()
    assert result.exit_code == code, result.output
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("kg-builder: ")
    assert "Traceback" not in result.output
    for word in words:
        assert word in lines[0], lines[0]
    return True


def test_build_prints_counts_and_what_was_refused(folder, tmp_path):
    result = run("build", folder, "--into", tmp_path / "new.graph", "--max-rejects", "10%")
    assert result.exit_code == 0
    assert "(User)-[:BOUGHT]->(Product)" in result.stdout
    assert "rows refused" in result.stdout
    assert "rating must lie in 1..5" in result.stdout


def amazon(folder, *changes):
    """A dump of reviews, one line for each change of a good one; a string is a line as it is."""
    good = {"reviewerID": "u1", "asin": "p1", "overall": 5.0, "unixReviewTime": 1393372800}
    lines = [one if isinstance(one, str) else json.dumps(good | one) for one in changes]
    folder.mkdir()
    (folder / "Tea_5.json.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return folder


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            '{"reviewerID": "u2", "as',
            'the line must be sound JSON (got unterminated string starting at column 22: {"reviewerID": "u2", "as)',
        ),
        ({"overall": 9}, "rating must lie in 1..5 (got 9)"),
        ({"unixReviewTime": 3_800_000_000}, "time must lie between 1995-01-01 and tomorrow (got 3800000000)"),
    ],
    ids=["a line that is no JSON", "a rating of 9", "a date in 2090"],
)
def test_a_faulty_row_is_named_ends_with_1_and_costs_no_good_row(fault, words, tmp_path):
    dump = amazon(tmp_path / "dump", {}, fault, {"reviewerID": "u3"})
    result = run("build", dump, "--into", tmp_path / "tea.graph")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == f"kg-builder: Tea_5.json.gz line 2: {words}"
    assert "Traceback" not in result.output
    assert json.loads(run("info", tmp_path / "tea.graph", "--json").stdout)["nodes"]["Review"] == 2


def test_the_first_five_faulty_rows_are_named_and_the_others_counted(tmp_path):
    dump = amazon(tmp_path / "dump", {}, *({"overall": 9, "asin": f"p{number}"} for number in range(8)))
    lines = run("build", dump, "--into", tmp_path / "tea.graph").stderr.splitlines()
    assert [line.split(":")[1].strip() for line in lines[:-1]] == [f"Tea_5.json.gz line {number}" for number in range(2, 7)]
    assert lines[-1].startswith(f"kg-builder: 3 further faulty rows are in {tmp_path / 'tea.graph' / 'rejects.jsonl'}")


def test_rows_that_say_what_others_said_are_no_fault(tmp_path):
    result = run("build", amazon(tmp_path / "dump", {}, {}), "--into", tmp_path / "tea.graph")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "1 row refused" in result.stdout


@pytest.mark.parametrize(("allowed", "code"), [("1", 0), ("50%", 0), ("0", 1), ("10%", 1)])
def test_more_faulty_rows_than_allowed_are_refused_before_anything_is_written(allowed, code, tmp_path):
    dump = amazon(tmp_path / "dump", {}, {"overall": 9}, {"reviewerID": "u3"})
    result = run("build", dump, "--into", tmp_path / "tea.graph", "--max-rejects", allowed)
    assert result.exit_code == code
    assert (tmp_path / "tea.graph").exists() == (code == 0)
    if code:
        many = "1 of 3 rows are faulty" if "%" in allowed else "1 faulty row so far, 0 may be"
        assert refused(result, many, "nothing was written", "line 2: rating must lie in 1..5 (got 9)")


@pytest.mark.parametrize("allowed", ["some", "-1", "120%", "1.5"])
def test_an_allowance_that_is_no_number_and_no_share_is_wrong_usage(allowed, folder, tmp_path):
    result = run("build", folder, "--into", tmp_path / "s.graph", f"--max-rejects={allowed}")
    assert refused(result, "100", "1%", allowed, code=2)


def test_build_as_json_prints_json_alone(folder, tmp_path):
    arguments = ("--json", "--rejects", tmp_path / "refused.jsonl", "--max-rejects", "10%")
    result = run("build", folder, "--into", tmp_path / "new.graph", *arguments)
    record = json.loads(result.stdout)
    assert result.stderr == ""
    assert record["nodes"]["User"] == 24
    assert record["rejects"] == str(tmp_path / "refused.jsonl")
    assert 0 < record["faults"] < sum(record["rejected"].values())
    assert sum(record["rejected"].values()) == len((tmp_path / "refused.jsonl").read_text().splitlines())


def test_info_counts_and_names_the_time_span_and_the_rejects(shop):
    result = run("info", shop)
    assert result.exit_code == 0
    for words in ("User", "24", "interactions from 2023-", "rows refused", "rating must lie in 1..5"):
        assert words in result.stdout
    record = json.loads(run("info", shop, "--json").stdout)
    assert record["nodes"]["User"] == 24
    assert {"source", "type", "target", "count"} == record["edges"][0].keys()


def test_query_takes_parameters_and_prints_rows(shop):
    cypher = "MATCH (u:User) WHERE u.id >= $first RETURN u.id AS id ORDER BY id LIMIT $k"
    result = run("query", shop, cypher, "--param", "first=u0003", "--param", "k=2")
    assert result.stdout == "id\nu0003\nu0004\n"
    as_json = run("query", shop, cypher, "--param", "first=u0003", "--param", "k=2", "--json")
    assert json.loads(as_json.stdout) == [{"id": "u0003"}, {"id": "u0004"}]


def test_query_runs_a_file_with_its_defaults(shop, tmp_path):
    file = tmp_path / "users.cypher"
    file.write_text("// Users.\n// :param k => 1\nMATCH (u:User) RETURN u.id AS id ORDER BY id LIMIT $k\n")
    assert run("query", shop, "--file", file).stdout == "id\nu0000\n"
    assert run("query", shop, "--file", file, "--param", "k=2").stdout == "id\nu0000\nu0001\n"


def test_nulls_and_lists_are_printed_as_cells(shop):
    result = run("query", shop, "RETURN NULL AS nothing, [1, 2] AS some, 'a\tb' AS text")
    assert result.stdout == "nothing\tsome\ttext\n\t[1, 2]\ta b\n"


@pytest.mark.parametrize("command", sorted(get_command(app).commands))
def test_every_command_shows_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Examples?: kg-builder {command} ", result.stdout)
    assert f"  {command} " in run("--help").stdout


def test_h_is_help():
    assert run("info", "-h").stdout == run("info", "--help").stdout


def test_the_version_is_printed():
    assert run("--version").stdout.startswith("kg-builder 0.")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["build", "x"], "missing option '--into' (kg-builder build --help)"),
        (["info"], "missing argument 'STORE' (kg-builder info --help)"),
        (["query", "s"], "invalid value for CYPHER: give a query or --file, one of them (kg-builder query --help)"),
        (["bild"], "no command 'bild'; did you mean 'build'? (kg-builder --help)"),
        (["sing"], "no command 'sing' (kg-builder --help)"),
        (["--versoin"], "no option --versoin; did you mean '--version'? (kg-builder --help)"),
        (["info", "s", "--jsn"], "no option --jsn; did you mean '--json'? (kg-builder info --help)"),
        (["info", "s", "--loud"], "no option --loud (kg-builder info --help)"),
        (
            ["build", "x", "--into", "s", "--max-bytes", "lots"],
            "expected a number of bytes such as 2000000 or 50GB (got 'lots')",
        ),
        (
            ["build", "x", "--into", "s", "--dangling", "kep"],
            "invalid value for '--dangling': 'kep' is not one of 'keep', 'drop' (kg-builder build --help)",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_ends_with_two(arguments, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"kg-builder: {line}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [
        (["info", "nothing.graph"], "StoreMissing", 1),
        (["build", "nothing", "--into", "s.graph"], "MissingSource", 1),
        (["query", "nothing.graph", "RETURN 1", "--file", "f"], "BadRequest", 2),
        (["info"], "BadRequest", 2),
        (["build", "x", "--into", "s.graph", "--max-rejects", "some"], "BadRequest", 2),
    ],
)
def test_with_json_a_refusal_is_an_object_on_stdout_and_a_line_on_stderr(arguments, kind, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, "--json")
    record = json.loads(result.stdout)
    assert record == {"error": result.stderr.removeprefix("kg-builder: ").strip(), "kind": kind}
    assert result.exit_code == code


def test_a_file_that_cannot_be_written_is_named(folder, tmp_path):
    file = tmp_path / "nowhere" / "m.toml"
    assert refused(run("infer", folder, "--out", file), f"No such file or directory: {file}")


def test_without_arguments_the_help_is_shown():
    assert (run().exit_code, run().stdout) == (0, run("--help").stdout)


def test_whoever_reads_the_output_may_stop_before_its_end(shop):
    program = 'import sys; from kg_builder.cli import app; sys.argv[0] = "kg-builder"; app()'
    cypher = "UNWIND range(1, 200000) AS n RETURN n"
    command = [sys.executable, "-c", program, "query", str(shop), cypher]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as ended:  # noqa: S603
        assert ended.stdout.readline() == "n\n"
        ended.stdout.close()
        assert ended.stderr.read() == ""
    assert ended.returncode == 0


# Bad input, each by its name.


def test_a_missing_source(tmp_path):
    assert refused(run("build", tmp_path / "nothing", "--into", tmp_path / "s.graph"), "there is nothing at")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_no_known_format(tmp_path):
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "holiday.jpg").write_bytes(b"\xff\xd8")
    result = run("build", tmp_path / "dump", "--into", tmp_path / "s.graph")
    assert refused(result, "no known format", "amazon-2018", "interactions", "holiday.jpg")


def test_an_unknown_format_name(folder, tmp_path):
    result = run("build", folder, "--into", tmp_path / "s.graph", "--format", "interaction")
    assert refused(result, "did you mean 'interactions'?", code=2)
    assert not (tmp_path / "s.graph").exists()


def test_a_truncated_gzip(tmp_path):
    dump = tmp_path / "dump"
    dump.mkdir()
    line = {"overall": 5.0, "reviewTime": "01 1, 2018", "unixReviewTime": 1514764800, "reviewerID": "U", "asin": "P"}
    lines = "".join(json.dumps({**line, "asin": f"P{number}"}) + "\n" for number in range(2000))
    packed = gzip.compress(lines.encode())
    (dump / "Magazines_5.json.gz").write_bytes(packed[: len(packed) // 2])
    (dump / "meta_Magazines.json.gz").write_bytes(gzip.compress(b'{"asin": "P1", "title": "One"}\n'))
    assert refused(run("build", dump, "--into", tmp_path / "s.graph"), "Magazines_5.json.gz")
    assert not (tmp_path / "s.graph").exists()


def test_a_store_that_is_locked(folder, shop):
    before = run("info", shop).stdout
    with EmbeddedStore(shop)._folder.locked():
        assert refused(run("build", folder, "--into", shop), f"process {os.getpid()} is writing")
        assert run("info", shop).exit_code == 0
    assert run("info", shop).stdout == before


def test_a_store_that_is_not_there(tmp_path):
    assert refused(run("info", tmp_path / "nothing.graph"), "there is no store at", "kg-builder build")


def test_a_folder_that_is_no_store(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    assert refused(run("info", tmp_path), "without a graph")


def test_an_address_of_a_wrong_kind(folder):
    assert refused(run("build", folder, "--into", "http://localhost:7474"), "expected a path or an address of neo4j")


def test_a_neo4j_that_is_down(folder, free_port):
    address = f"bolt://127.0.0.1:{free_port}"
    assert refused(run("build", folder, "--into", address, env={"NEO4J_PASSWORD": "secret"}), "no Neo4j server answers", address)


@pytest.mark.neo4j
def test_a_neo4j_that_refuses_the_password(folder, neo4j_address):
    result = run("build", folder, "--into", neo4j_address, env={"NEO4J_PASSWORD": "not-the-password"})
    assert refused(result, "refuses the user 'neo4j'", "NEO4J_PASSWORD")
    assert "not-the-password" not in result.output


@pytest.mark.neo4j
def test_the_same_commands_work_on_neo4j(folder, shop, neo4j_address, wipe, tmp_path):
    wipe()
    arguments = ("--rejects", tmp_path / "refused.jsonl", "--max-rejects", "10%")
    assert run("build", folder, "--into", neo4j_address, *arguments).exit_code == 0
    there, here = (json.loads(run("info", address, "--json").stdout) for address in (neo4j_address, shop))
    for record in (there, here):
        record["address"] = None
        for one in record["builds"]:
            one.update(at=None, seconds=None)
    assert there == here
    cypher = "MATCH (p:Product) RETURN p.id AS id ORDER BY id LIMIT 3"
    assert run("query", neo4j_address, cypher).stdout == run("query", shop, cypher).stdout


@pytest.mark.parametrize(
    "cypher, words",
    [
        ("MATCH (p:Prodct) RETURN p", "did you mean 'Product'?"),
        ("MATCH (p", "Invalid input"),
        ("RETURN $id", "needs the parameter $id"),
    ],
)
def test_bad_cypher(shop, cypher, words):
    assert refused(run("query", shop, cypher), words)


def test_a_parameter_the_query_does_not_have(shop):
    for given, words in (("prodct=1", "no parameter $prodct; did you mean 'product'?"), ("product", "name=value")):
        assert refused(run("query", shop, "RETURN $product", "--param", given), words, code=2)


def test_the_console_script_ends_without_a_traceback(tmp_path):
    command = [sys.executable, "-c", "from kg_builder.cli import app; app()", "info", str(tmp_path / "nothing")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
