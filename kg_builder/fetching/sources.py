"""The public dumps that have a name here: where they lie, what they are, and what may be done with them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from kg_builder.errors import BadRequest, did_you_mean

HOW_TO_LIST = "kg-builder fetch --list shows what there is"


@dataclass(frozen=True, slots=True)
class Download:
    """One file of a source."""

    path: str
    """Under the source's base; its last part is the file's name."""
    checksum: str | None = None
    """`sha256:…` or `md5:…` where one is published."""
    size: int | None = None
    """In bytes, where it is published."""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class KnownSource:
    """A public dump that can be fetched by its name."""

    name: str
    """As in `ml-100k` or `amazon-2023/All_Beauty`; also the folder that it is fetched into."""
    what: str
    licence: str
    """What its publisher says, in short; `page` has the words."""
    format: str
    """The format that reads it."""
    page: str
    base: str
    """The address that a mirror replaces; every file lies under it."""
    files: tuple[Download, ...]
    family: str | None = None
    """`amazon-2023` of `amazon-2023/All_Beauty`."""
    reviews: int | None = None

    @property
    def size(self) -> int | None:
        """Bytes to download, where every file's size is published."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None


@cache
def known_sources() -> Mapping[str, KnownSource]:
    """Every source by its name, in the order of the table.

    Example:
        >>> known_sources()["ml-100k"].files[0].name
        'ml-100k.zip'
    """
    table = tomllib.loads(files("kg_builder.fetching").joinpath("sources.toml").read_text(encoding="utf-8"))
    found = [source for name, row in table.items() for source in _of_row(name, row)]
    return {source.name: source for source in found}


def source_named(name: str) -> KnownSource:
    """The source of that name.

    Raises:
        BadRequest: there is none; says which is meant perhaps, and how to list them.
    """
    known = known_sources()
    if name in known:
        return known[name]
    family = [source for source in known.values() if source.family == name]
    if family:
        raise BadRequest(
            f"{name} has {len(family)} categories: say which, as in {family[0].name}; kg-builder fetch {name} --list"
        )
    raise BadRequest(f"no source {name!r}{_meant(name, known) or ';'} {HOW_TO_LIST}")


def sources_of(name: str | None) -> list[KnownSource]:
    """Every source; with a name that one, or all of that family.

    Raises:
        BadRequest: there is none of that name.
    """
    known = known_sources()
    chosen = [source for source in known.values() if name in (None, source.name, source.family)]
    return chosen or [source_named(str(name))]


def checked_base(url: str) -> str:
    """The address of a mirror without a slash at its end.

    Raises:
        BadRequest: it is no http or https address, or has a password in it.

    Example:
        >>> checked_base("http://mirror.example/movielens/")
        'http://mirror.example/movielens'
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None  # `port` raises where it is no number
    except ValueError:
        raise BadRequest("a mirror is an http:// or https:// address (this one cannot be read)") from None
    if parts.username is not None or parts.password is not None:
        raise BadRequest("a mirror's address must have no user or password in it")
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        raise BadRequest(f"a mirror is an http:// or https:// address (got {url!r})")
    return url.rstrip("/")


def _meant(name: str, known: Mapping[str, KnownSource]) -> str:
    """The likeliest name, whatever its letters' case: categories are written as their publishers write them."""
    folded = {one.casefold(): one for one in known}
    families = {source.family for source in known.values() if source.family}
    if name.casefold() in folded:
        return f"; did you mean {folded[name.casefold()]!r}?"
    return did_you_mean(name, [*known, *families])


def _of_row(name: str, row: Mapping[str, Any]) -> list[KnownSource]:
    categories: Mapping[str, int] = row.get("categories", {})
    if not categories:
        return [_source(name, row)]
    return [_source(f"{name}/{category}", row, name, category, reviews) for category, reviews in categories.items()]


def _source(
    name: str, row: Mapping[str, Any], family: str | None = None, category: str = "", reviews: int | None = None
) -> KnownSource:
    return KnownSource(
        name=name,
        what=row["what"],
        licence=row["licence"],
        format=row["format"],
        page=row["page"],
        base=row["base"],
        files=tuple(
            Download(one["path"].format(category=category), one.get("checksum"), one.get("bytes")) for one in row["files"]
        ),
        family=family,
        reviews=reviews,
    )
