"""Mails with what became of them, and addresses that get none."""

import sqlalchemy as sa
from alembic import op

from mentorq.core.database import Id, JsonOrNull, UTCDateTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "mails",
        sa.Column("id", Id, sa.Identity(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("recipient", sa.String(length=320), nullable=True),
        sa.Column("recipient_hash", sa.String(length=64), nullable=False),
        sa.Column("content", JsonOrNull, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'sending', 'sent', 'failed', 'unknown', 'suppressed')",
            name=op.f("ck_mails_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mails_state", "mails", ["state", "id"], unique=False)
    op.create_index(op.f("ix_mails_recipient_hash"), "mails", ["recipient_hash"], unique=False)
    op.create_index(op.f("ix_mails_created_at"), "mails", ["created_at"], unique=False)
    op.create_table(
        "mail_suppressions",
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("reason IN ('bounce', 'complaint')", name=op.f("ck_mail_suppressions_reason_known")),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_mail_suppressions")),
    )
    op.create_table(
        "mail_event_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_mail_event_tokens")),
    )
    op.create_index(op.f("ix_mail_event_tokens_created_at"), "mail_event_tokens", ["created_at"], unique=False)


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE task IN ('core.mail.deliver', 'core.mail.tend')")
    op.drop_index(op.f("ix_mail_event_tokens_created_at"), table_name="mail_event_tokens")
    op.drop_table("mail_event_tokens")
    op.drop_table("mail_suppressions")
    op.drop_index(op.f("ix_mails_created_at"), table_name="mails")
    op.drop_index(op.f("ix_mails_recipient_hash"), table_name="mails")
    op.drop_index("ix_mails_state", table_name="mails")
    op.drop_table("mails")
