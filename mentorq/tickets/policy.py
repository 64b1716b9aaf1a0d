"""Who may see a ticket, and who may do what to it. Every read of tickets goes through `visible_to`."""

import functools

import sqlalchemy as sa

from mentorq.accounts.models import Role
from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Row
from mentorq.core.errors import DomainError
from mentorq.tickets.errors import NotYours, TicketNotAssigned, TicketNotFound, TicketNotOpen, TicketNotResolved
from mentorq.tickets.models import TicketRow, in_state
from mentorq.tickets.states import PUBLISHED, TRANSITIONS, Action, Actor, Status

VIEWER_ID: sa.BindParameter[int] = sa.bindparam("viewer_id", type_=sa.BigInteger)

WRONG_STATE: dict[Status | None, type[DomainError]] = {
    Status.OPEN: TicketNotOpen,
    Status.ASSIGNED: TicketNotAssigned,
    Status.RESOLVED: TicketNotResolved,
}


@functools.cache
def visible_to_role(role: str) -> sa.ColumnElement[bool]:
    """`visible_to` for statements that are kept: its parameter `viewer_id` is given with each execution."""
    return _rule(role, VIEWER_ID)


def visible_to(viewer: Viewer) -> sa.ColumnElement[bool]:
    """The condition under which `viewer` may see a ticket.

    The owner and its mentor may always, any mentor while it is open, anyone once it is resolved, admins everything.
    """
    return _rule(viewer.role, sa.literal(viewer.id))


def _rule(role: str, viewer_id: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    published = in_state(*PUBLISHED)
    if role == Role.ADMIN:
        return sa.true()
    if role == Role.MENTOR:
        return sa.or_(published, in_state(Status.OPEN), TicketRow.assigned_mentor_id == viewer_id)
    if role == Role.STUDENT:
        return sa.or_(published, TicketRow.student_id == viewer_id)
    return published


def visible_to_each(people: sa.FromClause) -> sa.ColumnElement[bool]:
    """`visible_to` where the statement is about many people: rows of `people`, which is `users`, joined."""
    is_mentor = people.c.role == sa.literal_column(f"'{Role.MENTOR}'")
    return sa.or_(
        in_state(*PUBLISHED),
        people.c.id.in_((TicketRow.student_id, TicketRow.assigned_mentor_id)),
        sa.and_(in_state(Status.OPEN), is_mentor),
        people.c.role == sa.literal_column(f"'{Role.ADMIN}'"),
    )


def may_see(viewer: Viewer, ticket: Row) -> bool:
    """`visible_to` for a row at hand."""
    if viewer.is_admin or ticket["status"] in PUBLISHED:
        return True
    if viewer.is_mentor and ticket["status"] == Status.OPEN:
        return True
    return is_party(viewer, ticket)


def is_party(viewer: Viewer, ticket: Row) -> bool:
    """Whether it is the viewer's own question, or the viewer's to answer."""
    return viewer.id in (ticket["student_id"], ticket["assigned_mentor_id"])


def may_know_of(viewer: Viewer, ticket: Row) -> bool:
    """Mentors have seen every ticket while it was open: that it exists is no secret, only what it says by now."""
    return viewer.is_mentor or may_see(viewer, ticket)


def refusal(viewer: Viewer, action: Action, ticket: Row | None) -> DomainError | None:
    """Why `viewer` may not do `action` to `ticket` now, or None if nothing speaks against it."""
    transition = TRANSITIONS[action]
    if ticket is None or not may_know_of(viewer, ticket):
        return TicketNotFound()
    if transition.actor == Actor.OWNER and ticket["student_id"] != viewer.id:
        return NotYours()
    if transition.actor == Actor.ITS_MENTOR and ticket["assigned_mentor_id"] not in (viewer.id, None):
        return NotYours("Another mentor is working on this ticket.")
    if ticket["status"] != transition.source:
        return WRONG_STATE[transition.source]()
    if transition.actor == Actor.ANY_MENTOR and (not viewer.is_mentor or ticket["student_id"] == viewer.id):
        return NotYours("Only mentors may do this, and not with a question of their own.")
    return None


def can(viewer: Viewer, action: Action, ticket: Row) -> bool:
    """Whether `viewer` may do `action` to `ticket` now."""
    return refusal(viewer, action, ticket) is None
