"""kg-builder export: a graph in the files of other programs."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kg_builder.console import (
    AsJson,
    Dangling,
    DanglingLinks,
    Engine,
    LogJson,
    MappingFile,
    Master,
    MaxBytes,
    MaxRejects,
    RejectsFile,
    SourceFormat,
    bytes_of,
    open_store,
    print_json,
    print_rejected,
    progress_bars,
    say,
    say_faults,
)

if TYPE_CHECKING:
    from kg_builder.exports import ExportReport

EXAMPLE = (
    "Examples: kg-builder export magazines.graph magazines.graphml --for graphml  ·  "
    "kg-builder export magazines.graph near.parquet --for parquet --around Product/B00005N7PS --hops 1  ·  "
    "kg-builder export dumps/magazines csv --for neo4j-admin --max-rejects 1%"
)


def run(
    graph: Annotated[
        str,
        typer.Argument(metavar="STORE|SOURCE", help="A store's path or address, or a dump as build takes it: no store is made."),
    ],
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="The file or folder to make (or --out); an earlier export is replaced.")
    ] = None,
    *,
    target: Annotated[
        str, typer.Option("--for", metavar="FORMAT", help="graphml, heterodata (PyG), neo4j-admin, networkx, parquet or recbole.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="PATH", help="The same as PATH.")] = None,
    around: Annotated[
        str | None, typer.Option(metavar="LABEL/ID", help="Only what can be reached from this node within --hops edges.")
    ] = None,
    hops: Annotated[int, typer.Option(metavar="N", help="How far around; edges are followed both ways.", min=0)] = 2,
    derived: Annotated[bool, typer.Option("--derived", help="Also what models wrote back, and the records of merges.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write even where something else is at PATH.")] = False,
    format: SourceFormat = None,  # noqa: A002
    rejects: RejectsFile = None,
    max_rejects: MaxRejects = None,
    max_bytes: MaxBytes = None,
    mapping: MappingFile = None,
    dangling: DanglingLinks = Dangling.KEEP,
    engine: Engine = "polars",
    master: Master = None,
    as_json: AsJson = False,
    _log_json: LogJson = False,
) -> None:
    """Write a graph in the files that other programs read; whole or not at all.

    Of a dump it writes what a build into a new store would hold; the options from --format to --master are for dumps alone.
    """
    made = path or out
    if made is None or (path is not None and out is not None):
        raise typer.BadParameter("give the path to make, once", param_hint="PATH")
    from kg_builder.exports import export
    from kg_builder.stores import is_store

    with (
        progress_bars(quiet=as_json) as progress,
        open_store(graph, read_only=True) if is_store(graph) else nullcontext(graph) as opened,
    ):
        report = export(
            opened,
            made,
            format=target,
            around=around,
            hops=hops,
            derived=derived,
            force=force,
            source_format=format,
            rejects=rejects,
            max_rejects=max_rejects,
            max_bytes=None if max_bytes is None else bytes_of(max_bytes),
            mapping=mapping,
            dangling=dangling.value,
            engine=engine,
            master=master,
            progress=progress,
        )
    if as_json:
        _print_json(report)
    else:
        _print(report)
    if report.faults and max_rejects is None:
        say_faults(report.faults, report.first_faults, report.rejects)
        raise typer.Exit(1)


def _print_json(report: "ExportReport") -> None:
    counts = [{"source": one, "type": name, "target": other, "count": n} for (one, name, other), n in report.edges.items()]
    record = {"path": str(report.path), "format": report.format, "nodes": dict(report.nodes), "edges": counts}
    refused = {"rejected": dict(report.rejected), "faults": report.faults, "notes": list(report.notes)}
    rejects = None if report.rejects is None else str(report.rejects)
    print_json({**record, "bytes": report.bytes, **refused, "rejects": rejects, "seconds": round(report.seconds, 2)})


def _print(report: "ExportReport") -> None:
    nodes, edges = sum(report.nodes.values()), sum(report.edges.values())
    size = f"{report.bytes / 1e6:,.1f} MB" if report.bytes >= 1e5 else f"{report.bytes / 1e3:,.1f} kB"
    typer.echo(f"{nodes:,} nodes and {edges:,} edges → {report.path} ({report.format}, {size}) in {report.seconds:.1f} s")
    for note in report.notes:
        say(f"note: {note}", program=None)
    print_rejected(report.rejected, report.rejects)
