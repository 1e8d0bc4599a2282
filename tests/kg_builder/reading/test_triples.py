"""Triples and links from files: every form, and one clear line for each that is none."""

import gzip

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg_builder.errors import DamagedDump, MissingSource, UnknownFormat
from kg_builder.reading import Reading
from kg_builder.reading.triples import read_links, read_triples
from kg_builder.rejects import Rejects


def triples(path, content, rejects=None):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_triples(path, Reading() if rejects is None else Reading(rejects)).collect().rows()


@pytest.mark.parametrize(
    "content",
    [
        "a\tr\tb\nc\ts\td\n",
        "head\trelation\ttail\na\tr\tb\nc\ts\td\n",
        "head_id:token\trelation_id:token\ttail_id:token\na\tr\tb\nc\ts\td",
        "tail\tmore\thead\trelation\nb\t1\ta\tr\nd\t2\tc\ts\n",
        "a r b\nc s d\n",
        "a,r,b\nc,s,d\n",
        "\ufeffa\tr\tb\r\nc\ts\td\r\n",
        '"a","r","b"\n"c","s","d"\n',
    ],
    ids=["plain", "header", "recbole", "other order", "blanks", "commas", "byte order mark and CR LF", "quoted"],
)
def test_columns_in_any_form_are_the_same_triples(content, tmp_path):
    assert [row[:3] for row in triples(tmp_path / "kg.tsv", content)] == [("a", "r", "b"), ("c", "s", "d")]


def test_a_triple_knows_its_file_and_line_past_header_and_empty_lines(tmp_path):
    found = triples(tmp_path / "kg.tsv", "head\trelation\ttail\n\na\tr\tb\n  \nc\ts\td\n")
    assert [row[3:] for row in found] == [("kg.tsv", 3), ("kg.tsv", 5)]


def test_a_first_line_that_only_looks_like_a_header_is_a_triple(tmp_path):
    assert len(triples(tmp_path / "kg.tsv", "head\thunter\ttail\n")) == 1


def test_a_line_with_a_gap_is_refused_and_costs_no_other(tmp_path):
    rejects = Rejects()
    found = triples(tmp_path / "kg.tsv", "a\tr\tb\na\tr\na\t \tb\nc\ts\td\n", rejects)
    assert len(found) == 2
    assert rejects.first_faults(9) == [
        "kg.tsv line 2: a line must hold a head, a relation and a tail (got a\tr)",
        "kg.tsv line 3: a line must hold a head, a relation and a tail (got a\t \tb)",
    ]


def test_a_comma_in_quotes_is_no_separator_and_one_too_many_is_a_fault(tmp_path):
    rejects = Rejects()
    found = triples(tmp_path / "kg.csv", 'head,relation,tail\n"a ""x"", b",r,c\na,r,c, d\n,r,c\n', rejects)
    assert [row[:3] for row in found] == [('a "x", b', "r", "c")]
    assert [fault[:13] for fault in rejects.first_faults(9)] == ["kg.csv line 3", "kg.csv line 4"]


def test_a_quote_in_a_name_opens_nothing(tmp_path):
    assert triples(tmp_path / "kg.tsv", 'a\tr\t7" vinyl\nc\ts\td\n')[0][2] == '7" vinyl'


NT = """# a comment
<http://x.org/e/1> <http://x.org/ns#director> <http://x.org/e/2> .

<http://x.org/e/1>\t<http://x.org/ns/name>\t"Caf\\u00e9 \\"Rex\\"\\n\\U0001F600"@fr-CA . # and so on
_:b0 <http://x.org/ns/year> "1994"^^<http://www.w3.org/2001/XMLSchema#gYear> .
<http://x.org/e/2><http://x.org/ns/knows>_:b0.
"""


def test_n_triples_keep_whole_ends_short_relations_and_the_text_of_literals(tmp_path):
    rejects = Rejects()
    assert triples(tmp_path / "kg.nt", NT, rejects) == [
        ("http://x.org/e/1", "director", "http://x.org/e/2", "kg.nt", 2),
        ("http://x.org/e/1", "name", 'Café "Rex"\n😀', "kg.nt", 4),
        ("_:kg.nt:b0", "year", "1994", "kg.nt", 5),
        ("http://x.org/e/2", "knows", "_:kg.nt:b0", "kg.nt", 6),
    ]
    assert len(rejects) == 0


