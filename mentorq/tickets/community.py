"""The community at a glance: what anybody may know of it who has not signed in."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from statistics import median
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import Role, UserRow
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read
from mentorq.tickets.policy import visible_to_role
from mentorq.tickets.queries import TICKETS, T
from mentorq.tickets.schemas import as_ticket
from mentorq.tickets.wait import FEWEST_SAMPLES, waits_lately

SOLVED_WITHIN = timedelta(days=30)
ACTIVE_WITHIN = timedelta(days=7)
COUNTED_AT_MOST = 10_000


@dataclass(frozen=True)
class Figures:
    """What can honestly be said; None where that is too little. Counts stop at `COUNTED_AT_MOST`."""

    solved: int | None
    wait_seconds: float | None
    mentors: int | None


async def figures(db: Read) -> Figures:
    """Tickets solved in 30 days, mentors who were here within 7, and what half of all tickets waited at most."""
    solved = sa.select(T.c.id).where(T.c.resolved_at > now() - SOLVED_WITHIN).order_by(T.c.resolved_at.desc())
    active = sa.select(UserRow.id).where(
        UserRow.role == Role.MENTOR,
        UserRow.last_seen_at > now() - ACTIVE_WITHIN,
        UserRow.disabled_at.is_(None),
        UserRow.deleted_at.is_(None),
    )
    counts = await db.row(sa.select(_count(solved).label("solved"), _count(active).label("mentors")))
    assert counts is not None
    waits = await waits_lately(db, [])
    return Figures(
        solved=counts["solved"] or None,
        wait_seconds=median(waits) if len(waits) >= FEWEST_SAMPLES else None,
        mentors=counts["mentors"] or None,
    )


def _count(rows: sa.Select[Any]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(rows.limit(COUNTED_AT_MOST).subquery()).scalar_subquery()


@cache
def _newly_solved(role: str) -> sa.Select[Any]:
    solved = TICKETS.where(T.c.resolved_at.is_not(None), visible_to_role(role))
    newest = solved.order_by(T.c.resolved_at.desc(), T.c.id.desc())
    return newest.limit(sa.bindparam("limit", type_=sa.BigInteger))


async def newly_solved(db: Read, viewer: Viewer, limit: int) -> list[dict[str, Any]]:
    """The solved tickets that `viewer` may see, newest answer first."""
    rows = await db.fetch(_newly_solved(viewer.role), viewer_id=viewer.id, limit=limit)
    return [as_ticket(row, viewer) for row in rows]
