"""Reading sessions. What changes them is in `lifecycle.py`, a mentor's hours in `schedule.py`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Read, Row
from mentorq.core.pagination import Keyset
from mentorq.sessions import policy, queries
from mentorq.sessions.errors import SessionNotFound
from mentorq.sessions.states import Status

MOST_GOING = 200
COUNTED_AT_MOST = 100


@dataclass(frozen=True)
class Going:
    """Somebody's sessions that are not over; in each list, those that begin first come first."""

    booked: list[Row]
    for_me: list[Row]
    """Requests that wait for this one's answer."""
    for_other: list[Row]


async def one(db: Read, viewer: Viewer, session_id: int) -> Row:
    """A session of the viewer's own.

    Raises:
        SessionNotFound: there is none, or it is of others.
    """
    session = await queries.one(db, viewer, session_id)
    if session is None:
        raise SessionNotFound
    return session


async def page(
    db: Read,
    viewer: Viewer,
    keyset: Keyset,
    statuses: Collection[Status] = (),
    begin: datetime | None = None,
    end: datetime | None = None,
) -> tuple[list[Row], str | None]:
    """The viewer's sessions, newest first."""
    return keyset.cut(await queries.page(db, viewer, keyset, statuses, begin, end), lambda session: (session["id"],))


async def past(db: Read, viewer: Viewer, keyset: Keyset) -> tuple[list[Row], str | None]:
    """The viewer's sessions that are over, those that began last first."""
    rows = await queries.past(db, viewer, keyset)
    return keyset.cut(rows, lambda session: (session["starts_at"], session["id"]))


async def going(db: Read, viewer: Viewer) -> Going:
    """What the viewer has to answer, waits for, and has booked."""
    rows = await queries.going(db, viewer, MOST_GOING)
    waiting = [row for row in rows if row["status"] == Status.REQUESTED]
    mine = policy.side_of(viewer)
    return Going(
        booked=[row for row in rows if row["status"] != Status.REQUESTED],
        for_me=[row for row in waiting if row["awaits"] == mine],
        for_other=[row for row in waiting if row["awaits"] != mine],
    )


async def count_awaiting(db: Read, viewer: Viewer) -> int:
    """How many requests wait for the viewer's answer; counted no further than `COUNTED_AT_MOST`."""
    return await queries.count_awaiting(db, viewer, policy.side_of(viewer), COUNTED_AT_MOST)
