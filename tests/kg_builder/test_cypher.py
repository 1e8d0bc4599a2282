"""Parameters of a query and their defaults."""

import pytest

from kg_builder.cypher import Query, used_parameters
from kg_builder.errors import MissingSource, QueryError


def test_defaults_are_json():
    text = '// A comment\n// :param product => "B1"\n//:param k=> 3\n// :param ids => ["a", "b"]\nMATCH (p) RETURN p'
    assert Query.parse(text).defaults == {"product": "B1", "k": 3, "ids": ["a", "b"]}


def test_a_default_that_is_no_json_is_refused():
    with pytest.raises(QueryError, match=":param product => B1: expected JSON"):
        Query.parse("// :param product => B1\nRETURN 1")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MissingSource, match=r"nothing\.cypher"):
        Query.load(tmp_path / "nothing.cypher")


def test_parameters_in_quotes_and_comments_do_not_count():
    cypher = """MATCH (p {id: $id}) // $a
    WHERE p.t <> 'it\\'s $b' AND p.u <> "$c" /* $d
    $e */ AND p.`$f` = $g RETURN $id"""
    assert used_parameters(cypher) == ["id", "g"]
