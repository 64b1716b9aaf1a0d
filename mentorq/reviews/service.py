"""Reviewing a closed ticket, and reading what others said."""

from datetime import timedelta
from typing import Any

from mentorq.accounts.errors import UserNotFound
from mentorq.accounts.events import UserDeleted
from mentorq.accounts.models import Role
from mentorq.accounts.profile import export_section, role_of
from mentorq.accounts.schemas import Viewer, public_user
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.errors import DomainError
from mentorq.core.events import emit, within
from mentorq.core.http import etag
from mentorq.core.pagination import Keyset
from mentorq.reviews import queries
from mentorq.reviews.errors import AlreadyReviewed, ReviewNotFound, TicketNotClosed
from mentorq.reviews.events import ReviewGiven
from mentorq.reviews.schemas import Review
from mentorq.tickets.errors import NotYours, TicketNotFound
from mentorq.tickets.policy import may_know_of
from mentorq.tickets.queries import bare
from mentorq.tickets.schemas import as_ticket
from mentorq.tickets.states import Status

REMINDED_WITHIN = timedelta(days=30)


async def review(
    db: Write, ticket_id: int, student: Viewer, rating: int, comment: str, *, may_be_shown: bool = False
) -> Review:
    """Review the mentor of a closed ticket, once.

    Raises:
        TicketNotFound: there is none that the student may know of.
        NotYours: it is somebody else's.
        TicketNotClosed: not yet.
        AlreadyReviewed: a second time.
    """
    added = await queries.add(db, ticket_id, student.id, rating, comment, may_be_shown=may_be_shown)
    if added is None:
        raise await _why_not(db, ticket_id, student)
    await emit(db, ReviewGiven(added["id"], ticket_id, student.id, added["mentor_id"], rating))
    return Review(**added, is_shown=False)


async def _why_not(db: Read, ticket_id: int, student: Viewer) -> DomainError:
    ticket = await bare(db, ticket_id)
    if ticket is None or not may_know_of(student, ticket):
        return TicketNotFound()
    if ticket["student_id"] != student.id:
        return NotYours()
    return AlreadyReviewed() if ticket["status"] == Status.CLOSED else TicketNotClosed()


async def of_ticket(db: Read, viewer: Viewer, ticket_id: int) -> tuple[Review, str]:
    """A ticket's review, and its ETag.

    Raises:
        ReviewNotFound: there is none that `viewer` may see.
    """
    row = await queries.of_ticket(db, viewer, ticket_id)
    if row is None:
        raise ReviewNotFound
    return as_review(row, viewer), etag(row["id"], row["version"])


async def missing(db: Read, student: Viewer, limit: int) -> list[dict[str, Any]]:
    """The student's tickets that were closed lately and wait for a review."""
    rows = await queries.missing(db, student.id, now() - REMINDED_WITHIN, limit)
    return [as_ticket(row, student) for row in rows]


async def of_mentor(db: Read, viewer: Viewer, mentor_id: int, keyset: Keyset) -> tuple[list[Review], str | None]:
    """A mentor's reviews, newest first.

    Raises:
        UserNotFound: there is no such mentor, or no longer.
    """
    rows, next_cursor = keyset.cut(await queries.of_mentor(db, mentor_id, keyset), lambda row: (row["id"],))
    if await role_of(db, mentor_id) != Role.MENTOR and not rows:
        raise UserNotFound
    return [as_review(row, viewer) for row in rows], next_cursor


async def stories(db: Read, viewer: Viewer, mentor_id: int, keyset: Keyset) -> tuple[list[dict[str, Any]], str | None]:
    """A mentor's reviews, newest first, each with who wrote it and the title of the ticket."""
    rows, next_cursor = keyset.cut(
        await queries.of_mentor(db, mentor_id, keyset, queries.STORIES), lambda row: (row["id"],)
    )
    return [_as_story(row, viewer) for row in rows], next_cursor


def _as_story(row: Row, viewer: Viewer) -> dict[str, Any]:
    told = {name: row[name] for name in ("id", "ticket_id", "title", "rating", "comment", "created_at", "is_anonymous")}
    told |= {"may_be_shown": row["may_be_shown"] and bool(row["comment"]), "is_shown": row["shown_at"] is not None}
    return told | {"student": public_user(row, "student_") if _may_know_asker(viewer, row) else None}


async def spread(db: Read, mentor_id: int) -> dict[int, int]:
    """How often a mentor was given each rating, 5 first."""
    found = await queries.spread(db, mentor_id)
    return {rating: found.get(rating, 0) for rating in range(5, 0, -1)}


def _may_know_asker(viewer: Viewer, row: Row) -> bool:
    """An anonymous asker is known to the same people as on the ticket."""
    return not row["is_anonymous"] or viewer.is_admin or viewer.id in (row["student_id"], row["mentor_id"])


def as_review(row: Row, viewer: Viewer) -> Review:
    """A review on the wire, as `viewer` may see it."""
    student_id = row["student_id"] if _may_know_asker(viewer, row) else None
    return Review(**{**row, "student_id": student_id, "is_shown": row["shown_at"] is not None})


@within(UserDeleted)
async def withdraw(db: Write, event: UserDeleted) -> None:
    """What somebody said of mentors stays, but on no profile."""
    await queries.hide_all_of(db, event.user_id)


@export_section("reviews")
async def given(db: Read, user_id: int) -> list[Row]:
    """What somebody said of mentors."""
    return await queries.by_student(db, user_id)
