"""A generated catalogue whose brands and products are spelt in many ways, with the truth about which are one thing."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from kg_builder.dumps import Dump
from kg_builder.planted.spellings import CLEAN, Draw, made_up_brands, made_up_word, pick, slip, spellings_of

_COLOURS = ("red", "green", "blue", "black", "white", "silver")

_FORMATS = ("Paperback", "Hardcover", "Kindle Edition", "Audiobook")


@dataclass(frozen=True, slots=True)
class Judgement:
    """How well nodes agree with the truth."""

    found: Mapping[str, tuple[int, int]]
    """By kind of corruption: how many lie in the node of what they mean, and how many there are."""
    right: int
    """Pairs in one node that mean the same."""
    wrong: tuple[tuple[str, str], ...]
    """Pairs in one node that mean different things."""

    @property
    def precision(self) -> float:
        """The share of pairs in one node that mean the same; 1 where there are none."""
        return self.right / (self.right + len(self.wrong)) if self.right or self.wrong else 1.0

    @property
    def recall(self) -> float:
        """The share of all corrupted names that lie in the node of what they mean."""
        found, every = (sum(counts) for counts in zip(*self.found.values(), strict=True))
        return int(found) / int(every)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Names, what each means, and how each was made."""

    means: Mapping[str, str]
    kinds: Mapping[str, str]
    """`clean` for the name itself, a look-alike's kind for what differs from another on purpose, else the corruption."""
    corruptions: frozenset[str]

    def judge(self, node: Mapping[str, str]) -> Judgement:
        """How the nodes that names ended up in agree with what they mean.

        Example:
            >>> names = Labelled({"Acme": "a", "Acmee": "a"}, {"Acme": "clean", "Acmee": "misspelt"}, frozenset({"misspelt"}))
            >>> names.judge({"Acme": "acme", "Acmee": "acme"}).recall, names.judge({"Acme": "acme", "Acmee": "acmee"}).recall
            (1.0, 0.0)
        """
        clean = {meaning: name for name, meaning in self.means.items() if self.kinds[name] not in self.corruptions}
        found: Counter[str] = Counter()
        for name, kind in self.kinds.items():
            found[kind] += kind in self.corruptions and node[name] == node[clean[self.means[name]]]
        every = Counter(self.kinds.values())
        groups: dict[str, list[str]] = defaultdict(list)
        for name in sorted(self.means):
            groups[node[name]].append(name)
        pairs = [pair for group in groups.values() for pair in combinations(group, 2)]
        wrong = tuple(pair for pair in pairs if self.means[pair[0]] != self.means[pair[1]])
        kinds = {kind: (found[kind], every[kind]) for kind in sorted(self.corruptions) if every[kind]}
        return Judgement(kinds, len(pairs) - len(wrong), wrong)


@dataclass(frozen=True, slots=True)
class PlantedNames:
    """The catalogue and the truth about it."""

    dump: Dump
    brands: Labelled
    """By spelling."""
    products: Labelled
    """By product id."""


def planted_names(n: int = 300, seed: int = 0, *, same_shelf: bool = False) -> PlantedNames:
    """A catalogue of n brands; the same seed gives the same.

    Every brand has products in one or two categories, and two or three corrupted spellings: re-cased, with a legal form,
    misspelt (one slip, in long names up to two), abbreviated word by word, or as initials. Every fifth brand is a look-alike
    of another: one letter or number apart, in other categories (with `same_shelf` in the same); every tenth shares a word with
    another of the same category.
    Every brand lists some products again with the title re-cased, re-ordered, punctuated or misspelt, and some that differ from
    another only by a model number, size, colour, year, volume, pack, fit, format or a word.

    Raises:
        ValueError: n is less than 10.

    Example:
        >>> names = planted_names(20)
        >>> len(set(names.brands.means.values())), names.brands.corruptions >= {"misspelt", "abbreviated"}
        (20, True)
    """
    if n < 10:
        raise ValueError(f"n must be at least 10 (got {n})")
    draw = np.random.default_rng(seed)
    names, homes = made_up_brands(n, draw, same_shelf=same_shelf)
    spellings = spellings_of(names, draw)
    rows, means, kinds = _products(names, homes, spellings, draw)
    placed = [{**row, "file": "planted names", "line": line} for line, row in enumerate(rows, 1)]
    brands = Labelled(
        {spelling: names[brand] for brand, own in enumerate(spellings) for spelling in own},
        {spelling: kind for own in spellings for spelling, kind in own.items()},
        frozenset({"re-cased", "legal form", "misspelt", "misspelt twice", "abbreviated", "initials"}),
    )
    products = Labelled(means, kinds, frozenset(f"title {kind}" for kind in _VARIANTS))
    return PlantedNames(Dump("planted names", "planted", products=pl.DataFrame(placed).lazy()), brands, products)


@dataclass(frozen=True, slots=True)
class _Item:
    """A product's title in parts."""

    words: tuple[str, ...]
    model: str
    size: int
    colour: str
    year: int
    volume: int
    pack: int
    fit: str
    format: str
    form: int
    """Which of the parts the title shows."""

    @property
    def title(self) -> str:
        """The title as its maker writes it."""
        name = " ".join(word.title() for word in self.words)
        return (
            f"{name} {self.model} {self.size} ml {self.colour.title()}",
            f"{name} {self.model}, {self.colour}, Pack of {self.pack}",
            f"{name} Vol. {self.volume} ({self.year}) {self.format}",
            f"{self.fit.capitalize()} {name} {self.model} - {self.colour.title()}",
        )[self.form]


