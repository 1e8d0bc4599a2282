"""kg-builder hash: the graph of a store in 32 digits."""

from typing import Annotated

import typer

from kg_builder.console import AsJson, Store, open_store, print_json

EXAMPLE = "Example: kg-builder hash magazines.graph"


def run(
    store: Store,
    derived: Annotated[
        bool, typer.Option("--derived", help="With what a model wrote back and what is on record of merges.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print a hash of the graph: the same for the same content, on either store and in any order."""
    from kg_builder.digests import digest
    from kg_builder.scratch import scratch

    with open_store(store, read_only=True) as opened, scratch() as folder:
        found = digest(opened.read(derived=derived, into=folder))
    if as_json:
        print_json({"store": store, "hash": found})
    else:
        typer.echo(found)
