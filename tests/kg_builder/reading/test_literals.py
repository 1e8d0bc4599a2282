"""Python's dictionaries in text: what is read, and that nothing runs."""

import ast
import json
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kg_builder.reading.literals import dictionary, respelt

TEXTS = st.text(alphabet=st.one_of(st.sampled_from("'\"\\ndux {}[]:,NoneTrue"), st.characters(exclude_categories=["Cs"])))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_python_writes_is_read_back(found):
    assert dictionary(repr(found)) == found
    assert dictionary(ascii(found)) == found


@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_json_stays_as_it_is(found):
    assert respelt(json.dumps(found)) == json.dumps(found)


@given(st.text(alphabet=string.printable.replace("\n", ""), max_size=12).map(lambda text: "{'a': " + text + "}"))
def test_a_line_says_what_python_says_of_it_or_nothing(line):
    found = dictionary(line)
    if found is not None and "\\" not in line:
        try:
            said = ast.literal_eval(line.strip())
        except (ValueError, SyntaxError):
            return  # JSON's own words: {'a': null}
        assert found == said or repr(said) != repr(found)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("{'a': 'x' 'y', 'b': (1, 2), 'c': 0x10}", {"a": "xy", "b": [1, 2], "c": 16}),
        (r"{'a': '\d \x41 \101 \N{BULLET}'}", {"a": "\\d A A •"}),
        (r"{u'a': u'caf\xe9', 'b': r'\x'}", {"a": "café", "b": "\\x"}),
        ("{'a': '''q'''}", {"a": "q"}),
        ("{'None': 'True', 'a': True}", {"None": "True", "a": True}),
        ('{"a": null, "b": "\\/"}', {"a": None, "b": "/"}),
        (r"{'a': '\ud83d\ude00 \ud83d'}", {"a": "\U0001f600 �"}),
    ],
)
def test_other_spellings_are_read_too(line, found):
    assert dictionary(line) == found


@pytest.mark.parametrize("value", ["b'x'", "{1, 2}", "1j", "...", "nan", "NaN", r"'\x4'", "'", "x", "[" * 5000])
def test_what_json_has_nothing_for_makes_no_dictionary(value):
    assert dictionary("{'a': " + value + "}") is None


@pytest.mark.parametrize(
    "call", ["open('made', 'w')", "__import__('pathlib').Path('made').touch()", "[].append(open('made', 'w'))"]
)
def test_a_call_is_never_made(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dictionary("{'asin': " + call + "}") is None
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("part", ["'", '"', "'\\", "''", "'\"", "\\'", "x'\"y", "None", "'a': 'b', "])
def test_a_long_broken_line_costs_what_its_length_costs(part):
    started = time.process_time()
    assert dictionary("{'a': " + part * 100_000 + "]") is None
    assert time.process_time() - started < 5
