"""What neo4j-admin loads is the graph: with the real importer, and the real server on top of it."""

import os
import subprocess
from pathlib import Path

import polars as pl
import pytest

from kg_builder import export
from kg_builder.digests import digest
from kg_builder.schema import RETAIL
from kg_builder.stores import connect
from kg_builder.tables import GraphTables
from tests.kg_builder.graphs import planted


def odd():
    """Texts with quotes, commas, line ends and backslashes, empty ones, no values, and numbers of every kind."""
    schema = RETAIL.with_properties("Product", {"genres": "strings", "pages": "integer"})
    products = {
        "id": ['p"1', "p2", "p,4", "p 5"],
        "title": ["a\nb", "", 'say "hi" \\ x\\', None],
        "price": [1.5, float("inf"), 1e-20, float("nan")],
        "listed": [True, None, False, None],
        "genres": [["a,b", "c"], ["ä"], None, None],
        "pages": [2**62, None, -1, 0],
    }
    bought = pl.DataFrame({"source": ["u", "u"], "target": ["p2", "p,4"], "key": ["1", "2"], "at": [1, None]})
    nodes = {"Product": pl.DataFrame(products, strict=False), "User": pl.DataFrame({"id": ["u"]})}
    return GraphTables.of(schema, nodes, {("User", "BOUGHT", "Product"): bought})


@pytest.mark.neo4j
def test_the_importer_loads_it_and_the_server_answers_with_the_same_graph(server_to_stop, neo4j_program, tmp_path, monkeypatch):
    (start, stop, environment), program = server_to_stop, neo4j_program
    home = Path(start().home)
    stop(30)
    tables = planted().merge(odd())
    export(tables, tmp_path / "csv", format="neo4j-admin")
    admin = tmp_path / "admin"
    admin.write_text(f"#!/bin/sh\nexec {program.java()} -cp '{program.jars()}/*' org.neo4j.cli.AdminTool \"$@\"\n")
    admin.chmod(0o755)
    monkeypatch.setattr(os, "environ", environment)
    environment = {**environment, "NEO4J_ADMIN": str(admin), "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    script = [str(tmp_path / "csv" / "import.sh")]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stdout + done.stderr
    with connect(start().uri) as store:
        there = store.read(derived=True)
        assert there == tables
        assert digest(there) == digest(tables)
        store.write(tables)  # the builder goes on from there
        assert store.read(derived=True) == tables
