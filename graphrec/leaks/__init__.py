"""What could make an evaluation look better than it is: facts about a cut, and what is wrong with it, said beside its figures."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from graphrec.leaks import edges, pairs, rows, words
from graphrec.leaks.findings import Case, Finding

__all__ = ["Case", "Finding", "Leaks", "find"]

_SHOWN = 10
"""Relationship types that one line names; all of them stand in the JSON."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """Facts about one cut."""

    duplicates: int
    """Training interactions that repeat an earlier (user, product) of the training side."""
    in_both: int
    """Held-out (user, product) pairs that the training side holds too; no truth unless bought-again products may be shown."""
    future_interactions: int | None
    """Training interactions later than the earliest held-out one: 0 for one global moment; None where times are unknown."""
    undated_edges: Mapping[str, int]
    """Edges that carry no time, by relationship type: such as ALSO_BOUGHT may know what was bought after the cut."""
    only_in_test: int
    """Products chosen on the held-out side alone: cold ones."""
    unknown_pairs: int = 0
    """Held-out pairs given whose user or product the graph does not know; left out."""
    blind_below: Mapping[str, int | None] = field(default_factory=dict)
    """By relationship type, below about how many pairs of products made from the test none is found; None where none ever is."""
    short_ids: Mapping[str, int] = field(default_factory=dict)
    """By label, held-out ids so short that texts which name them are a finding only where many do."""
    timed: bool = True
    """Whether times tell a row that stands in training twice from a choice made again."""
    findings: tuple[Finding, ...] = ()
    """What is wrong, or should be known; what makes figures too good first."""

    @property
    def found(self) -> tuple[Finding, ...]:
        """The findings that make figures look better than they are."""
        return tuple(finding for finding in self.findings if finding.severity == "leak")

    def to_json(self) -> dict[str, Any]:
        """The facts as JSON can hold them."""
        return asdict(self)

    def lines(self) -> list[str]:
        """One line a fact, then one a finding."""
        future = "times are unknown" if self.future_interactions is None else f"{self.future_interactions:,}"
        undated = ", ".join(f"{name} {count:,}" for name, count in self.undated_edges.items()) or "none"
        untimed = "" if self.timed else "; without times, rows that are there twice look like buying again"
        facts = [
            f"repeated pairs in training: {self.duplicates:,}{untimed}",
            f"pairs in training and test: {self.in_both:,}",
            f"training interactions after the first test interaction: {future}",
            f"edges without a time, which may know the future: {undated}",
            f"products in test alone: {self.only_in_test:,}",
        ]
        unknown = [f"test pairs of users or products the graph does not know: {self.unknown_pairs:,}"]
        each = [f"{name} {'never' if count is None else f'{count:,}'}" for name, count in self.blind_below.items()]
        more = [f"{len(each) - _SHOWN:,} others"] if len(each) > _SHOWN else []
        blind = ", ".join([*each[:_SHOWN], *more])
        unseen = (
            [f"products tied together by the test are found from about so many pairs on, if of as many users: {blind}"]
            if blind
            else []
        )
        short = " and ".join(f"{count:,} {label.lower()}s" for label, count in self.short_ids.items())
        if short:
            unseen.append(f"ids too short to be found in texts unless many are: {short}")
        return [*facts, *(unknown if self.unknown_pairs else []), *unseen, *map(str, self.findings)]


def find(case: Case) -> Leaks:
    """The facts about this cut, and everything in it that was found wrong."""
    train, cut = case.cut.known, case.cut
    undated: dict[str, int] = {}
    for (source, name, target), matrix in train.relations.items():
        kind = name.split(":")[0]
        if not edges.dated(case, (source, kind, target)):
            undated[kind] = undated.get(kind, 0) + matrix.nnz
    later = rows.later_training(case)
    judged = pairs.verdicts(case)
    findings = [*rows.find(case), *edges.find(case), *pairs.find(case, judged), *words.find(case)]
    return Leaks(
        duplicates=len(train.interactions) - train.matrix.nnz,
        in_both=cut.truth.multiply(case.told).nnz,
        future_interactions=None if later is None else len(later),
        undated_edges=undated,
        only_in_test=int((~train.warm[np.unique(cut.truth.indices)]).sum()),
        unknown_pairs=0 if case.given is None else len(case.given.pairs) - len(case.held.user),
        short_ids=words.short_ids(case),
        timed=rows.timed(case),
        blind_below=pairs.blind_below(judged),
        findings=tuple(sorted(findings, key=lambda finding: finding.severity)),
    )
