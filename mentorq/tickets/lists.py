"""Pages of tickets. Each list has one index in its exact order; a page is one statement, whatever its length.

A statement depends on the list's shape only, not on its values, so it is built and compiled once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import sqlalchemy as sa

from mentorq.accounts.models import UserTagRow
from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Read, Row, UTCDateTime
from mentorq.core.pagination import Keyset
from mentorq.tags.models import TagRow
from mentorq.tickets.models import TicketPassRow, TicketTagRow, in_state
from mentorq.tickets.policy import VIEWER_ID, visible_to, visible_to_role
from mentorq.tickets.queries import TICKETS, T
from mentorq.tickets.states import Status

TT = TicketTagRow.__table__
AFTER_TIME: sa.BindParameter[Any] = sa.bindparam("after_time", type_=UTCDateTime)
AFTER_ID: sa.BindParameter[Any] = sa.bindparam("after_id", type_=sa.BigInteger)
BEFORE: sa.BindParameter[Any] = sa.bindparam("before", type_=UTCDateTime)
Statement = sa.Select[*tuple[Any, ...]]
SLIM = sa.select(T.c.id, T.c.tags, T.c.student_id, T.c.is_anonymous, T.c.created_at)
LIMIT: sa.BindParameter[int] = sa.bindparam("limit", type_=sa.BigInteger)

Order = Literal["newest", "oldest"]
Scope = Literal["queue", "passed", "own", "assigned", "all"]

COUNTED_AT_MOST = 100
MOST_TAGS = 10  # of one ticket: so many rows of its tags are at least one ticket


PUT_ASIDE = sa.select(TicketPassRow.ticket_id).where(TicketPassRow.mentor_id == VIEWER_ID)


@dataclass(frozen=True)
class Filter:
    """Which tickets are wanted."""

    scope: Scope
    statuses: tuple[Status, ...] = ()
    tags: tuple[str, ...] = ()
    every_tag: bool = False
    words: tuple[str, ...] = ()
    order: Order = "newest"
    only_tag_ids: tuple[int, ...] | None = field(default=None)
    """Restrict the queue to tickets with any of these tags: a mentor's expertise."""
    before: datetime | None = None
    """Restrict the queue to tickets that wait since then or longer."""


@dataclass(frozen=True)
class _Shape:
    """What a statement depends on."""

    role: str
    scope: Scope
    statuses: tuple[Status, ...]
    tags: int
    every_tag: bool
    words: int
    order: Order
    only_tags: int
    continues: bool
    before: bool
    slim: bool = False


async def page(db: Read, viewer: Viewer, wanted: Filter, keyset: Keyset) -> tuple[list[Row], str | None]:
    """One page of tickets that `viewer` may see."""
    if wanted.only_tag_ids == ():
        return [], None
    statement = _statement(_shape(viewer, wanted, keyset))
    rows = await db.fetch(statement, **_values(viewer, wanted, keyset))
    return keyset.cut(rows, lambda ticket: (ticket["created_at"], ticket["id"]))


async def waiting(db: Read, mentor: Viewer, wanted: Filter, limit: int) -> list[Row]:
    """What ranking needs of the `limit` oldest and the `limit` newest tickets of a mentor's queue."""
    if wanted.only_tag_ids == ():
        return []
    keyset = Keyset(None, limit - 1, "", b"")
    found: dict[int, Row] = {}
    for order in ("oldest", "newest"):
        shape = replace(_shape(mentor, wanted, keyset), order=order, slim=True)
        rows = await db.fetch(_statement(shape), **_values(mentor, wanted, keyset))
        found |= {row["id"]: row for row in rows}
    return list(found.values())


async def by_id(db: Read, viewer: Viewer, ticket_ids: Sequence[int]) -> dict[int, Row]:
    """Those of some tickets that are still in the queue."""
    still = TICKETS.where(T.c.id.in_(ticket_ids), T.c.status == Status.OPEN, visible_to(viewer))
    return {row["id"]: row for row in await db.rows(still)} if ticket_ids else {}


def _shape(viewer: Viewer, wanted: Filter, keyset: Keyset) -> _Shape:
    return _Shape(
        role=viewer.role,
        scope=wanted.scope,
        statuses=tuple(sorted(set(wanted.statuses))),
        tags=len(wanted.tags),
        every_tag=wanted.every_tag,
        words=len(wanted.words),
        order=wanted.order,
        only_tags=len(wanted.only_tag_ids or ()),
        continues=keyset.after is not None,
        before=wanted.before is not None,
    )


