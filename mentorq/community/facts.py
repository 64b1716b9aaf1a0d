"""The facts that achievements are about, of some people at once: one statement for each kind, by index."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mentorq.community.catalogue import BY_KEY, About, Asked, Fact, Helped, WellPut
from mentorq.core.database import Read, Row
from mentorq.knowledge.models import ArticleCheckRow, ArticleRow, ArticleUpvoteRow, DeflectionRow
from mentorq.reviews.models import ReviewRow
from mentorq.sessions.models import SessionRow
from mentorq.sessions.room.models import RoomRow
from mentorq.sessions.states import Status as SessionStatus
from mentorq.tickets.models import TicketEventRow, TicketRow
from mentorq.tickets.states import Action, Status

Facts = dict[int, list[Fact]]
"""By person, in the order of time."""

T = TicketRow.__table__
R = ReviewRow.__table__
A = ArticleRow.__table__
E = TicketEventRow.__table__
EARLIER = T.alias("earlier")

FEWEST_READERS = 5
"""No achievement is about fewer readers of one article: others need not be looked at."""


async def read(db: Read, kind: About, user_ids: Sequence[int], ticket_id: int | None) -> Facts:
    """The facts of one kind about some people; with `ticket_id`, where readers count, about this ticket alone."""
    return await READERS[kind](db, user_ids, ticket_id)


def _event(action: Action, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether something has happened to the ticket."""
    return sa.exists().where(E.c.ticket_id == T.c.id, E.c.action == action, *conditions)


def _collected(rows: Sequence[Row], make: Callable[[Row], Fact]) -> Facts:
    found: defaultdict[int, list[Fact]] = defaultdict(list)
    for row in rows:
        found[row["user_id"]].append(make(row))
    for facts in found.values():
        facts.sort(key=lambda fact: (fact.at, fact.ticket_id or 0))
    return found


def _plain(row: Row) -> Fact:
    return Fact(row["at"], row["ticket_id"])


async def _helped(db: Read, user_ids: Sequence[int], _: int | None) -> Facts:
    is_first = ~T.c.is_anonymous & ~sa.exists().where(
        EARLIER.c.student_id == T.c.student_id, EARLIER.c.created_at < T.c.created_at
    )
    rows = await db.rows(
        sa.select(
            R.c.mentor_id.label("user_id"), R.c.created_at.label("at"), R.c.ticket_id, R.c.student_id, R.c.rating,
            T.c.tags, T.c.created_at, T.c.first_assigned_at, T.c.assigned_at, T.c.responded_at,
            is_first.label("was_first_question"),
            _event(Action.REOPEN).label("was_reopened"),
            _event(Action.ACCEPT, E.c.actor_id != R.c.mentor_id).label("was_taken_over"),
        )
        .join(T, T.c.id == R.c.ticket_id)
        .where(R.c.mentor_id.in_(user_ids))
    )  # fmt: skip
    return _collected(rows, _as_helped)


def _as_helped(row: Row) -> Helped:
    taken_at: datetime = row["first_assigned_at"] or row["created_at"]
    answered_in = row["responded_at"] - row["assigned_at"] if row["responded_at"] and row["assigned_at"] else None
    return Helped(
        at=row["at"],
        ticket_id=row["ticket_id"],
        student_id=row["student_id"],
        rating=row["rating"],
        tags=tuple(row["tags"]),
        waited=taken_at - row["created_at"],
        answered_in=answered_in,
        was_first_question=row["was_first_question"],
        was_reopened=row["was_reopened"],
        was_taken_over=row["was_taken_over"],
    )


async def _asked(db: Read, user_ids: Sequence[int], _: int | None) -> Facts:
    rows = await db.rows(
        sa.select(
            T.c.student_id.label("user_id"), T.c.created_at.label("at"), T.c.id.label("ticket_id"), T.c.tags,
            sa.case((T.c.status == Status.CLOSED, T.c.closed_at)).label("closed_at"),
            R.c.created_at.label("reviewed_at"),
            _event(Action.CLOSE).label("is_closed_by_owner"),
            _event(Action.REOPEN).label("was_reopened"),
        )
        .select_from(T.outerjoin(R, R.c.ticket_id == T.c.id))
        .where(T.c.student_id.in_(user_ids))
    )  # fmt: skip
    return _collected(rows, _as_asked)


def _as_asked(row: Row) -> Asked:
    return Asked(
        at=row["at"],
        ticket_id=row["ticket_id"],
        closed_at=row["closed_at"],
        is_closed_by_owner=row["is_closed_by_owner"],
        was_reopened=row["was_reopened"],
        reviewed_at=row["reviewed_at"],
        tags=tuple(row["tags"]),
    )


