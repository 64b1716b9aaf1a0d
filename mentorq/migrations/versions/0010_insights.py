"""What mentors did, and how they stand; and who is not to be ranked."""

import sqlalchemy as sa
from alembic import op

from mentorq.core.database import Id, UTCDateTime

revision = "0010"
down_revision = "0009"

SCORE = "(2 * helped * (21500 + stars) + 500 * (5000 + trusted)) / (1000 * (5000 + trusted))"
QUALIFIES = "solved >= 3 AND students >= 2"
SUMS = ("solved", "students", "seconds", "helped", "rating_count", "rating_sum", "trusted", "stars")


def upgrade() -> None:
    op.create_table(
        "mentor_facts",
        sa.Column("ticket_id", Id, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("claim_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mentor_id", Id, nullable=False),
        sa.Column("student_id", Id, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("value", Id, nullable=False),
        sa.CheckConstraint("kind IN ('responded', 'solved', 'rated')", name=op.f("ck_mentor_facts_kind_known")),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_mentor_facts_ticket_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["mentor_id"], ["users.id"], name=op.f("fk_mentor_facts_mentor_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["student_id"], ["users.id"], name=op.f("fk_mentor_facts_student_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("ticket_id", "kind", "claim_no", name=op.f("pk_mentor_facts")),
    )
    op.create_index("ix_mentor_facts_mentor", "mentor_facts", ["mentor_id", "kind", "at", "value", "ticket_id"])
    op.create_index("ix_mentor_facts_pair", "mentor_facts", ["student_id", "mentor_id"])
    op.create_table(
        "standings",
        sa.Column("mentor_id", Id, autoincrement=False, nullable=False),
        sa.Column("period", sa.String(length=8), nullable=False),
        sa.Column("tag_id", Id, autoincrement=False, nullable=False),
        *(sa.Column(name, Id, nullable=False) for name in SUMS),
        sa.Column("score", Id, sa.Computed(SCORE, persisted=True), nullable=False),
        sa.ForeignKeyConstraint(["mentor_id"], ["users.id"], name=op.f("fk_standings_mentor_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("mentor_id", "period", "tag_id", name=op.f("pk_standings")),
    )
    condition = sa.text(QUALIFIES)
    op.create_index(
        "ix_standings_best",
        "standings",
        ["period", "tag_id", "score", "mentor_id"],
        postgresql_where=condition,
        sqlite_where=condition,
    )
    op.add_column("users", sa.Column("on_leaderboard", sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade() -> None:
    op.drop_column("users", "on_leaderboard")
    op.drop_table("standings")
    op.drop_table("mentor_facts")
