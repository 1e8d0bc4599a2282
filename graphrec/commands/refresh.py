"""graphrec refresh: take up what came after the fit."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from graphrec import console
from graphrec.console import Device, Json, Model, Store
from kg_builder.console import open_store
from kg_builder.progress import Bars

EXAMPLE = "Example: graphrec refresh shop.model shop.graph"


def run(
    model: Model,
    store: Store,
    out: Annotated[Path | None, typer.Option(metavar="MODEL", help="The folder to write; default: in place of the old.")] = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Take up users, products and choices that came after the fit, without training."""
    from graphrec import checkpoint, pipeline
    from graphrec.ranker import Ranker

    target = model if out is None else out
    checkpoint.check_target(target)
    old = Ranker.load(model)
    with Bars(sys.stderr) as bars, open_store(store, read_only=True) as source:
        ranker = pipeline.refresh(old, source, device=device, progress=bars)
        ranker.save(target)
    note = ranker.summary.notes[-1]
    console.show(ranker.summary.to_json() | {"model": str(target)}, f"{ranker}\n{note}\nsaved to {target}", as_json=as_json)
