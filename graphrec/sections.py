"""Figures become sections of a report: tables, bars, and sentences that a shop's engineer understands."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isnan

from graphrec.differences import Difference, p_value
from graphrec.figures import AUC, BY, METRICS, Cold, Result
from graphrec.knobs import OWN, Cost
from graphrec.rendering import Bar, Section, Table
from graphrec.reranking import DIVERSITY, POPULARITY, PRODUCERS
from graphrec.systems import BLEND
from graphrec.traits import Exposure, Traits, UserGap

SHORT = ("recall", "ndcg", "hit", "mrr")
"""The metrics of the terminal's table."""
SPOKEN = 0.3
"""The strength of a knob that sentences are made of."""
_FEW = 30
"""Users below which percentile bootstrap intervals hold the true mean in less than 95 of 100 cases, noticeably."""
_TITLES = {"activity": "By how much users chose before", "popularity": "By popularity of products", "category": "By category"}


def main_table(results: Sequence[Result], at: str, metrics: Sequence[str] = METRICS) -> Table:
    """A row a system and group. at: the length of lists, and the mark that sampled figures have; it stands beside the metrics."""
    asked = any(not isnan(one.auc) for one in results)
    named = [f"{name}@{at}" for name in metrics] + ([f"auc{_mark(at)}"] if asked else [])
    rows = tuple(
        (
            one.system,
            one.group,
            f"{one.users:,}",
            *(number(getattr(one, name)) for name in (*metrics, *((AUC,) if asked else ()))),
            span(*one.intervals["ndcg"]),
            share(one.coverage) if one.group == "overall" else "",
        )
        for one in results
    )
    return Table(("system", "group", "users", *named, "95% of ndcg", "coverage"), rows, words=2)


def bars(results: Sequence[Result]) -> tuple[Bar, ...]:
    """ndcg of all held-out choices."""
    return tuple(Bar(one.system, one.ndcg, *one.intervals["ndcg"]) for one in results if one.group == "overall")


def grouped(groups: Sequence[Result], at: str, by: Sequence[str] = BY, *, spans: bool = True) -> Iterator[Section]:
    """One section a way to part: a row a group, a column a system. spans: with the intervals, which make wide tables."""
    for way in by:
        found = [one for one in groups if one.by == way]
        title = f"{_TITLES[way]}: ndcg@{at}"
        if not found:
            yield Section(title, ("the graph has none",))
            continue
        systems = tuple(dict.fromkeys(one.system for one in found))
        first = {one.group: one for one in found[::-1]}
        cells = {
            (one.group, one.system): f"{number(one.ndcg)} {span(*one.intervals['ndcg'])}" if spans else number(one.ndcg)
            for one in found
        }
        order = list(dict.fromkeys(one.group for one in found))
        rows = tuple((group, f"{first[group].users:,}", *(cells[group, system] for system in systems)) for group in order)
        lines = tuple(f"{group}: {first[group].meaning}" for group in order)
        yield Section(title, lines, Table(("group", "users", *systems), rows))


def compared(differences: Sequence[Difference], at: str) -> Section:
    """A row a comparison."""
    rows = tuple(
        (
            one.system,
            one.against,
            f"{one.difference:+.4f}",
            f"[{one.low:+.4f}, {one.high:+.4f}]",
            p_value(one.p),
            number(one.smallest),
        )
        for one in differences
    )
    lines = (
        "over the same users; 95% bootstrap intervals, each for itself",
        "p of a permutation test, corrected for all rows by Holm's method: below .05 the two are told apart",
        "smallest: a true difference that so many users would show in four of five such tests; a smaller one may stay unseen",
    )
    columns = ("system", "against", f"ndcg@{at}", "95%", "p", "smallest")
    return Section("Differences", lines, Table(columns, rows, words=2))


def beyond_accuracy(traits: Sequence[Traits], mark: str) -> Section:
    """A row a system."""
    rows = tuple(
        (
            one.system,
            share(one.coverage),
            number(one.gini, 3),
            number(one.novelty, 2),
            number(one.serendipity),
            number(one.diversity, 3),
            _signed(one.popularity_lift),
            number(one.calibration, 3),
        )
        for one in traits
    )
    columns = ("system", "coverage", "gini", "novelty", "serendipity", "diversity", "popularity lift", "calibration")
    return Section(f"Beyond accuracy{mark}", (), Table(columns, rows))


