"""What may happen to a session, in the order of its life. Each function is one transition of `states.LIFE`."""

from datetime import datetime, timedelta
from typing import Any

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Row, Write
from mentorq.core.errors import DomainError, InvalidInput
from mentorq.core.events import emit
from mentorq.core.jobs import task
from mentorq.mentors.errors import MentorNotFound
from mentorq.sessions import events, policy, queries, schedule
from mentorq.sessions.errors import SessionMoved
from mentorq.sessions.hours import Span
from mentorq.sessions.models import SHORTEST_MINUTES
from mentorq.sessions.queries import S
from mentorq.sessions.room import attendance
from mentorq.sessions.schemas import NewSession, Offer
from mentorq.sessions.states import Action, Status
from mentorq.tickets import service as tickets

ANSWER_NOW = timedelta(minutes=10)
ANSWER_BEFORE = timedelta(hours=1)
SWEEP_EVERY = timedelta(seconds=15)
SWEEP_AT_ONCE = 200
REMINDERS = (timedelta(hours=24), timedelta(minutes=10))
THE_OTHER = {"mentor": "student", "student": "mentor"}


async def request(db: Write, student: Viewer, wish: NewSession) -> Row:
    """Wish for a session, now or at a time. It takes nobody's time until it is accepted.

    Raises:
        MentorNotFound: there is no such mentor.
        TicketNotFound, NotYours: the ticket is not the student's own.
        InvalidInput: the time is over, or too far away.
        MentorUnavailable: busy, away, or outside the mentor's hours.
        SlotTaken: one of the two has a session then.
    """
    moment = now()
    span = _span(wish.starts_at, wish.duration_minutes or SHORTEST_MINUTES, moment)
    if not await queries.keep_mentor(db, wish.mentor_id):
        raise MentorNotFound
    if wish.ticket_id is not None:
        await tickets.owned(db, student, wish.ticket_id)
    await schedule.require_time(db, wish.mentor_id, span, is_now=wish.starts_at is None)
    await schedule.require_free(db, student.id, span)
    people = {"student_id": student.id, "mentor_id": wish.mentor_id, "ticket_id": wish.ticket_id}
    asked = people | _times(span, moment) | {"topic": wish.topic or "", "is_now": wish.starts_at is None}
    session = await queries.add(db, asked)
    await _announce_request(db, session, "student")
    return await _whole(db, session["id"])


def _span(starts_at: datetime | None, minutes: int, moment: datetime) -> Span:
    begin = starts_at or moment
    if begin < moment:
        raise InvalidInput.of("/starts_at", "This time is over already.")
    if begin > moment + schedule.FARTHEST:
        raise InvalidInput.of("/starts_at", f"Choose a time within the next {schedule.FARTHEST.days} days.")
    return begin, begin + timedelta(minutes=minutes)


def _times(span: Span, moment: datetime) -> dict[str, Any]:
    """When it would be, and until when it may be accepted: an hour before, but there is always time to answer."""
    begin, end = span
    soon = moment + ANSWER_NOW
    expires_at = soon if begin <= moment else max(begin - ANSWER_BEFORE, min(soon, begin))
    minutes = int((end - begin) / timedelta(minutes=1))
    return {"starts_at": begin, "ends_at": end, "duration_minutes": minutes, "expires_at": expires_at}


async def offer(db: Write, session_id: int, mentor: Viewer, wish: Offer) -> Row:
    """Offer another time instead: now the student is asked. What the mentor offers may lie outside the hours.

    Raises:
        SessionNotFound, NotYourTurn, SessionNotRequested: see `policy.refusal`.
        InvalidInput: the time is over, or too far away.
        SlotTaken: one of the two has a session then.
    """
    moment = now()
    before = await _allowed(db, session_id, mentor, Action.OFFER)
    span = _span(wish.starts_at, wish.duration_minutes or before["duration_minutes"], moment)
    for person in ("mentor_id", "student_id"):
        await schedule.require_free(db, before[person], span)
    changes = _times(span, moment) | {"awaits": "student", "is_now": False}
    session = await queries.move(
        db, session_id, Action.OFFER, changes, S.c.mentor_id == mentor.id, S.c.expires_at > moment
    )
    if session is None:
        raise await _why_not(db, session_id, mentor, Action.OFFER)
    await _announce_request(db, session, "mentor")
    return await _whole(db, session_id)


