"""Somebody's sessions, newest first."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    for side in ("student", "mentor"):
        op.create_index(f"ix_sessions_of_{side}", "sessions", [f"{side}_id", "id"])


def downgrade() -> None:
    for side in ("student", "mentor"):
        op.drop_index(f"ix_sessions_of_{side}", "sessions")
