"""The table of what was imported."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, UTCDateTime


class ImportedLineRow(Base):
    """A line that is in already, by its digest, so that a file may be imported again after it was cut short."""

    __tablename__ = "imported_lines"

    digest: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    imported_at: Mapped[datetime] = mapped_column(UTCDateTime)
