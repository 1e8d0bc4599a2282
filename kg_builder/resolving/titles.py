"""Which products, and which categories, are one: the same words in any order, one of them misspelt, and nothing else another."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from kg_builder.resolving.named import Found, Named, Vectors, alike, within
from kg_builder.resolving.spelling import Title, core, misspells

_LONG = 8
"""Letters of a category's word that may be misspelt."""
_CLOSE = 1.1
"""Prices of one product differ at most by this factor."""

_COPIES = 3
"""Products of one brand under one title are variants of one; more, and the title says what they are, not which."""

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


def category_pairs(named: list[Named], vectors: Vectors | None) -> Found:
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


def product_pairs(named: list[Named], vectors: Vectors | None) -> Found:
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
        yield from alike(kept, vectors, _SAME_TITLE, _one_product)


def _same_titles(group: list[Named], titles: Mapping[str, Title]) -> Found:
    by_words: dict[tuple[str, ...], list[Named]] = defaultdict(list)
    for one in group:
        by_words[titles[one.id].words].append(one)
    for rest, same in by_words.items():
        # A title that many products carry says what they are, not which.
        if len(same) <= _COPIES and len(rest) + sum(map(len, titles[same[0].id].marks)) > 1:
            yield from ((one, other, 1.0, "same title") for one, other in combinations(same, 2) if _one_product(one, other))


def _misspelt_titles(group: list[Named], titles: Mapping[str, Title], rule: str, *, longest_only: bool = False) -> Found:
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
        if None in slips or not rare or (longest_only and min(map(len, left + right)) < _LONG):
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
    """Whether all but the title lets the two be one: a close price, or none and the same description; no fact against it."""
    if other.id in one.linked or one.id in other.linked:
        return False
    for name in one.facts.keys() & other.facts.keys():
        if any(telling in name for telling in _TELLING) and Title.of(one.facts[name]) != Title.of(other.facts[name]):
            return False
    if one.categories and other.categories and not one.categories & other.categories:
        return False
    if one.price is not None and other.price is not None:
        return within(one.price, other.price, _CLOSE)
    return _tells(one.text) and one.text == other.text


def _tells(text: str | None) -> bool:
    """Whether a description is long enough to say which product it is of."""
    return text is not None and len(text) >= 40
