"""Every statement about live sessions."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from mentorq.accounts.availability import is_available
from mentorq.accounts.models import Role, UserRow
from mentorq.accounts.queries import public_columns
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.pagination import Keyset, beyond
from mentorq.sessions.errors import SlotTaken
from mentorq.sessions.hours import Span
from mentorq.sessions.models import LONGEST_WITH_EXTENSIONS, CalendarRow, ScheduleRow, SessionRow, in_state
from mentorq.sessions.policy import visible_to
from mentorq.sessions.room.models import RoomRow
from mentorq.sessions.states import BOOKED, HELD, OVER, TRANSITIONS, Action, Status

S = SessionRow.__table__
H = ScheduleRow.__table__
R = RoomRow.__table__
U = UserRow.__table__
LONGEST = timedelta(minutes=LONGEST_WITH_EXTENSIONS)
GRACE = timedelta(seconds=30)
"""How long after its end one may still finish a sentence."""

OVERLAP = "ex_sessions_"
"""What the constraints are called, or the triggers, that allow no overlap."""

UNSWEPT = timedelta(days=1)
"""What began longer ago than this is over, or the clock has been standing still for a day."""

BOOKINGS = 0x535E << 48
"""The advisory locks of PostgreSQL that are about people's bookings: with the person's id."""

ROOMS = "rooms"
"""Hints on the bus: the session whose state, or whose room, has changed."""

CALENDARS_SEE = {Action.OFFER, Action.ACCEPT, Action.DECLINE, Action.EXPIRE, Action.CANCEL}
"""What changes an entry in a calendar."""


# --- hours


async def schedule(db: Read, mentor_id: int) -> Row | None:
    """A mentor's hours."""
    return await db.row(sa.select(H).where(H.c.mentor_id == mentor_id))


async def kept_schedule(db: Write, mentor_id: int) -> Row | None:
    """`schedule`, and nobody changes it before this transaction ends."""
    return await db.row(sa.select(H).where(H.c.mentor_id == mentor_id).with_for_update(read=True))


async def put_schedule(db: Write, mentor_id: int, values: dict[str, Any]) -> None:
    values = values | {"updated_at": now()}
    await db.execute(
        db.insert(ScheduleRow)
        .values(mentor_id=mentor_id, **values)
        .on_conflict_do_update(index_elements=["mentor_id"], set_=values)
    )


async def drop_schedule(db: Write, mentor_id: int) -> bool:
    return (await db.execute(sa.delete(ScheduleRow).where(H.c.mentor_id == mentor_id))).rowcount > 0


async def mentors(db: Read, mentor_ids: Collection[int]) -> dict[int, Row]:
    """Mentors who are there, with their hours, by id; `weekly` is null where there are none."""
    hours = [column for column in H.c if column.name not in ("time_zone", "updated_at")]
    rows = await db.rows(
        sa.select(
            U.c.id, is_available(U).label("is_available"), U.c.last_seen_at, U.c.disabled_at, *hours,
            sa.func.coalesce(H.c.time_zone, U.c.time_zone).label("time_zone"),
        )
        .select_from(U.outerjoin(H, H.c.mentor_id == U.c.id))
        .where(U.c.id.in_(mentor_ids), U.c.role == Role.MENTOR, U.c.deleted_at.is_(None))
    )  # fmt: skip
    return {row["id"]: row for row in rows}


async def held(db: Read, people: Collection[int], begin: datetime, end: datetime) -> list[Row]:
    """What any of some people have booked between two moments, and what they held."""
    return await db.rows(
        sa.select(S.c.student_id, S.c.mentor_id, S.c.status, S.c.starts_at, S.c.ends_at, S.c.ended_at).where(
            sa.or_(S.c.mentor_id.in_(people), S.c.student_id.in_(people)),
            in_state(*HELD),
            S.c.starts_at < end,
            S.c.starts_at > begin - LONGEST,
            S.c.ends_at > begin,
        )
    )


async def taken(
    db: Read, person_id: int, begin: datetime, end: datetime, statuses: Collection[Status] = HELD
) -> list[Span]:
    """When somebody's sessions between two moments are, or were."""
    rows = await db.rows(
        sa.select(S.c.starts_at, S.c.ends_at, S.c.ended_at).where(
            sa.or_(S.c.mentor_id == person_id, S.c.student_id == person_id),
            in_state(*statuses),
            S.c.starts_at < end,
            S.c.starts_at > begin - LONGEST,  # what began before that is over: an index is read from there only
            S.c.ends_at > begin,
        )
    )
    return [(row["starts_at"], row["ended_at"] or row["ends_at"]) for row in rows]


