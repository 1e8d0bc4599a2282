"""What a build has read and cleaned, kept as Parquet until it is written: after a kill the next one need not read again."""

import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from kg_builder.fingerprints import file_digest
from kg_builder.intake import Taken
from kg_builder.rejects import Rejects
from kg_builder.tables import GraphTables
from kg_builder.tabulation import Held

_ABOUT, _REJECTS, _TABLES = "checkpoint.json", "rejects.parquet", "tables"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The one checkpoint of a store."""

    folder: Path

    @classmethod
    def of(cls, address: str, path: Path | None) -> "Checkpoint":
        """In the store's folder, of a server in the user's cache ($XDG_CACHE_HOME/kg-builder)."""
        if path is not None:
            return cls(path / "checkpoint")
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cls(cache / "kg-builder" / blake2b(address.encode(), digest_size=8).hexdigest())

    def keep(self, fingerprint: str, taken: Taken, held: Held, refused: Rejects) -> None:
        """Put it there, in place of another; where there is no room, there is none."""
        beside = self.folder.with_name(f"{self.folder.name}.next")
        try:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
            taken.tables.save(beside / _TABLES)
            refused.to_frame().write_parquet(beside / _REJECTS)
            about = {"fingerprint": fingerprint, "format": taken.format, "name": taken.name, "triples": taken.triples}
            about |= {
                "passed": refused.passed,
                "notes": refused.notes,
                "due": refused.due(),
                "held": _strange(held, taken.tables),
            }
            about |= {"files": _digests(beside)}
            (beside / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
            shutil.rmtree(self.folder, ignore_errors=True)
            beside.replace(self.folder)
        except (OSError, PolarsError):
            shutil.rmtree(beside, ignore_errors=True)
            refused.note("there is no room for a checkpoint: should this build be killed, the next one reads the dump again")

    def taken(self, fingerprint: str, now: int, held: Callable[[bool], Held], refused: Rejects) -> Taken | None:
        """What was read of these very files, with the rejects; None where nothing is kept, or the store has changed since.

        Where it is damaged there is a note, and the dump is to be read again.

        Args:
            fingerprint: of the files and of how they are read.
            now: epoch seconds.
            held: what the store holds now that the dump may speak of, with the products where it has triples.
            refused: takes the rows that were refused.
        """
        try:
            return self._taken(fingerprint, now, held, refused)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, PolarsError):
            refused.note(f"the checkpoint in {self.folder} is damaged: the dump is read again")
            return None

    def _taken(self, fingerprint: str, now: int, held: Callable[[bool], Held], refused: Rejects) -> Taken | None:
        about = json.loads((self.folder / _ABOUT).read_text(encoding="utf-8"))
        if not fingerprint or about["fingerprint"] != fingerprint or now >= (about["due"] or math.inf):
            return None
        if _digests(self.folder) != about["files"]:
            raise ValueError("a file is not what was written")
        tables = GraphTables.load(self.folder / _TABLES)
        if _strange(held(about["triples"]), tables) != about["held"]:
            return None
        refused.extend(pl.read_parquet(self.folder / _REJECTS))
        refused.passed += about["passed"]
        for note in about["notes"]:
            refused.note(note)
        return Taken(about["format"], about["name"], tables, about["triples"])

    def drop(self) -> None:
        """Nothing is kept any longer."""
        for folder in (self.folder, self.folder.with_name(f"{self.folder.name}.next")):
            shutil.rmtree(folder, ignore_errors=True)


def _digests(folder: Path) -> dict[str, str]:
    """What its files hold."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != _ABOUT)
    return {(name := file.relative_to(folder).as_posix()): file_digest(name, file) for file in sorted(files)}


def _strange(held: Held, tables: GraphTables) -> str:
    """A digest of what the store holds besides these tables, which a build that was killed may have written in part."""
    none = pl.LazyFrame(schema={"id": pl.String()})
    products = held.products.join(tables.nodes.get("Product", none), on="id", how="anti").collect(engine="streaming")["id"]
    mine = dict(tables.nodes["Brand"].select("id", "name").collect().iter_rows()) if "Brand" in tables.nodes else {}
    brands = {one: name for one, name in held.brands.items() if mine.get(one) != name}
    return blake2b(json.dumps([sorted(products), sorted(brands.items())]).encode(), digest_size=16).hexdigest()
