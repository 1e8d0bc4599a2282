"""The picture of a comparison: accuracy against the time of the fit, as PNG and as one HTML file that needs nothing else."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from graphrec.errors import BadRequest

_WIDTH, _HEIGHT = 760, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 130, 20, 50
_OURS, _THEIRS = "#1f5fa8", "#c2571a"
_LEAST = 0.001
_LINE = 14
_POINTS = 0.72
"""Of a pixel; the picture has a hundred to the inch."""
_TIME = "seconds to fit, log scale"
_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em}table{border-collapse:collapse}"
    "td,th{padding:.2em .7em;text-align:left;white-space:nowrap}tr:nth-child(odd){background:#f4f4f4}"
)


@dataclass(frozen=True, slots=True)
class Point:
    """One system."""

    name: str
    ours: bool
    seconds: float
    value: float
    low: float
    high: float


def draw_png(points: Sequence[Point], label: str, path: Path) -> None:
    """The file holds the picture.

    Raises:
        BadRequest: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise BadRequest("the picture is drawn by matplotlib, which is not installed; pip install 'graphrec[peers]'") from None
    across, up = _scales(points)
    figure = Figure(figsize=(_WIDTH / 100, _HEIGHT / 100), dpi=150)
    box = (_LEFT / _WIDTH, _BOTTOM / _HEIGHT, (_WIDTH - _LEFT - _RIGHT) / _WIDTH, (_HEIGHT - _TOP - _BOTTOM) / _HEIGHT)
    axes = figure.add_axes(box, xscale="log", xlim=(across.low, across.high), ylim=(up.low, up.high))
    for mark in _marks(points, across, up):
        point, colour = mark.point, mark.colour
        spread = [[point.value - point.low], [point.high - point.value]]
        axes.errorbar([_seconds(point)], [point.value], yerr=spread, fmt="o", color=colour, capsize=3)
        moved = ((mark.label_x - mark.x) * _POINTS, (mark.y - mark.label_y) * _POINTS)
        place = (_seconds(point), point.value)
        axes.annotate(point.name, place, xytext=moved, textcoords="offset points", color=colour, fontsize=12 * _POINTS)
    axes.set_xticks(across.ticks, [f"{tick:g}" for tick in across.ticks])
    axes.minorticks_off()
    axes.set_xlabel(_TIME)
    axes.set_ylabel(label)
    axes.grid(visible=True, alpha=0.3)
    figure.savefig(path)


def write_html(points: Sequence[Point], label: str, table: str, path: Path) -> None:
    """The file holds the picture, each point saying its figures under the pointer, and the table."""
    page = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>Comparison</title><style>{_STYLE}</style></head><body>',
        "<h1>Comparison</h1>",
        svg(points, label),
        f'<p><span style="color:{_OURS}">●</span> graphrec <span style="color:{_THEIRS}">●</span> others</p>',
        *_as_html(table),
        "</body></html>",
    ]
    path.write_text("\n".join(page) + "\n", encoding="utf-8")


def svg(points: Sequence[Point], label: str) -> str:
    """The picture as an SVG element: `label` against the seconds of the fit on a log scale.

    Example:
        >>> "blend: 0.2000" in svg([Point("blend", True, 3.0, 0.2, 0.1, 0.3)], "NDCG@20")
        True
    """
    across, up = _scales(points)
    drawn = [line for place in across.ticks for line in _tick(across, up, place)]
    drawn += [line for place in up.ticks for line in _grid(across, up, place)]
    for mark in _marks(points, across, up):
        point, x, colour = mark.point, f"{mark.x:.1f}", mark.colour
        said = f"{point.name}: {point.value:.4f} [{point.low:.4f}, {point.high:.4f}], fitted in {point.seconds:,.2f} s"
        drawn += [
            f'<line x1="{x}" x2="{x}" y1="{up.at(point.low):.1f}" y2="{up.at(point.high):.1f}" stroke="{colour}"/>',
            f'<circle cx="{x}" cy="{mark.y:.1f}" r="5" fill="{colour}"><title>{escape(said)}</title></circle>',
            f'<text x="{mark.label_x:.1f}" y="{mark.label_y:.1f}" fill="{colour}">{escape(point.name)}</text>',
        ]
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    drawn += [
        f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">{_TIME}</text>',
        f'<text transform="translate(16 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(label)}</text>',
    ]
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-size="12" role="img">' + "".join(drawn) + "</svg>"


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a point and its name stand, in pixels from the upper left corner."""

    point: Point
    x: float
    y: float
    label_x: float
    label_y: float

    @property
    def colour(self) -> str:
        return _OURS if self.point.ours else _THEIRS

    def covers(self, x: float, y: float, width: float) -> bool:
        """Whether a name of this width at x, y would touch this one's."""
        return abs(y - self.label_y) < _LINE and self.label_x < x + width and x < self.label_x + _wide(self.point.name)


