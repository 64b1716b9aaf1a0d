"""The table of tags."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.database import Base, Id

# Prefix search is a range over the names, so they are ordered by code points on both databases.
Name = sa.String(35).with_variant(sa.String(35, collation="C"), "postgresql")


class TagRow(Base):
    """One technology, under its canonical name; never deleted, never renamed."""

    __tablename__ = "tags"
    __table_args__ = (sa.Index("ix_tags_popular", sa.desc("tickets"), "name"),)

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Name, unique=True)
    tickets: Mapped[int] = mapped_column(Id, default=0)
    mentors: Mapped[int] = mapped_column(Id, default=0)
