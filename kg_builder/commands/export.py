"""kg-builder export: a store's graph in the files of other programs."""

from pathlib import Path
from typing import Annotated

import typer

from kg_builder.console import AsJson, Store, open_store, print_json, progress_bars

EXAMPLE = (
    "Examples: kg-builder export magazines.graph magazines.graphml --for graphml  ·  "
    "kg-builder export magazines.graph near.parquet --for parquet --around Product/B00005N7PS --hops 1"
)


def run(
    store: Store,
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="The file or folder to make (or --out); an earlier export is replaced.")
    ] = None,
    *,
    format: Annotated[  # noqa: A002
        str, typer.Option("--for", metavar="FORMAT", help="graphml, heterodata (PyG), neo4j-admin, networkx, parquet or recbole.")
    ],
    out: Annotated[Path | None, typer.Option(metavar="PATH", help="The same as PATH.")] = None,
    around: Annotated[
        str | None, typer.Option(metavar="LABEL/ID", help="Only what can be reached from this node within --hops edges.")
    ] = None,
    hops: Annotated[int, typer.Option(metavar="N", help="How far around; edges are followed both ways.", min=0)] = 2,
    derived: Annotated[bool, typer.Option("--derived", help="Also what models wrote back, and the records of merges.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write even where something else is at PATH.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a store's graph in the files that other programs read; whole or not at all."""
    made = path or out
    if made is None or (path is not None and out is not None):
        raise typer.BadParameter("give the path to make, once", param_hint="PATH")
    with open_store(store, read_only=True) as opened, progress_bars(quiet=as_json) as progress:
        from kg_builder.exports import export

        arguments = {"around": around, "hops": hops, "derived": derived, "force": force}
        report = export(opened, made, format=format, **arguments, progress=progress)  # type: ignore[arg-type]
    nodes, edges = sum(report.nodes.values()), sum(report.edges.values())
    if as_json:
        counts = [{"source": one, "type": name, "target": other, "count": n} for (one, name, other), n in report.edges.items()]
        record = {"path": str(report.path), "format": report.format, "nodes": dict(report.nodes), "edges": counts}
        print_json({**record, "bytes": report.bytes, "seconds": round(report.seconds, 2)})
    else:
        size = f"{report.bytes / 1e6:,.1f} MB" if report.bytes >= 1e5 else f"{report.bytes / 1e3:,.1f} kB"
        typer.echo(f"{nodes:,} nodes and {edges:,} edges → {report.path} ({format}, {size}) in {report.seconds:.1f} s")
