"""Facts of the triples format: outside knowledge alone, linked or not."""

import gzip

import polars as pl
import pytest

import kg_builder
from kg_builder.dumps import read_dump
from kg_builder.errors import DamagedDump, MissingSource, UnknownFormat
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000
STATEMENTS = """\
<http://x.org/film/1> <http://x.org/p/director> <http://x.org/people#Ann> .
<http://x.org/people#Ann> <http://www.w3.org/2000/01/rdf-schema#label> "Ann Lee"@en .
<http://x.org/film/1> <http://x.org/p/year> "1999"^^<http://www.w3.org/2001/XMLSchema#gYear> .
"""


def edges(tables, *kind):
    return sorted(tables.edges[kind].select("source", "relation", "target").collect().rows()) if kind in tables.edges else []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("kg.tsv", "head\trelation\ttail\nm.1\tborders\tm.2\n"),
        ("kg.tsv", "m.1\tborders\tm.2\n"),
        ("facts.csv", "subject,predicate,object\nm.1,borders,m.2\n"),
        ("facts.tsv", "head_id:token\trelation_id:token\ttail_id:token\nm.1\tborders\tm.2\n"),
    ],
)
def test_columns_with_a_header_or_without_are_triples(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    for source in (tmp_path, tmp_path / name):
        dump = read_dump(source)
        assert dump.format == "triples"
        assert edges(tabulate(dump, now=NOW), "Entity", "RELATED", "Entity") == [("m.1", "borders", "m.2")]


def test_n_triples_name_their_entities(tmp_path):
    (tmp_path / "kg.nt.gz").write_bytes(gzip.compress(STATEMENTS.encode()))
    tables = tabulate(read_dump(tmp_path), now=NOW)
    tables.check()
    assert edges(tables, "Entity", "RELATED", "Entity") == [
        ("http://x.org/film/1", "director", "http://x.org/people#Ann"),
        ("http://x.org/film/1", "year", "1999"),
    ]
    assert sorted(tables.nodes["Entity"].collect().select("id", "name").rows(), key=str) == [
        ("1999", None),
        ("http://x.org/film/1", "1"),
        ("http://x.org/people#Ann", "Ann Lee"),
    ]


def test_linked_entities_are_the_items_of_the_store(tmp_path):
    events = pl.DataFrame({"user": ["u1"], "product": ["7"]})
    kg_builder.build({"events": events}, into=tmp_path / "shop.graph", now=NOW)
    folder = tmp_path / "kg"
    folder.mkdir()
    (folder / "kg.nt").write_text(STATEMENTS)
    (folder / "films.link").write_text("item_id:token\tentity_id:token\n7\thttp://x.org/film/1\n")
    report = kg_builder.build(folder, into=tmp_path / "shop.graph", now=NOW)
    assert report.edges == {("Product", "RELATED", "Entity"): 2}
    with kg_builder.connect(tmp_path / "shop.graph") as store:
        rows = store.query("MATCH (p:Product)-[r:RELATED]->(e:Entity) RETURN p.id, r.relation, e.name ORDER BY r.relation")
    assert rows.fillna("").to_numpy().tolist() == [["7", "director", "Ann Lee"], ["7", "year", ""]]


def test_a_lone_file_of_three_columns_is_read_when_its_format_is_named(tmp_path):
    (tmp_path / "facts.txt").write_text("m.1 borders m.2\n")
    dump = read_dump(tmp_path / "facts.txt", format="triples")
    assert dump.triples.collect().select("head", "relation", "tail").rows() == [("m.1", "borders", "m.2")]


def test_three_bare_columns_of_ids_are_triples_and_their_test_part_stays_closed(tmp_path):
    (tmp_path / "train.txt").write_text("/m/1\t/film/genre\t/m/2\n/m/3\t/film/genre\t/m/4\n/m/1\tlabel\t1999\n")
    (tmp_path / "valid.txt").write_text("/m/4\t/film/genre\t/m/2\n")
    (tmp_path / "test.txt").write_text("/m/9\t/film/genre\t/m/2\n")
    rejects = Rejects()
    dump = read_dump(tmp_path, reading=Reading(rejects))
    assert dump.format == "triples"
    assert sorted(dump.triples.collect()["head"]) == ["/m/1", "/m/1", "/m/3", "/m/4"]
    assert "test.txt was not opened: by its name it is held out for tests" in rejects.notes
    assert "train.txt has no header; its columns are taken for head, relation, tail" in rejects.notes
    assert read_dump(tmp_path / "valid.txt").format == "triples"


def test_three_bare_columns_beside_a_file_that_says_it_holds_triples_are_not_read(tmp_path):
    (tmp_path / "kg.nt").write_text(STATEMENTS)
    (tmp_path / "other.txt").write_text("m1\trel\tp1\n")
    assert set(read_dump(tmp_path).triples.collect()["file"]) == {"kg.nt"}


@pytest.mark.parametrize(
    "content",
    [
        "u1\tp1\t5\nu1\tp2\t4\n",
        "u1\tp1\tbuy\nu1\tp2\tbuy\nu2\tp3\tview\n",
        "p1\tAcme\tEspresso cup\n",
        "Marke\tfarbe\tTitel\nAcme\trot\tCup\n",
        "a\tr\tb\na\tr\n",
        "a\tr\t\n",
        "1\t2\t3\n",
    ],
    ids=["ratings", "kinds of events", "texts", "header", "ragged", "gap", "numbers"],
)
def test_other_bare_columns_are_no_triples(content, tmp_path):
    (tmp_path / "facts.txt").write_text(content)
    with pytest.raises(UnknownFormat, match="is of no known format"):
        read_dump(tmp_path)


def test_a_line_that_is_no_statement_is_told_of_and_the_others_stay(tmp_path):
    (tmp_path / "kg.nt").write_text(STATEMENTS + "no statement\n")
    report = kg_builder.build(tmp_path, into=tmp_path / "kg.graph", now=NOW)
    assert report.first_faults == ("kg.nt line 4: a line must be an N-Triples statement, ended by a point (got no statement)",)
    assert report.edges == {("Entity", "RELATED", "Entity"): 2}


def test_a_truncated_file_is_named(tmp_path):
    packed = gzip.compress("".join(f"<http://x/{n}> <http://x/r> <http://x/{n * 7919}> .\n" for n in range(9999)).encode())
    (tmp_path / "kg.nt.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DamagedDump, match=r"kg\.nt\.gz: the gzip file breaks off"):
        read_dump(tmp_path)


def test_nothing_is_no_triples(tmp_path):
    with pytest.raises(MissingSource, match="has no file of triples"):
        read_dump(tmp_path, format="triples")


def test_a_header_that_lacks_a_column_is_refused(tmp_path):
    (tmp_path / "kg.tsv").write_text("head\ttail\na\tb\n")
    with pytest.raises(DamagedDump, match=r"kg\.tsv line 1: expected the columns head, relation, tail \(got head, tail\)"):
        read_dump(tmp_path)


def test_a_triple_from_a_thing_to_itself_is_left_out(tmp_path):
    (tmp_path / "kg.tsv").write_text("head\trelation\ttail\na\tnear\tb\na\tnear\ta\n")
    rejects = Rejects()
    tables = tabulate(read_dump(tmp_path, reading=Reading(rejects)), rejects=rejects)
    assert tables.counts()[1] == {("Entity", "RELATED", "Entity"): 1}
    assert [row["message"] for row in rejects.rows()] == ["kg.tsv line 3: a triple cannot lead from a thing to itself (got a)"]
    assert rejects.faults == 0
