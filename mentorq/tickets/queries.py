"""Statements about single tickets: reading one, moving it through its life, what hangs on it. Lists: `lists.py`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import UserRow
from mentorq.accounts.queries import public_columns
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.pagination import Keyset
from mentorq.tickets.models import (
    SolutionDraftRow,
    SolutionVersionRow,
    TicketEventRow,
    TicketMessageRow,
    TicketPassRow,
    TicketRow,
    TicketTagRow,
    in_state,
)
from mentorq.tickets.policy import visible_to_role
from mentorq.tickets.states import TRANSITIONS, Action, Actor, Status

T: sa.FromClause = TicketRow.__table__
STUDENT = UserRow.__table__.alias("student")
MENTOR = UserRow.__table__.alias("mentor")

TICKETS = sa.select(
    *T.c,
    *(c for c in public_columns(STUDENT, "student_") if c.name != "student_id"),
    *public_columns(MENTOR, "mentor_"),
).select_from(T.join(STUDENT, STUDENT.c.id == T.c.student_id).outerjoin(MENTOR, MENTOR.c.id == T.c.assigned_mentor_id))
"""A ticket's row with both of its people: what `schemas.as_ticket` needs."""


@cache
def _one(role: str) -> sa.Select[Any]:
    return TICKETS.where(T.c.id == sa.bindparam("ticket_id", type_=sa.BigInteger), visible_to_role(role))


async def one(db: Read, viewer: Viewer, ticket_id: int) -> Row | None:
    """A ticket that `viewer` may see."""
    rows = await db.fetch(_one(viewer.role), ticket_id=ticket_id, viewer_id=viewer.id)
    return rows[0] if rows else None


async def bare(db: Read, ticket_id: int) -> Row | None:
    """A ticket's own columns, whoever asks: to find out why something is refused."""
    return await db.row(sa.select(T).where(T.c.id == ticket_id))


async def kept(db: Write, ticket_id: int) -> Row | None:
    """`bare`, and nobody deletes it before this transaction ends: for what hangs something on a ticket."""
    return await db.row(sa.select(T).where(T.c.id == ticket_id).with_for_update(read=True, key_share=True))


async def whole(db: Read, ticket_id: int) -> Row | None:
    """A ticket with its people, whoever asks: for those whom a transition has just let through."""
    return await db.row(TICKETS.where(T.c.id == ticket_id))


async def count_by_state(db: Read, student_id: int) -> dict[str, int]:
    """How many tickets somebody has asked, by state."""
    counted = sa.select(T.c.status, sa.func.count().label("tickets")).where(T.c.student_id == student_id)
    return {row["status"]: row["tickets"] for row in await db.rows(counted.group_by(T.c.status))}


# --- transitions


async def add(db: Write, values: dict[str, Any]) -> Row:
    moment = now()
    statement = sa.insert(TicketRow).values(**values, created_at=moment, updated_at=moment, status=Status.OPEN)
    created = await db.row(statement.returning(T))
    assert created is not None
    return created


async def move(
    db: Write, ticket_id: int, action: Action, actor_id: int | None, changes: dict[str, Any], *conditions: Any
) -> Row | None:
    """Do a transition: one conditional UPDATE decides every race. None where it is not allowed now."""
    transition = TRANSITIONS[action]
    statement = sa.update(TicketRow).where(
        TicketRow.id == ticket_id, TicketRow.status == transition.source, *conditions
    )
    if transition.actor == Actor.OWNER:
        statement = statement.where(TicketRow.student_id == actor_id)
    elif transition.actor == Actor.ITS_MENTOR:
        statement = statement.where(TicketRow.assigned_mentor_id == actor_id)
    elif transition.actor == Actor.ANY_MENTOR:
        statement = statement.where(TicketRow.student_id != actor_id)
    always = {"status": transition.target, "version": TicketRow.version + 1, "updated_at": now()}
    return await db.row(statement.values(always | changes).returning(T))


def first_assigned(moment: datetime) -> sa.ColumnElement[datetime | None]:
    """`moment`, unless it was taken before."""
    return sa.func.coalesce(T.c.first_assigned_at, sa.literal(moment, type_=T.c.first_assigned_at.type))


