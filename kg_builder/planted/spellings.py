"""Brands with made-up names, and the ways in which people spell them."""

from collections.abc import Callable, Mapping

import numpy as np

from kg_builder.resolution import brand_id

_ONSETS = "b br c ch cl d dr f fl g gr h j k kl l m n p pr qu r s sk st t tr v w z".split()  # noqa: SIM905

_VOWELS = "a a e e i i o o u ai ea io ou".split()  # noqa: SIM905

_CODAS = ("", "", "", "l", "m", "n", "r", "s", "x", "nd", "rt", "st")

_LEGAL = ("Inc.", "Ltd", "LLC", "GmbH", "Co.", "Corporation")

CLEAN = "clean"

Draw = np.random.Generator


def pick(draw: Draw, of: tuple[str, ...] | list[str]) -> str:
    """One of these."""
    return of[int(draw.integers(len(of)))]


def made_up_word(draw: Draw, syllables: int) -> str:
    """A word that can be spoken."""
    parts = (pick(draw, _ONSETS) + pick(draw, _VOWELS) for _ in range(syllables))
    return "".join(parts) + pick(draw, _CODAS)


def made_up_brands(n: int, draw: Draw, *, same_shelf: bool) -> tuple[list[str], list[list[tuple[str, str]]]]:
    """Names that are all different, and the one or two categories of each."""
    shelves = [(f"Department {top}", f"Shelf {top}.{low}") for top in range(max(4, n // 30)) for low in range(6)]
    names: list[str] = []
    homes: list[list[tuple[str, str]]] = []
    taken: set[str] = set()
    while len(names) < n:
        home = [shelves[int(place)] for place in draw.choice(len(shelves), size=int(draw.integers(1, 3)), replace=False)]
        name = " ".join(made_up_word(draw, int(draw.integers(1, 4))).title() for _ in range(int(draw.integers(1, 4))))
        if len(names) > 4 and len(names) % 5 == 0:
            like = int(draw.integers(len(names)))
            name = _look_alike(names[like], draw)
            away = homes[like] if same_shelf else [shelf for shelf in shelves if shelf[0] not in {top for top, _ in homes[like]}]
            home = [away[int(draw.integers(len(away)))]]
        elif len(names) > 4 and len(names) % 10 == 1:
            like = int(draw.integers(len(names)))
            name, home = f"{names[like].split()[0]} {made_up_word(draw, 2).title()}", homes[like]
        if brand_id(name) not in taken:
            taken.add(brand_id(name))
            names.append(name)
            homes.append(home)
    return names, homes


def _look_alike(name: str, draw: Draw) -> str:
    """One letter another, or a number where there was none or another."""
    if draw.random() < 0.3:
        stem = name.rstrip("0123456789 ")
        return f"{stem} {int(draw.integers(2, 99))}"
    return slip(name, draw, 1, swaps_only=True)


def slip(name: str, draw: Draw, times: int, *, swaps_only: bool = False) -> str:
    """The name with so many letters replaced, left out, put in or changed with the next."""
    for _ in range(times):
        letters = [place for place, sign in enumerate(name) if sign.isalpha()]
        place = letters[int(draw.integers(len(letters)))]
        other = pick(draw, list("abcdefghiklmnoprstuvwy".replace(name[place].lower(), "")))
        other = other.upper() if name[place].isupper() else other
        kind = 0 if swaps_only else int(draw.integers(4))
        following = name[place + 1 : place + 2]
        if kind == 3 and following.isalpha() and following.lower() != name[place].lower():
            name = name[:place] + following + name[place] + name[place + 2 :]
        elif kind == 1:
            name = name[:place] + name[place + 1 :]
        elif kind == 2:
            name = name[:place] + name[place] + other.lower() + name[place + 1 :]
        else:
            name = name[:place] + other + name[place + 1 :]
    return name


def spellings_of(names: list[str], draw: Draw) -> list[dict[str, str]]:
    """For every brand the spellings with how each was made, the clean one first; no spelling means two brands."""
    taken = {brand_id(name) for name in names}
    every: list[dict[str, str]] = []
    for name in names:
        own = {name: CLEAN}
        kinds = [kind for kind in CORRUPTIONS if _fits(kind, name)]
        for kind in draw.permutation(np.array(kinds))[: int(draw.integers(2, 4))].tolist():
            spelling = CORRUPTIONS[kind](name, draw)
            if spelling in own or (brand_id(spelling) in taken and kind != "re-cased"):
                continue
            taken.add(brand_id(spelling))
            own[spelling] = kind
        every.append(own)
    return every


def _fits(kind: str, name: str) -> bool:
    """Whether the name can be corrupted this way so that a person would still know it."""
    letters, several = sum(sign.isalpha() for sign in name), len([word for word in name.split() if word.isalpha()])
    least = {"misspelt": 5, "misspelt twice": 9}.get(kind, 0)
    words = {"abbreviated": 2, "initials": 3}.get(kind, 1)
    long = kind != "abbreviated" or max(map(len, name.split())) >= 7
    return letters >= least and several >= words and long and not (kind == "initials" and not name.replace(" ", "").isalpha())


def _recase(name: str, draw: Draw) -> str:
    return pick(draw, [name.upper(), name.lower(), f"{name}™", name.replace(" ", "-"), name.swapcase()])


def _abbreviate(name: str, draw: Draw) -> str:
    """The longest word as its start or without its vowels: Intl Business Machines."""
    longest = max(name.split(), key=len)
    inner = "".join(letter for letter in longest[1:-1] if letter not in "aeiou")[:3]
    short = longest[:4] + "." if draw.random() < 0.5 else longest[0] + inner + longest[-1]
    return " ".join(short if word == longest else word for word in name.split())


CORRUPTIONS: Mapping[str, Callable[[str, Draw], str]] = {
    "re-cased": _recase,
    "legal form": lambda name, draw: f"{name}{pick(draw, [', ', ' '])}{pick(draw, _LEGAL)}",
    "misspelt": lambda name, draw: slip(name, draw, 1),
    "misspelt twice": lambda name, draw: slip(name, draw, 2),
    "abbreviated": _abbreviate,
    "initials": lambda name, _draw: "".join(word[0] for word in name.split()),
}
