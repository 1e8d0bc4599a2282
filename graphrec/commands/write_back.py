"""graphrec write-back: answers go into the graph."""

import sys
from typing import Annotated

import typer

from graphrec import console
from graphrec.console import Json, K, Model, Store, Users
from kg_builder.console import open_store
from kg_builder.progress import Bars

EXAMPLE = "Example: graphrec write-back shop.model shop.graph -k 10"


def run(
    model: Model,
    store: Store,
    k: K = 10,
    users: Users = None,
    similar: Annotated[bool, typer.Option(help="With SIMILAR_TO edges.")] = True,
    embeddings: Annotated[bool, typer.Option(help="With text and graph embeddings as node properties.")] = True,
    as_json: Json = False,
) -> None:
    """Write recommendations, similar products and embeddings into the graph, where Cypher finds them.

    What an earlier run of the same model wrote is replaced.
    """
    from graphrec import lists, writeback
    from graphrec.ranker import Ranker

    ranker = Ranker.load(model)
    with Bars(sys.stderr) as bars, open_store(store) as target:
        tables = ranker.to_graph(
            None if users is None else lists.ids_or_file(users), k, similar=similar, embeddings=embeddings, progress=bars
        )
        tables, missing = writeback.held_by(target, tables)
        target.write(tables, progress=bars)
    if missing:
        console.note(f"{missing:,} users and products of the model are not in {store} and were left out")
    nodes, edges = tables.counts()
    named = {name: count for (_, name, _), count in edges.items()}
    wrote = ", ".join(f"{count:,} {name}" for name, count in named.items())
    console.show({"nodes": nodes, "edges": named}, f"wrote {wrote} into {store}", as_json=as_json)
