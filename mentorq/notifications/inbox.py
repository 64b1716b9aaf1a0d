"""What somebody was told: reading it, and marking it as read."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.jobs import task
from mentorq.core.pagination import Keyset
from mentorq.notifications import queries
from mentorq.notifications.errors import NotificationNotFound
from mentorq.notifications.kinds import Kind
from mentorq.notifications.queries import N
from mentorq.notifications.telling import mark_read

KEPT = timedelta(days=90)
PRUNED_AT_ONCE = 2000


async def page(
    db: Read, viewer: Viewer, keyset: Keyset, *, unread: bool = False, kinds: Collection[Kind] = ()
) -> tuple[list[Row], str | None]:
    """The viewer's notifications, newest first."""
    rows = await queries.page(db, viewer.id, keyset, unread=unread, kinds=kinds)
    return keyset.cut(rows, lambda row: (row["seq"],))


async def unread(db: Read, viewer: Viewer) -> int:
    """How many the viewer has not read."""
    return await queries.count_unread(db, viewer.id)


async def read(db: Write, viewer: Viewer, notification_id: int) -> Row:
    """Mark one as read; again changes nothing.

    Raises:
        NotificationNotFound: it is not the viewer's, or there is none.
    """
    await mark_read(db, viewer.id, N.c.id == notification_id)
    found = await queries.one(db, notification_id, viewer.id)
    if found is None:
        raise NotificationNotFound
    return found


async def read_all(db: Write, viewer: Viewer) -> int:
    """Mark all as read; returns how many were not."""
    return await mark_read(db, viewer.id, queries.UNREAD)


async def read_about_ticket(db: Write, viewer: Viewer, ticket_id: int) -> int:
    """The viewer has seen a ticket: what was told of it is read."""
    return await mark_read(db, viewer.id, queries.UNREAD, N.c.ticket_id == ticket_id)


async def read_about_session(db: Write, viewer: Viewer, session_id: int) -> int:
    """The viewer has seen a session: what was told of it is read."""
    return await mark_read(db, viewer.id, queries.UNREAD, N.c.session_id == session_id)


@task("notifications.prune", every=timedelta(hours=6))
async def prune(db: Write, _: dict[str, Any]) -> datetime | None:
    """Forget what was read 90 days ago."""
    pruned = await queries.prune(db, now() - KEPT, PRUNED_AT_ONCE)
    return now() if pruned >= PRUNED_AT_ONCE else None
