"""The summands of one score: what each scorer and, where it can be told, each product of the history adds."""

from collections.abc import Iterator

import numpy as np

from graphrec.connections import Connections
from graphrec.explanation import Explanation, Reason
from graphrec.model import Model
from graphrec.scorers import SelfExplaining, Term
from graphrec.tensors import Floats, Histories

_CONNECTED = 50
"""How many of the largest reasons get their edges looked up; a long history has thousands of tiny ones."""
_LEFT_OUT = 64
"""The latest products of a history over which an opaque scorer is shared out: each costs one more user to score."""
_NOISE = 1e-3
"""A change smaller than this share of a scorer's contribution is rounding, not an effect."""


def explain(model: Model, connections: Connections, user: str, history: Histories, product: int) -> Explanation:
    """Why this product row for one user (a batch of one); reasons and baseline add up to the score."""
    variants = _variants(history)
    parts = model.contributions(variants, np.array([product], dtype=np.int64))
    baseline, terms = 0.0, []
    for name, part in parts.items():
        scorer: object = model.blend.scorers.get(name)
        if isinstance(scorer, SelfExplaining):
            scale, offset = _scale(model, name, history, product)
            found = [Term(term.product, term.path, term.amount * scale) for term in scorer.terms(history, product)]
            terms += [(name, True, term) for term in found if term.amount]
            baseline += offset
        else:
            terms += [(name, exact, term) for exact, term in _shared_out(name, part[:, 0], history)]
    terms.sort(key=lambda one: -abs(one[2].amount))
    reasons = [
        _reason(connections, name, term, product, exact=exact, connected=place < _CONNECTED)
        for place, (name, exact, term) in enumerate(terms)
    ]
    return Explanation.of(user, connections.node("Product", product), reasons, baseline)


def _variants(history: Histories) -> Histories:
    """The history itself, then the history without each of its latest products, the latest first."""
    items = history.product.tolist()
    without = [[item for item in items if item != left] for left in _latest(history)]
    others = Histories.of(without)
    return Histories(
        np.concatenate([history.indptr, history.indptr[-1] + others.indptr[1:]]),
        np.concatenate([history.product, others.product]),
        np.concatenate([history.at, np.full(len(others.product), np.nan)]),
        np.concatenate([history.user, others.user]),
    )


def _latest(history: Histories) -> list[int]:
    return [int(row) for row in history.product[::-1][:_LEFT_OUT]]


def _scale(model: Model, name: str, history: Histories, product: int) -> tuple[float, float]:
    """(scale, offset) with contribution = scale · score + offset for this user: how the blend put the scorer on its own scale.

    Read off at the product and the one furthest from it, so that it holds for any such blend.
    """
    scores = model.blend.scorers[name].score(history)[0]
    alike = np.isfinite(scores) & (model.blend.warm == model.blend.warm[product])
    if not alike[product]:
        return 0.0, 0.0
    furthest = int(np.argmax(np.where(alike, np.abs(scores - scores[product]), -1.0)))
    parts = model.contributions(history, np.array([product, furthest], dtype=np.int64))[name][0].astype(np.float64)
    spread = float(scores[product]) - float(scores[furthest])
    scale = float(parts[0] - parts[1]) / spread if spread else 0.0
    return scale, float(parts[0]) - scale * float(scores[product])


def _shared_out(name: str, amounts: Floats, history: Histories) -> Iterator[tuple[bool, Term]]:
    """(exact, term) of a scorer that cannot take its score apart. amounts: [1 + left out] its contributions to the variants."""
    amount = float(amounts[0])
    falls = (amount - amounts[1:].astype(np.float64)) if amount > 0 else np.zeros(0)
    effects = {item: fall for item, fall in zip(_latest(history), falls, strict=False) if fall > _NOISE * amount}
    if not effects:
        if amount:
            yield True, Term(-1, name, amount)
        return
    total = sum(effects.values())
    yield from ((False, Term(item, name, float(amount * effect / total))) for item, effect in effects.items())


def _reason(connections: Connections, scorer: str, term: Term, product: int, *, exact: bool, connected: bool) -> Reason:
    if term.product < 0:
        return Reason(None, scorer, term.path, term.amount, exact, connections.plain(term.path, term.amount))
    item = connections.node("Product", term.product)
    found = connections.between(term.product, product, term.path) if connected else connections.plain(term.path)
    return Reason(item, scorer, term.path, term.amount, exact, found)
