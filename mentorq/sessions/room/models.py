"""Tables of rooms."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, UTCDateTime, length_check, one_of

LONGEST_MESSAGE = 4_000


class RoomRow(Base):
    """What a session has besides its time, made when somebody first enters.

    `message_seq` and `update_seq` are the numbers of the newest message and the newest change of the code: whoever
    adds one takes the next by updating this row, so that their order is the order of commits. `asked_by` asks for
    `asked_minutes` more.
    """

    __tablename__ = "rooms"
    __table_args__ = (
        one_of("asked_by", ["mentor", "student"]),
        sa.CheckConstraint("(asked_by IS NULL) = (asked_minutes IS NULL)", name="asked_whole"),
    )

    session_id: Mapped[int] = mapped_column(
        sa.ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    message_seq: Mapped[int] = mapped_column(default=0)
    update_seq: Mapped[int] = mapped_column(default=0)
    document_bytes: Mapped[int] = mapped_column(sa.Integer, default=0)
    student_came_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    mentor_came_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    asked_by: Mapped[str | None] = mapped_column(sa.String(10))
    asked_minutes: Mapped[int | None] = mapped_column(sa.Integer)
    student_agrees: Mapped[bool] = mapped_column(default=False)
    mentor_agrees: Mapped[bool] = mapped_column(default=False)
    attached_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime)


class RoomMessageRow(Base):
    """One message. What its writer's page calls it makes sure that it is there once, however often it is sent."""

    __tablename__ = "room_messages"
    __table_args__ = (
        sa.UniqueConstraint("session_id", "user_id", "client_id", name="uq_room_messages_client"),
        sa.Index("ix_room_messages_user", "user_id"),
        length_check("body", LONGEST_MESSAGE),
    )

    session_id: Mapped[int] = mapped_column(
        sa.ForeignKey("rooms.session_id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id", ondelete="RESTRICT"))
    client_id: Mapped[str] = mapped_column(sa.String(36))
    body: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


class RoomUpdateRow(Base):
    """Changes of the shared code, as Yjs encodes them; all of a room's in order make its document."""

    __tablename__ = "room_updates"

    session_id: Mapped[int] = mapped_column(
        sa.ForeignKey("rooms.session_id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(sa.LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
