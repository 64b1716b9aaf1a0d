"""Every statement about the shared code of rooms.

A change's number is taken by updating its room's row, so that the order of numbers is the order of commits: who has
read up to a number has missed nothing before it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.sessions.room.models import RoomRow, RoomUpdateRow

R = RoomRow.__table__
C = RoomUpdateRow.__table__

ADVANCE = (
    sa.update(RoomRow)
    .where(R.c.session_id == sa.bindparam("room"))
    .values(update_seq=sa.bindparam("last"), document_bytes=R.c.document_bytes + sa.bindparam("added"))
)
NUMBERS = (
    sa.select(R.c.session_id, R.c.update_seq)
    .where(R.c.session_id.in_(sa.bindparam("rooms", expanding=True)))
    .order_by(R.c.session_id)
)
HOLD = NUMBERS.with_for_update()


@dataclass(frozen=True)
class Stored:
    """The changes of a room that one transaction has added: from which number to which."""

    first: int
    last: int


async def add_changes(db: Write, changes: Mapping[int, Sequence[bytes]]) -> dict[int, Stored]:
    """Add changes to rooms, in their order; rooms that are there no longer are missing in what is returned."""
    moment, stored = now(), dict[int, Stored]()
    advances: list[Row] = []
    rows: list[Row] = []
    for held in await db.rows(HOLD, {"rooms": sorted(changes)}):
        room, before = held["session_id"], held["update_seq"]
        own = changes[room]
        stored[room] = Stored(before + 1, before + len(own))
        advances.append({"room": room, "last": before + len(own), "added": sum(map(len, own))})
        for seq, update in enumerate(own, before + 1):
            rows.append({"session_id": room, "seq": seq, "data": update, "created_at": moment})
    if rows:
        await db.execute(ADVANCE, advances)
        await db.execute(sa.insert(RoomUpdateRow), rows)
    return stored


async def begin(db: Write, session_id: int, update: bytes) -> bool:
    """Store what a document begins with; False where it has begun already, or there is no such room."""
    begun = (
        sa.update(RoomRow)
        .where(R.c.session_id == session_id, R.c.update_seq == 0)
        .values(update_seq=1, document_bytes=len(update))
    )
    if (await db.execute(begun)).rowcount == 0:
        return False
    await db.execute(sa.insert(RoomUpdateRow).values(session_id=session_id, seq=1, data=update, created_at=now()))
    return True


async def changes(db: Read, session_id: int) -> list[Row]:
    """All that makes a room's document, in order."""
    return await db.rows(sa.select(C.c.seq, C.c.data).where(C.c.session_id == session_id).order_by(C.c.seq))


async def changes_after(db: Read, after: Mapping[int, int], limit: int) -> list[Row]:
    """What came to these rooms after a number, in order of room and number."""
    asked = (
        sa.values(sa.column("session_id", sa.BigInteger), sa.column("after", sa.BigInteger), name="asked")
        .data(list(after.items()))
        .cte()
    )
    newer = sa.and_(C.c.session_id == asked.c.session_id, C.c.seq > asked.c.after)
    found = sa.select(C.c.session_id, C.c.seq, C.c.data).select_from(asked.join(C, newer))
    return await db.rows(found.order_by(C.c.session_id, C.c.seq).limit(limit))


async def numbers(db: Read, session_ids: Collection[int]) -> dict[int, int]:
    """The number of each room's newest change."""
    rows = await db.rows(NUMBERS, {"rooms": list(session_ids)})
    return {row["session_id"]: row["update_seq"] for row in rows}


async def hold(db: Write, session_id: int) -> bool:
    """Nobody adds a change before this transaction ends; False where there is no such room."""
    return bool(await db.rows(HOLD, {"rooms": [session_id]}))


async def changes_until(db: Read, session_id: int, last: int) -> list[bytes]:
    """The changes up to a number, in order."""
    until = sa.select(C.c.data).where(C.c.session_id == session_id, C.c.seq <= last).order_by(C.c.seq)
    return await db.scalars(until)


async def replace(db: Write, session_id: int, last: int, update: bytes, saved: int) -> None:
    """Put one change in the place of all up to the number `last`, which has to be one's; it saves so many bytes."""
    own = C.c.session_id == session_id
    await db.execute(sa.delete(RoomUpdateRow).where(own, C.c.seq < last))
    await db.execute(sa.update(RoomUpdateRow).where(own, C.c.seq == last).values(data=update))
    less = R.c.document_bytes - saved
    await db.execute(sa.update(RoomRow).where(R.c.session_id == session_id).values(document_bytes=less))
