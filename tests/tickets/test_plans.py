"""How the databases answer each list: by its index, without reading or sorting a big table."""

import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.accounts import queries as accounts
from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Base, Database, Read
from mentorq.core.pagination import Keyset
from mentorq.mentors import directory, suggestions
from mentorq.reviews import queries as reviews
from mentorq.settings import Settings
from mentorq.tags import queries as tags
from mentorq.tickets import community as figures
from mentorq.tickets import lists, queries, wait
from mentorq.tickets.lists import Filter
from mentorq.tickets.states import Status
from tests.support.plans import Question, faults_of_postgresql, faults_of_sqlite, outline, plan_in, plans_of

pytestmark = pytest.mark.anyio

STUDENTS, MENTORS, TICKETS, TAGS = 5_000, 5_000, 12_000, 120
BIG = {"tickets", "ticket_tags", "ticket_messages", "ticket_events", "reviews", "users", "mentor_stats", "user_tags"}
PEOPLE = {"users", "mentor_stats"}
START = datetime(2026, 1, 1, tzinfo=UTC)
STUDENT, MENTOR, ADMIN = (
    Viewer(7, "student", "s7", 1),
    Viewer(STUDENTS + 7, "mentor", "m7", 2),
    Viewer(1, "admin", "a", 3),
)
FIRST, SECOND = Keyset(None, 20, "", b""), Keyset((START + timedelta(days=20), 9_000), 20, "", b"")
BY_ID, BY_NUMBER = Keyset((5_000,), 20, "", b""), Keyset((4.3, 7_500), 20, "", b"")


