"""Follows, activities, achievements, and reviews that may be shown on a profile."""

import sqlalchemy as sa
from alembic import op

from mentorq.core.database import Id, Json, UTCDateTime

revision = "0011"
down_revision = "0010"

DEEDS = "kind IN ('resolved', 'achievement', 'available', 'slots')"


def upgrade() -> None:
    op.create_table(
        "follows",
        sa.Column("follower_id", Id, autoincrement=False, nullable=False),
        sa.Column("mentor_id", Id, autoincrement=False, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("follower_id <> mentor_id", name=op.f("ck_follows_two_people")),
        sa.ForeignKeyConstraint(["follower_id"], ["users.id"], name=op.f("fk_follows_follower_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["mentor_id"], ["users.id"], name=op.f("fk_follows_mentor_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("follower_id", "mentor_id", name=op.f("pk_follows")),
    )
    op.create_index("ix_follows_newest", "follows", ["follower_id", "created_at", "mentor_id"])
    op.create_index("ix_follows_mentor", "follows", ["mentor_id", "follower_id"])
    op.create_table(
        "activities",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("ticket_id", Id, nullable=True),
        sa.Column("data", Json, nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("hidden_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(DEEDS, name=op.f("ck_activities_kind_known")),
        sa.ForeignKeyConstraint(["mentor_id"], ["users.id"], name=op.f("fk_activities_mentor_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_activities_ticket_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activities")),
        sa.UniqueConstraint("mentor_id", "key", name=op.f("uq_activities_mentor_id_key")),
        sqlite_autoincrement=True,
    )
    shown = sa.text("hidden_at IS NULL")
    op.create_index(
        "ix_activities_newest", "activities", ["mentor_id", "id"], postgresql_where=shown, sqlite_where=shown
    )
    op.create_index(op.f("ix_activities_ticket_id"), "activities", ["ticket_id"])
    op.create_table(
        "latest_activities",
        sa.Column("mentor_id", Id, autoincrement=False, nullable=False),
        sa.Column("activity_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["mentor_id"], ["users.id"], name=op.f("fk_latest_activities_mentor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mentor_id", name=op.f("pk_latest_activities")),
    )
    op.create_table(
        "awards",
        sa.Column("id", Id, sa.Identity(always=False), nullable=False),
        sa.Column("user_id", Id, nullable=False),
        sa.Column("achievement", sa.String(length=40), nullable=False),
        sa.Column("ticket_id", Id, nullable=True),
        sa.Column("awarded_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_awards_user_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_awards_ticket_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_awards")),
        sa.UniqueConstraint("user_id", "achievement", name=op.f("uq_awards_user_id_achievement")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_awards_ticket_id"), "awards", ["ticket_id"])
    op.create_table(
        "award_counts",
        sa.Column("achievement", sa.String(length=40), nullable=False),
        sa.Column("awarded_to", Id, nullable=False),
        sa.PrimaryKeyConstraint("achievement", name=op.f("pk_award_counts")),
    )
    op.add_column("mentor_stats", sa.Column("followers", Id, server_default="0", nullable=False))
    op.add_column("reviews", sa.Column("may_be_shown", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("reviews", sa.Column("shown_at", UTCDateTime(), nullable=True))
    op.add_column("reviews", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    on_profile = sa.text("shown_at IS NOT NULL")
    columns = ["mentor_id", "shown_at"]
    op.create_index("ix_reviews_shown", "reviews", columns, postgresql_where=on_profile, sqlite_where=on_profile)


def downgrade() -> None:
    op.drop_index("ix_reviews_shown", table_name="reviews")
    for column in ("version", "shown_at", "may_be_shown"):
        op.drop_column("reviews", column)
    op.drop_column("mentor_stats", "followers")
    for table in ("award_counts", "awards", "latest_activities", "activities", "follows"):
        op.drop_table(table)
