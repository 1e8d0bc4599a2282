"""How sure it is that a column is one of ours: what speaks for it and against it, in its name, its values and other files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kg_builder.inference.names import Evidence, of_name
from kg_builder.inference.profiles import FileProfile, Profile, overlap

_LISTS = ("also_bought", "also_viewed", "bought_together")


@dataclass(frozen=True, slots=True)
class Link:
    """A column whose values are mostly found among the ids of a file."""

    file: str
    key: str
    share: float
    """Of the column's different values, those that are ids there."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known around the columns of one file."""

    file: FileProfile
    links: Mapping[str, Sequence[Link]] = field(default_factory=dict)
    """By column, the files whose ids it holds, the surest first."""
    named_by: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By column that is an id, the columns of other files that hold it."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """By file, what its rows are, as far as that is known."""

    def link_to(self, column: str, table: str) -> Link | None:
        """The column's link to a file of this table."""
        return next((link for link in self.links.get(column, ()) if self.tables.get(link.file) == table), None)

    @property
    def longest(self) -> str | None:
        """The column with the longest texts."""
        texts = {name: one.length for name, one in self.file.columns.items() if one.text}
        return max(texts, key=lambda name: texts[name], default=None)


def total(evidence: Iterable[Evidence]) -> float:
    """All evidence in one figure: what speaks for it adds up to less than 1, what speaks against it takes its share away.

    Example:
        >>> total([(0.5, "name"), (0.5, "values")]), total([(0.5, "name"), (-0.5, "values")])
        (0.75, 0.25)
    """
    doubt, against = 1.0, 1.0
    for weight, _ in evidence:
        doubt *= 1 - max(weight, 0)
        against *= 1 + min(weight, 0)
    return round((1 - doubt) * against, 4)


def of_column(table: str, ours: str, column: Profile, around: Surroundings) -> list[Evidence]:
    """What speaks for and against the column being our column of the table."""
    found = [of_name(table, ours, column.name)]
    test = _TESTS.get((table, ours)) or _TESTS.get(("", ours))
    if column.filled == 0:
        found.append((-1.0, "empty"))
    elif test is not None:
        found += test(column, around)
    return [one for one in found if one[0]]


def _key(column: Profile, around: Surroundings) -> list[Evidence]:
    others = around.named_by.get(column.name, ())
    found = [(0.6, f"its values are named by {others[0]}")] if others else []
    if column.key:
        first = next(iter(around.file.columns)) == column.name
        against = column.time is not None or column.priced or column.words > 3 or (column.numeric and not column.whole)
        return [*found, (0.5 if first else 0.4, "no value twice"), *([(-0.8, "no id")] if against else [])]
    if column.together:
        return [*found, (-0.25, "several rows each, one after the other")]
    if column.single < 0.2 or column.filled < 0.5 * column.rows:
        return [*found, (-0.85, "values repeat or are missing")]
    return [*found, (-0.2 if column.single > 0.5 else -0.4, "some values repeat")]


def _link(table: str) -> Callable[[Profile, Surroundings], list[Evidence]]:
    """A test for columns that name the rows of a table."""

    def test(column: Profile, around: Surroundings) -> list[Evidence]:
        link = around.link_to(column.name, table)
        if link is not None:
            return [(0.9 * link.share, f"{link.share:.0%} of its values are {link.key} of {link.file}")]
        others = [
            one for one in around.links.get(column.name, ()) if around.tables.get(one.file) in ("products", "users", "categories")
        ]
        if others:
            other = others[0]
            return [(-0.8, f"holds {other.key} of {other.file}")]
        found: list[Evidence] = []
        if table in around.tables.values():
            found.append((-0.4, f"its values are no ids of the {table}"))
        if (
            column.time is not None
            or column.priced
            or column.words > 3
            or column.boolean
            or (column.numeric and not column.whole)
        ):
            found.append((-0.9, "no id"))
        return found

    return test


def _title(column: Profile, around: Surroundings) -> list[Evidence]:
    if not column.text:
        return [(-0.8, "no words")]
    if around.longest == column.name and column.words > 12:
        return [(-0.4, "longer than titles are")]
    return [(0.45, "short texts, few twice")] if column.single > 0.6 and 1.2 <= column.words <= 25 else []


def _description(column: Profile, around: Surroundings) -> list[Evidence]:
    if not column.text:
        return [(-0.8, "no words")]
    longest = around.longest == column.name
    return [(0.45, "the longest texts")] if longest and column.words >= 4 and column.single > 0.3 else []


def _price(column: Profile, _around: Surroundings) -> list[Evidence]:
    if column.time is not None or not column.numeric:
        some = column.time is None and column.numbers.len() >= 0.2 * column.filled
        return [(-0.4, "not all are amounts")] if some else [(-0.9, "no numbers")]
    if column.currency:
        return [(0.75, "amounts of money")]
    if column.within(-1e9, -0.001):
        return [(-0.9, "negative")]
    return [(0.45, "numbers with two decimals")] if column.priced else [(0.1, "numbers")]


def _brand(column: Profile, around: Surroundings) -> list[Evidence]:
    if column.address or column.words > 5 or column.time is not None or column.priced or column.boolean:
        return [(-0.9, "no names")]
    if around.links.get(column.name):
        return [(-0.6, "holds ids of another file")]
    few = column.text and len(column.distinct) > 1 and column.single < 0.5 and column.path is None
    rivals = [one for one in around.file.columns.values() if one.text and one.single < 0.5 and one.path is None]
    most = few and all(len(one.distinct) <= len(column.distinct) for one in rivals)
    return [(0.45, "few different names, written large")] if most and column.share(r"^\p{Lu}|^\p{Han}") > 0.5 else []


