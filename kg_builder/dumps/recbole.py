"""RecBole's atomic files: NAME.inter, NAME.item, NAME.user, NAME.kg and NAME.link, a type behind every column's name.

Source: Zhao et al., "RecBole: Towards a Unified, Comprehensive and Efficient Framework for Recommendation Algorithms", CIKM 2021.
Where a data set comes split, NAME.train.inter and NAME.valid.inter are read; NAME.test.inter is never opened: it belongs to
whoever scores the rankings.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from kg_builder.dumps import Dump, Source
from kg_builder.errors import DamagedDump, did_you_mean
from kg_builder.layouts.recbole import LOOKS_FOR as LOOKS_FOR
from kg_builder.layouts.recbole import atomic, exported, interactions, is_typed, name_of
from kg_builder.reading import Reading
from kg_builder.reading.columns import named, plain, timed
from kg_builder.resolution import PATH_SEPARATOR
from kg_builder.values import none_if_empty

FORMAT = "recbole"
PRECEDENCE = 1

_PLACE = ("file", "line")
_MISSING = ("nan", "NaN", "None")
"""What pandas writes for a missing value, and reads as one."""
_LISTS = ("also_bought", "also_viewed", "bought_together")
_WORDS = r"^[^\d/]*\pL{2}[^\d/]*$"
_OWN: Mapping[str, Mapping[str, str]] = {
    "products": {"class": "categories", "type": "categories", "movietitle": "title", "moviename": "title", "itemname": "title"},
    "events": {"paid": "price"},
}
"""What RecBole's own data sets call columns, beside the names that everybody uses."""
_OPINIONS = ("reviewed", "review", "rated", "rate")
"""Events that say neither view nor purchase."""
_REVIEW = "about"
"""The event that a review is in a graph of ours."""
_REQUIRED: Mapping[str, Mapping[str, str]] = {
    "events": {"user": "user_id", "product": "item_id"},
    "products": {"id": "item_id"},
    "users": {"id": "user_id"},
    "triples": {"head": "head_id", "relation": "relation_id", "tail": "tail_id"},
    "links": {"item": "item_id", "entity": "entity_id"},
}
"""By kind of file the columns that it must have, ours and RecBole's name of each."""


class _Table(NamedTuple):
    """An atomic file: its rows, and by header (`genre:token_seq`) its columns' types and names, ours where they have one."""

    path: Path
    rows: pl.LazyFrame
    types: Mapping[str, str]
    names: Mapping[str, str]
    ours: frozenset[str]
    """The names that a Dump has, whose values cleaning reads."""


def recognises(source: Source) -> bool:
    """True for a folder with interactions in an atomic file, or else with items or users under a header of types; or one such."""
    files = atomic(source)
    described = [path for ending in ("item", "user") for path in files.get(ending, {}).values()]
    return bool(files.get("inter")) or any(map(is_typed, described))


def read(source: Source, reading: Reading) -> Dump:
    """Interactions as events, items as products, `.kg` as triples in which an entity that `.link` links is the item.

    Floats become numbers and tokens text; a token_seq is text as it stands or, in a column of classes, genres or categories, a
    category a token; a float_seq is a list. A column that names events (`event`, `behavior`) says their kind. Items, users and
    triples that nobody chose anything of make a graph too.

    Raises:
        MissingSource: there is nothing of these, or no interactions but the test's.
        DamagedDump: a file lacks a column; the folder holds several data sets and none has its name.
    """
    files = atomic(source)
    name, parts = interactions(source, files.pop("inter", {}), reading) if "inter" in files else (name_of(source, files), [])
    side = {ending: path for ending, paths in files.items() for stem, path in paths.items() if stem == name}
    for path in (side[ending] for ending in ("net", "link") if ending in side and (ending == "net" or "kg" not in side)):
        reading.note(f"{path.name} is not read: it joins users, or items to entities that no {name}.kg tells of")
    events = _events([_table(path, "events", reading) for path in parts], reading) if parts else None
    items = _table(side["item"], "products", reading) if "item" in side else None
    products = None if items is None else _described(items, reading)
    ids = [None if events is None else events.select(id="product"), None if products is None else products.select("id")]
    known = pl.concat([pl.LazyFrame(schema={"id": pl.String()}), *(one for one in ids if one is not None)])
    events, reviews = _told_apart(events)
    return Dump(
        name,
        FORMAT,
        products=products,
        reviews=reviews,
        users=_described(_table(side["user"], "users", reading), reading) if "user" in side else None,
        events=events,
        triples=_triples(side["kg"], side.get("link"), known, () if items is None else items.ours, reading)
        if "kg" in side
        else None,
        text_properties={"Product": () if items is None else _texts(items)},
    )


