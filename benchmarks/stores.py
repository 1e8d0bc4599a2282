"""Edges a second into and out of each store, with generated purchases, beside what the store takes at least.

    python benchmarks/stores.py [--edges 1000000] [--without-neo4j]

The floors: a bare COPY of the same Parquet files into the same Ladybug tables, and a bare query of all columns; for Neo4j plain
`UNWIND … MERGE` of 20,000 rows a transaction, and a plain query that answers with a row an edge.
A Neo4j server of its own is started on a free port and ended again; the one that NEO4J_URI names is not touched.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import ladybug
import neo4j
import numpy as np
import polars as pl
from table import HEADER, Row

from kg_builder import RETAIL, GraphTables, connect, export

KIND = ("User", "BOUGHT", "Product")
COLUMNS = ("source", "target", "key", "at", "price")
MERGE = (
    "UNWIND $rows AS row MATCH (a:User {id: row[0]}) MATCH (b:Product {id: row[1]}) "
    "MERGE (a)-[r:BOUGHT {key: row[2]}]->(b) SET r.at = row[3], r.price = row[4]"
)


def purchases(edges: int, seed: int = 0) -> GraphTables:
    """A tenth as many users and a twentieth as many products as edges, everything drawn evenly."""
    draw = np.random.default_rng(seed)
    users = pl.Series([f"user{row}" for row in range(max(1, edges // 10))])
    products = pl.Series([f"product{row}" for row in range(max(1, edges // 20))])
    bought = {
        "source": users.gather(draw.integers(0, len(users), edges)),
        "target": products.gather(draw.integers(0, len(products), edges)),
        "key": [str(row) for row in range(edges)],
        "at": draw.integers(1_500_000_000, 1_700_000_000, edges),
        "price": draw.random(edges),
    }
    nodes = {"User": pl.DataFrame({"id": users}), "Product": pl.DataFrame({"id": products, "title": "title of " + products})}
    return GraphTables.of(RETAIL, nodes, {KIND: pl.DataFrame(bought)}).collect()


def rate(edges: int, work: Callable[[], object], repeats: int = 1) -> float:
    """Edges a second of the fastest of so many runs."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return edges / min(seconds)