def _values(viewer: Viewer, wanted: Filter, keyset: Keyset) -> dict[str, object]:
    values: dict[str, object] = {"viewer_id": viewer.id, "limit": keyset.limit + 1}
    if keyset.after is not None:
        values["after_time"], values["after_id"] = keyset.after
    if wanted.before is not None:
        values["before"] = wanted.before
    values |= {f"tag_{i}": name for i, name in enumerate(wanted.tags)}
    values |= {f"word_{i}": contains(word) for i, word in enumerate(wanted.words)}
    values |= {f"only_{i}": tag_id for i, tag_id in enumerate(wanted.only_tag_ids or ())}
    return values


def contains(word: str) -> str:
    """A LIKE pattern for text that contains `word` itself."""
    escaped = word.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> Statement:
    columns: Statement = SLIM if shape.slim else TICKETS
    tag_ids = _tag_ids(shape)
    in_queue = shape.scope == "queue"
    one_by_one = in_queue and tag_ids and not shape.every_tag and not shape.words
    if one_by_one:
        newest = _newest_of_each(shape, tag_ids)
        return _ordered(columns.join(newest, newest.c.ticket_id == T.c.id), shape)
    statement = columns.where(
        *_scope(shape), *_words(shape), *_tags(shape, tag_ids), *_waiting_since(shape, T.c.created_at)
    )
    return _ordered(_after(statement, T.c.created_at, T.c.id, shape), shape).limit(LIMIT)


def _tag_ids(shape: _Shape) -> list[Any]:
    """The tags asked for, as expressions: a name is looked up by the statement itself."""
    if shape.only_tags and not shape.tags:
        return [sa.bindparam(f"only_{i}", type_=sa.BigInteger) for i in range(shape.only_tags)]
    name = [sa.bindparam(f"tag_{i}", type_=sa.String) for i in range(shape.tags)]
    return [sa.select(TagRow.id).where(TagRow.name == parameter).scalar_subquery() for parameter in name]


