"""graphrec evaluate: hold out, fit, measure."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from graphrec import console
from graphrec.console import Device, Json, K, KeepSeen, Scorers, Seed, Store, TextModel, names_of
from kg_builder.console import bytes_of, open_store
from kg_builder.progress import Bars

EXAMPLE = "Example: graphrec evaluate shop.graph -k 20"


def run(
    store: Store,
    k: K = 20,
    protocol: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="time (default), leave-one-out, ratio, new-users, new-products; or what --test is."),
    ] = None,
    share: Annotated[float, typer.Option(help="Of interactions, users or products, how much is held out.")] = 0.1,
    k_core: Annotated[
        int | None, typer.Option("--k-core", metavar="N", help="Keep only users and products with N choices of each other.")
    ] = None,
    candidates: Annotated[
        int | None, typer.Option(metavar="N", help="Rank among N drawn products instead of all: fast, and not comparable.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Hold out what is later: a date such as 2018-01-31, or epoch seconds.")
    ] = None,
    test: Annotated[
        Path | None, typer.Option(help="Hold out nothing and test on these: a TSV of user and item, or a folder with test.tsv.")
    ] = None,
    made: Annotated[
        list[str] | None,
        typer.Option(
            "--lists", metavar="NAME=FILE", help="Measure another system's lists too: a TSV of user and item, best first."
        ),
    ] = None,
    scorers: Scorers = None,
    text_model: TextModel = None,
    device: Device = None,
    seed: Seed = 0,
    keep_seen: KeepSeen = False,
    by: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Also print tables by activity, popularity, category: commas between.")
    ] = None,
    worth: Annotated[bool, typer.Option("--worth", help="Say what graph, texts and order add: up to four more fits.")] = False,
    auc: Annotated[bool, typer.Option("--auc", help="Measure AUC of the whole ranking too.")] = False,
    memory: Annotated[str | None, typer.Option(help="The most that scores held at a time may take, e.g. 2GiB.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write report.json, .md, .html and per_user.parquet there.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where the leak report finds a leak.")] = False,
    as_json: Json = False,
) -> None:
    """Hold out what came last, fit on the rest, and measure: the blend, popularity and each scorer, with a leak report."""
    from graphrec import evaluation, figures, lists
    from graphrec import report as reports

    parted = names_of(by) or []
    figures.check_by(parted)
    if out is not None:
        reports.check_folder(out)
    with Bars(sys.stderr) as bars, open_store(store, read_only=True) as source:
        report = evaluation.evaluate(
            source,
            k=k,
            protocol=protocol,
            share=share,
            k_core=k_core,
            candidates=candidates,
            until=None if until is None else _moment(until),
            test=None if test is None else lists.read_test(test),
            lists=_submitted(made or ()),
            exclude_seen=not keep_seen,
            scorers=names_of(scorers),
            worth=worth,
            auc=auc,
            memory=None if memory is None else bytes_of(memory),
            text_model=text_model,
            device=device,
            seed=seed,
            progress=bars,
        )
    if out is not None:
        report.save(out)
    typer.echo(report.to_json() if as_json else report.text(by=parted))
    if out is not None:
        console.note(f"the whole report is in {out}")
    if strict and report.leaks.found:
        for leak in report.leaks.found:
            console.note(str(leak))
        raise typer.Exit(1)


def _submitted(made: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """By name, the rows of each NAME=FILE."""
    from graphrec import lists

    for one in made:
        if not one.partition("=")[0] or not one.partition("=")[2]:
            raise typer.BadParameter(f"expected NAME=FILE (got {one!r})", param_hint="--lists")
    return {name: lists.read_pairs(Path(path)) for name, _, path in (one.partition("=") for one in made)}


def _moment(text: str) -> int:
    """Epoch seconds of a date (its end), a date with a time (UTC unless it says otherwise), or epoch seconds."""
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        wanted = "a date such as 2018-01-31, or epoch seconds"
        raise typer.BadParameter(f"until is {wanted} (got {text!r})", param_hint="--until") from error
    if "T" not in text and " " not in text:
        moment = moment.replace(hour=23, minute=59, second=59)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