def _marks(points: Sequence[Point], across: "_Scale", up: "_Scale") -> list[_Mark]:
    """From the top down, each name moved down until it covers no other."""
    made: list[_Mark] = []
    for point in sorted(points, key=lambda one: -one.value):
        x, y = across.at(_seconds(point)), up.at(point.value)
        label_x, label_y = x + 8, y - 4
        while any(mark.covers(label_x, label_y, _wide(point.name)) for mark in made):
            label_y += 1
        made.append(_Mark(point, x, y, label_x, label_y))
    return made


def _wide(name: str) -> float:
    """About as many pixels as the name takes."""
    return 7.0 * len(name)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values to pixels in a straight line, of their logarithms where `log`."""

    low: float
    high: float
    first: float
    last: float
    ticks: tuple[float, ...]
    log: bool = False

    def at(self, value: float) -> float:
        low, high, place = (math.log10(one) if self.log else one for one in (self.low, self.high, value))
        return self.first + (place - low) / (high - low) * (self.last - self.first)


def _scales(points: Sequence[Point]) -> tuple[_Scale, _Scale]:
    seconds = [_seconds(point) for point in points] or [1.0]
    first, last = min(seconds) / 1.5, max(seconds) * 1.5
    powers = range(math.floor(math.log10(first)), math.ceil(math.log10(last)) + 1)
    steps = (1, 2, 5) if last / first < 1000 else (1,)
    ticks = tuple(step * 10.0**power for power in powers for step in steps if first <= step * 10.0**power <= last)
    across = _Scale(first, last, _LEFT, _WIDTH - _RIGHT, ticks, log=True)
    low, high = min([point.low for point in points] or [0.0]), max([point.high for point in points] or [1.0])
    step = _step((high - low) or 1.0)
    bottom, top = math.floor(low / step), math.floor(high / step) + 1
    heights = tuple(number * step for number in range(bottom, top + 1))
    return across, _Scale(bottom * step, top * step, _HEIGHT - _BOTTOM, _TOP, heights)


def _step(span: float) -> float:
    """The distance of ticks, 1, 2 or 5 times a power of ten, that makes four to ten of them."""
    power: float = 10.0 ** math.floor(math.log10(span))
    return next(one for one in (power / 10, power / 5, power / 2, power) if span / one <= 8)


def _tick(across: _Scale, up: _Scale, place: float) -> tuple[str, str]:
    x, bottom = across.at(place), up.first
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{bottom:.1f}" stroke="#ddd"/>'
    return line, f'<text x="{x:.1f}" y="{bottom + 18:.1f}" text-anchor="middle">{place:g}</text>'


def _grid(across: _Scale, up: _Scale, place: float) -> tuple[str, str]:
    y = up.at(place)
    line = f'<line x1="{across.first}" x2="{across.last}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
    return line, f'<text x="{across.first - 8}" y="{y + 4:.1f}" text-anchor="end">{place:.3g}</text>'


def _seconds(point: Point) -> float:
    return max(point.seconds, _LEAST)


def _as_html(markdown: str) -> list[str]:
    """The Markdown table as rows, and the list below it as paragraphs."""
    lines = [line for line in markdown.splitlines() if line and not line.startswith("| ---")]
    cells = [[escape(cell.strip()) for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    head = "".join(f"<th>{cell}</th>" for cell in cells[0])
    rows = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>" for line in cells[1:]]
    notes = [f"<p>{escape(line[2:])}</p>" for line in lines if line.startswith("- ")]
    return ["<table>", f"<tr>{head}</tr>", *rows, "</table>", *notes]
