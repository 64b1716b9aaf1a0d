"""Tables of accounts."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, Json, UTCDateTime, length_check, one_of

MOST_AT_ONCE = 50
"""Tickets that a mentor may want to have in hand at most."""


class Role(StrEnum):
    """What an account may do. Admins are made on the command line only."""

    STUDENT = "student"
    MENTOR = "mentor"
    ADMIN = "admin"


class TokenPurpose(StrEnum):
    """What a mailed token is for."""

    RESET_PASSWORD = "reset_password"  # noqa: S105
    VERIFY_EMAIL = "verify_email"


class UserRow(Base):
    """A person. A deleted one keeps the row, so that contributions stay, but no name and nothing personal."""

    __tablename__ = "users"
    __table_args__ = (
        one_of("role", list(Role)),
        length_check("bio", 2000),
        sa.CheckConstraint(f"capacity BETWEEN 1 AND {MOST_AT_ONCE}", name="capacity_sensible"),
        sa.Index("ix_users_role_newest", "role", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    username: Mapped[str | None] = mapped_column(sa.String(50), unique=True)
    email: Mapped[str | None] = mapped_column(sa.String(320), unique=True)
    email_verified_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    password_hash: Mapped[str | None] = mapped_column(sa.String(100))
    role: Mapped[str] = mapped_column(sa.String(10))
    bio: Mapped[str] = mapped_column(sa.Text, default="")
    headline: Mapped[str] = mapped_column(sa.String(120), default="")
    pronouns: Mapped[str] = mapped_column(sa.String(40), default="", server_default="")
    time_zone: Mapped[str] = mapped_column(sa.String(64), default="UTC")
    language: Mapped[str] = mapped_column(sa.String(5), default="en", server_default="en")
    links: Mapped[list[str]] = mapped_column(Json, default=list)
    avatar: Mapped[str | None] = mapped_column(sa.String(200))
    is_available: Mapped[bool] = mapped_column(default=True)
    away_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    capacity: Mapped[int | None] = mapped_column(Id)
    on_leaderboard: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class UserTagRow(Base):
    """A mentor's expertise, or what a student learns."""

    __tablename__ = "user_tags"
    __table_args__ = (sa.Index("ix_user_tags_tag", "tag_id", "user_id"),)

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(sa.ForeignKey("tags.id", ondelete="RESTRICT"), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class SignInRow(Base):
    """One device that somebody signed in on."""

    __tablename__ = "sign_ins"
    __table_args__ = (sa.Index("ix_sign_ins_user", "user_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    user_agent: Mapped[str] = mapped_column(sa.String(300))
    address: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class RefreshTokenRow(Base):
    """One refresh token of a sign-in; a spent one is kept to recognise its reuse."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    sign_in_id: Mapped[int] = mapped_column(sa.ForeignKey("sign_ins.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    spent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class AccountTokenRow(Base):
    """A token that was mailed: single use."""

    __tablename__ = "account_tokens"
    __table_args__ = (one_of("purpose", list(TokenPurpose)),)

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(sa.String(20))
    email: Mapped[str] = mapped_column(sa.String(320))
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
