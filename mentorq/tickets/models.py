"""Tables of tickets."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, Json, UTCDateTime, length_check, one_of, only_where
from mentorq.tickets.states import Action, Status

LONGEST_TITLE = 200
LONGEST_DESCRIPTION = 20_000
LONGEST_SOLUTION = 40_000
LONGEST_MESSAGE = 10_000
LONGEST_REASON = 1_000


def in_state(*statuses: Status) -> sa.ColumnElement[bool]:
    """Tickets in one of `statuses`, in words that partial indices recognise: for parameters they would not be used."""
    words: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{status}'") for status in statuses]
    status = TicketRow.__table__.c.status
    return status == words[0] if len(words) == 1 else status.in_(words)


class TicketRow(Base):
    """A question. Its row carries what lists show; everything that happened to it is in `ticket_events`."""

    __tablename__ = "tickets"
    __table_args__ = (
        one_of("status", list(Status)),
        length_check("title", LONGEST_TITLE),
        length_check("description", LONGEST_DESCRIPTION),
        length_check("solution", LONGEST_SOLUTION),
        sa.CheckConstraint("(status = 'open') = (assigned_mentor_id IS NULL)", name="open_has_no_mentor"),
        sa.Index("ix_tickets_newest", "created_at", "id"),
        sa.Index("ix_tickets_queue", "created_at", "id", **only_where("status = 'open'")),
        sa.Index("ix_tickets_student", "student_id", "created_at", "id"),
        sa.Index("ix_tickets_mentor", "assigned_mentor_id", "created_at", "id"),
        sa.Index("ix_tickets_lease", "respond_by", **only_where("status = 'assigned'")),
        sa.Index("ix_tickets_auto_close", "resolved_at", **only_where("status = 'resolved'")),
        sa.Index("ix_tickets_solved", "resolved_at", "id", **only_where("resolved_at IS NOT NULL")),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    title: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str] = mapped_column(sa.Text)
    tags: Mapped[list[str]] = mapped_column(Json)
    status: Mapped[str] = mapped_column(sa.String(10), default=Status.OPEN)
    student_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"))
    assigned_mentor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"))
    is_anonymous: Mapped[bool] = mapped_column(default=False)
    solution: Mapped[str | None] = mapped_column(sa.Text)
    messages: Mapped[int] = mapped_column(sa.Integer, default=0)
    claim_no: Mapped[int] = mapped_column(sa.Integer, default=0)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    first_assigned_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    assigned_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    responded_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    respond_by: Mapped[datetime | None] = mapped_column(UTCDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class TicketTagRow(Base):
    """A tag on a ticket. Carries the queue's order, so that the newest of a tag are one index's first rows."""

    __tablename__ = "ticket_tags"
    __table_args__ = (
        sa.Index("ix_ticket_tags_queue", "tag_id", "created_at", "ticket_id", **only_where("is_open", "is_open = 1")),
        sa.Index("ix_ticket_tags_newest", "tag_id", "created_at", "ticket_id"),
    )

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(sa.ForeignKey("tags.id", ondelete="RESTRICT"), primary_key=True)
    is_open: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class TicketEventRow(Base):
    """One transition: who, when, from, to, why. Only ever added to."""

    __tablename__ = "ticket_events"
    __table_args__ = (one_of("action", list(Action)), sa.Index("ix_ticket_events_ticket", "ticket_id", "id"))

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"))
    action: Mapped[str] = mapped_column(sa.String(20))
    actor_id: Mapped[int | None] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    from_status: Mapped[str | None] = mapped_column(sa.String(10))
    to_status: Mapped[str] = mapped_column(sa.String(10))
    reason: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class TicketMessageRow(Base):
    """One message of the conversation between owner and mentor."""

    __tablename__ = "ticket_messages"
    __table_args__ = (length_check("body", LONGEST_MESSAGE), sa.Index("ix_ticket_messages_ticket", "ticket_id", "id"))

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"))
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    body: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class SolutionVersionRow(Base):
    """What a solution said at some time; the newest is also on the ticket's row."""

    __tablename__ = "solution_versions"
    __table_args__ = (
        length_check("body", LONGEST_SOLUTION),
        sa.Index("ix_solution_versions_ticket", "ticket_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"))
    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    body: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class SolutionDraftRow(Base):
    """The solution that a mentor is writing."""

    __tablename__ = "solution_drafts"
    __table_args__ = (length_check("body", LONGEST_SOLUTION),)

    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    body: Mapped[str] = mapped_column(sa.Text)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)


class TicketPassRow(Base):
    """A mentor to whom a ticket is not offered again: passed, gave it back, or let the lease run out."""

    __tablename__ = "ticket_passes"
    __table_args__ = (sa.Index("ix_ticket_passes_ticket", "ticket_id"),)

    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    reason: Mapped[str] = mapped_column(sa.String(12))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
