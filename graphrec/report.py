"""What an evaluation found, as text, JSON, Markdown, HTML, frames and Parquet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from graphrec import rendering, sections
from graphrec.differences import Difference
from graphrec.errors import BadRequest
from graphrec.figures import Cold, Result, check_by
from graphrec.knobs import Cost
from graphrec.leaks import Leaks
from graphrec.metrics import Values
from graphrec.model import Summary
from graphrec.ranker import Ranker
from graphrec.rendering import Section
from graphrec.systems import BLEND
from graphrec.traits import Exposure, Traits, UserGap
from graphrec.worth import Worth


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an evaluation found."""

    k: int
    cut: str
    """Which interactions were held out, and why those."""
    catalogue: int
    """How many products were ranked for every user."""
    results: tuple[Result, ...]
    groups: tuple[Result, ...]
    """The same by activity of users, popularity of products and category: `Result.by`."""
    differences: tuple[Difference, ...]
    """Every system's to popularity, and the blend's to every other."""
    worth: tuple[Worth, ...]
    """What graph and texts add to the blend; empty unless asked for."""
    traits: tuple[Traits, ...]
    """What lists are like besides right."""
    gaps: tuple[UserGap, ...]
    """How differently users with few and many choices are served."""
    exposures: tuple[Exposure, ...]
    """How lists share their places among brands."""
    reranking: tuple[Cost, ...]
    """What the blend's lists would be like under each re-ranking knob; empty where candidates are drawn or lists are too long."""
    cold: Cold
    leaks: Leaks
    summary: Summary
    """Of the fit on the training side."""
    per_user: Mapping[str, Mapping[str, Values]]
    """By system and metric, one value a test user (overall), for comparisons in pairs."""
    test_users: tuple[str, ...]
    """Whose values those are."""
    ranker: Ranker
    """What was evaluated: it knows the training side alone, so what it recommends can be held against what came after."""
    seconds: Mapping[str, float]
    """Wall time by stage."""
    scoring: Mapping[str, float]
    """By scorer, the seconds it took to score; those at work side by side count each."""
    protocol: str = "time"
    """How choices were held out: a name of `graphrec.protocols`, or `given`."""
    candidates: int | None = None
    """How many products were drawn for each user to rank beside the held-out ones; None: every product was ranked."""
    notes: tuple[str, ...] = ()
    """What was left out, cut short or put up with."""

    def result(self, system: str = BLEND, group: str = "overall") -> Result:
        """The figures of one system over one group: overall, warm, cold, new, or one of `groups`.

        Raises:
            BadRequest: there are none.
        """
        everything = (*self.results, *self.groups)
        found = [one for one in everything if (one.system, one.group) == (system, group)]
        if not found:
            known = ", ".join(dict.fromkeys(f"{one.system}/{one.group}" for one in self.results))
            raise BadRequest(f"no figures of {system}/{group}; there are: {known}")
        return found[0]

    def to_pandas(self, by: str | None = None) -> pd.DataFrame:
        """One row a system and group: users, the metrics, and their intervals as `recall_low`, `recall_high` …

        by: activity, popularity or category instead of overall, warm and cold.

        Raises:
            BadRequest: no such way to part.
        """
        if by is None:
            return pd.DataFrame([self._drawn | result.flat() for result in self.results])
        check_by([by])
        return pd.DataFrame([self._drawn | result.flat() for result in self.groups if result.by == by])

    def users_to_pandas(self) -> pd.DataFrame:
        """One row a test user and system: user, system, and the metrics; `candidates` too where not all products were ranked."""
        frames = [
            pd.DataFrame({"user": self.test_users, "system": system, **self._drawn, **values})
            for system, values in self.per_user.items()
        ]
        return pd.concat(frames, ignore_index=True)

    def to_json(self) -> str:
        """The figures, the cut, the leak report and the fit's summary as JSON text; null where a figure has no value."""
        found = {
            "k": self.k,
            "protocol": self.protocol,
            "cut": self.cut,
            "candidates": self.candidates,
            "notes": [*self.notes, *self._sampled],
            "catalogue": self.catalogue,
            "users": len(self.test_users),
            "results": [self._drawn | result.flat() for result in self.results],
            "groups": [self._drawn | result.flat() for result in self.groups],
            "differences": [asdict(one) for one in self.differences],
            "worth": [asdict(one) | {"in_words": str(one)} for one in self.worth],
            "beyond_accuracy": [asdict(one) for one in self.traits],
            "fairness": {"users": [asdict(one) for one in self.gaps], "brands": [asdict(one) for one in self.exposures]},
            "reranking": [asdict(one) for one in self.reranking],
            "cold": asdict(self.cold),
            "leaks": self.leaks.to_json(),
            "fit": self.summary.to_json(),
            "seconds": dict(self.seconds),
            "scoring_seconds": dict(self.scoring),
        }
        return rendering.json_text(found)

    def to_markdown(self) -> str:
        """The whole report as Markdown."""
        return rendering.markdown(self._title, self._all_sections())

    def to_html(self) -> str:
        """The whole report as one HTML file that needs nothing else."""
        return rendering.html(self._title, self._all_sections())

    def save(self, folder: str | Path) -> None:
        """Writes report.json, report.md, report.html and per_user.parquet (user, system, metrics) into the folder.

        Raises:
            BadRequest: there is a file of this name.
        """
        target = Path(folder)
        check_folder(target)
        target.mkdir(parents=True, exist_ok=True)
        for name, written in {"json": self.to_json() + "\n", "md": self.to_markdown(), "html": self.to_html()}.items():
            (target / f"report.{name}").write_text(written, encoding="utf-8")
        self.users_to_pandas().to_parquet(target / "per_user.parquet", index=False)

    def text(self, by: Sequence[str] = ()) -> str:
        """For a terminal; with a table for each of `by`: activity, popularity, category.

        Raises:
            BadRequest: no such way to part.
        """
        check_by(by)
        table = sections.main_table(self.results, self._at, sections.SHORT)
        shown = [
            Section("", self._head, None),
            Section("", (), table, footnotes=self._footnotes),
            Section("in words", tuple(self._words())),
            *sections.grouped(self.groups, self._at, by, spans=False),
            sections.beyond_accuracy(self.traits, self._mark),
            *sections.reranked(self.reranking, self.k, whole=False),
            Section("leak report", tuple(self.leaks.lines())),
            Section("", (str(self.summary),)),
        ]
        return rendering.text(shown)

    def __str__(self) -> str:
        return self.text()

    def _all_sections(self) -> list[Section]:
        table = sections.main_table(self.results, self._at)
        beyond = sections.beyond_accuracy(self.traits, self._mark)
        return [
            Section("", self._head),
            Section("In words", tuple(self._words())),
            Section("Figures", (), table, sections.bars(self.results), self._footnotes),
            sections.compared(self.differences, self._at),
            *sections.grouped(self.groups, self._at),
            Section(beyond.title, sections.MEANINGS, beyond.table),
            *sections.fairness(self.gaps, self.exposures, self._at),
            *sections.reranked(self.reranking, self.k),
            Section("Leak report", tuple(self.leaks.lines())),
            Section("The fit", tuple(str(self.summary).splitlines())),
        ]

    def _words(self) -> Iterator[str]:
        yield from sections.floor_words(self.differences, len(self.test_users), self._at)
        yield from map(str, self.worth)
        yield from sections.cold_words(self.cold)
        yield from sections.gap_words(self.gaps, self._at)
        yield from sections.rerank_words(self.reranking, self.k)
        yield from sections.slow_words(self.seconds, self.scoring)

    @property
    def _title(self) -> str:
        return f"Evaluation: {len(self.test_users):,} users, {self.catalogue:,} products"

    @property
    def _head(self) -> tuple[str, ...]:
        ranked = (
            f"{self.catalogue:,} products"
            if self.candidates is None
            else f"{self.candidates:,} drawn products and the held-out ones"
        )
        return (
            f"cut: {self.cut}",
            f"{len(self.test_users):,} users, {ranked} ranked for each",
            *(f"note: {note}" for note in self.notes),
        )

    @property
    def _drawn(self) -> dict[str, int]:
        """What every row of sampled figures says."""
        return {} if self.candidates is None else {"candidates": self.candidates}

    @property
    def _at(self) -> str:
        return f"{self.k}{self._mark}"

    @property
    def _footnotes(self) -> tuple[str, ...]:
        return (*(f"* {line}" for line in self._sampled), *sections.few(self.results))

    @property
    def _mark(self) -> str:
        return "" if self.candidates is None else "*"

    @property
    def _sampled(self) -> tuple[str, ...]:
        """What must stand beside figures over drawn candidates."""
        if self.candidates is None:
            return ()
        said = f"sampled metrics: held-out products among {self.candidates:,} drawn candidates of {self.catalogue:,} products;"
        return (f"{said} not comparable with a ranking of all (Krichene & Rendle, KDD 2020)",)


def check_folder(target: Path) -> None:
    """Nothing, or the error for a folder that cannot be made.

    Raises:
        BadRequest: there is a file of this name.
    """
    if target.exists() and not target.is_dir():
        raise BadRequest(f"{target} is a file; name a folder for the report")
