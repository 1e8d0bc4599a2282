"""A report's sections as plain text, Markdown or one HTML file that needs nothing else; they know nothing of what they show.

Example:
    >>> table = Table(("system", "ndcg"), (("blend", "0.31"), ("popularity", "0.1")))
    >>> print(text([Section("Figures", ("over 9 users",), table)]))
    Figures
      over 9 users
      system      ndcg
      blend       0.31
      popularity   0.1
    >>> print(markdown("A shop", [Section("Figures", table=table)]))
    # A shop
    <BLANKLINE>
    ## Figures
    <BLANKLINE>
    | system | ndcg |
    | --- | ---: |
    | blend | 0.31 |
    | popularity | 0.1 |
    <BLANKLINE>
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite

import numpy as np

_WIDTH, _HEIGHT, _LEFT, _RIGHT = 640, 26, 150, 150
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}
h2{margin-top:2.5rem}table{border-collapse:collapse;font-variant-numeric:tabular-nums;display:block;overflow-x:auto}
td,th{padding:.25rem .75rem;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}
td.word,th.word{text-align:left}svg{max-width:100%;height:auto}"""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as they are shown; the first `words` columns are words and stand on the left, the rest are figures."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure with its interval."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Section:
    """Sentences, a table, bars (in HTML alone) and footnotes under a title; without a title, the head of the report."""

    title: str = ""
    lines: tuple[str, ...] = ()
    table: Table | None = None
    bars: tuple[Bar, ...] = ()
    footnotes: tuple[str, ...] = ()


def text(sections: Sequence[Section]) -> str:
    """The sections for a terminal, an empty line between them."""
    return "\n\n".join("\n".join(_text_lines(section)) for section in sections)


def _text_lines(section: Section) -> Iterator[str]:
    indent = "  " if section.title else ""
    if section.title:
        yield section.title
    yield from (f"{indent}{line}" for line in section.lines)
    if section.table is not None:
        yield from (f"{indent}{line}" for line in _aligned(section.table))
    yield from (f"{indent}{line}" for line in section.footnotes)


def _aligned(table: Table) -> Iterator[str]:
    lines = [table.columns, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.columns))]
    for line in lines:
        cells = [cell.ljust(width) if place < table.words else cell.rjust(width) for place, (cell, width) in _wide(line, widths)]
        yield "  ".join(cells).rstrip()


def _wide(line: Sequence[str], widths: Sequence[int]) -> Iterator[tuple[int, tuple[str, int]]]:
    return enumerate(zip(line, widths, strict=True))


def markdown(title: str, sections: Sequence[Section]) -> str:
    """The sections for a page on a code host; nothing in them is taken for markup."""
    return "\n".join([f"# {_plain(title)}", "", *(line for section in sections for line in _markdown_lines(section))])


def _markdown_lines(section: Section) -> Iterator[str]:
    if section.title:
        yield from (f"## {_plain(section.title)}", "")
    if section.lines:
        yield from (*(f"- {_plain(line)}" for line in section.lines), "")
    if section.table is not None:
        words = section.table.words
        yield from (_row(section.table.columns), _row(["---"] * words + ["---:"] * (len(section.table.columns) - words)))
        yield from (*map(_row, section.table.rows), "")
    if section.footnotes:
        yield from (*(_plain(line) for line in section.footnotes), "")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_plain(cell) for cell in cells) + " |"


def _plain(said: str) -> str:
    """Without line ends, and with every sign that Markdown or HTML reads escaped."""
    flat = " ".join(said.split())
    kept = "".join(f"\\{sign}" if sign in "\\`*_[]|" else sign for sign in flat)
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def html(title: str, sections: Sequence[Section]) -> str:
    """One file with its style and pictures inside; nothing in the sections is taken for markup."""
    body = "\n".join(line for section in sections for line in _html_lines(section))
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    style = f"<style>{_STYLE}</style>"
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}{style}</head>\n<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n'
    )


def _html_lines(section: Section) -> Iterator[str]:
    if section.title:
        yield f"<h2>{escape(section.title)}</h2>"
    yield from (f"<p>{escape(line)}</p>" for line in section.lines)
    if section.bars:
        yield _bars(section.bars)
    if section.table is not None:
        yield "<table>"
        yield _html_row(section.table, section.table.columns, "th")
        yield from (_html_row(section.table, row, "td") for row in section.table.rows)
        yield "</table>"
    yield from (f"<p><small>{escape(line)}</small></p>" for line in section.footnotes)


def _html_row(table: Table, cells: Sequence[str], tag: str) -> str:
    words = [' class="word"' if place < table.words else "" for place in range(len(cells))]
    return "<tr>" + "".join(f"<{tag}{word}>{escape(cell)}</{tag}>" for word, cell in zip(words, cells, strict=True)) + "</tr>"


def _bars(bars: Sequence[Bar]) -> str:
    """One bar a figure, a whisker from the lower to the upper end of its interval."""
    ends = [edge for bar in bars for edge in (bar.value, bar.low, bar.high) if isfinite(edge)]
    lowest, highest = min([0.0, *ends]), max([0.0, *ends])
    scale = (_WIDTH - _LEFT - _RIGHT) / ((highest - lowest) or 1.0)

    def across(value: float) -> float:
        return _LEFT + (value - lowest) * scale

    drawn = []
    for row, bar in enumerate(bars):
        if not all(map(isfinite, (bar.value, bar.low, bar.high))):
            continue
        top, middle = row * _HEIGHT + 5, row * _HEIGHT + _HEIGHT / 2
        left, width = min(across(0), across(bar.value)), abs(across(bar.value) - across(0))
        said = f"{bar.value:.4f} [{bar.low:.4f}, {bar.high:.4f}]"
        drawn += [
            f"<g><title>{escape(bar.name)}: {said}</title>",
            f'<text x="{_LEFT - 8}" y="{middle + 5:.0f}" text-anchor="end">{escape(bar.name)}</text>',
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_HEIGHT - 10}" fill="#7fb3d5"/>',
            f'<path d="M{across(bar.low):.1f} {middle}H{across(bar.high):.1f}" stroke="#1b1b1b" stroke-width="2"/>',
            f'<text x="{_WIDTH - _RIGHT + 8}" y="{middle + 5:.0f}" font-size="11">{said}</text></g>',
        ]
    size = f'viewBox="0 0 {_WIDTH} {len(bars) * _HEIGHT}" width="{_WIDTH}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size} font-size="13">{"".join(drawn)}</svg>'


def json_text(value: object) -> str:
    """JSON text; null where a figure has no value.

    Example:
        >>> json_text({"low": float("nan")})
        '{\\n "low": null\\n}'
    """
    return json.dumps(_without_nan(value), indent=1, ensure_ascii=False, allow_nan=False)


def _without_nan(value: object) -> object:
    """The same with None for what is not a number; JSON has no word for that."""
    if isinstance(value, Mapping):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, (float, np.floating)) and not isfinite(value) else value
