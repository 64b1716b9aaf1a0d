"""How the databases answer for statistics, leaderboards and dashboards: by an index, whatever else there is."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.core.database import Base, Database, Read
from mentorq.core.pagination import Keyset
from mentorq.insights import queries
from mentorq.insights.facts import Kind
from mentorq.insights.leaderboard import SUMS, periods_of
from mentorq.insights.spans import EVER
from mentorq.settings import Settings
from tests.support.plans import Question, faults_of_postgresql, faults_of_sqlite, outline, plan_in, plans_of
from tests.tickets.test_plans import MENTOR, MENTORS, START, STUDENT, STUDENTS, TAGS, TICKETS
from tests.tickets.test_plans import fill as fill_community

pytestmark = pytest.mark.anyio

BIG = {"tickets", "ticket_tags", "ticket_messages", "ticket_events", "reviews", "users", "mentor_facts", "standings"}
END = START + timedelta(minutes=5 * TICKETS)
MONTH_BEFORE = (END - timedelta(days=60), END - timedelta(days=30))
FIRST, SECOND = Keyset(None, 20, "", b""), Keyset((300, STUDENTS + 9, 4, 20), 20, "", b"")


def counted() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Facts of the community's tickets, and standings of all mentors in many weeks and tags."""
    random = Random(11)
    facts: list[dict[str, Any]] = []
    for ticket_id in range(1, TICKETS + 1):
        mentor_id, student_id = STUDENTS + 1 + ticket_id * 7 % MENTORS, 1 + ticket_id % STUDENTS
        at = START + timedelta(minutes=5 * ticket_id)
        common = {"ticket_id": ticket_id, "claim_no": 1, "mentor_id": mentor_id, "student_id": student_id, "at": at}
        facts += [common | {"kind": str(kind), "value": random.randrange(1, 6)} for kind in Kind]
    yield "mentor_facts", facts
    yield "sessions", [
        {
            "student_id": 1 + n % STUDENTS, "mentor_id": STUDENTS + 1 + n % MENTORS, "topic": "", "status": "declined",
            "awaits": "mentor", "starts_at": START + timedelta(hours=n), "ends_at": START + timedelta(hours=n + 1),
            "duration_minutes": 60, "expires_at": START, "sequence": 0, "version": 1, "reminded": 0, "is_now": False,
            "created_at": START, "updated_at": START,
        }
        for n in range(3 * STUDENTS)
    ]  # fmt: skip
    weeks = [week for n in range(12) for week in periods_of((START + timedelta(weeks=n)).date())[n > 0 :]]
    yield (
        "standings",
        [
            {"mentor_id": STUDENTS + n, "period": period, "tag_id": tag_id}
            | dict.fromkeys(SUMS, 0)
            | {"solved": n % 7, "students": n % 5, "helped": 1_000 * (n % 97)}
            for n in range(1, MENTORS + 1)
            for period in dict.fromkeys(weeks)
            for tag_id in ((0,) if period != "all" else (0, 1 + n % TAGS))
        ],
    )


@pytest.fixture
async def big(settings: Settings) -> AsyncIterator[Database]:
    """A database with a community in it, and what it did."""
    database = Database(settings)
    await fill_community(database)
    async with database.write() as db:
        for table, rows in counted():
            for start in range(0, len(rows), 5_000):
                await db.execute(sa.insert(Base.metadata.tables[table]), rows[start : start + 5_000])
    async with database.readers.connect() as connection:
        await connection.execute(sa.text("ANALYZE"))
        await connection.commit()
    yield database
    await database.stop()


def numbers_since(begin: datetime, earlier: tuple[datetime, datetime]) -> Question:
    """A mentor's numbers."""
    return lambda db: queries.numbers(db, MENTOR.id, begin, earlier)


async def runs(db: Read) -> object:
    """What the page shows beside twenty mentors."""
    weeks = [periods_of((START + timedelta(weeks=n)).date())[2] for n in range(8)]
    return await queries.solved_in(db, range(STUDENTS + 1, STUDENTS + 21), weeks, None)


WEEK = periods_of((START + timedelta(weeks=3)).date())[2]
QUESTIONS: dict[str, tuple[Question, str]] = {
    "numbers of a month": (numbers_since(END - timedelta(days=30), MONTH_BEFORE), "ix_mentor_facts_mentor"),
    "numbers of all time": (numbers_since(EVER, (EVER, EVER)), "ix_mentor_facts_mentor"),
    "tags of a month": (
        lambda db: queries.by_tag_since(db, MENTOR.id, END - timedelta(days=30)), "ix_mentor_facts_mentor",
    ),
    "tags of all time": (lambda db: queries.by_tag(db, MENTOR.id), "pk_standings|sqlite_autoindex_standings"),
    "days": (lambda db: queries.solved_since(db, MENTOR.id, EVER), "ix_mentor_facts_mentor"),
    "the export": (lambda db: queries.solutions(db, MENTOR.id, EVER), "ix_mentor_facts_mentor"),
    "the leaderboard": (lambda db: queries.best(db, WEEK, None, FIRST), "ix_standings_best"),
    "the leaderboard, next page": (lambda db: queries.best(db, "all", None, SECOND), "ix_standings_best"),
    "the leaderboard of a tag": (lambda db: queries.best(db, "all", "tag7", FIRST), "ix_standings_best"),
    "one's own place": (
        lambda db: queries.own_place(db, WEEK, None, MENTOR.id), "pk_standings|sqlite_autoindex_standings",
    ),
    "one's own place of a tag": (lambda db: queries.own_place(db, "all", "tag7", MENTOR.id), "ix_standings_best"),
    "weeks of those on it": (runs, "pk_standings|sqlite_autoindex_standings"),
    "what was between two": (
        lambda db: queries.deeds(db, STUDENT.id, [MENTOR.id]), "ix_mentor_facts_pair",  # type: ignore[arg-type]
    ),
    "whom a student reviewed": (
        lambda db: queries.reviewed_by(db, STUDENT.id), "ix_mentor_facts_pair",  # type: ignore[arg-type]
    ),
    "a dashboard": (
        lambda db: queries.waiting_and_happened(db, STUDENT.id, START), "ix_tickets_student",
    ),
    "sessions to come": (lambda db: queries.upcoming(db, STUDENT.id, START, 5), "ix_sessions_student"),
    "progress": (lambda db: queries.asked(db, STUDENT.id), "ix_tickets_student"),
    "what was found": (lambda db: queries.found(db, STUDENT.id), "deflections"),
}  # fmt: skip

SORTED_ON_PURPOSE = {"numbers of a month", "numbers of all time", "tags of a month", "a dashboard", "what was found"}
"""One person's few are sorted after they were found."""


async def test_each_is_answered_by_an_index(big: Database) -> None:
    faults: list[str] = []
    for name, (question, index) in QUESTIONS.items():
        plans = await plans_of(big, question)
        for statement, rows in plans:
            found = faults_of_sqlite(rows, BIG) if big.is_sqlite else faults_of_postgresql(plan_in(rows), BIG)
            bad = [fault for fault in found if name not in SORTED_ON_PURPOSE or "sorts" not in fault]
            faults += [f"{name} {fault}: {statement}\n{outline(big, rows)}" for fault in bad]
        outlines = " | ".join(outline(big, rows) for _, rows in plans)
        if not re.search(index, outlines):
            faults.append(f"{name} does not use {index}: {outlines}")
    assert not faults, "\n\n".join(faults)
