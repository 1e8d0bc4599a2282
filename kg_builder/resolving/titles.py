"""Which products, and which categories, are one: the same words in any order, one of them misspelt, and nothing else another."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from kg_builder.resolving.named import Found, Named, Vectors, alike, within
from kg_builder.resolving.spelling import Title, core, misspells, words

_LONG = 8
"""Letters of a category's word that may be misspelt."""
_CLOSE = 1.1
"""Prices of one product differ at most by this factor."""

_COPIES = 3
"""Products of one brand under one title are variants of one; more, and the title says what they are, not which."""

_KNOWN = 3
"""Titles that have a word which another one misspells."""

_SAME_TITLE = 0.97
"""The cosine of two titles' text vectors from which on they may say the same."""

_TELLING = frozenset(
    word
    for line in (
        "age amperage amps calibre caliber capacity colour color compatibility connector depth diameter dimensions edition fit",
        "finish flavour flavor format gauge gender generation grade height language length material model pack part pattern",
        "platform power quantity region scent shade shape side size strength style thickness type unit variant version voltage",
        "volts volume wattage watts weight width year",
    )
    for word in line.split()
)
"""Words of a property's name that say what tells variants apart."""


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
        yield from _misspelt_names(family, titles)


def product_pairs(named: list[Named], vectors: Vectors | None) -> Found:
    """Of one brand and price, and equal in all that tells variants apart: the same words in any order, or one misspelt."""
    named = [one for one in named if one.brand is not None and (one.price is not None or _tells(one.text))]
    brands = {name: (words(name), core(name)) for name in {one.brand_name for one in named}}
    titles = {one.id: _title(one, brands) for one in named}
    blocks: dict[tuple[Any, ...], list[Named]] = defaultdict(list)
    for one in named:
        if titles[one.id].words:
            blocks[one.brand, titles[one.id].marks].append(one)
    spread = Counter(word for title in titles.values() for word in set(title.words))
    kept = [sorted(group, key=lambda one: one.id) for group in blocks.values() if len(group) > 1]
    for group in kept:
        yield from _same_titles(group, titles)
        yield from (found for found in _misspelt_titles(group, titles, spread) if _one_product(found[0], found[1]))
    if vectors is not None:
        yield from alike(kept, vectors, _SAME_TITLE, lambda one, other: _may_mean_one(one, other, titles))


def _title(one: Named, brands: Mapping[str, tuple[list[str], list[str]]]) -> Title:
    """The title's parts without its brand, with the legal form where it has that, too."""
    whole, short = brands[one.brand_name]
    said = set(words(one.name))
    return Title.of(one.name, without=whole if set(whole) <= said else short)


def _same_titles(group: list[Named], titles: Mapping[str, Title]) -> Found:
    by_words: dict[tuple[str, ...], list[Named]] = defaultdict(list)
    for one in group:
        by_words[titles[one.id].words].append(one)
    for rest, same in by_words.items():
        # A title that many products carry says what they are, not which.
        if len(same) <= _COPIES and len(rest) + sum(map(len, titles[same[0].id].marks)) > 1:
            for one, other in combinations(same, 2):
                if _ordered(titles[one.id], titles[other.id]) and _one_product(one, other):
                    yield one, other, 1.0, "same title"


def _ordered(one: Title, other: Title, respelt: Mapping[str, str] | None = None) -> bool:
    """Whether the words of both stand in an order that lets them say the same; `respelt` is how the one spells the other's."""
    return one.ordered_as([(respelt or {}).get(word, word) for word in other.order], parted=other.parted)


def _misspelt_titles(group: list[Named], titles: Mapping[str, Title], spread: Counter[str]) -> Found:
    """Titles that differ in one or two words, each a mistake for the other's.

    Args:
        group: what may be one at all.
        titles: by id.
        spread: how many titles of the whole catalogue have each word.
    """
    copies = Counter(titles[one.id].words for one in group)
    group = [one for one in group if copies[titles[one.id].words] <= _COPIES]
    for one, other in _near_titles(group, titles, spread):
        respelt = _respelt(titles[one.id], titles[other.id])
        if respelt and all(_mistaken(mine, theirs, spread, one, other) for mine, theirs, _ in respelt):
            yield one, other, _likeness(respelt, titles[one.id], titles[other.id]), "misspelt title"


def _misspelt_names(family: list[Named], titles: Mapping[str, Title]) -> Found:
    """Names of categories in which a long word lacks a letter, has one too many, or two that changed places."""
    spread = Counter(word for title in titles.values() for word in set(title.words))
    for one, other in _near_titles(family, titles, spread):
        respelt = _respelt(titles[one.id], titles[other.id])
        if respelt and all(
            slips == 1
            and min(len(mine), len(theirs)) >= _LONG
            and min(spread[mine], spread[theirs]) == 1
            and (len(mine) != len(theirs) or sorted(mine) == sorted(theirs))
            for mine, theirs, slips in respelt
        ):
            yield one, other, _likeness(respelt, titles[one.id], titles[other.id]), "misspelt"


Respelt = list[tuple[str, str, int]]


def _respelt(one: Title, other: Title) -> Respelt | None:
    """The one or two words in which titles differ, as each spells them, with the slips between; None where more differs."""
    mine, theirs = Counter(one.words), Counter(other.words)
    left, right = sorted((mine - theirs).elements()), sorted((theirs - mine).elements())
    if one.marks != other.marks or len(left) != len(right) or not 1 <= len(left) <= 2:
        return None
    found = [(word, written, slips) for word, written in zip(left, right, strict=True) if (slips := misspells(word, written))]
    return found if len(found) == len(left) and _ordered(one, other, dict(zip(right, left, strict=True))) else None


def _likeness(respelt: Respelt, one: Title, other: Title) -> float:
    return 1 - sum(slips for *_, slips in respelt) / max(sum(map(len, title.words)) for title in (one, other))


def _mistaken(mine: str, theirs: str, spread: Mapping[str, int], one: Named, other: Named) -> bool:
    """Whether one of two words is a mistake for the other: no title and no description has it, and others have the right one."""
    for wrong, right, holder in ((mine, theirs, one), (theirs, mine, other)):
        said = set(words(holder.text or "")) if spread[wrong] == 1 else {wrong}
        if wrong not in said and (spread[right] >= _KNOWN or right in said):
            return True
    return False


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
        if not _TELLING.isdisjoint(name.split("_")) and Title.of(one.facts[name]) != Title.of(other.facts[name]):
            return False
    if one.categories and other.categories and not one.categories & other.categories:
        return False
    if one.text and other.text and one.text != other.text and _told(one.text) != _told(other.text):  # Size: M, Size: L
        return False
    if one.price is not None and other.price is not None:
        return within(one.price, other.price, _CLOSE)
    return _tells(one.text) and one.text == other.text


def _told(text: str) -> tuple[tuple[str, ...], ...]:
    return Title.of(text).marks


def _may_mean_one(one: Named, other: Named, titles: Mapping[str, Title]) -> bool:
    """Whether close vectors are enough: one description, and a word for another; a word more is another product."""
    mine, theirs = Counter(titles[one.id].words), Counter(titles[other.id].words)
    swapped = bool(mine - theirs) and bool(theirs - mine)
    return swapped and _tells(one.text) and one.text == other.text and _one_product(one, other)


def _tells(text: str | None) -> bool:
    """Whether a description is long enough to say which product it is of."""
    return text is not None and len(text) >= 40
