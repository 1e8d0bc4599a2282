"""What a figure rests on: the bytes of its data, its split, the versions and the machine."""

import hashlib
import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from graphrec.lists import read_pairs

PACKAGES = ("graphrec", "torch", "numpy", "scipy", "torch-geometric", "sentence-transformers")
SPLIT = ("train.tsv", "valid.tsv", "test.tsv")
FILES = (*SPLIT, "items.jsonl", "kg.tsv", "cold_items.txt")


def data_hash(folder: Path) -> str:
    """Of the names and bytes of all files of the split."""
    found = hashlib.sha256()
    for path in _there(folder, FILES):
        found.update(f"{path.name}\n{file_hash(path)}\n".encode())
    return found.hexdigest()


def split_hash(folder: Path) -> str:
    """The same where train, valid and test hold the same pairs of user and item, whatever their order and other columns."""
    found = hashlib.sha256()
    for path in _there(folder, SPLIT):
        found.update(f"{path.name}\n".encode())
        found.update("".join(f"{user}\t{item}\n" for user, item in sorted(set(read_pairs(path)))).encode())
    return found.hexdigest()


def file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_bytes": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _there(folder: Path, names: Iterable[str]) -> list[Path]:
    return [folder / name for name in names if (folder / name).exists()]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
