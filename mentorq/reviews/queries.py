"""Every statement about reviews."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import UserRow
from mentorq.accounts.queries import public_columns
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.pagination import Keyset
from mentorq.reviews.models import ReviewRow
from mentorq.tickets.models import TicketRow, in_state
from mentorq.tickets.policy import visible_to
from mentorq.tickets.queries import TICKETS, T
from mentorq.tickets.states import Status

R = ReviewRow.__table__
REVIEWS = sa.select(R, TicketRow.is_anonymous, TicketRow.assigned_mentor_id).join(
    TicketRow, TicketRow.id == R.c.ticket_id
)

STUDENT = UserRow.__table__.alias("student")
STORIES = (
    sa.select(
        R.c.id, R.c.ticket_id, R.c.mentor_id, R.c.rating, R.c.comment, R.c.created_at, R.c.may_be_shown, R.c.shown_at,
        TicketRow.title, TicketRow.is_anonymous, *public_columns(STUDENT, "student_"),
    ).join(TicketRow, TicketRow.id == R.c.ticket_id).join(STUDENT, STUDENT.c.id == R.c.student_id)
)  # fmt: skip
"""A review with who wrote it, and what it was about."""


async def add(
    db: Write, ticket_id: int, student_id: int, rating: int, comment: str, *, may_be_shown: bool
) -> Row | None:
    """None where the ticket is not the student's, not closed, or reviewed already: one statement decides."""
    source = sa.select(
        TicketRow.id,
        TicketRow.student_id,
        TicketRow.assigned_mentor_id,
        sa.literal(rating, type_=R.c.rating.type),
        sa.literal(comment, type_=R.c.comment.type),
        sa.literal(now(), type_=R.c.created_at.type),
        sa.literal(may_be_shown),
        sa.literal(1),
    ).where(TicketRow.id == ticket_id, TicketRow.student_id == student_id, TicketRow.status == Status.CLOSED)
    columns = ["ticket_id", "student_id", "mentor_id", "rating", "comment", "created_at", "may_be_shown", "version"]
    statement: Any = db.insert(ReviewRow).from_select(columns, source)
    return await db.row(statement.on_conflict_do_nothing(index_elements=["ticket_id"]).returning(R))


async def of_ticket(db: Read, viewer: Viewer, ticket_id: int) -> Row | None:
    """The review of a ticket that `viewer` may see."""
    return await db.row(REVIEWS.where(R.c.ticket_id == ticket_id, visible_to(viewer)))


async def of_mentor(db: Read, mentor_id: int, keyset: Keyset, reviews: sa.Select[Any] = REVIEWS) -> list[Row]:
    """A mentor's reviews, newest first. They are of closed tickets, which anyone may see."""
    statement = reviews.where(R.c.mentor_id == mentor_id)
    if keyset.after:
        statement = statement.where(R.c.id < keyset.after[0])
    return await db.rows(statement.order_by(R.c.id.desc()).limit(keyset.limit + 1))


async def spread(db: Read, mentor_id: int) -> dict[int, int]:
    """How many reviews of a mentor gave each rating."""
    rows = await db.rows(
        sa.select(R.c.rating, sa.func.count().label("times")).where(R.c.mentor_id == mentor_id).group_by(R.c.rating)
    )
    return {row["rating"]: row["times"] for row in rows}


async def missing(db: Read, student_id: int, since: datetime, limit: int) -> list[Row]:
    """A student's tickets that were closed after a time and have no review, newest first."""
    reviewed = sa.select(sa.literal(1)).where(R.c.ticket_id == T.c.id).exists()
    mine = TICKETS.where(T.c.student_id == student_id, in_state(Status.CLOSED), T.c.closed_at > since, ~reviewed)
    return await db.rows(mine.order_by(T.c.created_at.desc(), T.c.id.desc()).limit(limit))


# --- testimonials


async def change(db: Write, ticket_id: int, student_id: int, *, may_be_shown: bool, version: int | None) -> Row | None:
    """Let the mentor show a review, or not any longer, which also ends that. None where there is none to change."""
    mine = sa.update(ReviewRow).where(R.c.ticket_id == ticket_id, R.c.student_id == student_id)
    if version is not None:
        mine = mine.where(R.c.version == version)
    shown_at = {} if may_be_shown else {"shown_at": None}
    return await db.row(mine.values(may_be_shown=may_be_shown, version=R.c.version + 1, **shown_at).returning(R))


async def one(db: Read, review_id: int) -> Row | None:
    """A review, whoever asks: to find out why something is refused."""
    return await db.row(sa.select(R).where(R.c.id == review_id))


async def show(db: Write, review_id: int, mentor_id: int) -> Row | None:
    """Show a review on its mentor's profile, if it may be; None where it may not, or is shown already."""
    return await db.row(
        sa.update(ReviewRow)
        .where(
            R.c.id == review_id, R.c.mentor_id == mentor_id, R.c.may_be_shown, R.c.comment != "", R.c.shown_at.is_(None)
        )
        .values(shown_at=now(), version=R.c.version + 1)
        .returning(R)
    )


async def hide(db: Write, review_id: int, mentor_id: int) -> Row | None:
    """Show it no longer; None where it was not."""
    shown = sa.update(ReviewRow).where(R.c.id == review_id, R.c.mentor_id == mentor_id, R.c.shown_at.is_not(None))
    return await db.row(shown.values(shown_at=None, version=R.c.version + 1).returning(R))


async def hide_all_of(db: Write, student_id: int) -> None:
    """Whoever leaves for good allows nothing any longer."""
    mine = sa.update(ReviewRow).where(R.c.student_id == student_id, R.c.may_be_shown)
    await db.execute(mine.values(may_be_shown=False, shown_at=None, version=R.c.version + 1))


async def shown(db: Read, mentor_id: int, limit: int) -> list[Row]:
    """The reviews on a mentor's profile, last shown first. They are of closed tickets, which anyone may see."""
    stories = STORIES.where(R.c.mentor_id == mentor_id, R.c.shown_at.is_not(None))
    return await db.rows(stories.order_by(R.c.shown_at.desc(), R.c.id.desc()).limit(limit))


async def by_student(db: Read, user_id: int) -> list[Row]:
    return await db.rows(sa.select(R).where(R.c.student_id == user_id).order_by(R.c.id))
