"""Every statement about follows and activities. Those about achievements are in `facts.py` and `awarding.py`."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.availability import is_available
from mentorq.accounts.models import UserRow
from mentorq.accounts.queries import public_columns
from mentorq.accounts.schemas import Viewer
from mentorq.community.models import ActivityRow, Deed, FollowRow, LatestRow
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, UTCDateTime, Write
from mentorq.core.inputs import LARGEST_ID
from mentorq.core.pagination import Keyset, beyond
from mentorq.mentors import directory
from mentorq.tickets.models import TicketRow, in_state
from mentorq.tickets.policy import VIEWER_ID, visible_to_role
from mentorq.tickets.states import PUBLISHED

F = FollowRow.__table__
A = ActivityRow.__table__
L = LatestRow.__table__
M = UserRow.__table__.alias("mentor")
T = TicketRow.__table__

PRESENT = directory.is_present(M)

BEFORE: sa.BindParameter[int] = sa.bindparam("before", type_=sa.BigInteger)
LIMIT: sa.BindParameter[int] = sa.bindparam("limit", type_=sa.BigInteger)


# --- follows


async def add_follow(db: Write, follower_id: int, mentor_id: int) -> bool:
    """Whether that is new. Nobody is followed who leaves at the same time."""
    mentor = sa.select(sa.literal(follower_id), M.c.id, sa.literal(now(), UTCDateTime)).where(
        M.c.id == mentor_id, PRESENT
    )
    columns = ["follower_id", "mentor_id", "created_at"]
    statement: Any = db.insert(FollowRow).from_select(columns, mentor.with_for_update(read=True))
    return (await db.execute(statement.on_conflict_do_nothing())).rowcount > 0


async def remove_follow(db: Write, follower_id: int, mentor_id: int) -> bool:
    """Whether there was any."""
    mine = sa.delete(FollowRow).where(F.c.follower_id == follower_id, F.c.mentor_id == mentor_id)
    return (await db.execute(mine)).rowcount > 0


async def is_present(db: Read, mentor_id: int) -> bool:
    """Whether there is such a mentor."""
    return await db.scalar(sa.select(M.c.id).where(M.c.id == mentor_id, PRESENT)) is not None


async def following(db: Read, follower_id: int, keyset: Keyset) -> list[Row]:
    """Whom somebody follows, last followed first."""
    statement = (
        sa.select(*public_columns(M, ""), F.c.created_at.label("since"))
        .select_from(F.join(M, M.c.id == F.c.mentor_id))
        .where(F.c.follower_id == follower_id, PRESENT)
    )
    order = (F.c.created_at, F.c.mentor_id)
    if keyset.after:
        statement = statement.where(beyond(order, keyset.after, descending=True))
    return await db.rows(statement.order_by(*(column.desc() for column in order)).limit(keyset.limit + 1))


async def followed_among(db: Read, follower_id: int, mentor_ids: Collection[int]) -> set[int]:
    """Which of some mentors somebody follows."""
    mine = sa.select(F.c.mentor_id).where(F.c.follower_id == follower_id, F.c.mentor_id.in_(mentor_ids))
    return set(await db.scalars(mine))


async def follows_anybody(db: Read, follower_id: int) -> bool:
    """Whether there is anybody whom somebody follows."""
    return await db.scalar(sa.select(F.c.mentor_id).where(F.c.follower_id == follower_id).limit(1)) is not None


async def all_followed(db: Read, follower_id: int) -> list[Row]:
    """Whom somebody follows, for the export."""
    mine = sa.select(F.c.mentor_id, F.c.created_at).where(F.c.follower_id == follower_id)
    return await db.rows(mine.order_by(F.c.created_at, F.c.mentor_id))


async def leave(db: Write, user_id: int) -> list[int]:
    """Somebody leaves for good, and neither follows nor is followed; returns who is followed by one less.

    The account is locked by then, so that nobody who follows at the same time is missed.
    """
    await db.execute(sa.delete(FollowRow).where(F.c.mentor_id == user_id))
    followed = await db.scalars(sa.delete(FollowRow).where(F.c.follower_id == user_id).returning(F.c.mentor_id))
    for table in (ActivityRow, LatestRow):
        await db.execute(sa.delete(table).where(table.mentor_id == user_id))
    return sorted(followed)


# --- the feed


@cache
def _feed(role: str) -> sa.Select[Any]:
    """One page, newest first.

    The newest n activities are of n mentors at most: those whose own newest ones are the newest. So of each followed
    mentor the newest is needed, which is noted, or, on further pages, the newest before the place where the page
    begins; and of n mentors alone n activities are read, by their index.
    """
    own = sa.select(A.c.id).where(A.c.mentor_id == F.c.mentor_id, A.c.hidden_at.is_(None), A.c.id < BEFORE)
    before = own.order_by(A.c.id.desc()).limit(1).correlate(F).scalar_subquery()
    newest = sa.case((L.c.activity_id < BEFORE, L.c.activity_id), else_=sa.func.coalesce(before, 0)).label("newest")
    active = (
        sa.select(F.c.mentor_id, newest)
        .select_from(F.join(L, L.c.mentor_id == F.c.mentor_id).join(M, M.c.id == F.c.mentor_id))
        .where(F.c.follower_id == VIEWER_ID, PRESENT)
        .order_by(newest.desc())
        .limit(LIMIT)
        .subquery("active")
    )
    last = sa.select(A.c.id).where(A.c.mentor_id == active.c.mentor_id, A.c.hidden_at.is_(None), A.c.id < BEFORE)
    last = last.order_by(A.c.id.desc()).offset(LIMIT - 1).limit(1).correlate(active)
    bounded = (
        sa.select(active.c.mentor_id, sa.func.coalesce(last.scalar_subquery(), 0).label("oldest"))
        .where(active.c.newest > 0)
        .subquery("bounded")
    )
    theirs = sa.and_(
        A.c.mentor_id == bounded.c.mentor_id, A.c.hidden_at.is_(None), A.c.id < BEFORE, A.c.id >= bounded.c.oldest
    )
    found = sa.select(A).select_from(bounded.join(A, theirs)).order_by(A.c.id.desc()).limit(LIMIT).subquery("found")
    return (
        sa.select(
            found.c.id, found.c.kind, found.c.ticket_id, found.c.data, found.c.created_at,
            *public_columns(M, "mentor_"),
            T.c.id.label("visible_ticket_id"), T.c.title.label("ticket_title"), T.c.tags.label("ticket_tags"),
        )
        .select_from(
            found.join(M, M.c.id == found.c.mentor_id)
            .outerjoin(T, sa.and_(T.c.id == found.c.ticket_id, visible_to_role(role)))
        )
        .order_by(found.c.id.desc())
    )  # fmt: skip


async def feed(db: Read, viewer: Viewer, keyset: Keyset) -> list[Row]:
    """What the mentors did whom the viewer follows, newest first."""
    before = keyset.after[0] if keyset.after else LARGEST_ID
    return await db.fetch(_feed(viewer.role), viewer_id=viewer.id, before=before, limit=keyset.limit + 1)


# --- activities


async def add_activity(
    db: Write, mentor_id: int, kind: Deed, key: str, ticket_id: int | None, data: dict[str, Any], at: datetime
) -> int | None:
    """The id of a new activity; None where it is there already, or the mentor is not."""
    values = {"kind": kind, "key": key, "ticket_id": ticket_id, "data": data, "created_at": at}
    columns = ActivityRow.__table__.c
    source = sa.select(M.c.id, *(sa.literal(value, columns[name].type) for name, value in values.items()))
    source = source.where(M.c.id == mentor_id, PRESENT).with_for_update(read=True)
    statement: Any = db.insert(ActivityRow).from_select(["mentor_id", *values], source)
    await _hold_latest(db, mentor_id)
    added: int | None = await db.scalar(
        statement.on_conflict_do_nothing(index_elements=["mentor_id", "key"]).returning(A.c.id)
    )
    if added is not None:
        await db.execute(sa.update(LatestRow).where(L.c.mentor_id == mentor_id).values(activity_id=added))
    return added


async def _hold_latest(db: Write, mentor_id: int) -> None:
    """Nobody else adds or hides an activity of this mentor before this transaction ends."""
    begun = db.insert(LatestRow).values(mentor_id=mentor_id, activity_id=0)
    unchanged = {"activity_id": L.c.activity_id}
    await db.execute(begun.on_conflict_do_update(index_elements=["mentor_id"], set_=unchanged))


async def _note_latest(db: Write, mentor_id: int) -> None:
    """Look which one is the newest now. A statement of its own: it sees what whoever held the row has done."""
    shown = sa.select(sa.func.max(A.c.id)).where(A.c.mentor_id == mentor_id, A.c.hidden_at.is_(None))
    newest = sa.func.coalesce(shown.scalar_subquery(), 0)
    await db.execute(sa.update(LatestRow).where(L.c.mentor_id == mentor_id).values(activity_id=newest))


async def activity(db: Read, mentor_id: int, key: str) -> Row | None:
    """What a mentor did, also if it is hidden."""
    return await db.row(sa.select(A).where(A.c.mentor_id == mentor_id, A.c.key == key))


async def change_activity(db: Write, last: Row, **values: Any) -> None:
    """Change what is told of an activity, hide it, or show it again."""
    await _hold_latest(db, last["mentor_id"])
    await db.execute(sa.update(ActivityRow).where(A.c.id == last["id"]).values(values))
    await _note_latest(db, last["mentor_id"])


async def drop_activity(db: Write, last: Row) -> None:
    """It is true no longer."""
    await _hold_latest(db, last["mentor_id"])
    await db.execute(sa.delete(ActivityRow).where(A.c.id == last["id"]))
    await _note_latest(db, last["mentor_id"])


async def activity_about(db: Read, ticket_id: int) -> Row | None:
    """That a ticket was solved, if that was told."""
    told = sa.select(A.c.id, A.c.mentor_id).where(A.c.ticket_id == ticket_id, A.c.kind == Deed.RESOLVED)
    return await db.row(told)


async def still_solved(db: Write, ticket_id: int, mentor_id: int, at: datetime) -> bool:
    """Whether everybody can read what a mentor solved at a time; it stays so until this transaction ends."""
    solved = sa.select(T.c.id).where(
        T.c.id == ticket_id, T.c.assigned_mentor_id == mentor_id, T.c.resolved_at == at, in_state(*PUBLISHED)
    )
    return await db.scalar(solved.with_for_update(read=True)) is not None


async def still_available(db: Write, mentor_id: int) -> bool | None:
    """Whether a mentor welcomes tickets, None where there is none; it stays so until this transaction ends.

    Nobody else who asks this gets an answer before then.
    """
    found: bool | None = await db.scalar(
        sa.select(is_available(M)).where(M.c.id == mentor_id, PRESENT).with_for_update(key_share=True)
    )
    return found


async def activities_of(db: Read, mentor_id: int) -> list[Row]:
    """What others heard of a mentor, for the export."""
    own = sa.select(A.c.kind, A.c.ticket_id, A.c.data, A.c.created_at).where(
        A.c.mentor_id == mentor_id, A.c.hidden_at.is_(None)
    )
    return await db.rows(own.order_by(A.c.id))
