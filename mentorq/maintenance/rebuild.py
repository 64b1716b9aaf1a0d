"""Putting right whatever `verify` finds, and working out anew what matching knows."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import sqlalchemy as sa

from mentorq.community.models import AwardCountRow, LatestRow
from mentorq.core import bulk
from mentorq.core.clock import now
from mentorq.core.database import Database, Read, Write
from mentorq.knowledge import index
from mentorq.knowledge.models import KnowledgeTermRow, KnowledgeTotalsRow
from mentorq.maintenance import articles, learning, standings, truth
from mentorq.maintenance.truth import Difference
from mentorq.mentors.models import (
    MatchingTotalsRow,
    MentorResponseRow,
    MentorStatsRow,
    MentorTagRecordRow,
    MentorTermRow,
    SolvedTicketRow,
    TermFrequencyRow,
)
from mentorq.mentors.records import rating_rank
from mentorq.mentors.terms import growth
from mentorq.reviews.models import ReviewRow
from mentorq.tags.models import TagRow
from mentorq.tickets.models import TicketRow, TicketTagRow
from mentorq.tickets.states import Status

ROWS_AT_ONCE = 5_000
STILL = (
    "LOCK TABLE tickets, ticket_messages, reviews, user_tags, follows, awards, activities IN SHARE ROW EXCLUSIVE MODE"
)


async def rebuild(database: Database, told: Callable[[Difference], None]) -> int:
    """Repair everything; returns how many differences there were. `told` hears of each."""
    async with database.write() as db:
        await bulk.unhurried(db)
        if not database.is_sqlite:
            await db.execute(sa.text(STILL))  # readers go on; who changes something waits
        found = await _repair(db, told)
        await _forget(db)
        await _count_records(db)
        await learning.note_medians(db, await db.scalars(sa.select(MentorResponseRow.mentor_id).distinct()))
    await learning.learn_unread(database, lambda _: None)
    await learning.read_waiting(database)
    return found


async def _repair(db: Write, told: Callable[[Difference], None]) -> int:
    """Each kind after those that it is worked out from."""
    found = 0
    for kind in (
        truth.tickets, _tags_and_reviews, truth.mentors, _community, articles.articles, _frequencies,
        standings.facts, standings.standings,
    ):  # fmt: skip
        async for batch in kind(db):
            for difference in batch:
                told(difference)
                await MENDING.get(kind, _mend)(db, difference)
            found += len(batch)
    return found


async def _tags_and_reviews(db: Write) -> Any:
    yield [*await truth.tag_counts(db), *await truth.reviews(db)]


async def _community(db: Read) -> Any:
    yield [*await truth.achievements(db), *await truth.latest_activities(db)]


async def _frequencies(db: Read) -> Any:
    yield await articles.frequencies(db)


async def _mend_frequency(db: Write, difference: Difference) -> None:
    key: dict[str, object] = {"term": difference.key[0]} if difference.key else {"id": index.ONLY_ROW}
    table: Any = KnowledgeTermRow if difference.key else KnowledgeTotalsRow
    zeros = dict.fromkeys(table.__table__.c.keys(), 0)
    added = db.insert(table).values(zeros | key | difference.must_be)
    await db.execute(added.on_conflict_do_update(index_elements=list(key), set_=difference.must_be))


async def _mend_community(db: Write, difference: Difference) -> None:
    table: Any = AwardCountRow if difference.what == "achievement" else LatestRow
    (key,) = table.__table__.primary_key.columns.keys()
    added = db.insert(table).values({key: difference.key[0]} | difference.must_be)
    await db.execute(added.on_conflict_do_update(index_elements=[key], set_=difference.must_be))


async def _mend(db: Write, difference: Difference) -> None:
    values: dict[str, Any] = dict(difference.must_be)
    match difference.what, difference.key:
        case "ticket", (int(ticket_id),):
            if "status" in values:
                values |= _leases(db, values["status"])
            await db.execute(sa.update(TicketRow).where(TicketRow.id == ticket_id).values(values))
        case "tag on ticket", (int(ticket_id), int(tag_id)):
            on = (TicketTagRow.ticket_id == ticket_id, TicketTagRow.tag_id == tag_id)
            await db.execute(sa.update(TicketTagRow).where(*on).values(values))
        case "solved ticket", (int(ticket_id),):
            await _note_solved(db, ticket_id)
        case "tag", (int(tag_id),):
            await db.execute(sa.update(TagRow).where(TagRow.id == tag_id).values(values))
        case "review", (int(review_id),):
            await db.execute(sa.update(ReviewRow).where(ReviewRow.id == review_id).values(values))
        case "mentor", (int(mentor_id),):
            missing = {"mentor_id": mentor_id, "rating_rank": rating_rank(0, 0)}
            await db.execute(db.insert(MentorStatsRow).values(**missing).on_conflict_do_nothing())
            await db.execute(sa.update(MentorStatsRow).where(MentorStatsRow.mentor_id == mentor_id).values(values))
        case "article", (int(ticket_id),):
            await index.put_right(db, ticket_id)
        case _:
            pass  # records are counted anew as a whole


MENDING: dict[Callable[..., Any], Callable[[Write, Difference], Awaitable[None]]] = {
    _frequencies: _mend_frequency,
    _community: _mend_community,
    standings.facts: standings.put_right,
    standings.standings: standings.mend,
}


def _leases(db: Write, status: str) -> dict[str, object]:
    """A ticket whose state was wrong begins a new lease, or has none."""
    return {"respond_by": now() + db.settings.conversation_lease if status == Status.ASSIGNED else None}


async def _note_solved(db: Write, ticket_id: int) -> None:
    await db.execute(sa.delete(SolvedTicketRow).where(SolvedTicketRow.ticket_id == ticket_id))
    t = TicketRow.__table__
    ticket = await db.row(sa.select(t).where(t.c.id == ticket_id, t.c.resolved_at.is_not(None)))
    if ticket is None or ticket["assigned_mentor_id"] is None:
        return
    tag_ids = await db.scalars(sa.select(TicketTagRow.tag_id).where(TicketTagRow.ticket_id == ticket_id))
    solved = {"mentor_id": ticket["assigned_mentor_id"], "solved_at": ticket["resolved_at"]}
    await db.execute(sa.insert(SolvedTicketRow).values(ticket_id=ticket_id, tag_ids=sorted(tag_ids), **solved))


async def _forget(db: Write) -> None:
    """Drop what `learning` and `_count_records` make anew."""
    for table in (MentorTermRow, TermFrequencyRow, MatchingTotalsRow, MentorTagRecordRow):
        await db.execute(sa.delete(table))
    await db.execute(sa.update(SolvedTicketRow).values(terms=sa.null()))


async def _count_records(db: Write) -> None:
    """What mentors have solved under each tag: its worth from `solved_tickets`, the rest from tickets and reviews."""
    s, last = SolvedTicketRow.__table__, 0
    worth: defaultdict[tuple[int, int], float] = defaultdict(float)
    columns = (s.c.ticket_id, s.c.mentor_id, s.c.solved_at)
    while rows := await db.rows(
        sa.select(*columns).where(s.c.ticket_id > last).order_by(s.c.ticket_id).limit(ROWS_AT_ONCE)
    ):
        first, last = rows[0]["ticket_id"], rows[-1]["ticket_id"]
        tags = await _tag_ids(db, first, last)
        for row in rows:
            for tag_id in tags[row["ticket_id"]]:
                worth[row["mentor_id"], tag_id] += growth(row["solved_at"])
        await _refresh_tag_ids(db, ((row["ticket_id"], tags[row["ticket_id"]]) for row in rows))
    columns_of_record = ["mentor_id", "tag_id", "total", "solved", "rating_sum", "rating_count"]
    mentor_ids = sorted({mentor_id for mentor_id, _ in worth})
    for part in bulk.chunks(mentor_ids, truth.MENTORS_AT_ONCE):
        found = await truth.records_of(db, part)
        await bulk.insert(
            db, MentorTagRecordRow, columns_of_record,
            [(*key, worth[key], row["solved"], row["rating_sum"], row["rating_count"]) for key, row in found.items()],
        )  # fmt: skip


async def _tag_ids(db: Write, first: int, last: int) -> defaultdict[int, list[int]]:
    tt = TicketTagRow.__table__
    rows = await db.rows(
        sa.select(tt.c.ticket_id, tt.c.tag_id)
        .where(tt.c.ticket_id.between(first, last))
        .order_by(tt.c.ticket_id, tt.c.tag_id)
    )
    found: defaultdict[int, list[int]] = defaultdict(list)
    for row in rows:
        found[row["ticket_id"]].append(row["tag_id"])
    return found


async def _refresh_tag_ids(db: Write, rows: Iterable[tuple[int, list[int]]]) -> None:
    await bulk.change(db, SolvedTicketRow, "ticket_id", ["tag_ids"], rows)
