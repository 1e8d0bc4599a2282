"""YOOCHOOSE's sessions: the challenge's files without a header, and the slices of session-rec."""

import gzip
import os
from pathlib import Path

import pytest

from kg_builder.dumps import read_dump, yoochoose
from kg_builder.errors import DamagedDump, MissingSource, SchemaError
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate

NOW = 1_600_000_000
CLICKS = [
    "1,2014-04-07T10:51:09.277Z,214536502,0",
    "1,2014-04-07T10:54:09.868Z,214536500,S",
    "2,2014-04-07T13:56:37.614Z,214536500,3",
    "3,2014-04-07T13:56:37.614Z,214536500,11",
    "4,2014-04-07T13:56:37.614Z,214536500,2089037041",
]
BUYS = ["1,2014-04-07T10:58:00.306Z,214536502,12462,2", "1,2014-04-07T10:58:00.306Z,214536500,0,0"]
SLICE = ["SessionId\tItemId\tTime", "3\t214716935\t1396437466.94", "3\t214832672\t1396438212.318"]


def folder(path, **files):
    for name, lines in files.items():
        (path / name).write_text("\n".join(lines) + "\n")
    return path


def raw(path, clicks=CLICKS, buys=BUYS):
    return folder(path, **{"yoochoose-clicks.dat": clicks, "yoochoose-buys.dat": buys})


def build(path, rejects=None):
    rejects = Rejects() if rejects is None else rejects
    dump = read_dump(path, reading=Reading(rejects))
    assert dump.format == "yoochoose"
    tables = tabulate(dump, rejects=rejects, now=NOW)
    tables.check()
    return tables


def edges(tables, kind, *columns):
    return sorted(tables.edges["User", kind, "Product"].select("source", "target", *columns).collect().rows())


def opened(path):
    """Whether the file was read since it was written, by its time of access, which `untouched` set back."""
    return path.stat().st_atime > 1


def untouched(path):
    os.utime(path, (1, path.stat().st_mtime))
    return path


def test_clicks_are_viewed_and_buys_bought_by_the_session(tmp_path):
    tables = build(raw(tmp_path))
    assert edges(tables, "VIEWED", "at")[0] == ("1", "214536500", 1396868049)
    assert edges(tables, "BOUGHT", "at", "price", "quantity")[1] == ("1", "214536502", 1396868280, 12462.0, 2.0)


def test_a_price_and_quantity_of_0_are_unknown(tmp_path):
    assert edges(build(raw(tmp_path)), "BOUGHT", "price", "quantity")[0] == ("1", "214536500", None, None)


def test_where_it_was_clicked_tells_category_brand_and_special_offer(tmp_path):
    tables = build(raw(tmp_path))
    links = {
        kind[1]: sorted(table.select("source", "target").collect().rows())
        for kind, table in tables.edges.items()
        if kind[0] == "Product"
    }
    assert links["IN_CATEGORY"] == [("214536500", "Category 11"), ("214536500", "Category 3")]
    assert links["MADE_BY"] == [("214536500", "brand2089037041")]
    special = dict.fromkeys("1234") | {
        row[0]: row[2] for row in edges(tables, "VIEWED", "special_offer") if row[1] == "214536500"
    }
    assert special == {"1": True, "2": None, "3": None, "4": None}


