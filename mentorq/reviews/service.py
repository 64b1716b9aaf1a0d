"""Reviewing a closed ticket, and reading what others said."""

from datetime import timedelta
from typing import Any

from mentorq.accounts.errors import UserNotFound
from mentorq.accounts.models import Role
from mentorq.accounts.profile import export_section, public
from mentorq.accounts.schemas import Viewer, public_user
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.errors import DomainError
from mentorq.core.events import emit
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


async def review(db: Write, ticket_id: int, student: Viewer, rating: int, comment: str) -> Review:
    """Review the mentor of a closed ticket, once.

    Raises:
        TicketNotFound: there is none that the student may know of.
        NotYours: it is somebody else's.
        TicketNotClosed: not yet.
        AlreadyReviewed: a second time.
    """
    added = await queries.add(db, ticket_id, student.id, rating, comment)
    if added is None:
        raise await _why_not(db, ticket_id, student)
    await emit(db, ReviewGiven(added["id"], ticket_id, student.id, added["mentor_id"], rating))
    return Review(**added)


async def _why_not(db: Read, ticket_id: int, student: Viewer) -> DomainError:
    ticket = await bare(db, ticket_id)
    if ticket is None or not may_know_of(student, ticket):
        return TicketNotFound()
    if ticket["student_id"] != student.id:
        return NotYours()
    return AlreadyReviewed() if ticket["status"] == Status.CLOSED else TicketNotClosed()


async def of_ticket(db: Read, viewer: Viewer, ticket_id: int) -> Review:
    """A ticket's review.

    Raises:
        ReviewNotFound: there is none that `viewer` may see.
    """
    row = await queries.of_ticket(db, viewer, ticket_id)
    if row is None:
        raise ReviewNotFound
    return _as_review(row, viewer)


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
    if (await public(db, mentor_id)).role != Role.MENTOR and not rows:
        raise UserNotFound
    return [_as_review(row, viewer) for row in rows], next_cursor


async def stories(db: Read, viewer: Viewer, mentor_id: int, keyset: Keyset) -> tuple[list[dict[str, Any]], str | None]:
    """A mentor's reviews, newest first, each with who wrote it and the title of the ticket."""
    rows, next_cursor = keyset.cut(
        await queries.of_mentor(db, mentor_id, keyset, queries.STORIES), lambda row: (row["id"],)
    )
    return [_as_story(row, viewer) for row in rows], next_cursor


def _as_story(row: Row, viewer: Viewer) -> dict[str, Any]:
    told = {name: row[name] for name in ("id", "ticket_id", "title", "rating", "comment", "created_at", "is_anonymous")}
    return told | {"student": public_user(row, "student_") if _may_know_asker(viewer, row) else None}


async def spread(db: Read, mentor_id: int) -> dict[int, int]:
    """How often a mentor was given each rating, 5 first."""
    found = await queries.spread(db, mentor_id)
    return {rating: found.get(rating, 0) for rating in range(5, 0, -1)}


def _may_know_asker(viewer: Viewer, row: Row) -> bool:
    """An anonymous asker is known to the same people as on the ticket."""
    return not row["is_anonymous"] or viewer.is_admin or viewer.id in (row["student_id"], row["mentor_id"])


def _as_review(row: Row, viewer: Viewer) -> Review:
    return Review(**{**row, "student_id": row["student_id"] if _may_know_asker(viewer, row) else None})


@export_section("reviews")
async def given(db: Read, user_id: int) -> list[Row]:
    """What somebody said of mentors."""
    return await queries.by_student(db, user_id)
