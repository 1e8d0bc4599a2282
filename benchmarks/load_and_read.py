"""Edges a second into and out of each store, with generated purchases.

python benchmarks/load_and_read.py --edges 1000000                     embedded, beside a bare COPY of the same edges
eval "$(make -s neo4j-start)"
python benchmarks/load_and_read.py --edges 100000 --neo4j              a Neo4j server too (it must be empty)
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ladybug
import numpy as np
import polars as pl

from kg_builder import RETAIL, GraphStore, GraphTables, connect


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
    return GraphTables.of(RETAIL, nodes, {("User", "BOUGHT", "Product"): pl.DataFrame(bought)}).collect()


def timed(what: str, edges: int, work: Callable[[], object]) -> None:
    """Do the work and print its seconds and edges a second."""
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    print(f"{what:<44} {seconds:8.2f} s {edges / seconds:12,.0f} edges/s", flush=True)


def bare_copy(tables: GraphTables, path: Path) -> None:
    """What Ladybug needs at least: COPY of ready Arrow tables."""
    with ladybug.Database(str(path)) as database, ladybug.Connection(database) as connection:
        connection.execute("CREATE NODE TABLE User(id STRING PRIMARY KEY)")
        connection.execute("CREATE NODE TABLE Product(id STRING PRIMARY KEY, title STRING)")
        connection.execute("CREATE REL TABLE BOUGHT(FROM User TO Product, key STRING, at INT64, price DOUBLE)")
        bought = tables.edges["User", "BOUGHT", "Product"].select("source", "target", "key", "at", "price").collect()
        for name, frame in (
            ("User", tables.nodes["User"].select("id").collect()),
            ("Product", tables.nodes["Product"].select("id", "title").collect()),
            ("BOUGHT", bought),
        ):
            connection.execute(f"COPY {name} FROM $rows", {"rows": frame.to_arrow()})
        connection.execute("CHECKPOINT")


def measure(name: str, store: GraphStore, tables: GraphTables, edges: int) -> None:
    """Write, write the same again, and read."""
    timed(f"{name}: write", edges, lambda: store.write(tables))
    timed(f"{name}: write the same again", edges, lambda: store.write(tables))
    timed(f"{name}: read", edges, store.read)
    timed(f"{name}: read again", edges, store.read)


def is_empty(store: GraphStore) -> bool:
    """True where nothing would be overwritten."""
    return int(store.query("MATCH (n) RETURN count(n) AS n")["n"].item()) == 0


def main() -> int:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--neo4j", action="store_true", help="measure the server that NEO4J_URI names, too")
    arguments = parser.parse_args()
    tables = purchases(arguments.edges)
    with tempfile.TemporaryDirectory() as folder:
        timed("ladybug: bare COPY", arguments.edges, lambda: bare_copy(tables, Path(folder) / "bare"))
        with connect(Path(folder) / "store.graph", create=True) as store:
            measure("embedded", store, tables, arguments.edges)
    if arguments.neo4j:
        with connect(os.environ["NEO4J_URI"]) as store:
            if not is_empty(store):
                print("the server of NEO4J_URI holds a graph already: refused", file=sys.stderr)
                return 1
            measure("neo4j", store, tables, arguments.edges)
    return 0


if __name__ == "__main__":
    sys.exit(main())