async def _well_put(db: Read, user_ids: Sequence[int], ticket_id: int | None) -> Facts:
    in_one_go = sa.and_(~_event(Action.REOPEN), ~_event(Action.RELEASE), ~_event(Action.EXPIRE), _event(Action.CLOSE))
    solved = sa.select(
        T.c.student_id.label("user_id"), T.c.closed_at.label("at"), T.c.id.label("ticket_id"), T.c.description
    ).where(
        T.c.student_id.in_(user_ids), T.c.status == Status.CLOSED, T.c.description.contains("```"), in_one_go,
        *_about(ticket_id),
    )  # fmt: skip
    return _collected(
        await db.rows(solved), lambda row: WellPut(row["at"], row["ticket_id"], description=row["description"])
    )


def _about(ticket_id: int | None) -> list[sa.ColumnElement[bool]]:
    return [] if ticket_id is None else [T.c.id == ticket_id]


Source = Callable[[Read, Sequence[int], int | None], Awaitable[Facts]]


def _readers(table: Any, person: Any, counter: Any, *conditions: sa.ColumnElement[bool]) -> Source:
    """What others said of one's article, or of the answer to one's question: a table of `opinions`."""
    said = table.__table__

    async def source(db: Read, user_ids: Sequence[int], ticket_id: int | None) -> Facts:
        rows = await db.rows(
            sa.select(person.label("user_id"), said.c.created_at.label("at"), said.c.ticket_id)
            .select_from(T.join(A, A.c.ticket_id == T.c.id).join(said, said.c.ticket_id == T.c.id))
            .where(
                person.in_(user_ids), counter >= FEWEST_READERS, said.c.user_id != person, *conditions,
                *_about(ticket_id),
            )
        )  # fmt: skip
        return _collected(rows, _plain)

    return source


def _own(table: Any) -> Source:
    """What somebody did as a reader."""
    said = table.__table__

    async def source(db: Read, user_ids: Sequence[int], _: int | None) -> Facts:
        columns = (said.c.user_id, said.c.created_at.label("at"), said.c.ticket_id)
        return _collected(await db.rows(sa.select(*columns).where(said.c.user_id.in_(user_ids))), _plain)

    return source


async def _met(db: Read, user_ids: Sequence[int], _: int | None) -> Facts:
    """Sessions to which both came; what they were about is nobody else's business."""
    s, room = SessionRow.__table__, RoomRow.__table__
    both_came = sa.and_(room.c.student_came_at.is_not(None), room.c.mentor_came_at.is_not(None))
    parts = [
        sa.select(person.label("user_id"), s.c.ended_at.label("at"), sa.null().label("ticket_id"))
        .join(room, room.c.session_id == s.c.id)
        .where(person.in_(user_ids), s.c.status == SessionStatus.ENDED, both_came)
        for person in (s.c.mentor_id, s.c.student_id)
    ]
    return _collected(await db.rows(sa.union_all(*parts)), _plain)


def _thanks(person: Any) -> Source:
    """Reviews that stand on a mentor's profile."""

    async def source(db: Read, user_ids: Sequence[int], _: int | None) -> Facts:
        columns = (person.label("user_id"), R.c.shown_at.label("at"), R.c.ticket_id)
        return _collected(
            await db.rows(sa.select(*columns).where(person.in_(user_ids), R.c.shown_at.is_not(None))), _plain
        )

    return source


READERS: dict[About, Source] = {
    About.HELPED: _helped,
    About.READERS: _readers(ArticleUpvoteRow, T.c.assigned_mentor_id, A.c.upvotes),
    About.CONFIRMED: _readers(ArticleCheckRow, T.c.assigned_mentor_id, A.c.works, ArticleCheckRow.__table__.c.works),
    About.SPARED: _readers(DeflectionRow, T.c.assigned_mentor_id, A.c.deflected),
    About.ASKED: _asked,
    About.WELL_PUT: _well_put,
    About.OWN_READERS: _readers(ArticleUpvoteRow, T.c.student_id, A.c.upvotes),
    About.FOUND: _own(DeflectionRow),
    About.CHECKED: _own(ArticleCheckRow),
    About.MET: _met,
    About.THANKED: _thanks(R.c.mentor_id),
    About.GAVE_THANKS: _thanks(R.c.student_id),
}


async def earned(db: Read, wanted: dict[int, set[str]], ticket_id: int | None = None) -> list[tuple[int, str, Fact]]:
    """Which of the wanted achievements these people have earned, and by which fact; in the order of people and keys."""
    asking: defaultdict[About, list[int]] = defaultdict(list)
    for user_id, keys in sorted(wanted.items()):
        for kind in sorted({BY_KEY[key].about for key in keys}):
            asking[kind].append(user_id)
    facts = {kind: await read(db, kind, user_ids, ticket_id) for kind, user_ids in asking.items()}
    found: list[tuple[int, str, Fact]] = []
    for user_id, keys in sorted(wanted.items()):
        for key in sorted(keys):
            achievement = BY_KEY[key]
            fact = achievement.rule(facts[achievement.about].get(user_id, []))
            if fact is not None:
                found.append((user_id, key, fact))
    return found
