"""A mentor's hours, and what of them is free."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mentorq.accounts.availability import is_active
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.errors import DomainError, InvalidInput
from mentorq.core.events import emit
from mentorq.mentors.errors import MentorNotFound
from mentorq.sessions import hours, queries
from mentorq.sessions.errors import DayFull, MentorUnavailable, SlotTaken
from mentorq.sessions.events import ScheduleChanged
from mentorq.sessions.models import SHORTEST_MINUTES
from mentorq.sessions.schemas import Schedule, ScheduleChange, as_hours
from mentorq.sessions.states import BOOKED

USUAL_RANGE = timedelta(days=14)
LONGEST_RANGE = timedelta(days=62)
FARTHEST = timedelta(days=180)
"""How far ahead one may ask for a session."""

A_DAY = timedelta(days=1)


async def get(db: Read, mentor: Viewer) -> Schedule:
    """The mentor's own hours; none yet is no error."""
    row = await queries.schedule(db, mentor.id)
    if row is None:
        return _as_schedule(ScheduleChange(time_zone=mentor.time_zone, weekly=[]), is_set=False)
    del row["mentor_id"], row["updated_at"]
    return Schedule(is_set=True, **row)


async def put(db: Write, mentor: Viewer, change: ScheduleChange) -> Schedule:
    """Replace the mentor's hours. What is booked stays booked."""
    moment = now()
    before = await _free_soon(db, mentor.id, moment)
    await queries.put_schedule(db, mentor.id, change.model_dump(mode="json"))
    opened = hours.opened(before, await _free_soon(db, mentor.id, moment))
    minutes = len(opened) * int(hours.GRID / timedelta(minutes=1))
    await emit(db, ScheduleChanged(mentor.id, minutes, opened[0][0] if opened else None))
    return _as_schedule(change, is_set=True)


async def _free_soon(db: Read, mentor_id: int, moment: datetime) -> list[hours.Span]:
    """The quarters of an hour that can be booked within the usual range, in order."""
    row = await _mentor(db, mentor_id)
    if row["weekly"] is None:
        return []
    end = moment + USUAL_RANGE
    taken = await queries.taken(db, mentor_id, moment - 2 * A_DAY, end + 2 * A_DAY)
    return hours.slots(as_hours(row), moment, end, hours.GRID, taken, moment)


async def drop(db: Write, mentor: Viewer) -> None:
    """Have no hours any longer; again changes nothing."""
    if await queries.drop_schedule(db, mentor.id):
        await emit(db, ScheduleChanged(mentor.id, 0, None))


async def has_hours(db: Write, mentor_id: int) -> bool:
    """Whether a mentor has any; nobody takes them away before this transaction ends."""
    row = await queries.kept_schedule(db, mentor_id)
    return row is not None and bool(row["weekly"] or row["exceptions"])


def _as_schedule(change: ScheduleChange, *, is_set: bool) -> Schedule:
    return Schedule(is_set=is_set, **change.model_dump())


async def slots(
    db: Read, mentor_id: int, begin: datetime | None, end: datetime | None, minutes: int
) -> tuple[Row, list[hours.Span]]:
    """The mentor, and what is free between two moments.

    Raises:
        MentorNotFound: there is no such mentor.
        InvalidInput: the range is empty or too long.
    """
    moment = now()
    begin = max(begin or moment, moment)
    end = end or begin + USUAL_RANGE if begin <= moment + FARTHEST else begin
    if end - begin > LONGEST_RANGE:
        raise InvalidInput.of("/to", f"Ask for at most {LONGEST_RANGE.days} days at once.")
    mentor = await _mentor(db, mentor_id)
    end = min(end, moment + FARTHEST)
    if mentor["weekly"] is None or mentor["disabled_at"] is not None or begin >= end:
        return mentor, []
    schedule = as_hours(mentor)
    taken = await queries.taken(db, mentor_id, begin - 2 * A_DAY, end + 2 * A_DAY)
    return mentor, hours.slots(schedule, begin, end, timedelta(minutes=minutes), taken, moment)


