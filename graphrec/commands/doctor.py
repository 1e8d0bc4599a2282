"""graphrec doctor: what is installed and what answers."""

import typer

from graphrec import console
from graphrec.console import Json

EXAMPLE = "Example: graphrec doctor"


def run(as_json: Json = False) -> None:
    """Check versions, device, text model and stores; exit code 1 where something is broken."""
    from graphrec.doctor import examine

    checks = examine()
    shown = "\n".join(f"{'ok ' if check.good else 'BAD'}  {check.what:12} {check.found}" for check in checks)
    console.show([{"what": one.what, "good": one.good, "found": one.found} for one in checks], shown, as_json=as_json)
    if not all(check.good for check in checks):
        raise typer.Exit(1)
