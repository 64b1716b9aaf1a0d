"""The feed of somebody who follows many: `python -m benchmarks.feed [--activities N] [--following N]`.

A server on each database: SQLite with a tenth of the activities, PostgreSQL with all of them. A few mentors do most of
what is done. Printed are the times of GET /feed, its first page and those that follow it, for somebody who follows
many mentors drawn at random, and for somebody who follows those who do least.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import sqlalchemy as sa

from benchmarks.notifications import sign_in
from mentorq.accounts.models import UserRow
from mentorq.community.models import ActivityRow, FollowRow, LatestRow
from mentorq.core import bulk
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.mentors.models import MentorStatsRow
from mentorq.migrations import upgrade
from mentorq.tickets.models import TicketRow
from tests.support.databases import settings_for
from tests.support.processes import Server
from tests.support.servers import postgresql

MENTORS = 5_000
TICKETS = 20_000
PAGES = 10
ROUNDS = 40
SKEW = 3.0  # a third of the mentors do seven of ten things


async def fill(database: Database, activities: int, following: int) -> list[int]:
    """Mentors, what they did, and two people who follow some of them; returns the ids of those two."""
    random, moment = Random(7), now()
    async with database.write() as db:
        await bulk.unhurried(db)
        ids = await bulk.reserve_ids(db, UserRow, MENTORS + 2)
        mentors, fans = ids[:MENTORS], ids[MENTORS:]
        columns = (
            "id", "username", "email", "role", "bio", "headline", "time_zone", "links", "is_available", "version",
            "created_at", "last_seen_at",
        )  # fmt: skip
        people: list[tuple[Any, ...]] = [
            (i, f"person{i}", f"p{i}@example.org", "mentor" if i in set(mentors) else "student", "I help. " * 20, "",
             "UTC", [], True, 1, moment, moment)
            for i in ids
        ]  # fmt: skip
        await bulk.insert(db, UserRow, columns, people)
        counts = ("tickets_resolved", "tickets_active", "rating_sum", "rating_count", "rating_rank")
        await bulk.insert(db, MentorStatsRow, ("mentor_id", *counts), ((i, 0, 0, 0, 0, 0.0) for i in mentors))
        numbers = await bulk.reserve_ids(db, TicketRow, TICKETS)
        solved = (
            (n, f"Question {n}", "Why?", ["python"], "closed", fans[0], mentors[n % MENTORS], False, "So.", 0, 1, 1,
             moment, moment, moment, moment)
            for n in numbers
        )  # fmt: skip
        of_tickets = (
            "id", "title", "description", "tags", "status", "student_id", "assigned_mentor_id", "is_anonymous",
            "solution", "messages", "claim_no", "version", "created_at", "updated_at", "resolved_at", "closed_at",
        )  # fmt: skip
        await bulk.insert(db, TicketRow, of_tickets, solved)
        acts: Iterator[tuple[Any, ...]] = (
            (mentors[int(MENTORS * random.random() ** SKEW)], "resolved", f"resolved {n}", numbers[n % TICKETS], {},
             moment - timedelta(minutes=activities - n))
            for n in range(activities)
        )  # fmt: skip
        done = ("mentor_id", "kind", "key", "ticket_id", "data", "created_at")
        await bulk.insert(db, ActivityRow, done, acts)
        a = ActivityRow.__table__
        newest = sa.select(a.c.mentor_id, sa.func.max(a.c.id)).group_by(a.c.mentor_id)
        await db.execute(sa.insert(LatestRow).from_select(["mentor_id", "activity_id"], newest))
        many, idle = random.sample(mentors, following), mentors[-following:]
        follows = [(fan, mentor, moment) for fan, them in zip(fans, (many, idle), strict=True) for mentor in them]
        await bulk.insert(db, FollowRow, ("follower_id", "mentor_id", "created_at"), follows)
    async with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(sa.text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))
    return fans


async def page_times(client: httpx2.AsyncClient) -> AsyncIterator[tuple[str, float]]:
    """Milliseconds of first pages, and of those that follow."""
    for _ in range(ROUNDS):
        path = "/feed"
        for number in range(PAGES):
            started = time.perf_counter()
            answer = await client.get(path)
            took = 1000 * (time.perf_counter() - started)
            assert len(answer.json()["items"]) == 20, answer.text
            yield ("further pages" if number else "first page"), took
            path = f"/feed?cursor={answer.json()['next_cursor']}"


async def measure(url: str, home: Path, activities: int, following: int) -> None:
    """One database."""
    settings = settings_for(url, home)
    database = Database(settings)
    await upgrade(database)
    fans = await fill(database, activities, following)
    tokens = await sign_in(database, fans)
    await database.stop()
    kind = url.partition(":")[0]
    with Server(settings) as server:
        for who, token in zip(("at random", "the idlest"), tokens, strict=True):
            headers = {"Authorization": f"Bearer {token}"}
            async with httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=30) as client:
                await client.get("/feed")
                times: dict[str, list[float]] = {}
                async for page, took in page_times(client):
                    times.setdefault(page, []).append(took)
            for page, found in times.items():
                found.sort()
                p50, p99 = found[len(found) // 2], found[int(len(found) * 0.99)]
                print(
                    f"{kind}, {activities:,} activities, follows {following:,} {who}, {page}: "
                    f"median {p50:.1f} ms, p99 {p99:.1f} ms"
                )


async def main() -> None:
    """Both databases."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--activities", type=int, default=1_000_000)
    options.add_argument("--following", type=int, default=1_000)
    given = options.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgresql())
        await measure(f"sqlite:///{home / 'mentorq.db'}", home, given.activities // 10, given.following)
        await measure(server, home, given.activities, given.following)


if __name__ == "__main__":
    asyncio.run(main())
