"""Rows that stand where they must not: twice, on both sides, or on the wrong side of a moment."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from graphrec.leaks.findings import Case, Finding, moment
from graphrec.splits import at_once
from graphrec.tensors import KnownGraph, Rows


def find(case: Case) -> Iterator[Finding]:
    """Everything that the rows of both sides give away."""
    yield from _twice_in_training(case)
    yield from _twice_in_test(case)
    yield from _in_both(case)
    yield from _older_than_training(case)
    yield from _future(case)
    yield from _known_users(case)
    yield from _known_products(case)
    yield from _undated(case)
    yield from _unread(case)
    yield from _not_listed(case)
    yield from _only_in_test(case)
    yield from _only_later(case)


def timed(case: Case) -> bool:
    """Whether times tell a row that is there twice from buying again: all equal, they say nothing."""
    return not at_once(case.everything) and not np.isnan(case.everything.at).all()


def _twice_in_training(case: Case) -> Iterator[Finding]:
    """Rows that agree in user, product and time; without times, buying again looks the same and is left alone."""
    chosen = case.cut.known.interactions
    if not timed(case):
        return
    order = np.lexsort((chosen.at, chosen.product, chosen.user))
    columns = (chosen.user[order], chosen.product[order], chosen.at[order])
    again = np.all([column[1:] == column[:-1] for column in columns], axis=0)
    if again.any():
        place = order[1:][again][0]
        example = f"{case.pair(chosen.user[place], chosen.product[place])} at {moment(chosen.at[place])}"
        yield Finding("note", "duplicate rows in training", int(again.sum()), example, "a choice counts once; drop them")


def _twice_in_test(case: Case) -> Iterator[Finding]:
    rows = Counter(case.given.pairs if case.given else ())
    again = {pair: count - 1 for pair, count in rows.items() if count > 1}
    if again:
        example, remedy = " → ".join(next(iter(again))), "each pair counts once; drop the others"
        yield Finding("note", "duplicate rows in the test", sum(again.values()), example, remedy)


def _in_both(case: Case) -> Iterator[Finding]:
    """Of a given test alone: in a cut of ours somebody bought again."""
    both = case.cut.truth.multiply(case.told).tocoo()
    if case.given is None or not both.nnz:
        return
    example = case.pair(case.cut.users[both.row[0]], both.col[0])
    if case.seen_left_out:
        remedy = "they are no truth here; take them out of training or of the test"
        yield Finding("leak", "test in train", both.nnz, example, remedy)
    else:
        remedy = "right where buying again is the point; else leave seen products out"
        yield Finding("note", "test in train", both.nnz, example, remedy)


def _older_than_training(case: Case) -> Iterator[Finding]:
    """Of a given test: rows that the same user's training goes beyond. Our own cuts say so in their reason."""
    if case.given is None:
        return
    chosen, held = case.cut.known.interactions, case.held
    last = np.full(len(case.cut.known.users), -np.inf)
    np.fmax.at(last, chosen.user, chosen.at)
    older = np.flatnonzero(held.at < last[held.user])
    if len(older):
        row = older[0]
        example = f"{case.pair(held.user[row], held.product[row])} at {moment(held.at[row])}, {_last(last, held.user[row])}"
        remedy = "hold out what came last instead: without --test, or with --until DATE"
        yield Finding("leak", "test older than training", len(older), example, remedy)


def _last(last: npt.NDArray[np.float64], user: int) -> str:
    return f"training until {moment(last[user])}"


def later_training(case: Case) -> Rows | None:
    """The places of training interactions later than the first held-out one; None where times are unknown."""
    return None if np.isnan(case.begins) else np.flatnonzero(case.cut.known.interactions.at > case.begins)


