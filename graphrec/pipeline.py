"""From a graph to a Ranker: read, embed texts, weigh the scorers on an inner cut, refit them on everything."""

import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl
import torch

from graphrec import blend
from graphrec.aspects import MADE_BY
from graphrec.budget import Budget
from graphrec.connections import Names
from graphrec.errors import BadRequest
from graphrec.memory import check_room
from graphrec.model import Halves, Model, Summary
from graphrec.ranker import Ranker
from graphrec.scorers import FitContext, load
from graphrec.tensors import Floats, KnownGraph
from graphrec.text import embed, unread
from kg_builder.stores import GraphStore, Progress
from kg_builder.tables import GraphTables

_LARGEST_LOSS = 0.5
"""A graph without more than this share of a model's users or products is not a later state of the same shop."""
_TEXT_SHARE, _TEXTS_A_SECOND = 0.4, 80
"""What part of a budget may go into reading texts, and how many texts of some length two cores read in a second."""
NO_TEXT = "none"
"""The text model's name that means: read no texts."""


def fit(
    source: GraphStore | GraphTables,
    *,
    scorers: Sequence[str] | None = None,
    text_model: str | None = None,
    device: str | None = None,
    seed: int = 0,
    name: str = "graphrec",
    cache: Path | None = None,
    budget: float | None = None,
    explainable: bool = False,
    max_memory: float | None = None,
    progress: Progress | None = None,
) -> Ranker:
    """A ranker that learnt from everything in the graph but what models wrote back into it.

    Args:
        source: A store (`kg_builder.connect`) or tables.
        scorers: Their names; default all of them, of which those that help on the inner cut are kept.
        text_model: A name on the Hugging Face hub or a folder; default MiniLM (English); "none" reads no texts.
        device: "cpu", "cuda" …; default cuda where there is one.
        seed: The same seed on the same machine gives the same model.
        name: How the model signs what it writes back.
        cache: The folder that keeps text vectors; default the user's cache folder.
        budget: Seconds to fit in: the scorers that it does not allow are left out, and said to be. Default: ten minutes for
            what scorers cost on two cores by the graph's size, without a look at the clock, so that a fit can be repeated.
            Texts are not read where that takes more than two fifths of it on a CPU.
        explainable: Only scorers whose score is a sum over the history, so that the shares of every explanation add up exactly.
        max_memory: Bytes that the scorers may take besides the graph: those that do not fit are left out, and said to be.
            Default: what is free when they are chosen.
        progress: Told of the work as it goes on.

    Raises:
        UnknownScorer: a scorer's name with a typing mistake.
        NothingToLearn: the graph has no interactions, or too few to hold any out.
        TextModelMissing: the text model cannot be had.
        BadRequest: a device that this machine does not have.
        NotEnoughMemory: not one of the scorers fits into the memory.
    """
    check_scorers(scorers)
    if budget is not None and budget <= 0:
        raise BadRequest(f"budget is the seconds to fit in, more than 0 (got {budget:g})")
    time_for = None if budget is None else Budget(budget, by_clock=True)
    where = pick_device(device)
    started = time.perf_counter()
    if progress:
        progress("read graph", 0, 1)
    known, names = read(source)
    if progress:
        progress("read graph", 1, 1)
    seconds = {"read": time.perf_counter() - started}
    text = TextVectors(known, text_model, where, cache, progress)
    context = FitContext(seed=seed, device=where, text=text, progress=progress)
    return learn(
        known,
        names,
        context,
        scorers=scorers,
        budget=time_for,
        explainable=explainable,
        max_memory=max_memory,
        seconds=seconds,
        name=name,
    )


