"""The command line: the program `graphrec`, whose commands are the files of commands/."""

import pkgutil
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from graphrec import commands
from graphrec.errors import GraphrecError, UnknownScorer, UnknownSystem
from kg_builder.console import Program


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


def _add_commands() -> None:
    """Every file of commands/ is a command."""
    for found in pkgutil.iter_modules(commands.__path__):
        module = import_module(f"{commands.__name__}.{found.name}")
        app.command(found.name.replace("_", "-"), epilog=module.EXAMPLE)(module.run)


_add_commands()


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line (the console script `graphrec`) and ends the process; what went wrong is one line on stderr."""
    if not sys.warnoptions:  # what a reader should know is a note of the summary; Python's warnings are for programmers
        warnings.simplefilter("ignore")
    app(None if arguments is None else list(arguments))
