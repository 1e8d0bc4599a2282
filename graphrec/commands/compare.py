"""graphrec compare: systems of ours and of others."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from graphrec import console
from graphrec.console import Device, Json, K, Seed, Store, TextModel, names_of
from kg_builder.console import open_store
from kg_builder.progress import Bars

EXAMPLE = "Example: graphrec compare shop.graph --systems blend,linear,implicit-als --trials 30 --time 10m --out compared"


def run(
    store: Store,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder for the table, every trial, and the picture.")],
    systems: Annotated[
        str, typer.Option(help="Names with commas between; the first is what the others are held against.")
    ] = "blend,linear,implicit-als,implicit-bpr,implicit-cosine,implicit-bm25",
    trials: Annotated[int, typer.Option(min=1, help="How many settings are tried for each system.")] = 30,
    time: Annotated[str, typer.Option(metavar="TIME", help="What that may take for each system: 600s, 10m, 1h.")] = "600s",
    k: K = 20,
    protocol: Annotated[
        str | None, typer.Option(metavar="NAME", help="time (default), leave-one-out, ratio or new-products.")
    ] = None,
    share: Annotated[float, typer.Option(help="Of interactions or products, how much is held out.")] = 0.1,
    test: Annotated[
        Path | None, typer.Option(help="Hold out nothing and test on these: a TSV of user and item, or a folder with test.tsv.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what an earlier run left in --out.")] = False,
    text_model: TextModel = None,
    device: Device = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for each system; default all processors.")] = None,
    python: Annotated[
        list[str] | None,
        typer.Option(metavar="PEER=PATH", help="Another interpreter for a peer or its package: lenskit=venv/bin/python."),
    ] = None,
    peers_python: Annotated[Path | None, typer.Option(metavar="PATH", help="The same for all peers.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Hold systems of ours and of others against each other: one split, the same trials and time for each, intervals, costs.

    Each system runs in a process of its own; one that fails costs its own line alone.
    """
    from graphrec import lists
    from graphrec.comparison import contest

    with Bars(sys.stderr) as bars, open_store(store, read_only=True) as source:
        found = contest.compare(
            source,
            systems=names_of(systems) or [],
            trials=trials,
            seconds=_seconds(time),
            k=k,
            protocol=protocol,
            share=share,
            test=None if test is None else lists.read_test(test),
            seed=seed,
            text_model=text_model,
            device=device,
            threads=threads,
            pythons=_interpreters(python or [], peers_python),
            out=out,
            resume=resume,
            progress=bars,
        )
    typer.echo(found.to_json() if as_json else str(found))
    if not as_json:
        console.note(f"the table, every trial, the users' values and the picture are in {out}")


def _seconds(text: str) -> float:
    """Seconds of a number with or without a unit: s, m or h."""
    number, unit = (text[:-1], text[-1]) if text[-1:].isalpha() else (text, "s")
    try:
        return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    except (ValueError, KeyError):
        wanted = "a number with or without a unit, such as 600s, 10m or 1h"
        raise typer.BadParameter(f"time is {wanted} (got {text!r})", param_hint="--time") from None


def _interpreters(named: Sequence[str], every: Path | None) -> dict[str, str]:
    """By peer or package, the interpreter that runs it."""
    from graphrec.comparison.systems import FAMILIES, names

    found = {} if every is None else dict.fromkeys(FAMILIES, str(every))
    for one in named:
        peer, _, path = one.partition("=")
        if not path or peer not in (*FAMILIES, *names()):
            raise typer.BadParameter(f"expected PEER=PATH (got {one!r}); peers: {', '.join(FAMILIES)}", param_hint="--python")
        found[peer] = path
    return found
