"""Who came, and who did not: noted down when somebody enters, looked at ten minutes after the beginning."""

from datetime import datetime, timedelta

from mentorq.core.clock import now
from mentorq.core.database import Row, Write
from mentorq.core.events import emit
from mentorq.sessions import queries as sessions
from mentorq.sessions.events import SessionMissed
from mentorq.sessions.room import queries
from mentorq.sessions.states import BOOKED, Status

EARLY = timedelta(minutes=10)
"""Who enters longer before the beginning prepares something, and has not come yet."""
LATE = timedelta(minutes=10)


def party_of(session: Row, user_id: int) -> str:
    """Which of the two somebody is."""
    return "mentor" if user_id == session["mentor_id"] else "student"


def is_to_note(session: Row, user_id: int) -> bool:
    """Whether there is something to write down about somebody who is there now."""
    party = party_of(session, user_id)
    has_come = session[f"{party}_came_at"] is not None
    return session["opened_at"] is None or (not has_come and session["starts_at"] - EARLY <= now())


async def came(db: Write, session_id: int, user_id: int) -> None:
    """Somebody is there: the room is made if need be. Who comes late was missed, and is so no longer."""
    await queries.open_room(db, session_id)
    session = await queries.hold_room(db, session_id)
    if session is None or session["status"] not in BOOKED or not is_to_note(session, user_id):
        return
    party = party_of(session, user_id)
    await queries.change_room(db, session_id, {f"{party}_came_at": now()})
    if session["missed_by"] is not None:
        other = "student" if party == "mentor" else "mentor"
        await sessions.mark_missed(db, session_id, other if session["missed_by"] == "both" else None)


async def note_missing(db: Write, limit: int) -> list[Row]:
    """Mark those who have not come ten minutes after the beginning; returns the sessions, as they are then."""
    marked = []
    for found in await queries.unattended(db, now() - LATE, limit):
        session = await queries.hold_room(db, found["id"])
        missing = _missing(session) if session is not None else []
        if session is None or session["status"] != Status.LIVE or session["missed_by"] is not None or not missing:
            continue
        missed_by = session["missed_by"] = "both" if len(missing) == 2 else missing[0]
        await sessions.mark_missed(db, session["id"], missed_by)
        people = session["student_id"], session["mentor_id"]
        await emit(db, SessionMissed(session["id"], *people, session["starts_at"], missed_by))
        marked.append(session)
    return marked


def _missing(session: Row) -> list[str]:
    return [party for party in ("student", "mentor") if session[f"{party}_came_at"] is None]


async def next_look(db: Write) -> datetime | None:
    """When to look for those who are missing."""
    first = await queries.next_unattended(db)
    return first + LATE if first else None
