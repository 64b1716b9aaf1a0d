"""Charts as SVG, made on the server: no script, no style of their own, colours by the page's classes in light and dark.

Across they are in percent and down in pixels, so that text keeps its size in whatever width. A chart is an image with
a title and a description; the numbers belong into a table behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from markupsafe import Markup

SERIES = ("a", "b")
"""Classes of the series, in their order."""

TOP, FOOT = 16, 22
GAP = 0.3
"""What is left free of a column's place."""
SPARK_HEIGHT = 28
FEWEST_PIXELS = 2
"""What is more than nothing is seen."""

_SVG = Markup(
    '<svg class="chart" width="100%" height="{height}" role="img" aria-labelledby="{id}-title {id}-about">'
    '<title id="{id}-title">{title}</title><desc id="{id}-about">{about}</desc>{inside}</svg>'
)
_SPARK = Markup('<svg class="chart spark" width="100%" height="{height}" role="img" aria-label="{label}">{bars}</svg>')
_COLUMN = Markup("<g><title>{}</title>{}</g>")
_BAR = Markup('<rect class="{}" x="{:.2f}%" width="{:.2f}%" y="{:.1f}" height="{:.1f}" rx="{}"/>')
_LINE = Markup('<line x1="0" x2="100%" y1="{0:.1f}" y2="{0:.1f}"/>')
_MARK = Markup('<text x="0" y="{:.1f}">{}</text>')
_LABEL = Markup('<text x="{:.2f}%" y="{:.1f}" text-anchor="{}">{}</text>')


@dataclass(frozen=True)
class Column:
    """One place of a bar chart: a bar for each series."""

    label: str
    """Below it; where it is empty, nothing."""
    values: tuple[int, ...]
    said: str
    """What it shows, in words."""


def bars(chart_id: str, title: str, about: str, columns: Sequence[Column], height: int = 148) -> Markup:
    """A bar chart; `chart_id` is unique on its page."""
    floor = height - FOOT
    highest = max((value for column in columns for value in column.values), default=0)
    lines = [_LINE.format(floor)]
    if highest:
        top = _scale(highest, highest, floor)
        lines += [_LINE.format(floor - top), _MARK.format(floor - top - 4, highest)]
    place = 100 / max(1, len(columns))
    drawn = []
    for number, column in enumerate(columns):
        width = place * (1 - GAP) / max(1, len(column.values))
        left = number * place + place * GAP / 2
        drawn.append(_COLUMN.format(column.said, _column(column, left, width, highest, floor)))
        if column.label:
            drawn.append(_label(column.label, number, len(columns), height - 4))
    inside = Markup().join([*lines, *drawn])
    return _SVG.format(height=height, id=chart_id, title=title, about=about, inside=inside)


def _column(column: Column, left: float, width: float, highest: int, floor: float) -> Markup:
    rows = zip(count(), column.values, SERIES, strict=False)
    return Markup().join(
        _BAR.format(kind, left + place * width, width, floor - tall, tall, 2)
        for place, value, kind in rows
        if (tall := _scale(value, highest, floor))
    )


def _scale(value: int, highest: int, floor: float) -> float:
    return max(FEWEST_PIXELS, (floor - TOP) * value / highest) if value else 0.0


def _label(text: str, number: int, of: int, y: float) -> Markup:
    """Below the middle of its column; the first and the last stay within the chart."""
    place = 100 / of
    if of > 1 and number == 0:
        return _LABEL.format(0, y, "start", text)
    if of > 1 and number == of - 1:
        return _LABEL.format(100, y, "end", text)
    return _LABEL.format((number + 0.5) * place, y, "middle", text)


def spark(values: Sequence[int], label: str) -> Markup:
    """A small bar chart for a row of a table, oldest first; the last one stands out."""
    highest, place = max(values, default=0), 100 / max(1, len(values))
    drawn = []
    for number, value in enumerate(values):
        tall = max(FEWEST_PIXELS, SPARK_HEIGHT * value / highest) if value else 1.0
        kind = "a" if number == len(values) - 1 and value else "rest"
        drawn.append(
            _BAR.format(kind, number * place + place * GAP / 2, place * (1 - GAP), SPARK_HEIGHT - tall, tall, 0)
        )
    return _SPARK.format(height=SPARK_HEIGHT, label=label, bars=Markup().join(drawn))
