"""What both command lines do alike."""

import os
import sys
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from kg_builder.stores import GraphStore


def open_store(address: str, *, create: bool = False, read_only: bool = False) -> "GraphStore":
    """The store at the address; asks for the password of a server where nobody set one and somebody sits there.

    Raises:
        StoreError: as `kg_builder.connect`.
    """
    from kg_builder.stores import connect

    password = None
    if "://" in address and "NEO4J_PASSWORD" not in os.environ and sys.stdin.isatty():
        password = typer.prompt(
            f"password of {os.environ.get('NEO4J_USERNAME', 'neo4j')} at {address}", hide_input=True, err=True
        )
    return connect(address, create=create, read_only=read_only, password=password)
