"""The embedded store: a folder with a Ladybug database, no server.

A write never touches the database that readers have open. It works on a second file, which replaces the first in one
step when it is complete: a write that fails or is killed leaves the store as it was, readers in any process go on with
the snapshot they opened, and only writers exclude each other (`writer.lock`, held while `write` runs). New rows and a
few replaced edges change a copy of the database; where a node changes or leaves, or many edges do, everything is loaded anew,
because Ladybug takes 10 ms to set one vector, 100 µs to delete an edge and 6 µs to load one. The price is the disk
space of a second database during a write.
"""

import hashlib
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import ladybug
import polars as pl

from kg_builder.changes import applied, difference, leaving
from kg_builder.cypher import edge_pattern, one_line, times_of_interactions, used_parameters
from kg_builder.errors import QueryError, StoreError, StoreMissing, did_you_mean
from kg_builder.ladybug_tables import check_names, copy, ddl, delete, export
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.scratch import scratch
from kg_builder.store_folder import StoreFolder
from kg_builder.stores import Build, Progress, StoreInfo
from kg_builder.tables import GraphTables, edge_columns, node_columns

if TYPE_CHECKING:
    import pandas as pd

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
        self._folder = StoreFolder(path)
        self._read_only = read_only
        self._open: tuple[ladybug.Database, ladybug.Connection] | None = None
        self._writing = False
        self._schema = GraphSchema.of([], [])
        self._folder.check()
        if self._folder.built:
            self._schema = self._folder.schema()
        elif not create:
            raise StoreMissing(f"there is no store at {path}; make one with: kg-builder build SOURCE --into {path}")
        if create and path.is_dir():
            with self._folder.locked():
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
        with self.writing(), self._folder.written(), scratch() as folder:
            self._write(tables, gone, folder, progress)
            if build is not None:
                self._folder.keep_builds([*self._folder.builds(), asdict(build.longer(time.monotonic() - started))])

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
            with self._folder.locked():
                self._writing = True
                if not self._folder.built:
                    self._folder.forget()
                self.close()  # another process may have written since: start from what is there now
                yield
        finally:
            self._writing = False
            if made and not self._folder.built:
                shutil.rmtree(self.path, ignore_errors=True)

    def remember(self, source: str, told: pl.LazyFrame) -> None:
        """See `GraphStore.remember`; a Parquet file a source."""
        with self.writing(), self._folder.written():
            self._folder.keep_told(source, told)

    def remembered(self, source: str) -> pl.LazyFrame:
        """See `GraphStore.remembered`.

        Raises:
            StoreError: the file is damaged.
        """
        return self._folder.told(source)

    def remembered_besides(self, source: str) -> list[pl.LazyFrame]:
        """See `GraphStore.remembered_besides`."""
        return self._folder.told_besides(source)

    def damaged(self) -> tuple[str, ...]:
        """See `GraphStore.damaged`; files are compared with the sums that were written down with them."""
        return tuple(self._folder.damaged())

    def altered(self) -> str:
        """See `GraphStore.altered`."""
        said = f"{self._folder.database} is not the file that was written: somebody else wrote to it, or it is damaged"
        return said if self._folder.altered() else ""

    def read(self, *, derived: bool = False, into: Path | None = None) -> GraphTables:
        """See `GraphStore.read`."""
        self._connection()  # takes up the schema as it is now
        tables = self._tables(self._schema, list(self._schema.nodes), list(self._schema.edges), into)
        return tables if derived else tables.without_derived()

    def query(self, cypher: str, parameters: Mapping[str, Any] | None = None) -> "pd.DataFrame":
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
        import pandas as pd  # takes as long as all else that a command imports, and few ask

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

    def _write(self, tables: GraphTables, gone: GraphTables | None, scratch: Path, progress: Progress | None) -> None:
        if self._folder.built:
            self._schema = self._folder.schema()
        schema = self._schema.merge(tables.schema) if self._folder.built else tables.schema
        check_names(schema)
        ends = {label for source, _, target in tables.edges for label in (source, target)}
        anew = gone is not None or not self._folder.built or schema != self._schema
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
        self._folder.discard_following()
        if gone is not None:
            shutil.copyfile(self._folder.database, self._folder.following)
        try:
            with ladybug.Database(str(self._folder.following)) as database, ladybug.Connection(database) as connection:
                for statement in ddl(schema) if gone is None else ():
                    connection.execute(statement)
                for kind, rows in (gone or {}).items():
                    delete(connection, kind, rows)
                copy(connection, tables, scratch, progress)
                connection.execute("CHECKPOINT")
            self._publish(schema)
        finally:
            self._folder.discard_following()

    def _publish(self, schema: GraphSchema) -> None:
        # A reader takes the schema first and the database second, so the database must never know less than the schema.
        if not self._folder.built:
            self._folder.keep_schema(schema)
        self.close()
        self._folder.publish()
        self._folder.keep_schema(schema)
        self._schema = schema

    def _connection(self) -> ladybug.Connection:
        if not self._folder.built:
            raise StoreMissing(f"nothing was written to {self.path} yet")
        if self._open is None:
            self._schema = self._folder.schema()
            try:
                database = ladybug.Database(str(self._folder.database), read_only=True)
            except RuntimeError as error:
                raise self._folder.unreadable(error) from None
            self._open = (database, ladybug.Connection(database))
        return self._open[1]

    def _tables(self, schema: GraphSchema, labels: list[str], kinds: list[EdgeType], into: Path | None) -> GraphTables:
        """The tables among these that hold rows, derived ones too; as Parquet files in the folder, or in memory."""
        if not self._folder.built:
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
        if not self._folder.built or label not in self._schema.nodes:
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
            raise self._folder.unreadable(error, into) from None
        return pl.scan_parquet(file).cast(pl.Schema(columns))

    def _one(self, cypher: str) -> list[Any]:
        try:
            return list(_result(self._connection().execute(cypher)).get_next())
        except RuntimeError as error:
            raise self._folder.unreadable(error) from None

    def _builds(self) -> tuple[Build, ...]:
        names = {one.name for one in fields(Build)}  # a newer graphrec may keep more
        return tuple(Build(**{name: value for name, value in one.items() if name in names}) for one in self._folder.builds())

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
