"""Every statement about rooms, but those of the shared code."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import UserRow
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.sessions.models import SessionRow, in_state
from mentorq.sessions.queries import GRACE
from mentorq.sessions.room.models import RoomMessageRow, RoomRow
from mentorq.sessions.states import Status

R = RoomRow.__table__
M = RoomMessageRow.__table__
S = SessionRow.__table__
U = UserRow.__table__

STATES = sa.select(
    S.c.id, S.c.student_id, S.c.mentor_id, S.c.ticket_id, S.c.status, S.c.version, S.c.starts_at, S.c.ends_at,
    S.c.ended_at, S.c.missed_by, *(column for column in R.c if column.name != "session_id"),
).select_from(S.outerjoin(R, R.c.session_id == S.c.id))  # fmt: skip
"""A session and its room; the room's columns are null where nobody has entered yet."""


async def open_room(db: Write, session_id: int) -> bool:
    """Make the room; False where it is there already."""
    values = {"session_id": session_id, "opened_at": now()}
    made = db.insert(RoomRow).values(values).on_conflict_do_nothing().returning(R.c.session_id)
    return await db.scalar(made) is not None


async def state(db: Read, session_id: int) -> Row | None:
    """A session and its room."""
    return await db.row(STATES.where(S.c.id == session_id))


async def states(db: Read, session_ids: Collection[int]) -> dict[int, Row]:
    """Sessions and their rooms."""
    return {row["id"]: row for row in await db.rows(STATES.where(S.c.id.in_(session_ids)))}


async def hold_room(db: Write, session_id: int) -> Row | None:
    """A session and its room, which nobody else changes before this transaction ends."""
    await db.scalar(sa.select(R.c.session_id).where(R.c.session_id == session_id).with_for_update())
    return await state(db, session_id)


async def change_room(db: Write, session_id: int, changes: Mapping[str, Any], *conditions: Any) -> bool:
    changed = sa.update(RoomRow).where(R.c.session_id == session_id, *conditions).values(changes)
    return (await db.execute(changed)).rowcount > 0


def _may_write() -> sa.ColumnElement[bool]:
    """From when it is booked until a moment after its end."""
    return sa.or_(in_state(Status.ACCEPTED), sa.and_(in_state(Status.LIVE), S.c.ends_at > now() - GRACE))


async def add_message(db: Write, session_id: int, user_id: int, client_id: str, body: str) -> int | None:
    """Add a message, with the next number; 0 where the writer has sent it before, None where the session is over.

    A number that is taken and not used is a gap: whoever gets 0 rolls back.
    """
    is_open = sa.exists().where(S.c.id == session_id, _may_write())
    taken = sa.update(RoomRow).where(R.c.session_id == session_id, is_open).values(message_seq=R.c.message_seq + 1)
    seq: int | None = await db.scalar(taken.returning(R.c.message_seq))
    if seq is None:
        return None
    values = {"session_id": session_id, "seq": seq, "user_id": user_id, "client_id": client_id, "body": body}
    added = db.insert(RoomMessageRow).values(values | {"created_at": now()}).on_conflict_do_nothing()
    return await db.scalar(added.returning(M.c.seq)) or 0


async def sent(db: Read, session_id: int, user_id: int, client_id: str) -> Row | None:
    """A message by what its writer calls it."""
    mine = M.c.session_id == session_id, M.c.user_id == user_id, M.c.client_id == client_id
    return await db.row(sa.select(M).where(*mine))


async def messages_after(db: Read, after: Mapping[int, int], limit: int) -> list[Row]:
    """The messages of these rooms after a number, in order of room and number."""
    asked = (
        sa.values(sa.column("session_id", sa.BigInteger), sa.column("after", sa.BigInteger), name="asked")
        .data(list(after.items()))
        .cte()
    )
    newer = sa.and_(M.c.session_id == asked.c.session_id, M.c.seq > asked.c.after)
    found = sa.select(M).select_from(asked.join(M, newer)).order_by(M.c.session_id, M.c.seq)
    return await db.rows(found.limit(limit))


async def message_seqs(db: Read, session_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """The newest number of each room, and its session's version: whether something moved."""
    moved = sa.select(S.c.id, R.c.message_seq, S.c.version).join(S, S.c.id == R.c.session_id)
    rows = await db.rows(moved.where(R.c.session_id.in_(session_ids)))
    return {row["id"]: (row["message_seq"], row["version"]) for row in rows}


async def transcript(db: Read, session_id: int) -> list[Row]:
    """All that was said, with its writers' names; null of those who left."""
    said = sa.select(M.c.seq, M.c.user_id, U.c.username, M.c.body, M.c.created_at)
    return await db.rows(
        said.select_from(M.join(U, U.c.id == M.c.user_id)).where(M.c.session_id == session_id).order_by(M.c.seq)
    )


async def attached(db: Read, ticket_id: int) -> list[Row]:
    """The rooms whose transcripts go with a ticket."""
    own = STATES.where(S.c.ticket_id == ticket_id, R.c.attached_at.is_not(None))
    return await db.rows(own.order_by(S.c.starts_at, S.c.id))


async def messages_of(db: Read, user_id: int) -> list[Row]:
    """What somebody said in rooms."""
    own = sa.select(M.c.session_id, M.c.seq, M.c.body, M.c.created_at).where(M.c.user_id == user_id)
    return await db.rows(own.order_by(M.c.session_id, M.c.seq))


async def unattended(db: Read, since: datetime, limit: int) -> list[Row]:
    """Sessions that began before a moment and that one of the two, or both, did not come to; not yet noted down."""
    lacking = sa.or_(R.c.session_id.is_(None), R.c.student_came_at.is_(None), R.c.mentor_came_at.is_(None))
    due = STATES.where(in_state(Status.LIVE), S.c.starts_at <= since, S.c.missed_by.is_(None), lacking)
    return await db.rows(due.order_by(S.c.starts_at).limit(limit))


async def next_unattended(db: Read) -> datetime | None:
    """When the first of those began that still lack somebody."""
    lacking = sa.or_(R.c.session_id.is_(None), R.c.student_came_at.is_(None), R.c.mentor_came_at.is_(None))
    first = sa.select(sa.func.min(S.c.starts_at)).select_from(S.outerjoin(R, R.c.session_id == S.c.id))
    found: datetime | None = await db.scalar(first.where(in_state(Status.LIVE), S.c.missed_by.is_(None), lacking))
    return found
