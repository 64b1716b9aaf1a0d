"""Putting a demonstration community into the database: nobody is told of it, no job is made."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import Role, UserRow, UserTagRow
from mentorq.core import bulk
from mentorq.core.clock import now
from mentorq.core.database import Database, Write
from mentorq.core.security import hash_password
from mentorq.demo import appointments, cast, content, ties
from mentorq.demo.cast import Cast, Person
from mentorq.demo.content import Content
from mentorq.demo.plot import Life, Plot
from mentorq.demo.script import COLUMNS, People, Script, Sums, Text, as_json, standings_of, sums_of
from mentorq.insights.models import StandingRow
from mentorq.knowledge import index
from mentorq.maintenance import learning
from mentorq.maintenance.imports import count_tags, refresh_statistics
from mentorq.maintenance.standings import STANDING
from mentorq.mentors import records
from mentorq.mentors.models import MentorStatsRow, MentorTagRecordRow, MentorTermRow, TermFrequencyRow
from mentorq.mentors.records import rating_rank, tag_term
from mentorq.mentors.terms import TERMS_OF_ASKED, TERMS_OF_SOLVED, counted, telling
from mentorq.tags import service as tags
from mentorq.tickets.models import TicketRow

TICKETS_AT_ONCE = 2_500
LARGE = 5_000

Progress = Callable[[int], None]


class NamesTaken(Exception):
    """Somebody here has a name that the demonstration gives to one of its people."""


@dataclass(frozen=True)
class Size:
    """How large a community."""

    students: int
    mentors: int
    tickets: int


async def is_empty(database: Database) -> bool:
    """Whether nobody has an account yet."""
    async with database.read() as db:
        return await db.scalar(sa.select(UserRow.id).limit(1)) is None


async def load(
    database: Database, size: Size, seed: int, password: str, progress: Progress, at: datetime | None = None
) -> None:
    """Make a community up and load it.

    Raises:
        NamesTaken: there are people with the same names; load a demonstration into an empty database.
    """
    at = at or now()
    shared = await hash_password(password, database.settings.bcrypt_rounds)
    random = Random(seed)
    known = content.load()
    everybody = cast.make(known, size.students, size.mentors, at, random)
    lives = Plot(known, everybody, at, random).lives(size.tickets)
    async with database.write() as db:
        await bulk.unhurried(db)
        people = await _people(db, everybody, shared)
        texts = await _texts(db, known, lives)
        ids = await bulk.reserve_ids(db, TicketRow, len(lives)) if lives else []
        script = Script(known, texts, people, database.settings, at, random)
        parts = bulk.chunks(zip(ids, lives, strict=True), TICKETS_AT_ONCE)
        async with _indexed(db, size.tickets, [MentorTermRow]):
            async with _indexed(db, size.tickets, COLUMNS):
                for part in parts:
                    await _write(db, _rows(script, part))
                    progress(len(part))
                # In a thread, because this process has nothing else to do while the database makes the indices.
                adding = asyncio.create_task(asyncio.to_thread(sums_of, lives, texts, people, at))
                standing = asyncio.create_task(asyncio.to_thread(standings_of, lives, texts, people, at))
            await _count(db, texts, people, await adding)
            rows = ((*key, *sums) for key, sums in (await standing).items())
            await bulk.insert(db, StandingRow, STANDING, rows)
        numbered = list(zip(ids, lives, strict=True))
        await appointments.add(db, known, everybody, people, numbered, at, Random(f"{seed} sessions"))
    async for _indexed_by_now in index.add_missing(database):
        pass
    await ties.tie(database, at, Random(f"{seed} ties"))
    await refresh_statistics(database)


@asynccontextmanager
async def _indexed(db: Write, tickets: int, tables: Iterable[Any]) -> AsyncIterator[None]:
    """Index a large demonstration when it is in, where there is nothing else that would have to be indexed again."""
    if tickets < LARGE or await db.scalar(sa.select(TicketRow.id).limit(1)) is not None:
        yield
    else:
        async with bulk.indexed_afterwards(db, tables):
            yield


def _rows(script: Script, part: Sequence[tuple[int, Life]]) -> dict[Any, list[tuple[Any, ...]]]:
    script.begin()
    for ticket_id, life in part:
        script.write(ticket_id, life)
    return script.rows


async def _write(db: Write, rows: Mapping[Any, list[tuple[Any, ...]]]) -> None:
    for table, columns in COLUMNS.items():
        await bulk.insert(db, table, columns, rows[table])


async def _people(db: Write, everybody: Cast, password_hash: str) -> People:
    ids = await bulk.reserve_ids(db, UserRow, len(everybody.students) + len(everybody.mentors))
    names = [person.username for person in (*everybody.students, *everybody.mentors)]
    for part in bulk.chunks(names, 500):
        if taken := await db.scalar(sa.select(UserRow.username).where(UserRow.username.in_(part)).limit(1)):
            raise NamesTaken(f"There is somebody called {taken} here already: a demonstration needs an empty database.")
    students, mentors = ids[: len(everybody.students)], ids[len(everybody.students) :]
    columns = (
        "id", "username", "email", "email_verified_at", "password_hash", "role", "bio", "headline", "time_zone",
        "links", "is_available", "away_until", "version", "created_at", "last_seen_at",
    )  # fmt: skip
    rows = [
        _account(user_id, person, role, password_hash)
        for role, of_role, persons in (
            (Role.STUDENT, students, everybody.students), (Role.MENTOR, mentors, everybody.mentors)
        )
        for user_id, person in zip(of_role, persons, strict=True)
    ]  # fmt: skip
    await bulk.insert(db, UserRow, columns, rows)
    await _skills(db, zip(ids, (*everybody.students, *everybody.mentors), strict=True), set(mentors))
    return People(students, mentors)


def _account(user_id: int, person: Person, role: Role, password_hash: str) -> tuple[Any, ...]:
    joined = person.created_at
    return (
        user_id, person.username, f"{person.username}@{cast.DOMAIN}", joined, password_hash, role.value, person.bio,
        person.headline, person.time_zone, "[]", person.is_available, person.away_until, 1, joined, person.last_seen_at,
    )  # fmt: skip


async def _skills(db: Write, people: Iterator[tuple[int, Person]], mentors: set[int]) -> None:
    listed = list(people)
    tag_ids = await tags.ensure(db, sorted({name for _, person in listed for name in person.skills}))
    rows = [
        (user_id, tag_ids[name], person.created_at) for user_id, person in listed for name in person.skills
    ]  # fmt: skip
    await bulk.insert(db, UserTagRow, ("user_id", "tag_id", "created_at"), rows)
    experts = Counter(tag_id for user_id, tag_id, _ in rows if user_id in mentors)
    await count_tags(db, "mentors", experts)


async def _texts(db: Write, known: Content, lives: Sequence[Life]) -> list[Text]:
    """Each question with its terms, weighed by what is known once all of this community's tickets are solved."""
    solved = Counter(life.question for life in lives if life.is_solved)
    counts = [counted(question.title, question.description) for question in known.questions]
    documents, _ = await records.totals(db)
    containing = Counter(await records.frequencies(db, {term for count in counts for term in count}))
    for number, times in solved.items():
        containing.update(dict.fromkeys(counts[number], times))
    documents += solved.total()
    tag_ids = await tags.ensure(db, sorted({tag for question in known.questions for tag in question.tags}))
    texts = []
    for question, count in zip(known.questions, counts, strict=True):
        ids = tuple(sorted(tag_ids[tag] for tag in question.tags))
        terms = telling(count, containing, documents, TERMS_OF_SOLVED)
        asked = telling(count, containing, documents, TERMS_OF_ASKED)
        texts.append(Text(question, as_json(question.tags), ids, as_json(ids), terms, as_json(terms), as_json(asked)))
    return texts


