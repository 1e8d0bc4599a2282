"""Ids that files share: which column of a file holds the ids of another."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kg_builder.evidence import Link, label, words
from kg_builder.profiles import FileProfile, Profile, overlap


def links_of(name: str, profiles: Mapping[str, FileProfile]) -> dict[str, list[Link]]:
    """By column, the ids of other files that it holds."""
    found: dict[str, list[Link]] = {}
    for column in profiles[name].columns.values():
        if column.listed or not column.filled or column.time is not None or column.priced or column.boolean or column.words > 5:
            continue
        links = [
            Link(file, key.name, share)
            for file, other in profiles.items()
            if file != name
            for key in other.columns.values()
            if key.key and key.time is None and not key.priced and (share := _share(column, key, file)) >= 0.5
        ]
        if links:
            found[column.name] = sorted(links, key=lambda link: -link.share)
    return found


def _share(column: Profile, key: Profile, file: str) -> float:
    """How many of the column's values are ids there; small numbers must also be called so, or there would be many by chance."""
    if column.numeric:
        if not (column.whole and key.whole):
            return 0.0
        called = set(words(column.name)) & ({*words(Path(file).stem), *words(label(file))} | set(words(key.name)) - {"id", "nr"})
        known = any(len(word) > 2 and (word in plain or plain in word) for word in called for plain in words(column.name))
        if not known and not (len(column.distinct) >= 20 and len(column.distinct) >= 0.3 * len(key.distinct)):
            return 0.0
        return overlap(column.distinct, key.distinct) * (1.0 if known else 0.8)
    return overlap(column.distinct, key.distinct)


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
        files = {there[0].file for there in columns.values()}
        if any(tables.get(file) == "products" for file in files):
            for file in files:
                if file not in tables:
                    beside[file] = profiles[file].rows
    return {max(beside, key=lambda file: beside[file]): "users"} if beside else {}
