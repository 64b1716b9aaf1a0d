"""What was imported, so that nothing is imported twice."""

import sqlalchemy as sa
from alembic import op

from mentorq.core.database import UTCDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "imported_lines",
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("imported_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_imported_lines")),
    )


def downgrade() -> None:
    op.drop_table("imported_lines")
