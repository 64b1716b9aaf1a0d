"""Tables of the community."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, Json, UTCDateTime, one_of, only_where

SHOWN = "hidden_at IS NULL"
LONGEST_KEY = 40


class Deed(StrEnum):
    """What a mentor did that followers hear of."""

    RESOLVED = "resolved"
    ACHIEVEMENT = "achievement"
    AVAILABLE = "available"
    SLOTS = "slots"


def key_of(deed: Deed, what: object) -> str:
    """What names one deed of a mentor's, so that it is told once."""
    return f"{deed} {what}"


class FollowRow(Base):
    """Somebody wants to know what a mentor does."""

    __tablename__ = "follows"
    __table_args__ = (
        sa.CheckConstraint("follower_id <> mentor_id", name="two_people"),
        sa.Index("ix_follows_newest", "follower_id", "created_at", "mentor_id"),
        sa.Index("ix_follows_mentor", "mentor_id", "follower_id"),
    )

    follower_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    mentor_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class ActivityRow(Base):
    """One thing that a mentor did; `key` names the fact, so that there is one row of it.

    What is true no longer is gone, or hidden, if it has to be remembered: how long a mentor was away.
    """

    __tablename__ = "activities"
    __table_args__ = (
        one_of("kind", list(Deed)),
        sa.UniqueConstraint("mentor_id", "key"),
        sa.Index("ix_activities_newest", "mentor_id", "id", **only_where(SHOWN)),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    mentor_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(sa.String(12))
    key: Mapped[str] = mapped_column(sa.String(60))
    ticket_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    hidden_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class LatestRow(Base):
    """The newest activity of a mentor that is shown; 0 where there is none.

    Whoever adds or hides one changes this row first, so that it is never another one that is the newest.
    """

    __tablename__ = "latest_activities"

    mentor_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    activity_id: Mapped[int] = mapped_column(Id)


class AwardRow(Base):
    """Somebody has earned an achievement: when, and by which ticket."""

    __tablename__ = "awards"
    __table_args__ = (sa.UniqueConstraint("user_id", "achievement"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    achievement: Mapped[str] = mapped_column(sa.String(LONGEST_KEY))
    ticket_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tickets.id", ondelete="SET NULL"), index=True)
    awarded_at: Mapped[datetime] = mapped_column(UTCDateTime)


class AwardCountRow(Base):
    """How many have an achievement."""

    __tablename__ = "award_counts"

    achievement: Mapped[str] = mapped_column(sa.String(LONGEST_KEY), primary_key=True)
    awarded_to: Mapped[int] = mapped_column(Id)
