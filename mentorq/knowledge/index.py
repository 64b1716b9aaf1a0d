"""Keeping the index right: what was published is found, and what is no longer is not, from the same transaction on.

Frequencies are kept in the same transaction, too, each batch in the order of its terms, so that two who publish at
once wait for each other, but never in a circle.

Many articles are read and analysed before the transaction that indexes them, by another process while this one writes
those before; what has changed by then is analysed again.
"""

import asyncio
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from mentorq.core import bulk
from mentorq.core.database import Database, Row, Write
from mentorq.knowledge.analysis import FIELDS
from mentorq.knowledge.entries import Change, Entry, entries
from mentorq.knowledge.models import (
    ArticleCheckRow,
    ArticleIndexRow,
    ArticleRow,
    ArticleUpvoteRow,
    DeflectionRow,
    KnowledgeTermRow,
    KnowledgeTotalsRow,
)
from mentorq.tickets.models import TicketRow, in_state
from mentorq.tickets.states import PUBLISHED

ONLY_ROW = 1
AT_ONCE = 1_000
MOST_WORKERS = 2

T = TicketRow.__table__
I = ArticleIndexRow.__table__  # noqa: E741
INDEXED = (I.c.ticket_id, I.c.number, I.c.mentor_id, I.c.tags, I.c.terms)
WORDS = sa.table("article_words", sa.column("rowid"), sa.column("words"))
"""SQLite's full-text index."""


async def publish(db: Write, ticket_id: int) -> None:
    """Index an article, or, if it is indexed, as it is now."""
    await _put(db, [ticket_id])


async def withdraw(db: Write, ticket_id: int) -> None:
    """An article is public no longer. What people have said of it is kept with its ticket."""
    _, change = entries([], await _take_out(db, [ticket_id]), db.dialect)
    await _count(db, change)
    await db.execute(sa.delete(ArticleRow).where(ArticleRow.ticket_id == ticket_id))


async def put_right(db: Write, ticket_id: int) -> None:
    """Index a ticket as it is now, published or not; frequencies are not touched, they are put right as a whole."""
    await _take_out(db, [ticket_id])
    await db.execute(sa.delete(ArticleRow).where(ArticleRow.ticket_id == ticket_id))
    made, _ = entries(await db.rows(_published([ticket_id]).with_for_update(key_share=True)), [], db.dialect)
    await _insert(db, made)


async def add_some_missing(db: Write) -> int:
    """Index some of what is published and not indexed; returns how many."""
    ticket_ids = await db.scalars(_some(MISSING, after=0))
    await _put(db, ticket_ids)
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
    async with database.read() as db:
        ticket_ids = await db.scalars(_some(condition, 0))
    workers = min(MOST_WORKERS, os.cpu_count() or 1) if len(ticket_ids) == AT_ONCE else 0
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) if workers else nullcontext() as pool:
        waiting: deque[asyncio.Task[_Ahead]] = deque()
        try:
            while ticket_ids or waiting:
                while ticket_ids and len(waiting) <= workers:
                    waiting.append(asyncio.create_task(_read_ahead(database, ticket_ids, pool)))
                    async with database.read() as db:
                        ticket_ids = await db.scalars(_some(condition, ticket_ids[-1]))
                ahead = await waiting.popleft()
                async with database.write() as db:
                    await bulk.unhurried(db)
                    await _put(db, ahead.ticket_ids, ahead)
                yield len(ahead.ticket_ids)
        finally:
            for task in waiting:
                task.cancel()


@dataclass(frozen=True)
class _Ahead:
    """Some articles, read without being locked, and what becomes of them if they still are so when they are locked."""

    ticket_ids: Sequence[int]
    texts: list[Row]
    before: list[Row]
    made: list[Entry]
    change: Change


async def _read_ahead(database: Database, ticket_ids: Sequence[int], pool: ProcessPoolExecutor | None) -> _Ahead:
    async with database.read() as db:
        texts = await db.rows(_published(ticket_ids))
        before = await db.rows(sa.select(*INDEXED).where(I.c.ticket_id.in_(ticket_ids)))
        given = (texts, before, db.dialect)
    loop = asyncio.get_running_loop()
    made, change = await loop.run_in_executor(pool, entries, *given) if pool else entries(*given)
    return _Ahead(ticket_ids, texts, before, made, change)


def _published(ticket_ids: Sequence[int]) -> sa.Select[*tuple[Any, ...]]:
    """The texts of those of some tickets that are published."""
    columns = (T.c.id, T.c.title, T.c.description, T.c.solution, T.c.tags, T.c.assigned_mentor_id, T.c.resolved_at)
    return sa.select(*columns).where(in_state(*PUBLISHED), T.c.id.in_(ticket_ids)).order_by(T.c.id)


async def _put(db: Write, ticket_ids: Sequence[int], ahead: _Ahead | None = None) -> None:
    """Index these articles, which nobody changes before this transaction ends, and forget how they were indexed.

    Of those that were read ahead, what is in the index already just as it must be stays there.
    """
    if not ticket_ids:
        return
    texts = await db.rows(_published(ticket_ids).with_for_update(key_share=True))
    right: dict[int, Entry] = {}
    if ahead and ahead.texts == texts and ahead.before:
        right = await _right(db, {entry.ticket_id: entry for entry in ahead.made})
    removed = await _take_out(db, [ticket_id for ticket_id in ticket_ids if ticket_id not in right])
    before = [*removed, *(entry._asdict() for entry in right.values())]
    if ahead and ahead.texts == texts and _counted(ahead.before) == _counted(before):
        made, change = ahead.made, ahead.change
    else:
        made, change = entries(texts, before, db.dialect)
    await _insert(db, [entry for entry in made if entry.ticket_id not in right])
    await _count(db, change)


