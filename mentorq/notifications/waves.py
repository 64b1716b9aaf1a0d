"""Who is told of a ticket that waits: the best few at once, more with time, so that nobody is spammed and none waits.

How many were told depends on nothing but how long the ticket has waited, so one that comes back into the queue after
an hour is offered to everyone who knows about it at once.
"""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from mentorq.core.clock import now
from mentorq.core.database import Row, Write
from mentorq.core.jobs import enqueue, task
from mentorq.mentors import suggestions
from mentorq.notifications import telling
from mentorq.notifications.kinds import Kind
from mentorq.notifications.queries import T, U
from mentorq.tickets.states import Status

NEXT_WAVE = "notifications.next_wave"
LOOK_AGAIN = timedelta(minutes=1)
"""After the last wave: the ticket may have been taken while the mentors were told, who are then told for nothing."""


async def begin(db: Write, ticket_id: int) -> None:
    """A ticket waits, or says something else than before: tell those whose turn it is."""
    again = await tell(db, ticket_id)
    if again is not None:
        unique_key = f"{NEXT_WAVE} {ticket_id}"
        await enqueue(db, [(NEXT_WAVE, {"ticket_id": ticket_id})], run_at=again, unique_key=unique_key)


@task(NEXT_WAVE)
async def next_wave(db: Write, payload: dict[str, Any]) -> datetime | None:
    """Tell more mentors of a ticket that still waits."""
    return await tell(db, payload["ticket_id"])


async def tell(db: Write, ticket_id: int) -> datetime | None:
    """Tell those whose turn it is by now; returns when it is that of others."""
    ticket = await db.row(sa.select(T).where(T.c.id == ticket_id, T.c.status == Status.OPEN))
    if ticket is None:
        await telling.withdraw(db, ticket_id, [Kind.TICKET_MATCHING])
        return None
    wave, ends = _wave(ticket, db.settings.waves, now())
    if wave is None:
        told = await telling.offer(db, ticket_id, suggestions.everyone_for(db, ticket))
        return now() + LOOK_AGAIN if told else None
    best = [mentor_id for mentor_id, _ in await suggestions.best_for(db, ticket, wave)]
    await telling.offer(db, ticket_id, sa.select(U.c.id).select_from(U).where(U.c.id.in_(best)))
    return ends


def _wave(ticket: Row, waves: list[tuple[int, timedelta]], at: datetime) -> tuple[int | None, datetime]:
    """How many are to be told by now (None: everyone), and until when that is so."""
    for count, lasts in waves:
        ends: datetime = ticket["created_at"] + lasts
        if at < ends:
            return count, ends
    return None, at
