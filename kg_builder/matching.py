"""Names in, pairs out: which brands, categories and products are one thing.

The rules go from the sure to the likely. A name alone is never enough for the likely ones: brands must share categories, products
brand and price, categories their parent. What may differ between two variants of a product (a number, a size, a colour) must be
equal.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from kg_builder.errors import BadRequest
from kg_builder.neighbours import near_pairs
from kg_builder.spelling import (
    SHORT_FORMS,
    Title,
    abbreviates,
    core,
    folded,
    initials,
    marks,
    misspells,
    respells,
    unaccented,
    words,
)

THRESHOLD = 0.85
"""The score from which on a pair is a match, unless told otherwise."""
Vectors = Callable[[list[str]], Any]
"""From texts to [n, dim] unit vectors."""

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
_RARE = 20
"""A name this many times rarer than another is a misspelling, where no categories are known."""
_CLOSE = 1.1
"""Prices of one product differ at most by this factor."""
_SHORTENED = 0.84
"""The likeness of a name and a short form of it."""
_COPIES = 3
"""Products of one brand under one title are variants of one; more, and the title says what they are, not which."""
_LIKE = 0.9
"""The cosine of two brands' text vectors from which on they say the same; of two products' titles it is `_SAME_TITLE`."""
_SAME_TITLE = 0.97
_TELLING = (
    "colour",
    "color",
    "size",
    "material",
    "gender",
    "format",
    "pack",
    "edition",
    "volume",
    "model",
    "part_number",
    "flavor",
)
"""What a property's name says that tells variants apart."""


@dataclass(frozen=True, slots=True)
class Named:
    """A node as matching sees it: its name, and what is known of it beside."""

    id: str
    name: str
    uses: int = 1
    """How many edges say it: a misspelling is rarer than the name."""
    categories: frozenset[str] = frozenset()
    """Ids of its categories, those above them too."""
    price: float | None = None
    """A product's price."""
    prices: tuple[float, float] | None = None
    """The lowest and highest price of a brand's products."""
    brand: str | None = None
    """A product's brand id."""
    brand_name: str = ""
    parent: str | None = None
    """A category's parent."""
    text: str | None = None
    """A product's description."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Further properties of a product."""
    linked: frozenset[str] = frozenset()
    """Ids of products bought together with it: they are others."""


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


def find(label: str, named: Sequence[Named], *, threshold: float = THRESHOLD, vectors: Vectors | None = None) -> list[Match]:
    """The pairs of these nodes that are one thing, the best first.

    Args:
        label: Brand, Category or Product.
        named: the nodes.
        threshold: the least score; less finds more and errs more.
        vectors: text vectors, where names without a letter in common may mean the same.

    Raises:
        BadRequest: no rules for the label, or a threshold outside 0..1.

    Example:
        >>> shoes = frozenset({"Sports", "Sports > Shoes"})
        >>> brands = [Named("adidas", "Adidas", 9, shoes), Named("addidas", "Addidas", 1, shoes), Named("nike", "Nike", 9)]
        >>> [(match.one_id, match.other_id, match.rule) for match in find("Brand", [*brands, Named("x", "X", 9, frozenset("y"))])]
        [('addidas', 'adidas', 'misspelt')]
    """
    rules = {"Brand": _brands, "Category": _categories, "Product": _products}
    if label not in rules:
        raise BadRequest(f"expected a label of {', '.join(rules)} (got {label!r})")
    if not 0 <= threshold <= 1:
        raise BadRequest(f"threshold must lie in 0..1 (got {threshold:g})")
    best: dict[tuple[str, str], Match] = {}
    for one, other, score, rule in rules[label](list(named), vectors):
        pair = (min(one.id, other.id), max(one.id, other.id))
        if score >= threshold and (pair not in best or best[pair].score < score):
            best[pair] = Match(label, *pair, round(score, 4), rule)
    return sorted(best.values(), key=lambda match: (-match.score, match.one_id, match.other_id))


_Found = Iterator[tuple[Named, Named, float, str]]


