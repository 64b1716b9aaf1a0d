"""Reading tickets: one, and the lists. What changes them is in `lifecycle.py` and `conversation.py`."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from mentorq.accounts.errors import WrongRole
from mentorq.accounts.models import Role
from mentorq.accounts.queries import skills
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row
from mentorq.core.pagination import Keyset
from mentorq.tickets import lists, policy, queries
from mentorq.tickets.errors import NotYours, TicketNotFound
from mentorq.tickets.lists import Filter, Order, Scope
from mentorq.tickets.schemas import as_ticket
from mentorq.tickets.states import Action, Status


@dataclass(frozen=True)
class Wanted:
    """What a client asks of a list."""

    statuses: tuple[Status, ...] = ()
    tags: tuple[str, ...] = ()
    every_tag: bool = False
    text: str = ""
    sort: Literal["newest", "oldest", "match"] = "newest"
    matching: bool = False
    waited: timedelta | None = None


class Ranking(Protocol):
    """How the queue is ordered for one mentor. Matching knows; whoever composes the application passes it in."""

    def __call__(
        self, db: Read, mentor: Viewer, wanted: Filter, keyset: Keyset
    ) -> Awaitable[tuple[list[tuple[Row, dict[str, Any]]], str | None]]:
        """One page of open tickets, each with its `Match`, best first."""
        ...


async def one(db: Read, viewer: Viewer, ticket_id: int) -> Row:
    """A ticket.

    Raises:
        TicketNotFound: there is none that `viewer` may see.
    """
    ticket = await queries.one(db, viewer, ticket_id)
    if ticket is None:
        raise TicketNotFound
    return ticket


async def owned(db: Read, owner: Viewer, ticket_id: int) -> Row:
    """A ticket of the viewer's own, or, for admins, any.

    Raises:
        TicketNotFound: there is none that the viewer may know of.
        NotYours: it is somebody else's.
    """
    ticket = await queries.bare(db, ticket_id)
    if ticket is None or not policy.may_know_of(owner, ticket):
        raise TicketNotFound
    if ticket["student_id"] != owner.id and not owner.is_admin:
        raise NotYours
    return ticket


async def editable(db: Read, owner: Viewer, ticket_id: int) -> Row:
    """An open ticket of the viewer's own, to change it.

    Raises:
        TicketNotFound, NotYours, TicketNotOpen: see `policy.refusal`.
    """
    ticket = await queries.bare(db, ticket_id)
    if refused := policy.refusal(owner, Action.EDIT, ticket):
        raise refused
    assert ticket is not None
    return ticket


async def is_aside(db: Read, mentor: Viewer, ticket_id: int) -> bool:
    """Whether the mentor has passed the ticket by, or given it back: then it is not offered again."""
    return await queries.is_aside(db, mentor.id, ticket_id)


async def browse(
    db: Read, viewer: Viewer, wanted: Wanted, keyset: Keyset, rank: Ranking
) -> tuple[list[dict[str, Any]], str | None]:
    """A student's own tickets, a mentor's queue, or, for admins, everything.

    Raises:
        WrongRole: only mentors have a queue that could match or be ranked.
    """
    if (wanted.matching or wanted.sort == "match") and not viewer.is_mentor:
        raise WrongRole(Role.MENTOR)
    if viewer.is_mentor and wanted.statuses and Status.OPEN not in wanted.statuses:
        return [], None
    mine = tuple((await skills(db, viewer.id)).values()) if wanted.matching else None
    chosen = _filter(viewer, wanted, mine)
    if wanted.sort == "match":
        ranked, next_cursor = await rank(db, viewer, chosen, keyset)
        return [_in_queue(row, viewer, match) for row, match in ranked], next_cursor
    rows, next_cursor = await lists.page(db, viewer, chosen, keyset)
    return [_in_queue(row, viewer) for row in rows], next_cursor


def _in_queue(row: Row, viewer: Viewer, match: dict[str, Any] | None = None) -> dict[str, Any]:
    ticket = as_ticket(row, viewer)
    ticket["match"] = match
    return ticket


def _filter(viewer: Viewer, wanted: Wanted, expertise: tuple[int, ...] | None) -> Filter:
    scope: Scope = "queue" if viewer.is_mentor else "all" if viewer.is_admin else "own"
    order: Order = "oldest" if wanted.sort == "oldest" else "newest"
    return Filter(
        scope=scope,
        statuses=() if viewer.is_mentor else wanted.statuses,
        tags=wanted.tags,
        every_tag=wanted.every_tag,
        words=tuple(wanted.text.split()[:10]),
        order=order,
        only_tag_ids=expertise,
        before=now() - wanted.waited if wanted.waited else None,
    )


async def mine(
    db: Read, viewer: Viewer, statuses: tuple[Status, ...], keyset: Keyset
) -> tuple[list[dict[str, Any]], str | None]:
    """What the viewer asked, or, for a mentor, took."""
    scope: Scope = "assigned" if viewer.is_mentor else "own"
    rows, next_cursor = await lists.page(db, viewer, Filter(scope=scope, statuses=statuses), keyset)
    return [as_ticket(row, viewer) for row in rows], next_cursor


async def passed(db: Read, mentor: Viewer, keyset: Keyset) -> tuple[list[dict[str, Any]], str | None]:
    """Open tickets that are not offered to the mentor again."""
    rows, next_cursor = await lists.page(db, mentor, Filter(scope="passed"), keyset)
    return [as_ticket(row, mentor) for row in rows], next_cursor


async def counts(db: Read, mentor: Viewer) -> Row:
    """How many tickets each part of a mentor's queue has: see `lists.counts`."""
    return await lists.counts(db, mentor)


async def count_new(db: Read, mentor: Viewer, since: datetime) -> int:
    """How many tickets with a tag of the mentor's expertise have come since then."""
    return await lists.count_new(db, mentor, since)


async def asked_by_state(db: Read, student: Viewer) -> dict[str, int]:
    """How many tickets the student has in each state."""
    return await queries.count_by_state(db, student.id)
