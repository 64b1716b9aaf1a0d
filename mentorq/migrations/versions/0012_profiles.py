"""What people are called by others."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("users", sa.Column("pronouns", sa.String(length=40), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("users", "pronouns")
