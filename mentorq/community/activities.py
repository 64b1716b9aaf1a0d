"""What mentors did, for those who follow them: a row when it becomes true, exactly once; none when it is no longer.

Facts are told late and in any order, so each of these functions asks what is true now, and holds it until the end of
the transaction: whoever makes it untrue in the meantime waits, and takes the row away afterwards.
"""

from datetime import datetime, timedelta
from typing import Any

from mentorq.community import queries
from mentorq.community.events import MentorActed
from mentorq.community.models import Deed, key_of
from mentorq.core.clock import now
from mentorq.core.database import Row, Write
from mentorq.core.events import emit
from mentorq.sessions import schedule

AWAY_FOR_LONG = timedelta(hours=1)
"""Who was away for less is not back again."""

TOLD = {"told": True}
"""What a row has that was ever shown, beside one that only remembers since when a mentor is away."""

NEWS_FOR = timedelta(hours=12)
"""Who changes the hours again and again has new ones once in this time."""


async def solved(db: Write, ticket_id: int, mentor_id: int, at: datetime) -> None:
    """A mentor has solved a ticket, which everybody can read."""
    if await queries.still_solved(db, ticket_id, mentor_id, at):
        await _add(db, mentor_id, Deed.RESOLVED, key_of(Deed.RESOLVED, ticket_id), ticket_id=ticket_id, at=at)


async def take_back(db: Write, ticket_id: int) -> None:
    """It is not solved after all."""
    told = await queries.activity_about(db, ticket_id)
    if told is not None:
        await queries.drop_activity(db, told)


async def achieved(db: Write, mentor_id: int, achievement: str) -> None:
    """A mentor has earned an achievement."""
    await _add(
        db, mentor_id, Deed.ACHIEVEMENT, key_of(Deed.ACHIEVEMENT, achievement), data={"achievement": achievement}
    )


async def came_or_went(db: Write, mentor_id: int) -> None:
    """A mentor is away, or here again; a hidden row remembers since when."""
    is_available = await queries.still_available(db, mentor_id)
    if is_available is None:
        return
    last = await queries.activity(db, mentor_id, Deed.AVAILABLE)
    if not is_available:
        await _go(db, mentor_id, last)
    elif last is not None and last["hidden_at"] is not None:
        await _come_back(db, mentor_id, last)


async def _go(db: Write, mentor_id: int, last: Row | None) -> None:
    if last is None:
        added = await queries.add_activity(db, mentor_id, Deed.AVAILABLE, Deed.AVAILABLE, None, {}, now())
        assert added is not None, "the mentor is locked"
        last = {"id": added, "mentor_id": mentor_id, "hidden_at": None}
    if last["hidden_at"] is None:
        await queries.change_activity(db, last, hidden_at=now())


async def _come_back(db: Write, mentor_id: int, last: Row) -> None:
    if now() - last["hidden_at"] >= AWAY_FOR_LONG:
        await queries.drop_activity(db, last)
        await _add(db, mentor_id, Deed.AVAILABLE, Deed.AVAILABLE, data=TOLD)
    elif last["data"] == TOLD:
        await queries.change_activity(db, last, hidden_at=None)
    else:
        await queries.drop_activity(db, last)


async def hours_changed(db: Write, mentor_id: int, opened_minutes: int, opened_at: datetime | None) -> None:
    """A mentor has other hours: new ones are news, unless there were some a while ago; none at all are none."""
    if await queries.still_available(db, mentor_id) is None:
        return
    last = await queries.activity(db, mentor_id, Deed.SLOTS)
    if not await schedule.has_hours(db, mentor_id):
        if last is not None:
            await queries.drop_activity(db, last)
        return
    if opened_at is None:
        return
    data = {"minutes": opened_minutes, "first": opened_at.isoformat()}
    if last is None:
        await _add(db, mentor_id, Deed.SLOTS, Deed.SLOTS, data=data)
    elif now() - last["created_at"] < NEWS_FOR:
        await queries.change_activity(db, last, data=data)
    else:
        await queries.drop_activity(db, last)
        await _add(db, mentor_id, Deed.SLOTS, Deed.SLOTS, data=data)


async def _add(
    db: Write,
    mentor_id: int,
    deed: Deed,
    key: str,
    *,
    ticket_id: int | None = None,
    data: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> None:
    added = await queries.add_activity(db, mentor_id, deed, key, ticket_id, data or {}, at or now())
    if added is not None:
        await emit(db, MentorActed(added, mentor_id, deed))