def _brands(named: list[Named], vectors: Vectors | None) -> _Found:
    cores = {one.id: core(one.name) for one in named}
    shared = _Shared.of(named)
    yield from _same_core(named, cores, shared)
    yield from _surest(_misspelt_brands(named, cores, shared))
    yield from _surest(_abbreviated(named, cores, shared))
    yield from _surest(_initials(named, cores, shared))
    if vectors is not None:
        yield from _alike_brands(named, cores, shared, vectors)


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
        sums = [sum(self.weights[category] for category in named.categories) for named in (one, other)]
        if min(sums) <= 0:
            return None
        both = sum(self.weights[category] for category in one.categories & other.categories)
        return both / min(sums) / (2 if _far_apart(one.prices, other.prices) else 1)


def _far_apart(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    """Whether all prices of the one are at least three times those of the other."""
    return one is not None and other is not None and (one[0] >= 3 * other[1] or other[0] >= 3 * one[1])


def _within(one: float | None, other: float | None, factor: float) -> bool:
    """Whether the prices are at most so far apart, or one is unknown."""
    return one is None or other is None or max(one, other) <= factor * min(one, other)


def _raised(likeness: float, shared: float) -> float:
    """The likeness of names, up to halfway to 1 by what else is shared."""
    return likeness + (1 - likeness) * max(0.0, (shared - 0.5))


def _same_core(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared) -> _Found:
    """Equal but for case, punctuation, legal forms and accents; short names and accents need shared categories too."""
    by_key: dict[str, list[Named]] = defaultdict(list)
    for one in named:
        by_key[unaccented("".join(cores[one.id]))].append(one)
    for key, group in by_key.items():
        for one, other in combinations(group, 2) if key else ():
            accents = "".join(cores[one.id]) != "".join(cores[other.id])
            if accents and (len(key) < _SHORTEST or (shared.between(one, other) or 0) < _SHARED):
                continue
            if len(key) < _TWO_SLIPS and (shared.between(one, other) or 0) < _SHARED and folded(one.name) != folded(other.name):
                continue
            yield one, other, *(((0.97, "accents")) if accents else _as_written(one.name, other.name))


def _as_written(one: str, other: str) -> tuple[float, str]:
    """The score and rule of two names with one core: equal, but for a legal form, or but for a short form that everybody knows."""
    if "".join(words(one)) == "".join(words(other)):
        return 1.0, "same name"
    short = (Counter(words(one)) - Counter(words(other))) + (Counter(words(other)) - Counter(words(one)))
    return (0.98, "abbreviated") if short.keys() & SHORT_FORMS.keys() else (0.99, "legal form")


def _misspelt_brands(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared) -> _Found:
    """One or two slips apart, word by word, the one rarer than the other, and in the same categories."""
    plain = {one.id: [unaccented(word) for word in cores[one.id]] for one in named}
    for group in _by_marks(named, cores).values():
        keys = ["".join(plain[one.id]) for one in group]
        for place, there, slips in near_pairs(keys) if len(keys) > 1 else ():
            one, other = group[place], group[there]
            length = min(len(keys[place]), len(keys[there]))
            rarer, more = sorted((one.uses, other.uses))
            if not slips or length < (_SHORTEST if slips == 1 else _TWO_SLIPS) or (rarer > 2 and rarer * 2 > more):
                continue
            known = shared.between(one, other)
            sure = known is not None and known >= _NEARLY_ALL and rarer * _RARER <= more and length >= _TWO_SLIPS
            if respells(plain[one.id], plain[other.id], sure=sure):
                likeness = 1 - slips / max(len(keys[place]), len(keys[there]))
                long = likeness >= _LONE
                if known is None and (long or (length >= _TWO_SLIPS and rarer * _RARE <= more)):
                    yield one, other, likeness, "misspelt"
                elif known is not None and known >= (_SHARED / 2 if long else _SHARED):
                    yield one, other, _raised(likeness, known), "misspelt"


def _by_marks(named: list[Named], cores: Mapping[str, list[str]]) -> dict[tuple[str, ...], list[Named]]:
    """The brands by what must be equal: `Manufacturer 69` is no misspelling of `Manufacturer 68`."""
    groups: dict[tuple[str, ...], list[Named]] = defaultdict(list)
    for one in named:
        groups[tuple(marks(cores[one.id]))].append(one)
    return groups


def _abbreviated(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared) -> _Found:
    """As many words, each equal or short for the other, in one direction."""
    blocks: dict[tuple[object, ...], list[Named]] = defaultdict(list)
    for marked, group in _by_marks(named, cores).items():
        for one in group:
            blocks[marked, *(word[0] for word in cores[one.id])].append(one)
    for (_, *several), group in blocks.items():
        short = [one for one in group if any(len(word) <= 5 for word in cores[one.id])] if len(several) > 1 else []
        for one in short:
            for other in group:
                if _short_for(cores[one.id], cores[other.id]):
                    known = shared.between(one, other)
                    if known is not None and known >= _SHARED:
                        yield one, other, _raised(_SHORTENED, known), "abbreviated"


def _short_for(short: Sequence[str], long: Sequence[str]) -> bool:
    pairs = [(one, other) for one, other in zip(short, long, strict=True) if one != other]
    return bool(pairs) and all(abbreviates(one, other) for one, other in pairs)


def _initials(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared) -> _Found:
    """A short name that is the initials of one long name, and of one only, among those in the same categories."""
    short = {cores[one.id][0]: one for one in named if len(cores[one.id]) == 1 and 3 <= len(cores[one.id][0]) <= 6}
    found: dict[str, list[tuple[Named, float]]] = defaultdict(list)
    for long in named:
        for made in initials(cores[long.id]) & short.keys() if len(cores[long.id]) > 2 else ():
            known = shared.between(short[made], long)
            if known is not None and known >= _SHARED:
                found[made].append((long, known))
    for made, longs in found.items():
        if len(longs) == 1:
            yield short[made], longs[0][0], _raised(_SHORTENED, longs[0][1]), "initials"


def _surest(found: _Found) -> _Found:
    """Of each rarer name the best pair alone, and none where two are equally good and used equally often."""
    of_rarer: dict[str, list[tuple[Named, Named, float, str]]] = defaultdict(list)
    for one, other, score, rule in found:
        rare, more = sorted((one, other), key=lambda named: (named.uses, -len(named.name), named.id))
        of_rarer[rare.id].append((rare, more, score, rule))
    for pairs in of_rarer.values():
        pairs.sort(key=lambda pair: (-pair[2], -pair[1].uses, pair[1].id))
        if len(pairs) == 1 or (pairs[0][2], pairs[0][1].uses) != (pairs[1][2], pairs[1][1].uses):
            yield pairs[0]


def _alike_brands(named: list[Named], cores: Mapping[str, list[str]], shared: _Shared, vectors: Vectors) -> _Found:
    """Close text vectors among brands of the same rarest category, where nearly all categories are shared."""
    blocks: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(named):
        rarest = max(one.categories, key=lambda category: (shared.weights[category], category), default=None)
        if rarest is not None and len("".join(cores[one.id])) >= _SHORTEST:
            blocks[rarest].append(place)
    yield from _alike(
        [[named[place] for place in group] for group in blocks.values()],
        vectors,
        _LIKE,
        lambda one, other: marks(cores[one.id]) == marks(cores[other.id]) and (shared.between(one, other) or 0) >= 0.9,
    )


def _alike(groups: Iterable[list[Named]], vectors: Vectors, least: float, may: Callable[[Named, Named], bool]) -> _Found:
    crowded = [group for group in groups if len(group) > 1]
    texts = list(dict.fromkeys(one.name for group in crowded for one in group))
    if not texts:
        return
    made = np.asarray(vectors(texts), dtype=np.float32)
    row = {text: place for place, text in enumerate(texts)}
    for group in crowded:
        own = made[[row[one.name] for one in group]]
        for place, there in np.argwhere(np.triu(own @ own.T >= least, 1)).tolist():
            if may(group[place], group[there]):
                yield group[place], group[there], float(own[place] @ own[there]), "vectors"


def _categories(named: list[Named], vectors: Vectors | None) -> _Found:
    """Among the children of one parent: the same words, in long names one of them misspelt."""
    del vectors  # siblings that mean nearly the same are how a tree of categories is made
    families: dict[str | None, list[Named]] = defaultdict(list)
    for one in named:
        families[one.parent].append(one)
    for family in families.values():
        titles = {one.id: Title.of(one.name) for one in family}
        by_words: dict[tuple[Any, ...], list[Named]] = defaultdict(list)
        for one in family:
            by_words[titles[one.id].words, titles[one.id].marks].append(one)
        for (rest, marked), group in by_words.items():
            if rest or any(marked):
                yield from ((one, other, 1.0, "same name") for one, other in combinations(group, 2))
        yield from _misspelt_titles(family, titles, "misspelt", longest_only=True)


def _products(named: list[Named], vectors: Vectors | None) -> _Found:
    """Of one brand and price, and equal in all that tells variants apart: the same words in any order, or one misspelt."""
    named = [one for one in named if one.brand is not None and (one.price is not None or _tells(one.text))]
    brands = {name: core(name) for name in {one.brand_name for one in named}}
    titles = {one.id: Title.of(one.name, without=brands[one.brand_name] if one.brand_name else ()) for one in named}
    blocks: dict[tuple[Any, ...], list[Named]] = defaultdict(list)
    for one in named:
        if titles[one.id].words:
            blocks[one.brand, titles[one.id].marks].append(one)
    kept = [sorted(group, key=lambda one: one.id) for group in blocks.values() if len(group) > 1]
    for group in kept:
        yield from _same_titles(group, titles)
        yield from (found for found in _misspelt_titles(group, titles, "misspelt title") if _one_product(found[0], found[1]))
    if vectors is not None:
        yield from _alike(kept, vectors, _SAME_TITLE, _one_product)


def _same_titles(group: list[Named], titles: Mapping[str, Title]) -> _Found:
    by_words: dict[tuple[str, ...], list[Named]] = defaultdict(list)
    for one in group:
        by_words[titles[one.id].words].append(one)
    for rest, same in by_words.items():
        # A title that many products carry says what they are, not which.
        if len(same) <= _COPIES and len(rest) + sum(map(len, titles[same[0].id].marks)) > 1:
            yield from ((one, other, 1.0, "same title") for one, other in combinations(same, 2) if _one_product(one, other))


def _misspelt_titles(group: list[Named], titles: Mapping[str, Title], rule: str, *, longest_only: bool = False) -> _Found:
    """Titles that differ in one or two words, each a misspelling of the other's: a word that no further title has."""
    spread = Counter(word for one in group for word in set(titles[one.id].words))
    copies = Counter(titles[one.id].words for one in group)
    group = [one for one in group if copies[titles[one.id].words] <= _COPIES]
    for one, other in _near_titles(group, titles, spread):
        mine, theirs = Counter(titles[one.id].words), Counter(titles[other.id].words)
        left, right = sorted((mine - theirs).elements()), sorted((theirs - mine).elements())
        if titles[one.id].marks != titles[other.id].marks or len(left) != len(right) or not 1 <= len(left) <= 2:
            continue
        slips = [misspells(word, written) for word, written in zip(left, right, strict=True)]
        rare = all(min(spread[word], spread[written]) == 1 for word, written in zip(left, right, strict=True))
        if None in slips or not rare or (longest_only and min(map(len, left + right)) < _TWO_SLIPS):
            continue
        length = max(sum(map(len, titles[named.id].words)) for named in (one, other))
        yield one, other, 1 - sum(slip or 0 for slip in slips) / length, rule


def _near_titles(group: list[Named], titles: Mapping[str, Title], spread: Counter[str]) -> Iterator[tuple[Named, Named]]:
    """The pairs worth a look: all of a small group, of a large one those that share one of their two rarest shared words."""
    if len(group) <= 50:
        yield from combinations(group, 2)
        return
    blocks: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(group):
        known = sorted({word for word in titles[one.id].words if spread[word] > 1}, key=lambda word: (spread[word], word))
        for word in known[:2]:
            blocks[word].append(place)
    pairs = {pair for places in blocks.values() if len(places) <= 500 for pair in combinations(places, 2)}
    yield from ((group[place], group[there]) for place, there in sorted(pairs))


def _one_product(one: Named, other: Named) -> bool:
    """Whether all but the title lets the two be one: price close, or unknown and described in the same words; no fact against it."""
    if other.id in one.linked or one.id in other.linked:
        return False
    for name in one.facts.keys() & other.facts.keys():
        if any(telling in name for telling in _TELLING) and Title.of(one.facts[name]) != Title.of(other.facts[name]):
            return False
    if one.categories and other.categories and not one.categories & other.categories:
        return False
    if one.price is not None and other.price is not None:
        return _within(one.price, other.price, _CLOSE)
    return _tells(one.text) and one.text == other.text


def _tells(text: str | None) -> bool:
    """Whether a description is long enough to say which product it is of."""
    return text is not None and len(text) >= 40


def with_brand(named: Iterable[Named], brands: Mapping[str, str]) -> list[Named]:
    """The same products, each brand replaced by the one that stands for it."""
    return [replace(one, brand=brands.get(one.brand or "", one.brand)) for one in named]
