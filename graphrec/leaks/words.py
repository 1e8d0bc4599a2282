"""Texts that name the answer, and ids in two spellings.

The models read what describes products and users, never reviews, so those cannot give anything away.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from graphrec.leaks.findings import Case, Finding
from graphrec.tensors import Ids, Rows

_LOOKED_AT = 100_000
_SHORTEST = 4
_SHORTEST_NUMBER = 6
_TIMES = 3


def find(case: Case) -> Iterator[Finding]:
    """Everything that texts and spellings give away."""
    yield from _texts(case)
    yield from _spellings(case)
    yield from _unknown(case)


def fold(name: str) -> str:
    """The id without blanks and case: what two spellings of one id share.

    Example:
        >>> fold(" B00-x y")
        'b00-xy'
    """
    return "".join(name.split()).casefold()


def _texts(case: Case) -> Iterator[Finding]:
    """Of held-out pairs, a sample of fixed seed where there are many."""
    known, asked = case.cut.known, case.asked.tocoo()
    users, products = case.cut.users[asked.row], asked.col.astype(np.int64)
    if len(users) > _LOOKED_AT:
        chosen = np.sort(np.random.default_rng(0).choice(len(users), _LOOKED_AT, replace=False))
        users, products = users[chosen], products[chosen]
    titles = case.titles.get("Product")
    yield from _named("Product", known.products, products, users, known.texts, lambda row: [known.users.names[row]])
    yield from _named("User", known.users, users, products, known.texts, lambda row: _words(known.products, titles, row))


def _words(products: Ids, titles: npt.NDArray[np.object_] | None, row: int) -> list[str]:
    """What a product is called: its id, and its title where there is one."""
    return [products.names[row], *([titles[row]] if titles is not None and titles[row] else [])]


def _named(
    label: str, ids: Ids, owners: Rows, others: Rows, texts: Mapping[str, Sequence[str]], words: Callable[[int], list[str]]
) -> Iterator[Finding]:
    """The pairs whose owner's text names the other, unless it names strangers to the pair about as often."""
    if label not in texts:
        return
    pairs = list(zip(owners.tolist(), others.tolist(), strict=True))
    found = [place for place, pair in enumerate(pairs) if _names(texts[label], *pair, words)]
    strangers = set(zip(owners.tolist(), np.roll(others, len(others) // 2).tolist(), strict=True)) - set(pairs)
    strange = sum(_names(texts[label], *pair, words) for pair in strangers)
    if len(found) <= _TIMES * strange:
        return
    example = f"the text of {ids.names[owners[found[0]]]}, which names {words(others[found[0]])[0]}"
    remedy = "take ids and titles of held-out choices out of the texts, or read none (--text-model none)"
    yield Finding("leak", f"{label.lower()} texts that name the answer", len(found), example, remedy)


def _names(texts: Sequence[str], owner: int, other: int, words: Callable[[int], list[str]]) -> bool:
    """Whether the text holds one of the words, whole; those too short to mean anything are not looked for."""
    text = texts[owner].casefold()
    return any(word in text and _whole(word, text) for word in map(str.casefold, words(other)) if _telling(word))


def _telling(word: str) -> bool:
    return len(word) >= (_SHORTEST_NUMBER if word.isdigit() else _SHORTEST)


def _whole(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _spellings(case: Case) -> Iterator[Finding]:
    """Ids of the graph that are one but for case and blanks."""
    for ids in (case.cut.known.users, case.cut.known.products):
        first: dict[str, str] = {}
        doubles = [(first[fold(name)], name) for name in ids.names if first.setdefault(fold(name), name) != name]
        if doubles:
            example = " and ".join(repr(name) for name in doubles[0])
            remedy = "each spelling is somebody of its own here; spell ids alike before the build"
            yield Finding("note", f"{ids.label.lower()}s in two spellings", len(doubles), example, remedy)


def _unknown(case: Case) -> Iterator[Finding]:
    """Given pairs that the graph does not know, those that it knows in another spelling apart."""
    known = case.cut.known
    sides = (known.users, known.products)
    strange = [pair for pair in (case.given.pairs if case.given else ()) if not _known(pair, sides)]
    if not strange:
        return
    spelt = [{fold(name): name for name in reversed(ids.names)} for ids in sides]
    missed = [(pair, tuple(one.get(fold(name)) for name, one in zip(pair, spelt, strict=True))) for pair in strange]
    close = [(pair, right) for pair, right in missed if None not in right]
    far = [pair for pair, right in missed if None in right]
    if far:
        example = " → ".join(far[0])
        remedy = "nobody can rank them; they are left out"
        yield Finding("note", "test pairs of users or products the graph does not know", len(far), example, remedy)
    if close:
        pair, right = close[0]
        example = f"{pair[0]!r} → {pair[1]!r}; did you mean {right[0]!r} → {right[1]!r}?"
        remedy = "they are left out; spell ids alike"
        yield Finding("note", "test pairs in another spelling than the graph's", len(close), example, remedy)


def _known(pair: tuple[str, str], sides: tuple[Ids, Ids]) -> bool:
    return all(name in ids.row_of for name, ids in zip(pair, sides, strict=True))
