"""What a student has learned: in short at home, and on a page of its own."""

from typing import Any

from fastapi import APIRouter, Request, Response

from mentorq.accounts.schemas import Viewer
from mentorq.core import charts
from mentorq.core.charts import Column
from mentorq.core.database import Read as Reading
from mentorq.core.http import Read
from mentorq.insights import service
from mentorq.web import locale
from mentorq.web.locale import gettext as _
from mentorq.web.pages import PageRoute, render
from mentorq.web.signins import VisitingStudent

router = APIRouter(route_class=PageRoute)

LABELLED = 3  # each third week

ICONS = {
    "first_question": "circle-help", "first_solved": "circle-check", "found_yourself": "book-open",
    "three_tags": "git-branch", "four_weeks": "flame", "ten_solved": "award", "ten_tags": "globe",
    "twelve_weeks": "trophy",
}  # fmt: skip


def names() -> dict[str, str]:
    """What milestones are called, in the page's language."""
    return {
        "first_question": _("First question"),
        "first_solved": _("First question solved"),
        "found_yourself": _("Found an answer without asking"),
        "three_tags": _("Solved something in three fields"),
        "four_weeks": _("Learned something four weeks in a row"),
        "ten_solved": _("Ten questions solved"),
        "ten_tags": _("Solved something in ten fields"),
        "twelve_weeks": _("Learned something twelve weeks in a row"),
    }


@router.get("/app/progress")
async def progress_page(request: Request, student: VisitingStudent, db: Read) -> Response:
    """By tag and week, in a row, in milestones, and what became of one's questions."""
    return render(request, "progress.html", **await context_of(db, student))


async def context_of(db: Reading, student: Viewer) -> dict[str, Any]:
    """What the page needs, and what its short form at home needs."""
    learned = await service.learned(db, student)
    weeks = learned["by_week"]
    columns = [_column(week, is_labelled=(len(weeks) - 1 - n) % LABELLED == 0) for n, week in enumerate(weeks)]
    asked, solved = (sum(week[name] for week in weeks) for name in ("asked", "solved"))
    about = _("%(asked)s asked, %(solved)s solved in 12 weeks.") % {"asked": asked, "solved": solved}
    to_come = [one for one in learned["milestones"] if not one["reached_at"]]
    return {
        "learned": learned,
        "chart": charts.bars("weeks-chart", _("Solved and asked in each week"), about, columns),
        "names": names(),
        "icons": ICONS,
        "next_milestone": max(to_come, key=lambda one: one["done"] / one["goal"], default=None),
    }


def _column(week: dict[str, Any], *, is_labelled: bool) -> Column:
    name = locale.short_day(week["week"])
    values = {"asked": week["asked"], "solved": week["solved"], "week": name}
    said = _("Week of %(week)s: %(solved)s solved, %(asked)s asked") % values
    return Column(name if is_labelled else "", (week["solved"], week["asked"]), said)