# --- sessions

STUDENT, MENTOR = U.alias("student"), U.alias("mentor")
SESSIONS = sa.select(
    *S.c,
    R.c.asked_by,
    R.c.asked_minutes,
    *(c for c in public_columns(STUDENT, "student_") if c.name != "student_id"),
    *(c for c in public_columns(MENTOR, "mentor_") if c.name != "mentor_id"),
    STUDENT.c.time_zone.label("student_time_zone"),
    MENTOR.c.time_zone.label("mentor_time_zone"),
).select_from(
    S.join(STUDENT, STUDENT.c.id == S.c.student_id)
    .join(MENTOR, MENTOR.c.id == S.c.mentor_id)
    .outerjoin(R, R.c.session_id == S.c.id)
)
"""A session's row with its two people, where they are, and who asks for more time: what `schemas.as_session` needs."""


async def one(db: Read, viewer: Viewer, session_id: int) -> Row | None:
    """A session that `viewer` may see."""
    return await db.row(SESSIONS.where(S.c.id == session_id, visible_to(viewer)))


async def bare(db: Read, session_id: int) -> Row | None:
    """A session's own columns, whoever asks: to find out why something is refused."""
    return await db.row(sa.select(S).where(S.c.id == session_id))


async def whole(db: Read, session_id: int) -> Row | None:
    """A session with its people, whoever asks: for those whom a transition has just let through."""
    return await db.row(SESSIONS.where(S.c.id == session_id))


async def page(
    db: Read,
    viewer: Viewer,
    keyset: Keyset,
    statuses: Collection[Status],
    begin: datetime | None,
    end: datetime | None,
) -> list[Row]:
    """The viewer's sessions, newest first: when one begins may change while somebody pages through them."""
    statement = SESSIONS.where(visible_to(viewer))
    if statuses:
        statement = statement.where(in_state(*statuses))
    if begin is not None:
        statement = statement.where(S.c.ends_at > begin)
    if end is not None:
        statement = statement.where(S.c.starts_at < end)
    if keyset.after:
        statement = statement.where(S.c.id < keyset.after[0])
    return await db.rows(statement.order_by(S.c.id.desc()).limit(keyset.limit + 1))


async def past(db: Read, viewer: Viewer, keyset: Keyset) -> list[Row]:
    """The viewer's sessions that are over, those that began last first."""
    statement = SESSIONS.where(visible_to(viewer), in_state(*OVER))
    if keyset.after:
        statement = statement.where(beyond([S.c.starts_at, S.c.id], keyset.after, descending=True))
    return await db.rows(statement.order_by(S.c.starts_at.desc(), S.c.id.desc()).limit(keyset.limit + 1))


def _not_over(viewer: Viewer) -> list[sa.ColumnElement[bool]]:
    moment = now()
    waits = sa.and_(in_state(Status.REQUESTED), S.c.expires_at > moment)
    return [visible_to(viewer), S.c.starts_at > moment - UNSWEPT, sa.or_(in_state(*BOOKED), waits)]


async def going(db: Read, viewer: Viewer, limit: int) -> list[Row]:
    """The viewer's requests that can be answered, and what is booked or goes on; those that begin first first."""
    statement = SESSIONS.where(*_not_over(viewer)).order_by(S.c.starts_at, S.c.id)
    return await db.rows(statement.limit(limit))


async def count_awaiting(db: Read, viewer: Viewer, asked: str, most: int) -> int:
    """How many requests wait for the viewer's answer; counted no further than `most`."""
    waits = (*_not_over(viewer), in_state(Status.REQUESTED), S.c.awaits == asked)
    few = sa.select(S.c.id).where(*waits).limit(most).subquery()
    return int(await db.scalar(sa.select(sa.func.count()).select_from(few)) or 0)


async def add(db: Write, values: dict[str, Any]) -> Row:
    moment = now()
    created = await db.row(
        sa.insert(SessionRow)
        .values(status=Status.REQUESTED, awaits="mentor", created_at=moment, updated_at=moment, **values)
        .returning(S)
    )
    assert created is not None
    return created