def learn(
    known: KnownGraph,
    names: Mapping[str, Names],
    context: FitContext,
    *,
    scorers: Sequence[str] | None = None,
    budget: Budget | None = None,
    explainable: bool = False,
    max_memory: float | None = None,
    seconds: Mapping[str, float] | None = None,
    name: str = "graphrec",
) -> Ranker:
    """A ranker that learnt from this graph in rows; see `fit`. seconds: what earlier stages took."""
    started = time.perf_counter()
    text = context.text if isinstance(context.text, TextVectors) else None
    if text is not None and text.device == "cpu" and (budget is not None or not scorers):
        text.within(_TEXT_SHARE * (budget or Budget()).seconds)
    blended = blend.learn(known, context, scorers=scorers, budget=budget, explainable=explainable, max_memory=max_memory)
    spent = time.perf_counter() - started
    stages = {**(seconds or {}), **({"fit": spent} if text is None else {"text": text.seconds, "fit": spent - text.seconds})}
    notes = (*blended.notes, *(() if text is None else text.notes))
    summary = Summary(blended.reason, tuple(str(part) for part in blended.parts), notes, stages)
    asked = None if text is None else text.model
    return Ranker(Model(replace(known, texts={}), blended, names, _halves(context.text), summary, asked, name))


def refresh(
    ranker: Ranker,
    source: GraphStore | GraphTables,
    *,
    device: str | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Ranker:
    """The ranker over the graph as it is now: new users, products, edges and choices count, and nothing is trained.

    Weights, hyperparameters and the graph encoder's parameters stay as they were fitted; a product that is new is what its text
    and its edges say of it. Fit again when much has changed: only a fit weighs the scorers anew.

    Args:
        ranker: As fitted, loaded or refreshed before.
        source: The store or tables of the same shop, later. An embedded store shows what it held when it was first read: connect
            anew after a build.
        device, cache, progress: As in `fit`.

    Raises:
        NothingToLearn: the graph has no interactions.
        TextModelMissing: the text model of the fit cannot be had.
        NotEnoughMemory: the scorers surely take more than is free.
        BadRequest: a device that this machine does not have, or a graph without most of the model's users or products.
    """
    where, started, before = pick_device(device), time.perf_counter(), ranker.model
    known, names = read(source)
    gone = {label: _absent(before.known, known, label) for label in ("User", "Product")}
    for label, lost in gone.items():
        if lost > _LARGEST_LOSS * len(before.known.ids[label]):
            raise BadRequest(
                f"the graph lacks {lost:,} of the model's {len(before.known.ids[label]):,} {label.lower()}s, so it is another "
                "shop's or a part of this one; fit a model of its own"
            )
    most = max(load(one).memory(known) for one in before.blend.scorers)
    check_room(most, "the scorers of this model", "free some, take a larger machine, or fit a smaller model")
    text = TextVectors(known, before.text_model, where, cache, progress)
    context = FitContext(device=where, text=text, progress=progress)
    blended = blend.refresh(before.blend, before.known, known, context)
    new = {label: _absent(known, before.known, label) for label in ("User", "Product")}
    left = f"; {gone['User']:,} users and {gone['Product']:,} products are gone" if any(gone.values()) else ""
    note = f"refreshed without training: {new['User']:,} new users, {new['Product']:,} new products{left}"
    kept = tuple(one for one in before.summary.notes if not one.startswith("refreshed"))
    summary = replace(before.summary, notes=(*kept, note), seconds={"refresh": time.perf_counter() - started}, updates={})
    return Ranker(Model(replace(known, texts={}), blended, names, _halves(text), summary, before.text_model, before.name))


def _absent(one: KnownGraph, other: KnownGraph, label: str) -> int:
    """How many nodes of this label the one graph has and the other has not."""
    return len(one.ids[label].row_of.keys() - other.ids[label].row_of.keys())


def _halves(text: Mapping[str, Floats]) -> dict[str, Halves]:
    """The vectors that were read, in half precision."""
    read = text.read if isinstance(text, TextVectors) else text
    return {label: vectors.astype(np.float16) for label, vectors in read.items()}


def read(source: GraphStore | GraphTables) -> tuple[KnownGraph, dict[str, Names]]:
    """The graph in rows, and by label what people call each row's node (None where it has no name).

    A product without a title goes by its brand and id: dumps without titles are common, and an id alone tells people nothing.
    """
    tables = source if isinstance(source, GraphTables) else source.read()
    known = KnownGraph.of(tables)
    names: dict[str, Names] = {}
    for label, ids in known.ids.items():
        column = next((one for one in ("title", "name") if one in tables.schema.node(label).properties), None)
        if column is None:
            continue
        called = tables.nodes[label].select("id", pl.col(column).alias("name"))
        if label == "Product" and MADE_BY in tables.edges:
            called = called.join(_brands(tables), on="id", how="left").select(
                "id", pl.coalesce("name", pl.concat_str("brand", "id", separator=" "))
            )
        rows = pl.DataFrame({"id": pl.Series(ids.names, dtype=pl.String)}).lazy()
        named = rows.join(called, on="id", how="left", maintain_order="left").collect()["name"]
        if named.is_not_null().any():
            names[label] = named.to_numpy().astype(object)
    return known, names


def _brands(tables: GraphTables) -> pl.LazyFrame:
    """id, brand: what the brand of each product is called."""
    brands = tables.nodes["Brand"].select(pl.col("id").alias("target"), pl.col("name").alias("brand"))
    named = tables.edges[MADE_BY].join(brands, on="target").sort("source", "brand")
    return named.group_by("source").agg(pl.col("brand").first()).rename({"source": "id"})


def pick_device(device: str | None) -> str:
    """The device asked for, or the best there is.

    Raises:
        BadRequest: this machine does not have it.
    """
    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).strip().splitlines()[0]
        raise BadRequest(f"no device {device!r} here ({first}); leave it out, or say cpu") from error
    return device


