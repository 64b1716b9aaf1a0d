"""How the databases answer searches: by the index of words or in an index's order, never by reading all articles."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.accounts.schemas import Viewer
from mentorq.core import bulk
from mentorq.core.database import Database
from mentorq.core.pagination import Keyset
from mentorq.knowledge import index, queries, service
from mentorq.knowledge.entries import number_of
from mentorq.knowledge.query import Query, parse
from mentorq.maintenance.imports import refresh_statistics
from mentorq.settings import Settings
from mentorq.tickets.models import TicketRow
from tests.support.plans import Question, faults_of_postgresql, faults_of_sqlite, outline, plan_in, plans_of

pytestmark = pytest.mark.anyio

ARTICLES = 3_000
BIG = {"tickets", "articles", "article_index", "knowledge_terms"}
START = datetime(2026, 1, 1, tzinfo=UTC)
ANYBODY = Viewer(1, "student", "ana", 1)
SECOND = (number_of(1_500, START + timedelta(hours=1_500)),)
WORDS = parse("word7 other")
COMMON = parse("everywhere")


@pytest.fixture
async def big(settings: Settings) -> AsyncIterator[Database]:
    """A database with many articles."""
    database = Database(settings)
    await fill(database)
    yield database
    await database.stop()


async def fill(database: Database) -> None:
    """Articles of which all have one word, and few have others."""
    random = Random(5)
    columns = (
        "id", "title", "description", "tags", "status", "student_id", "assigned_mentor_id", "is_anonymous", "solution",
        "messages", "claim_no", "version", "created_at", "updated_at", "resolved_at",
    )  # fmt: skip
    async with database.write() as db:
        for name in ("student", "mentor"):
            person = (
                "INSERT INTO users (username, email, password_hash, role, bio, headline, time_zone, links,"
                f" is_available, version, created_at, last_seen_at) VALUES ('{name}', '{name}@example.org', '-',"
                f" '{name}', '', '', 'UTC', '[]', true, 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
            )
            await db.execute(sa.text(person))
        rows: list[tuple[Any, ...]] = []
        for number in range(1, ARTICLES + 1):
            at = START + timedelta(hours=number)
            text = " ".join(f"word{int(random.paretovariate(0.7))}" for _ in range(12))
            rows.append((
                number, f"Everywhere {text[:60]}", text, [f"tag{number % 40}"], "closed", 1, 2, False, "other", 0, 1, 1,
                at, at, at,
            ))  # fmt: skip
        await bulk.insert(db, TicketRow, columns, rows)
    async for _count in index.add_missing(database):
        pass
    await refresh_statistics(database)
    if database.is_sqlite:
        async with database.write() as db:
            await db.execute(sa.text("ANALYZE"))


def found(query: Query, order: queries.Order = "newest", after: tuple[int, ...] = ()) -> Question:
    """What few articles have."""
    return lambda db: queries.found(db, query, order, 20, after)


def walked(query: Query, order: queries.Order = "newest", after: tuple[int, ...] = ()) -> Question:
    """What very many have."""
    return lambda db: queries.walked(db, query, order, 20, after)


BY_WORDS = "ix_article_index_words|article_words"
IN_ORDER = "uq_article_index_number|sqlite_autoindex_article_index"
QUESTIONS: dict[str, tuple[Question, str]] = {
    "few": (found(WORDS), BY_WORDS),
    "few, next page": (found(WORDS, after=SECOND), BY_WORDS),
    "few by upvotes": (found(WORDS, "upvotes"), BY_WORDS),
    "a phrase": (found(parse('"word7 word9"')), BY_WORDS),
    "of a tag": (found(parse("tag:tag7")), BY_WORDS),
    "many": (walked(COMMON), IN_ORDER),
    "many, next page": (walked(COMMON, after=SECOND), IN_ORDER),
    "many by upvotes": (walked(COMMON, "upvotes", (0, 1_500)), "ix_articles_upvotes"),
    "everything": (found(Query(())), IN_ORDER),
    "everything by upvotes": (found(Query(()), "upvotes"), "ix_articles_upvotes"),
    "frequencies": (
        lambda db: queries.frequencies(db, {"word7", "^word7"}), "pk_knowledge_terms|sqlite_autoindex_knowledge_terms",
    ),
    "terms": (lambda db: queries.terms(db, {7, 8, 9}), "pk_article_index|INTEGER PRIMARY KEY"),
    "articles": (lambda db: queries.articles(db, ANYBODY, [7, 8, 9]), "pk_tickets|INTEGER PRIMARY KEY"),
    "rarest words": (lambda db: queries.having_most(db, {"word7": 1.0, "^word9": 2.0}, 200), BY_WORDS),
    "bookmarks": (lambda db: service.bookmarks(db, ANYBODY, Keyset(None, 20, "", b"")), "article_bookmarks"),
}  # fmt: skip


# This table is so narrow that at this size PostgreSQL is right to read all of it.
NARROW = {"few by upvotes": {"articles"}, "articles": {"articles"}}


async def test_each_search_is_answered_by_an_index(big: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "WALKED_AT_MOST", ARTICLES // 20)  # of so few articles it would be more than all
    faults: list[str] = []
    for name, (question, used) in QUESTIONS.items():
        plans = await plans_of(big, question)
        for statement, rows in plans:
            large = BIG - NARROW.get(name, set())
            bad = faults_of_sqlite(rows, large) if big.is_sqlite else faults_of_postgresql(plan_in(rows), large)
            # What the index of words finds is few, or sorted on purpose: see `queries.found`.
            serious = [fault for fault in bad if "sorts" not in fault]
            faults += [f"{name} {fault}: {statement}\n{outline(big, rows)}" for fault in serious]
        outlines = " | ".join(outline(big, rows) for _, rows in plans)
        if not re.search(used, outlines):
            faults.append(f"{name} does not use {used}: {outlines}")
    assert not faults, "\n\n".join(faults)
