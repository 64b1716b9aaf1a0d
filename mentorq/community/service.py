"""Following mentors, and what they did lately."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from mentorq.accounts.schemas import Viewer, public_user
from mentorq.community import catalogue, queries
from mentorq.community.errors import OwnFollower
from mentorq.community.events import MentorFollowed
from mentorq.community.models import Deed
from mentorq.core.database import Read, Row, Write
from mentorq.core.events import emit
from mentorq.core.pagination import Keyset
from mentorq.mentors import records
from mentorq.mentors.errors import MentorNotFound


async def follow(db: Write, mentor_id: int, viewer: Viewer) -> None:
    """Follow a mentor; again changes nothing.

    Raises:
        OwnFollower: it is the viewer.
        MentorNotFound: there is no such mentor.
    """
    if mentor_id == viewer.id:
        raise OwnFollower
    if await queries.add_follow(db, viewer.id, mentor_id):
        await records.count(db, mentor_id, followers=1)
        await emit(db, MentorFollowed(viewer.id, mentor_id))
    elif not await queries.is_present(db, mentor_id):
        raise MentorNotFound


async def unfollow(db: Write, mentor_id: int, viewer: Viewer) -> None:
    """Follow a mentor no longer; again changes nothing.

    Raises:
        MentorNotFound: there is no such mentor, and was not followed.
    """
    if await queries.remove_follow(db, viewer.id, mentor_id):
        await records.count(db, mentor_id, followers=-1)
    elif not await queries.is_present(db, mentor_id):
        raise MentorNotFound


async def following(db: Read, viewer: Viewer, keyset: Keyset) -> tuple[list[dict[str, Any]], str | None]:
    """Whom the viewer follows, last followed first."""
    rows, next_cursor = keyset.cut(
        await queries.following(db, viewer.id, keyset), lambda row: (row["since"], row["id"])
    )
    return [(public_user(row) or {}) | {"since": row["since"]} for row in rows], next_cursor


async def followed_among(db: Read, viewer: Viewer, mentor_ids: Collection[int]) -> set[int]:
    """Which of some mentors the viewer follows."""
    return await queries.followed_among(db, viewer.id, mentor_ids) if mentor_ids and not viewer.is_anonymous else set()


async def follows_anybody(db: Read, viewer: Viewer) -> bool:
    """Whether the viewer follows anybody."""
    return await queries.follows_anybody(db, viewer.id)


async def feed(db: Read, viewer: Viewer, keyset: Keyset) -> tuple[list[dict[str, Any]], str | None]:
    """What the mentors did whom the viewer follows, newest first."""
    rows, next_cursor = keyset.cut(await queries.feed(db, viewer, keyset), lambda row: (row["id"],))
    return [as_activity(row) for row in rows if _may_be_seen(row)], next_cursor


async def lately(db: Read, viewer: Viewer, since: datetime, until: datetime, limit: int) -> list[dict[str, Any]]:
    """The newest of it, as far as it happened after one time and not after another."""
    rows = await queries.feed(db, viewer, Keyset(None, limit, "", b""))
    return [as_activity(row) for row in rows[:limit] if since < row["created_at"] <= until and _may_be_seen(row)]


def _may_be_seen(row: Row) -> bool:
    """Not what is about a ticket that the viewer cannot read."""
    return row["ticket_id"] is None or row["visible_ticket_id"] is not None


def as_activity(row: Row) -> dict[str, Any]:
    """An Activity out of a row of the feed."""
    kind, data = row["kind"], row["data"]
    is_about_ticket = kind == Deed.RESOLVED
    return {
        "id": row["id"],
        "type": kind,
        "mentor": public_user(row, "mentor_"),
        "ticket": {name: row[f"ticket_{name}"] for name in ("id", "title", "tags")} if is_about_ticket else None,
        "achievement": catalogue.named(data["achievement"]) if kind == Deed.ACHIEVEMENT else None,
        "slots": data if kind == Deed.SLOTS else None,
        "created_at": row["created_at"],
    }