async def keep_mentor(db: Write, mentor_id: int) -> bool:
    """Whether there is such a mentor, who then does not leave before this transaction ends."""
    there = sa.select(U.c.id).where(U.c.id == mentor_id, U.c.role == Role.MENTOR, U.c.deleted_at.is_(None))
    return await db.scalar(there.with_for_update(read=True, key_share=True)) is not None


async def move(db: Write, session_id: int, action: Action, changes: dict[str, Any], *conditions: Any) -> Row | None:
    """Do a transition: one conditional UPDATE decides every race. None where it is not allowed now.

    Raises:
        SlotTaken: one of the two has another session then: the database itself allows no overlap.
    """
    transition = TRANSITIONS[action]
    always = {"status": transition.target, "version": SessionRow.version + 1, "updated_at": now()}
    if action in CALENDARS_SEE:
        always["sequence"] = SessionRow.sequence + 1
    statement = sa.update(SessionRow).where(SessionRow.id == session_id, in_state(*transition.sources), *conditions)
    moved = await _without_overlap(db, statement.values(always | changes).returning(S))
    if moved is not None:
        tell_rooms(db, session_id)
    return moved


async def extend(db: Write, session_id: int, before: datetime, ends_at: datetime) -> bool:
    """Let a session that has begun end later; False where it has ended, or its end is not `before` any longer.

    Raises:
        SlotTaken: one of the two has another session then.
    """
    later = sa.update(SessionRow).where(S.c.id == session_id, in_state(*BOOKED), S.c.ends_at == before)
    changes = {"ends_at": ends_at, "version": S.c.version + 1, "sequence": S.c.sequence + 1, "updated_at": now()}
    extended = await _without_overlap(db, later.values(changes).returning(S.c.id)) is not None
    if extended:
        tell_rooms(db, session_id)
    return extended


async def _without_overlap(db: Write, statement: sa.Executable) -> Row | None:
    try:
        return await db.row(statement)
    except IntegrityError as error:
        if OVERLAP in str(error.orig):
            raise SlotTaken from None
        raise


async def mark_missed(db: Write, session_id: int, missed_by: str | None) -> None:
    """Note down who did not come; None: nobody is missing any longer."""
    changes = {"missed_by": missed_by, "version": S.c.version + 1, "updated_at": now()}
    await db.execute(sa.update(SessionRow).where(S.c.id == session_id).values(changes))
    tell_rooms(db, session_id)


def tell_rooms(db: Write, session_id: int) -> None:
    """Whoever is in the room, in whatever process, gets to know that something has changed."""
    db.after_commit(lambda: db.database.bus.publish(ROOMS, str(session_id)))


def begun_at() -> sa.ColumnElement[datetime]:
    """When it became live; of one that ends before the clock has seen it begin, when it was to begin."""
    return sa.func.coalesce(S.c.started_at, S.c.starts_at)


async def hold(db: Write, *people: int) -> None:
    """Let nobody else book these people before this transaction ends.

    The database would allow no overlap all the same; but two bookings that each wait to see what becomes of the other
    would end as a deadlock, and not as what they are. In the order of ids, for the same reason. SQLite has one writer.
    """
    if db.dialect == "postgresql":
        for person_id in sorted(set(people)):
            await db.execute(sa.select(sa.func.pg_advisory_xact_lock(BOOKINGS | person_id)))


# --- the clock


async def begun(db: Read, limit: int) -> list[Row]:
    """Booked sessions whose time has come."""
    due = sa.select(S.c.id, S.c.student_id, S.c.mentor_id).where(in_state(Status.ACCEPTED), S.c.starts_at <= now())
    return await db.rows(due.order_by(S.c.starts_at).limit(limit))


async def over(db: Write, limit: int) -> list[int]:
    """Sessions whose time is over, and the moment after it; locked together, but for those that somebody moves now."""
    return await _due(db, Status.LIVE, S.c.ends_at, limit, GRACE)


async def unanswered(db: Write, limit: int) -> list[int]:
    """Requests that nobody answered in time, locked likewise."""
    return await _due(db, Status.REQUESTED, S.c.expires_at, limit)


