"""Live sessions: what awaits whom, what is to come, what was, each by itself; and one's calendar of them."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from mentorq.accounts.schemas import Viewer, public_user
from mentorq.core.clock import now
from mentorq.core.database import Row
from mentorq.core.errors import DomainError, NotFound
from mentorq.core.http import Read, Write, json_response
from mentorq.core.inputs import Cursor, RowId
from mentorq.core.pagination import keyset, list_name
from mentorq.sessions import calendar, lifecycle, policy, service
from mentorq.sessions.calendar import CONTENT_TYPE
from mentorq.sessions.errors import SlotTaken
from mentorq.sessions.schemas import Offer, Refusal, as_session
from mentorq.sessions.service import Going
from mentorq.sessions.states import BOOKED, Action, Status
from mentorq.tickets import service as tickets
from mentorq.tickets.errors import NotYours, TicketNotFound
from mentorq.tickets.schemas import as_ticket
from mentorq.web import moments
from mentorq.web.lists import next_page
from mentorq.web.pages import Answer, Form, PageRoute, is_part, redirect, render
from mentorq.web.signins import VisitingMentor, Visitor

router = APIRouter(prefix="/app/sessions", route_class=PageRoute)

PAST = 20
DOOR_OPENS = timedelta(minutes=10)
"""So long before it begins the pages lead into the room."""

DONE = {Action.CANCEL: "session_cancelled", Action.DECLINE: "session_declined", Action.END: "session_ended"}


def shown(viewer: Viewer, row: Row) -> dict[str, Any]:
    """A session as one of its two people sees it."""
    other = "student" if viewer.id == row["mentor_id"] else "mentor"
    is_booked = row["status"] in BOOKED
    can = {action.value: policy.can(viewer, action, row) for action in policy.WRONG_STATE}
    return as_session(row) | {
        "version": row["version"],
        "path": _path(row["id"]),
        "other": public_user(row, f"{other}_"),
        "other_zone": row[f"{other}_time_zone"],
        "is_near": is_booked and row["starts_at"] <= now() + DOOR_OPENS,
        "is_on": is_booked and row["starts_at"] <= now() < row["ends_at"],
        "awaits_me": row["status"] == Status.REQUESTED and row["awaits"] != other,
        "can": can | {"cancel": can["cancel"] and not can["end"]},
    }


def lists_of(viewer: Viewer, going: Going) -> dict[str, Any]:
    """What is not over, for the page of sessions and for where somebody begins."""
    return {
        "for_me": [shown(viewer, row) for row in going.for_me],
        "for_other": [shown(viewer, row) for row in going.for_other],
        "booked": [shown(viewer, row) for row in going.booked],
        "awaiting": len(going.for_me),
    }


def _path(session_id: int) -> str:
    return f"/app/sessions/{session_id}"


# --- all of them


@router.get("")
async def mine(request: Request, viewer: Visitor, db: Read, cursor: Cursor = None) -> Response:
    """What awaits the viewer, what is to come, what waits for others, and what was."""
    place = keyset(db.settings, list_name(request, viewer.id), cursor, PAST)
    rows, next_cursor = await service.past(db, viewer, place)
    context: dict[str, Any] = {
        "past": [shown(viewer, row) for row in rows],
        "more": next_page(request, next_cursor),
        "cursor": cursor,
    }
    if is_part(request) and cursor:
        return render(request, "parts/sessions_past.html", **context)
    context |= lists_of(viewer, await service.going(db, viewer))
    return render(request, "sessions.html", **context)


@router.get("/awaiting")
async def awaiting(request: Request, viewer: Visitor, db: Read) -> Response:
    """How many requests wait for the viewer, for the scripts that write it into the menu."""
    return json_response({"awaiting": await service.count_awaiting(db, viewer)})


# --- the calendar


@router.get("/calendar")
async def calendar_page(request: Request, viewer: Visitor, db: Read) -> Response:
    """The private address of one's calendar: what it is for, and whether there is one."""
    return render(request, "calendar.html", made_at=await calendar.made_at(db, viewer), address="")


