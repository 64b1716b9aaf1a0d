"""Live sessions as far as a test needs them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from mentorq.core.database import Base, Database
from mentorq.core.jobs import Worker
from tests.support.people import Person

ALWAYS = [{"weekday": day, "start": "00:00", "end": "24:00"} for day in range(7)]


def at(**after: float) -> str:
    """A whole minute of the API, so long after now."""
    moment = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(**after)
    return moment.isoformat().replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """A time of the API."""
    return datetime.fromisoformat(text)


async def wish(student: Person, mentor: Person, starts_at: str | None = None, **fields: Any) -> dict[str, Any]:
    """A request that is made."""
    body = {"mentor_id": mentor.id, "starts_at": starts_at} | fields
    found: dict[str, Any] = await student.expect(201, "POST", "/sessions", body)
    return found


async def book(student: Person, mentor: Person, starts_at: str | None = None, **fields: Any) -> dict[str, Any]:
    """A request that is accepted."""
    asked = await wish(student, mentor, starts_at, **fields)
    booked: dict[str, Any] = await mentor.expect(200, "POST", f"/sessions/{asked['id']}/accept")
    return booked


async def tick(worker: Worker) -> None:
    """The clock looks at sessions, and all that follows is done."""
    async with worker.database.write() as db:
        jobs = Base.metadata.tables["jobs"]
        await db.execute(sa.delete(jobs).where(jobs.c.unique_key == "sessions.sweep"))
    await worker._schedule()
    await worker.drain()


async def stored(database: Database, session_id: int) -> dict[str, Any]:
    """A session's row."""
    sessions = Base.metadata.tables["sessions"]
    async with database.read() as db:
        row = await db.row(sa.select(sessions).where(sessions.c.id == session_id))
    assert row is not None
    return row
