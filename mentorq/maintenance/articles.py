"""What articles and what the search knows of them must be, worked out anew from tickets and from what people said."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import sqlalchemy as sa

from mentorq.core.database import Read, Row
from mentorq.knowledge.analysis import FIELDS, LENGTHS, analyse, as_json, as_terms, findable
from mentorq.knowledge.entries import number_of
from mentorq.knowledge.models import (
    ArticleCheckRow,
    ArticleIndexRow,
    ArticleRow,
    ArticleUpvoteRow,
    DeflectionRow,
    KnowledgeTermRow,
    KnowledgeTotalsRow,
)
from mentorq.maintenance.truth import Difference, Found, compared
from mentorq.tickets.models import TicketRow
from mentorq.tickets.states import PUBLISHED

ARTICLES_AT_ONCE = 1_000
T, A, I = TicketRow.__table__, ArticleRow.__table__, ArticleIndexRow.__table__  # noqa: E741
KEPT = ("upvotes", "deflected", "works", "fails")
INDEXED = ("number", "mentor_id", "tags", "terms")


async def articles(db: Read) -> AsyncIterator[list[Difference]]:
    """Articles that are missing, should not be there, or do not say what their ticket says; a batch at a time."""
    columns = [A.c[name] for name in KEPT] + [I.c[name].label(f"indexed_{name}") for name in INDEXED]
    text = (T.c.id, T.c.status, T.c.title, T.c.description, T.c.solution, T.c.tags.label("own_tags"), T.c.resolved_at)
    both = T.outerjoin(A, A.c.ticket_id == T.c.id).outerjoin(I, I.c.ticket_id == T.c.id)
    concerned = sa.or_(T.c.status.in_(PUBLISHED), A.c.ticket_id.is_not(None))
    statement = sa.select(*text, T.c.assigned_mentor_id, *columns).select_from(both).where(concerned)
    last = 0
    while rows := await db.rows(statement.where(T.c.id > last).order_by(T.c.id).limit(ARTICLES_AT_ONCE)):
        first, last = rows[0]["id"], rows[-1]["id"]
        said = await _said(db, first, last)
        yield [difference for row in rows for difference in _of(row, said)]


def _of(row: Row, said: dict[str, Counter[int]]) -> list[Difference]:
    is_now = {name: row[name] for name in KEPT} | {name: row[f"indexed_{name}"] for name in INDEXED}
    must_be: Found = dict.fromkeys((*KEPT, *INDEXED))
    if row["status"] in PUBLISHED:
        terms = analyse(row["title"], row["description"], row["solution"] or "", row["own_tags"]).terms
        must_be = {"number": number_of(row["id"], row["resolved_at"]), "mentor_id": row["assigned_mentor_id"]}
        must_be |= {"tags": sorted(row["own_tags"])}
        must_be |= {name: counted[row["id"]] for name, counted in said.items()} | {"terms": as_json(terms)}
    return compared("article", (row["id"],), is_now, must_be)


async def _said(db: Read, first: int, last: int) -> dict[str, Counter[int]]:
    c = ArticleCheckRow.__table__
    sources: dict[str, tuple[Any, ...]] = {
        "upvotes": (ArticleUpvoteRow.__table__,),
        "deflected": (DeflectionRow.__table__,),
        "works": (c, c.c.works),
        "fails": (c, ~c.c.works),
    }
    return {name: await _counted(db, first, last, *source) for name, source in sources.items()}


async def _counted(db: Read, first: int, last: int, table: sa.Table, *conditions: Any) -> Counter[int]:
    rows = await db.rows(
        sa.select(table.c.ticket_id, sa.func.count().label("count"))
        .where(table.c.ticket_id.between(first, last), *conditions)
        .group_by(table.c.ticket_id)
    )
    return Counter({row["ticket_id"]: row["count"] for row in rows})


async def frequencies(db: Read) -> list[Difference]:
    """Terms of which the search believes that another number of articles has them, and the size of the whole."""
    terms, totals = await counted(db)
    rows = await db.rows(sa.select(KnowledgeTermRow.__table__).where(KnowledgeTermRow.articles != 0))
    is_now = {row["term"]: row["articles"] for row in rows}
    differences: list[Difference] = []
    for term in sorted(terms.keys() | is_now.keys()):
        differences += compared("term", (term,), {"articles": is_now.get(term, 0)}, {"articles": terms[term]})
    kept = await db.row(sa.select(KnowledgeTotalsRow.__table__)) or dict.fromkeys(totals, 0)
    return differences + compared("knowledge base", (), kept, totals)


async def counted(db: Read) -> tuple[Counter[str], Found]:
    """In how many of the indexed articles each term is, how many articles there are, and how long their fields are."""
    terms: Counter[str] = Counter()
    lengths = [0] * len(FIELDS)
    articles, last = 0, 0
    statement = sa.select(I.c.ticket_id, I.c.terms, I.c.tags, I.c.mentor_id).order_by(I.c.ticket_id)
    while rows := await db.rows(statement.where(I.c.ticket_id > last).limit(ARTICLES_AT_ONCE)):
        last = rows[-1]["ticket_id"]
        articles += len(rows)
        for row in rows:
            known = as_terms(row["terms"])
            terms.update(findable(known, row["tags"], row["mentor_id"]))
            lengths = _added(lengths, known[LENGTHS])
    return terms, dict(zip(FIELDS, lengths, strict=True)) | {"articles": articles}


def _added(one: Sequence[int], other: Sequence[int]) -> list[int]:
    return [sum(both) for both in zip(one, other, strict=True)]