def _future(case: Case) -> Iterator[Finding]:
    places = later_training(case)
    if places is None or not len(places):
        return
    chosen = case.cut.known.interactions
    begins = moment(case.begins)
    place = places[0]
    example = f"{case.pair(chosen.user[place], chosen.product[place])} at {moment(chosen.at[place])}, the test begins {begins}"
    wrong = case.given is not None and case.promised == "time"
    remedy = "what others chose later is known; --until DATE divides all by one moment"
    yield Finding("leak" if wrong else "note", "interactions from the future", len(places), example, remedy)


def _known_users(case: Case) -> Iterator[Finding]:
    if case.promised != "new-users":
        return
    known, users = case.cut.known, case.cut.users
    both = users[np.diff(known.matrix.indptr)[users] > 0]
    if len(both):
        yield Finding(
            "leak",
            "users on both sides, who should be new",
            len(both),
            str(known.users.names[both[0]]),
            "take their interactions out of training",
        )


def _known_products(case: Case) -> Iterator[Finding]:
    if case.promised != "new-products":
        return
    known = case.cut.known
    asked = np.unique(case.cut.truth.indices)
    both = asked[known.warm[asked]]
    if len(both):
        yield Finding(
            "leak",
            "products on both sides, which should be new",
            len(both),
            str(known.products.names[both[0]]),
            "take their interactions out of training",
        )


def _undated(case: Case) -> Iterator[Finding]:
    chosen = case.cut.known.interactions
    undated = np.flatnonzero(np.isnan(chosen.at))
    if case.cut.moment is not None and len(undated):
        example = case.pair(chosen.user[undated[0]], chosen.product[undated[0]])
        remedy = "they stay in training and may come from after the cut; give them times or drop them"
        yield Finding("note", "interactions without a time", len(undated), example, remedy)


def _unread(case: Case) -> Iterator[Finding]:
    """Of a given test: what should be times and cannot be read."""
    unread = case.given.unread if case.given else ()
    if unread:
        remedy = "nothing says whether these rows are later than training; epoch seconds, milliseconds or ISO 8601 are read"
        yield Finding("note", "test rows whose time is none", len(unread), repr(unread[0]), remedy)


def _only_in_test(case: Case) -> Iterator[Finding]:
    """Products that are asked for and that nobody chose in training, where that is not the question itself."""
    known = case.cut.known
    asked = np.unique(case.cut.truth.indices)
    cold = asked[~known.warm[asked] & known.listed[asked]]
    if len(cold) and case.promised != "new-products":
        remedy = "graph and texts alone can rank them; the figures of cold products stand apart"
        yield Finding("note", "products that the test alone chooses", len(cold), str(known.products.names[cold[0]]), remedy)


def _only_later(case: Case) -> Iterator[Finding]:
    """Of our own cuts: candidates that nothing describes and nobody chose before, for whom a catalogue of then had no row."""
    known = case.cut.known
    if case.given is not None:
        return
    later = np.unique(case.everything.product)
    bare = later[known.listed[later] & ~known.warm[later] & ~_described(known)[later]]
    if len(bare):
        remedy = "they are ranked although nobody knew of them then; describe them, or leave their rows out"
        yield Finding("note", "products that held-out rows alone know", len(bare), str(known.products.names[bare[0]]), remedy)


def _described(known: KnownGraph) -> npt.NDArray[np.bool_]:
    """[products] True where a text or an edge tells of the product."""
    told = np.array([bool(text) for text in known.texts.get("Product", [""] * len(known.products))])
    for (source, _, target), matrix in known.relations.items():
        if source == "Product":
            told |= np.diff(matrix.tocsr().indptr) > 0
        if target == "Product":
            told |= np.diff(matrix.tocsc().indptr) > 0
    return told


def _not_listed(case: Case) -> Iterator[Finding]:
    known = case.cut.known
    asked = np.unique(case.cut.truth.indices)
    bare = asked[~known.listed[asked]]
    if len(bare):
        remedy = "nothing describes them and nobody chose them in training, so they are in no list and count as misses"
        yield Finding("note", "test products that are not ranked", len(bare), str(known.products.names[bare[0]]), remedy)
