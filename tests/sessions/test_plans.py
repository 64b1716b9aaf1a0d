"""How the databases answer what is asked of sessions: by an index, however many there are."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Base, Database
from mentorq.core.pagination import Keyset
from mentorq.sessions import queries, schedule, service
from mentorq.sessions.states import OVER, Status
from mentorq.settings import Settings
from tests.support.plans import Question, faults_of_postgresql, faults_of_sqlite, outline, plan_in, plans_of

pytestmark = pytest.mark.anyio

STUDENTS, MENTORS, SESSIONS = 3_000, 300, 20_000
BIG = {"sessions", "users", "schedules"}
STUDENT = Viewer(7, "student", "s7", 1)
MENTOR = Viewer(STUDENTS + 7, "mentor", "m7", 2)
OTHERS = [STUDENTS + number for number in range(1, 11)]


def community() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """People, hours, and many sessions of each mentor, most of which are over."""
    random, moment = Random(7), now()
    person = {
        "bio": "", "headline": "", "time_zone": "UTC", "links": [], "is_available": True, "version": 1,
        "created_at": moment, "last_seen_at": moment,
    }  # fmt: skip
    people = range(1, STUDENTS + MENTORS + 1)
    roles = {n: "student" if n <= STUDENTS else "mentor" for n in people}
    yield (
        "users",
        [person | {"id": n, "username": f"u{n}", "email": f"u{n}@example.org", "role": roles[n]} for n in people],
    )
    weekly = [{"weekday": day, "start": "00:00", "end": "24:00"} for day in range(7)]
    limits = {"exceptions": [], "minimum_notice_minutes": 0, "buffer_minutes": 0, "updated_at": moment}
    yield (
        "schedules",
        [
            limits | {"mentor_id": n, "time_zone": "UTC", "weekly": weekly}
            for n in range(STUDENTS + 1, STUDENTS + MENTORS + 1)
        ],
    )
    yield "sessions", [_session(number, moment, random) for number in range(1, SESSIONS + 1)]


def _session(number: int, moment: Any, random: Random) -> dict[str, Any]:
    """One of a mentor's and a student's row of sessions, an hour after the one before, so that none overlap."""
    round_, mentor = divmod(number, MENTORS)
    begin = moment + timedelta(hours=1.5 * (round_ - 55))
    is_over = begin < moment - timedelta(hours=2)
    status = random.choice(OVER) if is_over else random.choice((Status.REQUESTED, Status.ACCEPTED))
    return {
        "student_id": (number * 7) % STUDENTS + 1, "mentor_id": STUDENTS + 1 + mentor, "topic": "", "status": status,
        "is_now": False, "awaits": random.choice(("mentor", "student")), "starts_at": begin,
        "ends_at": begin + timedelta(minutes=15), "duration_minutes": 15, "expires_at": begin, "sequence": 0,
        "version": 1, "reminded": 2, "created_at": begin, "updated_at": begin,
    }  # fmt: skip


@pytest.fixture
async def big(settings: Settings) -> AsyncIterator[Database]:
    """A database with many sessions in it."""
    database = Database(settings)
    async with database.write() as db:
        for table, rows in community():
            for start in range(0, len(rows), 5_000):
                await db.execute(sa.insert(Base.metadata.tables[table]), rows[start : start + 5_000])
    async with database.readers.connect() as connection:
        await connection.execute(sa.text("ANALYZE"))
        await connection.commit()
    yield database
    await database.stop()


FIRST = Keyset(None, 20, "", b"")
SECOND = Keyset((now() - timedelta(days=1), 9_000), 20, "", b"")

QUESTIONS: dict[str, tuple[Question, str]] = {
    "what is not over, for a student": (lambda db: service.going(db, STUDENT), "ix_sessions_student"),
    "what is not over, for a mentor": (lambda db: service.going(db, MENTOR), "ix_sessions_mentor"),
    "what was, for a student": (lambda db: service.past(db, STUDENT, FIRST), "ix_sessions_student"),
    "what was, for a mentor": (lambda db: service.past(db, MENTOR, FIRST), "ix_sessions_mentor"),
    "what was before that": (lambda db: service.past(db, MENTOR, SECOND), "ix_sessions_mentor"),
    "all of a student": (lambda db: service.page(db, STUDENT, FIRST), "ix_sessions_of_student"),
    "all of a mentor": (lambda db: service.page(db, MENTOR, FIRST), "ix_sessions_of_mentor"),
    "all before that": (lambda db: service.page(db, MENTOR, Keyset((9_000,), 20, "", b"")), "ix_sessions_of_mentor"),
    "how many await a mentor": (lambda db: service.count_awaiting(db, MENTOR), "ix_sessions_mentor"),
    "how many await a student": (lambda db: service.count_awaiting(db, STUDENT), "ix_sessions_student"),
    "who is free now": (lambda db: schedule.free_now(db, STUDENT, OTHERS), "ix_sessions_mentor"),
    "what is free": (lambda db: schedule.slots(db, MENTOR.id, None, None, 15), "ix_sessions_mentor"),
    "what a calendar shows": (
        lambda db: queries.in_calendar(db, MENTOR.id, "mentor", now() - timedelta(days=90), 1_000),
        "ix_sessions_mentor",
    ),
}


async def test_every_question_is_answered_by_an_index(big: Database) -> None:
    faults: dict[str, list[str]] = {}
    for name, (question, index) in QUESTIONS.items():
        plans = await plans_of(big, question)
        about = [(statement, plan) for statement, plan in plans if re.search(r"FROM sessions|JOIN sessions", statement)]
        assert about, name
        for _statement, plan in about:
            found = faults_of_sqlite(plan, BIG) if big.is_sqlite else faults_of_postgresql(plan_in(plan), BIG)
            words = outline(big, plan)
            faults.setdefault(name, []).extend([*found, *([] if index in words else [f"not by {index}: {words}"])])
    assert {name: found for name, found in faults.items() if found} == {}
