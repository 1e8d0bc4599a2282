"""Recommends from a knowledge graph: fit, rank, explain, evaluate, write back.

Names are imported when they are first used, so that `graphrec --help` need not wait for torch.
"""

import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.errors import (
    BadRequest,
    GraphrecError,
    ModelDamaged,
    ModelMissing,
    NotEnoughMemory,
    NothingToLearn,
    TextModelMissing,
    UnknownId,
    UnknownScorer,
    UnknownSystem,
)

if TYPE_CHECKING:
    from graphrec.comparison.contest import compare
    from graphrec.comparison.report import Comparison
    from graphrec.evaluation import evaluate
    from graphrec.explanation import Explanation, Reason
    from graphrec.hetero import hetero_data, tables_of
    from graphrec.pipeline import fit, refresh
    from graphrec.ranker import Ranker
    from graphrec.ranking import Ranking
    from graphrec.report import Report

MISSING = "graphrec needs torch and its family, which are not installed; type: pip install 'graphrec[models]'"
_NEEDED = ("torch", "torch_geometric", "scipy", "sklearn", "safetensors", "sentence_transformers")
if any(find_spec(name) is None for name in _NEEDED):
    if Path(sys.argv[0]).stem == "graphrec":  # the console script: a sentence and exit code 1, not a traceback
        raise SystemExit(MISSING)
    raise ImportError(MISSING)

try:
    __version__ = version("graphrec")
except PackageNotFoundError:  # a checkout on the path, not installed
    __version__ = "0"

_HOMES = {
    "Comparison": "comparison.report",
    "Explanation": "explanation",
    "Ranker": "ranker",
    "Ranking": "ranking",
    "Reason": "explanation",
    "Report": "report",
    "compare": "comparison.contest",
    "evaluate": "evaluation",
    "fit": "pipeline",
    "hetero_data": "hetero",
    "refresh": "pipeline",
    "tables_of": "hetero",
}

__all__ = [
    "BadRequest",
    "Comparison",
    "Explanation",
    "GraphrecError",
    "ModelDamaged",
    "ModelMissing",
    "NotEnoughMemory",
    "NothingToLearn",
    "Ranker",
    "Ranking",
    "Reason",
    "Report",
    "TextModelMissing",
    "UnknownId",
    "UnknownScorer",
    "UnknownSystem",
    "__version__",
    "compare",
    "evaluate",
    "fit",
    "hetero_data",
    "refresh",
    "tables_of",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'graphrec' has no attribute {name!r}")
    return getattr(import_module(f"graphrec.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