def _table(path: Path, kind: str, reading: Reading) -> _Table:
    """The file; every required column is there, or stood in for with a note."""
    rows = reading.delimited(path, separator="\t", quote=False)
    types = {name: name.rpartition(":")[2].strip() if ":" in name else "token" for name in rows.collect_schema()}
    types = {header: each for header, each in types.items() if header not in _PLACE}
    needed = _REQUIRED[kind]
    if not types:
        rows = pl.LazyFrame(schema={**dict.fromkeys(needed.values(), pl.String()), "file": pl.String(), "line": pl.Int64()})
        back = {theirs: ours for ours, theirs in needed.items()}
        return _Table(path, rows, dict.fromkeys(back, "token"), back, frozenset(needed))
    ours = _ours(kind, types)
    for wanted in [name for name in needed if name not in ours.values()]:
        ours[_stand_in(path, needed[wanted], types, ours, reading)] = wanted
    names, taken = dict[str, str](), {*_PLACE, *ours.values()}
    for header in types:
        name = ours.get(header) or header.rpartition(":")[0].strip() or header
        while header not in ours and name in taken:
            name += "_"
        names[header] = name
        taken.add(name)
    return _Table(path, rows, types, names, frozenset(ours.values()))


def _ours(kind: str, types: Mapping[str, str]) -> dict[str, str]:
    """Headers to our names: RecBole's own names of ids first, then everybody's, then those of its data sets."""
    plains = {header: plain(header) for header in types}
    ids = {plain(theirs): ours for ours, theirs in _REQUIRED[kind].items()}
    found = {header: ids[short] for header, short in plains.items() if short in ids}
    everybody = named(kind, [header for header in types if header not in found]) if kind != "links" else {}
    own = {header: _OWN.get(kind, {}).get(short, "") for header, short in plains.items()}
    for header, ours in [*everybody.items(), *own.items()]:
        apt = types[header] == "token" if ours == "event" else types[header] == "token_seq" or plains[header] != "type"
        if ours and apt and header not in found and ours not in found.values():
            found[header] = ours
    return found


def _stand_in(path: Path, theirs: str, types: Mapping[str, str], ours: Mapping[str, str], reading: Reading) -> str:
    """The first id that is none of ours: an item may well be called venue_id or artist_id.

    Raises:
        DamagedDump: there is none, or it is no item that is missing.
    """
    ids = [name for name, kind in types.items() if name not in ours and kind == "token" and plain(name).endswith("id")]
    if theirs != "item_id" or not ids:
        hint = did_you_mean(f"{theirs}:token", types)
        raise DamagedDump(f"{path} needs the column '{theirs}:token'{hint} (its header is: {', '.join(types)})")
    reading.note(f"{path.name}: {ids[0]} is taken for the item, as no column is called item_id")
    return ids[0]


def _select(table: _Table, wanted: Iterable[str]) -> pl.LazyFrame:
    """The columns of these headers under their names, null where the file says nothing; further floats are numbers."""
    values = []
    for header in wanted:
        name, kind = table.names[header], table.types[header]
        said = none_if_empty(pl.col(header))
        said = pl.when(~said.is_in(_MISSING)).then(said)
        if name in _LISTS or kind == "float_seq":
            said = said.str.split(" ").list.eval(pl.element().filter(pl.element() != ""))
        elif kind == "float" and name not in table.ours:
            said = said.cast(pl.Float64, strict=False)
        values.append(said.alias(name))
    return table.rows.select(*values, *_PLACE)


def _events(tables: Sequence[_Table], reading: Reading) -> pl.LazyFrame:
    parts = []
    for table in tables:
        histories = [header for header, name in table.names.items() if name.endswith("_list") and "_seq" in table.types[header]]
        if histories:
            reading.note(f"{table.path.name}: {', '.join(histories)} not read: a history is made of the rows before it")
        parts.append(_select(table, [header for header in table.names if header not in histories]))
    events = pl.concat(parts, how="diagonal_relaxed")
    names = events.collect_schema().names()
    said = pl.col("event").fill_null("interacted") if "event" in names else pl.lit("interacted")
    word = said.str.to_lowercase()  # no `replace`: it holds the whole column in memory
    known = pl.when(word == "pv").then(pl.lit("viewed")).when(word.is_in(_OPINIONS)).then(pl.lit("interacted"))
    events = events.with_columns(known.otherwise(said).alias("event"))
    if "at" not in names:
        return events
    if "position" not in names:
        return timed(events, "at")
    placed = timed(events.rename({"position": "__position"}), "at")
    return placed.with_columns(pl.coalesce("__position", "position").alias("position")).drop("__position")


def _told_apart(events: pl.LazyFrame | None) -> tuple[pl.LazyFrame | None, pl.LazyFrame | None]:
    """The events without the reviews of a graph of ours, and these."""
    if events is None or "event" not in (names := events.collect_schema().names()):
        return events, None
    about = pl.col("event").str.to_lowercase() == _REVIEW
    if not events.filter(about).head(1).collect(engine="streaming").height:
        return events, None
    reviews = events.filter(about).select(name for name in ("user", "product", "rating", "at", *_PLACE) if name in names)
    return events.filter(~about), reviews


def _described(table: _Table, reading: Reading) -> pl.LazyFrame:
    """Items or users, the column of categories as paths."""
    rows = _select(table, table.names)
    for header in (header for header, name in table.names.items() if name == "categories"):
        rows = rows.with_columns(_paths(rows, f"{table.path.name}: {header}", reading))
    return rows


