"""Inboxes, what is in them, and how each person wants to hear."""

import sqlalchemy as sa
from alembic import op

from mentorq.core.database import Id, Json, UTCDateTime

revision = "0005"
down_revision = "0004"

KINDS = (
    "ticket_accepted",
    "ticket_matching",
    "ticket_released",
    "solution_posted",
    "ticket_reopened",
    "ticket_closed",
    "message_posted",
    "review_received",
    "session_requested",
    "session_accepted",
    "session_declined",
    "session_cancelled",
    "session_reminder",
    "followed_mentor_activity",
    "achievement_awarded",
)
KIND_KNOWN = f"kind IN ({', '.join(map(repr, KINDS))})"


def upgrade() -> None:
    op.create_table(
        "inboxes",
        sa.Column("user_id", Id, autoincrement=False, nullable=False),
        sa.Column("last_seq", Id, nullable=False),
        sa.Column("matching_on", sa.Date(), nullable=True),
        sa.Column("matching_count", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.String(length=5), nullable=True),
        sa.Column("quiet_until", sa.String(length=5), nullable=True),
        sa.Column("paused_until", UTCDateTime(), nullable=True),
        sa.Column("digest_due_at", UTCDateTime(), nullable=False),
        sa.Column("digest_seq", Id, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_inboxes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_inboxes")),
    )
    op.create_index("ix_inboxes_digest", "inboxes", ["digest_due_at"], unique=False)
    op.create_table(
        "notification_preferences",
        sa.Column("user_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("in_app", sa.Boolean(), nullable=False),
        sa.Column("email", sa.String(length=10), nullable=False),
        sa.Column("push", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "email IN ('off', 'immediate', 'daily')", name=op.f("ck_notification_preferences_email_known")
        ),
        sa.CheckConstraint(KIND_KNOWN, name=op.f("ck_notification_preferences_kind_known")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_notification_preferences_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("pk_notification_preferences")),
    )
    op.create_table(
        "notifications",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("seq", Id, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("thread", sa.String(length=60), nullable=True),
        sa.Column("ticket_id", Id, nullable=True),
        sa.Column("actor_id", Id, nullable=True),
        sa.Column("data", Json, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("in_app", sa.Boolean(), nullable=False),
        sa.Column("gone", sa.String(length=10), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("read_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("gone IS NULL OR gone IN ('replaced', 'moot')", name=op.f("ck_notifications_gone_known")),
        sa.CheckConstraint(KIND_KNOWN, name=op.f("ck_notifications_kind_known")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notifications_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("user_id", "key", name=op.f("uq_notifications_user_id_key")),
        sa.UniqueConstraint("user_id", "seq", name=op.f("uq_notifications_user_id_seq")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_notifications_gone",
        "notifications",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("gone IS NOT NULL"),
        sqlite_where=sa.text("gone IS NOT NULL"),
    )
    op.create_index("ix_notifications_read", "notifications", ["read_at"], unique=False)
    op.create_index("ix_notifications_ticket", "notifications", ["ticket_id", "kind"], unique=False)
    op.create_index(
        "ix_notifications_unread",
        "notifications",
        ["user_id", "seq"],
        unique=False,
        postgresql_where=sa.text("read_at IS NULL AND gone IS NULL AND in_app"),
        sqlite_where=sa.text("read_at IS NULL AND gone IS NULL AND in_app = 1"),
    )
    op.create_table(
        "push_subscriptions",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("endpoint", sa.String(length=1000), nullable=False),
        sa.Column("p256dh", sa.String(length=100), nullable=False),
        sa.Column("auth", sa.String(length=40), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_push_subscriptions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscriptions")),
        sa.UniqueConstraint("endpoint", name=op.f("uq_push_subscriptions_endpoint")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_push_subscriptions_user", "push_subscriptions", ["user_id"], unique=False)
    op.add_column("users", sa.Column("language", sa.String(length=5), server_default="en", nullable=False))


def downgrade() -> None:
    op.drop_column("users", "language")
    op.drop_index("ix_push_subscriptions_user", table_name="push_subscriptions")
    op.drop_table("push_subscriptions")
    op.drop_index(
        "ix_notifications_unread",
        table_name="notifications",
        postgresql_where=sa.text("read_at IS NULL AND gone IS NULL AND in_app"),
        sqlite_where=sa.text("read_at IS NULL AND gone IS NULL AND in_app = 1"),
    )
    op.drop_index("ix_notifications_ticket", table_name="notifications")
    op.drop_index("ix_notifications_read", table_name="notifications")
    op.drop_index(
        "ix_notifications_gone",
        table_name="notifications",
        postgresql_where=sa.text("gone IS NOT NULL"),
        sqlite_where=sa.text("gone IS NOT NULL"),
    )
    op.drop_table("notifications")
    op.drop_table("notification_preferences")
    op.drop_index("ix_inboxes_digest", table_name="inboxes")
    op.drop_table("inboxes")
