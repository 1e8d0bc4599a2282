"""Engines: where a dump's rows are cleaned and put together. The folder is the registry: one file an engine.

An engine has `ENGINE` (its name) and `running(master)`, a context in which it works: what it yields makes an `Engine` of a sieve.
Cleaning is polars on every engine, on all rows or on parts of them; what joins tables is narwhals, which speaks polars and Spark.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

import narwhals as nw
import polars as pl

from kg_builder.cleaning import Cleaning
from kg_builder.errors import BadRequest, did_you_mean
from kg_builder.reading import Spread
from kg_builder.rejects import Sieve
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.tables import GraphTables

Rows = nw.LazyFrame[Any]
"""A table of either engine."""


class Engine(Protocol):
    """What works on the rows of one dump."""

    @property
    def sieve(self) -> Sieve:
        """Takes the refused rows, and says where rows are held."""

    @property
    def spread(self) -> Spread | None:
        """How files are read at the same time; None reads one after the other, each with all cores."""

    def cleaned(self, name: str, frame: pl.LazyFrame, cleaning: Cleaning) -> Rows:
        """The rows after every step, worked out once; the refused ones are in the rejects."""

    def held(self, name: str, rows: Rows) -> Rows:
        """The rows worked out once, to be read often."""

    def lifted(self, frame: pl.LazyFrame) -> Rows:
        """A table that polars made, to be joined with the engine's own."""

    def saved(self, schema: GraphSchema, nodes: Mapping[str, Rows], edges: Mapping[EdgeType, Rows]) -> GraphTables:
        """The finished tables, worked out once."""


Started = Callable[[Sieve], Engine]
"""A running engine, for the rows of any dump."""


class _Module(Protocol):
    ENGINE: str

    def running(self, master: str | None) -> AbstractContextManager[Started]:
        """The engine is there until the context ends."""


def engines() -> dict[str, _Module]:
    """Every engine of this folder by its name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {module.ENGINE: cast("_Module", module) for module in modules if hasattr(module, "ENGINE")}


def running(name: str, *, master: str | None = None) -> AbstractContextManager[Started]:
    """The engine of this name, running until the context ends.

    Args:
        name: polars (this machine) or spark (a cluster, or all cores of this machine).
        master: Spark's, such as spark://host:7077, yarn or local[4]. None leaves it to Spark's own settings, else it is all
            cores of this machine.

    Raises:
        BadRequest: no engine has this name, or it has no master.
        EngineError: it is not installed or does not answer.

    Example:
        >>> from kg_builder.rejects import Rejects
        >>> with running("polars") as engine:
        ...     rows = engine(Sieve(Rejects())).lifted(pl.LazyFrame({"id": ["p1"]}))
        >>> height(rows)
        1
    """
    known = engines()
    if name not in known:
        raise BadRequest(f"no engine {name!r}{did_you_mean(name, known) or ';'} known: {', '.join(known)}")
    return known[name].running(master)


def collected(rows: Rows) -> pl.DataFrame:
    """The rows in this process's memory: for what is small, such as the names of all brands."""
    native = rows.to_native()
    return native.collect(engine="streaming") if isinstance(native, pl.LazyFrame) else rows.collect("polars").to_native()


def height(rows: Rows | pl.LazyFrame) -> int:
    """How many rows there are."""
    return int(collected(nw.from_native(rows).select(nw.len())).item())
