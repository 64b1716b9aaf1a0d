"""Domain events: who listens to each occurrence knows one from another."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa

from mentorq.core import events, jobs
from mentorq.core.clock import now
from mentorq.core.database import Database, Write
from mentorq.core.events import Occurrence, each, emit, on
from mentorq.core.jobs import JobRow, Worker

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Happened:
    """A fact that may come true again."""

    number: int


@pytest.fixture
def heard() -> Iterator[list[tuple[int, Occurrence | None]]]:
    """What two listeners heard: one of each kind."""
    before, found = dict(jobs._tasks), list[tuple[int, Occurrence | None]]()

    @on(Happened)
    async def plain(db: Write, event: Happened) -> None:
        found.append((event.number, None))

    @each(Happened)
    async def telling(db: Write, event: Happened, occurrence: Occurrence) -> None:
        found.append((event.number, occurrence))

    yield found
    jobs._tasks.clear()
    jobs._tasks.update(before)
    events._durable.pop(Happened)
    events._each.pop(Happened)


async def test_the_same_fact_twice_is_two_occurrences(
    database: Database, worker: Worker, heard: list[tuple[int, Occurrence | None]]
) -> None:
    async with database.write() as db:
        await emit(db, Happened(7))
        await emit(db, Happened(7))
    await worker.drain()
    assert [number for number, _ in heard] == [7] * 4
    occurrences = [occurrence for _, occurrence in heard if occurrence is not None]
    assert len({occurrence.key for occurrence in occurrences}) == len(occurrences) == 2
    assert all(timedelta(0) <= now() - occurrence.at < timedelta(minutes=1) for occurrence in occurrences)


async def test_a_listener_that_runs_again_hears_of_the_same_occurrence(
    database: Database, worker: Worker, heard: list[tuple[int, Occurrence | None]]
) -> None:
    async with database.write() as db:
        await emit(db, Happened(7))
        queued = await db.rows(sa.select(JobRow.task, JobRow.payload).where(JobRow.task.contains("telling")))
        await jobs.enqueue(db, [(job["task"], job["payload"]) for job in queued])
    await worker.drain()
    first, second = [occurrence for _, occurrence in heard if occurrence is not None]
    assert first == second
