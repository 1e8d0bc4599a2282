"""A known graph as files, for the processes that learn from it: arrays and JSON, no pickle."""

import json
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from graphrec.splits import Split
from graphrec.tensors import Ids, Interactions, KnownGraph, Relation, Rows

_GRAPH, _WORDS, _CHOICES = "graph.npz", "graph.json", "interactions.npz"


def save_graph(known: KnownGraph, folder: Path) -> None:
    """The folder holds the graph but for its interactions."""
    folder.mkdir(parents=True)
    words = {
        "ids": {label: list(ids.names) for label, ids in known.ids.items()},
        "texts": {label: list(texts) for label, texts in known.texts.items()},
        "relations": [list(relation) for relation in known.relations],
    }
    (folder / _WORDS).write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
    parts = {
        f"{number}/{part}": getattr(matrix, part)
        for number, matrix in enumerate(known.relations.values())
        for part in ("data", "indices", "indptr")
    }
    np.savez(folder / _GRAPH, listed=known.listed, **parts)


def save_choices(cut: Split, folder: Path) -> None:
    """The folder holds what the cut's graph knows of choices, and whom to rank for; what they chose later stays out."""
    folder.mkdir(parents=True)
    chosen = cut.known.interactions
    np.savez(
        folder / _CHOICES,
        user=chosen.user,
        product=chosen.product,
        at=chosen.at,
        rating=chosen.rating,
        ordered=np.array(chosen.ordered),
        shape=np.array(cut.known.matrix.shape),
        asked=cut.users,
        listed=cut.known.listed,
    )


def load(graph: Path, choices: Path) -> tuple[KnownGraph, Rows]:
    """The graph with these choices, and [asked] the rows of the users to rank for."""
    words = json.loads((graph / _WORDS).read_text(encoding="utf-8"))
    ids = {label: Ids(label, np.array(names, dtype=object)) for label, names in words["ids"].items()}
    with np.load(graph / _GRAPH) as file:
        relations: dict[Relation, sp.csr_matrix] = {}
        for number, (source, name, target) in enumerate(words["relations"]):
            parts = tuple(file[f"{number}/{part}"] for part in ("data", "indices", "indptr"))
            relations[source, name, target] = sp.csr_matrix(parts, shape=(len(ids[source]), len(ids[target])))
        listed = file["listed"]
    with np.load(choices / _CHOICES) as file:
        chosen = Interactions(file["user"], file["product"], file["at"], file["rating"], bool(file["ordered"]))
        asked = file["asked"]
    texts = {label: tuple(lines) for label, lines in words["texts"].items()}
    return KnownGraph(ids, chosen, relations, listed, texts), asked
