"""kg-builder verify: is a store what its builds made of it?"""

from typing import TYPE_CHECKING, Annotated

import typer

from kg_builder.console import AsJson, LogJson, Store, open_store, print_json, say

if TYPE_CHECKING:
    from kg_builder.verification import Verification

EXAMPLE = "Examples: kg-builder verify magazines.graph  ·  kg-builder verify magazines.graph --as-built --log-json"


def run(
    store: Store,
    as_built: Annotated[
        bool, typer.Option("--as-built", help="Exit 1 where the hash is not that of the last build, too.")
    ] = False,
    as_json: AsJson = False,
    _log_json: LogJson = False,
) -> None:
    """Look every key, every end of an edge and the hash over again; exit 1 where a key is doubled or an edge ends nowhere.

    A hash other than the last build's is a fault with --as-built alone: resolve, enrich and queries of others change a graph,
    too. What there is more or less of than the builds wrote is named.
    """
    from kg_builder.verification import verify

    with open_store(store, read_only=True) as opened:
        found = verify(opened)
    if as_json:
        hashes = {
            "altered": bool(found.altered),
            "hash": found.digest,
            "built": found.built,
            "differences": dict(found.differences),
        }
        print_json({"store": store, "ok": found.ok, "faults": list(found.faults), **hashes})
    else:
        _print(store, found)
    if not (found.as_built if as_built else found.ok):
        raise typer.Exit(1)


def _print(store: str, found: "Verification") -> None:
    for fault in (*found.faults, *filter(None, [found.altered])):
        say(fault)
    if found.built is None:
        says = "no build is on record"
    else:
        says = "as the last build left it" if found.digest == found.built else f"changed since the last build ({found.built})"
    typer.echo(f"{store}: {found.rows:,} nodes and edges, {len(found.faults)} faults; {found.digest}, {says}")
    if found.built is not None and found.digest != found.built:
        for name, more in found.differences.items():
            typer.echo(f"  {name}: {abs(more):,} {'more' if more > 0 else 'fewer'} than the builds wrote")
        if not found.differences:
            typer.echo("  as many of every kind as the builds wrote: what differs are values")
