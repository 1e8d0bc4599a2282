"""Dumps: what a shop hands over, read by one file a format into one form, and which reader fits a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True, slots=True)
class Dump:
    """A shop's data in one form, not yet cleaned: what every reader returns and `tabulate` turns into GraphTables.

    Frames keep the source's values (strings where they may be dirty). Every frame may carry `file` (string) and `line`
    (integer, from 1) so that a refused row can be found again. Columns beyond the known ones become properties.
    """

    name: str
    format: str
    products: pl.LazyFrame | None = None
    """`id`, `title`, `description`, `price`, `brand`, `categories` (list of paths, each a list of names from the top down; or
    flat names as paths of length one), `also_bought`, `also_viewed`, `bought_together` (lists of product ids)."""
    users: pl.LazyFrame | None = None
    """`id` and whatever is known of a user."""
    reviews: pl.LazyFrame | None = None
    """`user`, `product`, `rating`, `title`, `text`, `at`, `helpful`, `verified`."""
    events: pl.LazyFrame | None = None
    """`user`, `product`, `event` (viewed, carted, bought, interacted), `key`, `at`, `position`, `rating`, `quantity`, `price`,
    `discount`."""
    categories: pl.LazyFrame | None = None
    """`id` (the whole path), `name`, `parent` (id)."""
    triples: pl.LazyFrame | None = None
    """`head`, `relation`, `tail`: outside knowledge; a head or tail that is a product's id means that product."""
    text_properties: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By label, the extra columns that a text model should read."""
