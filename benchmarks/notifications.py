"""How soon many people hear of one ticket: `python -m benchmarks.notifications [--mentors N] [--streams N]`.

A server with its worker on a PostgreSQL with many mentors who know one tag. Printed are: the times of POST /tickets
under a tag that nobody knows, and under theirs; how long it takes until all of them have a line in their inbox; and,
with so many of them reading along, when the line has reached them, and what a stream costs the server in memory.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx2
import sqlalchemy as sa

from benchmarks.stage import resident_megabytes
from mentorq.accounts.models import SignInRow, UserRow, UserTagRow
from mentorq.core import bulk
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.security import access_token
from mentorq.mentors.models import MentorStatsRow
from mentorq.migrations import upgrade
from mentorq.notifications.models import NotificationRow
from mentorq.settings import Settings
from mentorq.tags.models import TagRow
from tests.support.databases import settings_for
from tests.support.people import Person, join
from tests.support.processes import RealServer
from tests.support.servers import PostgreSQLServer

POSTS = 15
PAUSE_SECONDS = 1.5
KNOWN, UNKNOWN = "python", "cobol"
PATIENCE_SECONDS = 60.0


@dataclass
class Reader:
    """A mentor who reads along."""

    token: str
    is_ready: bool = False
    arrived_at: float | None = None


async def fill(database: Database, mentors: int) -> list[int]:
    """Add mentors who know the tag; returns their ids."""
    moment = now()
    async with database.write() as db:
        tag = await db.scalar(sa.insert(TagRow).values(name=KNOWN, tickets=0, mentors=mentors).returning(TagRow.id))
        ids = await bulk.reserve_ids(db, UserRow, mentors)
        people: Iterator[tuple[object, ...]] = (
            (i, f"mentor{i}", f"m{i}@example.org", "mentor", "", "", "UTC", [], True, 1, moment, moment) for i in ids
        )
        columns = (
            "id", "username", "email", "role", "bio", "headline", "time_zone", "links", "is_available", "version",
            "created_at", "last_seen_at",
        )  # fmt: skip
        await bulk.insert(db, UserRow, columns, people)
        counts = ("tickets_resolved", "tickets_active", "rating_sum", "rating_count", "rating_rank")
        await bulk.insert(db, MentorStatsRow, ("mentor_id", *counts), ((i, 0, 0, 0, 0, 0.0) for i in ids))
        await bulk.insert(db, UserTagRow, ("user_id", "tag_id", "created_at"), ((i, tag, moment) for i in ids))
    return ids


async def sign_in(database: Database, ids: list[int]) -> list[str]:
    """Access tokens, made past the passwords."""
    moment = now()
    async with database.write() as db:
        values = [
            {
                "user_id": i, "user_agent": "", "address": "", "created_at": moment, "last_used_at": moment,
                "expires_at": moment.replace(year=moment.year + 1),
            }
            for i in ids
        ]  # fmt: skip
        rows = await db.rows(sa.insert(SignInRow).values(values).returning(SignInRow.id, SignInRow.user_id))
    return [access_token(database.settings, row["user_id"], row["id"])[0] for row in rows]


async def post_times(student: Person, tag: str) -> list[float]:
    """Milliseconds of some POST /tickets, each once the worker has done what the one before gave it to do."""
    times = []
    for number in range(POSTS):
        started = time.perf_counter()
        await student.ask(f"Question {number} about {tag}", tags=[tag])
        times.append(1000 * (time.perf_counter() - started))
        await asyncio.sleep(PAUSE_SECONDS)
    return sorted(times)


async def until_all_are_told(database: Database, ticket_id: int, mentors: int) -> float:
    """Seconds from now until all have their line."""
    started = time.perf_counter()
    n = NotificationRow
    count = sa.select(sa.func.count()).where(n.ticket_id == ticket_id, n.kind == "ticket_matching")
    while time.perf_counter() - started < PATIENCE_SECONDS:
        async with database.read() as db:
            if await db.scalar(count) == mentors:
                return time.perf_counter() - started
        await asyncio.sleep(0.05)
    raise TimeoutError("not all were told")


async def read_along(port: int, reader: Reader, ready: asyncio.Semaphore) -> None:
    """Hold a stream open; note when the first notification arrives."""
    async with ready:
        incoming, outgoing = await asyncio.open_connection("127.0.0.1", port)
        request = f"GET /notifications/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {reader.token}\r\n\r\n"
        outgoing.write(request.encode())
        await incoming.readuntil(b"event: unread")
        reader.is_ready = True
    await incoming.readuntil(b"event: notification")
    reader.arrived_at = time.perf_counter()
    outgoing.close()


async def measure_streams(server: RealServer, student: Person, tokens: list[str], settled: float) -> None:
    """Print when a line reaches those who read along, and what they cost."""
    await asyncio.sleep(settled)
    before = resident_megabytes(server.process.pid)
    readers, ready = [Reader(token) for token in tokens], asyncio.Semaphore(50)
    tasks = [asyncio.create_task(read_along(server.port, reader, ready)) for reader in readers]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while sum(reader.is_ready for reader in readers) < len(readers):
            await asyncio.sleep(0.1)
        await asyncio.sleep(settled)
    after = resident_megabytes(server.process.pid)
    print(f"  a stream's memory  {1024 * (after - before) / len(tokens):.1f} kB (at most 40 kB)")
    await student.ask("Who reads along?", tags=[KNOWN])
    posted = time.perf_counter()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*tasks)
    waits = sorted(reader.arrived_at - posted for reader in readers if reader.arrived_at is not None)
    print(
        f"  reached {len(waits)} readers after the answer to the POST: median {median(waits):.2f} s, "
        f"p99 {waits[int(0.99 * len(waits))]:.2f} s, first {waits[0]:.2f} s, last {waits[-1]:.2f} s (p99 at most 1 s)"
    )


async def run(settings: Settings, mentors: int, streams: int) -> None:
    """Measure on one database."""
    database = Database(settings)
    await upgrade(database)
    ids = await fill(database, mentors)
    with RealServer(settings) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
            student = await join(client, "student")
            usual = await post_times(student, UNKNOWN)
            ticket = await student.ask("Who knows?", tags=[KNOWN])
            seconds = await until_all_are_told(database, ticket["id"], mentors)
            print(f"  all {mentors:,} inboxes  {seconds:.2f} s after the answer to the POST (at most 5 s)")
            many = await post_times(student, KNOWN)
            print(
                f"  POST /tickets      median {median(usual):.1f} ms, worst {usual[-1]:.1f} ms where nobody matches; "
                f"{median(many):.1f} and {many[-1]:.1f} ms where {mentors:,} do: {median(many) / median(usual):.2f}"
            )
    few = ids[:streams]
    async with database.write() as db:  # so that those who read along are the only ones to be told
        await db.execute(sa.update(UserRow).where(UserRow.id.in_(ids[streams:])).values(is_available=False))
        await db.execute(sa.text("UPDATE inboxes SET matching_count = 0"))
        await db.execute(sa.text("DELETE FROM jobs"))
    tokens = await sign_in(database, few)
    with RealServer(settings) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=60) as client:
            student = await join(client, "student")
            await measure_streams(server, student, tokens, settled=3.0)
    await database.stop()


def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mentors", type=int, default=10_000)
    options.add_argument("--streams", type=int, default=1000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="mentorq-bench-") as home, PostgreSQLServer() as postgres:
        settings = settings_for(
            postgres.url, Path(home), log_level="warning", embedded_worker=True, matching_waves="", rate_limits=False
        )
        print("PostgreSQL")
        asyncio.run(run(settings, given.mentors, given.streams))


if __name__ == "__main__":
    main()
