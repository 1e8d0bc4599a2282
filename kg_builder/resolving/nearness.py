"""Which of many words may be misspellings of one another, without comparing all with all."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist, cpdist

_HEAD = 7
"""Letters of a block's key; two words two slips apart share one of the ways to leave two of the first seven letters out."""
_CROWD = 60
"""Members of a block that are compared all with all; a larger one is blocked again by the last letters."""
_PAIRS = 1_000_000
"""Pairs compared at once."""
_DENSE = 2000
"""Rows of one comparison matrix."""

Pairs = npt.NDArray[np.int64]


def near_pairs(names: Sequence[str], *, slips: int = 2) -> Iterator[tuple[int, int, int]]:
    """The pairs of places whose names lie at most so many slips (0 to 2) apart, each once, with their distance.

    A slip is a letter too many, too few, another, or two that changed places (optimal string alignment). Blocks follow the
    symmetric delete idea (W. Garbe, SymSpell, 2012): by the first letters, crowded ones by the last too.

    Example:
        >>> list(near_pairs(["international", "anvil", "internatoinal", "anvils"]))
        [(0, 2, 1), (1, 3, 1)]
    """
    codes, crowded = _pairs_of(_blocks(names, slips), len(names))
    if crowded.size:
        ends = [names[place][::-1] for place in crowded]
        codes_there, left = _pairs_of(_blocks(ends, slips), len(ends))
        one, other = crowded[codes_there // len(ends)], crowded[codes_there % len(ends)]
        dense = _dense(names, _groups(_blocks(ends, slips), least=_CROWD + 1), crowded, slips) if left.size else []
        codes = np.concatenate([codes, _code(one, other, len(names)), *dense])
    one, other = np.divmod(_unique(codes), max(1, len(names)))
    sizes = np.array([len(name) for name in names], dtype=np.int64)
    likely = np.abs(sizes[one] - sizes[other]) <= slips
    one, other = one[likely], other[likely]
    for start in range(0, len(one), _PAIRS):
        mine, theirs = one[start : start + _PAIRS].tolist(), other[start : start + _PAIRS].tolist()
        distances = cpdist(
            [names[place] for place in mine],
            [names[place] for place in theirs],
            scorer=OSA.distance,
            score_cutoff=slips,
            dtype=np.uint8,
        )
        for near in np.flatnonzero(distances <= slips).tolist():
            yield mine[near], theirs[near], int(distances[near])


def _unique(values: Pairs) -> Pairs:
    """The different values in order; sorting in polars is several times quicker than numpy's."""
    return pl.Series(values, dtype=pl.Int64).unique().sort().to_numpy()


def _blocks(names: Sequence[str], slips: int) -> pl.DataFrame:
    """(`key`, `place`), one row a way to leave letters out of a name's start."""
    keys: list[int] = []
    places: list[int] = []
    for place, name in enumerate(names):
        head = name[:_HEAD]
        short = {"".join(kept) for many in range(slips + 1) for kept in combinations(head, max(0, len(head) - many))}
        keys += map(hash, short)
        places += [place] * len(short)
    return pl.DataFrame({"key": keys, "place": places}, schema={"key": pl.Int64, "place": pl.Int64}).sort("key", "place")


def _groups(blocks: pl.DataFrame, *, least: int) -> list[Pairs]:
    key, place = blocks["key"].to_numpy(), blocks["place"].to_numpy()
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, np.int64)
    sizes = np.diff(np.r_[starts, len(key)])
    return [place[start : start + size] for start, size in zip(starts, sizes, strict=True) if size >= least]


def _pairs_of(blocks: pl.DataFrame, count: int) -> tuple[Pairs, Pairs]:
    """The pairs of the small blocks as codes, and the members of the crowded ones."""
    by_size: dict[int, list[Pairs]] = {}
    crowded: list[Pairs] = []
    for group in _groups(blocks, least=2):
        if len(group) > _CROWD:
            crowded.append(group)
        else:
            by_size.setdefault(len(group), []).append(group)
    codes = [np.empty(0, np.int64)]
    for size, groups in by_size.items():
        table = np.stack(groups)
        one, other = np.triu_indices(size, 1)
        codes.append(_code(table[:, one].ravel(), table[:, other].ravel(), count))
    return _unique(np.concatenate(codes)), _unique(np.concatenate(crowded)) if crowded else np.empty(0, np.int64)


def _code(one: Pairs, other: Pairs, count: int) -> Pairs:
    return np.minimum(one, other) * count + np.maximum(one, other)


def _dense(names: Sequence[str], groups: list[Pairs], members: Pairs, slips: int) -> list[Pairs]:
    """The near pairs of blocks crowded at both ends, by whole matrices."""
    found = []
    for group in groups:
        places = members[group]
        there = [names[place] for place in places]
        for start in range(0, len(there), _DENSE):
            part = there[start : start + _DENSE]
            near = cdist(part, there, scorer=OSA.distance, score_cutoff=slips, dtype=np.uint8, workers=-1) <= slips
            one, other = np.nonzero(near)
            kept = one + start < other
            found.append(_code(places[one[kept] + start], places[other[kept]], len(names)))
    return found
