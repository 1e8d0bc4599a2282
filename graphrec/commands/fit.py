"""graphrec fit: learn a model."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from graphrec import console
from graphrec.console import Device, Json, Scorers, Seed, Store, TextModel, names_of
from kg_builder.console import bytes_of, open_store
from kg_builder.progress import Bars

EXAMPLE = "Example: graphrec fit shop.graph --out shop.model"


def run(
    store: Store,
    out: Annotated[Path, typer.Option(metavar="MODEL", help="The folder to write; an older model there is replaced.")],
    scorers: Scorers = None,
    text_model: TextModel = None,
    device: Device = None,
    seed: Seed = 0,
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Fit what fits into so long, e.g. 60s or 10m, and say what is left out.")
    ] = None,
    explainable: Annotated[
        bool, typer.Option("--explainable", help="Only scorers whose shares add up exactly in every explanation.")
    ] = False,
    max_memory: Annotated[
        str | None, typer.Option(metavar="N", help="Memory for the scorers, such as 8GB, whatever seems to be free.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn a model from the graph."""
    from graphrec import checkpoint, pipeline
    from graphrec.budget import seconds_of

    checkpoint.check_target(out)
    seconds = None if budget is None else seconds_of(budget)
    with Bars(sys.stderr) as bars, open_store(store, read_only=True) as source:
        ranker = pipeline.fit(
            source,
            scorers=names_of(scorers),
            text_model=text_model,
            device=device,
            seed=seed,
            budget=seconds,
            explainable=explainable,
            max_memory=None if max_memory is None else bytes_of(max_memory),
            progress=bars,
        )
        ranker.save(out)
    console.show(ranker.summary.to_json() | {"model": str(out)}, f"{ranker}\n{ranker.summary}\nsaved to {out}", as_json=as_json)