def embedded(tables: GraphTables, edges: int) -> Iterator[Row]:
    """Writing and reading, beside a bare COPY and a bare query; the order changes, as the second finds a warmer disk."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"User": Path(folder) / "u.parquet", "Product": Path(folder) / "p.parquet", "BOUGHT": Path(folder) / "b.parquet"}
        tables.nodes["User"].select("id").sink_parquet(files["User"])
        tables.nodes["Product"].select("id", "title").sink_parquet(files["Product"])
        tables.edges[KIND].select(COLUMNS).sink_parquet(files["BOUGHT"])
        ours, floor = [], []
        for turn in range(2):
            with connect(Path(folder) / f"{turn}.graph", create=True) as store:
                ours.append(rate(edges, lambda: store.write(tables)))
            floor.append(rate(edges, lambda: bare_copy(files, Path(folder) / f"bare{turn}")))  # noqa: B023 - called at once
        yield Row("embedded: write, beside a bare COPY", max(ours), max(floor), "edges/s", "ratio >= 0.7")
        with connect(Path(folder) / "0.graph") as store:
            store.info()
            again = rate(edges, store.read, 3)
        with ladybug.Database(str(Path(folder) / "bare0"), read_only=True) as base, ladybug.Connection(base) as connection:
            asked = "MATCH (a:User)-[r:BOUGHT]->(b:Product) RETURN a.id, b.id, r.key, r.at, r.price"
            bare = rate(edges, lambda: connection.execute(asked).get_as_pl(), 3)
        yield Row("embedded: read back, beside a bare query", again, bare, "edges/s", ">= 1,000,000")


def bare_copy(files: dict[str, Path], path: Path) -> None:
    """What Ladybug needs at least: COPY of ready Parquet files."""
    with ladybug.Database(str(path)) as database, ladybug.Connection(database) as connection:
        connection.execute("CREATE NODE TABLE User(id STRING PRIMARY KEY)")
        connection.execute("CREATE NODE TABLE Product(id STRING PRIMARY KEY, title STRING)")
        connection.execute("CREATE REL TABLE BOUGHT(FROM User TO Product, key STRING, at INT64, price DOUBLE)")
        for name, file in files.items():
            connection.execute(f"COPY {name} FROM '{file}'")
        connection.execute("CHECKPOINT")


def served(tables: GraphTables, edges: int) -> Iterator[Row]:
    """Writing and reading by transactions, and the first load by neo4j-admin."""
    program = _server()
    with tempfile.TemporaryDirectory() as folder, _running(program, Path(folder) / "plain") as (driver, _):
        floor = rate(edges, lambda: bare_merge(driver, tables))
        bare = rate(edges, lambda: bare_read(driver), 3)
    with tempfile.TemporaryDirectory() as folder, _running(program, Path(folder) / "ours") as (_, uri), connect(uri) as store:
        ours = rate(edges, lambda: store.write(tables))
        yield Row("Neo4j: write by transactions, beside UNWIND ... MERGE", ours, floor, "edges/s", ">= 20,000")
        again = rate(edges, store.read, 3)
        assert store.read() == tables, "what is read back is not what was written"
        yield Row("Neo4j: read back, beside a query with a row an edge", again, bare, "edges/s", ">= 200,000")
    with tempfile.TemporaryDirectory() as folder:
        yield from first_load(program, Path(folder), tables, edges, ours)


def bare_merge(driver: neo4j.Driver, tables: GraphTables) -> None:
    """The constraints, the nodes, and 20,000 edges a transaction."""
    with driver.session() as session:
        for label in ("User", "Product"):
            session.run(f"CREATE CONSTRAINT FOR (n:{label}) REQUIRE n.id IS UNIQUE").consume()
        session.run("CALL db.awaitIndexes(60)").consume()
        plans = [
            ("UNWIND $rows AS row MERGE (n:User {id: row[0]})", tables.nodes["User"].select("id")),
            (
                "UNWIND $rows AS row MERGE (n:Product {id: row[0]}) SET n.title = row[1]",
                tables.nodes["Product"].select("id", "title"),
            ),
            (MERGE, tables.edges[KIND].select(COLUMNS)),
        ]
        for cypher, rows in plans:
            for batch in rows.collect().iter_slices(20_000):
                session.execute_write(lambda tx: tx.run(cypher, rows=batch.rows()).consume())  # noqa: B023 - called at once


def bare_read(driver: neo4j.Driver) -> None:
    """One record an edge."""
    with driver.session() as session:
        session.run("MATCH (a:User)-[r:BOUGHT]->(b:Product) RETURN a.id, b.id, r.key, r.at, r.price").values()


def first_load(program: ModuleType, folder: Path, tables: GraphTables, edges: int, transactions: float) -> Iterator[Row]:
    """Export, import by the real tool, start of the server and its first answer."""
    home = folder / "home"
    with _running(program, home):  # makes its configuration
        pass
    for data in ("databases", "transactions"):
        subprocess.run(["rm", "-rf", home / "data" / data / "neo4j"], check=True)
    written = rate(edges, lambda: export(tables, folder / "csv", format="neo4j-admin"))
    admin = folder / "admin"
    admin.write_text(f"#!/bin/sh\nexec {program.java()} -cp '{program.jars()}/*' org.neo4j.cli.AdminTool \"$@\"\n")
    admin.chmod(0o755)
    environment = {**os.environ, "NEO4J_ADMIN": str(admin), "NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}

    def load() -> None:
        subprocess.run([folder / "csv" / "import.sh"], env=environment, check=True, capture_output=True)

    loaded = rate(edges, load)
    with _running(program, home) as (driver, _):
        found = driver.execute_query("MATCH (:User)-[r:BOUGHT]->(:Product) RETURN count(r)").records[0][0]
    assert found == edges, f"the server counts {found} edges"
    both = 1 / (1 / written + 1 / loaded)
    yield Row("Neo4j: export and neo4j-admin import, beside transactions", both, transactions, "edges/s", "-")
    yield Row("Neo4j: import of so many edges alone, JVM start included", edges / loaded, 0, "s", "12 s at 1 M edges")


def _server() -> ModuleType:
    spec = importlib.util.spec_from_file_location("neo4j_server", Path(__file__).parents[1] / "deploy" / "neo4j" / "server.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["neo4j_server"] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def _running(program: ModuleType, home: Path) -> Iterator[tuple[neo4j.Driver, str]]:
    started = program.start(home, port=program.free_port())
    os.environ |= {"NEO4J_USERNAME": program.USER, "NEO4J_PASSWORD": started.password}
    try:
        with neo4j.GraphDatabase.driver(started.uri, auth=(program.USER, started.password)) as driver:
            yield driver, started.uri
    finally:
        program.stop(home)


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--without-neo4j", action="store_true")
    given = parser.parse_args()
    tables = purchases(given.edges)
    print(HEADER, flush=True)
    for row in embedded(tables, given.edges):
        print(row, flush=True)
    for row in () if given.without_neo4j else served(tables, given.edges):
        print(row, flush=True)


if __name__ == "__main__":
    main()
