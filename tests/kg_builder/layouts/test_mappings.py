"""What a mapping.toml may say, and what is said of what it may not."""

import pytest

from kg_builder.errors import DumpError, MissingSource, SchemaError
from kg_builder.layouts.blocks import Split
from kg_builder.layouts.mappings import load, parse

HEAD = '[[source]]\nfile = "a.csv"\n'
USERS = HEAD + 'table = "users"\ncolumns = { nr = "id" }\n'


def test_a_block_says_which_rows_of_which_file_are_what():
    block, other = parse(
        HEAD
        + 'table = "events"\nseparator = ";"\nencoding = "gb18030"\nheader = ["k", "a"]\nquote = false\ndecimal = ","\n'
        + '[source.columns]\nk = "user"\na = "product"\nd = "at.1"\nz = "at.2"\n'
        + '[source.constants]\nevent = "bought"\n[source.only]\nk = ["x"]\n[source.split]\na = { list = ";" }\n'
        + '[source.formats]\nd = "%d.%m.%Y"\nz = "%H:%M"\n[source.values.k]\nx = ""\n'
        + '[[source]]\nfile = "v/*.jsonl"\nedge = ["User", "VISITED", "Store"]\nrest = "properties"\n'
        + 'columns = { u = "source", s = "target" }'
    )
    assert (block.table, block.node, block.edge) == ("events", None, None)
    assert (block.separator, block.encoding, block.header, block.quote, block.decimal) == (";", "gb18030", ("k", "a"), False, ",")
    assert block.ours == ("user", "product", "at", "event")
    assert block.split == {"a": Split(list=";")}
    assert other.edge == ("User", "VISITED", "Store")
    assert other.rest
    assert not block.rest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = ", "mapping.toml is no valid TOML"),
        ("", r"mapping.toml describes nothing: expected \[\[source\]\] blocks"),
        ("source = 3", "describes nothing"),
        ("[[sorce]]", "no key 'sorce'; did you mean 'source'"),
        ("[[source]]\nfile = 3", "source 1: expected file = a file's name or a pattern"),
        (HEAD, r"source 1 \(a.csv\): expected one of table, node and edge, which say what a row is \(got none\)"),
        (HEAD + 'table = "users"\nnode = "Store"', "got table and node"),
        (HEAD + 'table = "product"', "no table is called 'product'; did you mean 'products'"),
        (HEAD + 'node = "store"', "'store' is not a label: expected CamelCase"),
        (HEAD + 'node = "Product"', 'write table = "products"'),
        (HEAD + 'edge = ["User", "visited", "Store"]', "'visited' is not a relationship type: expected UPPER_SNAKE"),
        (HEAD + 'edge = ["User", "VISITED"]', r'edge must be \["Source", "TYPE", "Target"\]'),
        (HEAD + 'edge = ["User", "BOUGHT", "Product"]', "every shop has edges User-BOUGHT-Product"),
        (USERS + 'seperator = ";"', "no key 'seperator'; did you mean 'separator'"),
        (USERS + "separator = 3", r"separator must be text \(got 3\)"),
        (USERS + 'encoding = "utf-9"', "no encoding is called 'utf-9'"),
        (USERS + 'rest = "all"', 'rest must be "properties"'),
        (USERS + 'decimal = ";"', 'decimal must be "," or "."'),
        (USERS + "header = []", "header must be a list of texts"),
        (USERS + 'columns = "x"', "is no valid TOML"),
        (HEAD + 'table = "users"\ncolumns = "x"', "columns must be a table of theirs = ours"),
        (HEAD + 'table = "users"\ncolumns = { nr = 3 }', r"columns.nr must be text \(got 3\)"),
        (HEAD + 'table = "users"\ncolumns = { a.b = "id" }', 'a name with a dot in it stands in quotes: "a.b"'),
        (HEAD + 'table = "users"\ncolumns = { nr = "ids" }', "users needs the column 'id'; did you mean 'ids'"),
        (HEAD + 'table = "reviews"\ncolumns = { u = "user" }', "reviews needs the column 'product'"),
        (HEAD + 'edge = ["User", "VISITED", "Store"]\ncolumns = { u = "source" }', "edge VISITED needs the column 'target'"),
        (HEAD + 'table = "users"\ncolumns = { a = "id", b = "id" }', "a and b are all 'id'; expected one, or id.1 and id.2"),
        (HEAD + 'table = "users"\ncolumns = { a = "id", b = "id.1" }', "a and b are all 'id'"),
        (HEAD + 'table = "users"\ncolumns = { a = "id", b = "line" }', "'line' is no name of a column"),
        (USERS + "constants = { id = 3 }", "'id' is a column and a constant"),
        (USERS + "constants = { x = [3] }", r"constants.x must be text, a number, true or false \(got \[3\]\)"),
        (USERS + 'formats = { wan = "%Y" }', "formats names 'wan', which is not among columns"),
        (USERS + 'split.nr = { pth = "/" }', "nr has no key 'pth'; did you mean 'path'"),
        (USERS + 'join = { file = "o.csv", onn = "x" }', "join has no key 'onn'; did you mean 'on'"),
        (USERS + 'join = { file = "o.csv" }', "join must be { file = "),
        (USERS + 'join = { file = "/o.csv", on = "x" }', "file must lie in the source's folder"),
        (USERS + "split.nr = { levels = 3 }", r"nr.levels must be true or false \(got 3\)"),
        (USERS + 'only.nr = "x"', "nr must be a list of texts"),
        ('[[source]]\nfile = "../a.csv"\ntable = "users"', "file must lie in the source's folder"),
        ('[[source]]\nfile = "/etc/passwd"\ntable = "users"', "file must lie in the source's folder"),
        (
            HEAD + 'table = "events"\ncolumns = { u = "user", p = "product", d = "at.1", z = "at.2" }\nformats = { d = "%Y" }',
            "formats lacks z, a part of at",
        ),
    ],
)
def test_a_mistake_is_one_line_that_says_where_and_what_was_expected(text, message):
    with pytest.raises((DumpError, SchemaError), match=message) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_a_mapping_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(MissingSource, match="there is no mapping file"):
        load(tmp_path / "m.toml")


def test_a_mapping_may_begin_with_a_byte_order_mark_and_must_be_text(tmp_path):
    (tmp_path / "m.toml").write_bytes(b"\xef\xbb\xbf" + USERS.encode())
    assert load(tmp_path / "m.toml")[0].table == "users"
    (tmp_path / "m.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DumpError, match="is no mapping file: expected TOML in UTF-8"):
        load(tmp_path / "m.toml")
