"""A mentor's hours, and what of them is free."""

from datetime import datetime, timedelta

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.errors import InvalidInput
from mentorq.mentors.errors import MentorNotFound
from mentorq.sessions import hours, queries
from mentorq.sessions.errors import MentorUnavailable, SlotTaken
from mentorq.sessions.schemas import Schedule, ScheduleChange, as_hours
from mentorq.sessions.states import BOOKED

USUAL_RANGE = timedelta(days=14)
LONGEST_RANGE = timedelta(days=62)
FARTHEST = timedelta(days=366)
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
    await queries.put_schedule(db, mentor.id, change.model_dump(mode="json"))
    return _as_schedule(change, is_set=True)


async def drop(db: Write, mentor: Viewer) -> None:
    """Have no hours any longer; again changes nothing."""
    await queries.drop_schedule(db, mentor.id)


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


async def _mentor(db: Read, mentor_id: int) -> Row:
    mentor = await queries.mentor(db, mentor_id)
    if mentor is None:
        raise MentorNotFound
    return mentor


async def require_time(db: Read, mentor_id: int, span: hours.Span, *, is_now: bool) -> None:
    """Look whether a mentor may be asked for a time: what is free is no promise, since accepting decides.

    Raises:
        MentorNotFound: there is no such mentor.
        MentorUnavailable: busy, away, or outside the mentor's hours.
        SlotTaken: the mentor has a session then.
    """
    mentor = await _mentor(db, mentor_id)
    if mentor["disabled_at"] is not None or (is_now and not mentor["is_available"]):
        raise MentorUnavailable
    schedule = None if mentor["weekly"] is None else as_hours(mentor)
    if schedule is not None and not _is_within_hours(schedule, span, is_now=is_now):
        raise MentorUnavailable
    taken = await queries.taken(db, mentor_id, span[0] - 2 * A_DAY, span[1] + 2 * A_DAY)
    if schedule is not None and schedule.day_of(span[0]) in hours.full_days(schedule, taken):
        raise MentorUnavailable("The mentor has as many sessions on that day as there should be.")
    await require_free(db, mentor_id, span, pause=schedule.buffer if schedule else timedelta(0))


def _is_within_hours(schedule: hours.Schedule, span: hours.Span, *, is_now: bool) -> bool:
    """Who is asked for "now" need only be there when it begins."""
    if is_now:
        return hours.is_open(schedule, (span[0], span[0] + hours.SECOND))
    return span[0] >= now() + schedule.minimum_notice and hours.is_open(schedule, span)


async def require_free(db: Read, person_id: int, span: hours.Span, *, pause: timedelta = timedelta(0)) -> None:
    """Look whether somebody has no session then.

    Raises:
        SlotTaken: there is one.
    """
    if await queries.taken(db, person_id, span[0] - pause, span[1] + pause, BOOKED):
        raise SlotTaken
