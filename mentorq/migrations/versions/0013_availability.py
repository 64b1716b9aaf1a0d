"""Until when mentors are away, and how many tickets at once they want."""

import sqlalchemy as sa
from alembic import op

from mentorq.core.database import UTCDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("users", sa.Column("away_until", UTCDateTime(), nullable=True))
    # in one statement, because SQLite cannot add a constraint to a table that is there
    number = "BIGINT" if op.get_context().dialect.name == "postgresql" else "INTEGER"
    check = "CONSTRAINT ck_users_capacity_sensible CHECK (capacity BETWEEN 1 AND 50)"
    op.execute(f"ALTER TABLE users ADD COLUMN capacity {number} {check}")


def downgrade() -> None:
    op.drop_column("users", "capacity")
    op.drop_column("users", "away_until")
