"""Names in, pairs out: which brands, categories and products are one thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Match:
    """Two nodes of a label that are one thing."""

    label: str
    one_id: str
    other_id: str
    score: float
    """0..1; 1 where the names are equal after normalisation."""
    rule: str
    """What says so, such as `misspelt`."""
