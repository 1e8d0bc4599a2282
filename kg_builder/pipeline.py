"""From a dump to a store, whole or not at all."""

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeGuard

import polars as pl

from kg_builder.allowance import Allowance, allowance, check
from kg_builder.changes import applied, news
from kg_builder.checkpoints import Checkpoint
from kg_builder.digests import digest
from kg_builder.dumps import Source
from kg_builder.engines import height, running
from kg_builder.errors import BadRequest, StoreError, StoreMissing
from kg_builder.fingerprints import fingerprint, version
from kg_builder.intake import FAULTS_TOLD, Taken, called, saved, take_in
from kg_builder.logs import logged
from kg_builder.memory import check_fits
from kg_builder.merging import rewired
from kg_builder.precedence import gone, not_pruned, yielding
from kg_builder.reading import states_of
from kg_builder.rejects import Rejects
from kg_builder.schema import EdgeType, GraphSchema
from kg_builder.scratch import scratch
from kg_builder.stores import Build, GraphStore, Progress, asked, forgotten, opened
from kg_builder.tables import GraphTables
from kg_builder.tabulation import Dangling, Held
from kg_builder.told import says_less, says_more, still_told, told, with_news


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build read, wrote and refused."""

    source: str
    format: str
    into: str
    """The store's address, without a password."""
    nodes: Mapping[str, int]
    """Nodes read from the dump, by label."""
    edges: Mapping[EdgeType, int]
    """Edges read from the dump, by edge type."""
    rejected: Mapping[str, int]
    """How many rows were refused, by reason."""
    faults: int
    """How many of them for a fault; the others say once more what another row says."""
    first_faults: tuple[str, ...]
    """The first of these in words, with file, line, value and expectation."""
    notes: tuple[str, ...]
    """What somebody should know of the dump as a whole, such as a file in another encoding than UTF-8."""
    rejects: Path | None
    """The file with the refused rows; None where none was written."""
    added: Mapping[str, int]
    """How many nodes and edges came to the store, by label or `Source-TYPE-Target`."""
    changed: Mapping[str, int]
    """How many were there and say something new."""
    removed: Mapping[str, int]
    """How many left it."""
    unchanged: bool
    """Whether the files were those of the last build and nothing was read."""
    written: bool
    """Whether anything was written to the store."""
    digest: str
    """Of the graph afterwards, as `kg-builder hash` prints it."""
    seconds: float


