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
_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em;max-width:70em}"
    "td,th{padding:.2em .7em;text-align:left}tr:nth-child(odd){background:#f4f4f4}"
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
    figure = Figure(figsize=(_WIDTH / 100, _HEIGHT / 100), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    for point in points:
        colour = _OURS if point.ours else _THEIRS
        spread = [[point.value - point.low], [point.high - point.value]]
        axes.errorbar([_seconds(point)], [point.value], yerr=spread, fmt="o", color=colour, capsize=3)
        axes.annotate(point.name, (_seconds(point), point.value), xytext=(7, 3), textcoords="offset points", color=colour)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.set_xlabel("seconds to fit, log scale")
    axes.set_ylabel(label)
    axes.grid(visible=True, alpha=0.3)
    figure.savefig(path)


def write_html(points: Sequence[Point], label: str, table: str, path: Path) -> None:
    """The file holds the picture, each point saying its figures under the pointer, and the table."""
    page = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>Comparison</title><style>{_STYLE}</style></head><body>',
        svg(points, label),
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
    marks = [mark for place in across.ticks for mark in _tick(across, up, place)]
    marks += [mark for place in up.ticks for mark in _grid(across, up, place)]
    for point in points:
        x, y, colour = across.at(_seconds(point)), up.at(point.value), _OURS if point.ours else _THEIRS
        said = f"{point.name}: {point.value:.4f} [{point.low:.4f}, {point.high:.4f}], fitted in {point.seconds:,.2f} s"
        marks += [
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{up.at(point.low):.1f}" y2="{up.at(point.high):.1f}" stroke="{colour}"/>',
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"><title>{escape(said)}</title></circle>',
            f'<text x="{x + 8:.1f}" y="{y - 4:.1f}" fill="{colour}">{escape(point.name)}</text>',
        ]
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    marks += [
        f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">seconds to fit, log scale</text>',
        f'<text transform="translate(16 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(label)}</text>',
    ]
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-size="12" role="img">' + "".join(marks) + "</svg>"


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
    first, last = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))
    last += first == last
    across = _Scale(
        10.0**first, 10.0**last, _LEFT, _WIDTH - _RIGHT, tuple(10.0**power for power in range(first, last + 1)), log=True
    )
    high = max([point.high for point in points] or [1.0]) * 1.05 or 1.0
    step = 10.0 ** math.floor(math.log10(high))
    step = next(one for one in (step / 10, step / 5, step / 2, step) if high / one <= 8)
    ticks = tuple(number * step for number in range(int(high / step) + 1))
    return across, _Scale(0.0, high, _HEIGHT - _BOTTOM, _TOP, ticks)


def _tick(across: _Scale, up: _Scale, place: float) -> tuple[str, str]:
    x, bottom = across.at(place), up.at(0)
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