def first_response(moment: datetime) -> sa.ColumnElement[datetime | None]:
    """`moment`, unless its mentor answered before."""
    return sa.func.coalesce(T.c.responded_at, sa.literal(moment, type_=T.c.responded_at.type))


def lease_from(moment: datetime, claim: timedelta, conversation: timedelta) -> sa.ColumnElement[datetime | None]:
    """When a lease that begins at `moment` ends: its length depends on whether its mentor has answered."""
    short, long = (sa.literal(moment + length, type_=T.c.respond_by.type) for length in (claim, conversation))
    return sa.case((T.c.responded_at.is_(None), short), else_=long)


async def log(
    db: Write,
    ticket_id: int,
    action: Action,
    actor_id: int | None,
    reason: str | None = None,
    at: datetime | None = None,
) -> None:
    """Append to the ticket's history."""
    transition = TRANSITIONS[action]
    await db.execute(
        sa.insert(TicketEventRow).values(
            ticket_id=ticket_id,
            action=action,
            actor_id=actor_id,
            from_status=transition.source,
            to_status=transition.target,
            reason=reason,
            created_at=at or now(),
        )
    )


async def delete_open(db: Write, ticket_id: int, student_id: int) -> Row | None:
    """Take a ticket away, if it is still open."""
    return await db.row(
        sa.delete(TicketRow)
        .where(TicketRow.id == ticket_id, TicketRow.status == Status.OPEN, TicketRow.student_id == student_id)
        .returning(T)
    )


async def overdue(db: Write, limit: int) -> list[Row]:
    """Tickets whose lease ran out, locked together; not those that somebody moves at this moment."""
    return await db.rows(
        sa.select(T.c.id, T.c.assigned_mentor_id, T.c.claim_no)
        .where(in_state(Status.ASSIGNED), T.c.respond_by <= now())
        .order_by(T.c.respond_by)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )


