"""The command line: each command parses, calls one public function and prints what it returns.

torch is imported inside the commands, so that `--help` answers at once.
"""

import json
import sys
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphrec import console
from graphrec.errors import BadRequest, GraphrecError, UnknownScorer, UnknownSystem
from kg_builder.console import Program, bytes_of, open_store
from kg_builder.progress import Bars

if TYPE_CHECKING:
    from graphrec.ranker import Ranker


class Graphrec(Program):
    """The program graphrec, whose own errors are told apart as kg_builder's are."""

    refusals = (*Program.refusals, GraphrecError)
    misuses = (*Program.misuses, UnknownScorer, UnknownSystem)


app = typer.Typer(
    name="graphrec",
    cls=Graphrec,
    help="From a knowledge graph to a model, rankings, reasons, and back into the graph.",
    epilog="Example: graphrec fit shop.graph --out shop.model && graphrec rank shop.model --users u1,u2 -k 10",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `graphrec fit` wrote.")]
Store = Annotated[str, typer.Argument(metavar="STORE", help="A folder that `kg-builder build` wrote, or neo4j://host:7687.")]
Product = Annotated[str, typer.Argument(metavar="PRODUCT", help="A product's id.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]
K = Annotated[int, typer.Option("-k", min=1, help="How many products a list has.")]
Scorers = Annotated[str | None, typer.Option(help="Names with commas between; default all, kept where they help.")]
TextModel = Annotated[str | None, typer.Option(help="A hub name or folder; default MiniLM (English); none: read no texts.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda …; default cuda where there is one.")]
Seed = Annotated[int, typer.Option(help="Same seed, same machine, same model.")]
Users = Annotated[str | None, typer.Option(help="A file with one id a line, or ids with commas between; default everybody.")]
KeepSeen = Annotated[bool, typer.Option("--keep-seen", help="Let products in that the user chose before (groceries).")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from graphrec import __version__

        typer.echo(f"graphrec {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """From a knowledge graph to a model, rankings, reasons, and back into the graph."""


@app.command(epilog="Example: graphrec fit shop.graph --out shop.model")
def fit(
    store: Store,
    out: Annotated[Path, typer.Option(metavar="MODEL", help="The folder to write; an older model there is replaced.")],
    scorers: Scorers = None,
    text_model: TextModel = None,
    device: Device = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Learn a model from the graph."""
    from graphrec import checkpoint, pipeline

    checkpoint.check_target(out)
    with Bars(sys.stderr) as bars, open_store(store, read_only=True) as source:
        ranker = pipeline.fit(source, scorers=_names(scorers), text_model=text_model, device=device, seed=seed, progress=bars)
        ranker.save(out)
    console.show(ranker.summary.to_json() | {"model": str(out)}, f"{ranker}\n{ranker.summary}\nsaved to {out}", as_json=as_json)


@app.command(epilog="Example: graphrec refresh shop.model shop.graph")
def refresh(
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


@app.command(epilog="Example: graphrec rank shop.model --users users.txt -k 20 --out lists.tsv")
def rank(
    model: Model,
    users: Annotated[str, typer.Option(metavar="FILE_OR_IDS", help="A file with one id a line, or ids with commas between.")],
    k: K = 20,
    candidates: Annotated[Path | None, typer.Option(help="Rank these alone: a file with one product id a line.")] = None,
    exclude: Annotated[Path | None, typer.Option(metavar="PAIRS", help="Leave these out: a TSV of user and item.")] = None,
    keep_seen: KeepSeen = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse users that the model does not know.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write `user item rank score` there as TSV; default stdout.")] = None,
    as_json: Json = False,
) -> None:
    """Rank products for users.

    A user nobody knows gets the best answer for a stranger, and is counted.
    """
    from graphrec import lists
    from graphrec.ranker import Ranker

    ranker = Ranker.load(model)
    wanted = lists.ids_or_file(users)
    if not wanted:
        raise typer.BadParameter(f"no user ids in {users!r}", param_hint="--users")
    allowed = None if candidates is None else _candidates(ranker, lists.read_ids(candidates), candidates)
    pairs = None if exclude is None else _exclusions(ranker, lists.read_pairs(exclude), exclude)
    with Bars(sys.stderr) as bars:
        ranking = ranker.rank(
            wanted,
            k=k,
            candidates=allowed,
            exclude=pairs,
            exclude_seen=not keep_seen,
            strangers=not strict,
            progress=bars,
        )
    strangers = sum(not ranker.knows(user) for user in wanted)
    facts = {"users": len(wanted), "strangers": strangers, "lines": len(ranking), "k": k}
    if out is None:
        console.print_ranking(ranking, as_json=as_json)
    else:
        lists.write_tsv(ranking, out)
        console.show(facts | {"out": str(out)}, f"{len(ranking):,} lines for {len(wanted):,} users in {out}", as_json=as_json)
    if strangers and not as_json:
        console.note(f"{strangers:,} of {len(wanted):,} users are unknown to the model and got what suits most people")


@app.command(epilog="Example: graphrec similar shop.model B00005N7P0")
def similar(model: Model, product: Product, k: K = 10, as_json: Json = False) -> None:
    """The products most similar to one."""
    from graphrec.ranker import Ranker

    console.print_ranking(Ranker.load(model).similar(product, k), as_json=as_json, asked="product")


@app.command(epilog="Example: graphrec explain shop.model A2M1CU2IRZG0K9 B00005N7PS")
def explain(
    model: Model,
    user: Annotated[str, typer.Argument(metavar="USER", help="A user's id.")],
    product: Product,
    as_json: Json = False,
) -> None:
    """Say why a product suits a user: the paths of the graph and their shares of the score."""
    from graphrec.ranker import Ranker

    found = Ranker.load(model).explain(user, product)
    reasons = json.loads(found.to_pandas().to_json(orient="records"))
    shown = {"user": user, "item": product, "score": found.score, "baseline": found.baseline, "reasons": reasons}
    console.show(shown, str(found), as_json=as_json)


@app.command(epilog="Example: graphrec evaluate shop.graph -k 20")
def evaluate(
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
    worth: Annotated[bool, typer.Option("--worth", help="Say what graph and texts add: up to three more fits.")] = False,
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

    parted = _names(by) or []
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
            scorers=_names(scorers),
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


@app.command(
    epilog="Example: graphrec compare shop.graph --systems blend,linear,implicit-als --trials 30 --time 10m --out compared"
)
def compare(
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
    test: Annotated[Path | None, typer.Option(help="Hold out nothing and test on these: a TSV of user and item.")] = None,
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
            systems=_names(systems) or [],
            trials=trials,
            seconds=_seconds(time),
            k=k,
            protocol=protocol,
            share=share,
            test=None if test is None else lists.read_pairs(test),
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


@app.command("write-back", epilog="Example: graphrec write-back shop.model shop.graph -k 10")
def write_back(
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


@app.command(epilog="Example: graphrec doctor")
def doctor(as_json: Json = False) -> None:
    """Check versions, device, text model and stores; exit code 1 where something is broken."""
    from graphrec.doctor import examine

    checks = examine()
    shown = "\n".join(f"{'ok ' if check.good else 'BAD'}  {check.what:12} {check.found}" for check in checks)
    console.show([{"what": one.what, "good": one.good, "found": one.found} for one in checks], shown, as_json=as_json)
    if not all(check.good for check in checks):
        raise typer.Exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line (the console script `graphrec`) and ends the process; what went wrong is one line on stderr."""
    if not sys.warnoptions:  # what a reader should know is a note of the summary; Python's warnings are for programmers
        warnings.simplefilter("ignore")
    app(None if arguments is None else list(arguments))


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


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


def _candidates(ranker: "Ranker", ids: Sequence[str], path: Path) -> list[str]:
    known = ranker.known_products(ids)
    if not known:
        raise BadRequest(f"{path}: the model knows none of these {len(ids):,} candidates")
    if len(known) < len(ids):
        console.note(f"{len(ids) - len(known):,} of {len(ids):,} candidates are unknown to the model and left out")
    return known


def _exclusions(ranker: "Ranker", pairs: list[tuple[str, str]], path: Path) -> list[tuple[str, str]]:
    known = set(ranker.known_products({item for _, item in pairs}))
    unknown = sum(item not in known for _, item in pairs)
    if pairs and unknown == len(pairs):
        raise BadRequest(f"{path}: the model knows none of the products of these {len(pairs):,} pairs; columns are user, item")
    if unknown:
        console.note(f"{unknown:,} of {len(pairs):,} excluded pairs name products unknown to the model")
    return pairs
