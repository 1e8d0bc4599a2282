"""Is everything there that the river needs: versions, device, text model, stores."""

import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import polars as pl
import torch

from graphrec.errors import GraphrecError
from graphrec.text import DEFAULT_MODEL, embed
from kg_builder.errors import KgBuilderError
from kg_builder.schema import RETAIL
from kg_builder.stores import connect
from kg_builder.tables import GraphTables

_PACKAGES = ("graphrec", "torch", "torch-geometric", "sentence-transformers", "polars", "ladybug", "neo4j")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    what: str
    good: bool
    found: str
    """What is there, or what is wrong, in a line."""


def examine() -> list[Check]:
    """Every check, each made whatever the others find; a Neo4j server is tried where NEO4J_URI names one."""
    checks = [
        Check("python", True, f"{platform.python_version()} on {platform.platform()}"),
        Check("packages", True, ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)),
        Check("device", True, _device()),
        _check("text model", _text_model),
        _check("embedded", _embedded),
    ]
    address = os.environ.get("NEO4J_URI")
    if not address:
        return [*checks, Check("neo4j", True, "not looked for: NEO4J_URI is not set")]
    return [*checks, _check("neo4j", lambda: _server(address))]


def _check(what: str, look: Callable[[], str]) -> Check:
    try:
        return Check(what, True, look())
    except (GraphrecError, KgBuilderError, OSError, RuntimeError) as error:
        return Check(what, False, " ".join(str(error).split()))


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _device() -> str:
    if not torch.cuda.is_available():
        return f"cpu, {torch.get_num_threads()} threads"
    return f"cuda, {torch.cuda.get_device_name()}"


def _text_model() -> str:
    with tempfile.TemporaryDirectory() as folder:
        shoe, trainers, toaster = embed(["running shoe", "trainers for jogging", "toaster"], cache=Path(folder))
    if np.dot(shoe, trainers) <= np.dot(shoe, toaster):
        raise RuntimeError(f"{DEFAULT_MODEL} thinks that a running shoe is a toaster: its weights are damaged; install it again")
    return f"{DEFAULT_MODEL}, {len(shoe)} dimensions"


def _embedded() -> str:
    tables = GraphTables.of(RETAIL, {"Product": pl.DataFrame({"id": ["p1"], "title": ["Running shoe"]})}, {})
    with tempfile.TemporaryDirectory() as folder:
        with connect(Path(folder) / "doctor.graph", create=True) as store:
            store.write(tables)
        with connect(Path(folder) / "doctor.graph", read_only=True) as store:
            if store.read() != tables:
                raise RuntimeError("an embedded store does not give back what was written; install ladybug again")
    return "writes and reads"


def _server(address: str) -> str:
    with connect(address) as store:
        info = store.info()
    return f"{address} answers: {sum(info.nodes.values()):,} nodes, {sum(info.edges.values()):,} relationships"
