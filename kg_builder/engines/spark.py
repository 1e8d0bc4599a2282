"""A cluster, or many processes on one machine: Spark hands parts of the rows to tasks that clean them with the same polars code.

The rows of a dump go to a folder that all workers see, in parts; a task a part does what looks at each row for itself. What needs
rows together gets them by a shuffle: all rows that agree in these columns come to one task. Refused rows lie in a file a task,
which a task that is run again replaces. Tables are joined by Spark itself, and end as Parquet parts.
"""

import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl
import pyarrow as pa

from kg_builder.cleaning import Cleaning, Step
from kg_builder.engines import Rows, Started
from kg_builder.errors import BadRequest, KgBuilderError
from kg_builder.reading import Spread
from kg_builder.rejects import Rejects, Sieve
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.tables import GraphTables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ENGINE = "spark"
ROWS = 100_000
"""Rows of a part: what one task works on, so that its memory does not grow with the dump."""
_AT_ONCE = 4
"""Tables written at the same time."""

_SPARK = {
    pl.String(): ("string", pa.string()),
    pl.Int64(): ("bigint", pa.int64()),
    pl.Float64(): ("double", pa.float64()),
    pl.Boolean(): ("boolean", pa.bool_()),
    pl.List(pl.String()): ("array<string>", pa.list_(pa.string())),
}
"""What Spark and Arrow call the types that clean rows have."""

Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class Spark:
    """See `Engine`."""

    session: "SparkSession"
    sieve: Sieve
    rows: int = ROWS

    @property
    def folder(self) -> Path:
        """Where stages hand over.

        Raises:
            BadRequest: there is no such folder.
        """
        if self.sieve.scratch is None:
            raise BadRequest("the engine spark hands rows over in a folder that all its workers see; name one as scratch")
        return self.sieve.scratch.resolve()

    @property
    def spread(self) -> Spread:
        """A task a file."""
        return self._spread

    def cleaned(self, name: str, frame: pl.LazyFrame, cleaning: Cleaning) -> Rows:
        """Each stage in as many tasks as there are parts."""
        stages = _stages(cleaning)
        shapes = _shapes(frame, stages)
        parts = self._parts(name, frame)
        if not parts:
            return self.lifted(pl.LazyFrame(schema=shapes[-1]))
        refused = self.folder / "refused" / name
        refused.mkdir(parents=True)
        table = self.session.range(0, len(parts), 1, len(parts))
        for number, (steps, shape) in enumerate(zip(stages, shapes, strict=True)):
            work = partial(_worked, steps=steps, shape=shape, refused=refused / f"{number}")
            if number:
                gathered = partial(_gathered, before=shapes[number - 1], work=work)
                table = table.repartition(len(parts), *steps[0].by).mapInArrow(gathered, _ddl(shape))
            else:
                table = table.mapInArrow(partial(_read, parts=parts, work=work), _ddl(shape))
        clean = self._written(f"{name}-clean", table)
        for file in sorted(refused.iterdir()):
            if not file.name.startswith("."):
                self.sieve.rejects.take_kept(file)
        return clean

    def held(self, name: str, rows: Rows) -> Rows:
        """As Parquet parts in the folder."""
        return self._written(f"held-{name}", rows.to_native())

    def lifted(self, frame: pl.LazyFrame) -> Rows:
        """As a Parquet file in the folder."""
        folder = self.folder / "lifted"
        folder.mkdir(exist_ok=True)
        path = folder / f"{len(list(folder.iterdir()))}.parquet"
        frame.sink_parquet(path)
        return self._table(path, _ddl(frame.collect_schema()))

    def saved(self, schema: GraphSchema, nodes: Mapping[str, Rows], edges: Mapping[EdgeType, Rows]) -> GraphTables:
        """A folder of Parquet parts a table."""
        folder = self.folder / "tables"
        tables = {folder / "nodes" / f"{label}.parquet": rows for label, rows in nodes.items()}
        tables |= {folder / "edges" / f"{'.'.join(kind)}.parquet": rows for kind, rows in edges.items()}
        with ThreadPoolExecutor(_AT_ONCE) as pool:  # a small table alone would leave most of a cluster idle
            list(pool.map(_write, tables.values(), tables))
        folder.mkdir(exist_ok=True)
        (folder / "schema.json").write_text(schema.to_json(), encoding="utf-8")
        return GraphTables.load(folder)

    def _spread(self, works: Sequence[Callable[[Rejects, Path], Any]]) -> list[Any]:
        folder = self.folder / f"files-{len(list(self.folder.glob('files-*')))}"
        folder.mkdir()
        numbers = self.session.range(0, len(works), 1, len(works))
        told = numbers.mapInArrow(partial(_alone, works=works, folder=folder), "number bigint, refused string, made binary")
        found = []
        for row in sorted(told.collect()):
            self.sieve.rejects.take_kept(Path(row.refused))
            made = pickle.loads(row.made)  # noqa: S301 - our own tasks made it
            if isinstance(made, KgBuilderError):
                raise made
            found.append(made)
        return found

    def _parts(self, name: str, frame: pl.LazyFrame) -> Sequence[Path]:
        """The rows as Parquet files of `rows` rows each; none where there are no rows."""
        folder = self.folder / f"{name}-parts"
        frame.sink_parquet(pl.PartitionBy(folder, max_rows_per_file=self.rows), compression="lz4", mkdir=True)
        return sorted(folder.rglob("*.parquet"))

    def _written(self, name: str, table: "DataFrame") -> Rows:
        path = self.folder / f"{name}.parquet"
        _write(nw.from_native(table), path)
        return self._table(path, table.schema)

    def _table(self, path: Path, schema: Any) -> Rows:  # noqa: ANN401 - Spark's own kind or its words
        return nw.from_native(self.session.read.schema(schema).parquet(path.as_uri()))


