"""What a mentor has shown to know, kept right as tickets are solved, reopened and reviewed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from statistics import median
from typing import Any

import sqlalchemy as sa

from mentorq.core.database import Read, Row, Write
from mentorq.mentors.matching import RATINGS_OF_PRIOR, USUAL_RATING
from mentorq.mentors.models import (
    MatchingTotalsRow,
    MentorResponseRow,
    MentorStatsRow,
    MentorTagRecordRow,
    MentorTermRow,
    SolvedTicketRow,
    TermFrequencyRow,
)
from mentorq.mentors.terms import TERMS_OF_SOLVED, counted, growth, telling
from mentorq.tickets.models import TicketRow, TicketTagRow

RESPONSES_REMEMBERED = 101
ONLY_ROW = 1


def rating_rank(rating_sum: int, rating_count: int) -> float:
    """The order of the directory: an average that starts from the usual one: one friend makes no star."""
    return (rating_sum + RATINGS_OF_PRIOR * USUAL_RATING) / (rating_count + RATINGS_OF_PRIOR)


async def begin(db: Write, mentor_id: int) -> None:
    """A mentor joined."""
    row = {"mentor_id": mentor_id, "rating_rank": rating_rank(0, 0)}
    await db.execute(db.insert(MentorStatsRow).values(**row).on_conflict_do_nothing())


async def count(db: Write, mentor_id: int, **changes: int) -> None:
    """Add to a mentor's numbers."""
    columns = MentorStatsRow.__table__.c
    values = {name: columns[name] + by for name, by in changes.items()}
    await db.execute(sa.update(MentorStatsRow).where(MentorStatsRow.mentor_id == mentor_id).values(values))


async def note_response(db: Write, mentor_id: int, seconds: int) -> None:
    """Keep the median of the last responses."""
    r = MentorResponseRow.__table__
    await db.execute(sa.insert(MentorResponseRow).values(mentor_id=mentor_id, seconds=seconds))
    latest = (
        sa.select(r.c.seconds).where(r.c.mentor_id == mentor_id).order_by(r.c.id.desc()).limit(RESPONSES_REMEMBERED)
    )
    middle = round(median(await db.scalars(latest)))
    await db.execute(
        sa.update(MentorStatsRow).where(MentorStatsRow.mentor_id == mentor_id).values(median_response_seconds=middle)
    )


async def add_solved(db: Write, ticket_id: int, mentor_id: int, solved_at: datetime) -> None:
    """A ticket was solved: its tags count at once; its text is read by `learn_terms`, later."""
    tag_ids = await db.scalars(sa.select(TicketTagRow.tag_id).where(TicketTagRow.ticket_id == ticket_id))
    noted = {"mentor_id": mentor_id, "solved_at": solved_at, "tag_ids": sorted(tag_ids), "terms": None}
    await db.execute(
        db.insert(SolvedTicketRow)
        .values(ticket_id=ticket_id, **noted)
        .on_conflict_do_update(index_elements=["ticket_id"], set_=noted)
    )
    worth = growth(solved_at)
    await _add(db, MentorTagRecordRow, ("mentor_id", "tag_id"), [
        {"mentor_id": mentor_id, "tag_id": tag_id, "total": worth, "solved": 1, "rating_sum": 0, "rating_count": 0}
        for tag_id in sorted(tag_ids)
    ], ("total", "solved"))  # fmt: skip


async def take_back(db: Write, ticket_id: int) -> None:
    """A ticket was reopened: take off exactly what it had added."""
    noted = await db.row(
        sa.delete(SolvedTicketRow).where(SolvedTicketRow.ticket_id == ticket_id).returning(SolvedTicketRow.__table__)
    )
    if noted is None:
        return
    worth = growth(noted["solved_at"])
    of_mentor = MentorTagRecordRow.mentor_id == noted["mentor_id"]
    for tag_id in noted["tag_ids"]:
        await db.execute(
            sa.update(MentorTagRecordRow)
            .where(of_mentor, MentorTagRecordRow.tag_id == tag_id)
            .values(total=_less(MentorTagRecordRow.total, worth), solved=_less(MentorTagRecordRow.solved, 1))
        )
    if noted["terms"] is not None:
        await _forget_terms(db, noted)


def _less(column: Any, by: float) -> sa.ColumnElement[Any]:
    """Never below nothing: sums of floats may miss it by a hair."""
    return sa.case((column > by, column - by), else_=0)


