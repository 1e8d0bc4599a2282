"""A folder of Parquet files, one a label and one an edge type, with the schema beside them: what `GraphTables.save` writes."""

from pathlib import Path

from polars.exceptions import PolarsError

from kg_builder.errors import DamagedDump, SchemaError
from kg_builder.stores import Progress
from kg_builder.tables import GraphTables

FORMAT = "parquet"
HOLDS = "a folder with schema.json, nodes/LABEL.parquet and edges/SOURCE.TYPE.TARGET.parquet, for polars, pandas, DuckDB or Spark"


def recognises(path: Path) -> bool:
    """True for a folder with a schema and folders of nodes and edges."""
    return (path / "schema.json").is_file() and all((path / part).is_dir() for part in ("nodes", "edges"))


def write(tables: GraphTables, path: Path, *, progress: Progress | None = None) -> None:
    """The folder holds the tables, streamed one after the other."""
    tables.save(path, progress=None if progress is None else lambda done, total: progress(FORMAT, done, total))


def read(path: Path) -> GraphTables:
    """The tables of the folder, read lazily.

    Raises:
        DamagedDump: a file breaks off or is not what its name says.
    """
    try:
        return GraphTables.load(path)
    except (PolarsError, SchemaError, KeyError, TypeError, ValueError, OSError) as error:
        raise DamagedDump(f"{path} is no whole parquet export: {str(error).splitlines()[0]}") from error