@pytest.mark.parametrize(
    "line",
    [
        "<http://x.org/a> <http://x.org/b> <http://x.org/c>",
        '"a" <http://x.org/b> <http://x.org/c> .',
        "<http://x.org/a> _:b <http://x.org/c> .",
        '<http://x.org/a> <http://x.org/b> "open .',
        "<http://x.org/a> <http://x.org/b> .",
        "<http://x.org/a b> <http://x.org/b> <http://x.org/c> .",
    ],
    ids=["no point", "literal as head", "blank relation", "open literal", "no tail", "blank in an IRI"],
)
def test_what_is_no_statement_is_refused_with_its_line(line, tmp_path):
    rejects = Rejects()
    assert len(triples(tmp_path / "kg.nt", f"{line}\n{NT}", rejects)) == 4
    assert rejects.first_faults(9) == [f"kg.nt line 1: a line must be an N-Triples statement, ended by a point (got {line[:80]})"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_a_literal_comes_back_as_it_was_written(tmp_path, text):
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\x1e": "\\u001E", "\ufeff": "\\uFEFF"}
    written = "".join(escapes.get(sign, sign) for sign in text)
    assert triples(tmp_path / "kg.nt", f'<a:b> <c:d> "{written}"@en .\n')[0][2] == text


def test_iris_in_columns_lose_their_brackets(tmp_path):
    found = triples(tmp_path / "kg.tsv", "<http://x.org/a>\t<http://x.org/ns#r>\t<http://x.org/b>\n")
    assert found[0][:3] == ("http://x.org/a", "r", "http://x.org/b")


@pytest.mark.parametrize("name", ["kg.tsv.gz", "kg.nt.gz", "kg.csv.gz"])
def test_gzipped_files_are_the_same(name, tmp_path):
    content = {"kg.tsv.gz": "a\tr\tb\n", "kg.csv.gz": "a,r,b\n", "kg.nt.gz": "<x://a> <x://r> <x://b> .\n"}[name]
    found = triples(tmp_path / name, gzip.compress(content.encode()))
    assert [value.removeprefix("x://") for value in found[0][:3]] == ["a", "r", "b"]


def test_a_gzip_that_breaks_off_is_one_clear_error(tmp_path):
    packed = gzip.compress("".join(f"a{n}\tr\tb{n * 7919}\n" for n in range(9999)).encode())
    with pytest.raises(DamagedDump, match=r"kg\.tsv\.gz: the gzip file breaks off .*; fetch it again"):
        triples(tmp_path / "kg.tsv.gz", packed[: len(packed) // 2])


def test_utf_16_is_read(tmp_path):
    assert triples(tmp_path / "kg.tsv", "a\tr\tb\n".encode("utf-16"))[0][:3] == ("a", "r", "b")


def test_latin_1_bytes_are_read(tmp_path):
    assert triples(tmp_path / "kg.tsv", "caf\xe9\tr\tb\n".encode("latin-1"))[0][:3] == ("café", "r", "b")


@pytest.mark.parametrize(
    ("name", "content"), [("a.tsv", b""), ("a.nt", b""), ("a.tsv.gz", gzip.compress(b"", mtime=0)), ("a.tsv", b"\n\n")]
)
def test_an_empty_file_holds_no_triples(name, content, tmp_path):
    assert triples(tmp_path / name, content) == []


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(MissingSource, match=r"there is no file .*none\.tsv"):
        read_triples(tmp_path / "none.tsv", Reading())


@pytest.mark.parametrize("read", [read_triples, read_links])
@pytest.mark.parametrize("name", ["facts.parquet", "kg.tsv"])
def test_parquet_is_no_text_whatever_it_is_called(read, name, tmp_path):
    pl.DataFrame({"head": ["a"], "relation": ["r"], "tail": ["b"]}).write_parquet(tmp_path / name)
    with pytest.raises(UnknownFormat, match=rf"{name} is a Parquet file; expected lines of text with the columns "):
        read(tmp_path / name, Reading())


@pytest.mark.parametrize(
    "content",
    ["item_id:token\tentity_id:token\n1\tm.1\n2\tm.2\n", "1,m.1\n2,m.2\n", "1 m.1\n2 m.2\n", "entity\titem\nm.1\t1\nm.2\t2\n"],
    ids=["recbole", "commas", "blanks", "other order"],
)
def test_links_in_any_form_are_the_same(content, tmp_path):
    (tmp_path / "ml.link").write_text(content)
    assert read_links(tmp_path / "ml.link", Reading()).collect().select("item", "entity").rows() == [("1", "m.1"), ("2", "m.2")]


def test_a_link_without_an_entity_is_refused(tmp_path):
    rejects = Rejects()
    (tmp_path / "ml.link").write_text("1\tm.1\n2\t\n")
    assert read_links(tmp_path / "ml.link", Reading(rejects)).select(pl.len()).collect().item() == 1
    assert rejects.first_faults(1) == ["ml.link line 2: a line must hold an item and an entity (got 2\t)"]
