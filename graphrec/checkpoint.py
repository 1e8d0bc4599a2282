"""A model as a folder: JSON for names and settings, safetensors for numbers; nothing in it can run.

model.json holds the format's version and the hash of every other file, so damage is found before it is believed.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from graphrec.blend import Blend
from graphrec.errors import BadRequest, ModelDamaged, ModelMissing
from graphrec.model import Model, Summary
from graphrec.scorers import State
from graphrec.tensors import Ids, Interactions, KnownGraph, Relation

FORMAT = "graphrec model"
VERSION = 1
_HEAD = "model.json"
_ABOUT = "attributes.json"
Arrays = dict[str, npt.NDArray[Any]]


def save(model: Model, folder: Path) -> None:
    """The folder holds the model, whole or not at all; an older model there is replaced.

    Raises:
        BadRequest: the folder holds something that is no model, or is a file.
    """
    check_target(folder)
    folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    with _beside(folder) as fresh:
        _write(model, fresh)
        _swap(fresh, folder)


def check_target(folder: Path) -> None:
    """Nothing, or the error that `save` would give: worth knowing before an hour of fitting.

    Raises:
        BadRequest: the folder holds something that is no model, or is a file.
    """
    if folder.exists() and not _replaceable(folder):
        raise BadRequest(f"{folder} is there and is no graphrec model; name another folder, nothing was overwritten")


def load(folder: Path) -> Model:
    """The model that `save` wrote.

    Raises:
        ModelMissing: no model is there.
        ModelDamaged: a file is missing, broken off or changed, or a newer graphrec wrote it.
    """
    head = _head(folder)
    try:
        for name, digest in head["files"].items():
            if _digest(folder / name) != digest:
                raise ModelDamaged(f"{folder}: {name} is not what was saved; fit again or restore the folder")
        return _read(folder, head)
    except (OSError, ValueError, KeyError, TypeError, IndexError, SafetensorError) as error:
        if isinstance(error, ModelDamaged):
            raise
        raise ModelDamaged(f"{folder} does not hold together ({_line(error)}); fit again or restore the folder") from error


def _head(folder: Path) -> dict[str, Any]:
    if not (folder / _HEAD).is_file():
        what = "no such folder" if not folder.exists() else f"no {_HEAD} in it"
        raise ModelMissing(f"no model at {folder} ({what}); make one with: graphrec fit STORE --out {folder}")
    try:
        head: dict[str, Any] = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
        kind, version = head["format"], int(head["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelDamaged(f"{folder / _HEAD} cannot be read ({_line(error)}); fit again or restore the folder") from error
    if kind != FORMAT:
        raise ModelDamaged(f"{folder / _HEAD} is no graphrec model (its format is {kind!r})")
    if version > VERSION:
        raise ModelDamaged(
            f"{folder} was saved by a newer graphrec (format {version}, this one reads {VERSION}); upgrade graphrec"
        )
    return head


def _replaceable(folder: Path) -> bool:
    """Whether nothing but a model, or nothing at all, would be lost."""
    if not folder.is_dir():
        return False
    return not any(folder.iterdir()) or (folder / _HEAD).is_file()


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """An empty folder on the same disk, gone afterwards unless it was moved."""
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.absolute().parent))
    fresh.chmod(0o755)  # mkdtemp's is for its maker alone; a model may be read by others
    try:
        yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, folder: Path) -> None:
    """`fresh` stands at `folder`; what stood there goes only after that."""
    if not folder.exists():
        fresh.rename(folder)
        return
    with _beside(folder) as old:
        folder.rename(old / "model")
        fresh.rename(folder)


def _write(model: Model, folder: Path) -> None:
    known = model.known
    blend = model.blend.state()
    names = {label: list(column) for label, column in model.names.items()}
    _json(folder / "ids.json", {label: list(ids.names) for label, ids in known.ids.items()})
    _json(folder / "names.json", names)
    _json(folder / _ABOUT, {name: list(column) for name, column in known.attributes.items()})
    save_file(_contiguous(_graph_arrays(known) | {"grown": model.grown}), folder / "graph.safetensors")
    save_file(_contiguous(model.text), folder / "text.safetensors")
    save_file(_contiguous(blend.arrays), folder / "blend.safetensors")
    files = {path.name: _digest(path) for path in sorted(folder.iterdir())}
    head = {
        "format": FORMAT,
        "version": VERSION,
        "name": model.name,
        "text_model": model.text_model,
        "summary": model.summary.to_json(),
        "ordered": known.interactions.ordered,
        "relations": [list(relation) for relation in known.relations],
        "blend": dict(blend.settings),
        "files": files,
    }
    _json(folder / _HEAD, head)


def _read(folder: Path, head: Mapping[str, Any]) -> Model:
    ids = {
        label: Ids(label, np.array(names, dtype=object))
        for label, names in json.loads((folder / "ids.json").read_text(encoding="utf-8")).items()
    }
    graph = load_file(folder / "graph.safetensors")
    interactions = Interactions(graph["user"], graph["product"], graph["at"], graph["rating"], bool(head["ordered"]))
    relations: dict[Relation, sp.csr_matrix] = {}
    for number, (source, name, target) in enumerate(head["relations"]):
        relations[source, name, target] = _matrix(graph, number, (len(ids[source]), len(ids[target])))
    about = json.loads((folder / _ABOUT).read_text(encoding="utf-8")) if _ABOUT in head["files"] else {}
    known = KnownGraph(ids, interactions, relations, graph["listed"].astype(bool), attributes=about)
    names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    return Model(
        known,
        Blend.restore(State(load_file(folder / "blend.safetensors"), head["blend"])),
        {label: np.array(column, dtype=object) for label, column in names.items()},
        load_file(folder / "text.safetensors"),
        Summary.from_json(head["summary"]),
        head["text_model"],
        head["name"],
        graph.get("grown", np.empty(0, dtype=np.int64)),
    )


def _graph_arrays(known: KnownGraph) -> Arrays:
    chosen = known.interactions
    arrays: Arrays = {
        "user": chosen.user,
        "product": chosen.product,
        "at": chosen.at,
        "rating": chosen.rating,
        "listed": known.listed.astype(np.uint8),
    }
    for number, matrix in enumerate(known.relations.values()):
        arrays[f"relation.{number}.indptr"] = matrix.indptr.astype(np.int64)
        arrays[f"relation.{number}.indices"] = matrix.indices.astype(np.int32)
        arrays[f"relation.{number}.data"] = matrix.data.astype(np.float32)
    return arrays


def _matrix(graph: Arrays, number: int, shape: tuple[int, int]) -> sp.csr_matrix:
    parts = (graph[f"relation.{number}.{part}"] for part in ("data", "indices", "indptr"))
    return sp.csr_matrix(tuple(parts), shape=shape)


def _contiguous(arrays: Mapping[str, npt.NDArray[Any]]) -> Arrays:
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _line(error: Exception) -> str:
    """The error's first line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