def _paths(rows: pl.LazyFrame, place: str, reading: Reading) -> pl.Expr:
    """The tokens as paths, `A > B` from the top down. RecBole separates them by blanks, not all who write its files do."""
    said = pl.col("categories")
    shares = [said.str.contains(sign, literal=True).mean().alias(sign) for sign in ("|", ", ")]
    found = rows.select(shares).collect(engine="streaming").row(0, named=True)
    sign = next((sign.strip() for sign, share in found.items() if (share or 0) > 0.05), " ")  # a stray sign separates nothing
    if sign != " ":
        reading.note(f"{place} is taken as separated by {sign!r} and not by blanks, as RecBole has it")
    token = pl.element().str.strip_chars(" '\"[]" if sign == "," else " ")
    for code, character in (("%20", " "), ("%22", '"'), ("%25", "%")):
        token = token.str.replace_all(code, character, literal=True)
    tokens = said.str.split(sign).list.eval(token).list.eval(pl.element().filter(pl.element() != ""))
    return tokens.list.eval(pl.element().str.split(PATH_SEPARATOR)).alias("categories")


def _texts(table: _Table) -> tuple[str, ...]:
    """Further columns that a text model should read: sequences of tokens, and tokens most of which are words."""
    words = {header: name for header, name in table.names.items() if "token" in table.types[header] and name not in table.ours}
    shares = [none_if_empty(pl.col(header)).str.contains(_WORDS).mean().alias(header) for header in words]
    found = table.rows.select(shares).collect(engine="streaming").row(0, named=True) if words else {}
    return tuple(name for header, name in words.items() if table.types[header] == "token_seq" or (found[header] or 0) > 0.5)


def _triples(path: Path, link: Path | None, items: pl.LazyFrame, described: Collection[str], reading: Reading) -> pl.LazyFrame:
    """The triples, their entities replaced by the items that they are: by each of them where they are several.

    An entity that happens to have an item's id without being linked to it is told apart as `entity:` and its id. Without links,
    an item's id is the item.
    """
    said = pl.col("relation").str.to_lowercase()
    link_or_not = pl.when(said.is_in(_LISTS)).then(said).otherwise(pl.col("relation"))
    triples = exported(_required(path, "triples", reading), described).with_columns(link_or_not.alias("relation"))
    items = items.select(none_if_empty(pl.col("id"))).drop_nulls().unique().collect(engine="streaming").lazy()
    if link is None:
        ends = pl.concat([triples.select(id="head"), triples.select(id="tail")])
        _cover(path, ends, items, "are in the knowledge graph", reading)
        return triples
    links = _links(link, items, reading)
    torn = pl.any_horizontal(pl.col(name).is_null() for name in _REQUIRED["triples"])  # refused once when it is cleaned
    refused, triples = triples.filter(torn), triples.filter(~torn)
    for end in ("head", "tail"):
        strangers = items.select(pl.col("id").alias(end), pl.lit(value=True).alias("__taken"))
        joined = triples.join(links.rename({"entity": end}), on=end, how="left").join(strangers, on=end, how="left")
        apart = pl.when(pl.col("__taken")).then("entity:" + pl.col(end)).otherwise(pl.col(end))
        triples = joined.with_columns(pl.coalesce("item", apart).alias(end)).drop("item", "__taken")
    return pl.concat([triples, refused.select(triples.collect_schema().names())])


def _required(path: Path, kind: str, reading: Reading) -> pl.LazyFrame:
    table = _table(path, kind, reading)
    return _select(table, [header for header, name in table.names.items() if name in _REQUIRED[kind]])


def _links(path: Path, items: pl.LazyFrame, reading: Reading) -> pl.LazyFrame:
    """`item` and `entity` of every link whose item is known."""
    rows = _required(path, "links", reading)
    whole = pl.col("item").is_not_null() & pl.col("entity").is_not_null()
    for row in rows.filter(~whole).drop("file").collect(engine="streaming").iter_rows(named=True):
        said = row["item"] or row["entity"]
        reading.rejects.add(path.name, row.pop("line"), "a link must name an item and an entity", said, row)
    every = rows.filter(whole).select("item", "entity").unique().collect(engine="streaming").lazy()
    known = every.join(items, left_on="item", right_on="id", how="semi").collect(engine="streaming").lazy()
    _cover(path, known.select(id="item"), items, "are linked to an entity", reading)
    strange = _height(every) - _height(known)
    if strange:
        links = "1 link names an item" if strange == 1 else f"{strange:,} links name items"
        reading.note(f"{path.name}: {links} that nothing else tells of; the entities stay entities")
    return known


def _cover(path: Path, found: pl.LazyFrame, items: pl.LazyFrame, what: str, reading: Reading) -> None:
    there = _height(items.join(found, on="id", how="semi"))
    reading.note(f"{path.name}: {there:,} of {_height(items):,} items {what}")


def _height(rows: pl.LazyFrame) -> int:
    return int(rows.select(pl.len()).collect(engine="streaming").item())
