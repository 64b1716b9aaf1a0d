"""The table of reviews."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, UTCDateTime, length_check

LONGEST_COMMENT = 2_000


class ReviewRow(Base):
    """What the owner of a closed ticket says of its mentor: once."""

    __tablename__ = "reviews"
    __table_args__ = (
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name="rating_known"),
        length_check("comment", LONGEST_COMMENT),
        sa.Index("ix_reviews_mentor", "mentor_id", "id"),
    )

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"), unique=True)
    student_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"))
    rating: Mapped[int] = mapped_column(sa.SmallInteger)
    comment: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
