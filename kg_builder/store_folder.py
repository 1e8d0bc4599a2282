"""The folder of an embedded store: what lies beside the database, and what goes wrong with files, in one line each."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from kg_builder.cypher import one_line
from kg_builder.errors import KgBuilderError, NoSpace, StoreError, StoreLocked, lacks_space
from kg_builder.schema import GraphSchema
from kg_builder.stamps import check, stamp
from kg_builder.told import NOTHING

_LITTLE = 1 << 24  # bytes: an engine that fails with no more left may call it something else
_SAID = 200  # signs of an engine's message
_OTHER = "it is not what was written there"
_NAMES = {"database", "schema.json", "builds.json", "sums.json", "writer.lock", "told", "checkpoint", "rejects.jsonl"}


@dataclass(frozen=True, slots=True)
class StoreFolder:
    """The files of a store; each is written beside its place and put there in one step, so that a reader never sees a half."""

    path: Path

    @property
    def database(self) -> Path:
        """Ladybug's file."""
        return self.path / "database"

    @property
    def following(self) -> Path:
        """The next database, while it is made."""
        return self.path / "database.next"

    @property
    def built(self) -> bool:
        """Whether there is a graph."""
        return self.database.is_file() and self._schema.is_file()

    def check(self) -> None:
        """Nothing, where the folder is a store's or could become one.

        Raises:
            StoreError: it is something else, or a part of a store.
        """
        if self.path.is_file():
            raise StoreError(f"{self.path} is a file; an embedded store is a folder that kg-builder made")
        if self.database.is_file() and not self.built:
            raise StoreError(f"{self._schema} is missing beside the database; {self._restore}")
        if self.path.is_dir() and not {entry.name.partition(".next")[0] for entry in self.path.iterdir()} <= _NAMES:
            raise StoreError(f"{self.path} is a folder without a graph in it; name another path for the store")

    def schema(self) -> GraphSchema:
        """The schema that the store keeps.

        Raises:
            StoreError: a newer graphrec made the store, or the file is damaged.
        """
        try:
            text = self._schema.read_text(encoding="utf-8")
            kept = json.loads(text)
            check(str(self.path), kept.get("form"), kept.get("by"))
            return GraphSchema.from_json(text)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{self._schema} is damaged ({_short(error)}); {self._restore}") from None

    def keep_schema(self, schema: GraphSchema) -> None:
        """The store keeps this schema, with the stamp of who wrote it."""
        _replace(self._schema, json.dumps(stamp() | json.loads(schema.to_json()), indent=1))

    def builds(self) -> list[dict[str, Any]]:
        """The builds on record, the oldest first.

        Raises:
            StoreError: the file is damaged.
        """
        if not self._builds.is_file():
            return []
        try:
            if not self._as_written(self._builds):
                raise ValueError(_OTHER)
            return [dict(one) for one in json.loads(self._builds.read_text(encoding="utf-8"))]
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"{self._builds} is damaged ({_short(error)}); remove it: the next build starts a new history of the graph"
            ) from None

    def keep_builds(self, builds: Sequence[Mapping[str, Any]]) -> None:
        """These are the builds on record."""
        beside = self._builds.with_name(f"{self._builds.name}.next")
        beside.write_text(json.dumps(builds, indent=1), encoding="utf-8")
        self._put(beside, self._builds)

    def publish(self) -> None:
        """The next database is the database."""
        self._put(self.following, self.database)

    def keep_told(self, source: str, told: pl.LazyFrame) -> None:
        """This is what the source tells of, in the columns of `TOLD`."""
        path = self._told(source)
        path.parent.mkdir(exist_ok=True)
        beside = path.with_name(f"{path.name}.next")
        told.sink_parquet(beside)
        self._put(beside, path)

    def told(self, source: str) -> pl.LazyFrame:
        """What the source tells of, no rows where that is nothing.

        Raises:
            StoreError: the file is damaged.
        """
        path = self._told(source)
        return self._read(path) if path.is_file() else NOTHING

    def _read(self, path: Path) -> pl.LazyFrame:
        try:
            if not self._as_written(path):
                raise ValueError(_OTHER)
            return pl.scan_parquet(path)
        except PermissionError:
            raise
        except (PolarsError, PanicException, OSError, ValueError) as error:
            raise StoreError(
                f"{path} is damaged ({_short(error)}); remove it, and build every source again without prune"
            ) from None

    def told_besides(self, source: str) -> list[pl.LazyFrame]:
        """What each other source tells of."""
        mine = self._told(source)
        return [self._read(path) for path in sorted(mine.parent.glob("*.parquet")) if path != mine]

    def damaged(self) -> Iterator[str]:
        """Of what sources told of each file whose bytes are not those that were written, in a line."""
        if not self._sums.is_file():
            yield f"{self._sums} is missing, so no damage to other files can be seen; the next build that writes makes another"
        for path in sorted((self.path / "told").glob("*.parquet")):
            try:
                self._read(path)
            except StoreError as error:
                yield str(error)

    def altered(self) -> bool:
        """Whether the database is not the file that was written."""
        return self.built and not self._as_written(self.database)

    def forget(self) -> None:
        """What is on record of a graph that is lost says nothing of the next one."""
        self._builds.unlink(missing_ok=True)
        self._sums.unlink(missing_ok=True)
        shutil.rmtree(self.path / "told", ignore_errors=True)

    def unreadable(self, error: RuntimeError, into: Path | None = None) -> KgBuilderError | OSError:
        """What Ladybug says of a database that it cannot read, or of rows that it cannot write into a folder."""
        if into is not None and (lacks_space(error) or shutil.disk_usage(into).free < _LITTLE):
            return NoSpace(f"no space left in {into}, where rows are kept meanwhile; let TMPDIR name a folder on a larger disk")
        if not os.access(self.database, os.R_OK):
            return PermissionError(errno.EACCES, "Permission denied", str(self.database))
        said = f"{self.database} cannot be read: {_short(error)}"
        return StoreError(f"{said} (if nothing else is amiss, such as too little memory: {self._restore})")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else writes meanwhile. (Ladybug's own lock does not see a second database of the same process.)

        Raises:
            StoreLocked: somebody does; names the process.
        """
        with (self.path / "writer.lock").open("a+", encoding="utf-8") as lock:
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

    @contextmanager
    def written(self) -> Iterator[None]:
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
                raise PermissionError(errno.EACCES, "Permission denied", error.filename or str(self.path)) from None
            free = shutil.disk_usage(self.path).free
            left = f"{free >> 20:,} MiB are free there"
            if lacks_space(error) or free < _LITTLE:
                raise NoSpace(
                    f"{self.path} could not be written: the disk is full ({left}; a write needs the room of a second database); "
                    "free some and repeat the command"
                ) from None
            raise StoreError(
                f"{self.path} could not be written: {_short(error)} ({left}); mend that and repeat the command"
            ) from None

    def discard_following(self) -> None:
        """There is no next database."""
        for leftover in self.path.glob(f"{self.following.name}*"):
            leftover.unlink()

    def _put(self, beside: Path, path: Path) -> None:
        """The file beside takes this place. The sums are written first, old and new: whichever is there is what was written."""
        sums = self._written_sums()
        for file in (self.database, self._builds, *(self.path / "told").glob("*.parquet")):
            name = str(file.relative_to(self.path))
            if file.is_file() and name not in sums:  # the sums were lost
                sums[name] = [_sum(file)]
        name = str(path.relative_to(self.path))
        sums[name] = [*sums.get(name, [])[-2:], _sum(beside)]  # two: the last write may have broken off before its file was there
        _replace(self._sums, json.dumps(sums, indent=1))
        beside.replace(path)

    def _as_written(self, path: Path) -> bool:
        return not self._sums.is_file() or _sum(path) in self._sums_of(path)

    def _sums_of(self, path: Path) -> list[str]:
        return self._written_sums().get(str(path.relative_to(self.path)), [])

    def _written_sums(self) -> dict[str, list[str]]:
        """Of each file the sums that it may have.

        Raises:
            StoreError: the file is damaged.
        """
        if not self._sums.is_file():
            return {}
        try:
            return {str(name): [str(one) for one in sums] for name, sums in json.loads(self._sums.read_text("utf-8")).items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise StoreError(f"{self._sums} is damaged ({_short(error)}); remove it: the next build writes another") from None

    @property
    def _sums(self) -> Path:
        return self.path / "sums.json"

    @property
    def _schema(self) -> Path:
        return self.path / "schema.json"

    @property
    def _builds(self) -> Path:
        return self.path / "builds.json"

    def _told(self, source: str) -> Path:
        return self.path / "told" / f"{hashlib.blake2b(source.encode(), digest_size=8).hexdigest()}.parquet"

    @property
    def _restore(self) -> str:
        return f"restore {self.path} from a backup, or remove it and build it again"


def _short(error: BaseException) -> str:
    return one_line(str(error))[:_SAID]


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.next")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