def community() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of a community: some tags are popular, a sixth of the tickets waits."""
    random = Random(7)
    person = {
        "bio": "", "headline": "", "time_zone": "UTC", "links": [], "is_available": True, "version": 1,
        "created_at": START, "last_seen_at": START,
    }  # fmt: skip
    yield "tags", [{"id": n, "name": f"tag{n}", "tickets": TICKETS // n, "mentors": 9} for n in range(1, 3_001)]
    yield (
        "users",
        [
            person
            | {
                "id": n,
                "username": f"u{n}",
                "email": f"u{n}@example.org",
                "role": "student" if n <= STUDENTS else "mentor",
            }
            for n in range(1, STUDENTS + MENTORS + 1)
        ],
    )
    mentors = range(STUDENTS + 1, STUDENTS + MENTORS + 1)
    yield (
        "user_tags",
        [{"user_id": m, "tag_id": t, "created_at": START} for m in mentors for t in {m % TAGS + 1, 1 + m * 7 % 40}],
    )
    yield "mentor_stats", [
        {
            "mentor_id": m, "tickets_resolved": m % 90, "tickets_active": m % 3, "rating_sum": 0, "rating_count": 0,
            "rating_rank": 4 + m % 50 / 50,
        }
        for m in mentors
    ]  # fmt: skip
    tickets, links, messages, events, given = [], [], [], [], []
    for n in range(1, TICKETS + 1):
        status = random.choices(list(Status), (2, 1, 3, 6))[0]
        mentor = None if status == Status.OPEN else random.choice(mentors)
        asked = START + timedelta(minutes=5 * n)
        chosen = sorted({min(TAGS, int(random.paretovariate(0.6))) for _ in range(3)})
        student = random.randrange(1, STUDENTS + 1)
        is_solved = status in (Status.RESOLVED, Status.CLOSED)
        tickets.append({
            "id": n, "title": f"Question {n}", "description": "Because. " * 30, "tags": [f"tag{t}" for t in chosen],
            "status": status, "student_id": student, "assigned_mentor_id": mentor, "is_anonymous": n % 9 == 0,
            "messages": 2, "claim_no": 1, "version": 1, "created_at": asked, "updated_at": asked,
            "first_assigned_at": asked if mentor else None, "assigned_at": asked if mentor else None,
            "respond_by": asked if status == Status.ASSIGNED else None, "resolved_at": asked if is_solved else None,
        })  # fmt: skip
        links += [{"ticket_id": n, "tag_id": t, "is_open": status == Status.OPEN, "created_at": asked} for t in chosen]
        messages += [{"ticket_id": n, "author_id": student, "body": "Why?", "created_at": asked} for _ in range(2)]
        events += [
            {"ticket_id": n, "action": "create", "to_status": "open", "actor_id": student, "created_at": asked}
        ] * 2
        if status == Status.CLOSED and n % 2:
            review = {"ticket_id": n, "student_id": student, "mentor_id": mentor, "rating": 5, "comment": ""}
            given.append(review | {"created_at": asked})
    yield "tickets", tickets
    yield "ticket_tags", links
    yield "ticket_messages", messages
    yield "ticket_events", events
    yield "reviews", given


async def fill(database: Database) -> None:
    """Insert the community, and let the database count it."""
    async with database.write() as db:
        for table, rows in community():
            for start in range(0, len(rows), 5_000):
                await db.execute(sa.insert(Base.metadata.tables[table]), rows[start : start + 5_000])
    async with database.readers.connect() as connection:
        await connection.execute(sa.text("ANALYZE"))
        await connection.commit()


@pytest.fixture
async def big(settings: Settings) -> AsyncIterator[Database]:
    """A database with a community in it."""
    database = Database(settings)
    await fill(database)
    yield database
    await database.stop()


def page(viewer: Viewer, keyset: Keyset = FIRST, **wanted: Any) -> Question:
    """A list of tickets."""
    return lambda db: lists.page(db, viewer, Filter(**wanted), keyset)


def people(
    sort: Any = "rating", keyset: Keyset = FIRST, *, tag: str | None = None, available: bool | None = None
) -> Question:
    """A page of the directory."""
    return lambda db: directory.page(db, [tag] if tag else [], available, [], sort, keyset)


async def waiting(db: Read) -> object:
    """The wait of a ticket in the middle of the queue."""
    ticket_id = await db.scalar(sa.text("SELECT max(id) FROM tickets WHERE status = 'open' AND id < 8000"))
    owner = await db.scalar(sa.text("SELECT student_id FROM tickets WHERE id = :id"), {"id": ticket_id})
    return await wait.wait(db, ticket_id, Viewer(owner, "student", "", 0))


async def suggested(db: Read) -> object:
    """Who suits a ticket of a popular tag."""
    ticket_id = await db.scalar(sa.text("SELECT max(id) FROM tickets WHERE status = 'open'"))
    owner = await db.scalar(sa.text("SELECT student_id FROM tickets WHERE id = :id"), {"id": ticket_id})
    return await suggestions.suggest(db, ticket_id, Viewer(owner, "student", "", 0), 20)


QUESTIONS: dict[str, tuple[Question, str]] = {
    "queue": (page(MENTOR, scope="queue"), "ix_tickets_queue"),
    "queue, oldest": (page(MENTOR, scope="queue", order="oldest"), "ix_tickets_queue"),
    "queue, next page": (page(MENTOR, SECOND, scope="queue"), "ix_tickets_queue"),
    "queue of a popular tag": (page(MENTOR, scope="queue", tags=("tag1",)), "ix_ticket_tags_queue"),
    "queue of a rare tag": (page(MENTOR, SECOND, scope="queue", tags=("tag99",)), "ix_ticket_tags_queue"),
    "queue of any of tags": (page(MENTOR, scope="queue", tags=("tag1", "tag7", "tag99")), "ix_ticket_tags_queue"),
    "queue that matches": (page(MENTOR, scope="queue", only_tag_ids=(1, 5, 80)), "ix_ticket_tags_queue"),
    "queue that matches, of a tag": (
        page(MENTOR, SECOND, scope="queue", tags=("tag1",), only_tag_ids=(2, 3)), "ix_ticket_tags_queue",
    ),
    "queue of all of tags": (
        page(MENTOR, scope="queue", tags=("tag1", "tag2"), every_tag=True), "ix_tickets_queue|ix_ticket_tags",
    ),
    "queue with words": (page(MENTOR, scope="queue", words=("question",)), "ix_tickets_queue"),
    "queue that has waited": (page(MENTOR, scope="queue", before=START), "ix_tickets_queue"),
    "queue that matches and has waited": (
        page(MENTOR, scope="queue", only_tag_ids=(1, 5, 80), before=START), "ix_ticket_tags_queue",
    ),
    "passed": (page(MENTOR, scope="passed"), "ticket_passes"),
    "how many": (lambda db: lists.counts(db, MENTOR), "ix_ticket_tags_queue"),
    "how many are new": (lambda db: lists.count_new(db, MENTOR, START), "ix_ticket_tags_queue"),
    "own": (page(STUDENT, scope="own"), "ix_tickets_student"),
    "own, next page": (page(STUDENT, SECOND, scope="own"), "ix_tickets_student"),
    "own by state": (page(STUDENT, scope="own", statuses=(Status.OPEN,)), "ix_tickets_student"),
    "own by tag": (page(STUDENT, scope="own", tags=("tag1",)), "ix_tickets_student"),
    "taken": (page(MENTOR, scope="assigned"), "ix_tickets_mentor"),
    "taken by state": (page(MENTOR, scope="assigned", statuses=(Status.RESOLVED, Status.CLOSED)), "ix_tickets_mentor"),
    "everything": (page(ADMIN, SECOND, scope="all"), "ix_tickets_newest"),
    "one": (lambda db: queries.one(db, STUDENT, 500), "pk_tickets|INTEGER PRIMARY KEY"),
    "messages": (lambda db: queries.messages(db, 500, FIRST), "ix_ticket_messages_ticket"),
    "messages, next page": (lambda db: queries.messages(db, 500, BY_ID), "ix_ticket_messages_ticket"),
    "events": (lambda db: queries.events(db, 500, FIRST), "ix_ticket_events_ticket"),
    "versions": (lambda db: queries.solution_versions(db, 500, FIRST), "solution_versions"),
    "leases that ran out": (lambda db: queries.overdue(db, 200), "ix_tickets_lease"),  # type: ignore[arg-type]
    "the next lease to end": (queries.next_lease_end, "ix_tickets_lease"),
    "solved long ago": (lambda db: queries.unclosed(db, START, 200), "ix_tickets_auto_close"),  # type: ignore[arg-type]
    "what a mentor has": (
        lambda db: queries.in_hand(db, MENTOR.id, "assigned_mentor_id", Status.ASSIGNED), "ix_tickets_mentor",  # type: ignore[arg-type]
    ),
    "newly solved": (lambda db: figures.newly_solved(db, STUDENT, 4), "ix_tickets_solved"),
    "figures of the community": (figures.figures, "ix_tickets_solved"),
    "the wait": (waiting, "ix_tickets_queue"),
    "suggested mentors": (suggested, "ix_user_tags_tag|ix_mentor_tag_records_best"),
    "mentors by rating": (people(), "ix_mentor_stats_rating"),
    "mentors by rating, next page": (people(keyset=BY_NUMBER), "ix_mentor_stats_rating"),
    "mentors by solved tickets": (people("resolved"), "ix_mentor_stats_resolved"),
    "newest mentors": (people("newest"), "pk_mentor_stats|pk_users|ix_users_role_newest|INTEGER PRIMARY KEY"),
    "available mentors": (people(available=True), "ix_mentor_stats_rating"),
    "mentors of a tag": (people(tag="tag99"), "ix_user_tags_tag|pk_user_tags|ix_mentor_stats_rating"),
    "reviews of a mentor": (lambda db: reviews.of_mentor(db, MENTOR.id, FIRST), "ix_reviews_mentor"),
    "stories of a mentor": (
        lambda db: reviews.of_mentor(db, MENTOR.id, FIRST, reviews.STORIES), "ix_reviews_mentor",
    ),
    "ratings of a mentor": (lambda db: reviews.spread(db, MENTOR.id), "ix_reviews_mentor"),
    "a mentor by name": (lambda db: directory.named(db, f"u{MENTOR.id}"), "uq_users_username|sqlite_autoindex_users"),
    "reviews of a mentor, next page": (lambda db: reviews.of_mentor(db, MENTOR.id, BY_ID), "ix_reviews_mentor"),
    "popular tags": (lambda db: tags.page(db, "", "popular", FIRST), "ix_tags_popular"),
    "tags by prefix": (lambda db: tags.page(db, "tag9", "name", FIRST), "uq_tags_name|sqlite_autoindex_tags"),
    "who is signed in": (lambda db: accounts.viewer_of_sign_in(db, 7, 1), "sign_ins|INTEGER PRIMARY KEY"),
}  # fmt: skip


SORTED_ON_PURPOSE = {
    "mentors of a tag",
    "queue of all of tags",
    "the wait",
    "suggested mentors",
    "what a mentor has",
    "passed",
}
"""What the index of a tag or of a person finds is few, and sorted afterwards."""


# Hundreds of candidates among ten thousand people: at this size PostgreSQL is right to read all people.
MANY_PEOPLE = {"the wait", "suggested mentors", "figures of the community"}


async def test_each_list_is_read_from_its_index(big: Database) -> None:
    faults: list[str] = []
    for name, (question, index) in QUESTIONS.items():
        plans = await plans_of(big, question)
        for statement, rows in plans:
            found = (
                faults_of_sqlite(rows, BIG)
                if big.is_sqlite
                else faults_of_postgresql(plan_in(rows), BIG - (PEOPLE if name in MANY_PEOPLE else set()))
            )
            bad = [fault for fault in found if name not in SORTED_ON_PURPOSE or "sorts" not in fault]
            faults += [f"{name} {fault}: {statement}\n{outline(big, rows)}" for fault in bad]
        outlines = " | ".join(outline(big, rows) for _, rows in plans)
        if not re.search(index, outlines):
            faults.append(f"{name} does not use {index}: {outlines}")
    assert not faults, "\n\n".join(faults)
