"""Builds a knowledge graph from a shop's dumps and keeps it in an embedded store or in Neo4j.

Example:
    >>> import kg_builder
    >>> report = kg_builder.build("dumps/magazines", into="magazines.graph")  # doctest: +SKIP
    >>> store = kg_builder.connect("magazines.graph")  # doctest: +SKIP
    >>> store.query("MATCH (p:Product) RETURN count(*) AS products")  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kg_builder.cypher import Query as Query
    from kg_builder.digests import digest as digest
    from kg_builder.enrichment import EnrichReport as EnrichReport
    from kg_builder.enrichment import enrich as enrich
    from kg_builder.errors import AlreadyThere as AlreadyThere
    from kg_builder.errors import BadRequest as BadRequest
    from kg_builder.errors import DamagedDump as DamagedDump
    from kg_builder.errors import DumpError as DumpError
    from kg_builder.errors import EmptyDump as EmptyDump
    from kg_builder.errors import EngineError as EngineError
    from kg_builder.errors import KgBuilderError as KgBuilderError
    from kg_builder.errors import MissingSource as MissingSource
    from kg_builder.errors import ModelMissing as ModelMissing
    from kg_builder.errors import QueryError as QueryError
    from kg_builder.errors import SchemaError as SchemaError
    from kg_builder.errors import SourceUnreachable as SourceUnreachable
    from kg_builder.errors import StoreError as StoreError
    from kg_builder.errors import StoreLocked as StoreLocked
    from kg_builder.errors import StoreMissing as StoreMissing
    from kg_builder.errors import StoreRefused as StoreRefused
    from kg_builder.errors import StoreUnreachable as StoreUnreachable
    from kg_builder.errors import TooManyFaults as TooManyFaults
    from kg_builder.errors import UnknownFormat as UnknownFormat
    from kg_builder.exports import ExportReport as ExportReport
    from kg_builder.exports import export as export
    from kg_builder.exports import read_export as read_export
    from kg_builder.fetching import fetch as fetch
    from kg_builder.fetching import known_sources as known_sources
    from kg_builder.health import HealthReport as HealthReport
    from kg_builder.health import check as check
    from kg_builder.inference import infer as infer
    from kg_builder.inference.proposals import Proposal as Proposal
    from kg_builder.multigraph import from_networkx as from_networkx
    from kg_builder.multigraph import to_networkx as to_networkx
    from kg_builder.neighbours import neighbourhood as neighbourhood
    from kg_builder.pipeline import BuildReport as BuildReport
    from kg_builder.pipeline import build as build
    from kg_builder.resolving import ResolveReport as ResolveReport
    from kg_builder.resolving import resolve as resolve
    from kg_builder.schema import RETAIL as RETAIL
    from kg_builder.schema import EdgeSpec as EdgeSpec
    from kg_builder.schema import GraphSchema as GraphSchema
    from kg_builder.schema import NodeSpec as NodeSpec
    from kg_builder.stores import Build as Build
    from kg_builder.stores import GraphStore as GraphStore
    from kg_builder.stores import StoreInfo as StoreInfo
    from kg_builder.stores import connect as connect
    from kg_builder.tables import GraphTables as GraphTables
    from kg_builder.verification import Verification as Verification
    from kg_builder.verification import verify as verify

_HOME = {
    "enrichment": ("EnrichReport", "enrich"),
    "health": ("HealthReport", "check"),
    "inference": ("infer",),
    "pipeline": ("BuildReport", "build"),
    "fetching": ("fetch", "known_sources"),
    "exports": ("ExportReport", "export", "read_export"),
    "multigraph": ("from_networkx", "to_networkx"),
    "neighbours": ("neighbourhood",),
    "resolving": ("ResolveReport", "resolve"),
    "stores": ("Build", "GraphStore", "StoreInfo", "connect"),
    "tables": ("GraphTables",),
    "inference.proposals": ("Proposal",),
    "schema": ("RETAIL", "EdgeSpec", "GraphSchema", "NodeSpec"),
    "cypher": ("Query",),
    "digests": ("digest",),
    "verification": ("Verification", "verify"),
    "errors": (
        "AlreadyThere",
        "BadRequest",
        "DamagedDump",
        "DumpError",
        "EmptyDump",
        "EngineError",
        "KgBuilderError",
        "MissingSource",
        "ModelMissing",
        "QueryError",
        "SchemaError",
        "SourceUnreachable",
        "StoreError",
        "StoreLocked",
        "StoreMissing",
        "StoreRefused",
        "StoreUnreachable",
        "TooManyFaults",
        "UnknownFormat",
    ),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "RETAIL",
    "AlreadyThere",
    "BadRequest",
    "Build",
    "BuildReport",
    "DamagedDump",
    "DumpError",
    "EdgeSpec",
    "EmptyDump",
    "EngineError",
    "EnrichReport",
    "ExportReport",
    "GraphSchema",
    "GraphStore",
    "GraphTables",
    "HealthReport",
    "KgBuilderError",
    "MissingSource",
    "ModelMissing",
    "NodeSpec",
    "Proposal",
    "Query",
    "QueryError",
    "ResolveReport",
    "SchemaError",
    "SourceUnreachable",
    "StoreError",
    "StoreInfo",
    "StoreLocked",
    "StoreMissing",
    "StoreRefused",
    "StoreUnreachable",
    "TooManyFaults",
    "UnknownFormat",
    "build",
    "check",
    "connect",
    "enrich",
    "export",
    "fetch",
    "from_networkx",
    "infer",
    "known_sources",
    "neighbourhood",
    "read_export",
    "resolve",
    "to_networkx",
]


def __getattr__(name: str) -> object:
    """A public name, its module imported when it is first asked for, so that `import kg_builder` costs nothing."""
    if name not in _MODULE:
        raise AttributeError(f"module 'kg_builder' has no attribute {name!r}")
    return getattr(import_module(f"kg_builder.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
