"""A product that is in no graph yet: what it is like and who will want it, from what is said of it alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import numpy as np
import scipy.sparse as sp

from graphrec.errors import BadRequest
from graphrec.likeness import Described
from graphrec.metrics import top
from graphrec.model import Model
from graphrec.ranking import Ranking
from graphrec.scorers.content import Content
from graphrec.search import Search
from graphrec.tensors import Floats, Relation, Rows
from graphrec.text import embed
from kg_builder.errors import did_you_mean

KEYS = ("title", "description", "brand", "category", "price")
"""What can be said of a new product, besides the labels and relations of nodes that products are tied to."""
_NEIGHBOURS = 50
"""Known products that stand for a new one where the model has no scorer for what is said of products."""
_EXAMPLE = "{'title': 'Trail shoe', 'brand': 'Acme', 'category': 'Running'}"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a new product stands."""

    title: str
    """What it is called here."""
    similar: Ranking
    """The known products it is most like; the ranking's user is the new product."""
    users: Ranking
    """The users who will most likely want it, the likeliest first: a line a user, the item is the new product."""
    notes: tuple[str, ...] = ()
    """What could not be used as it was meant."""

    def __repr__(self) -> str:
        head = f"{self.title}: among {len(self.similar)} similar products, likely wanted by {len(self.users)} users"
        titles = [""] * len(self.similar) if self.similar.titles is None else self.similar.titles
        lines = [f"  {one.rank:>3}  {one.item}  {title or ''}".rstrip() for one, title in zip(self.similar, titles, strict=True)]
        return "\n".join(
            [head, "similar:", *lines, "users:", *(f"  {one.rank:>3}  {one.user}" for one in self.users), *self.notes]
        )

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of a new product, checked."""

    title: str
    text: str
    ties: Mapping[Relation, sp.csr_matrix]
    """By relation, [1, nodes] ones."""
    notes: tuple[str, ...]


def place(model: Model, search: Search, product: Mapping[str, object], *, k: int, users: int) -> Placement:
    """The k known products that the new one is most like and the users who will most likely want it; see `Ranker.place`."""
    said = _read(model, product)
    alike, wanted, notes = _placed(model, search, said)
    alike[:, ~model.known.listed] = -np.inf
    alike[alike <= 0] = -np.inf
    wanted[~(wanted > 0)] = -np.inf
    similar = _ranked(alike, k)
    likely = _ranked(wanted[None, :], users)
    near = Ranking.of([said.title], model.known.products.names, *similar, model.names.get("Product"))
    found = Ranking.of([said.title], model.known.users.names, *likely)
    people = Ranking(found.items, found.users, found.ranks, found.scores)
    return Placement(said.title, near, people, (*said.notes, *notes))


def _ranked(scores: Floats, k: int) -> tuple[Rows, Floats]:
    lists = top(scores, min(k, scores.shape[1]))
    return lists, np.take_along_axis(scores, np.maximum(lists, 0), axis=1)


def _placed(model: Model, search: Search, said: _Said) -> tuple[Floats, Floats, tuple[str, ...]]:
    """[1, products] likeness, [users] how likely each wants it, and what is to be known of that."""
    content = model.blend.scorers.get(Content.name)
    if isinstance(content, Content):
        vectors = embed([said.text], model=model.text_model) if "Product" in model.text else None
        ties = {name: matrix for (_, name, _), matrix in said.ties.items()}
        placed = content.place(Described((said.text,), vectors, ties))
        alike = placed.alike.toarray()
        if alike.any():
            return alike, placed.score(model.known.histories())[:, 0], ()
    close = search.closeness(said.text)
    best = np.argsort(-close, kind="stable")[:_NEIGHBOURS]
    near = np.zeros(len(close), dtype=np.float32)
    near[best] = close[best]
    return close[None, :], model.known.matrix @ near, ("placed by the words of titles, categories and brands alone",)


def _read(model: Model, product: Mapping[str, object]) -> _Said:
    """What is said, with what is known of it.

    Raises:
        BadRequest: it is no dict, says nothing, or has a key or a value that no product has.
    """
    if not isinstance(product, Mapping):
        raise BadRequest(f"a new product is a dict such as {_EXAMPLE} (got {product!r})")
    relations = {kind: matrix for kind, matrix in model.known.relations.items() if kind[0] == "Product" != kind[2]}
    labels = {kind[2].lower(): kind for kind in relations} | {kind[1].split(":")[-1].lower(): kind for kind in relations}
    keys = dict.fromkeys([*KEYS, *labels])
    for key in product:
        if key not in keys:
            raise BadRequest(f"a product has no {key!r}{did_you_mean(str(key), keys) or ';'} known: {', '.join(keys)}")
    words = {key: _words(key, value) for key, value in product.items() if key != "price"}
    notes = [_price(product["price"])] if product.get("price") is not None else []
    if not any(words.values()):
        raise BadRequest(f"nothing is said of the product (got {dict(product)!r}); give at least a title, such as {_EXAMPLE}")
    ties: dict[Relation, sp.csr_matrix] = {}
    for key, names in words.items():
        if key in labels and names:
            ties[labels[key]], unknown = _tied(model, labels[key], names)
            notes += unknown
    known = ("title", "brand", "category", "description")
    order = [name for key in (*known[:3], *(one for one in words if one not in known), known[3]) for name in words.get(key, [])]
    title = next(iter(words.get("title", [])), order[0])
    return _Said(title, ". ".join(order), ties, tuple(notes))


def _words(key: str, value: object) -> list[str]:
    """The texts of a value, which is one or a list of them."""
    values: list[object] = list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
    texts = [one.strip() for one in values if isinstance(one, str)]
    if len(texts) < len(values):
        raise BadRequest(f"a product's {key} is a text or a list of texts (got {value!r})")
    return [one for one in texts if one]


def _price(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value) or value < 0:
        raise BadRequest(f"a product's price is a number from 0 on (got {value!r})")
    return "the price changes nothing: no scorer reads prices"


def _tied(model: Model, relation: Relation, names: list[str]) -> tuple[sp.csr_matrix, list[str]]:
    """[1, nodes] ones at the nodes of these names or ids, and a note on each that is not there."""
    ids = model.known.ids[relation[2]].names
    row_of: dict[str, int] = {str(one).casefold(): row for row, one in enumerate(ids)}
    called = model.names.get(relation[2], ids)
    row_of |= {str(one).casefold(): row for row, one in enumerate(called) if one}
    rows, notes = [], []
    for name in names:
        if name.casefold() in row_of:
            rows.append(row_of[name.casefold()])
        else:
            close = did_you_mean(name, [str(one) for one in called if one])
            notes.append(f"no {relation[2].lower()} {name!r}{close or ';'} it counts by its words alone")
    ones = np.ones(len(rows), dtype=np.float32)
    return sp.csr_matrix((ones, (np.zeros(len(rows), dtype=np.int64), rows)), shape=(1, len(ids))), notes