def check_scorers(scorers: Sequence[str] | None) -> None:
    """Nothing, or the error for the first name that no scorer has.

    Raises:
        UnknownScorer: with the closest name.
        BadRequest: an empty list.
    """
    if scorers is not None and not scorers:
        raise BadRequest("scorers is empty: name at least one, or leave it out for all")
    for one in scorers or ():
        load(one)


@dataclass
class TextVectors(Mapping[str, Floats]):
    """Text vectors by label, made when a scorer first asks for them: a fit that reads no texts waits for no text model."""

    known: KnownGraph
    model: str | None
    device: str
    cache: Path | None = None
    progress: Progress | None = None
    read: dict[str, Floats] = field(default_factory=dict)
    """What has been asked for so far."""
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def within(self, seconds: float) -> None:
        """Reads no texts where those that the cache lacks take longer, and notes it."""
        if "Product" not in self:
            return
        waiting = unread(self.known.texts["Product"], model=self.model, cache=self.cache)
        takes = waiting / _TEXTS_A_SECOND
        if takes > seconds:
            self.model = NO_TEXT
            self.notes.append(
                f"left out for the budget: text vectors, as {waiting:,} texts take about {takes:.0f} s; fit once with "
                f"--budget {math.ceil(takes / _TEXT_SHARE / 60)}m, and later fits find them in the cache"
            )

    def __getitem__(self, label: str) -> Floats:
        if label not in self:
            raise KeyError(label)
        if label not in self.read:
            with self._watched():
                self.read[label] = embed(
                    self.known.texts[label], model=self.model, cache=self.cache, device=self.device, progress=self.progress
                )
        return self.read[label]

    def __contains__(self, label: object) -> bool:
        return label in self._labels

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def _labels(self) -> tuple[str, ...]:
        there = self.model != NO_TEXT and any(text.strip() for text in self.known.texts.get("Product", ()))
        return ("Product",) if there else ()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Counts the seconds and turns warnings into notes; the warnings are given all the same."""
        started = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        self.seconds += time.perf_counter() - started
        for one in caught:
            if issubclass(one.category, UserWarning):
                self.notes.append(str(one.message))
                warnings.warn(one.message, stacklevel=4)
