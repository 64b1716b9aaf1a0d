"""Being available, or away until a time: the toggle in the header, its menu, and the same on a page of its own."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.http import Write
from mentorq.mentors import service as mentors
from mentorq.mentors.service import LONGEST_AWAY
from mentorq.web.locale import gettext as _
from mentorq.web.pages import Answer, Form, PageRoute, is_part, messages, redirect, render
from mentorq.web.signins import VisitingMentor, own_path

router = APIRouter(prefix="/app/availability", route_class=PageRoute)

MORNING = time(8, 0)
HERE, AWAY, DAY = "here", "away", "day"
"""What `back` may be besides a key of `RETURNS`: no longer away, away for who knows how long, until a day."""

HOME = "/app"


def in_an_hour(moment: datetime, _zone: str) -> datetime:
    """An hour is an hour, also where the clocks are changed in it."""
    return moment + timedelta(hours=1)


def tomorrow(moment: datetime, zone: str) -> datetime:
    """The morning of the next day there."""
    return morning_of(moment.astimezone(ZoneInfo(zone)).date() + timedelta(days=1), zone)


def on_monday(moment: datetime, zone: str) -> datetime:
    """The morning of the next Monday there, which is not today."""
    today = moment.astimezone(ZoneInfo(zone)).date()
    return morning_of(today + timedelta(days=7 - today.weekday()), zone)


RETURNS = {"hour": in_an_hour, "tomorrow": tomorrow, "monday": on_monday}


def morning_of(day: date, zone: str) -> datetime:
    """Eight o'clock of a day on the clocks of a zone; where they skip it, when they have."""
    return datetime.combine(day, MORNING, ZoneInfo(zone)).astimezone(UTC)


@router.get("")
async def page(request: Request, mentor: VisitingMentor, next: Annotated[str, Query()] = "") -> Response:
    """The menu of the header as a page, for browsers that open no menus."""
    return render(request, "availability.html", given=Form({"next": own_path(next)}))


@router.post("")
async def change(request: Request, mentor: VisitingMentor, db: Write) -> Response:
    """Be offered tickets, or not, or not until a time."""
    form = await Form.read(request)
    back = form["back"]
    until = None if back in (HERE, AWAY) else _until(form, mentor)
    if until is None and back not in (HERE, AWAY):
        raise Answer(_refused(request, form))
    user = await mentors.set_availability(db, mentor, back == HERE, until)
    said = "available" if user.is_available else "away_until" if user.away_until else "away"
    if not is_part(request):
        return redirect(request, own_path(form["next"]), said)
    request.scope["viewer"] = replace(mentor, is_available=user.is_available, away_until=user.away_until)
    here = Form({"next": own_path(form["next"])})
    is_home = here["next"].partition("?")[0] == HOME
    return render(request, "parts/availability.html", given=here, said=messages()[said], is_home=is_home)


def _refused(request: Request, form: Form) -> Response:
    """What was wrong, in the menu, which stays open, or on the page."""
    if not is_part(request):
        return render(request, "availability.html", 422, given=form)
    response = render(request, "parts/absence.html", 422, given=form, name="absence")
    response.headers.update({"HX-Retarget": "#absence", "HX-Reswap": "innerHTML"})
    return response


def _until(form: Form, mentor: Viewer) -> datetime | None:
    """When somebody wants to be back; None, with the error noted, where that is no day to come."""
    moment = now()
    if form["back"] in RETURNS:
        return RETURNS[form["back"]](moment, mentor.time_zone)
    try:
        until = morning_of(date.fromisoformat(form[DAY].strip()), mentor.time_zone)
    except (ValueError, OverflowError):
        form.note(DAY, _("Please choose a day."))
        return None
    if not moment < until <= moment + LONGEST_AWAY:
        form.note(DAY, _("Choose a day within the next %(days)s days.") % {"days": LONGEST_AWAY.days})
        return None
    return until
