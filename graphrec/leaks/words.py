"""Texts that name the answer, and ids in two spellings.

The models read what describes products and users, never reviews, so those cannot give anything away.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc

from graphrec.leaks.findings import Case, Finding
from graphrec.tensors import Ids, Rows

_LOOKED_AT = 100_000
_SHORTEST = 4
_SHORTEST_NUMBER = 6
_TIMES = 3
_BY_LUCK = 1e-5


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
    """The pairs whose owner's text names the other, unless it names strangers to the pair about as often.

    Short ids are looked for too, but a few of them may stand anywhere: only more than luck explains count.
    """
    if label not in texts:
        return
    pairs = list(zip(owners.tolist(), others.tolist(), strict=True))
    strangers = sorted(set(zip(owners.tolist(), np.roll(others, len(others) // 2).tolist(), strict=True)) - set(pairs))
    found, strange = (_naming(texts[label], some, words, _telling) for some in (pairs, strangers))
    if len(found) <= _TIMES * len(strange):
        found = []
    short, strange = (_naming(texts[label], some, words, _short) for some in (pairs, strangers))
    if short and gammainc(len(short), len(strange) * len(pairs) / max(len(strangers), 1) + 1) < _BY_LUCK:
        found = sorted({*found, *short})
    if found:
        owner, other = found[0]
        example = f"the text of {ids.names[owner]}, which names {words(other)[0]}"
        remedy = "take ids and titles of held-out choices out of the texts, or read none (--text-model none)"
        yield Finding("leak", f"{label.lower()} texts that name the answer", len(found), example, remedy)


def _naming(
    texts: Sequence[str], pairs: Sequence[tuple[int, int]], words: Callable[[int], list[str]], wanted: Callable[[str], bool]
) -> list[tuple[int, int]]:
    """The pairs of an owner and another where the owner's text holds one of the other's words that are wanted, whole."""
    return [(owner, other) for owner, other in pairs if _names(texts[owner], filter(wanted, words(other)))]


def _names(text: str, words: Iterable[str]) -> bool:
    text = text.casefold()
    return any(word in text and _whole(word, text) for word in map(str.casefold, words))


def _telling(word: str) -> bool:
    """Whether one such word in a text says something: long enough, and no number that counts something."""
    counts = word.isdigit() and not word.startswith("0")
    return len(word) >= (_SHORTEST_NUMBER if counts else _SHORTEST)


def _short(word: str) -> bool:
    return len(word) > 1 and not _telling(word)


def short_ids(case: Case) -> dict[str, int]:
    """By label, how many held-out ids are so short that texts are found to name them only where many do."""
    known, asked = case.cut.known, case.asked.tocoo()
    held = {
        "User": known.users.names[case.cut.users[np.unique(asked.row)]],
        "Product": known.products.names[np.unique(asked.col)],
    }
    readers = {"User": "Product", "Product": "User"}
    counts = {label: sum(not _telling(name) for name in names) for label, names in held.items() if readers[label] in known.texts}
    return {label: count for label, count in counts.items() if count}


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
