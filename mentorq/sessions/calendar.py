"""Sessions as iCalendar (RFC 5545): one by one, and all of somebody's at an address that only they know.

An entry keeps its UID for ever, counts its changes in SEQUENCE, and stays as CANCELLED where it was once told of.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mentorq.accounts import queries as accounts
from mentorq.accounts.schemas import DELETED_NAME, Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.languages import Tongue
from mentorq.core.security import random_token, token_hash
from mentorq.mail_settings import sender_of
from mentorq.sessions import queries, service
from mentorq.sessions.errors import CalendarNotFound
from mentorq.sessions.states import Status
from mentorq.settings import Settings

if TYPE_CHECKING:
    import icalendar

CONTENT_TYPE = "text/calendar; charset=utf-8"
SHOWN_FOR = timedelta(days=90)
REFRESH = timedelta(minutes=15)
MOST = 1000
STATUSES = {
    Status.REQUESTED: "TENTATIVE",
    Status.ACCEPTED: "CONFIRMED",
    Status.LIVE: "CONFIRMED",
    Status.ENDED: "CONFIRMED",
}
"""How a calendar calls it; all that is not to be is CANCELLED."""


async def of_session(db: Read, viewer: Viewer, session_id: int) -> bytes:
    """One session as a file.

    Raises:
        SessionNotFound: there is none, or it is of others.
    """
    session = await service.one(db, viewer, session_id)
    person = await accounts.user(db, viewer.id)
    method = "PUBLISH" if session["status"] in STATUSES else "CANCEL"
    return _calendar(db.settings, method, [session], viewer.id, Tongue(person["language"] if person else "en"))


async def make_url(db: Write, viewer: Viewer) -> str:
    """A new private address of the viewer's calendar; one that there was before leads nowhere any longer."""
    token = random_token()
    await queries.put_calendar(db, viewer.id, token_hash(token))
    return f"{db.settings.public_url}/calendar/{token}.ics"


async def made_at(db: Read, viewer: Viewer) -> datetime | None:
    """Since when the viewer's calendar has its address; None: it has none."""
    made = await queries.calendar(db, viewer.id)
    return made["created_at"] if made else None


async def drop_url(db: Write, viewer: Viewer) -> None:
    """Have no such address any longer; again changes nothing."""
    await queries.drop_calendar(db, viewer.id)


async def of_token(db: Read, token: str) -> bytes:
    """What is, was lately, or was to be: of whoever made the address.

    Raises:
        CalendarNotFound: nobody did, or not any longer.
    """
    owner = await queries.owner_of_calendar(db, token_hash(token))
    if owner is None:
        raise CalendarNotFound
    sessions = await queries.in_calendar(db, owner["id"], owner["role"], now() - SHOWN_FOR, MOST)
    return _calendar(db.settings, "PUBLISH", sessions, owner["id"], Tongue(owner["language"]))


def _calendar(settings: Settings, method: str, sessions: Sequence[Row], user_id: int, tongue: Tongue) -> bytes:
    import icalendar  # noqa: PLC0415 (a laptop that only asks and answers need not wait for it)

    calendar = icalendar.Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", "-//MentorQ//MentorQ//EN")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    calendar.add("x-wr-calname", "MentorQ")
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT15M")
    for session in sessions:
        calendar.add_component(_event(icalendar.Event(), settings, session, user_id, tongue))
    content: bytes = calendar.to_ical()
    return content


def _event(
    event: "icalendar.Event", settings: Settings, session: Row, user_id: int, tongue: Tongue
) -> "icalendar.Event":
    organizer = sender_of(settings.mail_from)
    event.add("uid", f"session-{session['id']}@{urlsplit(settings.public_url).hostname}")
    event.add("sequence", session["sequence"])
    event.add("dtstamp", session["updated_at"])
    event.add("created", session["created_at"])
    event.add("last-modified", session["updated_at"])
    event.add("dtstart", session["starts_at"])
    event.add("dtend", session["ends_at"])
    event.add("summary", _summary(session, user_id, tongue))
    event.add("status", STATUSES.get(session["status"], "CANCELLED"))
    event.add("transp", "OPAQUE" if session["status"] in STATUSES else "TRANSPARENT")
    event.add("organizer", f"mailto:{organizer.address}", parameters={"CN": "MentorQ"})
    event.add("url", f"{settings.public_url}/app/sessions/{session['id']}")
    event.add("description", session["topic"] or _summary(session, user_id, tongue))
    return event


def _summary(session: Row, user_id: int, tongue: Tongue) -> str:
    other = "student" if user_id == session["mentor_id"] else "mentor"
    name = session[f"{other}_username"] or tongue.gettext(DELETED_NAME)
    text = tongue.gettext("Session with %(name)s") % {"name": name}
    return f"{text}: {session['topic']}" if session["topic"] else text
