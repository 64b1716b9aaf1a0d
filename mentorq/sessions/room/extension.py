"""More time: one asks, the other agrees."""

from datetime import timedelta

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Row, Write
from mentorq.sessions import queries as sessions
from mentorq.sessions import schedule
from mentorq.sessions.errors import ExtensionTooLong, SessionMoved, SessionNotFound, SessionNotLive
from mentorq.sessions.models import LONGEST_WITH_EXTENSIONS
from mentorq.sessions.room import queries
from mentorq.sessions.room.attendance import party_of
from mentorq.sessions.states import BOOKED

NO_QUESTION = {"asked_by": None, "asked_minutes": None}


async def ask(db: Write, session_id: int, viewer: Viewer, minutes: int) -> None:
    """Ask for so many minutes more. Where the other one asks already, this is the answer yes, to the other's minutes.

    Raises:
        SessionNotFound: there is none, or it is of others.
        SessionNotLive: it has not begun, or is over.
        ExtensionTooLong: it would take more than two hours.
        SlotTaken: one of the two has another session then.
    """
    session = await _held(db, session_id, viewer)
    party = party_of(session, viewer.id)
    agrees = session["asked_by"] not in (None, party)
    minutes = session["asked_minutes"] if agrees else minutes
    ends_at = session["ends_at"] + timedelta(minutes=minutes)
    if ends_at - session["starts_at"] > timedelta(minutes=LONGEST_WITH_EXTENSIONS):
        raise ExtensionTooLong
    if not agrees:
        for person in ("student_id", "mentor_id"):
            await schedule.require_free(db, session[person], (session["ends_at"], ends_at))
        await queries.change_room(db, session_id, {"asked_by": party, "asked_minutes": minutes})
        sessions.tell_rooms(db, session_id)
        return
    await sessions.hold(db, session["student_id"], session["mentor_id"])
    await queries.change_room(db, session_id, NO_QUESTION)
    if not await sessions.extend(db, session_id, session["ends_at"], ends_at):
        raise SessionMoved


async def drop(db: Write, session_id: int, viewer: Viewer) -> None:
    """Take the question back, or say: not now. Again changes nothing.

    Raises:
        SessionNotFound: there is none, or it is of others.
        SessionNotLive: it has not begun, or is over.
    """
    session = await _held(db, session_id, viewer)
    if session["asked_by"] is not None:
        await queries.change_room(db, session_id, NO_QUESTION)
        sessions.tell_rooms(db, session_id)


async def _held(db: Write, session_id: int, viewer: Viewer) -> Row:
    if await sessions.one(db, viewer, session_id) is None:
        raise SessionNotFound
    await queries.open_room(db, session_id)
    session = await queries.hold_room(db, session_id)
    assert session is not None
    has_begun = session["status"] in BOOKED and session["starts_at"] <= now()
    if not has_begun or session["ends_at"] <= now() - sessions.GRACE:
        raise SessionNotLive
    return session
