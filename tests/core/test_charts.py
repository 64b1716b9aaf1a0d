"""Charts as SVG."""

import re
from xml.etree import ElementTree as ET

import pytest

from mentorq.core.charts import Column, bars, spark

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> ET.Element:
    """A chart as a tree: it is well-formed."""
    return ET.fromstring(str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def heights(tree: ET.Element, kind: str) -> list[float]:
    """How tall the bars of a series are."""
    return [float(rect.get("height", "")) for rect in tree.iter(f"{SVG}rect") if rect.get("class") == kind]


def test_bars_are_as_tall_as_their_values() -> None:
    columns = [Column("Mon", (4, 2), "Monday: 4"), Column("", (0, 1), "Tuesday: 0"), Column("Wed", (8, 0), "8")]
    tree = drawn(bars("days", "Tickets by day", "Twelve in three days.", columns))
    assert heights(tree, "a") == pytest.approx([55, 110], abs=0.1)
    assert heights(tree, "b") == pytest.approx([27.5, 13.8], abs=0.1)
    assert [text.text for text in tree.iter(f"{SVG}text")] == ["8", "Mon", "Wed"]
    for rect in tree.iter(f"{SVG}rect"):
        assert float(rect.get("y", "")) + float(rect.get("height", "")) == pytest.approx(126, abs=0.1)
        left, width = (float(rect.get(name, "").rstrip("%")) for name in ("x", "width"))
        assert 0 <= left < left + width <= 100


def test_a_chart_says_what_it_is() -> None:
    tree = drawn(bars("days", "Tickets by day", "Twelve in three days.", [Column("Mon", (1,), "Monday: 1")]))
    assert tree.get("role") == "img"
    ids = {element.get("id"): element.text for element in tree.iter() if element.get("id")}
    assert [ids[name] for name in tree.get("aria-labelledby", "").split()] == [
        "Tickets by day",
        "Twelve in three days.",
    ]
    assert "Monday: 1" in [element.text for element in tree.iter(f"{SVG}title")]


def test_it_has_no_style_and_no_script_and_takes_no_markup() -> None:
    evil = '"><script>alert(1)</script>'
    svg = bars("days", evil, evil, [Column(evil, (3,), evil)]) + spark([1], evil)
    assert "<script" not in svg
    assert not re.search(r'style=|\son\w+="|fill=|stroke=', svg)


def test_nothing_is_drawn_of_nothing() -> None:
    for columns in ([], [Column("Mon", (0, 0), "Monday: 0")]):
        tree = drawn(bars("days", "Tickets by day", "None.", columns))
        assert list(tree.iter(f"{SVG}rect")) == []
    assert list(drawn(spark([], "none")).iter(f"{SVG}rect")) == []


def test_what_is_little_is_seen() -> None:
    tree = drawn(bars("days", "t", "d", [Column("", (1,), "1"), Column("", (1_000,), "1000")]))
    assert min(heights(tree, "a")) == 2


def test_a_small_one_marks_what_is_now() -> None:
    tree = drawn(spark([2, 0, 4], "2, 0, 4 a week"))
    assert tree.get("aria-label") == "2, 0, 4 a week"
    assert heights(tree, "rest") == [14, 1]
    assert heights(tree, "a") == [28]
    assert heights(drawn(spark([2, 0], "2, 0 a week")), "a") == []
