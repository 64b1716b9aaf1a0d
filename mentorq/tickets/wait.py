"""An honest wait: the place in the queue, and a range from what such tickets took lately."""

from collections.abc import Sequence
from datetime import timedelta
from statistics import quantiles
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.availability import is_available
from mentorq.accounts.models import Role, UserRow, UserTagRow
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row
from mentorq.tags import service as tags
from mentorq.tickets import policy, queries
from mentorq.tickets.models import TicketTagRow, in_state
from mentorq.tickets.queries import T
from mentorq.tickets.schemas import Estimate, Wait
from mentorq.tickets.states import Action, Status

LATELY = timedelta(days=30)
SAMPLES = 200
FEWEST_SAMPLES = 5
ACTIVE_WITHIN = timedelta(hours=24)
COUNTED_AT_MOST = 10_000


async def wait(db: Read, ticket_id: int, owner: Viewer) -> Wait:
    """Where an open ticket stands.

    Raises:
        TicketNotFound, NotYours, TicketNotOpen: see `policy.refusal`.
    """
    ticket = await queries.bare(db, ticket_id)
    if refused := policy.refusal(owner, Action.EDIT, ticket):
        raise refused
    assert ticket is not None
    tag_ids = await queries.tag_ids(db, ticket_id)
    waited = (now() - ticket["created_at"]).total_seconds()
    return await _wait(db, _ahead(ticket), tag_ids, await _active_mentors(db, tag_ids), waited)


async def wait_for_new(db: Read, tag_names: Sequence[str]) -> Wait:
    """Where a ticket with these tags (normalised) would stand if it were posted now.

    Tags that nobody has used yet say nothing; with no others, no mentor can know them.
    """
    tag_ids = sorted((await tags.known(db, tag_names)).values())
    active = await _active_mentors(db, tag_ids) if tag_ids or not tag_names else 0
    return await _wait(db, sa.select(T.c.id).where(in_state(Status.OPEN)), tag_ids, active, waited=0)


async def _wait(db: Read, before: sa.Select[Any], tag_ids: list[int], active: int, waited: float) -> Wait:
    ahead = await _count(db, before)
    same = await _count(db, before.where(_has_any(tag_ids))) if tag_ids else 0
    samples = await waits_lately(db, tag_ids) if active else []
    return Wait(
        position=ahead + 1,
        ahead_with_same_tags=same,
        estimate_seconds=estimate(samples, waited),
        active_mentors=active,
    )


def estimate(samples: list[float], waited: float) -> Estimate | None:
    """What is still to be waited: the middle half of what tickets took that had waited as long, in seconds.

    None with fewer than five of them: then nothing honest can be said.
    """
    left = [sample - waited for sample in samples if sample >= waited]
    if len(left) < FEWEST_SAMPLES:
        return None
    low, _, high = quantiles(left, n=4)
    return Estimate(low=max(0, round(low)), high=max(0, round(high)))


def _ahead(ticket: Row) -> sa.Select[Any]:
    place = sa.tuple_(T.c.created_at, T.c.id)
    before = sa.tuple_(sa.literal(ticket["created_at"], type_=T.c.created_at.type), sa.literal(ticket["id"]))
    return sa.select(T.c.id).where(in_state(Status.OPEN), place < before)


def _has_any(tag_ids: list[int]) -> sa.ColumnElement[bool]:
    tt = TicketTagRow.__table__
    return sa.select(sa.literal(1)).where(tt.c.ticket_id == T.c.id, tt.c.tag_id.in_(tag_ids)).exists()


async def _count(db: Read, rows: sa.Select[Any]) -> int:
    counted: int = await db.scalar(sa.select(sa.func.count()).select_from(rows.limit(COUNTED_AT_MOST).subquery()))
    return counted


async def _active_mentors(db: Read, tag_ids: list[int]) -> int:
    active = sa.select(UserRow.id).where(
        UserRow.role == Role.MENTOR,
        is_available(UserRow.__table__),
        UserRow.disabled_at.is_(None),
        UserRow.deleted_at.is_(None),
        UserRow.last_seen_at > now() - ACTIVE_WITHIN,
    )
    if tag_ids:
        experts = sa.select(UserTagRow.user_id).where(UserTagRow.tag_id.in_(tag_ids))
        active = active.where(UserRow.id.in_(experts))
    return await _count(db, active)


async def waits_lately(db: Read, tag_ids: list[int]) -> list[float]:
    """Seconds until such tickets were first taken: the newest of them, of the last 30 days."""
    times = sa.select(T.c.created_at, T.c.first_assigned_at).where(
        T.c.first_assigned_at.is_not(None), T.c.created_at > now() - LATELY
    )
    if tag_ids:
        tt = TicketTagRow.__table__
        newest = (
            sa.select(tt.c.ticket_id)
            .where(tt.c.tag_id.in_(tag_ids), tt.c.created_at > now() - LATELY)
            .order_by(tt.c.created_at.desc())
            .limit(3 * SAMPLES)
        )
        times = times.where(T.c.id.in_(newest))
    rows = await db.rows(times.order_by(T.c.created_at.desc()).limit(SAMPLES))
    return [(row["first_assigned_at"] - row["created_at"]).total_seconds() for row in rows]
