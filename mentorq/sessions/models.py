"""Tables of live sessions."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, Json, UTCDateTime, length_check, one_of, only_where
from mentorq.sessions.states import Status

LONGEST_TOPIC = 200
LONGEST_REASON = 1_000
SHORTEST_MINUTES, LONGEST_MINUTES = 15, 60
LONGEST_WITH_EXTENSIONS = 120


def in_state(*statuses: Status) -> sa.ColumnElement[bool]:
    """Sessions in one of `statuses`, in words that partial indices recognise."""
    words: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{status}'") for status in statuses]
    status = SessionRow.__table__.c.status
    return status == words[0] if len(words) == 1 else status.in_(words)


def _only(status: Status) -> dict[str, Any]:
    return only_where(f"status = '{status}'")


def _never_overlap(person: str) -> sa.Constraint:
    """No two booked sessions of one person overlap. SQLite keeps the same promise by triggers: see migration 0008."""
    constraint = ExcludeConstraint(
        (sa.text(f"int8range({person}_id, {person}_id, '[]')"), "&&"),
        (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
        name=f"ex_sessions_{person}",
        where=sa.text("status IN ('accepted', 'live')"),
    )
    return constraint.ddl_if(dialect="postgresql")


class SessionRow(Base):
    """A request for some minutes of a mentor's time, and what becomes of it.

    `expires_at` is when a request ends by itself, `awaits` who is to answer it. `reminded` counts the reminders that
    went out. `missed_by` says who had not come ten minutes after the beginning.
    """

    __tablename__ = "sessions"
    __table_args__ = (
        one_of("status", list(Status)),
        one_of("awaits", ["mentor", "student"]),
        length_check("topic", LONGEST_TOPIC),
        length_check("reason", LONGEST_REASON),
        sa.CheckConstraint(f"duration_minutes BETWEEN {SHORTEST_MINUTES} AND {LONGEST_MINUTES}", name="duration_known"),
        sa.CheckConstraint("starts_at < ends_at", name="ends_after_start"),
        sa.CheckConstraint("missed_by IS NULL OR missed_by IN ('student', 'mentor', 'both')", name="missed_by_known"),
        _never_overlap("mentor"),
        _never_overlap("student"),
        sa.Index("ix_sessions_student", "student_id", "starts_at", "id"),
        sa.Index("ix_sessions_mentor", "mentor_id", "starts_at", "id"),
        sa.Index("ix_sessions_of_student", "student_id", "id"),
        sa.Index("ix_sessions_of_mentor", "mentor_id", "id"),
        sa.Index("ix_sessions_ticket", "ticket_id"),
        sa.Index("ix_sessions_expiry", "expires_at", **_only(Status.REQUESTED)),
        sa.Index("ix_sessions_begin", "starts_at", **_only(Status.ACCEPTED)),
        sa.Index("ix_sessions_finish", "ends_at", **_only(Status.LIVE)),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    student_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"))
    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"))
    ticket_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tickets.id", ondelete="SET NULL"))
    topic: Mapped[str] = mapped_column(sa.Text)
    status: Mapped[str] = mapped_column(sa.String(10), default=Status.REQUESTED)
    is_now: Mapped[bool]
    awaits: Mapped[str] = mapped_column(sa.String(10), default="mentor")
    starts_at: Mapped[datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[datetime] = mapped_column(UTCDateTime)
    duration_minutes: Mapped[int] = mapped_column(sa.Integer)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str | None] = mapped_column(sa.Text)
    sequence: Mapped[int] = mapped_column(sa.Integer, default=0)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    reminded: Mapped[int] = mapped_column(sa.Integer, default=0)
    missed_by: Mapped[str | None] = mapped_column(sa.String(10))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ScheduleRow(Base):
    """A mentor's hours, as the mentor wrote them. Who has none may be asked for any time."""

    __tablename__ = "schedules"

    mentor_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    time_zone: Mapped[str] = mapped_column(sa.String(64))
    weekly: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    exceptions: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    minimum_notice_minutes: Mapped[int] = mapped_column(sa.Integer)
    buffer_minutes: Mapped[int] = mapped_column(sa.Integer)
    daily_maximum: Mapped[int | None] = mapped_column(sa.Integer)
    updated_at: Mapped[datetime] = mapped_column(UTCDateTime)


class CalendarRow(Base):
    """The private address of somebody's calendar; of its token, only the hash."""

    __tablename__ = "calendars"

    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
