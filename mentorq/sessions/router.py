"""/sessions: the life of a live session."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from mentorq.accounts.access import CurrentStudent, CurrentViewer, limited
from mentorq.accounts.errors import WrongRole
from mentorq.core.database import Row
from mentorq.core.errors import InvalidInput, problems
from mentorq.core.http import Read, Route, Write, etag, json_response
from mentorq.core.inputs import Cursor, Limit, RowId
from mentorq.core.pagination import BadCursor, Page, keyset, link_next, list_name
from mentorq.mentors.errors import MentorNotFound
from mentorq.sessions import lifecycle, service
from mentorq.sessions.errors import (
    AwaitsTheOther,
    MentorUnavailable,
    NotYourTurn,
    SessionMoved,
    SessionNotFound,
    SessionNotLive,
    SessionNotRequested,
    SessionOver,
    SlotTaken,
)
from mentorq.sessions.schedule_router import From, To
from mentorq.sessions.schemas import NewSession, Offer, Refusal, Session, as_session
from mentorq.sessions.states import Status
from mentorq.tickets.errors import NotYours, TicketNotFound

router = APIRouter(prefix="/sessions", tags=["sessions"], route_class=Route)

Statuses = Annotated[list[Status], Query(alias="status", max_length=10, description="Repeatable.")]


def answer(row: Row, status: int = 200) -> Response:
    """A session with its version."""
    headers = {"ETag": etag(row["id"], row["version"])}
    if status == 201:
        headers["Location"] = f"/sessions/{row['id']}"
    return json_response(as_session(row), status, headers)


@router.post(
    "",
    status_code=201,
    response_model=Session,
    responses=problems(WrongRole, MentorNotFound, TicketNotFound, NotYours, InvalidInput, MentorUnavailable, SlotTaken),
    dependencies=[limited("sessions", "30/hour")],
    summary="Ask for a session",
)
async def request(body: NewSession, student: CurrentStudent, db: Write) -> Response:
    """Ask a mentor for some minutes, now or at a time. It is a wish: nobody's time is taken until it is accepted.

    A request ends by itself: one for now after 10 minutes, a later one an hour before it would begin.
    """
    return answer(await lifecycle.request(db, student, body), 201)


@router.get("", response_model=Page[Session], responses=problems(BadCursor), summary="List my sessions")
async def mine(
    request: Request,
    viewer: CurrentViewer,
    db: Read,
    status: Statuses = [],  # noqa: B006
    begin: From = None,
    end: To = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """One's sessions, newest first; between two times, also those that go on at either."""
    place = keyset(db.settings, list_name(request, viewer.id), cursor, limit)
    rows, next_cursor = await service.page(db, viewer, place, status, begin, end)
    response = json_response({"items": [as_session(row) for row in rows], "next_cursor": next_cursor})
    link_next(request, response, next_cursor)
    return response


@router.get("/{session_id}", response_model=Session, responses=problems(SessionNotFound), summary="Get a session")
async def get(session_id: RowId, viewer: CurrentViewer, db: Read) -> Response:
    """A session, for its two people."""
    return answer(await service.one(db, viewer, session_id))


@router.post(
    "/{session_id}/offer",
    response_model=Session,
    responses=problems(SessionNotFound, NotYourTurn, SessionNotRequested, SessionMoved, SlotTaken, InvalidInput),
    summary="Offer another time",
)
async def offer(session_id: RowId, body: Offer, viewer: CurrentViewer, db: Write) -> Response:
    """Offer another time instead of what the student asked for; the student accepts it, or cancels."""
    return answer(await lifecycle.offer(db, session_id, viewer, body))


@router.post(
    "/{session_id}/accept",
    response_model=Session,
    responses=problems(SessionNotFound, NotYourTurn, AwaitsTheOther, SessionNotRequested, SessionMoved, SlotTaken),
    summary="Accept a session",
)
async def accept(session_id: RowId, viewer: CurrentViewer, db: Write) -> Response:
    """Book it: the mentor what a student asked for, the student what the mentor offered.

    Two booked sessions of one person never overlap, however many are accepted at once.
    """
    return answer(await lifecycle.accept(db, session_id, viewer))


@router.post(
    "/{session_id}/decline",
    response_model=Session,
    responses=problems(SessionNotFound, NotYourTurn, SessionNotRequested, SessionMoved),
    summary="Decline a session",
)
async def decline(session_id: RowId, viewer: CurrentViewer, db: Write, body: Refusal | None = None) -> Response:
    """Say that it is not possible, with a reason where there is one to tell."""
    return answer(await lifecycle.decline(db, session_id, viewer, body.reason if body else None))


@router.post(
    "/{session_id}/cancel",
    response_model=Session,
    responses=problems(SessionNotFound, SessionOver, SessionMoved),
    summary="Cancel a session",
)
async def cancel(session_id: RowId, viewer: CurrentViewer, db: Write, body: Refusal | None = None) -> Response:
    """Take a wish back, or free the time that was booked: either of the two may, until it begins."""
    return answer(await lifecycle.cancel(db, session_id, viewer, body.reason if body else None))


@router.post(
    "/{session_id}/end",
    response_model=Session,
    responses=problems(SessionNotFound, SessionNotLive, SessionMoved),
    summary="End a session",
)
async def end(session_id: RowId, viewer: CurrentViewer, db: Write) -> Response:
    """End it before its time is over: either of the two may."""
    return answer(await lifecycle.end(db, session_id, viewer))