async def _count(db: Write, texts: Sequence[Text], people: People, sums: Sums) -> None:
    await _learn(db, texts, sums)
    columns = ("total", "solved", "rating_sum", "rating_count")
    of_tags = [(*key, *record) for key, record in sums.records.items()]
    await bulk.add_up(db, MentorTagRecordRow, ("mentor_id", "tag_id"), columns, of_tags)
    await _note_mentors(db, people, sums)
    await count_tags(db, "tickets", sums.tickets_of_tag)


async def _note_mentors(db: Write, people: People, sums: Sums) -> None:
    columns = ("mentor_id", "tickets_resolved", "tickets_active", "rating_sum", "rating_count", "rating_rank")
    rows = [
        (one, sums.resolved[one], sums.active[one], *sums.ratings[one], rating_rank(*sums.ratings[one]))
        for one in people.mentors
    ]  # fmt: skip
    await bulk.insert(db, MentorStatsRow, columns, rows)
    await learning.note_medians(db, people.mentors)


async def _learn(db: Write, texts: Sequence[Text], sums: Sums) -> None:
    frequencies: Counter[str] = Counter()
    for number, times in sums.solved.items():
        question = texts[number].question
        distinct = {*counted(question.title, question.description), *map(tag_term, question.tags)}
        frequencies.update(dict.fromkeys(distinct, times))
    await bulk.add_up(db, TermFrequencyRow, ("term",), ("tickets",), frequencies.items())
    totals: dict[tuple[int, str], float] = {}
    for (mentor, number), worth in sums.worth.items():
        for term, weight in texts[number].solved_terms.items():
            totals[mentor, term] = totals.get((mentor, term), 0.0) + weight * worth
    rows = ((mentor, term, total) for (mentor, term), total in totals.items())
    await bulk.add_up(db, MentorTermRow, ("mentor_id", "term"), ("total",), rows)
    if sums.last_solved_at is not None:
        await learning.note_totals(db, sums.solved.total(), sums.last_solved_at)
