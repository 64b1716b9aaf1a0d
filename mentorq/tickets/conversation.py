"""What owner and mentor say to each other on a ticket, its history, and the solution as it is being written."""

from typing import Any

from mentorq.accounts.schemas import Viewer, public_user
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.events import emit
from mentorq.core.pagination import Keyset
from mentorq.tickets import events, policy, queries
from mentorq.tickets.errors import NoDraft, NotYours, TicketClosed, TicketMoved, TicketNotFound
from mentorq.tickets.lifecycle import emit_response
from mentorq.tickets.schemas import SolutionDraft, as_ticket
from mentorq.tickets.states import Action, Status


async def _of_party(db: Read, ticket_id: int, viewer: Viewer) -> Row:
    """A ticket of the viewer's own.

    Raises:
        TicketNotFound: there is none that the viewer may know of.
        NotYours: the viewer is neither its owner nor its mentor.
    """
    ticket = await queries.bare(db, ticket_id)
    if ticket is None or not policy.may_know_of(viewer, ticket):
        raise TicketNotFound
    if not (policy.is_party(viewer, ticket) or viewer.is_admin):
        raise NotYours
    return ticket


async def say(db: Write, ticket_id: int, author: Viewer, body: str) -> dict[str, Any]:
    """Add a message. The mentor's first one makes the lease long, and each one renews it.

    Raises:
        TicketNotFound, NotYours: see `_of_party`.
        TicketClosed: the conversation is over.
    """
    before = await _of_party(db, ticket_id, author)
    if author.id not in (before["student_id"], before["assigned_mentor_id"]):
        raise NotYours
    is_mentor = author.id == before["assigned_mentor_id"]
    working = is_mentor and before["status"] == Status.ASSIGNED
    moment = now()
    lease = {"respond_by": moment + db.settings.conversation_lease, "responded_at": queries.first_response(moment)}
    # The claim that was seen must still be the one: a lease that ran out meanwhile is not renewed by this.
    ticket = await queries.count_message(db, before, lease if working else {})
    if ticket is None:
        raise TicketClosed if before["status"] == Status.CLOSED else TicketMoved
    message_id = await queries.add_message(db, ticket_id, author.id, body, moment)
    if working and before["responded_at"] is None:
        await emit_response(db, ticket)
    await emit(db, events.MessagePosted(ticket_id, message_id, author.id))
    return as_message(await queries.message(db, message_id))


async def messages(db: Read, ticket_id: int, viewer: Viewer, keyset: Keyset) -> tuple[list[dict[str, Any]], str | None]:
    """The conversation, oldest first.

    Raises:
        TicketNotFound, NotYours: see `_of_party`.
    """
    await _of_party(db, ticket_id, viewer)
    rows, next_cursor = keyset.cut(await queries.messages(db, ticket_id, keyset), lambda row: (row["id"],))
    return [as_message(row) for row in rows], next_cursor


def as_message(row: Row) -> dict[str, Any]:
    """Message out of a row of `queries.MESSAGES`."""
    fields = ("id", "ticket_id", "author_id", "body", "created_at")
    return {field: row[field] for field in fields} | {"author": public_user(row, "author_")}


async def unanswered(db: Read, viewer: Viewer, limit: int) -> list[dict[str, Any]]:
    """Tickets in hand on which the other one wrote last: each with what was `said`, and when (`said_at`)."""
    rows = await queries.unanswered(db, viewer, limit)
    return [as_ticket(row, viewer) | {"said": row["said"], "said_at": row["said_at"]} for row in rows]


async def history(db: Read, ticket_id: int, viewer: Viewer, keyset: Keyset) -> tuple[list[dict[str, Any]], str | None]:
    """Every transition, oldest first.

    Raises:
        TicketNotFound, NotYours: see `_of_party`.
    """
    await _of_party(db, ticket_id, viewer)
    rows, next_cursor = keyset.cut(await queries.events(db, ticket_id, keyset), lambda row: (row["id"],))
    return [_as_event(row) for row in rows], next_cursor