def build(
    source: Source,
    into: str | Path | GraphStore,
    *,
    format: str | None = None,  # noqa: A002 - the option's name on the command line
    rejects: Path | str | None = None,
    max_rejects: int | str | None = None,
    max_bytes: int | None = None,
    max_memory: int | None = None,
    mapping: Path | str | None = None,
    dangling: Dangling = "keep",
    name: str | None = None,
    prune: bool = False,
    dry_run: bool = False,
    engine: str = "polars",
    master: str | None = None,
    again: bool = False,
    as_of: int | None = None,
    progress: Progress | None = None,
    now: int | None = None,
) -> BuildReport:
    """The store holds the graph that the dump tells of, besides what it held.

    Everything is read and checked before anything is written: a damaged dump leaves the store as it was, and no store where
    there was none. Only what is new or different is written; building the same files twice writes nothing.

    Args:
        source: a folder, a file, an installed data set's name, or frames by name such as `{"products": df, "events": df}`.
        into: a path, `neo4j://…`, or an open store.
        format: the dump's format, where looking at it is not enough.
        rejects: the file for refused rows. By default `rejects.jsonl` in an embedded store's folder, else
            `<name of the dump>.rejects.jsonl` in the current folder where there are any.
        max_rejects: how many faulty rows may be left out, as a number or a share such as "1%" of all rows; where there are more,
            nothing is written. None leaves out any number.
        max_bytes: how many bytes of text a file may hold, unpacked; None stops only at what no honest gzip file unpacks to.
        max_memory: bytes of memory that cleaning or writing may surely need; None takes what is free. Beyond, nothing is written.
        mapping: a mapping.toml that says what the columns of the source's files mean; one in the source's folder needs no naming.
        dangling: what becomes of products that are only linked to (`also_bought` …) and never described or chosen: "keep" makes
            bare nodes of them, "drop" leaves out the links.
        name: what the source is called in the store, its path unless given: a newer dump of the same shop has the same name.
        prune: what the source told of before, under this name, and neither it nor another source tells of now leaves the store.
        dry_run: only say what would be refused, added, changed and removed.
        engine: polars (this machine) or spark (a cluster); the tables are equal. docs/scale.md says which is for what.
        master: Spark's, such as spark://host:7077, yarn or local[4]. None leaves it to Spark's own settings, else it is all
            cores of this machine.
        again: read the files although they are those of the last build, or of one that was killed.
        as_of: the moment that the dump tells of, in epoch seconds: values of a later dump that was built before stay, and what
            its `prune` took away stays away. None is now, so that what is built last wins.
        progress: called as work goes on.
        now: epoch seconds; what lies more than a day later is refused. None asks the clock.

    Raises:
        DumpError, MissingSource: the source cannot be read, or there is nothing in it.
        TooManyFaults: more rows are faulty than `max_rejects` allows.
        BadRequest: `max_rejects` is neither a number nor a share, `rejects` lies in no folder, or no engine has this name.
        EngineError: the engine is not installed, does not answer or fails.
        StoreError: the store cannot be reached or written to, or somebody else writes to it.
        NoSpace: a disk is full.
        TooLarge: the graph does not fit into memory.
        OSError: a file may not be read or written.

    Example:
        >>> import tempfile
        >>> import polars as pl
        >>> events = {"user": ["u1"], "product": ["p1"], "event": ["bought"], "at": [1600000000]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report = build({"events": pl.DataFrame(events)}, into=f"{folder}/shop.graph")
        >>> report.edges
        {('User', 'BOUGHT', 'Product'): 1}
    """
    run = _Run(called(source), name, int(time.time()) if now is None else now, prune, dry_run, progress, as_of)
    most = allowance(max_rejects)
    settings = {"format": format, "mapping": _content(mapping), "dangling": dangling, "max_bytes": max_bytes, "as_of": as_of}
    if rejects is not None:  # who may not write there is told so before hours of reading
        if not Path(rejects).parent.is_dir():
            raise BadRequest(f"rejects cannot be written to {rejects}: there is no folder {Path(rejects).parent}; make it first")
        Path(rejects).open("a").close()
    before = states_of(source)
    run.fingerprint = fingerprint(source, **settings)
    works = running(engine, master=master)
    with (
        logged("build", source=run.called, store=getattr(into, "address", into), dry_run=dry_run or None) as said,
        opened(into, create=True) as store,
        nullcontext() if dry_run else store.writing(),
        scratch() as folder,
    ):
        run.builds, run.filled = _builds(store)
        last = run.last()
        if not again and run.is_done(last, store):
            report = run.unchanged(store, last)
        else:
            kept = Checkpoint.of(store.address, getattr(store, "path", None))
            taken = None if again else run.resumed(store, kept, most, rejects)
            if taken is None:
                taken = take_in(
                    source,
                    folder,
                    run.refused,
                    most=most,
                    now=run.now,
                    format=format,
                    mapping=mapping,
                    max_bytes=max_bytes,
                    max_memory=max_memory,
                    dangling=dangling,
                    rejects=rejects,
                    held=partial(_held, store),
                    engine=works,
                    progress=progress,
                    before=before,
                )
                if run.fingerprint and not dry_run:
                    kept.keep(run.fingerprint, taken, _held(store, taken.triples), run.refused)
            if not dry_run:
                check_fits(sum(sum(counts.values()) for counts in taken.tables.counts()) + run.held(store), max_memory)
            beside = None if dry_run else saved(run.refused, getattr(store, "path", None), taken)  # before: no room later
            build = run.written(store, taken, folder)
            report = run.report(store, build, taken.tables, beside if rejects is None else Path(rejects))
            if not dry_run:
                kept.drop()
        said.update(_logged(report))
        return report


def _logged(report: BuildReport) -> dict[str, object]:
    """What a log has of it: counts and the hash."""
    return {
        "format": report.format,
        "added": report.added,
        "changed": report.changed,
        "removed": report.removed,
        "rejected": report.rejected,
        "faults": report.faults,
        "unchanged": report.unchanged,
        "written": report.written,
        "digest": report.digest,
    }


