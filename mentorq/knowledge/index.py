"""Keeping the index right: what was published is found, and what is no longer is not, from the same transaction on.

Frequencies are kept in the same transaction, too, each batch in the order of its terms, so that two who publish at
once wait for each other, but never in a circle.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from mentorq.core import bulk
from mentorq.core.database import Database, Row, Write
from mentorq.knowledge.analysis import (
    FIELDS,
    LENGTHS,
    analyse,
    as_json,
    as_terms,
    as_text,
    as_tsvector,
    findable,
)
from mentorq.knowledge.models import (
    ArticleCheckRow,
    ArticleIndexRow,
    ArticleRow,
    ArticleUpvoteRow,
    DeflectionRow,
    KnowledgeTotalsRow,
)
from mentorq.tickets.models import TicketRow, in_state
from mentorq.tickets.states import PUBLISHED

ONLY_ROW = 1
AT_ONCE = 1_000
KEYS_AT_ONCE = 500

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BITS_OF_ID = 22

T = TicketRow.__table__
I = ArticleIndexRow.__table__  # noqa: E741
WORDS = sa.table("article_words", sa.column("rowid"), sa.column("words"))
"""SQLite's full-text index."""


def number_of(ticket_id: int, published_at: datetime) -> int:
    """An article's place in the order of publication: the millisecond, and of one millisecond by the ticket's id."""
    return (published_at - EPOCH) // timedelta(milliseconds=1) << BITS_OF_ID | ticket_id % (1 << BITS_OF_ID)


async def publish(db: Write, ticket_id: int) -> None:
    """Index an article, or, if it is indexed, as it is now."""
    await _put(db, await _published(db, [ticket_id]))


async def withdraw(db: Write, ticket_id: int) -> None:
    """An article is public no longer. What people have said of it is kept with its ticket."""
    change = Change()
    await _take_out(db, [ticket_id], change)
    await _count(db, change)
    await db.execute(sa.delete(ArticleRow).where(ArticleRow.ticket_id == ticket_id))


async def put_right(db: Write, ticket_id: int) -> None:
    """Index a ticket as it is now, published or not; frequencies are not touched, they are put right as a whole."""
    await _take_out(db, [ticket_id], Change())
    await db.execute(sa.delete(ArticleRow).where(ArticleRow.ticket_id == ticket_id))
    await _add(db, await _published(db, [ticket_id]), Change())


async def add_some_missing(db: Write) -> int:
    """Index some of what is published and not indexed; returns how many."""
    ticket_ids = await db.scalars(_some(MISSING, after=0))
    await _put(db, await _published(db, ticket_ids))
    return len(ticket_ids)


async def add_missing(database: Database) -> AsyncIterator[int]:
    """Index all that is published and not indexed, some in each transaction; yields how many each time."""
    async for indexed in _put_all(database, MISSING):
        yield indexed


async def rebuild(database: Database) -> AsyncIterator[int]:
    """Index everything anew while searches and changes go on, some in each transaction; yields how many each time."""
    async for indexed in _put_all(database, sa.true()):
        yield indexed


MISSING = ~sa.select(I.c.ticket_id).where(I.c.ticket_id == T.c.id).exists()


def _some(condition: sa.ColumnElement[bool], after: int) -> sa.Select[int]:
    return sa.select(T.c.id).where(in_state(*PUBLISHED), condition, T.c.id > after).order_by(T.c.id).limit(AT_ONCE)


async def _put_all(database: Database, condition: sa.ColumnElement[bool]) -> AsyncIterator[int]:
    last = 0
    while True:
        async with database.write() as db:
            await bulk.unhurried(db)
            ticket_ids = await db.scalars(_some(condition, last))
            await _put(db, await _published(db, ticket_ids))
        if not ticket_ids:
            return
        last = ticket_ids[-1]
        yield len(ticket_ids)


async def _published(db: Write, ticket_ids: Sequence[int]) -> list[Row]:
    """The texts of those of some tickets that are published, and nobody changes them before this transaction ends."""
    columns = (T.c.id, T.c.title, T.c.description, T.c.solution, T.c.tags, T.c.assigned_mentor_id, T.c.resolved_at)
    texts = sa.select(*columns).where(in_state(*PUBLISHED)).order_by(T.c.id)
    return [
        row
        for part in bulk.chunks(ticket_ids, KEYS_AT_ONCE)
        for row in await db.rows(texts.where(T.c.id.in_(part)).with_for_update(key_share=True))
    ]


@dataclass
class Change:
    """How many articles more, or less, there are of each term, and how many words more or less in each field."""

    articles: int = 0
    terms: Counter[str] = dataclass_field(default_factory=Counter)
    lengths: list[int] = dataclass_field(default_factory=lambda: [0] * len(FIELDS))

    def add(self, terms: Iterable[str], lengths: Sequence[int], sign: int = 1) -> None:
        """One article more, or, with a `sign` of -1, less."""
        self.articles += sign
        for term in terms:
            self.terms[term] += sign
        self.lengths = [known + sign * more for known, more in zip(self.lengths, lengths, strict=True)]


async def _put(db: Write, texts: Sequence[Row]) -> None:
    """Index these articles, and forget how they were indexed before."""
    if not texts:
        return
    change = Change()
    await _take_out(db, [text["id"] for text in texts], change)
    await _add(db, texts, change)
    await _count(db, change)


async def _add(db: Write, texts: Sequence[Row], change: Change) -> None:
    """Index what is not indexed, and note in `change` what there is more of."""
    await _add_articles(db, texts)
    rows = []
    for text in texts:
        found = analyse(text["title"], text["description"], text["solution"], text["tags"])
        by = findable(found.terms, text["tags"], text["assigned_mentor_id"])
        change.add(by, found.terms[LENGTHS])
        rows.append((text, found.row, by.difference(found.row), as_json(found.terms)))
    if rows:
        await _insert(db, rows)


