"""Bringing in tickets that were solved elsewhere: a thousand lines in a transaction, each line once.

Imported tickets are closed. When their mentor took them is not known: the history has them accepted as they were
asked, so that the mentor's response is the whole time to the solution, but no estimate of waiting times learns from
it. Nobody is told of what is imported.
"""

import asyncio
import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from mentorq.core import bulk
from mentorq.core.clock import now
from mentorq.core.database import Base, Database, Write
from mentorq.core.errors import Unavailable
from mentorq.insights.facts import Fact, Kind
from mentorq.knowledge import index
from mentorq.maintenance import authors, learning, standings
from mentorq.maintenance.lines import Parsed, Refused, opened, parse
from mentorq.maintenance.models import ImportedLineRow
from mentorq.mentors.models import MentorResponseRow, MentorStatsRow, MentorTagRecordRow, SolvedTicketRow
from mentorq.mentors.terms import growth
from mentorq.tags import service as tags
from mentorq.tags.models import TagRow
from mentorq.tags.queries import Counter as Counted
from mentorq.tickets.models import SolutionVersionRow, TicketEventRow, TicketRow, TicketTagRow
from mentorq.tickets.states import TRANSITIONS, Action, Status

LINES_AT_ONCE = 1_000
ANALYZED_AT_ONCE = 2

TICKET = (
    "id", "title", "description", "tags", "status", "student_id", "assigned_mentor_id", "is_anonymous", "solution",
    "messages", "claim_no", "version", "created_at", "updated_at", "assigned_at", "responded_at", "resolved_at",
    "closed_at",
)  # fmt: skip
EVENT = ("ticket_id", "action", "actor_id", "from_status", "to_status", "created_at")
LIFE = (Action.CREATE, Action.ACCEPT, Action.RESOLVE, Action.CLOSE)


@dataclass
class Outcome:
    """What came of a file."""

    imported: int = 0
    known: int = 0
    dropped_tags: int = 0
    refused: int = 0
    learnt: int = 0


@dataclass(frozen=True)
class Watcher:
    """Who hears how far an import is."""

    read: Callable[[int], None] = field(default=lambda _: None)
    """So many bytes of the file have been read."""
    learnt: Callable[[int], None] = field(default=lambda _: None)
    """So many more tickets have been read into the records of matching."""
    indexed: Callable[[int], None] = field(default=lambda _: None)
    """So many more tickets can be found by searching."""
    refused: Callable[[Refused], None] = field(default=lambda _: None)


@dataclass(frozen=True)
class _Placed:
    """A line with its id and people in this database."""

    id: int
    student_id: int
    mentor_id: int
    tag_ids: tuple[int, ...]
    line: Parsed


async def import_file(database: Database, path: Path, watcher: Watcher) -> Outcome:
    """Import what is not here yet.

    Raises:
        UnreadableFile: the file is not there, or damaged; what came before stays imported.
    """
    outcome = Outcome()
    with opened(path) as (file, lines):
        for numbered in bulk.chunks(enumerate(lines, 1), LINES_AT_ONCE):
            wanted = list(_readable(numbered, outcome, watcher))
            async with database.write() as db:
                await bulk.unhurried(db)
                fresh = await _fresh(db, wanted)
                await _add(db, fresh)
            outcome.imported += len(fresh)
            outcome.known += len(wanted) - len(fresh)
            outcome.dropped_tags += sum(line.dropped for line in fresh)
            watcher.read(file.tell())
    outcome.learnt = await learning.learn_unread(database, watcher.learnt)
    async for indexed in index.add_missing(database):
        watcher.indexed(indexed)
    if outcome.imported or outcome.learnt:
        await refresh_statistics(database)
    return outcome


async def refresh_statistics(database: Database) -> None:
    """PostgreSQL plans by statistics, which after many new rows are of another database. A busy one finds out later."""
    if not database.is_sqlite:
        waiting = iter(Base.metadata.tables)
        with contextlib.suppress(Unavailable):
            await asyncio.gather(*(_analyze(database, waiting) for _ in range(ANALYZED_AT_ONCE)))


async def _analyze(database: Database, waiting: Iterator[str]) -> None:
    for table in waiting:
        async with database.write() as db:
            await bulk.unhurried(db)
            await db.execute(sa.text(f"ANALYZE {table}"))


def _readable(numbered: Iterable[tuple[int, bytes]], outcome: Outcome, watcher: Watcher) -> Iterator[Parsed]:
    for number, line in numbered:
        if not line.strip():
            continue
        parsed = parse(number, line)
        if isinstance(parsed, Refused):
            outcome.refused += 1
            watcher.refused(parsed)
        else:
            yield parsed


async def _fresh(db: Write, lines: Sequence[Parsed]) -> list[Parsed]:
    """Those of `lines` that nobody has imported: noting them decides it, also between two imports at once."""
    by_digest = {line.digest: line for line in lines}
    if not by_digest:
        return []
    moment = now()
    rows = [{"digest": digest, "imported_at": moment} for digest in sorted(by_digest)]
    noted = db.insert(ImportedLineRow).values(rows).on_conflict_do_nothing().returning(ImportedLineRow.digest)
    new = set(await db.scalars(noted))
    return [line for digest, line in by_digest.items() if digest in new]


