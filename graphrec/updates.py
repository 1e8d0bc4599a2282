"""A model takes new events: histories grow, strangers become known, and nothing that was learnt changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from graphrec import events as reading
from graphrec.connections import Names
from graphrec.events import Events, Fault
from graphrec.model import Model
from graphrec.tensors import Ids, Interactions, KnownGraph, Relation, Rows
from kg_builder.errors import did_you_mean

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of the events of one update, and what waits for a `refresh` or a new fit."""

    events: int
    """How many count from now on."""
    repeated: int
    """Events that were known already to the second (a stream delivers twice): they change nothing."""
    new_users: tuple[str, ...]
    """Users who are known from now on."""
    grown_users: int
    """Known users whose histories grew."""
    first_chosen: tuple[str, ...]
    """Products that nobody had chosen before: they count in histories at once, and stay new products in the lists."""
    unknown_products: Mapping[str, int]
    """By product that the model does not know, how many events wait for it."""
    faults: tuple[Fault, ...] = ()
    """Events that were left out with `skip_faulty`."""
    ignored: tuple[str, ...] = ()
    """Columns that say nothing a model takes."""
    catalogue: Names = field(default_factory=lambda: np.empty(0, dtype=object), repr=False)

    @property
    def waits(self) -> tuple[str, ...]:
        """What a `refresh` or a new fit will take up, a line each."""
        lines = []
        if self.unknown_products:
            first = next(iter(self.unknown_products))
            said = ", ".join(list(self.unknown_products)[:_SHOWN]) + (", …" if len(self.unknown_products) > _SHOWN else "")
            close = did_you_mean(first, self.catalogue, alike=0.75)
            lines.append(
                f"{sum(self.unknown_products.values()):,} events of {len(self.unknown_products):,} products that the model does "
                f"not know ({said}{close}): build them into the graph, then refresh"
            )
        if self.first_chosen:
            lines.append(f"{len(self.first_chosen):,} products chosen for the first time are listed as new ones until a refresh")
        if self.events:
            lines.append("popularity, likeness of products and the weights of the scorers are as they were fitted")
        return tuple(lines)

    def __str__(self) -> str:
        said = [f"{self.events:,} events taken: {len(self.new_users):,} new users, {self.grown_users:,} known ones"]
        said += [f"{self.repeated:,} were known already"] * bool(self.repeated)
        said += [f"{len(self.faults):,} faulty ones left out, first {self.faults[0]}"] if self.faults else []
        said += [f"columns not read: {', '.join(self.ignored)}"] * bool(self.ignored)
        return "\n".join([*said, *(f"waits: {line}" for line in self.waits)])


def take(model: Model, events: object, *, skip_faulty: bool = False) -> tuple[Model, Taken]:
    """The model that knows these events too, and what came of them. The arrays of the scorers are shared, not copied.

    Raises:
        BadRequest: what was handed over is no events, or a value is faulty and nobody said to skip it.
    """
    found = reading.read(events)
    if found.faults and not skip_faulty:
        raise reading.refusal(found)
    known = model.known
    product = _rows_of(known.products, found.product)
    unknown = pd.Series([one for one, row in zip(found.product, product, strict=True) if row < 0], dtype=object)
    waiting = {str(one): int(count) for one, count in unknown.value_counts(sort=False).items()}
    told = [one for one, row in zip(found.user, product, strict=True) if row >= 0]
    users, new = _with_users(known.users, told)
    come = _come(users, told, product[product >= 0], found, product >= 0)
    fresh = ~_repeated(known.interactions, come, len(known.products))
    come = come.take(fresh)
    first = np.unique(come.product[~known.warm[come.product]])
    grown = np.union1d(model.grown, come.user).astype(np.int64)
    taken = Taken(
        len(come),
        int((~fresh).sum()),
        new,
        int((np.unique(come.user) < len(known.users)).sum()),
        tuple(known.products.names[first]),
        waiting,
        found.faults,
        found.ignored,
        known.products.names,
    )
    if not len(come):
        return model, taken
    counts = {"events": taken.events, "new users": len(new), "products chosen for the first time": len(first)}
    so_far = model.summary.updates
    summary = replace(model.summary, updates={name: so_far.get(name, 0) + count for name, count in counts.items()})
    names = {label: _longer(column, len(users)) if label == "User" else column for label, column in model.names.items()}
    return replace(model, known=_grown(known, users, come), names=names, summary=summary, grown=grown), taken


def _rows_of(ids: Ids, names: list[str]) -> Rows:
    """[len(names)] rows; -1 for an id that is not there."""
    return np.array([ids.row_of.get(name, -1) for name in names], dtype=np.int64)


def _with_users(users: Ids, named: list[str]) -> tuple[Ids, tuple[str, ...]]:
    """The users with those named behind them who were not among them, and who these are."""
    new = tuple(dict.fromkeys(name for name in named if name not in users.row_of))
    if not new:
        return users, ()
    return Ids(users.label, np.concatenate([users.names, np.array(new, dtype=object)])), new


