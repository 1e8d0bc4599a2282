"""Why a product was recommended: the summands of its score, each with the part of the graph behind it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from graphrec.connections import Connection, Node

if TYPE_CHECKING:
    import networkx as nx

_SHOWN, _SUMMED = 5, 3


@dataclass(frozen=True, slots=True)
class Reason:
    """One summand of a score."""

    item: Node | None
    """The product of the history that it comes from; None for what is owed to none of them (popularity, a whole scorer)."""
    scorer: str
    path: str
    """The relationship types walked from `item` to the recommended product, or what else speaks for it (`text`, `popularity`)."""
    amount: float
    exact: bool
    """True where the amount is a summand of the score; False where a scorer that cannot take its score apart was shared out over
    the history by what leaving each product out would change."""
    connection: Connection
    share: float = 0.0
    """amount / Σ |amounts|, so the shares of a score that nothing speaks against sum to 1."""

    def __str__(self) -> str:
        return self._sentence(1)

    def _sentence(self, times: int) -> str:
        """times: products of this name in the history that speak alike."""
        name = "" if self.item is None else f"{times} × {self.item.name}" if times > 1 else self.item.name
        because = f"because you chose {name}" if name else self.path
        return f"{because} — {self.connection.sentence}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score taken apart; the amounts of its reasons and the baseline add up to it."""

    user: str
    item: Node
    score: float
    reasons: tuple[Reason, ...]
    """The largest first, whether it speaks for the product or against it."""
    baseline: float = 0.0
    """What every product gets that the same scorers speak of: it moves none above another."""

    @classmethod
    def of(cls, user: str, item: Node, reasons: Sequence[Reason], baseline: float = 0.0) -> "Explanation":
        """The explanation that these summands make, largest first, with their shares worked out."""
        total = sum(abs(reason.amount) for reason in reasons) or 1.0
        shared = [replace(reason, share=reason.amount / total) for reason in reasons]
        score = sum(reason.amount for reason in reasons) + baseline
        return cls(user, item, score, tuple(sorted(shared, key=lambda reason: -abs(reason.amount))), baseline)

    def by_scorer(self) -> dict[str, float]:
        """How much each scorer brings, without the baseline."""
        totals: dict[str, float] = {}
        for reason in self.reasons:
            totals[reason.scorer] = totals.get(reason.scorer, 0.0) + reason.amount
        return totals

    def by_path(self) -> dict[str, float]:
        """How much each path brings, without the baseline, the largest first."""
        totals: dict[str, float] = {}
        for reason in self.reasons:
            totals[reason.path] = totals.get(reason.path, 0.0) + reason.amount
        return dict(sorted(totals.items(), key=lambda one: -abs(one[1])))

    def told(self) -> list[tuple[float, str]]:
        """(share, sentence) for people: reasons from products of one name along one path are told together, the largest first.

        After five, what is left is summed up: the three largest paths, then all others.
        """
        groups: dict[tuple[str | None, str], list[Reason]] = {}
        for reason in self.reasons:
            groups.setdefault((reason.item.name if reason.item else None, reason.path), []).append(reason)
        ordered = sorted(groups.values(), key=lambda group: -abs(_share(group)))
        head = [(_share(group), group[0]._sentence(len({reason.item for reason in group}))) for group in ordered[:_SHOWN]]
        rest: dict[str, list[Reason]] = {}
        for group in ordered[_SHOWN:]:
            rest.setdefault(group[0].path, []).extend(group)
        largest = sorted(rest.items(), key=lambda one: -abs(_share(one[1])))
        others = [reason for _, some in largest[_SUMMED:] for reason in some]
        tail = [(_share(some), f"{_counted(some)}: {path}") for path, some in largest[:_SUMMED]]
        return head + tail + ([(_share(others), f"{_counted(others)} along other paths")] if others else [])

    def to_pandas(self) -> pd.DataFrame:
        """A frame with the columns item, title, scorer, path, because, amount, share, exact; one row a reason.

        The baseline is in `attrs["baseline"]`.
        """
        columns = ["item", "title", "scorer", "path", "because", "amount", "share", "exact"]
        rows = [
            (
                reason.item.id if reason.item else None,
                reason.item.name if reason.item else None,
                reason.scorer,
                reason.path,
                reason.connection.sentence,
                reason.amount,
                reason.share,
                reason.exact,
            )
            for reason in self.reasons
        ]
        frame = pd.DataFrame(rows, columns=columns)
        frame.attrs["baseline"] = self.baseline
        return frame

    def to_networkx(self, *, reasons: int = 10) -> "nx.MultiDiGraph":
        """The part of the graph behind the `reasons` largest reasons.

        Nodes are (label, id) with `label` and `name`; edges carry `type`, and those from the user to what they chose also
        `amount`, what it adds to the score.
        """
        import networkx as nx

        graph = nx.MultiDiGraph()
        user = Node("User", self.user, self.user)
        for node in (user, self.item):
            _add(graph, node)
        amounts: dict[Node, float] = {}
        for reason in self.reasons[:reasons]:
            if reason.item:
                amounts[reason.item] = amounts.get(reason.item, 0.0) + reason.amount
        for item, amount in amounts.items():
            _add(graph, item)
            graph.add_edge(user[:2], item[:2], type="CHOSE", amount=amount)
        for link in dict.fromkeys(link for reason in self.reasons[:reasons] for link in reason.connection.links):
            _add(graph, link.source)
            _add(graph, link.target)
            graph.add_edge(link.source[:2], link.target[:2], type=link.type)
        return graph

    def __iter__(self) -> Iterator[Reason]:
        return iter(self.reasons)

    def __len__(self) -> int:
        return len(self.reasons)

    def __str__(self) -> str:
        lines = [f"{share:>5.0%}  {sentence}" for share, sentence in self.told()]
        same = [f"       {self.baseline:+.3g} of the score is the same for every product"] if self.baseline else []
        return "\n".join([self._head(), *lines, *same])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{share:.0%}</td><td>{escape(sentence)}</td></tr>" for share, sentence in self.told())
        table = f"<table><thead><tr><th>share</th><th>reason</th></tr></thead><tbody>{rows}</tbody></table>"
        return f"<p>{escape(self._head())}</p>{table}"

    def _head(self) -> str:
        name = self.item.name if self.item.id in self.item.name else f"{self.item.name} ({self.item.id})"
        return f"{name} for {self.user}: score {self.score:.4g}"


def _counted(reasons: Sequence[Reason]) -> str:
    return f"{len(reasons)} smaller reason{'s' * (len(reasons) > 1)}"


def _share(reasons: Sequence[Reason]) -> float:
    return sum(reason.share for reason in reasons)


def _add(graph: "nx.MultiDiGraph", node: Node) -> None:
    graph.add_node(node[:2], label=node.label, name=node.name)
