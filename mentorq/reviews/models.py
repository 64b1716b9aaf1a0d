"""The table of reviews."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, UTCDateTime, length_check, only_where

LONGEST_COMMENT = 2_000


class ReviewRow(Base):
    """What the owner of a closed ticket says of its mentor: once.

    Where the owner says that it may be shown on the mentor's profile, and the mentor does so, it is a testimonial, for
    as long as both want it: `shown_at` is null wherever `may_be_shown` is false.
    """

    __tablename__ = "reviews"
    __table_args__ = (
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name="rating_known"),
        length_check("comment", LONGEST_COMMENT),
        sa.Index("ix_reviews_mentor", "mentor_id", "id"),
        sa.Index("ix_reviews_shown", "mentor_id", "shown_at", **only_where("shown_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"), unique=True)
    student_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"))
    rating: Mapped[int] = mapped_column(sa.SmallInteger)
    comment: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    may_be_shown: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    shown_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(sa.Integer, default=1, server_default="1")
