"""Bad bytes in every text file of every format: what can be read is read, what cannot is named in one line."""

import gzip
import re

import pytest

from kg_builder.dumps import read_dump, readers
from kg_builder.errors import DamagedDump, MissingSource
from kg_builder.reading import Reading
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate
from tests.kg_builder.dumps.test_contract import EXAMPLES, NOW

SAME = {
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, little end first, no mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, big end first, no mark": lambda text: text.encode("utf-16-be"),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "CR but for the last line": lambda text: text.rstrip("\n").replace("\n", "\r").encode() + b"\n",
    "CR LF": lambda text: text.replace("\n", "\r\n").encode(),
    "blank lines first": lambda text: f"\n  \n\r\n{text}".encode(),
    "nulls at the end": lambda text: text.encode() + b"\x00" * 64,
}


@pytest.fixture(params=sorted(name for name in readers() if name != "complete-journey"))
def example(request):
    return EXAMPLES[request.param]


def texts(example):
    return [name for name in example.files if not name.endswith(".parquet")]


def text_of(path):
    data = path.read_bytes()
    data = gzip.decompress(data) if path.suffix == ".gz" else data
    return data.decode("latin-1" if path.name.startswith("u.") else "utf-8")


def rewrite(path, data):
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def build(folder, **how):
    rejects = Rejects()
    tables = tabulate(read_dump(folder, reading=Reading(rejects, **how)), rejects=rejects, now=NOW)
    tables.check()
    return tables, rejects


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_encodings_line_ends_blank_lines_and_nulls_change_no_graph(change, example, tmp_path):
    expected, _ = build(example.write(tmp_path / "tea"))
    for name in texts(example):
        rewrite(tmp_path / "tea" / name, change(text_of(tmp_path / "tea" / name)))
    found, rejects = build(tmp_path / "tea")
    assert found == expected
    assert all("\x00" not in str(row["message"]) for row in rejects.rows())


def test_windows_1252_is_read_as_the_same_text_in_utf_8(example, tmp_path):
    folder = example.write(tmp_path / "tea")
    accents = {name: text_of(folder / name).replace("u1", "ü1").replace("Acme", "Acmé") for name in texts(example)}
    for name, text in accents.items():
        rewrite(folder / name, text.encode())
    expected, _ = build(folder)
    for name, text in accents.items():
        rewrite(folder / name, text.encode("cp1252"))
    found, rejects = build(folder)
    assert found == expected
    told = [note.partition(":")[0] for note in rejects.notes if "no UTF-8 and read as Windows-1252" in note]
    assert sorted(told) == sorted(name for name, text in accents.items() if not text.isascii())


def test_a_gzip_that_breaks_off_is_named(example, tmp_path):
    for name in texts(example):
        folder = example.write(tmp_path / name)
        packed = gzip.compress(text_of(folder / name).encode())
        (folder / name).write_bytes(packed[: len(packed) * 2 // 3])
        with pytest.raises(DamagedDump, match=rf"{re.escape(name)}: the gzip file breaks off \([^\n]+\); fetch it again"):
            build(folder)


def test_what_is_no_gzip_is_named(example, tmp_path):
    for name in texts(example):
        folder = example.write(tmp_path / name)
        text = text_of(folder / name).encode()
        (folder / name).write_bytes(text if name.endswith(".gz") else b"\x1f\x8b" + text)
        with pytest.raises(DamagedDump, match=rf"{re.escape(name)}: not a sound gzip file[^\n]+$"):
            build(folder)


def test_a_zip_bomb_stops_at_max_bytes(example, tmp_path):
    for name in texts(example):
        folder = example.write(tmp_path / name)
        text = text_of(folder / name)
        (folder / name).write_bytes(gzip.compress((text + text.splitlines(keepends=True)[-1] * 5000).encode()))
        with pytest.raises(DamagedDump, match=rf"{re.escape(name)} holds more than 20,000 bytes of text; --max-bytes says"):
            build(folder, max_bytes=20_000)


def test_a_link_out_of_the_folder_is_not_followed(example, tmp_path):
    for name in texts(example):
        folder = example.write(tmp_path / name)
        (folder / name).rename(tmp_path / "secret")
        (folder / name).symlink_to(tmp_path / "secret")
        with pytest.raises(MissingSource, match=rf"{re.escape(name)} is a link to .*secret, outside of its folder"):
            build(folder)
