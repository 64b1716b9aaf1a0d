"""What matching knows, kept as tickets are solved: no statement of it ever looks at all tickets."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, Json, JsonOrNull, UTCDateTime

Term = sa.String(40).with_variant(sa.String(40, collation="C"), "postgresql")


class MentorStatsRow(Base):
    """A mentor in numbers."""

    __tablename__ = "mentor_stats"
    __table_args__ = (
        sa.Index("ix_mentor_stats_rating", "rating_rank", "mentor_id"),
        sa.Index("ix_mentor_stats_resolved", "tickets_resolved", "mentor_id"),
    )

    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    tickets_resolved: Mapped[int] = mapped_column(Id, default=0)
    tickets_active: Mapped[int] = mapped_column(Id, default=0)
    rating_sum: Mapped[int] = mapped_column(Id, default=0)
    rating_count: Mapped[int] = mapped_column(Id, default=0)
    rating_rank: Mapped[float] = mapped_column(sa.Double, default=0.0)
    median_response_seconds: Mapped[int | None] = mapped_column(Id)
    followers: Mapped[int] = mapped_column(Id, default=0, server_default="0")


class MentorResponseRow(Base):
    """How long a mentor took to the first word on a ticket, in seconds."""

    __tablename__ = "mentor_responses"
    __table_args__ = (sa.Index("ix_mentor_responses_mentor", "mentor_id", "id"),)

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    seconds: Mapped[int] = mapped_column(Id)


class MentorTagRecordRow(Base):
    """What a mentor has solved under a tag; `total` grows by `terms.growth`."""

    __tablename__ = "mentor_tag_records"
    __table_args__ = (sa.Index("ix_mentor_tag_records_best", "tag_id", "total", "mentor_id"),)

    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(sa.ForeignKey("tags.id", ondelete="RESTRICT"), primary_key=True)
    total: Mapped[float] = mapped_column(sa.Double, default=0.0)
    solved: Mapped[int] = mapped_column(Id, default=0)
    rating_sum: Mapped[int] = mapped_column(Id, default=0)
    rating_count: Mapped[int] = mapped_column(Id, default=0)


class MentorTermRow(Base):
    """How much of what a mentor solved was about a term; `total` grows by `terms.growth`."""

    __tablename__ = "mentor_terms"
    __table_args__ = (
        sa.Index("ix_mentor_terms_best", "term", "total", "mentor_id"),
        sa.Index("ix_mentor_terms_own", "mentor_id", "total"),
    )

    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    term: Mapped[str] = mapped_column(Term, primary_key=True)
    total: Mapped[float] = mapped_column(sa.Double)


class TermFrequencyRow(Base):
    """How many solved tickets have a term, or, with # before it, a tag."""

    __tablename__ = "term_frequencies"

    term: Mapped[str] = mapped_column(Term, primary_key=True)
    tickets: Mapped[int] = mapped_column(Id)


class MatchingTotalsRow(Base):
    """One row: how many solved tickets the frequencies are of, and when the last was solved."""

    __tablename__ = "matching_totals"

    id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    tickets: Mapped[int] = mapped_column(Id)
    last_solved_at: Mapped[datetime] = mapped_column(UTCDateTime)


class SolvedTicketRow(Base):
    """What a solved ticket added to the records, so that it can be taken back when the ticket is reopened.

    `terms` is null until a job has read the text.
    """

    __tablename__ = "solved_tickets"

    ticket_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    solved_at: Mapped[datetime] = mapped_column(UTCDateTime)
    tag_ids: Mapped[list[int]] = mapped_column(Json)
    terms: Mapped[dict[str, float] | None] = mapped_column(JsonOrNull)


class AskedTermsRow(Base):
    """The telling terms of a ticket that waits, for the ranking of queues."""

    __tablename__ = "asked_terms"

    ticket_id: Mapped[int] = mapped_column(
        sa.ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    terms: Mapped[dict[str, float]] = mapped_column(Json)
