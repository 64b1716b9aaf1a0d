"""Tables of webhooks."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, Json, UTCDateTime, length_check, one_of
from mentorq.core.outgoing import LONGEST_URL

LONGEST_ERROR = 300


class EventName(StrEnum):
    """What a webhook may be told of."""

    TICKET_POSTED = "ticket.posted"
    TICKET_ACCEPTED = "ticket.accepted"
    TICKET_RELEASED = "ticket.released"
    TICKET_RESOLVED = "ticket.resolved"
    TICKET_REOPENED = "ticket.reopened"
    TICKET_CLOSED = "ticket.closed"
    TICKET_DELETED = "ticket.deleted"
    MESSAGE_POSTED = "message.posted"
    REVIEW_GIVEN = "review.given"
    SESSION_REQUESTED = "session.requested"
    SESSION_ACCEPTED = "session.accepted"
    SESSION_DECLINED = "session.declined"
    SESSION_CANCELLED = "session.cancelled"
    SESSION_ENDED = "session.ended"
    USER_JOINED = "user.joined"
    USER_DELETED = "user.deleted"


class State(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookRow(Base):
    """An address that wants to know. `failing_since` is the first failure after the last success; until `paused_until`
    nothing is sent, because it was slow to fail."""

    __tablename__ = "webhooks"
    __table_args__ = (length_check("url", LONGEST_URL), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    url: Mapped[str] = mapped_column(sa.Text)
    secret: Mapped[str] = mapped_column(sa.String(80))
    events: Mapped[list[str]] = mapped_column(Json)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    disabled_reason: Mapped[str | None] = mapped_column(sa.String(LONGEST_ERROR))
    failing_since: Mapped[datetime | None] = mapped_column(UTCDateTime)
    paused_until: Mapped[datetime | None] = mapped_column(UTCDateTime)


class WebhookDeliveryRow(Base):
    """One event for one webhook. `attempts` counts those made: only the job of the latest may make the next one."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        one_of("state", list(State)),
        sa.UniqueConstraint("webhook_id", "event_key"),
        sa.Index("ix_webhook_deliveries_newest", "webhook_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    webhook_id: Mapped[int] = mapped_column(sa.ForeignKey("webhooks.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(sa.String(40))
    event_key: Mapped[str] = mapped_column(sa.String(64))
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(sa.String(10), default=State.WAITING)
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    last_status: Mapped[int | None] = mapped_column(sa.Integer)
    last_error: Mapped[str | None] = mapped_column(sa.String(LONGEST_ERROR))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    delivered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