async def _announce_request(db: Write, session: Row, asker: str) -> None:
    actor_id, asked_id = session[f"{asker}_id"], session[f"{THE_OTHER[asker]}_id"]
    is_offer = asker == "mentor"
    await emit(
        db,
        events.SessionRequested(session["id"], actor_id, asked_id, session["starts_at"], session["sequence"], is_offer),
    )


async def accept(db: Write, session_id: int, viewer: Viewer) -> Row:
    """Book it for both. Of any number of overlapping sessions of one person that are accepted at once, one is.

    Raises:
        SessionNotFound, NotYourTurn, AwaitsTheOther, SessionNotRequested: see `policy.refusal`.
        SlotTaken: one of the two has a session then.
    """
    before = await _allowed(db, session_id, viewer, Action.ACCEPT)
    await queries.hold(db, before["student_id"], before["mentor_id"])
    moment = now()
    begin = moment if before["is_now"] else before["starts_at"]
    span = begin, begin + timedelta(minutes=before["duration_minutes"])
    asked = "mentor" if viewer.id == before["mentor_id"] else "student"
    session = await queries.move(
        db,
        session_id,
        Action.ACCEPT,
        {"starts_at": span[0], "ends_at": span[1], "answered_at": moment},
        S.c.awaits == asked,
        S.c.version == before["version"],  # of the time that was looked at: another one is another offer
        S.c.expires_at > moment,
    )
    if session is None:
        raise await _why_not(db, session_id, viewer, Action.ACCEPT)
    asker_id = session[f"{THE_OTHER[asked]}_id"]
    await emit(db, events.SessionAccepted(session_id, viewer.id, asker_id, session["starts_at"], session["sequence"]))
    return await _whole(db, session_id)


async def decline(db: Write, session_id: int, mentor: Viewer, reason: str | None) -> Row:
    """It is not to be.

    Raises:
        SessionNotFound, NotYourTurn, SessionNotRequested: see `policy.refusal`.
    """
    moment = now()
    session = await queries.move(
        db,
        session_id,
        Action.DECLINE,
        {"reason": reason, "answered_at": moment},
        S.c.mentor_id == mentor.id,
        S.c.expires_at > moment,
    )
    if session is None:
        raise await _why_not(db, session_id, mentor, Action.DECLINE)
    await _announce_decline(db, session, is_expired=False)
    return await _whole(db, session_id)


async def _announce_decline(db: Write, session: Row, *, is_expired: bool) -> None:
    people = session["student_id"], session["mentor_id"]
    await emit(db, events.SessionDeclined(session["id"], *people, session["starts_at"], is_expired))


async def cancel(db: Write, session_id: int, viewer: Viewer, reason: str | None) -> Row:
    """Either of the two cannot, or need not, after all.

    Raises:
        SessionNotFound, SessionOver: see `policy.refusal`.
    """
    before = await _allowed(db, session_id, viewer, Action.CANCEL)
    session = await queries.move(db, session_id, Action.CANCEL, {"reason": reason}, S.c.version == before["version"])
    if session is None:  # it was answered at this moment
        before = await _allowed(db, session_id, viewer, Action.CANCEL)
        session = await queries.move(db, session_id, Action.CANCEL, {"reason": reason})
    if session is None:
        raise await _why_not(db, session_id, viewer, Action.CANCEL)
    was_booked = before["status"] == Status.ACCEPTED
    other_id = session["mentor_id"] if viewer.id == session["student_id"] else session["student_id"]
    await emit(db, events.SessionCancelled(session_id, viewer.id, other_id, session["starts_at"], was_booked))
    return await _whole(db, session_id)