def test_shuffled_lines_give_equal_tables(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    assert build(raw(one)) == build(raw(two, CLICKS[::-1], BUYS[::-1]))


def test_a_slice_is_clicks_of_sessions(tmp_path):
    tables = build(folder(tmp_path, **{"train.txt": SLICE}))
    assert edges(tables, "VIEWED", "at") == [("3", "214716935", 1396437466), ("3", "214832672", 1396438212)]


def test_the_whole_of_the_training_sessions_is_read_and_not_its_parts(tmp_path):
    parts = {f"rsc15_{part}.txt": SLICE for part in ("train_full", "train_tr", "train_valid")}
    rejects = Rejects()
    tables = build(folder(tmp_path, **parts), rejects)
    assert len(edges(tables, "VIEWED")) == 2
    assert sorted(rejects.notes) == [
        f"rsc15_{part}.txt was not opened: train_full holds its sessions" for part in ("train_tr", "train_valid")
    ]


def test_parts_are_read_where_there_is_no_whole(tmp_path):
    folder(tmp_path, **{"x_train_tr.txt": SLICE[:2], "x_train_valid.txt": [SLICE[0], SLICE[2]]})
    assert len(edges(build(tmp_path), "VIEWED")) == 2


@pytest.mark.parametrize("name", ["test.txt", "yoochoose-test.dat"])
def test_a_test_file_is_never_opened_and_a_note_says_so(name, tmp_path):
    source = raw(tmp_path) if name.endswith(".dat") else folder(tmp_path, **{"train.txt": SLICE})
    folder(tmp_path, **{name: SLICE, "probe": ["x"]})
    secret, probe = untouched(tmp_path / name), untouched(tmp_path / "probe")
    probe.read_text()
    if not opened(probe):
        pytest.skip("this file system keeps no times of access")
    rejects = Rejects()
    build(source, rejects)
    assert not opened(secret)
    assert f"{name} was not opened: it holds the sessions to test on" in rejects.notes


def test_a_dirty_row_is_a_fault_and_the_rest_stays(tmp_path):
    rejects = Rejects()
    tables = build(
        raw(tmp_path, [*CLICKS, "5,soon,214536500,0", "6,2014-04-07T10:51:09.277Z,,0", "7,2014-04-07T10:51:09.277Z,1,0,9"]),
        rejects,
    )
    assert rejects.faults == 3
    assert len(edges(tables, "VIEWED")) == 5


def test_gzipped_files_and_crlf_are_read(tmp_path):
    (tmp_path / "yoochoose-clicks.dat.gz").write_bytes(gzip.compress("\r\n".join(CLICKS).encode()))
    assert len(edges(build(tmp_path), "VIEWED")) == 5


def test_a_truncated_gzip_is_refused(tmp_path):
    whole = gzip.compress("\n".join(f"{n * 7919},2014-04-07T10:51:09.277Z,{n},0" for n in range(3000)).encode())
    (tmp_path / "yoochoose-clicks.dat.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedDump, match="breaks off"):
        read_dump(tmp_path)


def test_what_is_no_session_is_not_taken(tmp_path):
    folder(tmp_path, **{"train.txt": ["user\titem\ttime", "u\ti\t1"]})
    assert not yoochoose.recognises(tmp_path)
    with pytest.raises(MissingSource):
        read_dump(tmp_path, format="yoochoose")


def test_a_slice_without_its_items_is_told(tmp_path):
    with pytest.raises(SchemaError, match="not found: product"):
        read_dump(folder(tmp_path, **{"train.txt": ["SessionId\tTime", "3\t1396437466.94"]}))


@pytest.mark.real_data
@pytest.mark.skipif("GRAPHREC_DATA" not in os.environ, reason="GRAPHREC_DATA names no folder of real data")
def test_the_slice_of_session_rec():
    nodes, edges = build(Path(os.environ["GRAPHREC_DATA"]) / "yoochoose-100k").counts()
    assert (nodes, edges) == ({"User": 17794, "Product": 2933}, {("User", "VIEWED", "Product"): 70278})


def test_clicks_that_lack_a_column_are_refused(tmp_path):
    (tmp_path / "yoochoose-clicks.dat").write_text("1,2014-04-07T10:51:09.277Z,214536502\n" * 2)
    with pytest.raises(DamagedDump, match=r"clicks\.dat line 1: expected 4 fields, user, at, product, category, .* \(got 3\)"):
        read_dump(tmp_path)


def test_a_product_that_cannot_be_is_told_of_by_file_and_line(tmp_path):
    (tmp_path / "yoochoose-clicks.dat").write_text("1,2014-04-07T10:51:09.277Z,NaN,3\n2,2014-04-07T10:51:09.277Z,7,3\n")
    rejects = Rejects()
    tabulate(read_dump(tmp_path, reading=Reading(rejects)), rejects=rejects, now=1_600_000_000)
    assert {row["message"] for row in rejects.rows()} == {"yoochoose-clicks.dat line 1: product id is missing (got NaN)"}
