"""Ids that files share: which column of a file holds the ids of another."""

from collections.abc import Mapping, Sequence

from kg_builder.inference.evidence import Link
from kg_builder.inference.names import label, of_name, stem, words
from kg_builder.inference.profiles import FileProfile, Profile, overlap
from kg_builder.reading.othernames import TABLES

_ROLES = {"user": "users", "product": "products"}


def links_of(name: str, profiles: Mapping[str, FileProfile]) -> dict[str, list[Link]]:
    """By column of the file, the ids of other files that it holds, the surest first."""
    keys = [(file, key) for file, one in profiles.items() if file != name for key in one.columns.values() if _names_rows(key)]
    found: dict[str, list[Link]] = {}
    for column in profiles[name].columns.values():
        if column.listed or not column.filled or column.time is not None or column.priced or column.boolean or column.words > 5:
            continue
        links = [Link(file, key.name, share) for file, key in keys if (share := _share(column, key, file)) >= 0.5]
        if links:
            found[column.name] = sorted(links, key=lambda link: -link.share)
    return found


def _names_rows(column: Profile) -> bool:
    """True for ids: no value twice, or a few rows twice where the name says that it is an id."""
    if column.time is not None or column.priced or not column.filled:
        return False
    called = max(of_name(table, "id", column.name)[0] for table in ("products", "users"))
    return column.key or (column.single > 0.5 and called >= 0.6 and not column.listed and column.length <= 64)


def _share(column: Profile, key: Profile, file: str) -> float:
    """How many of the column's values are ids there; numbers must also be called so, or there would be many by chance."""
    if not column.numeric:
        return overlap(column.distinct, key.ids)
    role, other = _role(column.name), _role(key.name) or _table(file)
    if not (column.whole and key.whole) or (role and other and role != other):
        return 0.0
    known = (role is not None and role == other) or _alike(
        words(column.name), [*stem(file), *words(label(file)), *words(key.name)]
    )
    many = len(column.distinct) >= 20 and len(column.distinct) >= 0.3 * len(key.ids)
    if not known and (role is not None or not many):
        return 0.0
    return overlap(column.distinct, key.ids) * (1.0 if known else 0.8)


def _role(name: str) -> str | None:
    """The table whose ids a column of this name holds."""
    return next((table for ours, table in _ROLES.items() if of_name("events", ours, name)[0] >= 0.5), None)


def _table(file: str) -> str | None:
    return next((table for table in _ROLES.values() if not TABLES[table].isdisjoint(stem(file))), None)


def _alike(some: Sequence[str], others: Sequence[str]) -> bool:
    """True where a word of some is the beginning of one of the others, or the other way round."""
    return any(
        len(one) > 2 and len(other) > 2 and (one.startswith(other) or other.startswith(one)) for one in some for other in others
    )


def named_by(name: str, links: Mapping[str, Mapping[str, Sequence[Link]]]) -> dict[str, list[str]]:
    """By column of the file that is an id, the columns of other files that hold it."""
    found: dict[str, list[str]] = {}
    for file, columns in links.items():
        for column, there in columns.items():
            if there[0].file == name:
                found.setdefault(there[0].key, []).append(f"{column} of {file}")
    return found


def buyers(
    links: Mapping[str, Mapping[str, Sequence[Link]]], tables: Mapping[str, str], profiles: Mapping[str, FileProfile]
) -> dict[str, str]:
    """The file whose ids stand beside those of products: users, where no other is known."""
    if "users" in tables.values() or "products" not in tables.values():
        return {}
    beside: dict[str, int] = {}
    for columns in links.values():
        files = {there[0].file: column for column, there in columns.items()}
        if any(tables.get(file) == "products" for file in files):
            strange = {file for file, column in files.items() if of_name("events", "key", column)[0] >= 0.6}
            people = [file for file in files if file not in tables and file not in strange and not _chooses(links[file], tables)]
            beside |= {file: profiles[file].rows for file in people}
    return {max(beside, key=lambda file: beside[file]): "users"} if beside else {}


def _chooses(columns: Mapping[str, Sequence[Link]], tables: Mapping[str, str]) -> bool:
    """True where rows hold ids of products."""
    return any(tables.get(there[0].file) == "products" for there in columns.values())
