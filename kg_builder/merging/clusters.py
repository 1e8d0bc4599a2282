"""From pairs to clusters: which nodes are one thing, which of them stands for it, and by which pair each was found."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass

import polars as pl

from kg_builder.merging.aliases import Alias, targets
from kg_builder.tables import GraphTables


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


@dataclass(frozen=True, slots=True)
class Cluster:
    """Present nodes that are one thing."""

    label: str
    canonical: str
    """The node with most edges; of equals the first id."""
    found: Mapping[str, tuple[str, Match]]
    """Each other node with the node it was found to be, on the way to the canonical one, and the match that says so."""

    @property
    def nodes(self) -> set[str]:
        """All its nodes."""
        return {self.canonical, *self.found}


Degrees = Callable[[str, set[str]], Mapping[str, int]]
"""How many edges nodes of a label have."""


def clusters(
    tables: GraphTables, known: Iterable[Alias], matches: Iterable[Match], *, degrees: Degrees | None = None
) -> list[Cluster]:
    """The clusters that the matches make, the strongest first: a match that would join what was told apart is left out.

    `degrees` is needed where the tables are but a part of the graph.
    """
    known = list(known)
    by_label: dict[str, list[Match]] = defaultdict(list)
    for match in sorted(matches, key=lambda one: (-one.score, one.one_id, one.other_id)):
        by_label[match.label].append(match)
    found = []
    for label, pairs in by_label.items():
        own = [alias for alias in known if alias.label == label]
        links = _joined(pairs, own)
        counted = degrees_in(tables, label, set(links)) if degrees is None else degrees(label, set(links))
        found += [_cluster(label, nodes, links, counted) for nodes in _components(links)]
    return found


def _joined(pairs: Iterable[Match], known: list[Alias]) -> dict[str, dict[str, Match]]:
    """The pairs that join two clusters, as a forest: from each node to its neighbours."""
    to = targets(known).get(known[0].label, {}) if known else {}
    apart: dict[str, set[str]] = defaultdict(set)
    for alias in known:
        for other in alias.differs_from:
            apart[alias.node].add(other)
            apart[other].add(alias.node)
    members: dict[str, set[str]] = {}
    for node, canonical in to.items():
        members.setdefault(canonical, {canonical}).add(node)
    cluster_of = {node: members[canonical] for canonical in members for node in members[canonical]}
    links: dict[str, dict[str, Match]] = defaultdict(dict)
    for match in pairs:
        one, other = to.get(match.one_id, match.one_id), to.get(match.other_id, match.other_id)
        mine, theirs = cluster_of.setdefault(one, {one}), cluster_of.setdefault(other, {other})
        if mine is theirs or any(apart[node] & theirs for node in mine if node in apart):
            continue
        small, large = sorted((mine, theirs), key=len)
        large |= small
        cluster_of.update(dict.fromkeys(small, large))
        links[one][other] = links[other][one] = match
    return links


def _components(links: Mapping[str, Mapping[str, Match]]) -> list[set[str]]:
    left, found = set(links), []
    for start in sorted(links):
        if start in left:
            nodes = set(_reached(start, links)) | {start}
            left -= nodes
            found.append(nodes)
    return found


def _reached(start: str, links: Mapping[str, Mapping[str, Match]]) -> dict[str, tuple[str, Match]]:
    """Every node that the links lead to, with the node before it."""
    found: dict[str, tuple[str, Match]] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for other, match in sorted(links[node].items()):
            if other != start and other not in found:
                found[other] = (node, match)
                waiting.append(other)
    return found


def _cluster(label: str, nodes: Set[str], links: Mapping[str, Mapping[str, Match]], degrees: Mapping[str, int]) -> Cluster:
    canonical = min(nodes, key=lambda node: (-degrees.get(node, 0), node))
    return Cluster(label, canonical, _reached(canonical, links))


def degrees_in(tables: GraphTables, label: str, nodes: Set[str]) -> dict[str, int]:
    """How many edges of the dumps each node has."""
    there = pl.LazyFrame({"id": sorted(nodes)}, schema={"id": pl.String})
    parts = [
        table.select(pl.col(end).alias("id")).join(there, on="id", how="semi")
        for kind, table in tables.edges.items()
        for end, owner in (("source", kind[0]), ("target", kind[2]))
        if owner == label and not tables.schema.edge(kind).derived
    ]
    return dict(pl.concat([there.clear(), *parts]).group_by("id").len().collect().iter_rows())