async def end(db: Write, session_id: int, viewer: Viewer) -> Row:
    """Either of the two has had enough.

    Raises:
        SessionNotFound, SessionNotLive: see `policy.refusal`.
    """
    await _allowed(db, session_id, viewer, Action.END)
    if not await _end(db, session_id, Action.END, S.c.starts_at <= now()):
        raise await _why_not(db, session_id, viewer, Action.END)
    return await _whole(db, session_id)


async def _end(db: Write, session_id: int, action: Action, *conditions: Any) -> bool:
    changes = {"ended_at": now(), "started_at": queries.begun_at()}
    session = await queries.move(db, session_id, action, changes, *conditions)
    if session is None:
        return False
    await emit(db, events.SessionEnded(session_id, session["student_id"], session["mentor_id"]))
    return True


@task("sessions.sweep", every=SWEEP_EVERY)
async def sweep(db: Write, _: dict[str, Any]) -> datetime | None:
    """The clock's part: begin, end, expire, remind. Returns when to look next."""
    done = [await _begin_all(db), await _finish_all(db), await _expire_all(db), await _miss_all(db)]
    done += [await _remind_all(db, number, before) for number, before in enumerate(REMINDERS, 1)]
    if SWEEP_AT_ONCE in done:
        return now()
    due = await queries.next_due(db, REMINDERS), await attendance.next_look(db)
    return min((moment for moment in due if moment is not None), default=None)


async def _begin_all(db: Write) -> int:
    due = await queries.begun(db, SWEEP_AT_ONCE)
    await queries.hold(db, *(session[person] for session in due for person in ("student_id", "mentor_id")))
    for session in due:
        await queries.move(db, session["id"], Action.BEGIN, {"started_at": now()}, S.c.starts_at <= now())
    return len(due)


async def _finish_all(db: Write) -> int:
    due = await queries.over(db, SWEEP_AT_ONCE)
    for session_id in due:
        await _end(db, session_id, Action.FINISH, S.c.ends_at <= now() - queries.GRACE)
    return len(due)


async def _expire_all(db: Write) -> int:
    due = await queries.unanswered(db, SWEEP_AT_ONCE)
    for session_id in due:
        session = await queries.move(db, session_id, Action.EXPIRE, {}, S.c.expires_at <= now())
        if session is not None:
            await _announce_decline(db, session, is_expired=True)
    return len(due)


async def _miss_all(db: Write) -> int:
    """Who waits may go on waiting; where nobody came, both have their time back."""
    missed = await attendance.note_missing(db, SWEEP_AT_ONCE)
    for session in missed:
        if session["missed_by"] == "both":
            await _end(db, session["id"], Action.FINISH)
    return len(missed)


async def _remind_all(db: Write, number: int, before: timedelta) -> int:
    """Who has just agreed on a time so near need not be reminded of it."""
    due = await queries.remind(db, number, before, SWEEP_AT_ONCE)
    for session in due:
        if session["answered_at"] <= session["starts_at"] - before:
            people = session["student_id"], session["mentor_id"]
            minutes = int(before / timedelta(minutes=1))
            await emit(db, events.SessionReminder(session["id"], *people, session["starts_at"], minutes))
    return len(due)


async def let_go(db: Write, user_id: int) -> None:
    """Somebody leaves for good: what was wished for or booked is cancelled, what goes on ends."""
    for session_id in await queries.open_of(db, user_id):
        if not await _end(db, session_id, Action.FINISH):
            await cancel(db, session_id, Viewer(user_id, "", "", 0), None)


async def _allowed(db: Write, session_id: int, viewer: Viewer, action: Action) -> Row:
    session = await queries.bare(db, session_id)
    if refused := policy.refusal(viewer, action, session):
        raise refused
    assert session is not None
    return session


async def _why_not(db: Write, session_id: int, viewer: Viewer, action: Action) -> DomainError:
    """Why a conditional UPDATE found nothing: the precise error."""
    return policy.refusal(viewer, action, await queries.bare(db, session_id)) or SessionMoved()


async def _whole(db: Write, session_id: int) -> Row:
    session = await queries.whole(db, session_id)
    assert session is not None
    return session