async def learn_terms(db: Write, ticket_id: int, solved_at: datetime) -> None:
    """Read the text of a solved ticket into its mentor's record, unless it was reopened meanwhile. Repeatable."""
    text = await db.row(
        sa.select(
            TicketRow.title, TicketRow.description, SolvedTicketRow.mentor_id, SolvedTicketRow.tag_ids, TicketRow.tags
        )
        .join(SolvedTicketRow, SolvedTicketRow.ticket_id == TicketRow.id)
        .where(TicketRow.id == ticket_id, SolvedTicketRow.solved_at == solved_at, SolvedTicketRow.terms.is_(None))
        .with_for_update(of=SolvedTicketRow)  # so that two who read it at once do not both count it
    )
    if text is None:
        return
    counts = counted(text["title"], text["description"])
    await _count_document(db, [*counts, *map(tag_term, text["tags"])], solved_at)
    documents, _ = await totals(db)
    weights = telling(counts, await frequencies(db, counts), documents, TERMS_OF_SOLVED)
    worth = growth(solved_at)
    rows = [
        {"mentor_id": text["mentor_id"], "term": term, "total": weight * worth}
        for term, weight in sorted(weights.items())
    ]
    await _add(db, MentorTermRow, ("mentor_id", "term"), rows, ("total",))
    await db.execute(sa.update(SolvedTicketRow).where(SolvedTicketRow.ticket_id == ticket_id).values(terms=weights))


def tag_term(tag: str) -> str:
    """Under what name a tag's frequency is kept beside those of terms."""
    return f"#{tag}"


async def _count_document(db: Write, terms: Iterable[str], solved_at: datetime) -> None:
    rows = [{"term": term, "tickets": 1} for term in sorted(set(terms))]
    await _add(db, TermFrequencyRow, ("term",), rows, ("tickets",))
    totals_row = MatchingTotalsRow.__table__
    latest = sa.case(
        (totals_row.c.last_solved_at > solved_at, totals_row.c.last_solved_at), else_=sa.literal(solved_at)
    )
    await db.execute(
        db.insert(MatchingTotalsRow)
        .values(id=ONLY_ROW, tickets=1, last_solved_at=solved_at)
        .on_conflict_do_update(
            index_elements=["id"], set_={"tickets": totals_row.c.tickets + 1, "last_solved_at": latest}
        )
    )


async def _forget_terms(db: Write, noted: Row) -> None:
    worth = growth(noted["solved_at"])
    for term, weight in sorted(noted["terms"].items()):
        await db.execute(
            sa.update(MentorTermRow)
            .where(MentorTermRow.mentor_id == noted["mentor_id"], MentorTermRow.term == term)
            .values(total=_less(MentorTermRow.total, weight * worth))
        )


async def _add(db: Write, table: Any, key: tuple[str, ...], rows: list[dict[str, Any]], sums: tuple[str, ...]) -> None:
    """Insert rows, or add their `sums` to those that are there. In the key's order: nobody waits in a circle."""
    for start in range(0, len(rows), 200):
        statement = db.insert(table).values(rows[start : start + 200])
        added = {name: table.__table__.c[name] + statement.excluded[name] for name in sums}
        await db.execute(statement.on_conflict_do_update(index_elements=list(key), set_=added))


async def add_rating(db: Write, ticket_id: int, mentor_id: int, rating: int) -> None:
    """A review counts for the mentor, and under each of the ticket's tags."""
    s = MentorStatsRow.__table__
    rank = (s.c.rating_sum + rating + RATINGS_OF_PRIOR * USUAL_RATING) / (s.c.rating_count + 1 + RATINGS_OF_PRIOR)
    await db.execute(
        sa.update(MentorStatsRow)
        .where(s.c.mentor_id == mentor_id)
        .values(rating_sum=s.c.rating_sum + rating, rating_count=s.c.rating_count + 1, rating_rank=rank)
    )
    t = MentorTagRecordRow.__table__
    of_ticket = sa.select(TicketTagRow.tag_id).where(TicketTagRow.ticket_id == ticket_id)
    await db.execute(
        sa.update(MentorTagRecordRow)
        .where(t.c.mentor_id == mentor_id, t.c.tag_id.in_(of_ticket))
        .values(rating_sum=t.c.rating_sum + rating, rating_count=t.c.rating_count + 1)
    )


async def totals(db: Read) -> tuple[int, datetime | None]:
    """How many solved tickets the frequencies are of, and when the last one was solved."""
    row = await db.row(sa.select(MatchingTotalsRow.tickets, MatchingTotalsRow.last_solved_at))
    return (row["tickets"], row["last_solved_at"]) if row else (0, None)


async def frequencies(db: Read, terms: Iterable[str]) -> Mapping[str, int]:
    """How many solved tickets have each term; a term that none has is missing."""
    found: dict[str, int] = {}
    wanted = sorted(set(terms))
    for start in range(0, len(wanted), 1000):
        part = wanted[start : start + 1000]
        rows = await db.rows(
            sa.select(TermFrequencyRow.term, TermFrequencyRow.tickets).where(TermFrequencyRow.term.in_(part))
        )
        found |= {row["term"]: row["tickets"] for row in rows}
    return found