async def _add_articles(db: Write, texts: Sequence[Row]) -> None:
    zeros = {"upvotes": 0, "deflected": 0, "works": 0, "fails": 0}
    for part in bulk.chunks([text["id"] for text in texts], KEYS_AT_ONCE):
        rows = [{"ticket_id": ticket_id} | zeros for ticket_id in part]
        await db.execute(db.insert(ArticleRow).values(rows).on_conflict_do_nothing())
        await recount(db, part)


async def recount(db: Write, ticket_ids: Sequence[int]) -> None:
    """Work out anew what people have said of these articles."""

    def said(table: type[Any], *conditions: Any) -> sa.ScalarSelect[int]:
        mine = (table.ticket_id == ArticleRow.ticket_id, *conditions)
        return sa.select(sa.func.count()).select_from(table).where(*mine).scalar_subquery()

    await db.execute(
        sa.update(ArticleRow)
        .where(ArticleRow.ticket_id.in_(ticket_ids))
        .values(
            upvotes=said(ArticleUpvoteRow),
            deflected=said(DeflectionRow),
            works=said(ArticleCheckRow, ArticleCheckRow.works),
            fails=said(ArticleCheckRow, ~ArticleCheckRow.works),
        )
    )


Indexed = tuple[Row, tuple[str, ...], set[str], str]
"""A ticket, the row of its words, what else it is found by, and its terms."""


async def _insert(db: Write, rows: Sequence[Indexed]) -> None:
    if db.dialect == "postgresql":
        await db.execute(
            sa.text(
                "INSERT INTO article_index (ticket_id, number, mentor_id, tags, terms, words)"
                " SELECT ticket_id, number, mentor_id, tags::jsonb, terms, words::tsvector"
                " FROM unnest(CAST(:ids AS bigint[]), CAST(:numbers AS bigint[]), CAST(:mentors AS bigint[]),"
                " CAST(:tags AS text[]), CAST(:terms AS text[]), CAST(:words AS text[]))"
                " AS given (ticket_id, number, mentor_id, tags, terms, words)"
            ),
            {
                "ids": [text["id"] for text, *_ in rows],
                "numbers": [number_of(text["id"], text["resolved_at"]) for text, *_ in rows],
                "mentors": [text["assigned_mentor_id"] for text, *_ in rows],
                "tags": [orjson.dumps(sorted(text["tags"])).decode() for text, *_ in rows],
                "terms": [terms for *_, terms in rows],
                "words": [as_tsvector(row, others) for _, row, others, _ in rows],
            },
        )
        return
    await db.execute(
        sa.insert(ArticleIndexRow),
        [
            {
                "ticket_id": text["id"], "number": number_of(text["id"], text["resolved_at"]),
                "mentor_id": text["assigned_mentor_id"], "tags": sorted(text["tags"]), "terms": terms,
            }
            for text, _, _, terms in rows
        ],
    )  # fmt: skip
    numbers = [number_of(text["id"], text["resolved_at"]) for text, *_ in rows]
    await _drop_words(db, numbers)
    texts = (as_text(row, sorted(others)) for _, row, others, _ in rows)
    words = [{"rowid": number, "words": text} for number, text in zip(numbers, texts, strict=True)]
    await db.execute(sa.insert(WORDS), words)


async def _drop_words(db: Write, numbers: Sequence[int]) -> None:
    for part in bulk.chunks(numbers, KEYS_AT_ONCE):
        await db.execute(sa.delete(WORDS).where(WORDS.c.rowid.in_(part)))


async def _take_out(db: Write, ticket_ids: Sequence[int], change: Change) -> None:
    """Forget how these articles were indexed, and note in `change` what there is less of."""
    for part in bulk.chunks(ticket_ids, KEYS_AT_ONCE):
        removed = await db.rows(sa.delete(ArticleIndexRow).where(I.c.ticket_id.in_(part)).returning(I))
        if db.dialect == "sqlite":
            await _drop_words(db, [row["number"] for row in removed])
        for row in removed:
            terms = as_terms(row["terms"])
            change.add(findable(terms, row["tags"], row["mentor_id"]), terms[LENGTHS], -1)


async def _count(db: Write, change: Change) -> None:
    totals = KnowledgeTotalsRow.__table__
    more = dict(zip(FIELDS, change.lengths, strict=True)) | {"articles": change.articles}
    statement = db.insert(KnowledgeTotalsRow).values(id=ONLY_ROW, **more)
    added = {name: totals.c[name] + value for name, value in more.items()}
    await db.execute(statement.on_conflict_do_update(index_elements=["id"], set_=added))
    changed = sorted((term, count) for term, count in change.terms.items() if count)
    if not changed:
        return
    if db.dialect == "postgresql":
        await db.execute(
            sa.text(
                "INSERT INTO knowledge_terms AS known (term, articles)"
                " SELECT * FROM unnest(CAST(:terms AS text[]), CAST(:counts AS bigint[]))"
                " ON CONFLICT (term) DO UPDATE SET articles = known.articles + excluded.articles"
            ),
            {"terms": [term for term, _ in changed], "counts": [count for _, count in changed]},
        )
    else:
        await db.execute(
            sa.text(
                "INSERT INTO knowledge_terms (term, articles) VALUES (:term, :count)"
                " ON CONFLICT (term) DO UPDATE SET articles = articles + excluded.articles"
            ),
            [{"term": term, "count": count} for term, count in changed],
        )
