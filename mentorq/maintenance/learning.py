"""Reading many solved tickets into the records that matching uses: what `records.learn_terms` does for one.

In order of the time at which they were solved, each weighed by what was known then, a few thousand in a transaction.
Whatever was interrupted goes on where it was: a ticket that has been read has its terms noted.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median

import sqlalchemy as sa

from mentorq.core import bulk
from mentorq.core.database import Database, Row, Write
from mentorq.mentors import records
from mentorq.mentors.models import (
    AskedTermsRow,
    MatchingTotalsRow,
    MentorResponseRow,
    MentorStatsRow,
    MentorTermRow,
    SolvedTicketRow,
    TermFrequencyRow,
)
from mentorq.mentors.records import ONLY_ROW, RESPONSES_REMEMBERED, tag_term
from mentorq.mentors.terms import TERMS_OF_ASKED, TERMS_OF_SOLVED, counted, growth, telling
from mentorq.tickets.models import TicketRow
from mentorq.tickets.states import Status

READ_AT_ONCE = 2_000
CHUNK_OF_KEYS = 500

Progress = Callable[[int], None]


async def learn_unread(database: Database, progress: Progress) -> int:
    """Read all solved tickets that nobody has read yet; returns how many."""
    async with database.read() as db:
        unread = await db.scalars(
            sa.select(SolvedTicketRow.ticket_id)
            .where(SolvedTicketRow.terms.is_(None))
            .order_by(SolvedTicketRow.solved_at, SolvedTicketRow.ticket_id)
        )
    for ticket_ids in bulk.chunks(unread, READ_AT_ONCE):
        async with database.write() as db:
            await bulk.unhurried(db)
            await _learn(db, await _texts(db, ticket_ids))
        progress(len(ticket_ids))
    return len(unread)


async def _texts(db: Write, ticket_ids: Sequence[int]) -> list[Row]:
    """What was solved, oldest first; locked, because a job may be about to read the same."""
    found: list[Row] = []
    for part in bulk.chunks(ticket_ids, CHUNK_OF_KEYS):
        found += await db.rows(
            sa.select(
                TicketRow.id, TicketRow.title, TicketRow.description, TicketRow.tags,
                SolvedTicketRow.mentor_id, SolvedTicketRow.solved_at,
            )
            .join(SolvedTicketRow, SolvedTicketRow.ticket_id == TicketRow.id)
            .where(TicketRow.id.in_(part), SolvedTicketRow.terms.is_(None))
            .order_by(TicketRow.id)
            .with_for_update(of=SolvedTicketRow)
        )  # fmt: skip
    return sorted(found, key=lambda row: (row["solved_at"], row["id"]))


async def _learn(db: Write, texts: Sequence[Row]) -> None:
    counts = [counted(text["title"], text["description"]) for text in texts]
    documents, _ = await records.totals(db)
    containing = Counter(await records.frequencies(db, {term for count in counts for term in count}))
    added: Counter[str] = Counter()
    of_mentor: defaultdict[tuple[int, str], float] = defaultdict(float)
    noted: list[tuple[int, dict[str, float]]] = []
    for text, count in zip(texts, counts, strict=True):
        documents += 1
        containing.update(count.keys())
        added.update({*count, *map(tag_term, text["tags"])})
        weights = telling(count, containing, documents, TERMS_OF_SOLVED)
        worth = growth(text["solved_at"])
        for term, weight in weights.items():
            of_mentor[text["mentor_id"], term] += weight * worth
        noted.append((text["id"], weights))
    if not texts:
        return
    await bulk.add_up(db, TermFrequencyRow, ["term"], ["tickets"], added.items())
    await note_totals(db, len(texts), texts[-1]["solved_at"])
    terms = ((mentor_id, term, total) for (mentor_id, term), total in of_mentor.items())
    await bulk.add_up(db, MentorTermRow, ["mentor_id", "term"], ["total"], terms)
    await bulk.change(db, SolvedTicketRow, "ticket_id", ["terms"], noted)


async def note_totals(db: Write, more: int, solved_at: datetime) -> None:
    """So many tickets more have been read, the last of them solved at this time."""
    totals = MatchingTotalsRow.__table__.c
    new = sa.literal(solved_at, type_=totals.last_solved_at.type)
    latest = sa.case((totals.last_solved_at > new, totals.last_solved_at), else_=new)
    statement = db.insert(MatchingTotalsRow).values(id=ONLY_ROW, tickets=more, last_solved_at=solved_at)
    changes = {"tickets": totals.tickets + more, "last_solved_at": latest}
    await db.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changes))


async def read_waiting(database: Database) -> int:
    """Note anew what the tickets are about that wait for a mentor, or may come back to the queue; returns how many."""
    waiting = sa.select(TicketRow.id).where(TicketRow.status.in_([Status.OPEN, Status.ASSIGNED]))
    async with database.read() as db:
        ticket_ids = await db.scalars(waiting.order_by(TicketRow.id))
    for part in bulk.chunks(ticket_ids, CHUNK_OF_KEYS):
        async with database.write() as db:
            await _read_asked(db, part)
    return len(ticket_ids)


async def _read_asked(db: Write, ticket_ids: Sequence[int]) -> None:
    asked = sa.select(TicketRow.id, TicketRow.title, TicketRow.description).where(TicketRow.id.in_(ticket_ids))
    texts = await db.rows(asked.order_by(TicketRow.id).with_for_update(key_share=True))
    counts = {text["id"]: counted(text["title"], text["description"]) for text in texts}
    documents, _ = await records.totals(db)
    containing = await records.frequencies(db, {term for count in counts.values() for term in count})
    rows = [(key, telling(count, containing, documents, TERMS_OF_ASKED)) for key, count in counts.items()]
    await db.execute(sa.delete(AskedTermsRow).where(AskedTermsRow.ticket_id.in_(ticket_ids)))
    await bulk.insert(db, AskedTermsRow, ["ticket_id", "terms"], rows)


async def note_medians(db: Write, mentor_ids: Sequence[int]) -> None:
    """The usual response of each of these mentors, from their last ones."""
    r = MentorResponseRow.__table__
    place = sa.func.row_number().over(partition_by=r.c.mentor_id, order_by=r.c.id.desc()).label("place")
    for part in bulk.chunks(sorted(mentor_ids), CHUNK_OF_KEYS):
        ranked = sa.select(r.c.mentor_id, r.c.seconds, place).where(r.c.mentor_id.in_(part)).subquery()
        latest = sa.select(ranked.c.mentor_id, ranked.c.seconds).where(ranked.c.place <= RESPONSES_REMEMBERED)
        seconds: defaultdict[int, list[int]] = defaultdict(list)
        for row in await db.rows(latest):
            seconds[row["mentor_id"]].append(row["seconds"])
        middles = [(mentor_id, round(median(of_one))) for mentor_id, of_one in sorted(seconds.items())]
        await bulk.change(db, MentorStatsRow, "mentor_id", ["median_response_seconds"], middles)
