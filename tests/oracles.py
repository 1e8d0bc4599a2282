"""Slow, obviously right references that share no code with what they check."""

import math
from collections.abc import Mapping, Sequence, Set


def best(scores: Mapping[str, float], allowed: Set[str], k: int) -> list[str]:
    """The k allowed ids with the highest finite scores, best first, ties by id."""
    finite = [name for name in scores if name in allowed and math.isfinite(scores[name])]
    return sorted(finite, key=lambda name: (-scores[name], name))[:k]


def metrics(wanted: Set[str], listed: Sequence[str], k: int) -> dict[str, float]:
    """recall, ndcg, hit and mrr of one user's list, binary gains, ideal = min(k, wanted)."""
    hits = [place for place, item in enumerate(listed[:k]) if item in wanted]
    ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(wanted))))
    return {
        "recall": len(hits) / len(wanted),
        "ndcg": sum(1 / math.log2(place + 2) for place in hits) / ideal,
        "hit": float(bool(hits)),
        "mrr": 1 / (hits[0] + 1) if hits else 0.0,
    }
