"""How long leaderboards, statistics, profiles and dashboards take in a small and in a large community.

`python -m benchmarks.insights [--postgresql N] [--sqlite N]`. The demonstration makes 10,000 tickets; the database
copies them, people and all, until there are so many: what one person did does not depend on how many others there are.
Each question is put by the services themselves, as the routes do, for people drawn at random, in turns to the small
community and to the large one, so that whatever else the machine does slows both. Printed are, for each, the median
over the people of the best of their five answers, how much longer it is in the large community, and the p99 of all.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median

import sqlalchemy as sa

from benchmarks.search import p99
from mentorq.accounts.schemas import Viewer
from mentorq.core import bulk
from mentorq.core.database import Base, Database, Read
from mentorq.core.pagination import Keyset
from mentorq.demo.loading import Size, load
from mentorq.insights import service
from mentorq.maintenance.standings import count_again
from mentorq.mentors import directory
from mentorq.migrations import upgrade
from tests.support.databases import settings_for
from tests.support.people import PASSWORD
from tests.support.servers import PostgreSQLServer

SMALL = 10_000
TICKETS_OF_STUDENT, TICKETS_OF_MENTOR = 20, 200
PEOPLE = 60
ROUNDS = 5
COPIED = (
    "users", "tickets", "ticket_tags", "ticket_events", "ticket_messages", "reviews", "articles", "mentor_stats",
    "mentor_facts", "standings", "awards",
)  # fmt: skip
FIRST_PAGE = Keyset(None, 20, "", b"")

Ask = Callable[[Read, Viewer], Awaitable[object]]
MENTORS: dict[str, Ask] = {
    "statistics, week": lambda db, mentor: service.statistics(db, mentor, "week"),
    "statistics, month": lambda db, mentor: service.statistics(db, mentor, "month"),
    "statistics, ever": lambda db, mentor: service.statistics(db, mentor, "all"),
    "profile": lambda db, mentor: directory.one(db, mentor.id),
    "leaderboard, week": lambda db, _: service.leaderboard(db, "week", None, FIRST_PAGE),
    "leaderboard, month": lambda db, _: service.leaderboard(db, "month", None, FIRST_PAGE),
    "leaderboard, ever": lambda db, _: service.leaderboard(db, "all", None, FIRST_PAGE),
    "leaderboard of a tag": lambda db, _: service.leaderboard(db, "all", "python", FIRST_PAGE),
}
STUDENTS: dict[str, Ask] = {
    "dashboard": service.dashboard,
    "progress": service.learned,
}


async def drawn(db: Read, column: str, role: str) -> list[Viewer]:
    """People who did something, at random but always the same."""
    ids = await db.scalars(sa.text(f"SELECT DISTINCT {column} FROM mentor_facts ORDER BY {column}"))
    return [Viewer(person, role, "", 0, "Europe/Lisbon") for person in Random(5).sample(ids, min(PEOPLE, len(ids)))]


async def busiest(db: Read) -> Viewer:
    """Who solved most."""
    most = "SELECT mentor_id FROM mentor_stats ORDER BY tickets_resolved DESC, mentor_id LIMIT 1"
    return Viewer(await db.scalar(sa.text(most)), "mentor", "", 0, "Europe/Lisbon")


async def measure(database: Database) -> dict[str, list[float]]:
    """Seconds of each question, asked once for each of the people."""
    async with database.read() as db:
        mentors = await drawn(db, "mentor_id", "mentor")
        students = await drawn(db, "student_id", "student")
        one = await busiest(db)
    asked = [(name, ask, mentors) for name, ask in MENTORS.items()]
    asked += [(name, ask, students) for name, ask in STUDENTS.items()]
    asked += [("statistics, ever, busiest", MENTORS["statistics, ever"], [one] * PEOPLE)]
    seconds: dict[str, list[float]] = {}
    for name, ask, people in asked:
        for person in people:
            async with database.read() as db:
                start = time.perf_counter()
                await ask(db, person)
                seconds.setdefault(name, []).append(time.perf_counter() - start)
                assert db.statements <= 3, f"{name}: {db.statements} statements"
    return seconds


async def multiply(database: Database, times: int) -> None:
    """Copy the community, until there are so many of it."""
    models = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    async with database.write() as db:
        await bulk.unhurried(db)
        people, tickets = [await db.scalar(sa.text(f"SELECT max(id) FROM {name}")) for name in ("users", "tickets")]
        shifts = {"users": people, "tickets": tickets}
        async with bulk.indexed_afterwards(db, [models[name] for name in COPIED]):
            for table in (Base.metadata.tables[name] for name in COPIED):
                copied = [column for column in table.c if column.computed is None and not _is_drawn(column)]
                names = ", ".join(column.name for column in copied)
                values = ", ".join(_copied(column, shifts) for column in copied)
                copies = f"WITH RECURSIVE copy(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < {times - 1})"
                source = f"SELECT {values} FROM {table.name} CROSS JOIN copy"
                of_sqlite = f"{copies} INSERT INTO {table.name} ({names}) {source}"
                of_postgresql = f"INSERT INTO {table.name} ({names}) {copies} {source}"
                await db.execute(sa.text(of_sqlite if database.is_sqlite else of_postgresql))


def _is_drawn(column: sa.Column[object]) -> bool:
    """Ids to which nothing refers are drawn anew."""
    return column.name == "id" and column.table.name not in ("users", "tickets")


def _copied(column: sa.Column[object], shifts: dict[str, int]) -> str:
    if column.name == "id":
        return f"id + n * {shifts[column.table.name]}"
    for key in column.foreign_keys:
        if shift := shifts.get(key.column.table.name):
            return f"{column.name} + n * {shift}"
    if column.name in ("username", "email"):
        return f"{column.name} || '-' || n"
    if column.name in ("description", "solution", "body"):
        return f"substr({column.name}, 1, 200)"
    return column.name


async def begin(url: str, home: Path, tickets: int) -> Database:
    """A community of so many tickets."""
    database = Database(settings_for(url, home, log_level="error"))
    await upgrade(database)
    size = Size(SMALL // TICKETS_OF_STUDENT, SMALL // TICKETS_OF_MENTOR, SMALL)
    await load(database, size, 1, PASSWORD, lambda _: None)
    start = time.perf_counter()
    if tickets > SMALL:
        await multiply(database, tickets // SMALL)
        print(f"  {tickets:,} tickets, copied in {time.perf_counter() - start:.0f} s")
    else:
        facts = await count_again(database)
        print(f"  {facts:,} facts of {tickets:,} tickets, counted anew in {time.perf_counter() - start:.1f} s")
    await database.start()
    async with database.engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(sa.text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))
    return database


async def play(urls: Sequence[str], homes: Sequence[Path], tickets: int) -> None:
    """Both sizes, in turns."""
    databases = [
        await begin(url, home, number) for url, home, number in zip(urls, homes, (SMALL, tickets), strict=True)
    ]
    found: list[dict[str, list[list[float]]]] = [{}, {}]
    for number in range(1 + ROUNDS):
        for database, seconds in zip(databases, found, strict=True):
            for name, taken in (await measure(database)).items():
                if number:  # the first round only warms
                    seconds.setdefault(name, []).append(taken)
    for database in databases:
        await database.stop()
    report(*found)


def report(small: dict[str, list[list[float]]], large: dict[str, list[list[float]]]) -> None:
    """Print both sizes, and how much longer it takes in the large one."""
    print(f"  {'milliseconds':26} {'10k':>8} {'p99':>7} {'full':>8} {'p99':>7} {'growth':>7}")
    for name, slow in large.items():
        quick = small[name]
        usual = [median(map(min, zip(*rounds, strict=True))) for rounds in (quick, slow)]
        worst = [p99([value for one in rounds for value in one]) for rounds in (quick, slow)]
        print(
            f"  {name:26} {1000 * usual[0]:8.2f} {1000 * worst[0]:7.2f} {1000 * usual[1]:8.2f}"
            f" {1000 * worst[1]:7.2f} {usual[1] / usual[0]:7.2f}"
        )


def main() -> None:
    """Measure both databases."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    options.add_argument("--postgresql", type=int, default=1_000_000, help="how many tickets; 0: not at all")
    options.add_argument("--sqlite", type=int, default=100_000)
    sizes = options.parse_args()
    for kind, full in (("SQLite", sizes.sqlite), ("PostgreSQL", sizes.postgresql)):
        if not full:
            continue
        print(kind)
        with ExitStack() as stack:
            homes = [stack.enter_context(tempfile.TemporaryDirectory(prefix="mentorq-bench-")) for _ in range(2)]
            urls = [f"sqlite:///{home}/insights.db" for home in homes]
            if kind == "PostgreSQL":
                servers = (PostgreSQLServer(shared_buffers="1GB", max_wal_size="4GB", autovacuum="off") for _ in homes)
                urls = [stack.enter_context(server).url for server in servers]
            asyncio.run(play(urls, [*map(Path, homes)], full))


if __name__ == "__main__":
    main()
