"""The directory of mentors and their public profiles. A page is two statements: mentors, and what they achieved."""

from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa

from mentorq.accounts import availability
from mentorq.accounts.models import Role, UserRow, UserTagRow
from mentorq.accounts.profile import honours_of
from mentorq.accounts.queries import public_columns, skill_names
from mentorq.accounts.schemas import public_user
from mentorq.core.database import Read, Row
from mentorq.core.pagination import Keyset, beyond
from mentorq.mentors.errors import MentorNotFound
from mentorq.mentors.models import MentorStatsRow, MentorTagRecordRow
from mentorq.tags.models import TagRow
from mentorq.tickets.lists import contains

U = UserRow.__table__
S = MentorStatsRow.__table__
IS_AVAILABLE = availability.is_available(U)


def is_present(users: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether one of `users` is a mentor who can be asked, followed and heard of."""
    return sa.and_(users.c.role == Role.MENTOR, users.c.deleted_at.is_(None), users.c.disabled_at.is_(None))


EXISTING = is_present(U)


def _profiles(db: Read) -> sa.Select[Any]:
    return (
        sa.select(
            *public_columns(U, ""), U.c.time_zone, S.c.rating_sum, S.c.rating_count, S.c.rating_rank,
            S.c.tickets_resolved, S.c.median_response_seconds, S.c.followers, U.c.last_seen_at,
            availability.away_until(U).label("away_until"), skill_names(db, U).label("tags"),
        ).select_from(S.join(U, U.c.id == S.c.mentor_id)).where(EXISTING)
    )  # fmt: skip


Sort = Literal["rating", "resolved", "newest"]
ORDERS: dict[Sort, tuple[sa.ColumnElement[Any], ...]] = {
    "rating": (S.c.rating_rank, S.c.mentor_id),
    "resolved": (S.c.tickets_resolved, S.c.mentor_id),
    "newest": (S.c.mentor_id,),
}
PLACES: dict[Sort, tuple[str, ...]] = {
    "rating": ("rating_rank", "id"),
    "resolved": ("tickets_resolved", "id"),
    "newest": ("id",),
}


async def page(
    db: Read, tags: Sequence[str], available: bool | None, words: Sequence[str], sort: Sort, keyset: Keyset
) -> tuple[list[dict[str, Any]], str | None]:
    """Mentors with any of `tags`, by `sort`, best or newest first."""
    statement = _profiles(db)
    if tags:
        expert = sa.select(UserTagRow.user_id).join(TagRow, TagRow.id == UserTagRow.tag_id).where(TagRow.name.in_(tags))
        statement = statement.where(U.c.id.in_(expert))
    if available is not None:
        statement = statement.where(IS_AVAILABLE if available else sa.not_(IS_AVAILABLE))
    named = sa.func.lower(U.c.username + " " + U.c.headline + " " + U.c.bio)
    statement = statement.where(*(named.like(contains(word), escape="\\") for word in words))
    if keyset.after:
        statement = statement.where(beyond(ORDERS[sort], keyset.after, descending=True))
    order = [column.desc() for column in ORDERS[sort]]
    rows = await db.rows(statement.order_by(*order).limit(keyset.limit + 1))
    shown, next_cursor = keyset.cut(rows, lambda row: tuple(row[name] for name in PLACES[sort]))
    return await _whole(db, shown), next_cursor


async def _whole(db: Read, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """MentorProfiles out of rows of `_profiles`."""
    achievements = await honours_of(db, [row["id"] for row in rows])
    return [_as_profile(row, achievements[row["id"]]) for row in rows]


def _as_profile(row: Row, achievements: list[dict[str, Any]]) -> dict[str, Any]:
    count = row["rating_count"]
    return (public_user(row) or {}) | {
        "time_zone": row["time_zone"],
        "tags": sorted(row["tags"]),
        "rating_average": round(row["rating_sum"] / count, 2) if count else None,
        "rating_count": count,
        "tickets_resolved": row["tickets_resolved"],
        "median_response_seconds": row["median_response_seconds"],
        "followers": row["followers"],
        "achievements": achievements,
        "away_until": row["away_until"],
        "is_active": availability.is_active(row["last_seen_at"]),
        "last_active_at": availability.roughly(row["last_seen_at"]),
    }


async def several(db: Read, mentor_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Profiles by id."""
    if not mentor_ids:
        return {}
    profiles = await _whole(db, await db.rows(_profiles(db).where(U.c.id.in_(mentor_ids))))
    return {profile["id"]: profile for profile in profiles}


async def one(db: Read, mentor_id: int) -> dict[str, Any]:
    """A mentor's profile.

    Raises:
        MentorNotFound: there is no such mentor.
    """
    found = await several(db, [mentor_id])
    if mentor_id not in found:
        raise MentorNotFound
    return found[mentor_id]


async def named(db: Read, username: str) -> dict[str, Any]:
    """A mentor's profile.

    Raises:
        MentorNotFound: there is no such mentor.
    """
    found = await _whole(db, await db.rows(_profiles(db).where(U.c.username == username.lower())))
    if not found:
        raise MentorNotFound
    return found[0]


async def solved_by_tag(db: Read, mentor_id: int) -> dict[str, int]:
    """How many tickets a mentor has solved under each tag, most first."""
    r = MentorTagRecordRow.__table__
    rows = await db.rows(
        sa.select(TagRow.name, r.c.solved)
        .join(TagRow, TagRow.id == r.c.tag_id)
        .where(r.c.mentor_id == mentor_id, r.c.solved > 0)
        .order_by(r.c.solved.desc(), TagRow.name)
    )
    return {row["name"]: row["solved"] for row in rows}
