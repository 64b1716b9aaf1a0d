"""Reading sessions. What changes them is in `lifecycle.py`, a mentor's hours in `schedule.py`."""

from collections.abc import Collection
from datetime import datetime

from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Read, Row
from mentorq.core.pagination import Keyset
from mentorq.sessions import queries
from mentorq.sessions.errors import SessionNotFound
from mentorq.sessions.states import Status


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
    """The viewer's sessions, those that begin last first."""
    rows = await queries.page(db, viewer, keyset, statuses, begin, end)
    return keyset.cut(rows, lambda session: (session["starts_at"], session["id"]))
