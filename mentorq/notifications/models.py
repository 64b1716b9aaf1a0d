"""Tables of notifications."""

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, Json, UTCDateTime, one_of, only_where
from mentorq.notifications.kinds import Email, Kind

UNREAD = "read_at IS NULL AND gone IS NULL"
UNSCHEDULED = datetime(1970, 1, 1, tzinfo=UTC)
"""When the first digest is due: nobody has found out yet when the reader's morning is."""


class InboxRow(Base):
    """One person's inbox, and how the person wants to hear.

    `last_seq` counts what was put into it, or changed in it: whoever does so updates this row first, so the numbers
    come in the order of the commits, and a reader that resumes after one misses nothing.
    """

    __tablename__ = "inboxes"
    __table_args__ = (sa.Index("ix_inboxes_digest", "digest_due_at"),)

    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    last_seq: Mapped[int] = mapped_column(Id, default=0)
    matching_on: Mapped[date | None] = mapped_column(sa.Date)
    matching_count: Mapped[int] = mapped_column(sa.Integer, default=0)
    quiet_from: Mapped[str | None] = mapped_column(sa.String(5))
    quiet_until: Mapped[str | None] = mapped_column(sa.String(5))
    paused_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    digest_due_at: Mapped[datetime] = mapped_column(UTCDateTime, default=UNSCHEDULED)
    digest_seq: Mapped[int] = mapped_column(Id, default=0)


class PreferenceRow(Base):
    """Where somebody wants to be told of a kind of things, who wants it otherwise than `kinds.USUAL`."""

    __tablename__ = "notification_preferences"
    __table_args__ = (one_of("kind", list(Kind)), one_of("email", list(Email)))

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(30), primary_key=True)
    in_app: Mapped[bool]
    email: Mapped[str] = mapped_column(sa.String(10))
    push: Mapped[bool]


class NotificationRow(Base):
    """One thing that somebody was told.

    `key` names the fact, so that nobody is told of it twice. What repeats (`thread`) is one line: the newest row says
    how many, those before it are `gone`: replaced. What needs nobody any longer is gone, too: moot. Rows name people
    and tickets by id only and have no foreign key to the ticket: what they say is read when it is shown.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        one_of("kind", list(Kind)),
        sa.CheckConstraint("gone IS NULL OR gone IN ('replaced', 'moot')", name="gone_known"),
        sa.UniqueConstraint("user_id", "seq"),
        sa.UniqueConstraint("user_id", "key"),
        sa.Index(
            "ix_notifications_unread",
            "user_id",
            "seq",
            **only_where(f"{UNREAD} AND in_app", f"{UNREAD} AND in_app = 1"),
        ),
        sa.Index("ix_notifications_ticket", "ticket_id", "kind"),
        sa.Index("ix_notifications_session", "session_id", "user_id"),
        sa.Index("ix_notifications_read", "read_at"),
        sa.Index("ix_notifications_gone", "created_at", **only_where("gone IS NOT NULL")),
        {"sqlite_autoincrement": True},
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    seq: Mapped[int] = mapped_column(Id)
    kind: Mapped[str] = mapped_column(sa.String(30))
    key: Mapped[str] = mapped_column(sa.String(80))
    thread: Mapped[str | None] = mapped_column(sa.String(60))
    ticket_id: Mapped[int | None] = mapped_column(Id)
    session_id: Mapped[int | None] = mapped_column(Id)
    actor_id: Mapped[int | None] = mapped_column(Id)
    data: Mapped[dict[str, Any]] = mapped_column(Json)
    times: Mapped[int] = mapped_column(sa.Integer)
    in_app: Mapped[bool]
    gone: Mapped[str | None] = mapped_column(sa.String(10))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class PushSubscriptionRow(Base):
    """One browser that shows what its owner is told."""

    __tablename__ = "push_subscriptions"
    __table_args__ = (sa.Index("ix_push_subscriptions_user", "user_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"))
    endpoint: Mapped[str] = mapped_column(sa.String(1000), unique=True)
    p256dh: Mapped[str] = mapped_column(sa.String(100))
    auth: Mapped[str] = mapped_column(sa.String(40))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
