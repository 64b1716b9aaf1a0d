"""Who is told what when live sessions announce something. Of a session somebody has one unread line: the latest.

Jobs may run in another order than what they are about came true, so each looks whether it is still so.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mentorq.core.database import Read, Row, Write
from mentorq.core.events import on
from mentorq.notifications import queries
from mentorq.notifications.kinds import Kind
from mentorq.notifications.queries import L
from mentorq.notifications.telling import tell, withdraw_session
from mentorq.sessions.events import (
    SessionAccepted,
    SessionCancelled,
    SessionDeclined,
    SessionEnded,
    SessionMissed,
    SessionReminder,
    SessionRequested,
)
from mentorq.sessions.states import BOOKED, Status


async def _session(db: Read, session_id: int) -> Row | None:
    return await db.row(sa.select(L.c.status, L.c.sequence, L.c.awaits, L.c.missed_by).where(L.c.id == session_id))


async def _tell(
    db: Write, user_id: int, kind: Kind, session_id: int, starts_at: datetime, actor_id: int, key: str, **more: object
) -> None:
    data: dict[str, Any] = {"session_id": session_id, "starts_at": starts_at.isoformat().replace("+00:00", "Z")}
    await tell(
        db,
        user_id,
        kind,
        f"{kind} {session_id} {key}",
        session_id=session_id,
        actor_id=actor_id,
        thread=f"session {session_id}",
        data=data | more,
    )


@on(SessionRequested)
async def tell_whoever_is_asked(db: Write, event: SessionRequested) -> None:
    """Somebody is to answer; who offers another time has answered."""
    session = await _session(db, event.session_id)
    if session is None or (session["status"], session["sequence"]) != (Status.REQUESTED, event.sequence):
        return
    await withdraw_session(db, event.session_id, [event.actor_id])
    await _tell(
        db,
        event.asked_id,
        Kind.SESSION_REQUESTED,
        event.session_id,
        event.starts_at,
        event.actor_id,
        f"{event.sequence}",
        is_offer=event.is_offer,
    )


@on(SessionAccepted)
async def tell_whoever_asked(db: Write, event: SessionAccepted) -> None:
    """It is booked; who accepted it knows."""
    session = await _session(db, event.session_id)
    if session is None or session["status"] not in BOOKED:
        return
    await withdraw_session(db, event.session_id, [event.actor_id])
    await _tell(
        db,
        event.asker_id,
        Kind.SESSION_ACCEPTED,
        event.session_id,
        event.starts_at,
        event.actor_id,
        f"{event.sequence}",
    )


@on(SessionDeclined)
async def tell_of_refusal(db: Write, event: SessionDeclined) -> None:
    """It is not to be: the student hears it, or the mentor whose offer nobody answered."""
    await withdraw_session(db, event.session_id, [event.student_id, event.mentor_id])
    session = await _session(db, event.session_id)
    was_offer = event.is_expired and session is not None and session["awaits"] == "student"
    told, actor_id = (event.mentor_id, event.student_id) if was_offer else (event.student_id, event.mentor_id)
    kind = Kind.SESSION_DECLINED
    await _tell(db, told, kind, event.session_id, event.starts_at, actor_id, "", is_expired=event.is_expired)


@on(SessionCancelled)
async def tell_of_cancellation(db: Write, event: SessionCancelled) -> None:
    """The other one hears it; not of a wish that was taken back before anybody looked at it."""
    await withdraw_session(db, event.session_id, [event.actor_id, event.other_id])
    if event.was_booked or await queries.has_read_of(db, event.other_id, event.session_id):
        kind = Kind.SESSION_CANCELLED
        await _tell(db, event.other_id, kind, event.session_id, event.starts_at, event.actor_id, "")


@on(SessionReminder)
async def remind(db: Write, event: SessionReminder) -> None:
    """Both hear that it begins soon, unless it was cancelled in the meantime."""
    session = await _session(db, event.session_id)
    if session is None or session["status"] not in BOOKED:
        return
    for told, other in ((event.student_id, event.mentor_id), (event.mentor_id, event.student_id)):
        await _tell(
            db,
            told,
            Kind.SESSION_REMINDER,
            event.session_id,
            event.starts_at,
            other,
            f"{event.minutes}",
            minutes=event.minutes,
        )


@on(SessionMissed)
async def tell_of_absence(db: Write, event: SessionMissed) -> None:
    """Who waits hears that the other one did not come, and who did not come, that somebody waited; unless they came."""
    people = {"student": event.student_id, "mentor": event.mentor_id}
    session = await _session(db, event.session_id)
    if event.missed_by not in people or session is None or session["missed_by"] != event.missed_by:
        return
    for told in people.values():
        is_absent = told == people[event.missed_by]
        other = next(person for person in people.values() if person != told)
        await withdraw_session(db, event.session_id, [told])
        missed_by = "you" if is_absent else "they"
        kind = Kind.SESSION_CANCELLED
        await _tell(db, told, kind, event.session_id, event.starts_at, other, "missed", missed_by=missed_by)


@on(SessionEnded)
async def forget(db: Write, event: SessionEnded) -> None:
    """Nobody need be told any longer when it begins; that somebody did not come stays true."""
    await withdraw_session(db, event.session_id, [event.student_id, event.mentor_id], but=Kind.SESSION_CANCELLED)