def _categories(column: Profile, _around: Surroundings) -> list[Evidence]:
    if column.address or column.words > 20 or column.time is not None or column.priced or column.boolean:
        return [(-0.9, "no names")]
    if column.path is not None:
        return [(0.7, f"paths with {column.path.strip()} between their levels")]
    return [(0.3, "few different values")] if column.text and column.single < 0.3 and column.separator else []


def _related(column: Profile, around: Surroundings) -> list[Evidence]:
    keys = [one for name, one in around.file.columns.items() if one.single > 0.5 and name != column.name]
    share = max((overlap(column.items(), key.distinct) for key in keys), default=0.0)
    listed = column.listed or column.separator is not None
    if listed and share > 0.5:
        return [(0.75 * share, "lists of ids of the same file")]
    return [(-0.3, "few are ids of the same file") if listed and share > 0.01 else (-0.6, "no lists of ids of the same file")]


def _rating(column: Profile, _around: Surroundings) -> list[Evidence]:
    if not column.numeric or column.currency:
        return [(-0.9, "no numbers")]
    if not column.within(0, 5):
        return [(-0.6, "not within 0..5")]
    return [(0.45, "numbers within 1..5")] if column.within(0.5, 5) and 3 <= len(column.distinct) <= 41 else []


def _text(column: Profile, around: Surroundings) -> list[Evidence]:
    if not column.text:
        return [(-0.8, "no words")]
    return [(0.6, "the longest texts")] if around.longest == column.name and column.words >= 3 else []


def _review_title(column: Profile, around: Surroundings) -> list[Evidence]:
    if not column.text or around.longest == column.name:
        return [(-0.8, "no short texts")]
    return [(0.4, "short texts")] if column.words < 12 else []


def _at(column: Profile, _around: Surroundings) -> list[Evidence]:
    if column.time is None:
        return [(-0.85, "no times")]
    unsure = [(-0.3, "day and month could be swapped")] if column.time.unsure else []
    return [(0.7 if column.time.format is None else 0.6, column.time.said), *unsure]


def _event(column: Profile, _around: Surroundings) -> list[Evidence]:
    if column.events:
        return [(0.8, f"kinds of events: {', '.join(sorted(set(column.events.values())))}")]
    return [(-0.85, "no known kinds of events")]


def _order(column: Profile, around: Surroundings) -> list[Evidence]:
    if column.priced or column.time is not None or column.words > 3 or column.boolean or column.events:
        return [(-0.9, "no id")]
    if around.links.get(column.name):
        return [(-0.6, "holds ids of another file")]
    coded = not column.numeric and column.share(r"\d") > 0.9
    return [(0.45, "codes, few twice")] if coded and column.single > 0.3 else []


def _count(column: Profile, _around: Surroundings) -> list[Evidence]:
    if not column.numeric or column.time is not None:
        return [(-0.9, "no numbers")]
    return [(0.3, "small whole numbers")] if column.whole and column.within(0, 1000) else []


def _number(column: Profile, _around: Surroundings) -> list[Evidence]:
    return [] if column.numeric and column.time is None else [(-0.9, "no numbers")]


def _flag(column: Profile, _around: Surroundings) -> list[Evidence]:
    return [(0.3, "yes or no")] if column.boolean else [(-0.9, "not yes or no")]


def _parent(column: Profile, around: Surroundings) -> list[Evidence]:
    keys = [one for name, one in around.file.columns.items() if one.key and name != column.name]
    share = max((overlap(column.distinct, key.distinct) for key in keys), default=0.0)
    return [(0.7 * share, "ids of the same file")] if share > 0.5 else [(-0.6, "no ids of the same file")]


def _named(column: Profile, _around: Surroundings) -> list[Evidence]:
    return [(0.3, "words")] if column.text else [(-0.7, "no words")]


def _end(column: Profile, _around: Surroundings) -> list[Evidence]:
    return [(-0.8, "no id")] if column.time is not None or column.priced or column.words > 6 else []


def _relation(column: Profile, _around: Surroundings) -> list[Evidence]:
    few = len(column.distinct) <= max(5, column.filled / 10) and not column.numeric
    return [(0.3, "few different words")] if few else [(-0.7, "many different values")]


_TESTS: Mapping[tuple[str, str], Callable[[Profile, Surroundings], list[Evidence]]] = {
    ("products", "id"): _key,
    ("users", "id"): _key,
    ("categories", "id"): _key,
    ("reviews", "id"): _key,
    ("", "user"): _link("users"),
    ("", "product"): _link("products"),
    ("products", "title"): _title,
    ("reviews", "title"): _review_title,
    ("", "description"): _description,
    ("", "price"): _price,
    ("", "discount"): _number,
    ("", "brand"): _brand,
    ("", "categories"): _categories,
    **dict.fromkeys([("", name) for name in _LISTS], _related),
    ("", "rating"): _rating,
    ("", "text"): _text,
    ("", "at"): _at,
    ("", "event"): _event,
    ("", "key"): _order,
    ("", "quantity"): _count,
    ("", "helpful"): _count,
    ("", "position"): _number,
    ("", "verified"): _flag,
    ("", "name"): _named,
    ("", "parent"): _parent,
    ("", "head"): _end,
    ("", "relation"): _relation,
    ("", "tail"): _end,
}
