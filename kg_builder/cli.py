"""The command line: build, info, query, and the files of commands/. Each calls one public function and prints one answer."""

import json
import pkgutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg_builder import commands
from kg_builder.console import (
    AsJson,
    Dangling,
    DanglingLinks,
    Engine,
    LogJson,
    MappingFile,
    Master,
    MaxBytes,
    MaxMemory,
    MaxRejects,
    Program,
    RejectsFile,
    SourceFormat,
    Store,
    bytes_of,
    moment_of,
    open_store,
    print_json,
    print_reasons,
    print_rejected,
    print_table,
    progress_bars,
    say,
    say_faults,
)
from kg_builder.errors import BadRequest, did_you_mean

if TYPE_CHECKING:
    from kg_builder.pipeline import BuildReport
    from kg_builder.stores import Build, StoreInfo


app = typer.Typer(
    name="kg-builder",
    cls=Program,
    help="Builds a knowledge graph from a shop's dumps, and asks it questions.",
    epilog="Example: kg-builder build dumps/magazines --into magazines.graph && kg-builder info magazines.graph",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"kg-builder {version('graphrec')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Builds a knowledge graph from a shop's dumps, and asks it questions."""


@app.command(
    epilog="Examples: kg-builder build dumps/magazines --into magazines.graph  ·  "
    "kg-builder build dumps/tuesday --into shop.graph --name shop --prune --max-rejects 1% --log-json 2> tuesday.log"
)
def build(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A folder, a file, or an installed data set's name.")],
    into: Annotated[str, typer.Option(metavar="STORE", help="A path, or neo4j://host:7687; made where there is none.")],
    format: SourceFormat = None,  # noqa: A002
    rejects: RejectsFile = None,
    max_rejects: MaxRejects = None,
    max_bytes: MaxBytes = None,
    max_memory: MaxMemory = None,
    mapping: MappingFile = None,
    dangling: DanglingLinks = Dangling.KEEP,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the source is called in the store; its path unless given.")
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Take away what this source told of before and tells of no longer.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be refused, added, changed, removed.")] = False,
    engine: Engine = "polars",
    master: Master = None,
    again: Annotated[bool, typer.Option("--again", help="Read the files although they are those of the last build.")] = False,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="The moment the dump tells of, such as 2026-11-24: values of later dumps stay."),
    ] = None,
    as_json: AsJson = False,
    _log_json: LogJson = False,
) -> None:
    """Read a dump into a store; only what is new or different is written.

    Faulty rows are left out and named, all others are written, and the exit code is 1, unless --max-rejects allows for them.
    Files that did not change since the last build are not read again, unless --again says so.
    """
    from kg_builder.pipeline import build as build_graph

    with open_store(into, create=True) as store, progress_bars(quiet=as_json) as progress:
        report = build_graph(
            source,
            store,
            format=format,
            rejects=rejects,
            max_rejects=max_rejects,
            max_bytes=None if max_bytes is None else bytes_of(max_bytes),
            max_memory=None if max_memory is None else bytes_of(max_memory),
            mapping=mapping,
            dangling=dangling.value,
            name=name,
            prune=prune,
            dry_run=dry_run,
            engine=engine,
            master=master,
            again=again,
            as_of=None if as_of is None else moment_of(as_of),
            progress=progress,
        )
    if as_json:
        print_json(_report_record(report))
    else:
        _print_report(report, dry_run=dry_run)
    if report.faults and max_rejects is None:
        say_faults(report.faults, report.first_faults, report.rejects)
        raise typer.Exit(1)


@app.command(epilog="Examples: kg-builder info magazines.graph  ·  kg-builder info magazines.graph --history")
def info(
    store: Store,
    history: Annotated[bool, typer.Option("--history", help="Every build that changed something, not only the last.")] = False,
    as_json: AsJson = False,
) -> None:
    """Count what a store holds, say over which time, and what was refused when it was built."""
    with open_store(store, read_only=True) as opened:
        held = opened.info()
        builds = held.builds if history else held.latest
        if as_json:
            print_json(_info_record(held, builds))
        else:
            _print_info(held, builds, history=history)


