import graphrec


def test_every_public_name_is_there_and_nothing_else_is_promised():
    assert graphrec.__all__ == sorted(graphrec.__all__)
    for name in graphrec.__all__:
        assert getattr(graphrec, name) is not None
    assert dir(graphrec) == graphrec.__all__
    assert set(graphrec.__all__) == {
        "BadRequest",
        "Comparison",
        "Explanation",
        "GraphrecError",
        "ModelDamaged",
        "ModelMissing",
        "NotEnoughMemory",
        "NothingToLearn",
        "Ranker",
        "Ranking",
        "Reason",
        "Report",
        "TextModelMissing",
        "UnknownId",
        "UnknownScorer",
        "UnknownSystem",
        "__version__",
        "compare",
        "evaluate",
        "fit",
        "hetero_data",
        "refresh",
        "tables_of",
    }


def test_every_public_thing_is_documented():
    for name in graphrec.__all__:
        assert getattr(graphrec, name).__doc__, name


def test_a_name_that_is_not_there_is_an_attribute_error():
    assert not hasattr(graphrec, "recommend")