def _as_event(row: Row) -> dict[str, Any]:
    fields = ("id", "action", "actor_id", "reason", "created_at")
    event = {field: row[field] for field in fields}
    return event | {"actor": public_user(row, "actor_"), "from": row["from_status"], "to": row["to_status"]}


Entry = dict[str, Any]
"""A message, or an event, which has an `action`."""


async def timeline(db: Read, ticket: Row, viewer: Viewer, keyset: Keyset) -> tuple[list[Entry], str | None]:
    """One page of messages and events by time, the newest ones first, but each page oldest first.

    The cursor leads to what was before. Nothing for those whose ticket it is not.
    """
    if not (policy.is_party(viewer, ticket) or viewer.is_admin):
        return [], None
    before = keyset.after or (None, None)
    messages, events = await queries.latest(db, ticket["id"], before, keyset.limit + 1)
    merged = _by_time(messages, events)
    shown = merged[-keyset.limit :]
    if len(merged) == len(shown):
        return shown, None
    ids: list[list[int]] = [[], []]
    for entry in shown:
        ids["action" in entry].append(entry["id"])
    return shown, keyset.seal(*(min(some, default=until) for some, until in zip(ids, before, strict=True)))


async def news(db: Read, ticket: Row, viewer: Viewer, after: tuple[int, int], limit: int) -> list[Entry]:
    """What came after a message and an event, oldest first; nothing for those whose ticket it is not."""
    if not (policy.is_party(viewer, ticket) or viewer.is_admin):
        return []
    return _by_time(*await queries.since(db, ticket["id"], after, limit))


def _by_time(messages: list[Row], events: list[Row]) -> list[Entry]:
    entries = [*map(_as_event, events), *map(as_message, messages)]
    return sorted(entries, key=lambda entry: (entry["created_at"], entry["id"] if "action" in entry else 0))


async def solution_versions(
    db: Read, ticket_id: int, viewer: Viewer, keyset: Keyset, *, newest_first: bool = False
) -> tuple[list[Row], str | None]:
    """What the solution said, oldest first unless said otherwise: for whoever may see the ticket.

    Raises:
        TicketNotFound: there is none that the viewer may see.
    """
    if await queries.one(db, viewer, ticket_id) is None:
        raise TicketNotFound
    versions = await queries.solution_versions(db, ticket_id, keyset, newest_first=newest_first)
    return keyset.cut(versions, lambda row: (row["id"],))


async def times_edited(db: Read, ticket_id: int) -> int:
    """How often the solution of a ticket was changed since it was first posted."""
    return max(0, await queries.count_solution_versions(db, ticket_id) - 1)


def _require_writing(mentor: Viewer, ticket: Row | None) -> None:
    """Raises what forbids `mentor` to write a solution now."""
    if refused := policy.refusal(mentor, Action.RESOLVE, ticket):
        raise refused


async def draft(db: Read, ticket_id: int, mentor: Viewer) -> SolutionDraft:
    """The solution so far.

    Raises:
        TicketNotFound, NotYours, TicketNotAssigned: see `policy.refusal`.
        NoDraft: nothing has been written.
    """
    _require_writing(mentor, await queries.bare(db, ticket_id))
    found = await queries.draft(db, ticket_id, mentor.id)
    if found is None:
        raise NoDraft
    return SolutionDraft(**found)


async def keep_draft(db: Write, ticket_id: int, mentor: Viewer, body: str) -> None:
    """Keep the solution so far.

    Raises:
        TicketNotFound, NotYours, TicketNotAssigned: see `policy.refusal`.
    """
    _require_writing(mentor, await queries.kept(db, ticket_id))
    await queries.keep_draft(db, ticket_id, mentor.id, body)


async def drop_draft(db: Write, ticket_id: int, mentor: Viewer) -> None:
    """Throw the solution so far away; repeatable.

    Raises:
        TicketNotFound, NotYours, TicketNotAssigned: see `policy.refusal`.
    """
    _require_writing(mentor, await queries.bare(db, ticket_id))
    await queries.drop_draft(db, ticket_id, mentor.id)
