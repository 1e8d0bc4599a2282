"""What the rows of one file are, judged by its columns and by what is known of the other files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kg_builder.inference.evidence import Surroundings, of_column, total
from kg_builder.inference.names import of_name, stem, words
from kg_builder.inference.profiles import FileProfile, Profile, levels
from kg_builder.inference.proposals import ColumnGuess, FileGuess
from kg_builder.layouts.blocks import Split
from kg_builder.reading.columns import REQUIRED, columns_of
from kg_builder.reading.othernames import KINDS, PERSONS, TABLES
from kg_builder.values import EARLIEST, property_name

LEAST = 0.4
"""A column is taken for one of ours from here on."""
PLACED = 0.3
"""And a file's rows for rows of a table."""
_TELLING: Mapping[str, Mapping[str, float]] = {
    "products": {"title": 0.4, "description": 0.35, "price": 0.45, "brand": 0.35, "categories": 0.4, "also_bought": 0.4}
    | dict.fromkeys(("also_viewed", "bought_together"), 0.4),
    "users": {},
    "reviews": {"rating": 0.45, "text": 0.6, "title": 0.2, "helpful": 0.2, "verified": 0.2, "at": 0.1},
    "events": {"event": 0.6, "at": 0.45, "key": 0.3, "quantity": 0.3, "price": 0.2, "rating": 0.4, "position": 0.2},
    "categories": {"parent": 0.6, "name": 0.2},
    "triples": {"relation": 0.5, "tail": 0.2},
}
"""What each column that was found says of its rows being of the table."""


def rows_of(around: Surroundings) -> FileGuess:
    """What the file's rows most likely are."""
    guesses = [guess for table in REQUIRED if (guess := as_table(table, around)) is not None]
    best = max(guesses, key=lambda guess: guess.sure, default=None)
    if best is not None and best.sure >= PLACED:
        return best
    columns = tuple(kept(column) for column in around.file.columns.values())
    file = around.file
    return FileGuess(file.file, 0.0, "nothing tells what its rows are", columns, layout=file.layout)


def as_table(table: str, around: Surroundings) -> FileGuess | None:
    """The file as rows of the table; None where a column is missing that the table needs."""
    file = around.file
    taken = _assigned(table, around)
    if table in ("reviews", "events"):
        if "rating" in taken and taken["rating"].sure < 0.5 and {"event", "key"} & taken.keys():
            del taken["rating"]  # small numbers beside orders are quantities, which nothing but a name tells
        taken = _in_order(_positions(taken, around) if table == "events" else taken, around)
    short = taken.get("description") if table == "products" and "title" not in taken else None
    if short is not None and file.columns[short.column].words <= 8:
        taken["title"] = replace(taken.pop("description"), ours="title")
    if any(name not in taken for name in REQUIRED[table]):
        return None
    needed = min(taken[name].sure for name in REQUIRED[table])
    hint = not TABLES[table].isdisjoint(stem(file.file))
    said = [(weight * taken[name].sure, name) for name, weight in _TELLING[table].items() if name in taken]
    said += [(0.6, f"is called {file.file}")] if hint else []
    if table == "users":
        persons = [name for name in file.columns if set(words(name)) & PERSONS]
        said += [(0.25, f"{name} is about a person") for name in persons]
        said += [(0.6, "its ids stand beside products")] if around.tables.get(file.file) == "users" else []
    if table in ("reviews", "events"):
        said.append((0.35, "a user and a product in every row"))
        said += [(-0.6, "its products occur once")] if file.columns[taken["product"].column].key and file.rows > 20 else []
    if table == "reviews" and "text" not in taken:
        said.append((-0.5, "no texts"))
    if table == "triples" and not hint and len(file.columns) > 4:
        said.append((-0.7, "more than triples have"))
    sure = round(total(said) * (0.4 + 0.6 * needed), 2)
    reason = ", ".join(word for weight, word in said if weight > 0) or "its columns"
    columns = [_described(ours, guess, file) for ours, guess in taken.items()]
    columns += _clock(taken, file, columns)
    named = {guess.column for guess in columns}
    names = frozenset(columns_of(table))
    rest = [kept(column, names) for name, column in file.columns.items() if name not in named]
    kind = {"event": _kind(file.file, taken)} if table == "events" and "event" not in taken else {}
    constants = {name: value for name, value in kind.items() if value}
    order = list(file.columns)
    every = distinct([*(one for one in columns if one.ours), *rest])
    columns = sorted(every, key=lambda one: order.index(one.column))
    return FileGuess(file.file, sure, reason, tuple(columns), table=table, constants=constants, layout=file.layout)


def _assigned(table: str, around: Surroundings) -> dict[str, ColumnGuess]:
    """Our columns and what is taken for each, the surest first; each of theirs for one of ours only."""
    judged = []
    for column in around.file.columns.values():
        for ours in columns_of(table):
            evidence = of_column(table, ours, column, around)
            sure = total(evidence)
            if sure >= LEAST:
                reason = ", ".join(word for weight, word in evidence if weight > 0)
                against = ", ".join(word for weight, word in evidence if weight < 0)
                reason = f"{reason}, but {against}" if against else reason
                judged.append(ColumnGuess(column.name, ours, round(sure, 2), reason, column.examples))
    taken: dict[str, ColumnGuess] = {}
    for guess in sorted(judged, key=lambda guess: -guess.sure):
        if guess.ours and guess.ours not in taken and guess.column not in {one.column for one in taken.values()}:
            taken[guess.ours] = guess
    return taken