async def _due(
    db: Write, status: Status, column: sa.ColumnElement[datetime], limit: int, grace: timedelta = timedelta(0)
) -> list[int]:
    due = sa.select(S.c.id).where(in_state(status), column <= now() - grace).order_by(column).limit(limit)
    return await db.scalars(due.with_for_update(skip_locked=True, key_share=True))


async def remind(db: Write, number: int, before: timedelta, limit: int) -> list[Row]:
    """Note down that a reminder goes out: for sessions that begin within `before`, and were booked before that."""
    moment = now()
    due = (
        sa.select(S.c.id)
        .where(
            in_state(Status.ACCEPTED), S.c.starts_at > moment, S.c.starts_at <= moment + before, S.c.reminded < number
        )
        .order_by(S.c.starts_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    ids = await db.scalars(due)
    if not ids:
        return []
    return await db.rows(
        sa.update(SessionRow)
        .where(S.c.id.in_(ids), in_state(Status.ACCEPTED), S.c.reminded < number)
        .values(reminded=number)
        .returning(S.c.id, S.c.student_id, S.c.mentor_id, S.c.starts_at, S.c.answered_at)
    )


async def next_due(db: Read, reminders: Collection[timedelta]) -> datetime | None:
    """When the clock has to look at a session next."""
    moments = []
    for status, column, grace in (
        (Status.ACCEPTED, S.c.starts_at, timedelta(0)),
        (Status.LIVE, S.c.ends_at, GRACE),
        (Status.REQUESTED, S.c.expires_at, timedelta(0)),
    ):
        first = await db.scalar(sa.select(sa.func.min(column)).where(in_state(status)))
        moments.append(first + grace if first else None)
    for number, before in enumerate(reminders, 1):
        unreminded = sa.select(sa.func.min(S.c.starts_at)).where(in_state(Status.ACCEPTED), S.c.reminded < number)
        first = await db.scalar(unreminded)
        moments.append(first - before if first else None)
    return min((moment for moment in moments if moment is not None), default=None)


# --- people who leave


async def open_of(db: Write, user_id: int) -> list[int]:
    """Somebody's sessions that are not over, locked: nobody moves them before this transaction does."""
    mine = sa.or_(S.c.student_id == user_id, S.c.mentor_id == user_id)
    going = sa.select(S.c.id).where(mine, in_state(Status.REQUESTED, *BOOKED)).order_by(S.c.id)
    return await db.scalars(going.with_for_update(key_share=True))


async def of_person(db: Read, user_id: int) -> list[Row]:
    """Everything somebody wished for, was asked for, and held."""
    columns = [c for c in S.c if c.name not in ("reminded", "version")]
    mine = sa.or_(S.c.student_id == user_id, S.c.mentor_id == user_id)
    return await db.rows(sa.select(*columns).where(mine).order_by(S.c.id))


# --- calendars


async def put_calendar(db: Write, user_id: int, token_hash: str) -> None:
    values = {"token_hash": token_hash, "created_at": now()}
    await db.execute(
        db.insert(CalendarRow)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["user_id"], set_=values)
    )


async def calendar(db: Read, user_id: int) -> Row | None:
    """When somebody made the address."""
    return await db.row(sa.select(CalendarRow.created_at).where(CalendarRow.user_id == user_id))


async def drop_calendar(db: Write, user_id: int) -> None:
    await db.execute(sa.delete(CalendarRow).where(CalendarRow.user_id == user_id))


async def owner_of_calendar(db: Read, token_hash: str) -> Row | None:
    """Whose calendar it is, if that one may sign in."""
    return await db.row(
        sa.select(U.c.id, U.c.role, U.c.language)
        .join(CalendarRow, CalendarRow.user_id == U.c.id)
        .where(CalendarRow.token_hash == token_hash, U.c.deleted_at.is_(None), U.c.disabled_at.is_(None))
    )


async def in_calendar(db: Read, user_id: int, role: str, since: datetime, limit: int) -> list[Row]:
    """What a calendar shows: what is or was booked, and what was called off since it was."""
    shown = sa.or_(in_state(*HELD), sa.and_(in_state(Status.CANCELLED), S.c.answered_at.is_not(None)))
    own = visible_to(Viewer(user_id, role, "", 0))
    statement = SESSIONS.where(own, S.c.starts_at > since, shown)
    return await db.rows(statement.order_by(S.c.starts_at.desc(), S.c.id).limit(limit))
