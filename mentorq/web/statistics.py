"""A mentor's statistics: in short at home, and on a page of their own with a chart, and as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Request, Response

from mentorq.accounts.schemas import Viewer
from mentorq.core import charts
from mentorq.core.charts import Column
from mentorq.core.database import Read as Reading
from mentorq.core.http import Read
from mentorq.insights import service
from mentorq.insights.leaderboard import Period
from mentorq.insights.router import csv_response
from mentorq.web import locale
from mentorq.web.locale import gettext as _
from mentorq.web.locale import ngettext
from mentorq.web.pages import PageRoute, render
from mentorq.web.signins import VisitingMentor

router = APIRouter(route_class=PageRoute)

DAYS_OF_WEEK = 7
MOST_LABELS = 4
LEAST_BETTER = 0.05
"""What a rating must move to be said."""


@dataclass(frozen=True)
class Change:
    """What is different from before; `is_better` where that is clear."""

    text: str
    is_better: bool = False


@router.get("/app/statistics")
async def statistics_page(request: Request, mentor: VisitingMentor, db: Read, period: Period = "month") -> Response:
    """What one did, beside what one did before."""
    return render(request, "statistics.html", **await context_of(db, mentor, period))


async def context_of(db: Reading, mentor: Viewer, period: Period) -> dict[str, Any]:
    """What the page needs, and what its short form at home needs."""
    stats = await service.statistics(db, mentor, period)
    columns = columns_of([(day["date"], day["tickets_resolved"]) for day in stats["by_day"]], by_week=period == "all")
    return {
        "period": period,
        "stats": stats,
        "changes": changes_of(stats),
        "columns": columns,
        "chart": charts.bars("solved-chart", _("Tickets solved"), _in_words(columns), columns),
        "most_in_tag": max((row["tickets_resolved"] for row in stats["by_tag"]), default=0),
    }


def columns_of(days: Sequence[tuple[date, int]], *, by_week: bool) -> list[Column]:
    """A column for each day, or for each seven days up to today."""
    length = DAYS_OF_WEEK if by_week else 1
    parts = [days[max(0, end - length) : end] for end in range(len(days), 0, -length)][::-1]
    whole = [part for part in parts if len(part) == length]
    step = -(-len(whole) // MOST_LABELS)
    columns = []
    for place, part in enumerate(whole):
        solved = sum(count for _day, count in part)
        name = locale.short_day(part[0][0])
        said = ngettext("%(num)s ticket solved", "%(num)s tickets solved", solved) % {"num": locale.number(solved)}
        is_labelled = (len(whole) - 1 - place) % step == 0
        columns.append(Column(name if is_labelled else "", (solved,), f"{name}: {said}"))
    return columns


def _in_words(columns: Sequence[Column]) -> str:
    return "; ".join(column.said for column in columns if any(column.values)) or _("Nothing yet.")


def changes_of(stats: dict[str, Any]) -> dict[str, Change]:
    """What is different from the period before, in words; nothing where there is nothing to compare."""
    before = stats["previous"]
    if before is None:
        return {}
    changes = {"tickets_resolved": _of_count(stats["tickets_resolved"] - before["tickets_resolved"])}
    for name in ("median_response_seconds", "median_resolution_seconds"):
        if stats[name] is not None and before[name] is not None:
            changes[name] = _of_time(stats[name] - before[name])
    if stats["rating_average"] is not None and before["rating_average"] is not None:
        changes["rating_average"] = _of_rating(stats["rating_average"] - before["rating_average"])
    return changes


def _of_count(difference: int) -> Change:
    if difference > 0:
        return Change(_("%(num)s more than before") % {"num": locale.number(difference)}, is_better=True)
    if difference < 0:
        return Change(_("%(num)s fewer than before") % {"num": locale.number(-difference)})
    return Change(_("as before"))


def _of_time(difference: float) -> Change:
    if abs(difference) < 60:  # a page says no less than a minute
        return Change(_("as before"))
    time = {"time": locale.span(abs(difference))}
    if difference < 0:
        return Change(_("%(time)s sooner than before") % time, is_better=True)
    return Change(_("%(time)s later than before") % time)


def _of_rating(difference: float) -> Change:
    if abs(difference) < LEAST_BETTER:
        return Change(_("as before"))
    number = {"num": locale.rating(abs(difference))}
    if difference > 0:
        return Change(_("%(num)s more than before") % number, is_better=True)
    return Change(_("%(num)s less than before") % number)


@router.get("/app/statistics.csv")
async def statistics_as_csv(request: Request, mentor: VisitingMentor, db: Read, period: Period = "month") -> Response:
    """The same as a table for spreadsheets."""
    return csv_response(await service.statistics_as_csv(db, mentor, period), period)