@router.post("/calendar")
async def make_calendar(request: Request, viewer: Visitor, db: Write) -> Response:
    """Make an address, and show it this once."""
    address = await calendar.make_url(db, viewer)
    return render(request, "calendar.html", made_at=now(), address=address)


@router.post("/calendar/drop")
async def drop_calendar(request: Request, viewer: Visitor, db: Write) -> Response:
    """Let it lead nowhere any longer."""
    await calendar.drop_url(db, viewer)
    return redirect(request, "/app/sessions/calendar", "calendar_dropped")


@router.get("/{session_id}/calendar.ics")
async def file(request: Request, session_id: RowId, viewer: Visitor, db: Read) -> Response:
    """One session for a calendar."""
    headers = {"Content-Disposition": f'attachment; filename="session-{session_id}.ics"'}
    return Response(await calendar.of_session(db, viewer, session_id), 200, headers, CONTENT_TYPE)


# --- one of them


@router.get("/{session_id}")
async def page(request: Request, session_id: RowId, viewer: Visitor, db: Read) -> Response:
    """A session with all that can be done about it."""
    return await _show(request, db, viewer, session_id)


async def _show(
    request: Request, db: Read, viewer: Viewer, session_id: int, error: DomainError | None = None
) -> Response:
    context = await _context(db, viewer, session_id)
    return render(request, "session.html", error.status if error else 200, **context, error=error)


async def _context(db: Read, viewer: Viewer, session_id: int) -> dict[str, Any]:
    row = await service.one(db, viewer, session_id)
    session = shown(viewer, row)
    return {"session": session, "ticket": await ticket_of(db, viewer, row), "seen": _seen(session), "form": Form()}


async def ticket_of(db: Read, viewer: Viewer, session: Row) -> dict[str, Any] | None:
    """The ticket that it is about, if the viewer may see it: another mentor may have it."""
    if session["ticket_id"] is None:
        return None
    try:
        return as_ticket(await tickets.one(db, viewer, session["ticket_id"]), viewer)
    except (TicketNotFound, NotYours):
        return None


def _seen(session: dict[str, Any]) -> str:
    """Tells what a page shows from what it would show now."""
    return f"{session['version']}-{session['is_near']:d}-{session['is_on']:d}"


@router.get("/{session_id}/news")
async def news(request: Request, session_id: RowId, viewer: Visitor, db: Read, seen: str = "") -> Response:
    """What has become of it since the page was made: it asks now and then. Nothing new: no content."""
    if not is_part(request):
        return redirect(request, _path(session_id))
    context = await _context(db, viewer, session_id)
    if context["seen"] == seen:
        return Response(status_code=204)
    return render(request, "parts/session.html", **context, error=None, is_news=True)


@router.post("/{session_id}/accept")
async def accept(request: Request, session_id: RowId, viewer: Visitor, reads: Read, db: Write) -> Response:
    """Book it for both; what hinders it is said on the session's page."""
    try:
        session = await lifecycle.accept(db, session_id, viewer)
    except NotFound:
        raise
    except DomainError as error:
        raise Answer(await _show(request, reads, viewer, session_id, error)) from None
    return redirect(request, _path(session_id), "session_begins" if session["is_now"] else "session_booked")


@router.get("/{session_id}/offer")
async def offer_page(request: Request, session_id: RowId, mentor: VisitingMentor, db: Read) -> Response:
    """Another time instead of the one that was asked for."""
    row = await _allowed(db, mentor, session_id, Action.OFFER)
    minutes = str(row["duration_minutes"])
    begin = moments.as_field(row["starts_at"], mentor.time_zone) if not row["is_now"] else ""
    return _offer_page(request, mentor, row, Form({"at": begin, "minutes": minutes}))


def _offer_page(request: Request, mentor: Viewer, row: Row, form: Form, status: int = 200) -> Response:
    session = shown(mentor, row)
    return render(request, "session_offer.html", status, session=session, form=form, bounds=moments.bounds(mentor))


