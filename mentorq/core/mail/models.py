"""Tables of mail."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id, JsonOrNull, UTCDateTime, one_of

LONGEST_REASON = 200


class State(StrEnum):
    """What became of a mail."""

    WAITING = "waiting"
    SENDING = "sending"
    """A worker has begun; whether the provider has it is not known yet."""
    SENT = "sent"
    FAILED = "failed"
    """It was refused for good, or too often."""
    UNKNOWN = "unknown"
    """It may have been sent, or not. Nobody but a person tries it again."""
    SUPPRESSED = "suppressed"
    """It was not to be sent: the address bounces or complained, or nobody wants it any more."""


class MailRow(Base):
    """One mail to one person. Whom it is to and what it says is deleted as soon as it is sent."""

    __tablename__ = "mails"
    __table_args__ = (
        one_of("state", list(State)),
        sa.Index("ix_mails_state", "state", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    state: Mapped[str] = mapped_column(sa.String(10))
    recipient: Mapped[str | None] = mapped_column(sa.String(320))
    recipient_hash: Mapped[str] = mapped_column(sa.String(64), index=True)
    content: Mapped[dict[str, Any] | None] = mapped_column(JsonOrNull)
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    """How often a worker has begun: the fencing token. Only the job that knows it may go on."""
    tries: Mapped[int] = mapped_column(sa.Integer, default=0)
    """The same since it was queued, or queued again by a person: what the patience is measured by."""
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(sa.String(LONGEST_REASON), default="")
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime)


class SuppressionReason(StrEnum):
    """Why an address gets no mail."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


class SuppressionRow(Base):
    """An address that gets no mail any more, as its hash."""

    __tablename__ = "mail_suppressions"
    __table_args__ = (one_of("reason", list(SuppressionReason)),)

    address_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(sa.String(10))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class EventTokenRow(Base):
    """A provider's report that was taken, so that nobody can send it again."""

    __tablename__ = "mail_event_tokens"

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