def _counted(rows: Iterable[Row]) -> dict[int, tuple[Any, ...]]:
    """What frequencies are counted by."""
    return {row["ticket_id"]: (row["mentor_id"], row["tags"], row["terms"]) for row in rows}


async def _right(db: Write, made: dict[int, Entry]) -> dict[int, Entry]:
    """Those that are in the index just so."""
    if db.dialect == "postgresql":
        return {ticket_id: made[ticket_id] for ticket_id in await db.scalars(RIGHT, _as_arrays(made.values()))}
    indexed = sa.select(*INDEXED, WORDS.c.words).join(WORDS, WORDS.c.rowid == I.c.number)
    rows = await db.rows(indexed.where(I.c.ticket_id.in_(made)))
    return {row["ticket_id"]: made[row["ticket_id"]] for row in rows if made[row["ticket_id"]]._asdict() == row}


async def _take_out(db: Write, ticket_ids: Sequence[int]) -> list[Row]:
    """Forget how these articles were indexed; returns it."""
    removed = await db.rows(sa.delete(ArticleIndexRow).where(I.c.ticket_id.in_(ticket_ids)).returning(*INDEXED))
    if db.dialect == "sqlite":
        await _drop_words(db, [row["number"] for row in removed])
    return removed


async def _drop_words(db: Write, numbers: Sequence[int]) -> None:
    await db.execute(sa.delete(WORDS).where(WORDS.c.rowid.in_(numbers)))


async def _insert(db: Write, made: Sequence[Entry]) -> None:
    """Index what is not indexed."""
    if not made:
        return
    await _add_articles(db, [entry.ticket_id for entry in made])
    if db.dialect == "postgresql":
        await db.execute(INSERT, _as_arrays(made))
        return
    await bulk.insert(db, ArticleIndexRow, Entry._fields[:-1], [entry[:-1] for entry in made])
    await _drop_words(db, [entry.number for entry in made])
    await db.execute(sa.insert(WORDS), [{"rowid": entry.number, "words": entry.words} for entry in made])


GIVEN = (
    "unnest(CAST(:ticket_id AS bigint[]), CAST(:number AS bigint[]), CAST(:mentor_id AS bigint[]),"
    " CAST(:tags AS text[]), CAST(:terms AS text[]), CAST(:words AS text[]))"
    " AS given (ticket_id, number, mentor_id, tags, terms, words)"
)
INSERT = sa.text(
    "INSERT INTO article_index (ticket_id, number, mentor_id, tags, terms, words)"  # noqa: S608
    f" SELECT ticket_id, number, mentor_id, tags::jsonb, terms, words::tsvector FROM {GIVEN}"
)
RIGHT = sa.text(
    f"SELECT i.ticket_id FROM {GIVEN} JOIN article_index i USING (ticket_id)"  # noqa: S608
    " WHERE (i.number, i.mentor_id, i.tags, i.terms, i.words)"
    " = (given.number, given.mentor_id, given.tags::jsonb, given.terms, given.words::tsvector)"
)


def _as_arrays(made: Iterable[Entry]) -> dict[str, list[Any]]:
    """What `GIVEN` takes: a list of each column, so that the statement is one for any number of entries."""
    columns: Iterable[Iterable[Any]] = zip(*made, strict=True)
    arrays = dict(zip(Entry._fields, map(list, columns), strict=True))
    return arrays | {"tags": [orjson.dumps(tags).decode() for tags in arrays["tags"]]}


async def _add_articles(db: Write, ticket_ids: Sequence[int]) -> None:
    """Make those that are new; what people have said of them before counts."""

    def said(table: type[Any], *conditions: Any) -> sa.ScalarSelect[int]:
        return (
            sa.select(sa.func.count())
            .select_from(table)
            .where(table.ticket_id == T.c.id, *conditions)
            .scalar_subquery()
        )

    counts = {
        "upvotes": said(ArticleUpvoteRow),
        "deflected": said(DeflectionRow),
        "works": said(ArticleCheckRow, ArticleCheckRow.works),
        "fails": said(ArticleCheckRow, ~ArticleCheckRow.works),
    }
    is_new = ~sa.select(ArticleRow.ticket_id).where(ArticleRow.ticket_id == T.c.id).exists()
    source = sa.select(T.c.id, *counts.values()).where(T.c.id.in_(ticket_ids), is_new)
    await db.execute(db.insert(ArticleRow).from_select(["ticket_id", *counts], source).on_conflict_do_nothing())


async def _count(db: Write, change: Change) -> None:
    totals = KnowledgeTotalsRow.__table__
    more = dict(zip(FIELDS, change.lengths, strict=True)) | {"articles": change.articles}
    statement = db.insert(KnowledgeTotalsRow).values(id=ONLY_ROW, **more)
    added = {name: totals.c[name] + value for name, value in more.items()}
    await db.execute(statement.on_conflict_do_update(index_elements=["id"], set_=added))
    changed = sorted((term, count) for term, count in change.terms.items() if count)
    if not changed:
        return
    if db.dialect == "sqlite":
        await bulk.add_up(db, KnowledgeTermRow, ("term",), ("articles",), changed)
        return
    terms, counts = map(list, zip(*changed, strict=True))
    await db.execute(
        sa.text(
            "INSERT INTO knowledge_terms AS known (term, articles)"
            " SELECT * FROM unnest(CAST(:terms AS text[]), CAST(:counts AS bigint[]))"
            " ON CONFLICT (term) DO UPDATE SET articles = known.articles + excluded.articles"
        ),
        {"terms": terms, "counts": counts},
    )