def _newest_of_each(shape: _Shape, tag_ids: Sequence[Any]) -> sa.Subquery:
    """The first rows of each tag's index, merged: as many as a page may need, whatever the length of the queue."""
    parts = []
    for tag_id in tag_ids:
        part = sa.select(TT.c.ticket_id, TT.c.created_at).where(TT.c.tag_id == tag_id, TT.c.is_open)
        part = part.where(
            *_offered(shape, TT.c.ticket_id),
            *_among_expertise(shape, TT.c.ticket_id),
            *_waiting_since(shape, TT.c.created_at),
        )
        part = _after(part, TT.c.created_at, TT.c.ticket_id, shape)
        part = part.order_by(*_direction(shape, TT.c.created_at, TT.c.ticket_id)).limit(LIMIT)
        parts.append(sa.select(part.subquery()))
    merged = sa.union(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    first = sa.select(merged.c.ticket_id).order_by(*_direction(shape, merged.c.created_at, merged.c.ticket_id))
    return first.limit(LIMIT).subquery("newest")


def _scope(shape: _Shape) -> list[sa.ColumnElement[bool]]:
    conditions = [visible_to_role(shape.role)]
    if shape.scope == "queue":
        conditions += [in_state(Status.OPEN), *_offered(shape, T.c.id)]
    elif shape.scope == "passed":
        conditions += [in_state(Status.OPEN), T.c.id.in_(PUT_ASIDE)]
    elif shape.scope == "own":
        conditions.append(T.c.student_id == VIEWER_ID)
    elif shape.scope == "assigned":
        conditions.append(T.c.assigned_mentor_id == VIEWER_ID)
    if shape.statuses:
        conditions.append(in_state(*shape.statuses))
    return conditions


def _offered(shape: _Shape, ticket_id: sa.ColumnElement[int]) -> list[sa.ColumnElement[bool]]:
    """Not put aside by the mentor who asks."""
    return [_not_aside(ticket_id)] if shape.role == "mentor" else []


def _not_aside(ticket_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    aside = sa.select(sa.literal(1)).where(TicketPassRow.mentor_id == VIEWER_ID, TicketPassRow.ticket_id == ticket_id)
    return ~aside.exists()


def _waiting_since(shape: _Shape, created_at: sa.ColumnElement[datetime]) -> list[sa.ColumnElement[bool]]:
    return [created_at <= BEFORE] if shape.before else []


def _among_expertise(shape: _Shape, ticket_id: sa.ColumnElement[int]) -> list[sa.ColumnElement[bool]]:
    """With a filter by tag, `matching` narrows further down."""
    if not (shape.only_tags and shape.tags):
        return []
    mine = [sa.bindparam(f"only_{i}", type_=sa.BigInteger) for i in range(shape.only_tags)]
    own = TicketTagRow.__table__.alias("own")
    return [sa.select(sa.literal(1)).where(own.c.ticket_id == ticket_id, own.c.tag_id.in_(mine)).exists()]


def _tags(shape: _Shape, tag_ids: Sequence[Any]) -> list[sa.ColumnElement[bool]]:
    having = [
        sa.select(sa.literal(1)).where(TT.c.ticket_id == T.c.id, TT.c.tag_id == tag_id).exists() for tag_id in tag_ids
    ]
    if not (shape.every_tag and shape.tags):
        return ([sa.or_(*having)] if having else []) + _among_expertise(shape, T.c.id)
    return [*having, *_among_expertise(shape, T.c.id)]


def _words(shape: _Shape) -> list[sa.ColumnElement[bool]]:
    text = sa.func.lower(T.c.title + " " + T.c.description)
    return [text.like(sa.bindparam(f"word_{i}", type_=sa.String), escape="\\") for i in range(shape.words)]


def _after(statement: Statement, time: Any, row_id: Any, shape: _Shape) -> Statement:
    if not shape.continues:
        return statement
    place, last = sa.tuple_(time, row_id), sa.tuple_(AFTER_TIME, AFTER_ID)
    return statement.where(place < last if shape.order == "newest" else place > last)


def _ordered(statement: Statement, shape: _Shape) -> Statement:
    return statement.order_by(*_direction(shape, T.c.created_at, T.c.id))


def _direction(shape: _Shape, *columns: Any) -> list[Any]:
    return [column.desc() for column in columns] if shape.order == "newest" else list(columns)


# --- how many


def _at_most(rows: sa.Select[Any]) -> sa.ColumnElement[int]:
    """The number of rows, counted no further than needed, whatever the length of the queue."""
    some = rows.limit(COUNTED_AT_MOST).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


def _matching(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Open tickets with a tag of the mentor's expertise; each as often as it has such tags."""
    expertise = sa.select(UserTagRow.tag_id).where(UserTagRow.user_id == VIEWER_ID)
    return (
        sa.select(TT.c.ticket_id)
        .where(TT.c.tag_id.in_(expertise), TT.c.is_open, _not_aside(TT.c.ticket_id), *conditions)
        .limit(COUNTED_AT_MOST * MOST_TAGS)
    )


def _distinct(rows: sa.Select[Any]) -> sa.ColumnElement[int]:
    some = rows.subquery()
    return sa.select(sa.func.count(some.c.ticket_id.distinct())).scalar_subquery()


OPEN = sa.select(T.c.id).where(in_state(Status.OPEN))
MINE = sa.select(T.c.id).where(T.c.assigned_mentor_id == VIEWER_ID, in_state(Status.ASSIGNED))
COUNTS: Statement = sa.select(
    _distinct(_matching()).label("matching"),
    _at_most(OPEN.where(_not_aside(T.c.id)).order_by(T.c.created_at, T.c.id)).label("open"),  # by the queue's index
    _at_most(MINE).label("mine"),
    _at_most(OPEN.where(T.c.id.in_(PUT_ASIDE))).label("passed"),
)
NEW: Statement = sa.select(
    _distinct(_matching(TT.c.created_at > sa.bindparam("since", type_=UTCDateTime))).label("new")
)


async def counts(db: Read, mentor: Viewer) -> Row:
    """How many tickets are open, match, are taken, and put aside; `COUNTED_AT_MOST` means so many or more."""
    return (await db.fetch(COUNTS, viewer_id=mentor.id))[0]


async def count_new(db: Read, mentor: Viewer, since: datetime) -> int:
    """How many tickets that match have come since then; counted up to `COUNTED_AT_MOST` or a few more."""
    found: int = (await db.fetch(NEW, viewer_id=mentor.id, since=since))[0]["new"]
    return found
