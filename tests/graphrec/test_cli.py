import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

import graphrec
from graphrec import cli
from kg_builder.stores import connect
from kg_builder.tables import GraphTables
from tests.graphrec.conftest import SCORERS

FAST = ["--scorers", ",".join(SCORERS), "--text-model", "none"]


@pytest.fixture(scope="module")
def store(shop, tmp_path_factory):
    """The shop's graph; opened by nobody."""
    path = tmp_path_factory.mktemp("cli") / "shop.graph"
    with connect(path, create=True) as opened:
        opened.write(shop)
    return str(path)


@pytest.fixture(scope="module")
def model(ranker, tmp_path_factory):
    """The shop's model."""
    path = tmp_path_factory.mktemp("cli") / "shop.model"
    ranker.save(path)
    return str(path)


@pytest.fixture
def run(capsys):
    """Runs a command line in this process: (exit code, stdout, stderr)."""

    def run(*arguments):
        try:
            cli.main([str(argument) for argument in arguments])
            code = 0
        except SystemExit as end:
            code = end.code or 0
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.fixture
def refused(run):
    """Runs a command line that must be refused; returns its one line."""

    def refused(*arguments, code=1):
        ended, out, err = run(*arguments)
        assert (ended, out) == (code, ""), (ended, out, err)
        assert err.startswith("graphrec: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        return err

    return refused


def test_fit_then_rank_agree_with_python_and_need_no_store(run, ranker, store, tmp_path):
    shutil.copytree(store, tmp_path / "copy.graph") if Path(store).is_dir() else shutil.copy(store, tmp_path / "copy.graph")
    code, out, err = run("fit", tmp_path / "copy.graph", "--out", tmp_path / "m", *FAST)
    assert code == 0, err
    assert "saved to" in out
    if (tmp_path / "copy.graph").is_dir():
        shutil.rmtree(tmp_path / "copy.graph")
    else:
        (tmp_path / "copy.graph").unlink()
    code, out, err = run("rank", tmp_path / "m", "--users", "u0001,u0002", "-k", 3)
    assert code == 0, err
    lines = [line.split("\t") for line in out.splitlines()]
    assert lines[0] == ["user", "item", "rank", "score"]
    expected = ranker.rank(["u0001", "u0002"], k=3)
    assert [(user, item, int(rank)) for user, item, rank, _ in lines[1:]] == [(one.user, one.item, one.rank) for one in expected]
    assert run("explain", tmp_path / "m", "u0001", expected.items[0])[0] == 0


def test_fit_prints_what_each_part_was_worth_as_json(run, store, tmp_path):
    code, out, _ = run("fit", store, "--out", tmp_path / "m", "--scorers", "popularity", "--text-model", "none", "--json")
    assert code == 0
    assert json.loads(out).keys() >= {"reason", "parts", "notes", "seconds", "model"}


def test_lists_go_to_a_file_and_strangers_are_counted(run, model, tmp_path):
    (tmp_path / "users.txt").write_text("u0001\nsomebody new\nu0003\n")
    code, out, err = run("rank", model, "--users", tmp_path / "users.txt", "-k", 5, "--out", tmp_path / "lists.tsv")
    assert code == 0
    lines = [line.split("\t") for line in (tmp_path / "lists.tsv").read_text().splitlines()]
    assert lines[0] == ["user", "item", "rank", "score"]
    assert [line[0] for line in lines[1:]] == [user for user in ("u0001", "somebody new", "u0003") for _ in range(5)]
    assert "15 lines for 3 users" in out
    assert "1 of 3 users are unknown" in err
    code, out, err = run("rank", model, "--users", tmp_path / "users.txt", "--out", tmp_path / "lists.tsv", "--json")
    assert json.loads(out)["strangers"] == 1


def test_a_user_nobody_knows_is_refused_by_strict(refused, model):
    assert "no user 'u00O1' among 120; did you mean" in refused("rank", model, "--users", "u0001,u00O1", "--strict")


def test_candidates_and_excluded_pairs_are_files(run, model, tmp_path):
    (tmp_path / "candidates.txt").write_text("item\np0001\np0002\np0013\nunheard-of\n")
    (tmp_path / "pairs.tsv").write_text("user\titem\ttimestamp\nu0000\tp0001\t5\nu0000\tunheard-of\t5\n")
    arguments = ["--candidates", tmp_path / "candidates.txt", "--exclude", tmp_path / "pairs.tsv", "--keep-seen"]
    code, out, err = run("rank", model, "--users", "u0000,u0001", *arguments)
    items = [tuple(line.split("\t")[:2]) for line in out.splitlines()[1:]]
    assert code == 0
    assert {item for user, item in items if user == "u0000"} == {"p0002", "p0013"}
    assert {item for user, item in items if user == "u0001"} == {"p0001", "p0002", "p0013"}
    assert "1 of 4 candidates are unknown" in err
    assert "1 of 2 excluded pairs name products unknown" in err


def test_candidates_or_pairs_of_which_none_is_known_are_refused(refused, model, tmp_path):
    (tmp_path / "wrong.txt").write_text("a\nb\n")
    (tmp_path / "wrong.tsv").write_text("u0001\ta\n")
    assert "knows none of these 2 candidates" in refused(
        "rank", model, "--users", "u0001", "--candidates", tmp_path / "wrong.txt"
    )
    assert "knows none of the products" in refused("rank", model, "--users", "u0001", "--exclude", tmp_path / "wrong.tsv")


def test_keep_seen_lets_bought_products_in(run, model, ranker):
    def items(*more):
        return {line.split("\t")[1] for line in run("rank", model, "--users", "u0001", "-k", 400, *more)[1].splitlines()[1:]}

    assert items() < items("--keep-seen")


def test_lists_are_re_ranked_by_knobs(run, refused, model, ranker):
    code, out, err = run("rank", model, "--users", "u0001,u0002", "-k", 5, "--rerank", "diversity=0.3, producers=.2")
    assert code == 0, err
    expected = ranker.rank(["u0001", "u0002"], k=5, rerank={"diversity": 0.3, "producers": 0.2})
    assert [line.split("\t")[1] for line in out.splitlines()[1:]] == list(expected.items)
    assert "no re-ranking for 'diverse'; did you mean 'diversity'?" in refused(
        "rank", model, "--users", "u0001", "--rerank", "diverse=0.3"
    )
    assert "popularity must be a number between 0" in refused("rank", model, "--users", "u0001", "--rerank", "popularity=3")
    for wrong in ("diversity", "diversity=much", "=0.3=", "diversity:0.3"):
        assert "expected NAME=NUMBER" in refused("rank", model, "--users", "u0001", "--rerank", wrong, code=2)


def test_rank_similar_and_explain_speak_json(run, model, ranker):
    first = next(iter(ranker.rank("u0001")))
    shown = json.loads(run("rank", model, "--users", "u0001", "--json")[1])
    assert shown[0]["item"] == first.item
    assert json.loads(run("similar", model, "p0001", "--json")[1])[0]["product"] == "p0001"
    explained = json.loads(run("explain", model, "u0001", first.item, "--json")[1])
    assert explained["score"] == pytest.approx(first.score, rel=1e-4)
    assert explained["reasons"][0].keys() >= {"item", "because", "share"}


def test_explain_says_because(run, model, ranker):
    code, out, _ = run("explain", model, "u0001", ranker.rank("u0001").items[0])
    assert code == 0
    assert "because you chose" in out


def test_evaluate_prints_popularity_beside_the_blend(run, store):
    code, out, err = run("evaluate", store, "-k", 5, "--scorers", "popularity", "--text-model", "none", "--until", "2023-11-01")
    assert code == 0, err
    assert "popularity" in out
    assert "blend" in out
    assert "after 2023-11-01 23:59:59 UTC" in out
    code, out, _ = run("evaluate", store, "--scorers", "popularity", "--text-model", "none", "--json")
    assert json.loads(out)["k"] == 20


def test_evaluate_writes_a_folder_and_prints_the_tables_asked_for(run, refused, store, tmp_path):
    fast = ("--scorers", "popularity,linear", "--text-model", "none")
    more = ("--by", "activity,category", "--auc", "--worth", "--memory", "1MiB", "--out", tmp_path / "report")
    code, out, err = run("evaluate", store, *fast, *more)
    assert code == 0, err
    assert "By how much users chose before: ndcg@20" in out
    assert "By category: ndcg@20" in out
    assert "By popularity" not in out
    assert "whether the graph helps" in out
    assert "whether the graph and text help" in out
    assert f"note: the whole report is in {tmp_path / 'report'}" in err
    saved = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [one["source"] for one in saved["worth"]] == ["graph", "text", "graph and text", "order"]
    assert saved["results"][0]["auc"] > 0.5
    (tmp_path / "file").write_text("")
    assert "is a file" in refused("evaluate", store, "--out", tmp_path / "file")
    assert "did you mean 'category'" in refused("evaluate", store, "--by", "categories")
    assert "memory must hold one user's scores" in refused("evaluate", store, *fast, "--memory", "1kB")
    assert "expected a number of bytes" in refused("evaluate", store, *fast, "--memory", "much", code=2)


def test_evaluate_takes_a_protocol_a_core_and_candidates_and_says_so(run, refused, store):
    fast = ("--scorers", "popularity", "--text-model", "none")
    code, out, err = run("evaluate", store, *fast, "--protocol", "new-users", "--share", "0.3", "--k-core", 5, "--candidates", 30)
    assert code == 0, err
    assert "cut: new users: " in out
    assert "note: 5-core, at least 5 choices a user and a product: " in out
    assert "ndcg@20*" in out
    assert "* sampled metrics: held-out products among 30 drawn candidates" in out
    assert "note: what re-ranking would cost is measured where every product is ranked; leave candidates out to see it" in out
    assert "What re-ranking would cost" not in out
    assert "did you mean 'leave-one-out'" in refused("evaluate", store, "--protocol", "leave-one", code=1)


def test_evaluate_strict_exits_with_1_and_a_line_a_leak(run, store, shop, tmp_path):
    bought = shop.interactions().sort("user", "at").collect()
    (tmp_path / "test.tsv").write_text(
        "user\titem\ttimestamp\n"
        + "".join(f"{u}\t{p}\t{at}\n" for u, p, at in bought.select("user", "product", "at").head(3).rows())
        + "u0003\tp0001\t4000000000\n"
    )
    fast = ("--scorers", "popularity", "--text-model", "none")
    code, out, err = run("evaluate", store, *fast, "--test", tmp_path, "--strict")
    assert code == 1
    assert "leak report" in out
    lines = [line for line in err.splitlines() if line.startswith("note: leak: ")]
    assert any(line.startswith("note: leak: test in train: 3, first u") for line in lines)
    assert any(line.startswith("note: leak: test older than training: ") for line in lines)
    assert run("evaluate", store, *fast, "--test", tmp_path)[0] == 0
    assert run("evaluate", store, *fast, "--strict")[0] == 0


def test_evaluate_measures_lists_of_another_system(run, refused, store, tmp_path):
    (tmp_path / "theirs.tsv").write_text("user\titem\n" + "".join(f"u{row:04d}\tp0001\n" for row in range(120)))
    fast = ("--scorers", "popularity", "--text-model", "none")
    code, out, err = run("evaluate", store, *fast, "--json", "--lists", f"theirs={tmp_path / 'theirs.tsv'}")
    assert code == 0, err
    assert "theirs" in {one["system"] for one in json.loads(out)["results"]}
    assert "expected NAME=FILE" in refused("evaluate", store, "--lists", "theirs.tsv", code=2)
    assert "no such file" in refused("evaluate", store, "--lists", "theirs=nothing.tsv")


def test_write_back_shows_up_in_cypher_and_twice_is_once(run, model, store, ranker):
    for _ in range(2):
        code, out, err = run("write-back", model, store, "-k", 4, "--users", "u0001,u0002", "--no-similar")
        assert code == 0, err
        assert "8 RECOMMENDED" in out
        with connect(store, read_only=True) as opened:
            query = "MATCH (u:User)-[r:RECOMMENDED]->(p:Product) RETURN u.id AS user, p.id AS item ORDER BY u.id, r.rank"
            found = opened.query(query)
        expected = ranker.rank(["u0001", "u0002"], k=4)
        assert found.to_numpy().tolist() == [[one.user, one.item] for one in expected]


def test_a_missing_store_is_refused(refused, tmp_path):
    refused("fit", tmp_path / "nothing.graph", "--out", tmp_path / "m")
    refused("evaluate", tmp_path / "nothing.graph")
    assert not (tmp_path / "m").exists()


def test_a_missing_model_is_refused(refused, tmp_path):
    for arguments in (("rank", tmp_path, "--users", "u1"), ("explain", tmp_path, "u1", "p1"), ("similar", tmp_path, "p1")):
        assert "no model at" in refused(*arguments)


def test_a_damaged_model_is_refused(refused, model, tmp_path):
    shutil.copytree(model, tmp_path / "m")
    (tmp_path / "m" / "graph.safetensors").write_bytes(b"half")
    assert "is not what was saved" in refused("rank", tmp_path / "m", "--users", "u0001")


def test_an_unknown_scorer_is_refused_with_the_closest(refused, store, tmp_path):
    arguments = ("fit", store, "--out", tmp_path / "m", "--scorers", "liner")
    assert "no scorer 'liner'; did you mean 'linear'?" in refused(*arguments, code=2)


def test_an_unknown_user_or_product_in_explain_is_refused_with_the_closest(refused, model):
    assert "did you mean 'u0" in refused("explain", model, "u00O1", "p0001")
    assert "did you mean 'p0" in refused("explain", model, "u0001", "p00O1")
    assert "did you mean 'p0" in refused("similar", model, "p00O1")


def test_k_zero_is_refused(refused, model, store):
    for arguments in (
        ("rank", model, "--users", "u0001"),
        ("similar", model, "p0001"),
        ("evaluate", store),
        ("write-back", model, store),
    ):
        assert "'-k': Input should be greater than or equal to 1" in refused(*arguments, "-k", 0, code=2)


def test_a_device_that_is_not_there_is_refused(refused, store, tmp_path):
    assert "no device 'abacus' here" in refused("fit", store, "--out", tmp_path / "m", "--device", "abacus")


def test_a_folder_that_is_no_model_is_not_overwritten_and_said_before_fitting(refused, store, tmp_path):
    (tmp_path / "photo.jpg").write_text("irreplaceable")
    assert "no graphrec model" in refused("fit", store, "--out", tmp_path)
    assert (tmp_path / "photo.jpg").exists()


def test_a_missing_file_of_users_candidates_or_pairs_is_refused(refused, model):
    assert "no such file: users.txt" in refused("rank", model, "--users", "users.txt")
    assert "no such file: c.txt" in refused("rank", model, "--users", "u0001", "--candidates", "c.txt")
    assert "no such file: e.tsv" in refused("rank", model, "--users", "u0001", "--exclude", "e.tsv")
    assert "no user ids" in refused("rank", model, "--users", ",", code=2)


def test_a_date_that_is_none_is_refused(refused, store):
    assert "until is a date" in refused("evaluate", store, "--until", "yesterday", code=2)


def test_a_list_that_cannot_be_written_is_refused(refused, model, tmp_path):
    assert "lists.tsv" in refused("rank", model, "--users", "u0001", "--out", tmp_path / "nowhere" / "lists.tsv")


def test_wrong_usage_is_one_line_and_exits_with_2(refused, model):
    assert "say for whom: --users, --text or --about (graphrec rank --help)" in refused("rank", model, code=2)
    assert refused("rnak", model, code=2) == "graphrec: no command 'rnak'; did you mean 'rank'? (graphrec --help)\n"
    assert "did you mean '--device'?" in refused("fit", "s", "--out", "m", "--devise", "cpu", code=2)


def test_with_json_a_refusal_is_an_object_on_stdout_and_a_line_on_stderr(run, model):
    for arguments, ended, kind in (
        (("similar", model, "nobody"), 1, "UnknownId"),
        (("rank", "nowhere", "--users", "u1"), 1, "ModelMissing"),
        (("fit", "nowhere", "--out", "m"), 1, "StoreMissing"),
        (("similar", model, "p0001", "-k", 0), 2, "BadRequest"),
        (("similar", model), 2, "BadRequest"),
    ):
        code, out, err = run(*arguments, "--json")
        assert json.loads(out) == {"error": err.removeprefix("graphrec: ").strip(), "kind": kind}
        assert code == ended


def test_without_arguments_the_help_is_shown(run):
    assert run() == (0, run("--help")[1], "")


def test_every_command_shows_an_example(run):
    for command in ("fit", "rank", "similar", "explain", "evaluate", "write-back", "doctor", "place"):
        code, out, _ = run(command, "--help")
        assert code == 0
        assert f"Example: graphrec {command}" in out


def test_version_is_printed(run):
    assert run("--version")[1].strip() == f"graphrec {graphrec.__version__}"


def test_doctor_finds_device_text_model_and_stores(run, monkeypatch):
    monkeypatch.delenv("NEO4J_URI", raising=False)
    code, out, _ = run("doctor", "--json")
    checks = {one["what"]: one for one in json.loads(out)}
    assert code == 0
    assert checks.keys() == {"python", "packages", "device", "text model", "embedded", "neo4j"}
    assert "384 dimensions" in checks["text model"]["found"]


def test_doctor_says_that_a_server_is_down(run, monkeypatch):
    monkeypatch.setenv("NEO4J_URI", "neo4j://127.0.0.1:9")
    monkeypatch.setattr("graphrec.doctor._text_model", lambda: "not asked")
    code, out, _ = run("doctor")
    assert code == 1
    assert any(line.startswith("BAD  neo4j") for line in out.splitlines())


def test_the_console_script_answers_help_without_torch(tmp_path):
    script = "import sys; from graphrec.cli import main\ntry: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert "write-back" in done.stdout
    assert time.monotonic() - began < 10  # a second on an idle machine; torch alone takes several


def test_a_refusal_of_the_real_program_is_one_line(tmp_path):
    program = [sys.executable, "-c", "from graphrec.cli import main; main()", "rank", "nowhere", "--users", "u1"]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path)  # noqa: S603
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("graphrec: no model at nowhere")
    assert done.stderr.count("\n") == 1


