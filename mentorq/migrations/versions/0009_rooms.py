"""The rooms of live sessions: what is said, and the shared code."""

import sqlalchemy as sa
from alembic import op

from mentorq.core.database import Id, UTCDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "rooms",
        sa.Column("session_id", Id, autoincrement=False, nullable=False),
        sa.Column("message_seq", Id, nullable=False),
        sa.Column("update_seq", Id, nullable=False),
        sa.Column("document_bytes", sa.Integer(), nullable=False),
        sa.Column("student_came_at", UTCDateTime(), nullable=True),
        sa.Column("mentor_came_at", UTCDateTime(), nullable=True),
        sa.Column("asked_by", sa.String(length=10), nullable=True),
        sa.Column("asked_minutes", sa.Integer(), nullable=True),
        sa.Column("student_agrees", sa.Boolean(), nullable=False),
        sa.Column("mentor_agrees", sa.Boolean(), nullable=False),
        sa.Column("attached_at", UTCDateTime(), nullable=True),
        sa.Column("opened_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("asked_by IN ('mentor', 'student')", name=op.f("ck_rooms_asked_by_known")),
        sa.CheckConstraint("(asked_by IS NULL) = (asked_minutes IS NULL)", name=op.f("ck_rooms_asked_whole")),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_rooms_session_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_rooms")),
    )
    op.create_table(
        "room_messages",
        sa.Column("session_id", Id, autoincrement=False, nullable=False),
        sa.Column("seq", Id, autoincrement=False, nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("client_id", sa.String(length=36), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("length(body) <= 4000", name=op.f("ck_room_messages_body_length")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["rooms.session_id"], name=op.f("fk_room_messages_session_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_room_messages_user_id"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("session_id", "seq", name=op.f("pk_room_messages")),
        sa.UniqueConstraint("session_id", "user_id", "client_id", name=op.f("uq_room_messages_client")),
    )
    op.create_index("ix_room_messages_user", "room_messages", ["user_id"])
    op.create_table(
        "room_updates",
        sa.Column("session_id", Id, autoincrement=False, nullable=False),
        sa.Column("seq", Id, autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["rooms.session_id"], name=op.f("fk_room_updates_session_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", "seq", name=op.f("pk_room_updates")),
    )


def downgrade() -> None:
    op.drop_table("room_updates")
    op.drop_table("room_messages")
    op.drop_table("rooms")