async def unclosed(db: Write, before: datetime, limit: int) -> list[int]:
    """Tickets that were resolved before a time, and that nobody closed."""
    return await db.scalars(
        sa.select(T.c.id)
        .where(in_state(Status.RESOLVED), T.c.resolved_at <= before)
        .order_by(T.c.resolved_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )


async def next_lease_end(db: Read) -> datetime | None:
    """When the next lease runs out."""
    found: datetime | None = await db.scalar(sa.select(sa.func.min(T.c.respond_by)).where(in_state(Status.ASSIGNED)))
    return found


async def in_hand(db: Write, user_id: int, column: str, status: Status) -> list[int]:
    """Somebody's tickets in a state, locked: nobody moves them before this transaction does."""
    mine = sa.select(T.c.id).where(T.c[column] == user_id, in_state(status)).order_by(T.c.id)
    return await db.scalars(mine.with_for_update())


# --- tags on tickets


async def put_tags(db: Write, ticket_id: int, tag_ids: Sequence[int], created_at: datetime) -> None:
    if tag_ids:
        rows = [
            {"ticket_id": ticket_id, "tag_id": tag_id, "is_open": True, "created_at": created_at} for tag_id in tag_ids
        ]
        await db.execute(sa.insert(TicketTagRow).values(rows))


async def take_tags(db: Write, ticket_id: int, tag_ids: Sequence[int]) -> None:
    if tag_ids:
        await db.execute(
            sa.delete(TicketTagRow).where(TicketTagRow.ticket_id == ticket_id, TicketTagRow.tag_id.in_(tag_ids))
        )


async def tag_ids(db: Read, ticket_id: int) -> list[int]:
    return await db.scalars(sa.select(TicketTagRow.tag_id).where(TicketTagRow.ticket_id == ticket_id))


async def mark_open(db: Write, ticket_id: int, *, is_open: bool) -> None:
    """Keep the queue's index right when a ticket leaves the queue or comes back."""
    await db.execute(sa.update(TicketTagRow).where(TicketTagRow.ticket_id == ticket_id).values(is_open=is_open))


# --- passes


async def put_aside(db: Write, mentor_id: int, ticket_id: int, reason: str) -> None:
    """Do not offer the ticket to this mentor again."""
    values = {"mentor_id": mentor_id, "ticket_id": ticket_id, "reason": reason, "created_at": now()}
    await db.execute(
        db.insert(TicketPassRow)
        .values(**values)
        .on_conflict_do_update(index_elements=["mentor_id", "ticket_id"], set_={"reason": reason})
    )


async def take_up_again(db: Write, mentor_id: int, ticket_id: int) -> None:
    await db.execute(
        sa.delete(TicketPassRow).where(TicketPassRow.mentor_id == mentor_id, TicketPassRow.ticket_id == ticket_id)
    )


async def is_aside(db: Read, mentor_id: int, ticket_id: int) -> bool:
    """Whether the ticket is not offered to this mentor."""
    p = TicketPassRow.__table__
    found = await db.row(sa.select(p.c.ticket_id).where(p.c.mentor_id == mentor_id, p.c.ticket_id == ticket_id))
    return found is not None


# --- conversation


async def add_message(db: Write, ticket_id: int, author_id: int, body: str, at: datetime) -> int:
    added: int = await db.scalar(
        sa.insert(TicketMessageRow)
        .values(ticket_id=ticket_id, author_id=author_id, body=body, created_at=at)
        .returning(TicketMessageRow.id)
    )
    return added


async def count_message(db: Write, before: Row, changes: dict[str, Any]) -> Row | None:
    """Note a new message on the ticket's row, unless it has changed hands or state since `before` was read."""
    return await db.row(
        sa.update(TicketRow)
        .where(
            TicketRow.id == before["id"],
            TicketRow.status == before["status"],
            TicketRow.status != Status.CLOSED,
            TicketRow.claim_no == before["claim_no"],
        )
        .values(messages=TicketRow.messages + 1, updated_at=now(), version=TicketRow.version + 1, **changes)
        .returning(T)
    )


AUTHOR = UserRow.__table__.alias("author")
M = TicketMessageRow.__table__
MESSAGES = sa.select(M, *(c for c in public_columns(AUTHOR, "author_") if c.name != "author_id")).select_from(
    M.join(AUTHOR, AUTHOR.c.id == M.c.author_id)
)


async def messages(db: Read, ticket_id: int, keyset: Keyset) -> list[Row]:
    """A ticket's conversation, oldest first."""
    statement = MESSAGES.where(M.c.ticket_id == ticket_id)
    if keyset.after:
        statement = statement.where(M.c.id > keyset.after[0])
    return await db.rows(statement.order_by(M.c.id).limit(keyset.limit + 1))


async def message(db: Read, message_id: int) -> Row:
    found = await db.row(MESSAGES.where(M.c.id == message_id))
    assert found is not None
    return found


async def unanswered(db: Read, viewer: Viewer, limit: int) -> list[Row]:
    """Tickets in hand on which the other one wrote last, with that message; newest first."""
    column = T.c.assigned_mentor_id if viewer.is_mentor else T.c.student_id
    last = sa.select(sa.func.max(M.c.id)).where(M.c.ticket_id == T.c.id).correlate(T).scalar_subquery()
    statement = (
        TICKETS.add_columns(M.c.body.label("said"), M.c.created_at.label("said_at"))
        .join(M, M.c.id == last)
        .where(column == viewer.id, in_state(Status.ASSIGNED), M.c.author_id != viewer.id)
    )
    return await db.rows(statement.order_by(M.c.id.desc()).limit(limit))


# --- history, solutions, drafts

ACTOR = UserRow.__table__.alias("actor")
E = TicketEventRow.__table__
EVENTS = sa.select(E, *(c for c in public_columns(ACTOR, "actor_") if c.name != "actor_id")).select_from(
    E.outerjoin(ACTOR, ACTOR.c.id == E.c.actor_id)
)


async def events(db: Read, ticket_id: int, keyset: Keyset) -> list[Row]:
    """A ticket's history, oldest first."""
    statement = EVENTS.where(E.c.ticket_id == ticket_id)
    if keyset.after:
        statement = statement.where(E.c.id > keyset.after[0])
    return await db.rows(statement.order_by(E.c.id).limit(keyset.limit + 1))


async def latest(db: Read, ticket_id: int, before: Sequence[int | None], limit: int) -> tuple[list[Row], list[Row]]:
    """The newest messages and the newest events, newest first; of each those `before` an id, if that is given."""
    found = []
    for statement, table, until in ((MESSAGES, M, before[0]), (EVENTS, E, before[1])):
        rows = statement.where(table.c.ticket_id == ticket_id).order_by(table.c.id.desc()).limit(limit)
        found.append(await db.rows(rows if until is None else rows.where(table.c.id < until)))
    return found[0], found[1]


async def since(db: Read, ticket_id: int, after: Sequence[int], limit: int) -> tuple[list[Row], list[Row]]:
    """Messages and events that came after an id of each, oldest first."""
    found = []
    for statement, table, seen in ((MESSAGES, M, after[0]), (EVENTS, E, after[1])):
        rows = statement.where(table.c.ticket_id == ticket_id, table.c.id > seen)
        found.append(await db.rows(rows.order_by(table.c.id).limit(limit)))
    return found[0], found[1]


async def add_solution_version(db: Write, ticket_id: int, mentor_id: int, body: str) -> None:
    await db.execute(
        sa.insert(SolutionVersionRow).values(ticket_id=ticket_id, mentor_id=mentor_id, body=body, created_at=now())
    )


async def count_solution_versions(db: Read, ticket_id: int) -> int:
    """How often a solution was posted or changed."""
    s = SolutionVersionRow.__table__
    return await db.scalar(sa.select(sa.func.count()).select_from(s).where(s.c.ticket_id == ticket_id)) or 0


async def solution_versions(db: Read, ticket_id: int, keyset: Keyset, *, newest_first: bool = False) -> list[Row]:
    """All that the solution ever said."""
    s = SolutionVersionRow.__table__
    statement = sa.select(s.c.id, s.c.mentor_id, s.c.body, s.c.created_at).where(s.c.ticket_id == ticket_id)
    if keyset.after:
        last = keyset.after[0]
        statement = statement.where(s.c.id < last if newest_first else s.c.id > last)
    return await db.rows(statement.order_by(s.c.id.desc() if newest_first else s.c.id).limit(keyset.limit + 1))


async def draft(db: Read, ticket_id: int, mentor_id: int) -> Row | None:
    return await db.row(
        sa.select(SolutionDraftRow.body, SolutionDraftRow.updated_at).where(
            SolutionDraftRow.ticket_id == ticket_id, SolutionDraftRow.mentor_id == mentor_id
        )
    )


async def keep_draft(db: Write, ticket_id: int, mentor_id: int, body: str) -> None:
    values = {"ticket_id": ticket_id, "mentor_id": mentor_id, "body": body, "updated_at": now()}
    await db.execute(
        db.insert(SolutionDraftRow)
        .values(**values)
        .on_conflict_do_update(
            index_elements=["ticket_id", "mentor_id"], set_={"body": body, "updated_at": values["updated_at"]}
        )
    )


async def drop_draft(db: Write, ticket_id: int, mentor_id: int) -> bool:
    dropped = await db.execute(
        sa.delete(SolutionDraftRow).where(
            SolutionDraftRow.ticket_id == ticket_id, SolutionDraftRow.mentor_id == mentor_id
        )
    )
    return dropped.rowcount > 0


# --- export of one person's own


async def asked_by(db: Read, user_id: int) -> list[Row]:
    ticket = [column for column in T.c if column.name not in ("assigned_mentor_id", "claim_no", "version")]
    return await db.rows(sa.select(*ticket).where(T.c.student_id == user_id).order_by(T.c.id))


async def answers_by(db: Read, user_id: int) -> list[Row]:
    s = SolutionVersionRow.__table__
    return await db.rows(
        sa.select(s.c.ticket_id, s.c.body, s.c.created_at).where(s.c.mentor_id == user_id).order_by(s.c.id)
    )


async def said_by(db: Read, user_id: int) -> list[Row]:
    return await db.rows(
        sa.select(M.c.ticket_id, M.c.body, M.c.created_at).where(M.c.author_id == user_id).order_by(M.c.id)
    )


async def put_aside_by(db: Read, user_id: int) -> list[Row]:
    p = TicketPassRow.__table__
    return await db.rows(sa.select(p.c.ticket_id, p.c.reason, p.c.created_at).where(p.c.mentor_id == user_id))


async def drafts_by(db: Read, user_id: int) -> list[Row]:
    d = SolutionDraftRow.__table__
    return await db.rows(sa.select(d.c.ticket_id, d.c.body, d.c.updated_at).where(d.c.mentor_id == user_id))
