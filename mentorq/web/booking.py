"""Asking a mentor for a session: now, in one of the free slots, or, where the mentor has no hours, at any time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from mentorq.accounts.access import caller
from mentorq.accounts.schemas import Viewer
from mentorq.core.errors import DomainError
from mentorq.core.http import Read, Write
from mentorq.core.inputs import Line
from mentorq.core.pagination import keyset
from mentorq.mentors import directory
from mentorq.sessions import lifecycle, schedule
from mentorq.sessions.hours import Span
from mentorq.sessions.models import LONGEST_TOPIC
from mentorq.sessions.schemas import NewSession
from mentorq.tickets import service as tickets
from mentorq.tickets.errors import NotYours, TicketNotFound
from mentorq.tickets.states import Status
from mentorq.web import locale, moments
from mentorq.web.locale import gettext as _
from mentorq.web.pages import Answer, Form, PageRoute, redirect, render
from mentorq.web.signins import VisitingStudent

router = APIRouter(prefix="/app/people/{username}/book", route_class=PageRoute)

FIELDS = ("topic", "ticket_id", "minutes", "week", "to", "when", "at")
LENGTHS = ("15", "30", "45", "60")
DAYS = 7
TICKETS = 50
NOW, OTHER = "now", "other"
"""What `when` may be besides the beginning of a slot."""

Username = Annotated[Line, Path(max_length=50)]


@dataclass(frozen=True)
class Day:
    """A day of the reader's, and the slots that begin on it: what the field says, and the time of day."""

    date: date
    name: str
    slots: list[tuple[str, datetime]]


@dataclass(frozen=True)
class Week:
    """Some days, and the ways to earlier and later ones; no way: an empty text."""

    days: list[Day]
    earlier: str
    later: str
    first_free: tuple[str, datetime] | None
    """Where there is nothing free on these days: the week, and the time, of what is free next."""

    @property
    def is_full(self) -> bool:
        """Whether nothing is free."""
        return not any(day.slots for day in self.days)


@router.get("")
async def page(request: Request, username: Username, student: VisitingStudent, db: Read) -> Response:
    """When, how long, about what. What was written before comes along in the address.

    Raises:
        MentorNotFound: there is no such mentor, or no longer.
    """
    given = {name: request.query_params[name] for name in FIELDS if name in request.query_params}
    form = Form({name: value[:LONGEST_TOPIC] for name, value in given.items()})
    return await _page(request, db, student, username, form)


async def _page(request: Request, db: Read, student: Viewer, username: str, form: Form, status: int = 200) -> Response:
    mentor = await directory.named(db, username)
    row, week = await _week(db, student, mentor["id"], form)
    mine = await _tickets(request, db, student)
    is_free = bool(await schedule.free_now(db, student, [mentor["id"]]))
    if form["when"] == NOW and not is_free:
        form.values["when"] = ""
    return render(
        request,
        "book.html",
        status,
        mentor=mentor,
        zone=row["time_zone"],
        has_hours=row["weekly"] is not None,
        week=week,
        tickets=mine,
        chosen=next((ticket for ticket in mine if str(ticket["id"]) == form["ticket_id"]), None),
        is_free=is_free,
        bounds=moments.bounds(student),
        form=form,
    )


async def _tickets(request: Request, db: Read, student: Viewer) -> list[dict[str, Any]]:
    """What a session may be about: the student's own tickets that are not closed."""
    place = keyset(db.settings, "book", None, TICKETS)
    mine, _more = await tickets.mine(db, student, (Status.OPEN, Status.ASSIGNED, Status.RESOLVED), place)
    return mine


def _minutes(form: Form) -> int:
    return int(form["minutes"]) if form["minutes"] in LENGTHS else int(LENGTHS[0])


async def _week(db: Read, student: Viewer, mentor_id: int, form: Form) -> tuple[dict[str, Any], Week]:
    today, zone = moments.today(student), student.time_zone
    last = moments.next_day(today, schedule.FARTHEST.days - DAYS)
    first = min(max(_day_in(form["to"] or form["week"]) or today, today), last)
    after = moments.next_day(first, DAYS)
    begin, end = moments.midnight(first, zone), moments.midnight(after, zone)
    mentor, free = await schedule.slots(db, mentor_id, begin, end, _minutes(form))
    next_free = None
    if mentor["weekly"] is not None and not free and first < last:
        _mentor, rest = await schedule.slots(db, mentor_id, end, end + schedule.LONGEST_RANGE, _minutes(form))
        next_free = (locale.date_of(rest[0][0]).isoformat(), rest[0][0]) if rest else None
    before = max(moments.next_day(first, -DAYS), today)
    return mentor, Week(
        days=_days(first, free),
        earlier=before.isoformat() if first > today else "",
        later=after.isoformat() if first < last else "",
        first_free=next_free,
    )


def _day_in(given: str) -> date | None:
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


def _days(first: date, free: Sequence[Span]) -> list[Day]:
    dates = [moments.next_day(first, number) for number in range(DAYS)]
    days = {each: Day(each, locale.day_ahead(each), []) for each in dates}
    for begin, _end in free:
        if day := days.get(locale.date_of(begin)):
            day.slots.append((locale.utc(begin), begin))
    return list(days.values())


@router.post("")
async def book(request: Request, username: Username, student: VisitingStudent, reads: Read, db: Write) -> Response:
    """Ask. Whatever speaks against it, nothing of what was written is lost.

    Raises:
        MentorNotFound: there is no such mentor, or no longer.
    """
    form = await Form.read(request)
    mentor = await directory.named(reads, username)
    body = await _wish(request, reads, student, mentor["id"], form)
    status = 422
    if body is not None:
        try:
            await request.app.state.limiter.hit("sessions", "30/hour", caller(request, student))
            session = await lifecycle.request(db, student, body)
        except (TicketNotFound, NotYours):
            form.note("ticket_id", _("Choose one of your tickets, or none."))
        except DomainError as error:
            form.refuse(error)
            status = error.status
        else:
            return redirect(request, f"/app/sessions/{session['id']}", "session_requested")
    form.rename({"starts_at": "when", "duration_minutes": "minutes"})
    raise Answer(await _page(request, reads, student, username, form, status))


async def _wish(request: Request, db: Read, student: Viewer, mentor_id: int, form: Form) -> NewSession | None:
    """What the form asks for; what a ticket is called stands for a topic that is not said."""
    begin = _begin(form, student)
    mine = await _tickets(request, db, student) if form["ticket_id"] else []
    title = next((ticket["title"] for ticket in mine if str(ticket["id"]) == form["ticket_id"]), "")
    body = form.fit(
        NewSession,
        mentor_id=mentor_id,
        ticket_id=form.number("ticket_id"),
        topic=form["topic"].strip() or title,
        starts_at=begin,
        duration_minutes=form.number("minutes"),
    )
    return None if form.errors else body


def _begin(form: Form, student: Viewer) -> datetime | None:
    """When: None is now, unless an error is noted."""
    when = form["when"]
    if when == NOW:
        return None
    if when == OTHER or (not when and form["at"]):
        return moments.read(form, "at", student.time_zone)
    try:
        return datetime.strptime(when, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        form.note("when", _("Choose a time."))
        return None
