"""graphrec update: new events count at once."""

from pathlib import Path
from typing import Annotated

import typer

from graphrec import console
from graphrec.console import Json, Model

EXAMPLE = "Example: graphrec update shop.model today.csv"


def run(
    model: Model,
    events: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV, TSV or Parquet file of user, product and at.")],
    out: Annotated[Path | None, typer.Option(metavar="MODEL", help="The folder to write; default: in place of the old.")] = None,
    skip_faulty: Annotated[bool, typer.Option("--skip-faulty", help="Take the sound events where others are faulty.")] = False,
    as_json: Json = False,
) -> None:
    """Let new events count at once, without training or the store, and say what waits for a refresh."""
    from graphrec import checkpoint, lists
    from graphrec.ranker import Ranker

    target = model if out is None else out
    checkpoint.check_target(target)
    ranker = Ranker.load(model).update(lists.read_events(events), skip_faulty=skip_faulty)
    taken = ranker.taken
    ranker.save(target)
    facts = {"events": taken.events, "new_users": list(taken.new_users), "waits": list(taken.waits)} if taken else {}
    console.show(facts | {"model": str(target)}, f"{taken}\nsaved to {target}", as_json=as_json)
