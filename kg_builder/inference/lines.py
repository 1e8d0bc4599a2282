"""Rows that tell of more than one thing: lines of an order whose buyer another file names, events that describe their product."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from kg_builder.inference.evidence import Link, Surroundings
from kg_builder.inference.guesses import PLACED, as_table, distinct
from kg_builder.inference.profiles import framed
from kg_builder.inference.proposals import ColumnGuess, FileGuess
from kg_builder.layouts.blocks import Join

_ENOUGH = 0.98
"""The share of products (users) for whom a column must say one thing only to be theirs."""
_LASTING = ("title", "description", "brand", "categories", "price")


def lines(around: Mapping[str, Surroundings], guesses: Mapping[str, FileGuess]) -> dict[str, FileGuess]:
    """Files whose rows hold a product and the id of a row in another file that holds the user, as events with that row joined."""
    found: dict[str, FileGuess] = {}
    for name, one in around.items():
        if guesses[name].table in ("events", "reviews", "products", "users"):
            continue
        for column, there in one.links.items():
            link = there[0]
            guess = None if one.tables.get(link.file) in ("products", "users") else _line(one, column, link, around[link.file])
            if guess is not None:
                found[name] = guess
    return found


def _line(one: Surroundings, column: str, link: Link, other: Surroundings) -> FileGuess | None:
    """The file as events, with the columns of the other file beside its own."""
    here, there = one.file, other.file
    order = there.frame.with_columns(pl.col(link.key).cast(pl.String).alias("__id")).unique("__id", keep="first")
    more = [name for name in there.frame.columns if name not in (*here.frame.columns, link.key)]
    wide = here.frame.with_columns(pl.col(column).cast(pl.String).alias("__id"))
    wide = wide.join(order.select("__id", *more), on="__id", how="left").drop("__id")
    links = {name: there for name, there in {**other.links, **one.links}.items() if name != column}
    both = Surroundings(framed(here, wide), links, tables=one.tables)
    guess = as_table("events", both)
    ends = {} if guess is None else {one.ours: one for one in guess.columns if one.ours in ("user", "product")}
    if guess is None or guess.sure < PLACED or any(end.sure < 0.5 or end.column == column for end in ends.values()):
        return None
    if ends["user"].column not in more or ends["product"].column in more:
        return None
    join = Join(link.file, column, link.key)
    constants = {**guess.constants, "event": "bought"} if all(one.ours != "event" for one in guess.columns) else guess.constants
    return replace(guess, join=join, constants=constants, reason=f"{guess.reason}; the rest is in {link.file}")


def filled(around: Surroundings, guess: FileGuess) -> FileGuess:
    """The guess with gaps filled where rows stand together and only the first of them says what holds for all: variants."""
    frame, kept = around.file.frame, {one.column for one in guess.columns if one.ours in (*_LASTING, "user", "at")}
    for name, group in around.file.columns.items():
        if guess.join is not None or not group.together or len(group.distinct) > 0.9 * group.rows:
            continue
        most = 1.05 * len(group.distinct)
        gaps = [one for one in kept - {name} if 0.4 * most < around.file.columns[one].filled < min(most, 0.9 * group.rows)]
        if gaps and all(_says_one(frame, name, one, least=0) for one in gaps):
            reason = f"{guess.reason}; only the first row of each {name} says all"
            return replace(guess, join=Join(guess.file, name, name), reason=reason)
    return guess


def told_of(around: Mapping[str, Surroundings], guesses: Mapping[str, FileGuess]) -> tuple[dict[str, FileGuess], list[FileGuess]]:
    """The files, and products and users that no file of their own describes but columns of events do, which leave the events."""
    kept, told = dict(guesses), list[FileGuess]()
    for table, end in (("products", "product"), ("users", "user")):
        if any(guess.table == table for guess in guesses.values()):
            continue
        for name, guess in kept.items():
            if guess.table == "events" and guess.join is None and (found := _told(table, end, guess, around[name])) is not None:
                told.append(found)
                theirs = {one.column for one in found.columns if one.ours not in (None, "id")}
                kept[name] = replace(guess, columns=tuple(one for one in guess.columns if one.column not in theirs))
    return kept, told


def _told(table: str, end: str, guess: FileGuess, around: Surroundings) -> FileGuess | None:
    own = next(one.column for one in guess.columns if one.ours == end)
    rest = [one.column for one in guess.columns if one.reason.startswith("a property")]
    frame, there = around.file.frame, around.file.columns
    lasting = [name for name in rest if there[name].time is None and not there[name].priced and len(there[name].distinct) > 1]
    said = [name for name in lasting if _says_one(frame, own, name)]
    if not said:
        return None
    rows = frame.select(own, *said).drop_nulls(own).unique(own, keep="first", maintain_order=True)
    alone = Surroundings(framed(around.file, rows), named_by={own: [f"{own} of {guess.file}"]})
    found = as_table(table, alone)
    if found is None or next((one.column for one in found.columns if one.ours == "id"), None) != own:
        columns = [ColumnGuess(own, "id", guess.sure, f"the {end} of the events", around.file.columns[own].examples)]
        columns += [one for one in guess.columns if one.column in said]
        found = FileGuess(guess.file, 0.0, "", tuple(distinct(columns)), table=table)
    reason = f"each {own} has one {', one '.join(said)}"
    return replace(found, sure=round(min(guess.sure, 0.7), 2), reason=reason, layout=guess.layout)


def _says_one(frame: pl.DataFrame, own: str, name: str, least: int = 5) -> bool:
    """True where the column has one value for (nearly) everything that several rows tell of."""
    if frame.schema[name].is_nested():
        return False
    counted = (
        frame.drop_nulls([own, name]).group_by(own).agg(pl.len(), pl.col(name).n_unique().alias("n")).filter(pl.col("len") > 1)
    )
    return counted.height >= least and int((counted["n"] == 1).sum()) >= _ENOUGH * counted.height
