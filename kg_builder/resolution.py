"""One node a thing: brands that are the same become the same, and a category is its whole path."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

import polars as pl

from kg_builder.rejects import Rejects
from kg_builder.values import text

PATH_SEPARATOR = " > "
_UNIT = "\x1f"
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[^\w+]+(?=\d)")
"""What parts two numbers: without it 1.5 would be 15."""


NO_BRAND = frozenset(
    {"n/a", "none", "null", "unknown", "unbranded", "no brand", "not applicable", "does not apply", "-", "?", "."}
)
"""What shops write where a product has no brand, in small letters."""


def brand_id(name: str) -> str:
    """The id that all spellings of a brand share: no case, blanks, punctuation or trade marks; letters of any script stay.

    Example:
        >>> brand_id("ACME ") == brand_id("Acme.") == brand_id("A.C.M.E.™") == "acme"
        True
        >>> brand_id("Acmé"), brand_id("华为"), brand_id("Disney+")
        ('acmé', '华为', 'disney+')
        >>> brand_id("Web 2.0"), brand_id("Web 20"), brand_id("1,000 Toys"), brand_id("H & M"), brand_id("H.M.")
        ('web2.0', 'web20', '1000toys', 'h&m', 'hm')
    """
    plain = unicodedata.normalize("NFKC", name.translate({ord(mark): None for mark in "™®©"})).casefold()
    parts = _BETWEEN_DIGITS.split(_THOUSANDS.sub("", plain))
    kept = ".".join("".join(sign for sign in part if sign == "&" or unicodedata.category(sign)[0] not in "PZC") for part in parts)
    return unicodedata.normalize("NFC", kept) or name.strip().casefold()


def brands(spellings: pl.LazyFrame, held: Mapping[str, str] | None = None) -> pl.DataFrame:
    """What each spelling of a brand resolves to: `spelling`, `id`, `brand`, `name`.

    `brand` is the id that all its spellings share, `name` what the brand is called: the spelling most often used. `id` is the
    one under which the spelling alone is kept, should somebody tell it apart: that of the brand for its name, else both in one.

    Args:
        spellings: a column `spelling`, one row a use, or with a column `uses` that counts them. Of spellings used equally often
            the first in the alphabet names the brand.
        held: the names of brands that were named before, by id; they keep them.

    Example:
        >>> brands(pl.LazyFrame({"spelling": ["Acme", "Acme", "A.C.M.E."]})).rows()
        [('A.C.M.E.', 'acme:A.C.M.E.', 'acme', 'Acme'), ('Acme', 'acme', 'acme', 'Acme')]
    """
    count = pl.col("uses").sum() if "uses" in spellings.collect_schema() else pl.len()
    counted = spellings.drop_nulls("spelling").group_by("spelling").agg(count).collect(engine="streaming")
    uses = dict(counted.iter_rows())
    ids = {spelling: brand_id(spelling) for spelling in uses}
    best = dict(held or {})
    for spelling in sorted(uses, key=lambda one: (-uses[one], one)):
        best.setdefault(ids[spelling], spelling)
    named = [(spelling, ids[spelling], best[ids[spelling]]) for spelling in sorted(uses)]
    rows = [(spelling, brand if spelling == name else f"{brand}:{spelling}", brand, name) for spelling, brand, name in named]
    return pl.DataFrame(rows, schema=dict.fromkeys(("spelling", "id", "brand", "name"), pl.String), orient="row")


def category_id(path: Iterable[str]) -> str:
    """The id of the category at the end of the path: all its names from the top down; a ` > ` within a name becomes ` › `.

    Example:
        >>> category_id(["Beauty", "Hair Care"]), category_id(["Cables", "A > B"])
        ('Beauty > Hair Care', 'Cables > A › B')
    """
    return PATH_SEPARATOR.join(name.replace(PATH_SEPARATOR, " › ") for name in path)


def categories(paths: pl.LazyFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What each path resolves to, and every category on the way.

    Args:
        paths: a column `path` of names from the top down, joined by the unit separator (see `joined`).

    Returns:
        (`path`, `id`) of every path that has a name in it, and (`id`, `name`, `parent`) of every category, no parent at the top.
    """
    unique = paths.select(pl.col("path").drop_nulls().unique()).collect(engine="streaming")["path"]
    names = _clean(unique)
    leaves: list[tuple[str, str]] = []
    known: dict[str, tuple[str, str | None]] = {}
    for path in unique.sort():
        steps = [names[step] for step in path.split(_UNIT)]
        kept = [step for step in steps if step is not None]
        if not kept:
            continue
        leaves.append((path, category_id(kept)))
        for depth in range(len(kept), 0, -1):
            own = category_id(kept[:depth])
            if own in known:
                break
            known[own] = (kept[depth - 1], category_id(kept[: depth - 1]) if depth > 1 else None)
    rows = [(own, name, parent) for own, (name, parent) in known.items()]
    return (
        pl.DataFrame(leaves, schema={"path": pl.String, "id": pl.String}, orient="row"),
        pl.DataFrame(rows, schema={"id": pl.String, "name": pl.String, "parent": pl.String}, orient="row"),
    )


def joined(path: pl.Expr) -> pl.Expr:
    """A list of names as the one string that `categories` takes."""
    return path.list.join(_UNIT)


def _clean(paths: pl.Series) -> Mapping[str, str | None]:
    """Every name that occurs in the paths with its clean form."""
    raw = pl.DataFrame({"raw": list(Counter(name for path in paths for name in path.split(_UNIT)))}, schema={"raw": pl.String})
    return dict(raw.select("raw", text(pl.col("raw")).alias("name")).iter_rows())


def cycles(parents: Mapping[str, str]) -> list[list[str]]:
    """The circles among categories that each name their parent, every one from its smallest id on, upwards.

    Example:
        >>> cycles({"a": "b", "b": "c", "c": "a", "d": "a", "e": "f"})
        [['a', 'b', 'c']]
    """
    done: set[str] = set()
    found: list[list[str]] = []
    for start in sorted(parents):
        way: dict[str, None] = {}
        one: str | None = start
        while one is not None and one not in done and one not in way:
            way[one] = None
            one = parents.get(one)
        if one is not None and one in way:
            circle = list(way)[list(way).index(one) :]
            least = circle.index(min(circle))
            found.append(circle[least:] + circle[:least])
        done.update(way)
    return found


def cut(parents: Mapping[str, str], places: Mapping[str, tuple[str | None, int | None]], rejects: Rejects) -> set[str]:
    """The categories whose parents must go so that none lies under itself; each is told of as a fault.

    Args:
        parents: each category's parent.
        places: the file and line that say so, where they are known.
        rejects: takes the faults.
    """
    circles = cycles(parents)
    for circle in circles:
        way = PATH_SEPARATOR.join([circle[0], *reversed(circle)])
        reason = "a category must not lie under itself; the row went in without its parent"
        rejects.add(*places.get(circle[0], (None, None)), reason, way, {"id": circle[0]})
    return {circle[0] for circle in circles}