async def _add(db: Write, lines: Sequence[Parsed]) -> None:
    if not lines:
        return
    placed = await _placed(db, lines)
    await bulk.insert(db, TicketRow, TICKET, map(_ticket, placed))
    await bulk.insert(db, TicketTagRow, ("ticket_id", "tag_id", "is_open", "created_at"), _tags(placed))
    await bulk.insert(db, TicketEventRow, EVENT, _events(placed))
    await bulk.insert(db, SolutionVersionRow, ("ticket_id", "mentor_id", "body", "created_at"), [
        (one.id, one.mentor_id, one.line.ticket.solution, one.line.ticket.resolved_at) for one in placed
    ])  # fmt: skip
    await _note_solved(db, placed)
    await standings.note(db, list(_facts(placed)), {one.id: one.tag_ids for one in placed})
    await _count(db, placed)


def _facts(placed: Iterable[_Placed]) -> Iterator[Fact]:
    """As the history has it: answered when it was solved."""
    for one in placed:
        for kind in (Kind.RESPONDED, Kind.SOLVED):
            at = one.line.ticket.resolved_at
            yield Fact(one.id, kind, 1, one.mentor_id, one.student_id, at, _seconds(one))


async def _placed(db: Write, lines: Sequence[Parsed]) -> list[_Placed]:
    since: dict[str, datetime] = {}
    for line in lines:
        ticket = line.ticket
        for name, at in ((ticket.student, ticket.created_at), (ticket.mentor, ticket.resolved_at)):
            since[name] = min(since.get(name, at), at)
    people = await authors.ensure(db, since, {line.ticket.mentor for line in lines})
    tag_ids = await tags.ensure(db, sorted({tag for line in lines for tag in line.tags}))
    ids = await bulk.reserve_ids(db, TicketRow, len(lines))
    return [
        _Placed(
            ticket_id, people[line.ticket.student], people[line.ticket.mentor],
            tuple(sorted(tag_ids[tag] for tag in line.tags)), line,
        )
        for ticket_id, line in zip(ids, lines, strict=True)
    ]  # fmt: skip


def _ticket(one: _Placed) -> tuple[object, ...]:
    ticket = one.line.ticket
    asked, solved = ticket.created_at, ticket.resolved_at
    return (
        one.id, ticket.title, ticket.description, list(one.line.tags), Status.CLOSED.value, one.student_id,
        one.mentor_id, False, ticket.solution, 0, 1, len(LIFE), asked, solved, asked, solved, solved, solved,
    )  # fmt: skip


def _tags(placed: Iterable[_Placed]) -> Iterator[tuple[object, ...]]:
    for one in placed:
        for tag_id in one.tag_ids:
            yield one.id, tag_id, False, one.line.ticket.created_at


def _events(placed: Iterable[_Placed]) -> Iterator[tuple[object, ...]]:
    for one in placed:
        asked, solved = one.line.ticket.created_at, one.line.ticket.resolved_at
        actors = (one.student_id, one.mentor_id, one.mentor_id, one.student_id)
        for action, actor_id, at in zip(LIFE, actors, (asked, asked, solved, solved), strict=True):
            step = TRANSITIONS[action]
            source = step.source.value if step.source else None
            yield one.id, action.value, actor_id, source, step.target.value, at


async def _note_solved(db: Write, placed: Sequence[_Placed]) -> None:
    """What `records.add_solved` does: tags count at once, texts are read later."""
    solved = [(one.id, one.mentor_id, one.line.ticket.resolved_at, list(one.tag_ids)) for one in placed]
    await bulk.insert(db, SolvedTicketRow, ("ticket_id", "mentor_id", "solved_at", "tag_ids"), solved)
    worth: defaultdict[tuple[int, int], float] = defaultdict(float)
    number: Counter[tuple[int, int]] = Counter()
    for one in placed:
        for tag_id in one.tag_ids:
            worth[one.mentor_id, tag_id] += growth(one.line.ticket.resolved_at)
            number[one.mentor_id, tag_id] += 1
    rows = [(*key, total, number[key]) for key, total in worth.items()]
    zeros = ("rating_sum", "rating_count")
    await bulk.add_up(db, MentorTagRecordRow, ("mentor_id", "tag_id"), ("total", "solved"), rows, zeros)


async def _count(db: Write, placed: Sequence[_Placed]) -> None:
    solved = Counter(one.mentor_id for one in placed)
    zeros = ("tickets_active", "rating_sum", "rating_count", "rating_rank")
    await bulk.add_up(db, MentorStatsRow, ("mentor_id",), ("tickets_resolved",), solved.items(), zeros)
    responses = [(one.mentor_id, _seconds(one)) for one in placed]
    await bulk.insert(db, MentorResponseRow, ("mentor_id", "seconds"), responses)
    await learning.note_medians(db, list(solved))
    await count_tags(db, "tickets", Counter(tag_id for one in placed for tag_id in one.tag_ids))


async def count_tags(db: Write, counter: Counted, more: Counter[int]) -> None:
    """So many tickets or mentors more have each tag. Called last: it locks the tags' rows, in order of id."""
    raised = TagRow.__table__.c[counter] + sa.bindparam("more")
    statement = sa.update(TagRow).where(TagRow.id == sa.bindparam("tag")).values({counter: raised})
    for part in bulk.chunks(sorted(more.items()), LINES_AT_ONCE):
        rows = sa.select(TagRow.id).where(TagRow.id.in_([tag_id for tag_id, _ in part])).order_by(TagRow.id)
        await db.execute(rows.with_for_update(key_share=True))
        await db.execute(statement, [{"tag": tag_id, "more": count} for tag_id, count in part])


def _seconds(one: _Placed) -> int:
    return round((one.line.ticket.resolved_at - one.line.ticket.created_at).total_seconds())
