"""What ties a demonstration's people together: whom they follow, what they earned, which thanks are shown."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import Role, UserRow
from mentorq.community import awarding
from mentorq.community.models import ActivityRow, AwardRow, Deed, FollowRow, LatestRow, key_of
from mentorq.core import bulk
from mentorq.core.database import Database, Read, Row, Write
from mentorq.mentors.models import MentorStatsRow
from mentorq.reviews.models import ReviewRow
from mentorq.tickets.models import TicketRow

FOLLOWED = 0.4  # of the mentors who helped somebody well
ALLOWED, SHOWN = 3, 2  # of the good reviews with words every third may be shown, and of those every second is
GOOD = 4
LATELY = timedelta(days=21)
MOST_LINES = 5_000

R = ReviewRow.__table__
T = TicketRow.__table__
W = AwardRow.__table__
F = FollowRow.__table__


async def tie(database: Database, at: datetime, random: Random) -> None:
    """After all tickets are in: everything that follows from them."""
    async with database.write() as db:
        await bulk.unhurried(db)
        await _thank(db)
        await _follow(db, random)
    await awarding.award_past(database)
    async with database.write() as db:
        await bulk.unhurried(db)
        await _note_activities(db, at - LATELY)


async def _thank(db: Write) -> None:
    praise = sa.and_(R.c.rating >= GOOD, R.c.comment != "", R.c.id % ALLOWED == 0)
    await db.execute(sa.update(ReviewRow).where(praise).values(may_be_shown=True))
    shown = sa.update(ReviewRow).where(R.c.may_be_shown, R.c.id % (ALLOWED * SHOWN) == 0)
    await db.execute(shown.values(shown_at=R.c.created_at))


async def _follow(db: Write, random: Random) -> None:
    helped = (
        sa.select(R.c.student_id, R.c.mentor_id, sa.func.max(R.c.created_at, type_=R.c.created_at.type).label("at"))
        .where(R.c.rating >= GOOD)
        .group_by(R.c.student_id, R.c.mentor_id)
        .order_by(R.c.student_id, R.c.mentor_id)
    )
    pairs = await db.rows(helped)
    first = pairs[0]["student_id"] if pairs else None
    rows = [tuple(pair.values()) for pair in pairs if pair["student_id"] == first or random.random() < FOLLOWED]
    await bulk.insert(db, FollowRow, ("follower_id", "mentor_id", "created_at"), rows)
    followers = sa.select(sa.func.count()).where(F.c.mentor_id == MentorStatsRow.mentor_id).scalar_subquery()
    await db.execute(sa.update(MentorStatsRow).values(followers=followers))


async def _note_activities(db: Write, since: datetime) -> None:
    """In the order of time, as if somebody had looked all along."""
    lines = [*await _solved(db, since), *await _earned(db, since)]
    lines.sort(key=lambda line: line["at"])
    columns = ("mentor_id", "kind", "key", "ticket_id", "data", "created_at")
    await bulk.insert(db, ActivityRow, columns, [_as_row(line) for line in lines])
    a = ActivityRow.__table__
    newest = sa.select(a.c.mentor_id, sa.func.max(a.c.id)).group_by(a.c.mentor_id)
    await db.execute(sa.insert(LatestRow).from_select(["mentor_id", "activity_id"], newest))


async def _solved(db: Read, since: datetime) -> list[Row]:
    newest = sa.select(T.c.assigned_mentor_id.label("mentor_id"), T.c.id, T.c.resolved_at.label("at")).where(
        T.c.resolved_at > since
    )
    return await db.rows(newest.order_by(T.c.resolved_at.desc()).limit(MOST_LINES))


async def _earned(db: Read, since: datetime) -> list[Row]:
    of_mentors = (
        sa.select(W.c.user_id.label("mentor_id"), W.c.achievement, W.c.awarded_at.label("at"))
        .join(UserRow, UserRow.id == W.c.user_id)
        .where(UserRow.role == Role.MENTOR, W.c.awarded_at > since)
    )
    return await db.rows(of_mentors.order_by(W.c.awarded_at.desc()).limit(MOST_LINES))


def _as_row(line: Row) -> tuple[Any, ...]:
    if "achievement" in line:
        deed, what, ticket_id, data = Deed.ACHIEVEMENT, line["achievement"], None, {"achievement": line["achievement"]}
    else:
        deed, what, ticket_id, data = Deed.RESOLVED, line["id"], line["id"], {}
    return line["mentor_id"], deed.value, key_of(deed, what), ticket_id, data, line["at"]
