"""The leaderboard of mentors, by week, month and all time, and by tag."""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from mentorq.core.clock import now
from mentorq.core.http import Read
from mentorq.core.inputs import Cursor
from mentorq.core.pagination import keyset, list_name
from mentorq.insights import leaderboard as formula
from mentorq.insights import service
from mentorq.insights.leaderboard import Period
from mentorq.insights.queries import MOST_PLACES
from mentorq.insights.schemas import Ago
from mentorq.web import locale
from mentorq.web.lists import next_page, tags_in
from mentorq.web.locale import gettext as _
from mentorq.web.pages import PageRoute, is_part, render
from mentorq.web.signins import MaybeVisitor
from mentorq.web.statistics import changes_of

router = APIRouter(route_class=PageRoute)

MENTORS = 25


@router.get("/leaderboard")
async def leaderboard(
    request: Request,
    viewer: MaybeVisitor,
    db: Read,
    period: Period = "month",
    tag: str = "",
    ago: Ago = 0,
    cursor: Cursor = None,
) -> Response:
    """Who helped most."""
    name = next(iter(tags_in([tag])), None)
    place = keyset(db.settings, list_name(request, 0), cursor, MENTORS)
    items, next_cursor = await service.leaderboard(db, period, name, place, ago)
    is_listed = any(item["mentor"]["id"] == viewer.id for item in items)
    own = None if is_listed else await service.own_place(db, viewer, period, name, ago)
    shown = [*items, own] if own else items
    context: dict[str, Any] = {
        "own": own,
        "most_places": MOST_PLACES,
        "period": period,
        "tag": name,
        "ago": ago,
        "items": items,
        "runs": await service.runs(db, [item["mentor"]["id"] for item in shown], name),
        "more": next_page(request, next_cursor),
        "name": name_of(period, ago),
        "address": lambda **changes: address_of({"period": period, "tag": name, "ago": ago} | changes),
        "stats": None,
    }
    if is_part(request):
        return render(request, "parts/standings.html", **context)
    if viewer.is_mentor:
        stats = await service.statistics(db, viewer, period)
        context |= {"stats": stats, "changes": changes_of(stats)}
    return render(request, "leaderboard.html", **context)


def name_of(period: Period, ago: int) -> str:
    """What a period is called."""
    first = formula.first_day(period, formula.earlier(period, now().date(), ago))
    if first is None:
        return _("All time")
    return locale.month(first) if period == "month" else _("Week of %(day)s") % {"day": locale.short_day(first)}


def address_of(look: dict[str, Any]) -> str:
    """Where a leaderboard is; what is usual is not said."""
    usual = {"period": "month", "tag": None, "ago": 0}
    said = {name: value for name, value in look.items() if value != usual[name]}
    return f"/leaderboard?{urlencode(said)}" if said else "/leaderboard"
