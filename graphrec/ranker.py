"""Ranker: a fitted model that answers in the shop's own ids."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from graphrec import asking, checkpoint, placement, reasons, reranking, search, updates, writeback
from graphrec.asking import Exclusion, History, Users, hide
from graphrec.attributes import Attributes
from graphrec.batches import by_batch
from graphrec.connections import Connections
from graphrec.errors import BadRequest
from graphrec.explanation import Explanation
from graphrec.memory import check_room
from graphrec.metrics import top
from graphrec.model import Model, Summary
from graphrec.placement import Placement
from graphrec.ranking import Names, Ranking, check_k
from graphrec.reranking import Aspects, Head
from graphrec.search import Search
from graphrec.tensors import Floats, Histories, Rows
from graphrec.updates import Taken
from kg_builder.stores import Progress
from kg_builder.tables import GraphTables

_LINE = 64
"""Bytes of a line of a ranking, about: user, product, rank, score and title."""


@dataclass(frozen=True)
class Ranker:
    """A fitted model: ranks products for known users and for strangers with a history, says why, and goes back into the graph.

    Made by `graphrec.fit` or `Ranker.load`. Only listed products are ranked (those described or chosen at least once) unless
    others are named as candidates.
    """

    model: Model
    taken: Taken | None = None
    """What came of the events of the `update` that made this ranker; None for one that was fitted, refreshed or loaded."""

    @property
    def summary(self) -> Summary:
        """What each part was worth, on which cut that was found out, notes and seconds."""
        return self.model.summary

    def rank(
        self,
        user: Users | None = None,
        *,
        users: Sequence[str] | None = None,
        history: History | None = None,
        about: Mapping[str, object] | None = None,
        text: str | None = None,
        k: int = 10,
        candidates: Iterable[str] | None = None,
        exclude: Iterable[Exclusion] | None = None,
        exclude_seen: bool = True,
        strangers: bool = False,
        rerank: Mapping[str, float] | None = None,
        progress: Progress | None = None,
    ) -> Ranking:
        """The k best products of each user, best first; equal scores in the order of the product ids.

        Args:
            user: One user id, or several.
            users: The same, by name.
            history: Instead of users: the product ids, oldest first, of somebody the model need not know, or several such lists.
                An empty history gets what suits most people.
            about: Instead of users: what is known of somebody, such as {"city": "Graz"}, by properties of the graph's users or
                nodes that they are tied to. They get what people alike choose, see `graphrec.attributes`.
            text: What is looked for, in words, alone or beside any of these: products that match it, then what is chosen with
                them, then what suits whoever asks (most people, if nobody is named). See `graphrec.search`.
            k: How many; a list is shorter where fewer products are left.
            candidates: Rank these products alone, listed or not; default: all listed ones.
            exclude: Products to leave out for everybody, or (user, product) pairs; ids that nobody knows exclude nothing.
            exclude_seen: Leave out what the user chose before; False lets it in (groceries: much is bought again).
            strangers: A user nobody knows is no error but gets what suits most people.
            rerank: By `diversity`, `popularity` (against what is popular) or `producers` (among more of them), how much that
                shall count, from 0, the model's own order, to 1; several go together. The scores remain the model's. See
                `graphrec.reranking`; what it costs, `graphrec.evaluate` says.
            progress: Told of users ranked.

        Raises:
            UnknownId: a user (unless `strangers`), or a product of a history or the candidates, that the model does not know.
            NotEnoughMemory: the lists surely take more than is free.
            BadRequest: k is below 1, the candidates are empty, nothing says whose lists, or two things do, `about` or `rerank`
                names what there is not, or what the graph cannot tell enough for, or no product has a word of the text.
        """
        check_k(k)
        k = min(k, len(self._ids))
        knobs = reranking.turned(rerank or {}, k)
        if knobs:
            self._aspects.check(knobs)
        if user is not None and users is not None:
            raise BadRequest("give user or users, not both: they mean the same")
        whose = user if users is None else users
        if about is not None and (whose is not None or history is not None):
            raise BadRequest("give about for somebody of whom no choices are known; here is a user or a history")
        if whose is None and history is None and (about is not None or text is not None):
            history = []
        names, histories = asking.histories(self.model, whose, history, strangers=strangers)
        check_room(_LINE * k * len(histories), f"lists of {k} products for {len(histories):,} users", "ask for some at a time")
        allowed = asking.allowed(self.model.known, candidates)
        barred = asking.barred(self.model.known, names, exclude)
        model = self.model if exclude_seen else self.model.again
        alike = None if about is None else self._attributes.score(about)[None, :]
        matches = None if text is None else self._search.matches(self.model, text)

        def ranked(place: slice, batch: Histories) -> tuple[Rows, Floats]:
            found = model.score(batch) if alike is None else alike.copy()
            if matches is not None:
                found = search.suited(matches, found, self.model.blend.warm)
            hide(found, batch, allowed, barred[place], exclude_seen=exclude_seen)
            rows = reranking.rerank(Head.of(found, reranking.depth(k)), knobs, k, self._aspects) if knobs else top(found, k)
            return rows, np.take_along_axis(found, np.maximum(rows, 0), axis=1)

        lists, scores = [], []
        for done, (rows, values) in by_batch(ranked, histories, len(self._ids)):
            lists.append(rows)
            scores.append(values)
            if progress:
                progress("rank users", done, len(histories))
        if not lists:
            return Ranking.of([], self._ids, np.empty((0, k), np.int64), np.empty((0, k), np.float32), self._titles)
        return Ranking.of(names, self._ids, np.concatenate(lists), np.concatenate(scores), self._titles)

    def similar(self, product: str, k: int = 10) -> Ranking:
        """The k products that the scorers think more of once somebody chose `product`; the ranking's user is that product.

        The rise, not the score: what everybody likes is not similar to everything.

        Raises:
            UnknownId: a product that the model does not know.
            BadRequest: k is below 1.
        """
        check_k(k)
        k = min(k, len(self._ids))
        lists, scores = self._similar(Histories.of([[self.model.known.products.row(product)]]), k)
        return Ranking.of([product], self._ids, lists, scores, self._titles)

    def update(self, events: object, *, skip_faulty: bool = False) -> Self:
        """A ranker that knows these events too, within a second and without retraining; `taken` says what came of them.

        Histories of known users grow, new users are known from now on, and a product that nobody had chosen counts in histories
        as any other: each list is that of `rank(history=…)` with the whole history. Likeness of products, popularity and weights
        stay as they were fitted; `taken.waits` says what only a `refresh` or a fit takes up. An event of the same second that is
        known changes nothing, so a stream may deliver twice. What `save` writes holds the events. The graph's store does not, and
        it is all that a `refresh` or a fit reads: build them into it as well.

        A new ranker, which shares what is large with this one: threads that answer by the old one finish in peace, and the swap
        is one assignment, `ranker = ranker.update(events)`.

        Args:
            events: A pandas or polars frame with columns user, product (or item) and perhaps at (or timestamp) and rating, or a
                list of such dicts or of tuples in that order. An event without a time comes after all that its user chose.
            skip_faulty: Take the sound events and list the others in `taken.faults`; default: one faulty event refuses all.

        Raises:
            BadRequest: what was handed over is no events, or one of them is faulty: names row, value and remedy.
        """
        model, taken = updates.take(self.model, events, skip_faulty=skip_faulty)
        later = type(self)(model, taken)
        if "_search" in vars(self):  # products are what they were
            vars(later)["_search"] = self._search
        return later

    def place(self, product: Mapping[str, object], *, k: int = 10, users: int = 20) -> Placement:
        """Where a product that is in no graph yet stands: the k known ones it is most like, and who will likely want it.

        Nothing is learnt or kept: build the product into the graph and `refresh` to have it ranked.

        Args:
            product: What is said of it: title, description, brand, category, price, or by the label of other nodes that products
                are tied to; each a text or a list of texts. A brand or category the graph does not have counts by its words.
            k: How many similar products, at most.
            users: How many users, at most.

        Raises:
            BadRequest: nothing is said of it, a key or value is none that a product has, or k or users is below 1.
        """
        check_k(k)
        check_k(users)
        return placement.place(self.model, self._search, product, k=k, users=users)

    def explain(self, user: str | Sequence[str], product: str) -> Explanation:
        """Why this product for this user (an id, or a history as a list of product ids), whatever its rank.

        Raises:
            UnknownId: a user or product that the model does not know.
        """
        known = isinstance(user, str)
        names, histories = asking.histories(self.model, user if known else None, None if known else [list(user)])
        row = self.model.known.products.row(product)
        return reasons.explain(self.model, self._connections, names[0], histories, row)

    def to_graph(
        self,
        users: Sequence[str] | None = None,
        k: int = 10,
        *,
        similar: bool = True,
        embeddings: bool = True,
        at: int | None = None,
        progress: Progress | None = None,
    ) -> GraphTables:
        """What the model knows as derived tables, ready for `store.write`.

        Args:
            users: Whose recommendations; default everybody's.
            k: RECOMMENDED edges a user and SIMILAR_TO edges a product, at most.
            similar: With SIMILAR_TO edges.
            embeddings: With `text_embedding` and `graph_embedding` of products and users, as far as the model has them.
            at: Epoch seconds to stamp RECOMMENDED with; default the moment of the last interaction the model knows, so that the
                same model always writes the same edges.
            progress: Told of users ranked and products compared.

        Raises:
            UnknownId: a user that the model does not know.
            BadRequest: k is below 1.
        """
        ranking = self.rank(list(self.model.known.users.names) if users is None else users, k=k, progress=progress)
        pairs = self._all_similar(min(k, len(self._ids)), progress) if similar else None
        return writeback.tables(self.model, ranking, pairs, embeddings=embeddings, at=at)

    def save(self, folder: Path | str) -> None:
        """The folder holds this model, complete for rank and explain without the store; an older model there is replaced.

        Raises:
            BadRequest: the folder holds something else.
        """
        checkpoint.save(self.model, Path(folder))

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """The ranker that `save` wrote.

        Raises:
            ModelMissing: nothing was saved there.
            ModelDamaged: a file is missing, broken off or changed, or a newer graphrec wrote it.
        """
        return cls(checkpoint.load(Path(folder)))

    def knows(self, user: str) -> bool:
        """Whether the model knows this user."""
        return user in self.model.known.users.row_of

    def known_products(self, products: Iterable[str]) -> list[str]:
        """Those of the products that the model knows, in order."""
        return [product for product in products if product in self.model.known.products.row_of]

    def __repr__(self) -> str:
        known = self.model.known
        scorers = ", ".join(self.model.blend.scorers)
        return (
            f"Ranker: {len(known.users)} users, {int(known.listed.sum())} products, {len(known.interactions)} choices, {scorers}"
        )

    @property
    def _ids(self) -> Names:
        return self.model.known.products.names

    @property
    def _titles(self) -> Names | None:
        return self.model.names.get("Product")

    @cached_property
    def _connections(self) -> Connections:
        return Connections(self.model.known, self.model.names)

    @cached_property
    def _aspects(self) -> Aspects:
        return Aspects.of(self.model.known)

    @cached_property
    def _attributes(self) -> Attributes:
        return Attributes.of(self.model.known, self.model.names)

    @cached_property
    def _search(self) -> Search:
        return Search.of(self.model)

    def _similar(self, batch: Histories, k: int) -> tuple[Rows, Floats]:
        """Rows [b, k] and rises [b, k] of the products most similar to those that these histories of one product hold."""
        rises = self.model.rises(batch)
        rises[:, ~self.model.known.listed] = -np.inf
        rises[np.arange(len(batch)), batch.product] = -np.inf
        rises[~np.isfinite(rises) | (rises <= 0)] = -np.inf
        lists = top(rises, k)
        return lists, np.take_along_axis(rises, np.maximum(lists, 0), axis=1)

    def _all_similar(self, k: int, progress: Progress | None) -> Ranking:
        """The k most similar products of every listed product."""
        listed = np.flatnonzero(self.model.known.listed).astype(np.int64)
        lists, scores = np.full((len(listed), k), -1, dtype=np.int64), np.zeros((len(listed), k), dtype=np.float32)

        def compared(place: slice, batch: Histories) -> None:
            lists[place], scores[place] = self._similar(batch, k)

        for done, _ in by_batch(compared, Histories.of(listed[:, None].tolist()), len(self._ids)):
            if progress:
                progress("compare products", done, len(listed))
        return Ranking.of(self._ids[listed].tolist(), self._ids, lists, scores)
