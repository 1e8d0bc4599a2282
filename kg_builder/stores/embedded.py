"""The embedded store: a folder with a Ladybug database, no server.

A write never touches the database that readers have open. It works on a second file, which replaces the first in one
step when it is complete: a write that fails or is killed leaves the store as it was, readers in any process go on with
the snapshot they opened, and only writers exclude each other (`writer.lock`, held while `write` runs). New rows and a
few replaced edges change a copy of the database; where a node changes or leaves, or many edges do, everything is loaded anew,
because Ladybug takes 10 ms to set one vector, 100 µs to delete an edge and 6 µs to load one. The price is the disk
space of a second database during a write.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ladybug
import pandas as pd
import polars as pl
from polars.exceptions import PanicException, PolarsError

from kg_builder.changes import applied, difference, leaving
from kg_builder.cypher import edge_pattern, one_line, times_of_interactions, used_parameters
from kg_builder.errors import (
    KgBuilderError,
    NoSpace,
    QueryError,
    StoreError,
    StoreLocked,
    StoreMissing,
    did_you_mean,
    lacks_space,
)
from kg_builder.ladybug_tables import check_names, copy, ddl, delete, export
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.stamps import check, stamp
from kg_builder.stores import Build, Progress, StoreInfo
from kg_builder.tables import GraphTables, edge_columns, node_columns
from kg_builder.told import NOTHING, TOLD

_DATABASE, _SCHEMA, _BUILDS, _LOCK, _NEXT = "database", "schema.json", "builds.json", "writer.lock", "database.next"
_TOLD = "told"
_CHECKPOINT = "checkpoint"
_OURS = {_DATABASE, _SCHEMA, _BUILDS, _LOCK, _TOLD, _CHECKPOINT, "rejects.jsonl"}
_LITTLE = 1 << 24  # bytes: an engine that fails with no more left may call it something else
_SAID = 200  # signs of an engine's message
_DELETED_AT_MOST = 20_000  # edges; more are quicker to load anew with everything else


class EmbeddedStore:
    """A graph in a folder. See `GraphStore` for what each method promises.

    Raises:
        StoreMissing: nothing was built at the path, and not `create`.
        StoreLocked: with `create`, another process is writing.
        StoreError: the path is something else than a store.
    """

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self._open: tuple[ladybug.Database, ladybug.Connection] | None = None
        self._writing = False
        self._schema = GraphSchema.of([], [])
        if path.is_file():
            raise StoreError(f"{path} is a file; an embedded store is a folder that kg-builder made")
        if self._built:
            self._schema = self._schema_there()
        elif (path / _DATABASE).is_file():
            raise StoreError(f"{path / _SCHEMA} is missing beside the database; {_restore(path)}")
        elif path.is_dir() and not {entry.name.partition(".next")[0] for entry in path.iterdir()} <= _OURS:
            raise StoreError(f"{path} is a folder without a graph in it; name another path for the store")
        elif not create:
            raise StoreMissing(f"there is no store at {path}; make one with: kg-builder build SOURCE --into {path}")
        if create and path.is_dir():
            with self._locked():
                pass

    def write(
        self,
        tables: GraphTables,
        *,
        gone: GraphTables | None = None,
        build: Build | None = None,
        progress: Progress | None = None,
    ) -> None:
        """See `GraphStore.write`; either everything is written or nothing.

        Raises:
            StoreLocked: another writer is at work; names its process.
            SchemaError: the tables contradict the store's schema, or an edge ends nowhere.
        """
        if self._read_only:
            raise StoreError(f"{self.path} was opened read-only; connect without read_only to write")
        started = time.monotonic()
        with self.writing(), _unwritten(self.path), tempfile.TemporaryDirectory(prefix="kg-builder-") as scratch:
            self._write(tables, gone, Path(scratch), progress)
            if build is not None:
                same = (build.source, build.format, build.at)
                others = [one for one in self._builds() if (one.source, one.format, one.at) != same]
                _replace(
                    self.path / _BUILDS,
                    json.dumps([asdict(one) for one in (*others, build.longer(time.monotonic() - started))], indent=1),
                )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See `GraphStore.writing`; a store that was made for it and not written to is gone afterwards.

        Raises:
            StoreLocked: another writer is at work; names its process.
        """
        if self._writing:
            yield
            return
        made = not self.path.exists()
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with self._locked():
                self._writing = True
                self.close()  # another process may have written since: start from what is there now
                yield
        finally:
            self._writing = False
            if made and not self._built:
                shutil.rmtree(self.path, ignore_errors=True)

    def remember(self, source: str, told: pl.LazyFrame) -> None:
        """See `GraphStore.remember`; a Parquet file a source."""
        with self.writing(), _unwritten(self.path):
            path = self._told(source)
            path.parent.mkdir(exist_ok=True)
            beside = path.with_name(f"{path.name}.next")
            told.sink_parquet(beside)
            beside.replace(path)

    def remembered(self, source: str) -> pl.LazyFrame:
        """See `GraphStore.remembered`.

        Raises:
            StoreError: the file is damaged.
        """
        path = self._told(source)
        if not path.is_file():
            return NOTHING
        try:
            if dict(pl.read_parquet_schema(path)) != dict(TOLD):
                raise OSError("it has other columns")
            return pl.scan_parquet(path)
        except (PolarsError, PanicException, OSError) as error:
            if isinstance(error, PermissionError):
                raise
            raise StoreError(
                f"{path} is damaged ({one_line(str(error))}); remove it: the next build writes it anew, and prunes from then on"
            ) from None

    def _told(self, source: str) -> Path:
        return self.path / _TOLD / f"{hashlib.blake2b(source.encode(), digest_size=8).hexdigest()}.parquet"

    def read(self, *, derived: bool = False, into: Path | None = None) -> GraphTables:
        """See `GraphStore.read`."""
        self._connection()  # takes up the schema as it is now
        tables = self._tables(self._schema, list(self._schema.nodes), list(self._schema.edges), into)
        return tables if derived else tables.without_derived()

    def query(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """See `GraphStore.query`; the database is open for reading only.

        Raises:
            QueryError: the store does not accept the Cypher, or a parameter is missing.
        """
        given = dict(parameters or {})
        for name in used_parameters(cypher):
            if name not in given:  # Ladybug would take it for null and find nothing
                raise QueryError(f"the query needs the parameter ${name}{did_you_mean(name, given)}")
        try:
            result = self._connection().execute(cypher, given)
        except RuntimeError as error:
            raise QueryError(self._explained(str(error))) from None
        result = _result(result)
        return pd.DataFrame([[_plain(value) for value in row] for row in result.get_all()], columns=result.get_column_names())

    @property
    def address(self) -> str:
        """See `GraphStore.address`."""
        return str(self.path)

    def info(self) -> StoreInfo:
        """See `GraphStore.info`."""
        self._connection()  # takes up the schema as it is now
        nodes = {label: self._one(f"MATCH (n:`{label}`) RETURN count(*)")[0] for label in self._schema.nodes}
        edges = {kind: self._one(f"MATCH {edge_pattern(kind)} RETURN count(*)")[0] for kind in self._schema.edges}
        spans = [self._one(f"MATCH {pattern} RETURN min({at}), max({at})") for pattern, at in times_of_interactions(self._schema)]
        return StoreInfo(
            address=self.address,
            nodes={label: count for label, count in nodes.items() if count},
            edges={kind: count for kind, count in edges.items() if count},
            first_at=min((first for first, _ in spans if first is not None), default=None),
            last_at=max((last for _, last in spans if last is not None), default=None),
            builds=self._builds(),
        )

    def close(self) -> None:
        """Let go of the database file; the next question opens it again, as it is then."""
        if self._open is not None:
            database, connection = self._open
            self._open = None
            connection.close()
            database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"EmbeddedStore({str(self.path)!r})"

    @property
    def _built(self) -> bool:
        return (self.path / _DATABASE).is_file() and (self.path / _SCHEMA).is_file()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the writer's lock.

        Ladybug's own lock does not see a second database of the same process.
        """
        with (self.path / _LOCK).open("a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StoreLocked(
                    f"process {lock.read().strip() or 'unknown'} is writing to {self.path}; try again when it is done"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def _write(self, tables: GraphTables, gone: GraphTables | None, scratch: Path, progress: Progress | None) -> None:
        if self._built:
            self._schema = self._schema_there()
        schema = self._schema.merge(tables.schema) if self._built else tables.schema
        check_names(schema)
        ends = {label for source, _, target in tables.edges for label in (source, target)}
        anew = gone is not None or not self._built or schema != self._schema
        change = None if anew else difference(self._tables(self._schema, [*tables.nodes], [*tables.edges], scratch), tables)
        staying = {label: self._ids(label) for label in ends}
        for label, ids in (leaving(tables, gone) if gone is not None else {}).items():
            if label in staying:
                staying[label] = staying[label].join(ids, on="id", how="anti")
        tables.check(held=staying)
        if change is None or sum(rows.height for rows in change.gone.values()) > _DELETED_AT_MOST:
            rest = self._tables(self._schema, list(self._schema.nodes), list(self._schema.edges), scratch)
            self._load(applied(rest, tables, gone), schema, scratch, progress)
        elif change.gone or any(change.added.counts()):
            self._load(change.added, schema, scratch, progress, gone=change.gone)

    def _load(
        self,
        tables: GraphTables,
        schema: GraphSchema,
        scratch: Path,
        progress: Progress | None,
        *,
        gone: Mapping[EdgeType, pl.DataFrame] | None = None,
    ) -> None:
        """Make the next database, and put it in the place of the current one.

        With `gone` it is the current one without these edges and with the tables, else the tables alone.
        """
        following = self.path / _NEXT
        self._discard_next()
        if gone is not None:
            shutil.copyfile(self.path / _DATABASE, following)
        try:
            with ladybug.Database(str(following)) as database, ladybug.Connection(database) as connection:
                for statement in ddl(schema) if gone is None else ():
                    connection.execute(statement)
                for kind, rows in (gone or {}).items():
                    delete(connection, kind, rows)
                copy(connection, tables, scratch, progress)
                connection.execute("CHECKPOINT")
            self._publish(following, schema)
        finally:
            self._discard_next()

    def _publish(self, following: Path, schema: GraphSchema) -> None:
        # A reader takes the schema first and the database second, so the database must never know less than the schema.
        if not self._built:
            _replace(self.path / _SCHEMA, json.dumps(stamp() | json.loads(schema.to_json()), indent=1))
        self.close()
        following.replace(self.path / _DATABASE)
        _replace(self.path / _SCHEMA, json.dumps(stamp() | json.loads(schema.to_json()), indent=1))
        self._schema = schema

    def _discard_next(self) -> None:
        for leftover in self.path.glob(f"{_NEXT}*"):
            leftover.unlink()

    def _connection(self) -> ladybug.Connection:
        if not self._built:
            raise StoreMissing(f"nothing was written to {self.path} yet")
        if self._open is None:
            self._schema = self._schema_there()
            try:
                database = ladybug.Database(str(self.path / _DATABASE), read_only=True)
            except RuntimeError as error:
                raise self._damaged(error) from None
            self._open = (database, ladybug.Connection(database))
        return self._open[1]

    def _tables(self, schema: GraphSchema, labels: list[str], kinds: list[EdgeType], into: Path | None) -> GraphTables:
        """The tables among these that hold rows, derived ones too; as Parquet files in the folder, or in memory."""
        if not self._built:
            return GraphTables(schema, {}, {})
        nodes = {label: (f"MATCH (a:`{label}`)", node_columns(schema, label)) for label in labels if label in schema.nodes}
        edges = {kind: (f"MATCH {edge_pattern(kind)}", edge_columns(schema, kind)) for kind in kinds if kind in schema.edges}
        filled = {key: self._frame(*asked, into) for key, asked in (*nodes.items(), *edges.items()) if self._holds(asked[0])}
        return GraphTables(
            schema,
            {label: filled[label] for label in nodes if label in filled},
            {kind: filled[kind] for kind in edges if kind in filled},
        )

    def _holds(self, match: str) -> bool:
        return bool(self._one(f"{match} RETURN count(*)")[0])

    def _ids(self, label: str) -> pl.LazyFrame:
        if not self._built or label not in self._schema.nodes:
            return pl.LazyFrame(schema={"id": pl.String()})
        return self._frame(f"MATCH (a:`{label}`)", {"id": pl.String()})

    def _frame(self, match: str, columns: Mapping[str, pl.DataType], into: Path | None = None) -> pl.LazyFrame:
        ends = {"id": "a.`id`", "source": "a.`id`", "target": "b.`id`"}
        owner = "r" if "source" in columns else "a"
        returned = ", ".join(f"{ends.get(column, f'{owner}.`{column}`')} AS `{column}`" for column in columns)
        asked = f"{match} RETURN {returned}"
        try:
            if into is None:
                return _result(self._connection().execute(asked)).get_as_pl().cast(pl.Schema(columns)).lazy()
            into.mkdir(parents=True, exist_ok=True)
            file = into / f"{hashlib.blake2b(match.encode(), digest_size=8).hexdigest()}.parquet"
            export(self._connection(), asked, file)
        except RuntimeError as error:
            raise self._damaged(error) from None
        return pl.scan_parquet(file).cast(pl.Schema(columns))

    def _one(self, cypher: str) -> list[Any]:
        try:
            return list(_result(self._connection().execute(cypher)).get_next())
        except RuntimeError as error:
            raise self._damaged(error) from None

    def _schema_there(self) -> GraphSchema:
        """The schema that the store keeps.

        Raises:
            StoreError: a newer graphrec made the store, or the file is damaged.
        """
        path = self.path / _SCHEMA
        try:
            text = path.read_text(encoding="utf-8")
            kept = json.loads(text)
            check(self.address, kept.get("form"), kept.get("by"))
            return GraphSchema.from_json(text)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{path} is damaged ({one_line(str(error))[:_SAID]}); {_restore(self.path)}") from None

    def _damaged(self, error: RuntimeError) -> StoreError:
        said = f"{self.path / _DATABASE} cannot be read: {one_line(str(error))[:_SAID]}"
        return StoreError(f"{said} (if nothing else is amiss, such as too little memory: {_restore(self.path)})")

    def _builds(self) -> tuple[Build, ...]:
        path = self.path / _BUILDS
        if not path.is_file():
            return ()
        names = {one.name for one in fields(Build)}
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return tuple(Build(**{name: value for name, value in one.items() if name in names}) for one in kept)
        except (ValueError, TypeError, AttributeError) as error:
            raise StoreError(
                f"{path} is damaged ({one_line(str(error))[:_SAID]}); remove it: the next build starts a new history of the graph"
            ) from None

    def _explained(self, message: str) -> str:
        missing = re.search(r"Table (\w+) does not exist", message)
        names = [*self._schema.nodes, *(name for _, name, _ in self._schema.edges)]
        return one_line(message).rstrip(".") + (did_you_mean(missing[1], names) if missing else "")


def _result(result: ladybug.QueryResult | list[ladybug.QueryResult]) -> ladybug.QueryResult:
    if isinstance(result, list):
        raise QueryError("expected one statement, got several; run them one by one")
    return result


def _plain(value: object) -> object:
    """A value as Neo4j's driver would give it: integer sums are integers, nodes and relationships their properties."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        if "_NODES" in value:
            return {"nodes": _plain(value["_NODES"]), "relationships": _plain(value["_RELS"])}
        node = "_LABEL" in value
        return {k: _plain(v) for k, v in value.items() if not node or (v is not None and not k.startswith("_"))}
    return value


def _restore(path: Path) -> str:
    return f"restore {path} from a backup, or remove it and build it again"


@contextmanager
def _unwritten(path: Path) -> Iterator[None]:
    """What the engines say of a write that failed becomes one line of ours, with the space that is left.

    Raises:
        NoSpace: there is too little of it.
        StoreError: something else is in the way.
    """
    try:
        yield
    except (RuntimeError, PolarsError, PanicException, OSError) as error:
        if isinstance(error, KgBuilderError):
            raise
        if isinstance(error, PermissionError):  # polars names no file
            raise PermissionError(errno.EACCES, "Permission denied", error.filename or str(path)) from None
        free = shutil.disk_usage(path).free
        said = f"{path} could not be written: {one_line(str(error))[:_SAID]} ({free >> 20:,} MiB are free there"
        if lacks_space(error) or free < _LITTLE:
            raise NoSpace(f"{said}; a write needs the room of a second database); free some and repeat the command") from None
        raise StoreError(f"{said}); mend that and repeat the command") from None


def _replace(path: Path, text: str) -> None:
    """Write the file so that a reader sees the old text or the new, never a half."""
    beside = path.with_name(f"{path.name}.next")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
