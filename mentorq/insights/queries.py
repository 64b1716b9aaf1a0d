"""Every statement about facts, standings and what students see of themselves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, fields
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import UserRow
from mentorq.accounts.queries import public_columns
from mentorq.core.database import Read, Row, UTCDateTime, Write
from mentorq.core.pagination import Keyset
from mentorq.insights.facts import Fact, Kind
from mentorq.insights.leaderboard import ALL_TAGS, ALL_TIME, QUALIFIES, SUMS, Sums
from mentorq.insights.models import MentorFactRow, StandingRow
from mentorq.knowledge.models import ArticleRow, DeflectionRow
from mentorq.mentors.models import MentorStatsRow
from mentorq.reviews.models import ReviewRow
from mentorq.sessions.models import SessionRow
from mentorq.sessions.models import in_state as session_in_state
from mentorq.sessions.queries import LONGEST, SESSIONS
from mentorq.sessions.states import BOOKED
from mentorq.sessions.states import Status as SessionStatus
from mentorq.tags.models import TagRow
from mentorq.tickets.models import TicketEventRow, TicketMessageRow, TicketRow, TicketTagRow, in_state
from mentorq.tickets.states import Status

F = MentorFactRow.__table__
P = StandingRow.__table__
T = TicketRow.__table__
U = UserRow.__table__
TT = TicketTagRow.__table__

FACT = tuple(field.name for field in fields(Fact))
ROWS_AT_ONCE = 500
STANDINGS = 0x57A2 << 48
"""The advisory locks of PostgreSQL that are about what students add to standings: with the student's id."""
DONE: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{kind}'") for kind in (Kind.SOLVED, Kind.RATED)]

# --- what is noted as it happens


async def lock(db: Write, mentor_id: int, student_id: int) -> None:
    """Whoever counts what is between a student and mentors waits for who does at this moment.

    The mentor's numbers are locked before the student, because others who hear of the same event lock them, too, some
    before this and some after. It is not the student's account that is locked: who leaves holds it, and waits for the
    tickets that those hold who come here. SQLite has one writer.
    """
    s = MentorStatsRow.__table__
    await db.execute(sa.select(s.c.mentor_id).where(s.c.mentor_id == mentor_id).with_for_update(key_share=True))
    if db.dialect == "postgresql":
        await db.execute(sa.select(sa.func.pg_advisory_xact_lock(STANDINGS | student_id)))


async def claim(db: Write, ticket_id: int) -> Row:
    """Since when its mentor has a ticket, and which claim of it that is."""
    row = await db.row(sa.select(T.c.assigned_at, T.c.claim_no).where(T.c.id == ticket_id))
    assert row is not None
    return row


async def review(db: Write, review_id: int) -> Row:
    """When a review was given, and of which claim of the ticket it is."""
    r = ReviewRow.__table__
    row = await db.row(
        sa.select(r.c.created_at, T.c.claim_no).join(T, T.c.id == r.c.ticket_id).where(r.c.id == review_id)
    )
    assert row is not None
    return row


async def add_fact(db: Write, fact: Fact) -> None:
    """Note a fact; who answers in two ways at the same moment has answered once."""
    noted = db.insert(MentorFactRow).values(dict(zip(FACT, astuple(fact), strict=True)))
    await db.execute(noted.on_conflict_do_nothing())


async def drop_solution(db: Write, ticket_id: int) -> None:
    await db.execute(sa.delete(MentorFactRow).where(F.c.ticket_id == ticket_id, F.c.kind == Kind.SOLVED))


async def reviewed_by(db: Write, student_id: int) -> list[int]:
    """The mentors whom a student has reviewed."""
    rated = sa.select(F.c.mentor_id).where(F.c.student_id == student_id, F.c.kind == Kind.RATED)
    return await db.scalars(rated.distinct())


async def deeds(db: Write, student_id: int, mentor_ids: Collection[int]) -> list[Row]:
    """What was solved and rated between a student and these mentors, each with the tags of its ticket."""
    rows = await db.rows(
        sa.select(F.c.ticket_id, F.c.kind, F.c.mentor_id, F.c.at, F.c.value, TT.c.tag_id)
        .outerjoin(TT, TT.c.ticket_id == F.c.ticket_id)
        .where(F.c.student_id == student_id, F.c.mentor_id.in_(mentor_ids), F.c.kind != Kind.RESPONDED)
    )
    found: dict[tuple[int, str], Row] = {}
    for row in rows:
        deed = found.setdefault((row["ticket_id"], row["kind"]), row | {"tag_ids": ()})
        if row["tag_id"] is not None:
            deed["tag_ids"] += (row["tag_id"],)
    return list(found.values())


