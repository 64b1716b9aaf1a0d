"""How the databases answer the feed and whom one follows: by index, whatever has been done in all."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.accounts.schemas import Viewer
from mentorq.community import awarding, queries
from mentorq.core.database import Base, Database
from mentorq.core.pagination import Keyset
from mentorq.reviews import testimonials
from mentorq.settings import Settings
from tests.support.plans import Question, outline, plans_of

pytestmark = pytest.mark.anyio
MENTORS, ACTIVITIES, FOLLOWED = 1_500, 30_000, 400
START = datetime(2026, 1, 1, tzinfo=UTC)
FAN = Viewer(MENTORS + 1, "student", "fan", 1)
FIRST, SECOND = Keyset(None, 20, "", b""), Keyset((ACTIVITIES // 2,), 20, "", b"")
BIG = "activities|tickets|reviews|awards"

QUESTIONS: dict[str, tuple[Question, str]] = {
    "the feed": (lambda db: queries.feed(db, FAN, FIRST), "ix_activities_newest"),
    "the feed, next page": (lambda db: queries.feed(db, FAN, SECOND), "ix_activities_newest"),
    "whom one follows": (lambda db: queries.following(db, FAN.id, FIRST), "ix_follows_newest"),
    "what people have": (
        lambda db: awarding.shown(db, [1, 2, 3]),
        "uq_awards_user_id_achievement|sqlite_autoindex_awards",
    ),
    "thanks on a profile": (lambda db: testimonials.of_mentor(db, 1), "ix_reviews_shown"),
}


async def fill(database: Database) -> None:
    """Many mentors who did much, and somebody who follows some."""
    person = {
        "bio": "", "headline": "", "time_zone": "UTC", "links": [], "is_available": True, "version": 1,
        "created_at": START, "last_seen_at": START,
    }  # fmt: skip
    users = [
        person | {"id": n, "username": f"u{n}", "email": f"u{n}@x.org", "role": "mentor" if n <= MENTORS else "student"}
        for n in range(1, MENTORS + 2)
    ]
    solved = {
        "title": "Why?", "description": "", "tags": [], "status": "closed", "student_id": FAN.id, "is_anonymous": False,
        "messages": 0, "claim_no": 1, "version": 1, "created_at": START, "updated_at": START,
    }  # fmt: skip
    tickets = [solved | {"id": n, "assigned_mentor_id": n % MENTORS + 1} for n in range(1, 5_001)]
    done = [
        {
            "id": n, "mentor_id": n % MENTORS + 1, "kind": "resolved", "key": f"resolved {n}",
            "ticket_id": n % 5_000 + 1, "data": {}, "created_at": START + timedelta(minutes=n),
        }
        for n in range(1, ACTIVITIES + 1)
    ]  # fmt: skip
    reviews = [
        {
            "ticket_id": n, "student_id": FAN.id, "mentor_id": n % MENTORS + 1, "rating": 5, "comment": "Good.",
            "created_at": START, "shown_at": START if n % 3 == 0 else None, "may_be_shown": True,
        }
        for n in range(1, 5_001)
    ]  # fmt: skip
    awards = [
        {"user_id": n, "achievement": f"a{k}", "ticket_id": n, "awarded_at": START}
        for n in range(1, MENTORS)
        for k in range(5)
    ]
    latest = [{"mentor_id": n, "activity_id": ACTIVITIES - n} for n in range(1, MENTORS + 1)]
    follows = [{"follower_id": FAN.id, "mentor_id": n, "created_at": START} for n in range(1, FOLLOWED + 1)]
    follows += [{"follower_id": n, "mentor_id": n % 50 + 51, "created_at": START} for n in range(1, 51)]
    tables: dict[str, list[dict[str, Any]]] = {
        "users": users, "tickets": tickets, "activities": done, "reviews": reviews, "awards": awards,
        "latest_activities": latest, "follows": follows,
    }  # fmt: skip
    async with database.write() as db:
        for name, rows in tables.items():
            for start in range(0, len(rows), 5_000):
                await db.execute(sa.insert(Base.metadata.tables[name]), rows[start : start + 5_000])
    async with database.readers.connect() as connection:
        await connection.execute(sa.text("ANALYZE"))
        await connection.commit()


async def test_each_is_read_by_its_index(settings: Settings) -> None:
    database = Database(settings)
    await fill(database)
    faults: list[str] = []
    for name, (question, index) in QUESTIONS.items():
        for statement, rows in await plans_of(database, question):
            plan = outline(database, rows)
            whole = rf"Seq Scan ({BIG})\b" if not database.is_sqlite else rf"SCAN ({BIG})\b(?! USING)"
            if re.search(whole, plan) or not re.search(index, plan):
                faults.append(f"{name}: {statement}\n{plan}")
    await database.stop()
    assert not faults, "\n\n".join(faults)