MEANINGS = (
    "coverage: share of the catalogue in any list; gini: 0 where all products are listed alike, near 1 where a few are",
    "novelty: bits of surprise a product; serendipity: share of places that are right and not popularity's",
    "diversity: how unlike a list's products are (0 to 1); popularity lift: how much more popular lists are than histories",
    "calibration: how far a list's categories are from the history's (0: the same mixture)",
)


def fairness(gaps: Sequence[UserGap], exposures: Sequence[Exposure], at: str) -> Iterator[Section]:
    """Between users and between brands, where the data has groups of them."""
    if gaps:
        named = tuple(gaps[0].ndcg)
        rows = tuple(
            (one.system, *(number(value) for value in one.ndcg.values()), f"{one.gap:+.4f}", f"[{one.low:+.4f}, {one.high:+.4f}]")
            for one in gaps
        )
        said = f"ndcg@{at} of users by how much they chose before; the gap is {named[-1]} minus {named[0]}"
        yield Section("Fairness between users", (said,), Table(("system", *named, "gap", "95%"), rows))
    if exposures:
        rows = tuple(
            (
                one.system,
                _side(one.most_over),
                _side(one.most_under),
                share(one.shown),
                number(one.gini, 3),
                number(one.gini_chosen, 3),
            )
            for one in exposures
        )
        lines = (
            f"{exposures[0].brands:,} brands: their share of the lists' places beside their share of earlier choices",
            "gini: 0 where all brands have alike, near 1 where one has everything",
        )
        columns = ("system", "most above", "most below", "brands shown", "gini of places", "gini of choices")
        yield Section(f"Fairness between brands{_mark(at)}", lines, Table(columns, rows, words=3))


def reranked(costs: Sequence[Cost], k: int, *, whole: bool = True) -> Iterator[Section]:
    """A row a knob and strength, where anything was re-ranked. whole: with intervals of the gaps and what the figures mean."""
    if not costs:
        return
    brands = any(not isnan(one.brands_shown) for one in costs)
    columns = ("brands shown", "gini of places") if brands else ()
    rows = tuple(
        (
            one.knob,
            "" if one.knob == OWN else f"{one.strength:g}",
            number(one.ndcg),
            ""
            if one.knob == OWN
            else f"{one.difference:+.4f} {'' if isnan(one.low) else f'[{one.low:+.4f}, {one.high:+.4f}]'}".rstrip(),
            number(one.diversity, 3),
            _signed(one.popularity_lift),
            *((share(one.brands_shown), number(one.brands_gini, 3)) if brands else ()),
            f"{number(one.gap)} {span(one.gap_low, one.gap_high)}" if whole else number(one.gap),
        )
        for one in costs
    )
    named = ("knob", "strength", f"ndcg@{k}", "difference [95%]", "diversity", "popularity lift", *columns, "gap")
    yield Section("What re-ranking would cost", RERANKED if whole else (), Table(named, rows))


RERANKED = (
    "the blend's lists in another order: graphrec rank MODEL --rerank diversity=0.3; 0 is its own order, 1 the knob alone",
    "difference: in ndcg to the own order, over the same users",
    "diversity, popularity lift: as under beyond accuracy; brands shown, gini of places, gap: as under fairness",
)


def rerank_words(costs: Sequence[Cost], k: int) -> Iterator[str]:
    """What each knob does and costs at one strength."""
    own = next((one for one in costs if one.knob == OWN), None)
    for one in costs:
        if own is not None and one.strength == SPOKEN:
            aim = {DIVERSITY: "for diversity", POPULARITY: "against popularity", PRODUCERS: "for more producers"}[one.knob]
            yield f"re-ranking {aim} at {one.strength:g}: {_gained(own, one)}, and {_paid(one, k)}"


def _gained(own: Cost, one: Cost) -> str:
    if one.knob == PRODUCERS:
        shown = f"{share(one.brands_shown)} of the brands are shown instead of {share(own.brands_shown)}"
        return f"{shown}, the gini of their places is {number(one.brands_gini, 3)} instead of {number(own.brands_gini, 3)}"
    if one.knob == DIVERSITY:
        what, trait, before, after = "lists are", "varied", own.diversity, one.diversity
    else:
        what, trait, before, after = "what lists hold is", "popular", 1 + own.popularity_lift, 1 + one.popularity_lift
    if not before > 0:
        return f"the {one.knob} of lists is {number(after, 3)} instead of {number(before, 3)}"
    return f"{what} {share(abs(after / before - 1))} {'less' if after < before else 'more'} {trait}"


