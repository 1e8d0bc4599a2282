"""Which brands are one: by their names, and by where their products lie."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from kg_builder.resolving.named import Found, Named, Vectors, alike
from kg_builder.resolving.nearness import near_pairs
from kg_builder.resolving.spelling import (
    SHORT_FORMS,
    abbreviates,
    core,
    folded,
    initials,
    marks,
    mistyped,
    respells,
    unaccented,
    words,
)

_SHORTEST = 5
"""Letters of a name that may be misspelt: too many names of four letters lie one slip apart."""

_TWO_SLIPS = 8
"""Letters of a name that may be misspelt twice."""

_SHARED = 0.5
"""The share of a brand's categories, weighed by how rare they are, that it must share with one that it misspells."""

_LONE = 0.95
"""The likeness from which on a brand's name is enough where no categories are known, and half of those shared where they are."""

_NEARLY_ALL = 0.8
"""The share from which on short words of a long name may be misspelt too, if it is rare beside the other ..."""

_RARER = 5
"""... by this factor."""
_IN_USE = 10
"""A name that is used more than twice and not this many times rarer than another is one of its own."""
_RARER_SLIP = 2.5
"""How many times rarer a misspelling is than the name, where it looks like a slip of the hand ..."""
_RARER_WORD = 5
"""... and where it could be another word: one vowel for another, another ending. The first letter is hardly ever misspelt."""
_ESTABLISHED = 3
"""A name this many times more frequent than another is no misspelling of it."""

_RARE = 20
"""A name this many times rarer than another is a misspelling, where no categories are known."""

_SHORTENED = 0.84
"""The likeness of a name and a short form of it."""

_LIKE = 0.9
"""The cosine of two brands' text vectors from which on they say the same; of two products' titles it is `_SAME_TITLE`."""


def brand_pairs(named: list[Named], vectors: Vectors | None) -> Found:
    """The pairs of brands that are one, with score and rule; the sure rules first."""
    cores = {one.id: core(one.name) for one in named}
    named = [one for one in named if cores[one.id]]  # signs alone are like nothing else
    shared = _Shared.of(named)
    same = list(_same_core(named, cores, shared))
    yield from same
    named = _as_one(named, same)
    likely = (_misspelt_brands, _abbreviated, _initials, _first_names)
    yield from _surest(pair for rule in likely for pair in rule(named, cores, shared))
    if vectors is not None:
        yield from _alike_brands(named, cores, shared, vectors)


def _as_one(named: list[Named], same: list[tuple[Named, Named, float, str]]) -> list[Named]:
    """One brand for each that is surely the same, with all its uses: `Acme Ltd` is no rare misspelling of `Acne`."""
    found = {one.id: one for one in named}
    lead: dict[str, str] = {}

    def leading(node: str) -> str:
        while node in lead:
            node = lead[node]
        return node

    for pair in same:
        mine, theirs = (found[leading(one.id)] for one in pair[:2])
        if mine.id == theirs.id:
            continue
        rare, more = sorted((mine, theirs), key=lambda one: (one.uses, one.id))
        lead[rare.id] = more.id
        found[more.id] = replace(more, uses=rare.uses + more.uses, categories=rare.categories | more.categories)
    return [found[one.id] for one in named if one.id not in lead]


@dataclass(frozen=True, slots=True)
class _Shared:
    """How much two brands' products lie in the same places."""

    weights: Mapping[str, float]
    """Of each category: the fewer brands are in it, the more it says."""

    @classmethod
    def of(cls, named: Sequence[Named]) -> "_Shared":
        counts = Counter(category for one in named for category in one.categories)
        return cls({category: math.log(len(named) / count) for category, count in counts.items()})

    def between(self, one: Named, other: Named) -> float | None:
        """0..1, the share of the smaller one's categories; half of it where prices lie far apart; None where nothing is known."""
        # fsum: the order of a set must not decide what lies just at a bound.
        sums = [math.fsum(self.weights[category] for category in named.categories) for named in (one, other)]
        if min(sums) <= 0:
            return None
        both = math.fsum(self.weights[category] for category in one.categories & other.categories)
        return both / min(sums) / (2 if _far_apart(one.prices, other.prices) else 1)


