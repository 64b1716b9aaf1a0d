"""What facts and standings must be, worked out anew from the log of tickets; and noting many at once."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import UserRow
from mentorq.core import bulk
from mentorq.core.database import Database, Read, Row, Write
from mentorq.insights.facts import Fact, Kind, of_ticket
from mentorq.insights.leaderboard import NOTHING, SUMS, Deed, Sums, of_pair
from mentorq.insights.models import MentorFactRow, StandingRow
from mentorq.insights.queries import FACT
from mentorq.insights.rollups import Key, difference
from mentorq.maintenance.truth import Difference, Found, compared
from mentorq.reviews.models import ReviewRow
from mentorq.tickets.models import TicketEventRow, TicketMessageRow, TicketRow, TicketTagRow

TICKETS_AT_ONCE = 5_000
MENTORS_AT_ONCE = 200
CHUNK_OF_KEYS = 500
F, P, T = MentorFactRow.__table__, StandingRow.__table__, TicketRow.__table__
STANDING = ("mentor_id", "period", "tag_id", *SUMS)
STILL = "LOCK TABLE tickets, ticket_messages, reviews IN SHARE ROW EXCLUSIVE MODE"

Pair = tuple[int, int]
"""A mentor and a student."""


async def of_log(db: Read, first: int, last: int) -> list[Fact]:
    """The facts of the tickets from `first` to `last`."""
    e, m, r = TicketEventRow.__table__, TicketMessageRow.__table__, ReviewRow.__table__
    owners = await db.rows(sa.select(T.c.id, T.c.student_id).where(T.c.id.between(first, last)).order_by(T.c.id))
    events = await _grouped(db, e, (e.c.action, e.c.actor_id, e.c.created_at), first, last)
    messages = await _grouped(db, m, (m.c.author_id, m.c.created_at), first, last)
    reviews = await _grouped(db, r, (r.c.mentor_id, r.c.rating, r.c.created_at), first, last)
    return [
        fact
        for ticket in owners
        for fact in of_ticket(
            ticket["id"], ticket["student_id"], events[ticket["id"]], messages[ticket["id"]],
            next(iter(reviews[ticket["id"]]), None),
        )
    ]  # fmt: skip


async def _grouped(
    db: Read, table: sa.FromClause, columns: Iterable[sa.ColumnElement[Any]], first: int, last: int
) -> defaultdict[int, list[Row]]:
    """Rows of a table by ticket, oldest first."""
    found: defaultdict[int, list[Row]] = defaultdict(list)
    of_tickets = sa.select(table.c.ticket_id, *columns).where(table.c.ticket_id.between(first, last))
    for row in await db.rows(of_tickets.order_by(table.c.ticket_id, table.c.id)):
        found[row["ticket_id"]].append(row)
    return found


async def facts(db: Read) -> AsyncIterator[list[Difference]]:
    """Facts that are missing, wrong, or of nothing; a batch of tickets at a time."""
    async for first, last in _batches(db):
        must_be = {(one.ticket_id, one.kind, one.claim_no): one for one in await of_log(db, first, last)}
        rows = await db.rows(sa.select(F).where(F.c.ticket_id.between(first, last)))
        is_now = {(row["ticket_id"], row["kind"], row["claim_no"]): row for row in rows}
        yield [
            difference
            for key in sorted(must_be.keys() | is_now.keys())
            for difference in compared("fact", key, is_now.get(key, {}), _columns(must_be.get(key)))
        ]


async def _batches(db: Read) -> AsyncIterator[tuple[int, int]]:
    last = 0
    while ids := await db.scalars(sa.select(T.c.id).where(T.c.id > last).order_by(T.c.id).limit(TICKETS_AT_ONCE)):
        last = ids[-1]
        yield ids[0], last


def _columns(fact: Fact | None) -> Found:
    names = ("mentor_id", "student_id", "at", "value")
    return {name: getattr(fact, name) if fact else None for name in names}


async def put_right(db: Write, difference: Difference) -> None:
    """Note the facts of a ticket anew."""
    ticket_id = int(difference.key[0])
    await db.execute(sa.delete(MentorFactRow).where(F.c.ticket_id == ticket_id))
    await _insert(db, await of_log(db, ticket_id, ticket_id))


async def _insert(db: Write, noted: Iterable[Fact]) -> None:
    await bulk.insert(db, MentorFactRow, FACT, (astuple(fact) for fact in noted))


async def standings(db: Read) -> AsyncIterator[list[Difference]]:
    """Standings that are not the sums of the facts; a batch of mentors at a time."""
    reviewed = await mentors_reviewed(db)
    async for mentor_ids in _mentors(db):
        must_be = await sums_of(db, mentor_ids, reviewed)
        rows = await db.rows(sa.select(P).where(P.c.mentor_id.in_(mentor_ids)))
        is_now = {(row["mentor_id"], row["period"], row["tag_id"]): row for row in rows}
        zeros = dict(zip(SUMS, NOTHING, strict=True))
        yield [
            difference
            for key in sorted(must_be.keys() | is_now.keys())
            for difference in compared(
                "standing", key, is_now.get(key, zeros), dict(zip(SUMS, must_be.get(key, NOTHING), strict=True))
            )
        ]


async def _mentors(db: Read) -> AsyncIterator[list[int]]:
    """Everybody who has a standing, or should have one."""
    last = 0
    known = sa.union(sa.select(F.c.mentor_id), sa.select(P.c.mentor_id)).subquery()
    while ids := await db.scalars(
        sa.select(known.c.mentor_id).where(known.c.mentor_id > last).order_by(known.c.mentor_id).limit(MENTORS_AT_ONCE)
    ):
        last = ids[-1]
        yield ids


async def mentors_reviewed(db: Read) -> Counter[int]:
    """How many mentors each student has reviewed."""
    count = sa.func.count(F.c.mentor_id.distinct()).label("mentors")
    rated = sa.select(F.c.student_id, count).where(F.c.kind == Kind.RATED).group_by(F.c.student_id)
    return Counter({row["student_id"]: row["mentors"] for row in await db.rows(rated)})


async def sums_of(db: Read, mentor_ids: Sequence[int], reviewed: Mapping[int, int]) -> dict[Key, Sums]:
    """The standings of these mentors, by their facts."""
    return added_up(await _deeds(db, F.c.mentor_id.in_(mentor_ids)), reviewed)


def added_up(between: Mapping[Pair, Sequence[Deed]], reviewed: Mapping[int, int]) -> dict[Key, Sums]:
    """The standings of mentors, by what happened between each of them and each student."""
    found: dict[Key, Sums] = {}
    for (mentor_id, student_id), deeds in between.items():
        for (period, tag_id), sums in of_pair(deeds, reviewed.get(student_id, 0)).items():
            so_far = found.get((mentor_id, period, tag_id))
            found[mentor_id, period, tag_id] = sums if so_far is None else [*map(int.__add__, so_far, sums)]
    return found


async def _deeds(db: Read, condition: sa.ColumnElement[bool]) -> dict[Pair, list[Deed]]:
    tt = TicketTagRow.__table__
    done = sa.and_(condition, F.c.kind != Kind.RESPONDED)
    tags: defaultdict[int, tuple[int, ...]] = defaultdict(tuple)
    links = sa.select(tt.c.ticket_id, tt.c.tag_id).join(F, F.c.ticket_id == tt.c.ticket_id).where(done).distinct()
    for link in await db.rows(links):
        tags[link["ticket_id"]] += (link["tag_id"],)
    found: defaultdict[Pair, list[Deed]] = defaultdict(list)
    for row in await db.rows(sa.select(F).where(done)):
        deed = Deed(row["kind"], row["at"], row["value"], tags[row["ticket_id"]])
        found[row["mentor_id"], row["student_id"]].append(deed)
    return found


async def note(db: Write, noted: Sequence[Fact], tags: Mapping[int, tuple[int, ...]]) -> None:
    """Note facts of tickets that are new here, with their tags, and count them. Reviews are not among them."""
    students = sorted({fact.student_id for fact in noted})
    before: dict[Pair, list[Deed]] = {}
    for part in bulk.chunks(students, CHUNK_OF_KEYS):
        people = UserRow.__table__
        await db.execute(
            sa.select(people.c.id).where(people.c.id.in_(part)).order_by(people.c.id).with_for_update(key_share=True)
        )
        before |= await _deeds(db, F.c.student_id.in_(part))
    new: defaultdict[Pair, list[Deed]] = defaultdict(list)
    for fact in noted:
        if fact.kind == Kind.SOLVED:
            new[fact.mentor_id, fact.student_id].append(Deed(fact.kind, fact.at, fact.value, tags[fact.ticket_id]))
    await _insert(db, noted)
    was = added_up({pair: before.get(pair, []) for pair in new}, {})
    is_now = added_up({pair: [*before.get(pair, []), *deeds] for pair, deeds in new.items()}, {})
    moved = [(*key, *sums) for key, sums in difference(was, is_now).items()]
    await bulk.add_up(db, StandingRow, STANDING[:3], SUMS, moved)


async def count_again(database: Database) -> int:
    """Work out all facts and standings anew; returns how many facts there are. Changes to tickets wait meanwhile."""
    counted = 0
    async with database.write() as db:
        await bulk.unhurried(db)
        if not database.is_sqlite:
            await db.execute(sa.text(STILL))
        for table in (StandingRow, MentorFactRow):
            await db.execute(sa.delete(table))
        async for first, last in _batches(db):
            noted = await of_log(db, first, last)
            await _insert(db, noted)
            counted += len(noted)
        reviewed = await mentors_reviewed(db)
        async for mentor_ids in _mentors(db):
            rows = ((*key, *sums) for key, sums in (await sums_of(db, mentor_ids, reviewed)).items())
            await bulk.insert(db, StandingRow, STANDING, rows)
    return counted


async def mend(db: Write, difference: Difference) -> None:
    """Put a standing right."""
    key = dict(zip(STANDING[:3], difference.key, strict=True))
    zeros = dict(zip(SUMS, NOTHING, strict=True))
    added = db.insert(StandingRow).values(zeros | key | difference.must_be)
    await db.execute(added.on_conflict_do_update(index_elements=list(key), set_=difference.must_be))
