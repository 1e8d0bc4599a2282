"""The planted shop, and one model of it that many tests ask."""

import dataclasses

import pytest

import graphrec
from graphrec import scorers
from kg_builder.planted import plant
from kg_builder.tabulation import tabulate

SCORERS = [name for name in ("popularity", "linear", "paths") if name in scorers.names()]
NOW = 1735689600


@pytest.fixture(scope="session")
def planted():
    return plant(users=120, products=240)


@pytest.fixture(scope="session")
def shop(planted):
    """The planted shop as tables."""
    return tabulate(planted.dump, now=NOW).collect()


@pytest.fixture(scope="session")
def ranker(shop):
    """A model of the shop that reads no texts."""
    return graphrec.fit(shop, scorers=SCORERS, text_model="none")


@pytest.fixture
def strange(ranker):
    """The same model whose blend has no popularity of its own."""
    blend = ranker.model.blend
    kept = {name: one for name, one in blend.scorers.items() if name != "popularity"}
    return graphrec.Ranker(dataclasses.replace(ranker.model, blend=dataclasses.replace(blend, scorers=kept)))
