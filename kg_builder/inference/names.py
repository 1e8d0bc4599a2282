"""What the names of files and columns say."""

import re
from collections.abc import Mapping

from kg_builder.reading.columns import aliases, plain
from kg_builder.reading.othernames import GENERIC
from kg_builder.schema import RETAIL

_ACTING: Mapping[str, frozenset[str]] = {
    "user": frozenset({"actor", "subject", "agent", "who", "by"}),
    "product": frozenset({"object", "target", "what", "of"}),
}
"""What the objects are called in events told as sentences: actor, verb, object."""

Evidence = tuple[float, str]
"""How much it speaks for (0 to 1) or against (-1 to 0) something, and why."""


def of_name(table: str, ours: str, name: str) -> Evidence:
    """What a name says of a column.

    Example:
        >>> of_name("events", "user", "Customer ID")[1], of_name("events", "user", "order.customer_id")[0]
        ('is called Customer ID', 0.5)
    """
    known = aliases(table)[ours]
    if plain(name) in known:
        return max(0.6, 0.85 - 0.01 * known.index(plain(name))), f"is called {name}"
    told, _, leaf = name.rpartition(".")
    if table == "events" and plain(leaf) in ("id", "uid", "key") and plain(told.rpartition(".")[2]) in _ACTING.get(ours, ()):
        return 0.65, f"is the id of the {told}"
    tokens = words(name)
    ends = ["".join(tokens[place:]) for place in range(1, len(tokens))]
    if any(end in known and end not in GENERIC for end in ends):
        return 0.5, f"its name {name} ends so"
    starts = ["".join(tokens[:place]) for place in range(1, len(tokens))]
    if any(start in known and start not in GENERIC for start in starts):
        return 0.3, f"its name {name} begins so"
    return 0.0, ""


def words(name: str) -> list[str]:
    """The words that a name is made of.

    Example:
        >>> words("customerEmail_2.home")
        ['customer', 'email', '2', 'home']
    """
    return [word.lower() for word in re.findall(r"[A-ZÄÖÜ]+(?![a-zäöü])|[A-ZÄÖÜ]?[^\W\d_A-ZÄÖÜ]+|\d+|[^\W_]", name)]


def stem(file: str) -> list[str]:
    """The words of a file's name without its endings.

    Example:
        >>> stem("order_items-2020.csv.gz")
        ['order', 'items', '2020']
    """
    return words(re.sub(r"(\.[a-zA-Z]{1,7}){1,2}$", "", file))


def label(file: str, key: str = "") -> str:
    """A label for the rows of a file, by the name of its id where that tells, else by its own.

    Example:
        >>> label("shops.csv", "store_id"), label("stores.csv"), label("supplier_companies.jsonl.gz", "id")
        ('Store', 'Store', 'SupplierCompany')
    """
    telling = [word for word in words(key) if word not in GENERIC and len(word) > 2]
    found = [word for word in telling or stem(file) if word.isalpha() and word.isascii()] or ["thing"]
    last = found[-1]
    found[-1] = f"{last[:-3]}y" if last.endswith("ies") else last[:-1] if last.endswith("s") and not last.endswith("ss") else last
    name = "".join(word.capitalize() for word in found)
    return f"{name}Detail" if name in RETAIL.nodes else name
