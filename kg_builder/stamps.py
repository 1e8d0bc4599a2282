"""Who made a store: the number of the form in which it keeps its graph, and the version of graphrec."""

from kg_builder.errors import StoreError
from kg_builder.fingerprints import version

FORM = 2
"""Goes up when an older graphrec would misread what a store keeps."""


def stamp() -> dict[str, int | str]:
    """What a store keeps beside its schema; stores made before there were stamps have none, and are of form 1."""
    return {"form": FORM, "by": version()}


def check(address: str, form: object, by: object) -> None:
    """Nothing, where this graphrec can read the store.

    Raises:
        StoreError: a newer one made it; says which.

    Example:
        >>> check("shop.graph", 1, "0.1.0")
    """
    if not isinstance(form, int) or form <= FORM:
        return
    raise StoreError(
        f"{address} was made by graphrec {by} in a newer form ({form}; this one knows {FORM}): install graphrec {by} or newer "
        "(pip install -U graphrec), or name another store"
    )
