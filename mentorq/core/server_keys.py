"""Keys that belong to the installation: made when they are first needed, the same for all processes from then on.

They are in the database and its backups, and nowhere else: never logged, never part of an export.
"""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.clock import now
from mentorq.core.database import Base, Read, UTCDateTime, Write


class ServerKeyRow(Base):
    """One key, in the form that its user gave it."""

    __tablename__ = "server_keys"

    name: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    value: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)


async def find(db: Read, name: str) -> str | None:
    """A key, if it was made already."""
    found: str | None = await db.scalar(sa.select(ServerKeyRow.value).where(ServerKeyRow.name == name))
    return found


async def ensure(db: Write, name: str, make: Callable[[], str]) -> str:
    """A key; of any number of processes that need it first at the same time, one makes it and all get that one."""
    fresh = {"name": name, "value": make(), "created_at": now()}
    await db.execute(db.insert(ServerKeyRow).values(fresh).on_conflict_do_nothing())
    found = await find(db, name)
    assert found is not None
    return found
