from html.parser import HTMLParser

import pytest

from graphrec.rendering import Bar, Section, Table, html, markdown, text

EVIL = '<script>alert("x")</script> & | `code` *bold* [link](http://x)\nnext'
SECTIONS = [
    Section("", ("head",)),
    Section(EVIL, (EVIL,), Table((EVIL, "n"), ((EVIL, "1.5"),)), (Bar(EVIL, 0.5, 0.25, 0.75),), (EVIL,)),
]


class Tags(HTMLParser):
    """Which tags a page has, and its texts."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.said, self.attributes = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data):
        self.said.append(data)


def test_nothing_shown_is_taken_for_html():
    page = Tags(html(EVIL, SECTIONS))
    assert not {"script", "a", "img", "link"} & set(page.tags)
    assert page.said.count(EVIL) == 8  # title and heading, the section's title, line, two cells, a bar's name, a footnote
    assert {"svg", "rect", "path", "table"} <= set(page.tags)


def test_the_page_needs_nothing_from_elsewhere():
    page = Tags(html("A shop", SECTIONS))
    assert not {name for name, _ in page.attributes} & {"src", "href", "onload", "onclick"}


def test_nothing_shown_is_taken_for_markdown():
    lines = markdown("A shop", SECTIONS).splitlines()
    assert not any("<script" in line for line in lines)
    rows = [line for line in lines if line.startswith("| ")]
    assert len(rows) == 3
    for row in rows:
        assert row.replace("\\|", "").count("|") == 3
    assert "\\*bold\\*" in lines[4]
    assert lines[0] == "# A shop"


def test_a_bar_reaches_its_value_and_its_whisker_both_ends():
    page = Tags(html("", [Section("s", bars=(Bar("one", 1.0, 0.5, 1.0), Bar("two", 0.5, 0.5, 0.5)))]))
    widths = [float(value) for name, value in page.attributes if name == "width" and "." in value]
    assert widths[0] == 2 * widths[1]
    whisker = next(value for name, value in page.attributes if name == "d")
    start, end = whisker.removeprefix("M").split(" ")[0], whisker.split("H")[1]
    assert float(end) - float(start) == pytest.approx(widths[1], abs=0.1)


def test_figures_that_are_none_get_no_bar():
    nan = float("nan")
    page = Tags(html("", [Section("s", bars=(Bar("none", nan, nan, nan),))]))
    assert "rect" not in page.tags


def test_text_stands_in_columns():
    table = Table(("system", "group", "n"), (("a", "overall", "1"), ("longer name", "cold", "1,000")), words=2)
    lines = text([Section("", ("head",), table)]).splitlines()
    assert lines == ["head", "system       group        n", "a            overall      1", "longer name  cold     1,000"]