@app.command(
    epilog="Examples: kg-builder query magazines.graph 'MATCH (p:Product) RETURN p.title LIMIT 5'  ·  "
    "kg-builder query magazines.graph --file cypher/neighbourhood.cypher --param product=B00005N7P0"
)
def query(
    store: Store,
    cypher: Annotated[str | None, typer.Argument(metavar="CYPHER", help="A reading query; or use --file.")] = None,
    file: Annotated[Path | None, typer.Option(metavar="F.cypher", help="A file with the query.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A value for $NAME: JSON, else text. May be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a reading Cypher query; `// :param name => value` lines at its top are defaults."""
    if (cypher is None) == (file is None):
        raise typer.BadParameter("give a query or --file, one of them", param_hint="CYPHER")
    with open_store(store, read_only=True) as opened:
        from kg_builder.cypher import Query

        asked = Query.load(file) if file is not None else Query.parse(cypher or "")
        rows = opened.query(asked.text, {**asked.defaults, **_parameters(param or [], asked.text)})
        if as_json:
            typer.echo(rows.to_json(orient="records", force_ascii=False, default_handler=str))
        else:
            print_table([str(name) for name in rows.columns], [list(row) for row in rows.itertuples(index=False)])


def _parameters(given: list[str], cypher: str) -> dict[str, Any]:
    from kg_builder.cypher import used_parameters

    parameters: dict[str, Any] = {}
    known = used_parameters(cypher)
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign:
            raise BadRequest(f"--param takes name=value (got {pair!r})")
        if name not in known:
            raise BadRequest(
                f"the query has no parameter ${name}{did_you_mean(name, known) or ';'} it has: {', '.join(known) or 'none'}"
            )
        try:
            parameters[name] = json.loads(value)
        except json.JSONDecodeError:
            parameters[name] = value
    return parameters


def _report_record(report: "BuildReport") -> dict[str, Any]:
    return {
        "source": report.source,
        "format": report.format,
        "into": report.into,
        "nodes": dict(report.nodes),
        "edges": _edge_records(report.edges),
        "rejected": dict(report.rejected),
        "faults": report.faults,
        "notes": list(report.notes),
        "rejects": None if report.rejects is None else str(report.rejects),
        "added": dict(report.added),
        "changed": dict(report.changed),
        "removed": dict(report.removed),
        "unchanged": report.unchanged,
        "written": report.written,
        "hash": report.digest,
        "seconds": round(report.seconds, 2),
    }


def _info_record(held: "StoreInfo", builds: "Sequence[Build]") -> dict[str, Any]:
    return {
        "address": held.address,
        "nodes": dict(held.nodes),
        "edges": _edge_records(held.edges),
        "first_at": held.first_at,
        "last_at": held.last_at,
        "builds": [{**asdict(one), "hash": one.digest} for one in builds],
    }


def _edge_records(edges: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return [{"source": one, "type": name, "target": other, "count": count} for (one, name, other), count in edges.items()]


def _print_report(report: "BuildReport", *, dry_run: bool) -> None:
    if report.unchanged:
        typer.echo(
            f"{report.source} is as it was built into {report.into} last; nothing was read or written ({report.seconds:.1f} s)"
        )
        return
    _print_counts(report.nodes, report.edges)
    typer.echo(f"{report.format} dump {report.source} → {report.into} in {report.seconds:.1f} s")
    news = {"added": report.added, "changed": report.changed, "removed": report.removed}
    said = ", ".join(f"{sum(counts.values()):,} {what}" for what, counts in news.items())
    typer.echo(
        f"{'would be: ' * dry_run}{said}"
        if report.written or dry_run
        else "the store says all of it already; nothing was written"
    )
    for note in report.notes:
        say(f"note: {note}", program=None)
    print_rejected(report.rejected, report.rejects)


def _print_info(held: "StoreInfo", builds: "Sequence[Build]", *, history: bool) -> None:
    typer.echo(held.address)
    _print_counts(held.nodes, held.edges)
    if held.first_at is not None and held.last_at is not None:
        typer.echo(f"interactions from {_day(held.first_at)} to {_day(held.last_at)}")
    if history:
        print_table(_HISTORY, [_history_row(one) for one in builds])
        return
    for one in builds:
        typer.echo(f"built {_day(one.at)} from {one.source} ({one.format}), {sum(one.rejected.values()):,} rows refused")
        print_reasons(one.rejected)


_HISTORY = ["at", "source", "format", "added", "changed", "removed", "pruned", "rejected", "faulty", "seconds", "version", "hash"]


def _history_row(one: "Build") -> list[Any]:
    at = datetime.fromtimestamp(one.at, UTC).isoformat(sep=" ").removesuffix("+00:00")
    counts = [sum(found.values()) for found in (one.added, one.changed, one.removed)]
    refused = [sum(one.rejected.values()), one.faults]
    return [at, one.source, one.format, *counts, "yes" if one.pruned else "no", *refused, one.seconds, one.version, one.digest]


def _print_counts(nodes: Any, edges: Any) -> None:  # noqa: ANN401
    rows = [[label, f"{count:,}"] for label, count in nodes.items()]
    rows += [[f"({one})-[:{name}]->({other})", f"{count:,}"] for (one, name, other), count in edges.items()]
    width, digits = max((len(row[0]) for row in rows), default=0), max((len(row[1]) for row in rows), default=0)
    for name, count in rows:
        typer.echo(f"  {name:<{width}}  {count:>{digits}}")


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _add_commands() -> None:
    """Every file of commands/ is a command."""
    for found in pkgutil.iter_modules(commands.__path__):
        module = import_module(f"{commands.__name__}.{found.name}")
        app.command(found.name, epilog=module.EXAMPLE)(module.run)


_add_commands()