@dataclass(slots=True)
class _Run:
    """One build on its way."""

    source: str
    name: str | None
    now: int
    prune: bool
    dry_run: bool
    progress: Progress | None
    as_of: int | None
    fingerprint: str = ""
    builds: Sequence[Build] = ()
    """What the store knows of earlier ones."""
    filled: bool = False
    """Whether the store holds a graph."""
    writes: bool = False
    refused: Rejects = field(default_factory=Rejects)
    started: float = field(default_factory=time.monotonic)

    @property
    def called(self) -> str:
        """The source's name in the store."""
        return self.source if self.name is None else self.name

    @property
    def moment(self) -> int:
        """The moment that the dump tells of."""
        return self.now if self.as_of is None else self.as_of

    @property
    def _later(self) -> list[Build]:
        """The builds of dumps that tell of a later moment."""
        return [one for one in self.builds if one.moment > self.moment]

    def last(self) -> Build | None:
        """The last build of this source.

        Raises:
            BadRequest: there is none, so nothing of it can be pruned.
        """
        last = next((one for one in reversed(self.builds) if one.source == self.called), None)
        if self.prune and last is None and self.filled:
            known = ", ".join(dict.fromkeys(one.source for one in self.builds))
            remedy = f"name it as one of: {known}" if known else "build it once without prune"
            raise BadRequest(f"nothing was built as {self.called}, so nothing of it can be pruned; {remedy}")
        if self.prune and any(one.source == self.called for one in self._later):
            raise BadRequest(
                f"a later dump was built as {self.called}, so this one cannot say what is gone; build it without prune"
            )
        return last

    def _others(self, store: GraphStore) -> list[pl.LazyFrame]:
        """What the other sources told of.

        Raises:
            StoreError: of one that was built the store does not know any more, so that its nodes would be taken away, or its
                values replaced by earlier ones.
        """
        lost = next((one for one in forgotten(store, self.builds) if self.prune or one != self.called), None)
        if lost is not None:
            what = "nothing can be pruned" if self.prune else "no dump of an earlier moment can be told from it"
            raise StoreError(f"{store.address} no longer knows what {lost} told of, so {what}: build it again first (--again)")
        return store.remembered_besides(self.called)

    def held(self, store: GraphStore) -> int:
        """How many nodes and edges the store holds, which are read to find what is new."""
        if not self.builds:
            return 0
        info = store.info()
        return sum(info.nodes.values()) + sum(info.edges.values())

    def _told(self, store: GraphStore) -> list[pl.LazyFrame]:
        """What every source told of, this one included."""
        return [store.remembered(self.called), *self._others(store)]

    def is_done(self, last: Build | None, store: GraphStore) -> TypeGuard[Build]:
        """Whether these very files were built last, with all that is asked for now, and the store still knows what they told."""
        if last is None or not self.fingerprint or last.fingerprint != self.fingerprint or self.prune > last.pruned:
            return False
        return (last.due is None or self.now < last.due) and height(store.remembered(self.called).head(1)) > 0

    def resumed(self, store: GraphStore, kept: Checkpoint, most: Allowance, rejects: Path | str | None) -> Taken | None:
        """What a build of these files had read when it broke off; None where there is nothing of it.

        Raises:
            TooManyFaults: more rows are faulty than may be now.
        """
        taken = kept.taken(self.fingerprint, self.now, partial(_held, store), self.refused)
        if taken is not None:
            self.refused.note("a build of these files broke off after it had read them; this one went on from there")
            if rejects is not None:
                self.refused.save(rejects)
            check(self.refused, most)
        return taken

    def written(self, store: GraphStore, taken: Taken, scratch: Path) -> Build:
        """The store holds what is new, and no longer what is gone; unless this is a dry run."""
        held = _everything(store, scratch / "held")
        arriving, held = _alike(taken.tables, held)
        arriving = rewired(arriving, held)
        if any(one.pruned and one.source == self.called for one in self._later):
            arriving = not_pruned(arriving, self._told(store), held)
        now, before = told(arriving, self.moment), store.remembered(self.called)
        if self._later:
            arriving = yielding(arriving, held, self._told(store), self.moment)
        fresh = news(held, arriving)
        others = self._others(store) if self.prune else []
        leaving = gone(before, now, others, held) if self.prune else None
        removed = {} if leaving is None else _named(leaving)
        build = Build(
            self.called,
            taken.format,
            self.now,
            self.refused.counts(),
            self.refused.faults,
            as_of=self.as_of,
            due=self.refused.due(),
        )
        build = replace(build, added=fresh.added, changed=fresh.changed, removed=removed, pruned=self.prune)
        after = applied(held, fresh.tables, leaving).without_derived()
        build = replace(build, version=version(), digest=digest(after), fingerprint=self.fingerprint)
        self.writes = not self.dry_run and not self._says_nothing(build, before, now)
        if self.writes:
            less = self.prune and says_less(now, before)
            # before the rows: what is written must be known, should this be the last that is done
            store.remember(self.called, with_news(before, now, self.moment))
            store.write(fresh.tables, gone=leaving if removed else None, progress=self.progress)
            if less:
                store.remember(self.called, still_told(store.remembered(self.called), now))
            build = replace(build, seconds=round(time.monotonic() - self.started, 2))
            store.write(GraphTables(fresh.tables.schema, {}, {}), build=build)  # last: what is on record is done
        return build

    def _says_nothing(self, build: Build, before: pl.LazyFrame, now: pl.LazyFrame) -> bool:
        """Whether the store knows all of it already, this build as well."""
        last = self.last()
        if last is None or (last.fingerprint, last.as_of, last.rejected) != (build.fingerprint, build.as_of, build.rejected):
            return False
        if build.added or build.changed or build.removed or build.pruned > last.pruned:
            return False
        return not (says_more(now, before) or (self.prune and says_less(now, before)))

    def unchanged(self, store: GraphStore, last: Build) -> BuildReport:
        """What there is to say where nothing was read."""
        info = store.info()
        return BuildReport(
            last.source,
            last.format,
            info.address,
            info.nodes,
            info.edges,
            last.rejected,
            last.faults,
            (),
            (),
            None,
            {},
            {},
            {},
            unchanged=True,
            written=False,
            digest=last.digest,
            seconds=time.monotonic() - self.started,
        )

    def report(self, store: GraphStore, build: Build, tables: GraphTables, rejects: Path | None) -> BuildReport:
        """What was done."""
        nodes, edges = tables.counts()
        first, notes = tuple(self.refused.first_faults(FAULTS_TOLD)), tuple(self.refused.notes)
        return BuildReport(
            build.source,
            build.format,
            store.address,
            nodes,
            edges,
            build.rejected,
            build.faults,
            first,
            notes,
            rejects,
            build.added,
            build.changed,
            build.removed,
            unchanged=False,
            written=self.writes,
            digest=build.digest,
            seconds=time.monotonic() - self.started,
        )


