"""kg-builder fetch: a public dump by its name, ready to build."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg_builder.console import AsJson, LogJson, bytes_of, print_json, print_table, progress_bars, say

if TYPE_CHECKING:
    from kg_builder.fetching import Fetched, FetchedFile, KnownSource

EXAMPLE = "Example: kg-builder fetch ml-100k && kg-builder build dumps/ml-100k --into ml-100k.graph"


def run(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="As in ml-100k or amazon-2023/All_Beauty; --list shows all.")
    ] = None,
    into: Annotated[Path, typer.Option(metavar="DIR", help="NAME is made in this folder.")] = Path("dumps"),
    list_: Annotated[
        bool, typer.Option("--list", help="Show what there is; with a NAME as amazon-2023, its categories.")
    ] = False,
    mirror: Annotated[
        str | None, typer.Option("--from", metavar="URL", help="Where the files lie, instead of the source's own address.")
    ] = None,
    max_bytes: Annotated[
        str | None, typer.Option(metavar="N", help="What an archive may unpack to: 50GB, or a number of bytes; else 20 GiB.")
    ] = None,
    as_json: AsJson = False,
    _log_json: LogJson = False,
) -> None:
    """Download a known public dump, check it and unpack it.

    What broke off is continued, what is there already is not fetched again. Mind each dump's licence.
    """
    if list_:
        _list(name, as_json)
        return
    if name is None:
        raise typer.BadParameter("say what to fetch; kg-builder fetch --list shows what there is", param_hint="NAME")
    from kg_builder.fetching import MAX_BYTES, fetched

    most = MAX_BYTES if max_bytes is None else bytes_of(max_bytes)
    try:
        with progress_bars(quiet=as_json) as progress:
            done = fetched(name, into=into, mirror=mirror, max_bytes=most, progress=progress)
    except KeyboardInterrupt:
        say("stopped; the same command goes on from here")
        raise
    _print(done, as_json)


def _list(name: str | None, as_json: bool) -> None:
    from kg_builder.fetching import sources_of

    found = sources_of(name)
    if as_json:
        print_json({"sources": [_source_record(source) for source in found]})
        return
    families = {source.family for source in found if source.family} if name is None else set()
    rows = [_row(source) for source in found if source.family not in families]
    rows += [_family_row([source for source in found if source.family == family]) for family in sorted(filter(None, families))]
    print_table(["name", "what", "licence", "size", "format"], rows)


def _row(source: "KnownSource") -> list[Any]:
    return [source.name, source.what, source.licence, _size(source), source.format]


def _family_row(members: "list[KnownSource]") -> list[Any]:
    one, reviews = members[0], [source.reviews or 0 for source in members]
    size = f"{len(members)} categories of {min(reviews):,} to {max(reviews):,} reviews"
    return [f"{one.family}/CATEGORY", one.what, one.licence, size, one.format]


def _size(source: "KnownSource") -> str:
    if source.size is not None:
        return f"{source.size / 1e6:,.1f} MB"
    return "not published" if source.reviews is None else f"{source.reviews:,} reviews"


def _source_record(source: "KnownSource") -> dict[str, Any]:
    return {
        "name": source.name,
        "what": source.what,
        "licence": source.licence,
        "format": source.format,
        "page": source.page,
        "bytes": source.size,
        "reviews": source.reviews,
        "base": source.base,
        "files": [{"path": file.path, "checksum": file.checksum, "bytes": file.size} for file in source.files],
    }


def _print(done: "Fetched", as_json: bool) -> None:
    following = shlex.join(["kg-builder", "build", str(done.folder), "--into", f"{done.folder.name}.graph"])
    if as_json:
        print_json(
            {
                "name": done.source.name,
                "folder": str(done.folder),
                "licence": done.source.licence,
                "files": [_file_record(file) for file in done.files],
                "next": following,
            }
        )
        return
    for file in done.files:
        typer.echo(f"{file.path}: {'fetched' if file.fetched else 'already there'}, {_checked(file)}")
    typer.echo(f"licence: {done.source.licence} ({done.source.page})")
    typer.echo(f"next: {following}")


def _file_record(file: "FetchedFile") -> dict[str, Any]:
    return {"path": str(file.path), "fetched": file.fetched, "checksum": file.checksum, "published": file.published}


def _checked(file: "FetchedFile") -> str:
    kind = file.checksum.partition(":")[0]
    if file.published:
        return f"{kind} as published"
    return f"no published checksum ({kind} kept in {file.path.name}.sha256)"