def _positions(taken: dict[str, ColumnGuess], around: Surroundings) -> dict[str, ColumnGuess]:
    """Small numbers under the name of a time are places in a history."""
    if "at" in taken or "position" in taken:
        return taken
    used = {guess.column for guess in taken.values()}
    for name, one in around.file.columns.items():
        if name not in used and of_name("events", "at", name)[0] >= 0.6 and one.whole and one.within(0, EARLIEST):
            return {
                **taken,
                "position": ColumnGuess(name, "position", 0.7, "called as a time, but small numbers: places", one.examples),
            }
    return taken


def _in_order(taken: Mapping[str, ColumnGuess], around: Surroundings) -> dict[str, ColumnGuess]:
    """Where nothing tells the user or the product beside a rating, a time or an event: the only id, or the first two ids."""
    used = {guess.column for guess in taken.values()}
    missing = [end for end in ("user", "product") if end not in taken]
    told = len({"rating", "at", "event"} & taken.keys())
    free = [
        one for one in around.file.columns.values() if one.name not in used and one.name not in around.links and _like_id(one)
    ]
    if not missing or told < len(missing) or len(free) < len(missing) or (len(missing) == 1 and len(free) > 1):
        return dict(taken)
    why = "the only other id" if len(missing) == 1 else "the first two ids are mostly user and product"
    ends = zip(missing, free, strict=False)
    return {**taken, **{end: ColumnGuess(one.name, end, 0.45, why, one.examples) for end, one in ends}}


def _like_id(column: Profile) -> bool:
    """True where values come back as ids do, not as words or numbers of a small range."""
    plain = column.whole or not column.numeric
    return (
        plain
        and not column.text
        and column.time is None
        and not column.boolean
        and len(column.distinct) > 10
        and column.words < 2
    )


def _described(ours: str, guess: ColumnGuess, file: FileProfile) -> ColumnGuess:
    """The guess with what a mapping has to say of the column's values."""
    column = file.columns[guess.column]
    if ours == "at" and column.time is not None:
        return replace(guess, format=column.time.format, values={"0": ""} if column.time.zero else {})
    if ours == "event":
        strange = {value: kind for value, kind in column.events.items() if value.lower() != kind}
        return replace(guess, values=strange)
    if ours == "categories" and column.listed and levels(file.frame, column.name):
        return replace(guess, split=Split(levels=True), reason=f"{guess.reason}, levels of a path")
    if ours == "categories":
        path, listed = (
            column.path or " > ",
            column.separator if column.separator and column.separator.strip() != (column.path or "").strip() else "|",
        )
        return replace(guess, split=None if (path, listed) == (" > ", "|") else Split(path, listed))
    if ours in ("also_bought", "also_viewed", "bought_together") and column.separator not in (None, "|"):
        return replace(guess, split=Split(list=column.separator))
    return guess


def _clock(taken: Mapping[str, ColumnGuess], file: FileProfile, columns: list[ColumnGuess]) -> list[ColumnGuess]:
    """The time of day where it stands in a column beside the date's; `columns` then hold the date as the first part."""
    at = taken.get("at")
    time = file.columns[at.column].time if at is not None else None
    if at is None or time is None or "epoch" in time.said or "%H" in (time.format or "") or "%I" in (time.format or ""):
        return []
    if time.format is None and file.columns[at.column].share(r"\d:\d\d") > 0:
        return []
    clock = next((one for one in file.columns.values() if one.clock and one.name not in {g.column for g in taken.values()}), None)
    if clock is None:
        return []
    place = next(number for number, one in enumerate(columns) if one.ours == "at")
    columns[place] = replace(columns[place], ours="at.1", format=time.format or "%Y-%m-%d")
    return [ColumnGuess(clock.name, "at.2", at.sure, "times of day beside the dates", clock.examples, format=clock.clock)]


def kept(column: Profile, known: frozenset[str] = frozenset()) -> ColumnGuess:
    """A column that is none of ours: kept under its own name where it may say something, else left out."""
    why = (
        "empty"
        if not column.filled
        else "addresses of the web"
        if column.address
        else "addresses or numbers of people"
        if column.personal
        else "the same in every row"
        if len(column.distinct) == 1 and column.rows > 1 and column.filled == column.rows
        else "objects"
        if column.share(r"^\s*\{") > 0.5
        else None
    )
    if why is None and property_name(column.name, frozenset()) in known:
        why = "its values are not what its name says"
    if why is not None:
        return ColumnGuess(column.name, None, 0.0, f"left out: {why}", () if column.personal else column.examples)
    name = property_name(column.name, frozenset({"id", "source", "target", "file", "line", "key", "at", "day", "listed", *known}))
    form = column.time.format if column.time is not None else None
    return ColumnGuess(
        column.name, name, 0.7, f"a property{f', {column.time.said}' if column.time else ''}", column.examples, format=form
    )


def distinct(columns: Sequence[ColumnGuess]) -> list[ColumnGuess]:
    """The guesses, properties of one name told apart by an underscore."""
    taken: set[str] = set()
    found = []
    for one in columns:
        name = one.ours
        while name is not None and name in taken:
            name += "_"
        taken |= {name} if name else set()
        found.append(replace(one, ours=name))
    return found


def _kind(file: str, taken: Mapping[str, ColumnGuess]) -> str | None:
    """The kind that all events of a file without a column for it have: by its name, or since orders have keys and quantities."""
    said = next((KINDS[word] for word in stem(file) if word in KINDS), None)
    return said or ("bought" if {"quantity", "price"} <= taken.keys() or {"key", "quantity"} <= taken.keys() else None)
