"""What is kept of what mentors did, in the transactions in which they do it."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, UTCDateTime, one_of, only_where
from mentorq.insights.facts import Kind
from mentorq.insights.leaderboard import QUALIFIES, SCORE


class MentorFactRow(Base):
    """A first answer, a solution that stands, or a review: see `facts.Kind` for what `value` is.

    One row each, so that a median is exact and a day is the reader's own, wherever that is.
    """

    __tablename__ = "mentor_facts"
    __table_args__ = (
        one_of("kind", list(Kind)),
        sa.Index("ix_mentor_facts_mentor", "mentor_id", "kind", "at", "value", "ticket_id"),
        sa.Index("ix_mentor_facts_pair", "student_id", "mentor_id"),
    )

    ticket_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    kind: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    claim_no: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"))
    student_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    value: Mapped[int] = mapped_column(Id)


class StandingRow(Base):
    """A mentor in one period under one tag, 0 for all: the sums of `leaderboard.of_pair` over all students."""

    __tablename__ = "standings"
    __table_args__ = (
        sa.Index(
            "ix_standings_best", "period", "tag_id", "score", "mentor_id", **only_where(QUALIFIES),
        ),
    )  # fmt: skip

    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    period: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    tag_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    solved: Mapped[int] = mapped_column(Id, default=0)
    students: Mapped[int] = mapped_column(Id, default=0)
    seconds: Mapped[int] = mapped_column(Id, default=0)
    helped: Mapped[int] = mapped_column(Id, default=0)
    rating_count: Mapped[int] = mapped_column(Id, default=0)
    rating_sum: Mapped[int] = mapped_column(Id, default=0)
    trusted: Mapped[int] = mapped_column(Id, default=0)
    stars: Mapped[int] = mapped_column(Id, default=0)
    score: Mapped[int] = mapped_column(Id, sa.Computed(SCORE, persisted=True))