def _far_apart(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    """Whether all prices of the one are at least three times those of the other."""
    return one is not None and other is not None and (one[0] >= 3 * other[1] or other[0] >= 3 * one[1])


def _raised(likeness: float, shared: float) -> float:
    """The likeness of names, up to halfway to 1 by what else is shared."""
    return likeness + (1 - likeness) * max(0.0, (shared - 0.5))


def _same_core(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared) -> Found:
    """Equal but for case, punctuation, legal forms and accents; short names and accents need shared categories too."""
    by_key: dict[tuple[str, ...], list[Named]] = defaultdict(list)
    for one in named:
        numbers = (word for word in cores[one.id] if word[0] == "." or word[0].isdigit())
        by_key[unaccented("".join(cores[one.id])), *numbers].append(one)
    for (key, *_), group in by_key.items():
        for one, other in combinations(group, 2) if key else ():
            accents = "".join(cores[one.id]) != "".join(cores[other.id])
            if accents and (len(key) < _SHORTEST or (shared.between(one, other) or 0) < _SHARED):
                continue
            if len(key) < _TWO_SLIPS and (shared.between(one, other) or 0) < _SHARED and folded(one.name) != folded(other.name):
                continue
            yield one, other, *(((0.97, "accents")) if accents else _as_written(one.name, other.name))


def _as_written(one: str, other: str) -> tuple[float, str]:
    """The score and rule of two names with one core: equal, or but for a legal form, or but for a short form all know."""
    if "".join(words(one)) == "".join(words(other)):
        return 1.0, "same name"
    short = (Counter(words(one)) - Counter(words(other))) + (Counter(words(other)) - Counter(words(one)))
    return (0.98, "abbreviated") if short.keys() & SHORT_FORMS.keys() else (0.99, "legal form")


def _misspelt_brands(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared) -> Found:
    """One or two slips apart, word by word, the one rarer than the other, and in the same categories."""
    plain = {one.id: [unaccented(word) for word in cores[one.id]] for one in named}
    for group in _by_marks(named, cores).values():
        for one, other, slips in _nearest(group, plain, shared):
            keys = ["".join(plain[brand.id]) for brand in (one, other)]
            length = min(map(len, keys))
            if length < (_SHORTEST if slips == 1 else _TWO_SLIPS) or not _may_be_a_slip(one, other, plain):
                continue
            known, times = shared.between(one, other), max(one.uses, other.uses) / max(1, min(one.uses, other.uses))
            sure = known is not None and known >= _NEARLY_ALL and times >= _RARER and length >= _TWO_SLIPS
            if respells(plain[one.id], plain[other.id], sure=sure):
                likeness = 1 - slips / max(map(len, keys))
                long = likeness >= _LONE
                if known is None and (long or (length >= _TWO_SLIPS and times >= _RARE)):
                    yield one, other, likeness, "misspelt"
                elif known is not None and known >= (_SHARED / 2 if long else _SHARED):
                    yield one, other, _raised(likeness, known), "misspelt"


def _nearest(group: list[Named], plain: Mapping[str, list[str]], shared: _Shared) -> Iterator[tuple[Named, Named, int]]:
    """The pairs of names one or two slips apart, unless a more frequent name that sells the like is nearer to the rarer."""
    keys = ["".join(plain[one.id]) for one in group]
    pairs = [(group[here], group[there], slips) for here, there, slips in near_pairs(keys) if slips] if len(keys) > 1 else []
    near: dict[str, int] = {}
    for one, other, slips in pairs:
        rare, more = sorted((one, other), key=lambda named: named.uses)
        if rare.uses < more.uses and (shared.between(rare, more) or 0) >= _SHARED / 2:
            near[rare.id] = min(slips, near.get(rare.id, slips))
    for one, other, slips in pairs:
        rare = min(one, other, key=lambda named: (named.uses, named.id))
        if slips <= near.get(rare.id, slips):
            yield one, other, slips


def _may_be_a_slip(one: Named, other: Named, plain: Mapping[str, list[str]]) -> bool:
    """Whether the rarer name may be a misspelling at all: by what its products' titles say, how rare it is, and what differs."""
    rare, more = sorted((one, other), key=lambda named: (named.uses, named.id))
    said = _said(rare, plain[rare.id], plain[more.id])
    times = more.uses / max(1, rare.uses)
    if said is not None:
        slip = rare.uses <= 2 and mistyped(plain[rare.id], plain[more.id])
        return said or times >= (_RARER_WORD if slip else _RARE)
    starts = ["".join(plain[one.id])[:2] for one in (rare, more)]
    if starts[0][0] != starts[1][0] and sorted(starts[0]) != sorted(starts[1]):
        return False
    if rare.uses > 2:
        return times >= _IN_USE
    return times >= (_RARER_SLIP if mistyped(plain[rare.id], plain[more.id]) else _RARER_WORD)


def _said(rare: Named, own: Sequence[str], others: Sequence[str]) -> bool | None:
    """Whether titles of the rarer brand's products say the other name (True) or its own (False); None where neither or both."""
    titles = [f" {' '.join(map(unaccented, words(title)))} " for title in rare.titles]
    mine, theirs = (any(f" {' '.join(name)} " in title for title in titles) for name in (own, others))
    return None if mine == theirs else theirs


def _by_marks(named: list[Named], cores: Mapping[str, list[str]]) -> dict[tuple[str, ...], list[Named]]:
    """The brands by what must be equal: `Manufacturer 69` is no misspelling of `Manufacturer 68`."""
    groups: dict[tuple[str, ...], list[Named]] = defaultdict(list)
    for one in named:
        groups[tuple(marks(cores[one.id]))].append(one)
    return groups


def _abbreviated(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared) -> Found:
    """As many words, each equal or short for the other, in one direction, and for one other only."""
    blocks: dict[tuple[object, ...], list[Named]] = defaultdict(list)
    for marked, group in _by_marks(named, cores).items():
        for one in group:
            blocks[marked, *(word[0] for word in cores[one.id])].append(one)
    for (_, *several), group in blocks.items():
        short = [one for one in group if any(len(word) <= 5 for word in cores[one.id])] if len(several) > 1 else []
        for one in short:
            long = _only([other for other in group if _short_for(cores[one.id], cores[other.id])])
            known = None if long is None else shared.between(one, long)
            if long is not None and known is not None and known >= _SHARED and _uneven(one, long):
                yield one, long, _raised(_SHORTENED, known), "abbreviated"


def _uneven(one: Named, other: Named) -> bool:
    """Whether one of the two is so much rarer that it can be another way to write the other, whichever people write more."""
    return _RARER_SLIP * min(one.uses, other.uses) <= max(one.uses, other.uses)


def _only(long: list[Named]) -> Named | None:
    """The one of these that a short name can mean; misspellings of it do not count."""
    ranked = sorted(long, key=lambda named: (-named.uses, named.id))
    rivals = [other for other in ranked[1:] if _RARER_SLIP * other.uses > ranked[0].uses]
    return ranked[0] if ranked and not rivals else None


def _short_for(short: Sequence[str], long: Sequence[str]) -> bool:
    pairs = [(one, other) for one, other in zip(short, long, strict=True) if one != other]
    return bool(pairs) and all(abbreviates(one, other) for one, other in pairs)


def _first_names(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared) -> Found:
    """C. Klein is Calvin Klein, where only one such name is known and lies in the same categories."""
    whole: dict[tuple[str, ...], list[Named]] = defaultdict(list)
    for one in named:
        first, *rest = cores[one.id]
        if len(first) > 2 and rest:
            whole[first[0], *rest].append(one)
    for one in named:
        long = _only(whole[tuple(cores[one.id])]) if len(cores[one.id]) > 1 else None
        known = None if long is None else shared.between(one, long)
        if (
            long is not None
            and known is not None
            and known >= _SHARED
            and len(cores[one.id][-1]) >= _SHORTEST
            and _uneven(one, long)
        ):
            yield one, long, _raised(_SHORTENED, known), "initials"


def _initials(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared) -> Found:
    """A short name that is the initials of one long name, and of one only, among those in the same categories."""
    short = {cores[one.id][0]: one for one in named if len(cores[one.id]) == 1 and 3 <= len(cores[one.id][0]) <= 6}
    found: dict[str, list[tuple[Named, float]]] = defaultdict(list)
    for long in named:
        for made in initials(cores[long.id]) & short.keys() if len(cores[long.id]) > 2 else ():
            known = shared.between(short[made], long)
            if known is not None and known >= _SHARED:
                found[made].append((long, known))
    for made, longs in found.items():
        if len(longs) == 1 and _uneven(short[made], longs[0][0]):
            yield short[made], longs[0][0], _raised(_SHORTENED, longs[0][1]), "initials"


def _surest(found: Found) -> Found:
    """Of each rarer name the best pair alone, an established name before another rare one; none where two are equally good.

    Two rare names are a pair only where neither has an established one: else one slip after another would join two brands.
    """
    of_rarer: dict[str, list[tuple[Named, Named, float, str]]] = defaultdict(list)
    for one, other, score, rule in found:
        rare, more = sorted((one, other), key=lambda named: (named.uses, -len(named.name), named.id))
        of_rarer[rare.id].append((rare, more, score, rule))
    settled = {rarer for rarer, pairs in of_rarer.items() if any(_established(*pair[:2]) for pair in pairs)}
    for rarer, pairs in of_rarer.items():
        kept = [pair for pair in pairs if _established(*pair[:2]) or not {rarer, pair[1].id} & settled]
        kept.sort(key=lambda pair: (-pair[2], -pair[1].uses, pair[1].id))
        if len(kept) == 1 or (kept and kept[0][2] > kept[1][2]):
            yield kept[0]


def _established(rare: Named, more: Named) -> bool:
    return rare.uses * _ESTABLISHED <= more.uses


def _alike_brands(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared, vectors: Vectors) -> Found:
    """Close text vectors among brands of the same rarest category, where nearly all categories are shared."""
    blocks: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(named):
        rarest = max(one.categories, key=lambda category: (shared.weights[category], category), default=None)
        if rarest is not None and len("".join(cores[one.id])) >= _SHORTEST:
            blocks[rarest].append(place)
    yield from alike(
        [[named[place] for place in group] for group in blocks.values()],
        vectors,
        _LIKE,
        lambda one, other: marks(cores[one.id]) == marks(cores[other.id]) and (shared.between(one, other) or 0) >= 0.9,
    )