HIDE_TORCH = """
import sys
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "torch" else real(name, package)
"""


def test_without_torch_the_import_says_what_to_type(tmp_path):
    done = subprocess.run([sys.executable, "-c", HIDE_TORCH + "import graphrec"], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: graphrec needs torch")
    assert done.stderr.splitlines()[-1].endswith("type: pip install 'graphrec[models]'")


def test_without_torch_the_program_says_what_to_type_in_one_line(tmp_path):
    script = HIDE_TORCH + "sys.argv[0] = '/usr/bin/graphrec'\nfrom graphrec.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 1
    assert done.stderr == "graphrec needs torch and its family, which are not installed; type: pip install 'graphrec[models]'\n"


def test_refresh_takes_up_a_new_product_in_place_or_beside(run, refused, shop, store, model, tmp_path):
    shutil.copytree(store, tmp_path / "later.graph")
    with connect(tmp_path / "later.graph") as later:
        new = GraphTables.of(shop.schema, {"Product": pl.DataFrame({"id": ["zz-new"], "listed": [True], "title": ["tea"]})}, {})
        later.write(new)
    assert "no product 'zz-new'" in refused("explain", model, "u0001", "zz-new")
    code, out, err = run("refresh", model, tmp_path / "later.graph", "--out", tmp_path / "m")
    assert code == 0, err
    assert "0 new users, 1 new products" in out
    assert "no product 'zz-new'" in refused("explain", model, "u0001", "zz-new")  # the old one is as it was
    code, out, _ = run("explain", tmp_path / "m", "u0001", "zz-new")
    assert (code, "zz-new" in out or "tea" in out) == (0, True)
    assert run("refresh", tmp_path / "m", tmp_path / "later.graph")[0] == 0
    assert "no store at" in refused("refresh", tmp_path / "m", tmp_path / "nowhere.graph")


def test_write_back_makes_no_nodes_and_refuses_another_shops_store(run, refused, shop, store, model, tmp_path):
    bought = ("User", "BOUGHT", "Product")
    ends = pl.DataFrame({"source": ["x"], "target": ["y"], "key": ["1"]})
    other = GraphTables.of(shop.schema, {"User": ends.select(id="source"), "Product": ends.select(id="target")}, {bought: ends})
    with connect(tmp_path / "other.graph", create=True) as opened:
        opened.write(other)
    assert "so it is another shop's; nothing was written" in refused("write-back", model, tmp_path / "other.graph")
    with connect(tmp_path / "other.graph") as opened:
        assert opened.read(derived=True) == other
    kept = [f"u{number:04d}" for number in range(100)]  # 20 of the 120 users have left
    left = shop.edges[bought].filter(pl.col("source").is_in(kept))
    users = shop.nodes["User"].filter(pl.col("id").is_in(kept))
    later = GraphTables.of(shop.schema, {"User": users, "Product": shop.nodes["Product"]}, {bought: left})
    with connect(tmp_path / "later.graph", create=True) as opened:
        opened.write(later)
    code, _, err = run("write-back", model, tmp_path / "later.graph", "-k", 2, "--no-similar")
    assert (code, "20 users and products of the model are not in" in err) == (0, True), err
    with connect(tmp_path / "later.graph") as opened:
        assert opened.read() == later
        assert opened.query("MATCH (u:User)-[r:RECOMMENDED]->(:Product) RETURN count(DISTINCT u.id) AS n")["n"][0] == 100


def test_compare_prints_a_table_and_writes_a_folder(run, store, tmp_path):
    for package in ("optuna", "matplotlib"):
        pytest.importorskip(package)
    out = tmp_path / "compared"
    code, shown, _ = run("compare", store, "--systems", "popularity", "--trials", 1, "--time", "2m", "-k", 5, "--out", out)
    assert code == 0
    assert shown.startswith("| system | recall@5 |")
    assert "at most 1 trials and 120 s" in shown
    told = json.loads((out / "comparison.json").read_text())
    assert [row["system"] for row in told["rows"]] == ["popularity"]


def test_compare_names_what_is_wrong_with_its_arguments(refused, store, tmp_path):
    asked = ("compare", store, "--out", tmp_path / "out")
    assert "did you mean 'implicit-als'" in refused(*asked, "--systems", "implict-als", code=2)
    assert "such as 600s, 10m or 1h" in refused(*asked, "--time", "soon", code=2)
    assert "expected PEER=PATH (got 'lenskit')" in refused(*asked, "--python", "lenskit", code=2)
    assert "no interpreter for lenskit at /nowhere" in refused(*asked, "--python", "lenskit=/nowhere")
    assert not (tmp_path / "out").exists()


def test_rank_for_a_text_and_for_what_is_known_of_somebody(run, refused, ranker, model, tmp_path):
    def items(*arguments):
        code, out, err = run("rank", model, *arguments, "-k", 4)
        assert code == 0, err
        assert "unknown" not in err
        return [line.split("\t")[1] for line in out.splitlines()[1:]]

    assert items("--text", "trail sneaker") == list(ranker.rank(text="trail sneaker", k=4).items)
    assert items("--text", "sneaker", "--users", "u0001") == list(ranker.rank("u0001", text="sneaker", k=4).items)
    about = {"city": "Graz", "newsletter": "true"}
    assert items("--about", "city=Graz, newsletter=true") == list(ranker.rank(about=about, k=4).items)
    code, out, _ = run("rank", model, "--text", "sneaker", "--out", tmp_path / "lists.tsv")
    assert (code, "20 lines for 1 users" in out) == (0, True)
    assert "did you mean 'sneaker'" in refused("rank", model, "--text", "snaeker")
    assert "did you mean 'Graz'" in refused("rank", model, "--about", "city=Gratz")
    assert "expected NAME=VALUE (got 'Graz')" in refused("rank", model, "--about", "Graz", code=2)
    assert "leave out --users" in refused("rank", model, "--about", "city=Graz", "--users", "u0001", code=2)
    assert "--users, --text or --about" in refused("rank", model, code=2)


def test_place_names_similar_products_and_likely_users(run, refused, ranker, model):
    said = ("--title", "Trail sneaker", "--brand", "Borealis", "--category", "Running", "--also", "made_by=acme", "--price", 3)
    code, out, err = run("place", model, *said, "-k", 3, "--users", 4)
    assert code == 0, err
    assert "Trail sneaker: among 3 similar products, likely wanted by 4 users" in out
    shown = json.loads(run("place", model, *said, "-k", 3, "--users", 4, "--json")[1])
    product = {"title": "Trail sneaker", "brand": "Borealis", "category": ["Running"], "made_by": "acme", "price": 3.0}
    found = ranker.place(product, k=3, users=4)
    assert [one["item"] for one in shown["similar"]] == list(found.similar.items)
    assert [one["user"] for one in shown["users"]] == list(found.users.users)
    assert shown["notes"] == list(found.notes)
    assert "give at least a title" in refused("place", model)
    assert "did you mean 'brand'" in refused("place", model, "--title", "x", "--also", "brnd=acme")


def test_rank_says_who_has_seen_everything(run, tmp_path):
    from graphrec import pipeline
    from graphrec.scorers import FitContext
    from tests.graphrec.graphs import known_graph

    pipeline.learn(known_graph([[0, 1], [0]], 2), {}, FitContext(), scorers=["popularity"]).save(tmp_path / "m")
    code, out, err = run("rank", tmp_path / "m", "--users", "u00000,u00001")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()[1:]] == ["u00001"]
    assert "note: nothing is left for u00000" in err