async def add_up(db: Write, changes: Mapping[tuple[int, str, int], Sums]) -> None:
    """Add to standings. In the order of their keys: nobody waits in a circle."""
    ordered = sorted(changes.items())
    for start in range(0, len(ordered), ROWS_AT_ONCE):
        rows = [
            {"mentor_id": mentor_id, "period": period, "tag_id": tag_id} | dict(zip(SUMS, sums, strict=True))
            for (mentor_id, period, tag_id), sums in ordered[start : start + ROWS_AT_ONCE]
        ]
        statement = db.insert(StandingRow).values(rows)
        added = {name: P.c[name] + statement.excluded[name] for name in SUMS}
        key = ["mentor_id", "period", "tag_id"]
        await db.execute(statement.on_conflict_do_update(index_elements=key, set_=added))


# --- a mentor's statistics

MENTOR_ID: sa.BindParameter[int] = sa.bindparam("mentor_id", type_=sa.BigInteger)


def _moment(name: str) -> sa.BindParameter[datetime]:
    return sa.bindparam(name, type_=UTCDateTime)


@cache
def _numbers() -> sa.Select[Any]:
    """By kind and span (0: the period, 1: the one before): how many, their sum, and the two in the middle."""
    begin, earlier_begin, earlier_end = map(_moment, ("begin", "earlier_begin", "earlier_end"))
    within = sa.or_(F.c.at >= begin, sa.and_(F.c.at >= earlier_begin, F.c.at < earlier_end))
    span = sa.case((F.c.at >= begin, 0), else_=1).label("span")
    mine = sa.select(F.c.kind, F.c.value, span).where(F.c.mentor_id == MENTOR_ID, within).subquery("mine")
    alike = (mine.c.kind, mine.c.span)
    placed = sa.select(
        *mine.c,
        sa.func.row_number().over(partition_by=alike, order_by=mine.c.value).label("place"),
        sa.func.count().over(partition_by=alike).label("times"),
    ).subquery("placed")
    lower, upper = ((placed.c.times + n) // 2 for n in (1, 2))
    stars = [_sum(placed.c.value == n).label(f"rated_{n}") for n in range(1, 6)]
    summed = (
        sa.select(
            placed.c.kind, placed.c.span,
            sa.func.count().label("times"),
            sa.func.sum(placed.c.value).label("total"),
            sa.func.max(sa.case((placed.c.place == lower, placed.c.value))).label("lower"),
            sa.func.max(sa.case((placed.c.place == upper, placed.c.value))).label("upper"),
            *stars,
        ).group_by(placed.c.kind, placed.c.span).subquery("summed")
    )  # fmt: skip
    s = MentorStatsRow.__table__
    both = s.outerjoin(summed, sa.true())
    return sa.select(s.c.tickets_active, summed).select_from(both).where(s.c.mentor_id == MENTOR_ID)


def _sum(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


async def numbers(db: Read, mentor_id: int, begin: datetime, earlier: tuple[datetime, datetime]) -> list[Row]:
    """What a mentor did since `begin`, and in an `earlier` span; one row of nulls where that is nothing."""
    return await db.fetch(
        _numbers(), mentor_id=mentor_id, begin=begin, earlier_begin=earlier[0], earlier_end=earlier[1]
    )


@cache
def _by_tag_since() -> sa.Select[Any]:
    """Under each tag: solved tickets, seconds to their solutions, ratings."""
    is_solved, is_rated = (F.c.kind == kind for kind in (Kind.SOLVED, Kind.RATED))
    sums: list[Any] = [
        _sum(is_solved).label("solved"),
        sa.func.sum(sa.case((is_solved, F.c.value), else_=0)).label("seconds"),
        _sum(is_rated).label("rating_count"),
        sa.func.sum(sa.case((is_rated, F.c.value), else_=0)).label("rating_sum"),
    ]
    return (
        sa.select(TagRow.name, *sums)
        .select_from(F.join(TT, TT.c.ticket_id == F.c.ticket_id).join(TagRow, TagRow.id == TT.c.tag_id))
        .where(F.c.mentor_id == MENTOR_ID, F.c.kind.in_(DONE), F.c.at >= _moment("begin"))
        .group_by(TagRow.name)
    )


async def by_tag_since(db: Read, mentor_id: int, begin: datetime) -> list[Row]:
    """A mentor's numbers under each tag since a time."""
    return await db.fetch(_by_tag_since(), mentor_id=mentor_id, begin=begin)


@cache
def _by_tag() -> sa.Select[Any]:
    columns: list[Any] = [P.c[name] for name in ("solved", "seconds", "rating_count", "rating_sum")]
    return (
        sa.select(TagRow.name, *columns)
        .join(TagRow, TagRow.id == P.c.tag_id)
        .where(P.c.mentor_id == MENTOR_ID, P.c.period == ALL_TIME, P.c.tag_id != ALL_TAGS)
        .where(sa.or_(P.c.solved > 0, P.c.rating_count > 0))
    )


async def by_tag(db: Read, mentor_id: int) -> list[Row]:
    """The same of all time: they are added up already."""
    return await db.fetch(_by_tag(), mentor_id=mentor_id)


@cache
def _solved_since() -> sa.Select[Any]:
    mine = sa.and_(F.c.mentor_id == MENTOR_ID, F.c.kind == Kind.SOLVED, F.c.at >= _moment("begin"))
    return sa.select(F.c.at).where(mine).order_by(F.c.at)


async def solved_since(db: Read, mentor_id: int, begin: datetime) -> list[datetime]:
    """When a mentor solved tickets, since a time."""
    return [row["at"] for row in await db.fetch(_solved_since(), mentor_id=mentor_id, begin=begin)]


async def solutions(db: Read, mentor_id: int, begin: datetime) -> list[Row]:
    """The tickets that a mentor has solved since a time, newest first, with how long each took and its rating."""
    responded, rated = F.alias("responded"), F.alias("rated")
    same = [
        sa.and_(fact.c.ticket_id == F.c.ticket_id, fact.c.kind == kind, fact.c.claim_no == F.c.claim_no)
        for fact, kind in ((responded, Kind.RESPONDED), (rated, Kind.RATED))
    ]
    return await db.rows(
        sa.select(
            T.c.id, T.c.title, T.c.tags, F.c.at, F.c.value.label("resolution_seconds"),
            responded.c.value.label("response_seconds"), rated.c.value.label("rating"),
        )
        .select_from(F.join(T, T.c.id == F.c.ticket_id).outerjoin(responded, same[0]).outerjoin(rated, same[1]))
        .where(F.c.mentor_id == mentor_id, F.c.kind == Kind.SOLVED, F.c.at >= begin)
        .order_by(F.c.at.desc(), F.c.ticket_id.desc())
    )  # fmt: skip


# --- leaderboards


MOST_PLACES = 1_000
"""So far places are counted for whoever asks for their own; who comes later is told that."""


def _tag_id(of_tag: bool) -> Any:
    if not of_tag:
        return sa.literal_column(str(ALL_TAGS))
    return sa.select(TagRow.id).where(TagRow.name == sa.bindparam("tag")).scalar_subquery()


def _ranked(standings: sa.FromClause, users: sa.FromClause, tag_id: Any) -> tuple[sa.ColumnElement[bool] | Any, ...]:
    """Who has a place in a period: it is reached, wanted, and its mentor still here."""
    return (
        standings.c.period == sa.bindparam("period"), standings.c.tag_id == tag_id, sa.text(QUALIFIES),
        users.c.on_leaderboard, users.c.deleted_at.is_(None), users.c.disabled_at.is_(None),
    )  # fmt: skip


def _lines(tag_id: Any) -> sa.Select[Any]:
    s = MentorStatsRow.__table__
    return (
        sa.select(*public_columns(U, ""), *(P.c[name] for name in ("score", *SUMS)), s.c.median_response_seconds)
        .select_from(P.join(U, U.c.id == P.c.mentor_id).outerjoin(s, s.c.mentor_id == P.c.mentor_id))
        .where(*_ranked(P, U, tag_id))
    )


@cache
def _own(of_tag: bool) -> sa.Select[Any]:
    tag_id = _tag_id(of_tag)
    before, others = P.alias("before"), U.alias("others")
    mine = P.alias("mine")
    mentor_id = sa.bindparam("mentor_id", type_=sa.BigInteger)
    score = (
        sa.select(mine.c.score)
        .where(mine.c.mentor_id == mentor_id, mine.c.period == sa.bindparam("period"), mine.c.tag_id == tag_id)
        .scalar_subquery()
    )
    better = (
        sa.select(before.c.mentor_id)
        .select_from(before.join(others, others.c.id == before.c.mentor_id))
        .where(*_ranked(before, others, tag_id), before.c.score > score)
        .limit(sa.bindparam("most", type_=sa.BigInteger))
        .subquery("better")
    )
    rank = sa.select(sa.func.count()).select_from(better).scalar_subquery() + 1
    return _lines(tag_id).add_columns(rank.label("rank")).where(P.c.mentor_id == mentor_id)


async def own_place(db: Read, period: str, tag: str | None, mentor_id: int) -> Row | None:
    """A mentor's own line of a leaderboard, as far as `MOST_PLACES`; None for who is not ranked."""
    values: dict[str, object] = {"period": period, "mentor_id": mentor_id, "most": MOST_PLACES}
    if tag is not None:
        values["tag"] = tag
    rows = await db.fetch(_own(tag is not None), **values)
    return rows[0] if rows else None


@cache
def _best(of_tag: bool, continues: bool) -> sa.Select[Any]:
    statement = _lines(_tag_id(of_tag))
    if continues:
        after = (sa.bindparam("after_score", type_=sa.BigInteger), sa.bindparam("after_id", type_=sa.BigInteger))
        statement = statement.where(sa.tuple_(P.c.score, P.c.mentor_id) < sa.tuple_(*after))
    best_first = statement.order_by(P.c.score.desc(), P.c.mentor_id.desc())
    return best_first.limit(sa.bindparam("limit", type_=sa.BigInteger))


async def best(db: Read, period: str, tag: str | None, keyset: Keyset) -> list[Row]:
    """The mentors of a leaderboard, best first: those who want to be there, and still are."""
    values: dict[str, object] = {"period": period, "limit": keyset.limit + 1}
    if tag is not None:
        values["tag"] = tag
    if keyset.after:
        values |= dict(zip(("after_score", "after_id"), keyset.after, strict=False))
    return await db.fetch(_best(tag is not None, keyset.after is not None), **values)


async def solved_in(db: Read, mentor_ids: Sequence[int], periods: Sequence[str], tag: str | None) -> list[Row]:
    """How much each of these mentors solved in each of these periods."""
    tag_id: Any = ALL_TAGS
    if tag is not None:
        tag_id = sa.select(TagRow.id).where(TagRow.name == tag).scalar_subquery()
    return await db.rows(
        sa.select(P.c.mentor_id, P.c.period, P.c.solved).where(
            P.c.mentor_id.in_(mentor_ids), P.c.period.in_(periods), P.c.tag_id == tag_id
        )
    )


# --- what a student sees

STUDENT_ID: sa.BindParameter[int] = sa.bindparam("student_id", type_=sa.BigInteger)
WHO = UserRow.__table__.alias("who")
LATEST_TICKETS = 50
"""Of so many of the newest questions a dashboard shows what happened."""
NEEDING = 10
HAPPENED = 12

T_COLUMNS = (T.c.id.label("ticket_id"), T.c.title, T.c.status)
NO_TEXT: sa.Label[str] = sa.literal_column("''").label("text")


def _what(name: Any, at: Any, text: Any = NO_TEXT) -> list[Any]:
    return [name.label("what"), at.label("at"), *T_COLUMNS, text, *public_columns(WHO, "who_")]


def _constant(word: str) -> sa.ColumnElement[str]:
    return sa.literal_column(f"'{word}'")


@cache
def _waiting_and_happened() -> sa.CompoundSelect[Any]:
    """Solutions to try, messages to answer, mentors to review; and what others did lately."""
    e, m, r = TicketEventRow.__table__, TicketMessageRow.__table__, ReviewRow.__table__
    mentor = T.join(WHO, WHO.c.id == T.c.assigned_mentor_id)
    mine = T.c.student_id == STUDENT_ID
    solution = sa.select(*_what(_constant("solution"), T.c.resolved_at)).select_from(mentor)
    last = sa.select(sa.func.max(m.c.id)).where(m.c.ticket_id == T.c.id).correlate(T).scalar_subquery()
    message = sa.select(*_what(_constant("message"), m.c.created_at, m.c.body.label("text"))).select_from(
        mentor.join(m, m.c.id == last)
    )
    reviewed = sa.select(sa.literal(1)).where(r.c.ticket_id == T.c.id).correlate(T).exists()
    review = sa.select(*_what(_constant("review"), T.c.closed_at)).select_from(mentor)
    newest = (
        sa.select(T.c.id).where(mine).order_by(T.c.created_at.desc(), T.c.id.desc()).limit(LATEST_TICKETS)
    ).subquery("newest")  # fmt: skip
    own = sa.join(newest, T, T.c.id == newest.c.id)
    by_others = sa.or_(e.c.actor_id.is_(None), e.c.actor_id != STUDENT_ID)
    step = (
        sa.select(*_what(e.c.action, e.c.created_at))
        .select_from(own.join(e, e.c.ticket_id == T.c.id).outerjoin(WHO, WHO.c.id == e.c.actor_id))
        .where(by_others)
    )
    said = (
        sa.select(*_what(_constant("say"), m.c.created_at, m.c.body.label("text")))
        .select_from(own.join(m, m.c.ticket_id == T.c.id).join(WHO, WHO.c.id == m.c.author_id))
        .where(m.c.author_id != STUDENT_ID)
    )
    parts = (
        (solution.where(mine, in_state(Status.RESOLVED)), NEEDING),
        (message.where(mine, in_state(Status.ASSIGNED), m.c.author_id != STUDENT_ID), NEEDING),
        (review.where(mine, in_state(Status.CLOSED), T.c.closed_at > _moment("closed_after"), ~reviewed), NEEDING),
        (step, HAPPENED),
        (said, HAPPENED),
    )
    latest = [part.order_by(sa.desc("at"), sa.desc("ticket_id")).limit(limit).subquery() for part, limit in parts]
    return sa.union_all(*(sa.select(part) for part in latest))


async def waiting_and_happened(db: Read, student_id: int, closed_after: datetime) -> list[Row]:
    """What waits for a student, and what happened to the student's questions."""
    return await db.fetch(_waiting_and_happened(), student_id=student_id, closed_after=closed_after)


@cache
def _upcoming() -> sa.Select[Any]:
    s = SessionRow.__table__
    mine = sa.and_(s.c.student_id == STUDENT_ID, s.c.starts_at > _moment("begin"), s.c.ends_at > _moment("moment"))
    waits = sa.and_(session_in_state(SessionStatus.REQUESTED), s.c.expires_at > _moment("moment"))
    to_come = SESSIONS.where(mine, sa.or_(session_in_state(*BOOKED), waits))
    return to_come.order_by(s.c.starts_at, s.c.id).limit(sa.bindparam("limit", type_=sa.BigInteger))


async def upcoming(db: Read, student_id: int, moment: datetime, limit: int) -> list[Row]:
    """A student's sessions that are not over, those that begin first first."""
    begin = moment - LONGEST
    return await db.fetch(_upcoming(), student_id=student_id, begin=begin, moment=moment, limit=limit)


@cache
def _asked() -> sa.Select[Any]:
    a = ArticleRow.__table__
    return (
        sa.select(
            T.c.id, T.c.title, T.c.tags, T.c.created_at, T.c.resolved_at, a.c.ticket_id.label("article_id"),
            a.c.upvotes, a.c.deflected,
        )
        .select_from(T.outerjoin(a, a.c.ticket_id == T.c.id))
        .where(T.c.student_id == STUDENT_ID)
        .order_by(T.c.created_at, T.c.id)
    )  # fmt: skip


async def asked(db: Read, student_id: int) -> list[Row]:
    """All that a student has asked, oldest first, with what became of the article, where there is one."""
    return await db.fetch(_asked(), student_id=student_id)


async def found(db: Read, student_id: int) -> list[datetime]:
    """When a student found an answer instead of asking, oldest first."""
    d = DeflectionRow.__table__
    return await db.scalars(sa.select(d.c.created_at).where(d.c.user_id == student_id).order_by(d.c.created_at))
