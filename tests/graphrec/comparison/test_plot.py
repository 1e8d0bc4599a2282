import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from graphrec.comparison.plot import Point, svg

POINTS = [
    Point("ours", True, 3.0, 0.2, 0.18, 0.22),
    Point("a & b", False, 400.0, 0.1, 0.09, 0.11),
    Point("none", True, 0.0, 0.0, 0.0, 0.0),
]


def circles(text):
    tree = ET.fromstring(text)  # noqa: S314  (our own)
    return [one for one in tree.iter() if one.tag.endswith("circle")]


def test_what_is_better_stands_higher_and_what_is_slower_further_right():
    ours, theirs, none = circles(svg(POINTS, "NDCG"))  # from the top down
    assert float(ours.get("cy")) < float(theirs.get("cy")) < float(none.get("cy"))
    assert float(none.get("cx")) < float(ours.get("cx")) < float(theirs.get("cx"))


def test_every_mark_lies_within_the_picture():
    text = svg(POINTS, "NDCG")
    wide, high = (float(side) for side in re.search(r'viewBox="0 0 (\d+) (\d+)"', text).groups())
    for mark in circles(text):
        assert 0 < float(mark.get("cx")) < wide
        assert 0 < float(mark.get("cy")) < high


def test_names_of_points_close_together_do_not_cover_each_other():
    close = [Point(f"system-{number}", True, 2.0 + number / 100, 0.2 + number / 1000, 0.1, 0.3) for number in range(6)]
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)" fill="#\w+">system', svg(close, "NDCG")))
    assert len(heights) == 6
    assert min(later - one for one, later in pairwise(heights)) >= 12


def test_names_are_escaped_and_said_under_the_pointer():
    assert "<title>a &amp; b: 0.1000 [0.0900, 0.1100], fitted in 400.00 s</title>" in svg(POINTS, "NDCG")


@pytest.mark.parametrize("points", [[], POINTS[:1], POINTS[2:]])
def test_few_points_or_none_make_a_picture(points):
    assert len(circles(svg(points, "NDCG"))) == len(points)
