"""What a fit reads of a graph before it learns."""

import polars as pl

from graphrec.pipeline import read
from kg_builder.schema import RETAIL
from kg_builder.tables import GraphTables


def test_a_product_without_a_title_goes_by_its_brand_and_id():
    tables = GraphTables.of(
        RETAIL,
        {
            "User": pl.DataFrame({"id": ["u1"]}),
            "Product": pl.DataFrame({"id": ["p1", "p2", "p3"], "title": ["Running shoe", None, None]}),
            "Brand": pl.DataFrame({"id": ["acme"], "name": ["Acme"]}),
        },
        {
            ("User", "BOUGHT", "Product"): pl.DataFrame({"source": ["u1"], "target": ["p1"], "key": ["1"]}),
            ("Product", "MADE_BY", "Brand"): pl.DataFrame({"source": ["p1", "p2"], "target": ["acme", "acme"]}),
        },
    )
    _, names = read(tables)
    assert names["Product"].tolist() == ["Running shoe", "Acme p2", None]