async def preview(db: Read, mentor: Viewer, change: ScheduleChange) -> list[hours.Span]:
    """What would be free within the next two weeks if these were the mentor's hours."""
    moment = now()
    end = moment + USUAL_RANGE
    taken = await queries.taken(db, mentor.id, moment - 2 * A_DAY, end + 2 * A_DAY)
    schedule = as_hours(change.model_dump(mode="json"))
    return hours.slots(schedule, moment, end, timedelta(minutes=SHORTEST_MINUTES), taken, moment)


async def _mentor(db: Read, mentor_id: int) -> Row:
    mentors = await queries.mentors(db, [mentor_id])
    if mentor_id not in mentors:
        raise MentorNotFound
    return mentors[mentor_id]


async def require_time(db: Read, mentor_id: int, span: hours.Span, *, is_now: bool) -> None:
    """Look whether a mentor may be asked for a time: what is free is no promise, since accepting decides.

    Raises:
        MentorNotFound: there is no such mentor.
        MentorUnavailable: busy, away, or outside the mentor's hours.
        SlotTaken: the mentor has a session then.
    """
    mentor = await _mentor(db, mentor_id)
    held = await queries.held(db, [mentor_id], span[0] - 2 * A_DAY, span[1] + 2 * A_DAY)
    if refused := _refusal(mentor, span, held, is_now=is_now):
        raise refused


async def free_now(db: Read, student: Viewer, mentor_ids: Sequence[int]) -> list[int]:
    """Which of some mentors are here and may be asked for a session at once, in the same order; none while the student
    has one. Who asks all the same for one who is available, but was not seen lately, may: a telephone can bring them.
    """
    if not mentor_ids:
        return []
    moment = now()
    span = moment, moment + timedelta(minutes=SHORTEST_MINUTES)
    mentors = await queries.mentors(db, mentor_ids)
    held = await queries.held(db, [*mentor_ids, student.id], span[0] - 2 * A_DAY, span[1] + 2 * A_DAY)
    if _is_booked(student.id, span, held):
        return []
    there = [one for one in mentor_ids if one in mentors and is_active(mentors[one]["last_seen_at"])]
    return [mentor_id for mentor_id in there if not _refusal(mentors[mentor_id], span, held, is_now=True)]


def _refusal(mentor: Row, span: hours.Span, held: Sequence[Row], *, is_now: bool) -> DomainError | None:
    """Why a mentor cannot be asked for a time; `held` are sessions of two days around it, of others, too."""
    if mentor["disabled_at"] is not None or (is_now and not mentor["is_available"]):
        return MentorUnavailable()
    if mentor["weekly"] is None:
        return SlotTaken() if _is_booked(mentor["id"], span, held) else None
    schedule = as_hours(mentor)
    if not _is_within_hours(schedule, span, is_now=is_now):
        return MentorUnavailable()
    mine = [(row["starts_at"], row["ended_at"] or row["ends_at"]) for row in held if _is_of(mentor["id"], row)]
    if schedule.day_of(span[0]) in hours.full_days(schedule, mine):
        return DayFull()
    padded = span[0] - schedule.buffer, span[1] + schedule.buffer
    return SlotTaken() if _is_booked(mentor["id"], padded, held) else None


def _is_of(person_id: int, session: Row) -> bool:
    return person_id in (session["mentor_id"], session["student_id"])


def _is_booked(person_id: int, span: hours.Span, held: Sequence[Row]) -> bool:
    booked = [row for row in held if row["status"] in BOOKED and _is_of(person_id, row)]
    return any(row["starts_at"] < span[1] and row["ends_at"] > span[0] for row in booked)


def _is_within_hours(schedule: hours.Schedule, span: hours.Span, *, is_now: bool) -> bool:
    """Who is asked for "now" need only be there when it begins."""
    if is_now:
        return hours.is_open(schedule, (span[0], span[0] + hours.SECOND))
    return span[0] >= now() + schedule.minimum_notice and hours.is_open(schedule, span)


async def require_free(db: Read, person_id: int, span: hours.Span) -> None:
    """Look whether somebody has no session then.

    Raises:
        SlotTaken: there is one.
    """
    if await queries.taken(db, person_id, *span, BOOKED):
        raise SlotTaken