_SHOWN = (
    ("model number", "size", "colour", "word"),
    ("model number", "pack", "colour", "word"),
    ("volume", "year", "format", "word"),
    ("fit", "model number", "colour", "word"),
)
"""By form of the title, what a look-alike may differ in."""


def _products(
    names: list[str], homes: list[list[tuple[str, str]]], spellings: list[dict[str, str]], draw: Draw
) -> tuple[list[dict[str, object]], dict[str, str], dict[str, str]]:
    nouns = [made_up_word(draw, int(draw.integers(2, 4))) for _ in range(400)]
    rows: list[dict[str, object]] = []
    means: dict[str, str] = {}
    kinds: dict[str, str] = {}
    titles: set[tuple[int, str]] = set()

    def add(brand: int, spelling: str, title: str, price: float, meaning: str | None, kind: str) -> str:
        own = f"n{len(rows):05d}"
        path = homes[brand][len(rows) % len(homes[brand])] if meaning is None else shelf_of[meaning]
        shelf_of[meaning or own] = path
        rows.append({"id": own, "title": title, "brand": spelling, "price": f"${price:.2f}", "categories": [list(path)]})
        means[own], kinds[own] = meaning or own, kind
        return own

    shelf_of: dict[str, tuple[str, str]] = {}
    for brand, name in enumerate(names):
        said = [spelling for spelling, kind in spellings[brand].items() if kind != CLEAN for _ in range(int(draw.integers(1, 3)))]
        said += [name] * max(5, 2 * len(said))
        for spelling in said:
            item, price = _item(nouns, draw), 5 + float(draw.integers(0, 9000)) / 100
            if (brand, item.title) in titles:
                continue
            titles.add((brand, item.title))
            own = add(brand, spelling, item.title, price, None, CLEAN)
            if draw.random() < 0.25:
                kind = pick(draw, list(_VARIANTS))
                title = _VARIANTS[kind](item.title, draw)
                if title != item.title:
                    add(brand, name, title, price * (1 + 0.03 * (draw.random() - 0.5)), own, f"title {kind}")
            if draw.random() < 0.5:
                kind = pick(draw, _SHOWN[item.form])
                other = _other(item, kind, nouns, draw)
                if (brand, other.title) not in titles:
                    titles.add((brand, other.title))
                    alike = add(brand, name, other.title, price * (1 + 0.03 * (draw.random() - 0.5)), None, f"other {kind}")
                    shelf_of[alike] = shelf_of[own]
                    rows[-1]["categories"] = [list(shelf_of[own])]
    return rows, means, kinds


def _item(nouns: list[str], draw: Draw) -> _Item:
    return _Item(
        words=tuple(nouns[int(place)] for place in draw.choice(len(nouns), size=int(draw.integers(2, 5)), replace=False)),
        model=f"{pick(draw, ['X', 'ZR-', 'K', 'MT'])}{int(draw.integers(10, 999))}",
        size=int(draw.integers(1, 20)) * 50,
        colour=pick(draw, _COLOURS),
        year=int(draw.integers(1995, 2024)),
        volume=int(draw.integers(1, 12)),
        pack=int(draw.integers(2, 24)),
        fit=pick(draw, ("men's", "women's", "kids")),
        format=pick(draw, _FORMATS),
        form=int(draw.integers(len(_SHOWN))),
    )


def _other(item: _Item, kind: str, nouns: list[str], draw: Draw) -> _Item:
    """The same item but for what the kind says."""
    drawn = _item(nouns, draw)
    words = (*item.words[:-1], drawn.words[0]) if kind == "word" else item.words
    field = {"model number": "model", "word": "form"}.get(kind, kind)
    kept = {name: getattr(item, name) for name in _Item.__dataclass_fields__ if name not in (field, "words", "form")}
    new = {} if kind == "word" else {field: getattr(drawn, field)}
    return _Item(words=words, form=item.form, **kept, **new)


def _reorder(title: str, draw: Draw) -> str:
    """Its last part first, what belongs together together."""
    words = title.replace(",", "").replace(" - ", " ").split(" ")
    words = " ".join(words).replace("Pack of ", "Pack~of~").replace(" ml", "~ml").replace("Vol. ", "Vol.~").split(" ")
    turn = int(draw.integers(1, len(words)))
    return " ".join(words[turn:] + words[:turn]).replace("~", " ")


def _punctuate(title: str, draw: Draw) -> str:
    first, _, rest = title.partition(" ")
    return f"{first}{pick(draw, [' - ', ', ', ' / '])}{rest.replace('(', '[').replace(')', ']')}{pick(draw, ['', '.', '!'])}"


def _misspell_title(title: str, draw: Draw) -> str:
    """One slip in one of its longer words, not in what tells variants apart."""
    known = {*_COLOURS, *(word.lower() for form in _FORMATS for word in form.split()), "pack"}
    long = [word for word in title.split() if word.isalpha() and len(word) >= 6 and word.lower() not in known]
    if not long:
        return title
    word = pick(draw, long)
    return title.replace(word, word[0] + slip(word[1:], draw, 1), 1)


_VARIANTS: Mapping[str, Callable[[str, Draw], str]] = {
    "re-cased": lambda title, draw: pick(draw, [title.upper(), title.lower()]),
    "re-ordered": _reorder,
    "punctuated": _punctuate,
    "misspelt": _misspell_title,
}
