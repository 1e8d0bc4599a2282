"""Text vectors on disk, by the hash of the text: written whole or not at all, shared by processes, free of pickle."""

import hashlib
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from graphrec.tensors import Floats

Key = bytes
"""128 bits of a text's BLAKE2b hash: what the cache knows a text by."""

_log = logging.getLogger(__name__)


def key_of(text: str) -> Key:
    """The text's key in the cache."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True)
class Vectors:
    """Embedded texts: keys [n] of 16 bytes, vectors [n, dim] float32, tokens [n, 2] int64 (all tokens, unknown ones)."""

    keys: npt.NDArray[np.void]
    vectors: Floats
    tokens: npt.NDArray[np.int64]

    @cached_property
    def row_of(self) -> Mapping[Key, int]:
        """Key → row."""
        return {key.tobytes(): row for row, key in enumerate(self.keys)}

    @classmethod
    def concat(cls, parts: Sequence["Vectors"]) -> Self:
        """All rows; parts without rows count only where there are no others."""
        parts = [part for part in parts if len(part.keys)] or list(parts)[-1:]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "vectors", "tokens")))

    @classmethod
    def empty(cls, dim: int = 0) -> Self:
        """No rows."""
        return cls(np.empty(0, "V16"), np.empty((0, dim), np.float32), np.empty((0, 2), np.int64))


@dataclass(frozen=True, slots=True)
class VectorCache:
    """A folder of parts, each written whole under a temporary name and then renamed: never torn, never in another's way."""

    folder: Path

    def read(self, keys: Iterable[Key]) -> Vectors:
        """The vectors among these keys that the folder holds; a part that cannot be read counts as not there."""
        wanted = set(keys)
        parts = []
        for path in sorted(self.folder.glob("*.safetensors")) if wanted else ():
            part = _read_part(path)
            chosen = np.array([key.tobytes() in wanted for key in part.keys], dtype=bool)
            wanted -= {key.tobytes() for key in part.keys[chosen]}
            parts.append(Vectors(part.keys[chosen], part.vectors[chosen], part.tokens[chosen]))
        return Vectors.concat([Vectors.empty(), *parts])

    def write(self, part: Vectors) -> None:
        """The folder holds these vectors too; where it cannot be written to, the log says so and work goes on."""
        name = hashlib.blake2b(part.keys.tobytes(), digest_size=12).hexdigest()
        unfinished = self.folder / f".{name}.{os.getpid()}"
        keys = part.keys.view(np.uint8).reshape(-1, 16)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_file({"keys": keys, "vectors": part.vectors, "tokens": part.tokens}, unfinished)
            unfinished.replace(self.folder / f"{name}.safetensors")
        except (OSError, SafetensorError) as error:
            _log.warning("cannot keep text vectors in %s: %s", self.folder, error)


def _read_part(path: Path) -> Vectors:
    try:
        arrays = load_file(path)
        keys = np.ascontiguousarray(arrays["keys"]).view("V16").reshape(-1)
        return Vectors(keys, arrays["vectors"], arrays["tokens"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        _log.warning("ignoring %s, its texts are embedded again: %s", path, error)
        return Vectors.empty()