def _come(users: Ids, told: list[str], product: Rows, events: Events, kept: npt.NDArray[np.bool_]) -> Interactions:
    """The events in rows, ordered by user and then as they happened; those without a time last."""
    user, at = _rows_of(users, told), np.compress(kept, events.at)
    order = np.lexsort((np.where(np.isnan(at), np.inf, at), user))
    return Interactions(user[order], product[order], at[order], events.rating[kept][order], ordered=True)


def _repeated(before: Interactions, come: Interactions, products: int) -> npt.NDArray[np.bool_]:
    """[m] True for events of a known second that are known, or stand there twice."""
    old = _of_users(before, come.user)
    pairs = [one.user * products + one.product for one in (old, come)]
    keys = pd.DataFrame({"pair": np.concatenate(pairs), "at": np.concatenate([old.at, come.at])})
    return np.asarray(keys.duplicated().to_numpy()[len(old) :] & ~np.isnan(come.at))


def _grown(known: KnownGraph, users: Ids, come: Interactions) -> KnownGraph:
    """The graph after these events; relations of users get empty rows for the new ones."""
    before = known.interactions
    at = _places(before, come)
    merged = Interactions(
        np.insert(before.user, at, come.user),
        np.insert(before.product, at, come.product),
        np.insert(before.at, at, come.at),
        np.insert(before.rating, at, come.rating),
        ordered=before.ordered,
    )
    listed = known.listed.copy()
    listed[come.product] = True
    relations = {relation: _resized(relation, matrix, len(users)) for relation, matrix in known.relations.items()}
    ids = {**known.ids, "User": users}
    unsaid = [None] * (len(users) - len(known.users))
    attributes = {name: [*column, *unsaid] for name, column in known.attributes.items()} if unsaid else known.attributes
    grown = replace(known, ids=ids, interactions=merged, relations=relations, listed=listed, attributes=attributes)
    vars(grown)["_latest"] = _latest(known, grown, come.user)
    return grown


def _latest(before: KnownGraph, grown: KnownGraph, users: Rows) -> tuple[Rows, Rows, npt.NDArray[np.float64]]:
    """`KnownGraph._latest` of the grown graph, worked out anew for these users alone: sorting all choices would take seconds."""
    indptr, product, at = before._latest
    new_indptr, new_product, new_at = replace(grown, interactions=_of_users(grown.interactions, users))._latest
    touched = np.zeros(len(grown.users), dtype=bool)
    touched[users] = True
    old = np.zeros(len(touched), dtype=np.int64)
    old[: len(before.users)] = np.diff(indptr)
    lengths = np.where(touched, np.diff(new_indptr), old)
    fresh, kept = np.repeat(touched, lengths), ~np.repeat(touched, old)
    products, times = np.empty(len(fresh), dtype=np.int64), np.empty(len(fresh))
    products[fresh], products[~fresh] = new_product, product[kept]
    times[fresh], times[~fresh] = new_at, np.compress(kept, at)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), products, times


def _of_users(chosen: Interactions, users: Rows) -> Interactions:
    """What these users chose, in order."""
    users = np.unique(users)
    starts = np.searchsorted(chosen.user, users)
    lengths = np.searchsorted(chosen.user, users, side="right") - starts
    rows = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    return Interactions(chosen.user[rows], chosen.product[rows], np.take(chosen.at, rows), chosen.rating[rows], chosen.ordered)


def _places(before: Interactions, come: Interactions) -> Rows:
    """[events] the interaction before which each belongs: behind what its user chose until then, last without a time."""
    old = _of_users(before, come.user)
    times = pd.Series(np.where(np.isnan(old.at), -np.inf, old.at))
    clock = np.concatenate([times.groupby(old.user).cummax().to_numpy(), np.where(np.isnan(come.at), np.inf, come.at)])
    is_event = np.arange(len(clock)) >= len(old)
    order = np.lexsort((is_event, clock, np.concatenate([old.user, come.user])))
    earlier = np.cumsum(~is_event[order])[is_event[order]]
    found: Rows = np.searchsorted(before.user, come.user) + earlier - np.searchsorted(old.user, come.user)
    return found


def _resized(relation: Relation, matrix: sp.csr_matrix, users: int) -> sp.csr_matrix:
    source, _, target = relation
    shape = (users if source == "User" else matrix.shape[0], users if target == "User" else matrix.shape[1])
    if shape == matrix.shape:
        return matrix
    indptr = np.concatenate([matrix.indptr, np.full(shape[0] - matrix.shape[0], matrix.indptr[-1], dtype=matrix.indptr.dtype)])
    return sp.csr_matrix((matrix.data, matrix.indices, indptr), shape=shape)


def _longer(column: Names, length: int) -> Names:
    return np.concatenate([column, np.full(length - len(column), None, dtype=object)])