def _paid(one: Cost, k: int) -> str:
    if one.low <= 0 <= one.high:
        said = f"{one.difference:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
        return f"the data cannot tell whether that costs ndcg@{k}: {said}"
    low, high = sorted((abs(one.low), abs(one.high)))
    return f"ndcg@{k} {'falls' if one.difference < 0 else 'rises'} by {abs(one.difference):.4f} [{low:.4f}, {high:.4f}]"


def floor_words(differences: Sequence[Difference], users: int, at: str) -> Iterator[str]:
    """The blend against popularity and against its best rival, and what this many users can show."""
    blend = [one for one in differences if one.system == BLEND]
    closest = min(blend, key=lambda one: one.difference, default=None)
    for one in blend[:1]:
        yield _better(one, f"{one.against}, the floor", at)
    if closest is not None and closest is not blend[0]:
        yield _better(closest, f"{closest.against}, its best rival", at)
    if closest is not None and closest.smallest > 0:
        yield (
            f"with {users:,} users a true difference below {closest.smallest:.4f} in ndcg@{at} between the blend and "
            f"{closest.against} may be missed more than one time in five"
        )


def _better(one: Difference, rival: str, at: str) -> str:
    said = f"{one.difference:+.4f} ndcg@{at} [{one.low:+.4f}, {one.high:+.4f}], p {p_value(one.p)} of all comparisons together"
    if not one.told:
        return f"the data cannot tell the blend from {rival}: {said}"
    return f"the blend is {'better' if one.difference > 0 else 'worse'} than {rival}: {said}"


def cold_words(cold: Cold) -> Iterator[str]:
    """What is cold."""
    yield (
        f"cold: {share(cold.products)} of the products were chosen by nobody before, "
        f"and {share(cold.choices)} of the held-out choices fall on them"
    )


def slow_words(seconds: Mapping[str, float], scoring: Mapping[str, float]) -> Iterator[str]:
    """What is slow."""
    stages = ", ".join(f"{stage} {spent:.1f}" for stage, spent in seconds.items())
    slowest = max(scoring, key=lambda name: scoring[name])
    total = sum(scoring.values())
    yield f"slow: {stages} s; the slowest scorer is {slowest}, {scoring[slowest]:.1f} of {total:.1f} s of scoring"


def gap_words(gaps: Sequence[UserGap], at: str) -> Iterator[str]:
    """Whom the blend serves better."""
    for one in gaps[:1]:
        (first, few), (last, many) = next(iter(one.ndcg.items())), list(one.ndcg.items())[-1]
        said = f"ndcg@{at} {many:.4f} for users with {last} choices, {few:.4f} for those with {first}: "
        unsure = " (the data cannot tell them apart)" if one.low <= 0 <= one.high else ""
        yield f"fairness: {said}{one.gap:+.4f} [{one.low:+.4f}, {one.high:+.4f}]{unsure}"


def _mark(at: str) -> str:
    """What stands behind the length of lists."""
    return at.lstrip("0123456789")


def number(value: float, digits: int = 4) -> str:
    """A figure, or a dash where there is none.

    Example:
        >>> number(0.25), number(float("nan"))
        ('0.2500', '–')
    """
    return "–" if isnan(value) else f"{value:.{digits}f}"


def span(low: float, high: float) -> str:
    """An interval."""
    return f"[{number(low)}, {number(high)}]"


def few(results: Iterable[Result]) -> tuple[str, ...]:
    """What must stand beside intervals over few users."""
    if all(one.users >= _FEW for one in results):
        return ()
    return (f"95% intervals over fewer than {_FEW} users are narrower than they should be; over one user there is none",)


def share(value: float) -> str:
    """A share in percent."""
    return "–" if isnan(value) else f"{value:.1%}"


def _signed(value: float) -> str:
    return "–" if isnan(value) else f"{value:+.0%}"


def _side(brand: tuple[str, float, float]) -> str:
    return f"{brand[0]} ({share(brand[1])} of places, {share(brand[2])} of choices)"