@contextmanager
def running(master: str | None) -> Iterator[Started]:
    """Spark, in a session of its own unless this process has one."""
    from kg_builder.engines.session import session

    with session(master) as started:
        yield partial(Spark, started)


def _write(rows: Rows, path: Path) -> None:
    rows.to_native().write.parquet(path.as_uri())


def _stages(cleaning: Cleaning) -> Sequence[Sequence[Step]]:
    """The steps that one task can do one after the other: a stage begins where rows must come together."""
    stages: list[list[Step]] = []
    for step in cleaning:
        if step.by or not stages:
            stages.append([])
        stages[-1].append(step)
    return stages


def _shapes(frame: pl.LazyFrame, stages: Sequence[Sequence[Step]]) -> Sequence[pl.Schema]:
    """The columns of the rows after each stage, found out without a row; a column of no type is text."""
    shapes: list[pl.Schema] = []
    schema = frame.collect_schema()
    for steps in stages:
        after = _done(pl.LazyFrame(schema=schema), steps, Rejects()).collect_schema()
        schema = pl.Schema({name: pl.String() if dtype == pl.Null else dtype for name, dtype in after.items()})
        shapes.append(schema)
    return shapes


def _ddl(schema: pl.Schema) -> str:
    return ", ".join(f"`{name}` {_SPARK[dtype][0]}" for name, dtype in schema.items())


def _read(numbers: Batches, *, parts: Sequence[Path], work: Callable[[pl.LazyFrame, int], Batches]) -> Batches:
    """In a task: the clean rows of the parts with these numbers."""
    for batch in numbers:
        for number in batch.column(0).to_pylist():
            yield from work(pl.scan_parquet(parts[number]), number)


def _alone(numbers: Batches, *, works: Sequence[Callable[[Rejects, Path], Any]], folder: Path) -> Batches:
    """In a task: what the works with these numbers give; a dump that cannot be read is told and not tried again."""
    for batch in numbers:
        for number in batch.column(0).to_pylist():
            rejects, own = Rejects(), Path(tempfile.mkdtemp(dir=folder))
            made: object
            try:
                made = works[number](rejects, own)
            except KgBuilderError as error:
                made = error
            rejects.keep(own / "refused")
            values = [[number], [str(own / "refused")], [pickle.dumps(made)]]
            yield pa.RecordBatch.from_arrays([pa.array(value) for value in values], ["number", "refused", "made"])


def _gathered(batches: Batches, *, before: pl.Schema, work: Callable[[pl.LazyFrame, int], Batches]) -> Batches:
    """In a task: what becomes of all its rows."""
    from pyspark import TaskContext

    context = TaskContext.get()
    there = list(batches)
    if there and context is not None:
        rows = pl.DataFrame(pa.Table.from_batches(there)).cast(dict(before))  # type: ignore[arg-type]
        yield from work(rows.lazy(), context.partitionId())


def _done(rows: pl.LazyFrame, steps: Sequence[Step], rejects: Rejects) -> pl.LazyFrame:
    for step in steps:
        rows = step.work(rows, Sieve(rejects))
    return rows


def _worked(rows: pl.LazyFrame, number: int, *, steps: Sequence[Step], shape: pl.Schema, refused: Path) -> Batches:
    """In a task: the rows after these steps; the refused ones are in a file of this number, should it run again."""
    rejects = Rejects()
    after = _done(rows, steps, rejects).collect()
    rejects.keep(refused.with_name(f"{refused.name}-{number:06}.parquet"))
    kinds = pa.schema([(name, _SPARK[dtype][1]) for name, dtype in shape.items()])
    yield from after.cast(dict(shape)).to_arrow().cast(kinds).to_batches(max_chunksize=10_000)  # type: ignore[arg-type]
