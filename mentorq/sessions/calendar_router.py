"""Calendars: a session as a file, and the private address that calendar programs follow."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from mentorq.accounts.access import CurrentViewer, limited_by_address
from mentorq.core.errors import problems
from mentorq.core.http import Read, Route, Write
from mentorq.core.inputs import RowId
from mentorq.sessions import calendar
from mentorq.sessions.calendar import CONTENT_TYPE
from mentorq.sessions.errors import CalendarNotFound, SessionNotFound
from mentorq.sessions.schemas import CalendarUrl

router = APIRouter(tags=["sessions"], route_class=Route)

EXAMPLE = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//MentorQ//MentorQ//EN\r\nEND:VCALENDAR\r\n"
AS_CALENDAR: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "iCalendar (RFC 5545).",
        "content": {"text/calendar": {"schema": {"type": "string"}, "example": EXAMPLE}},
    }
}
Token = Annotated[str, Path(min_length=20, max_length=100, pattern="^[A-Za-z0-9_-]+$")]


@router.get(
    "/sessions/{session_id}/calendar.ics",
    response_class=Response,
    responses=AS_CALENDAR | problems(SessionNotFound),
    summary="Get a session for a calendar",
)
async def of_session(session_id: RowId, viewer: CurrentViewer, db: Read) -> Response:
    """A session as an iCalendar file: the same entry each time, with a higher number after each change."""
    headers = {"Content-Disposition": f'attachment; filename="session-{session_id}.ics"'}
    return Response(await calendar.of_session(db, viewer, session_id), 200, headers, CONTENT_TYPE)


@router.post("/sessions/calendar-url", summary="Make my calendar's address")
async def make_url(viewer: CurrentViewer, db: Write) -> CalendarUrl:
    """Make the private address of one's calendar, for calendar programs to follow.

    It is told this once. Made again, the old one leads nowhere.
    """
    return CalendarUrl(url=await calendar.make_url(db, viewer))


@router.delete("/sessions/calendar-url", status_code=204, summary="Drop my calendar's address")
async def drop_url(viewer: CurrentViewer, db: Write) -> None:
    """Let one's calendar be found nowhere any longer."""
    await calendar.drop_url(db, viewer)


@router.get(
    "/calendar/{token}.ics",
    response_class=Response,
    responses=AS_CALENDAR | problems(CalendarNotFound),
    dependencies=[limited_by_address("calendar", "120/minute")],
    summary="Follow a calendar",
)
async def follow(token: Token, db: Read) -> Response:
    """Somebody's sessions of the last 90 days and from now on, for whoever knows the address."""
    return Response(await calendar.of_token(db, token), 200, None, CONTENT_TYPE)