@router.post("/{session_id}/offer")
async def offer(request: Request, session_id: RowId, mentor: VisitingMentor, reads: Read, db: Write) -> Response:
    """Offer it; what is wrong with the time is said beside it."""
    form = await Form.read(request)
    row = await _allowed(reads, mentor, session_id, Action.OFFER)
    begin = moments.read(form, "at", mentor.time_zone)
    body = form.fit(Offer, starts_at=begin, duration_minutes=form.number("minutes")) if begin else None
    status = 422
    if body is not None:
        try:
            await lifecycle.offer(db, session_id, mentor, body)
        except SlotTaken as error:
            form.refuse(error, "at")
            status = error.status
        except DomainError as error:
            if not error.errors:
                raise Answer(await _show(request, reads, mentor, session_id, error)) from None
            form.refuse(error)
        else:
            return redirect(request, _path(session_id), "session_offered")
    form.rename({"starts_at": "at", "duration_minutes": "minutes"})
    raise Answer(_offer_page(request, mentor, row, form, status))


async def _allowed(db: Read, viewer: Viewer, session_id: int, action: Action) -> Row:
    """A session of the viewer's with which that can be done now.

    Raises:
        SessionNotFound and other errors: see `policy.refusal`.
    """
    row = await service.one(db, viewer, session_id)
    if refused := policy.refusal(viewer, action, row):
        raise refused
    return row


@router.get("/{session_id}/decline")
async def decline_page(request: Request, session_id: RowId, viewer: Visitor, db: Read) -> Response:
    """The form that the session's page has in a dialog."""
    return await _think_again(request, db, viewer, session_id, Action.DECLINE)


@router.post("/{session_id}/decline")
async def decline(request: Request, session_id: RowId, viewer: Visitor, reads: Read, db: Write) -> Response:
    """Say that it is not possible, and why."""
    return await _act(request, reads, db, viewer, session_id, Action.DECLINE)


@router.get("/{session_id}/cancel")
async def cancel_page(request: Request, session_id: RowId, viewer: Visitor, db: Read) -> Response:
    """The form that the session's page has in a dialog."""
    return await _think_again(request, db, viewer, session_id, Action.CANCEL)


@router.post("/{session_id}/cancel")
async def cancel(request: Request, session_id: RowId, viewer: Visitor, reads: Read, db: Write) -> Response:
    """Take a wish back, or free the time that was booked."""
    return await _act(request, reads, db, viewer, session_id, Action.CANCEL)


@router.get("/{session_id}/end")
async def end_page(request: Request, session_id: RowId, viewer: Visitor, db: Read) -> Response:
    """The form that the session's page has in a dialog."""
    return await _think_again(request, db, viewer, session_id, Action.END)


@router.post("/{session_id}/end")
async def end(request: Request, session_id: RowId, viewer: Visitor, reads: Read, db: Write) -> Response:
    """End it before its time is over."""
    return await _act(request, reads, db, viewer, session_id, Action.END)


async def _think_again(request: Request, db: Read, viewer: Viewer, session_id: int, action: Action) -> Response:
    return _act_page(request, viewer, await _allowed(db, viewer, session_id, action), action, Form())


def _act_page(request: Request, viewer: Viewer, row: Row, action: Action, form: Form, status: int = 200) -> Response:
    return render(request, "session_act.html", status, session=shown(viewer, row), act=action.value, form=form)


async def _act(request: Request, reads: Read, db: Write, viewer: Viewer, session_id: int, action: Action) -> Response:
    form = await Form.read(request)
    body = form.fit(Refusal, reason=form["reason"] or None)
    if body is None:
        row = await _allowed(reads, viewer, session_id, action)
        raise Answer(_act_page(request, viewer, row, action, form, 422))
    try:
        await _do(db, viewer, session_id, action, body.reason or None)
    except NotFound:
        raise
    except DomainError as error:
        raise Answer(await _show(request, reads, viewer, session_id, error)) from None
    return redirect(request, _path(session_id), DONE[action])


async def _do(db: Write, viewer: Viewer, session_id: int, action: Action, reason: str | None) -> None:
    if action == Action.END:
        await lifecycle.end(db, session_id, viewer)
    elif action == Action.DECLINE:
        await lifecycle.decline(db, session_id, viewer, reason)
    else:
        await lifecycle.cancel(db, session_id, viewer, reason)