def _everything(store: GraphStore, folder: Path) -> GraphTables:
    """All tables of the store, in the folder; none where there is no graph yet."""
    try:
        return store.read(derived=True, into=folder)
    except StoreMissing:
        return GraphTables(GraphSchema.of([], []), {}, {})


def _builds(store: GraphStore) -> tuple[tuple[Build, ...], bool]:
    """The builds on record, and whether there is a graph at all."""
    try:
        info = store.info()
    except StoreMissing:
        return (), False
    return info.builds, bool(info.nodes)


def _alike(arriving: GraphTables, held: GraphTables) -> tuple[GraphTables, GraphTables]:
    """Both with the wider type where a property has one in the dump and another in the store."""
    wide = arriving.schema.widened(held.schema), held.schema.widened(arriving.schema)
    if wide == (arriving.schema, held.schema):
        return arriving, held
    return GraphTables.of(wide[0], arriving.nodes, arriving.edges), GraphTables.of(wide[1], held.nodes, held.edges)


def _named(tables: GraphTables) -> dict[str, int]:
    """How many rows each table has, by label or `Source-TYPE-Target`."""
    nodes, edges = tables.counts()
    return nodes | {"-".join(kind): count for kind, count in edges.items()}


def _content(mapping: Path | str | None) -> str | None:
    """The text of the mapping; a file that is not there is refused when it is read."""
    return None if mapping is None or not Path(mapping).is_file() else Path(mapping).read_text(encoding="utf-8", errors="replace")


def _held(store: GraphStore, triples: bool) -> Held:
    """What the store holds that the dump may speak of: products of which it has triples, brands that have names."""
    told_of = asked(store, "MATCH (p:Product) RETURN p.id") if triples else ()
    products = pl.LazyFrame({"id": [one for (one,) in told_of]}, schema={"id": pl.String()})
    aliased = asked(store, "MATCH (a:Alias) WHERE a.label = 'Brand' RETURN a.id, a.name")
    named = [(one.removeprefix("Brand/"), name) for one, name in aliased]
    named += asked(store, "MATCH (b:Brand) RETURN b.id, b.name")
    return Held(products, {one: name for one, name in named if isinstance(name, str)})
