"""What may happen to a ticket, in the order of its life. Each function is one transition of `states.LIFE`."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from mentorq.accounts.schemas import DELETED_NAME, Viewer
from mentorq.core.clock import now
from mentorq.core.database import Row, Write
from mentorq.core.errors import DomainError, PreconditionFailed
from mentorq.core.events import emit
from mentorq.core.http import etag, require_match
from mentorq.core.jobs import task
from mentorq.core.secrets import find_secrets
from mentorq.tags import service as tags
from mentorq.tickets import events, policy, queries
from mentorq.tickets.errors import LooksLikeSecret, TicketNotFound, TicketNotOpen
from mentorq.tickets.states import Action, Status

SWEEP_EVERY = timedelta(seconds=15)
SWEEP_AT_ONCE = 200


async def post(
    db: Write,
    student: Viewer,
    title: str,
    description: str,
    tag_names: list[str],
    *,
    is_anonymous: bool,
    allow_secrets: bool,
) -> Row:
    """Ask a question: it joins the queue.

    Raises:
        LooksLikeSecret: it holds what looks like a secret, unless `allow_secrets`.
    """
    _refuse_secrets({"title": title, "description": description}, allow_secrets=allow_secrets)
    ids = await tags.ensure(db, tag_names)
    values = {"title": title, "description": description, "tags": tag_names}
    ticket = await queries.add(db, values | {"student_id": student.id, "is_anonymous": is_anonymous})
    await queries.put_tags(db, ticket["id"], list(ids.values()), ticket["created_at"])
    await queries.log(db, ticket["id"], Action.CREATE, student.id)
    await emit(db, events.TicketPosted(ticket["id"], student.id))
    await tags.recount(db, "tickets", added=list(ids.values()))
    return await _whole(db, ticket["id"])


async def edit(
    db: Write,
    ticket_id: int,
    student: Viewer,
    changes: dict[str, Any],
    if_match: str | None,
    *,
    allow_secrets: bool,
) -> Row:
    """Change an open question. What it says already is not looked at again: whoever corrects the title has said so.

    Raises:
        TicketNotFound, NotYours, TicketNotOpen: see `policy.refusal`.
        PreconditionFailed: it is not the version that `if_match` names.
        LooksLikeSecret: it holds what looks like a secret, unless `allow_secrets`.
    """
    before, conditions = await _matched(db, ticket_id, student, Action.EDIT, if_match)
    written = {
        name: changes[name] for name in ("title", "description") if changes.get(name, before[name]) != before[name]
    }
    _refuse_secrets(written, allow_secrets=allow_secrets)
    ticket = await queries.move(db, ticket_id, Action.EDIT, student.id, changes, *conditions)
    if ticket is None:
        raise await _why_not(db, ticket_id, student, Action.EDIT, otherwise=PreconditionFailed())
    if "tags" in changes:
        await _retag(db, ticket, changes["tags"])
    await queries.log(db, ticket_id, Action.EDIT, student.id)
    await emit(db, events.TicketEdited(ticket_id))
    return await _whole(db, ticket_id)


async def _retag(db: Write, ticket: Row, names: list[str]) -> None:
    wanted = set((await tags.ensure(db, names)).values())
    before = set(await queries.tag_ids(db, ticket["id"]))
    await queries.put_tags(db, ticket["id"], sorted(wanted - before), ticket["created_at"])
    await queries.take_tags(db, ticket["id"], sorted(before - wanted))
    await tags.recount(db, "tickets", added=wanted - before, removed=before - wanted)


async def delete(db: Write, ticket_id: int, student: Viewer) -> None:
    """Take an open question away.

    Raises:
        TicketNotFound, NotYours, TicketNotOpen: see `policy.refusal`.
    """
    ticket = await queries.delete_open(db, ticket_id, student.id)
    if ticket is None:
        raise await _why_not(db, ticket_id, student, Action.EDIT)
    await emit(db, events.TicketDeleted(ticket_id, student.id))
    # What it was tagged with when it went, not before: it may have been edited while this waited for its row.
    await tags.recount(db, "tickets", removed=(await tags.known(db, ticket["tags"])).values())


async def accept(db: Write, ticket_id: int, mentor: Viewer) -> Row:
    """Claim an open ticket for `mentor` until its lease runs out.

    Raises:
        TicketNotFound: there is none.
        TicketNotOpen: somebody was faster; says who holds it.
    """
    moment = now()
    claim = {
        "assigned_mentor_id": mentor.id,
        "assigned_at": moment,
        "first_assigned_at": queries.first_assigned(moment),
        "responded_at": None,
        "respond_by": moment + db.settings.claim_lease,
        "claim_no": queries.T.c.claim_no + 1,
    }
    ticket = await queries.move(db, ticket_id, Action.ACCEPT, mentor.id, claim)
    if ticket is None:
        raise await _why_not_accept(db, ticket_id, mentor)
    await queries.mark_open(db, ticket_id, is_open=False)
    await queries.take_up_again(db, mentor.id, ticket_id)
    await queries.log(db, ticket_id, Action.ACCEPT, mentor.id, at=moment)
    await emit(db, events.TicketAccepted(ticket_id, mentor.id, ticket["claim_no"]))
    return await _whole(db, ticket_id)


async def _why_not_accept(db: Write, ticket_id: int, mentor: Viewer) -> DomainError:
    ticket = await queries.whole(db, ticket_id)
    refused = policy.refusal(mentor, Action.ACCEPT, ticket)
    if ticket is None or not isinstance(refused, TicketNotOpen) or ticket["assigned_mentor_id"] is None:
        return refused or TicketNotOpen()
    if ticket["assigned_mentor_id"] == mentor.id:
        return TicketNotOpen("You have taken this ticket already.", holder=_holder(ticket))
    name = ticket["mentor_username"] or DELETED_NAME
    return TicketNotOpen(f"{name} has taken this ticket. Someone was faster.", holder=_holder(ticket))


def _holder(ticket: Row) -> dict[str, object]:
    return {"id": ticket["assigned_mentor_id"], "username": ticket["mentor_username"] or DELETED_NAME}


async def extend(db: Write, ticket_id: int, mentor: Viewer) -> Row:
    """Begin the lease anew: a short one before the first message, a long one after it.

    Raises:
        TicketNotFound, NotYours, TicketNotAssigned: see `policy.refusal`.
    """
    lease = queries.lease_from(now(), db.settings.claim_lease, db.settings.conversation_lease)
    if await queries.move(db, ticket_id, Action.EXTEND, mentor.id, {"respond_by": lease}) is None:
        raise await _why_not(db, ticket_id, mentor, Action.EXTEND)
    await queries.log(db, ticket_id, Action.EXTEND, mentor.id)
    return await _whole(db, ticket_id)


FREE = {"assigned_mentor_id": None, "assigned_at": None, "respond_by": None, "responded_at": None}


async def release(db: Write, ticket_id: int, mentor: Viewer, reason: str | None) -> Row:
    """Give a ticket back: it keeps its place in the queue, and is not offered to this mentor again.

    Raises:
        TicketNotFound, NotYours, TicketNotAssigned: see `policy.refusal`.
    """
    ticket = await queries.move(db, ticket_id, Action.RELEASE, mentor.id, FREE)
    if ticket is None:
        raise await _why_not(db, ticket_id, mentor, Action.RELEASE)
    await queries.log(db, ticket_id, Action.RELEASE, mentor.id, reason)
    await _back_to_queue(db, ticket, mentor.id, expired=False)
    return await _whole(db, ticket_id)


async def _back_to_queue(db: Write, ticket: Row, mentor_id: int, *, expired: bool) -> None:
    await queries.mark_open(db, ticket["id"], is_open=True)
    await queries.drop_draft(db, ticket["id"], mentor_id)
    await queries.put_aside(db, mentor_id, ticket["id"], "expired" if expired else "released")
    await emit(db, events.TicketReleased(ticket["id"], mentor_id, expired, ticket["claim_no"]))


async def pass_by(db: Write, ticket_id: int, mentor: Viewer, reason: str) -> None:
    """Do not offer an open ticket to this mentor again.

    Raises:
        TicketNotFound, TicketNotOpen: see `policy.refusal`.
    """
    if refused := policy.refusal(mentor, Action.ACCEPT, await queries.kept(db, ticket_id)):
        raise refused
    await queries.put_aside(db, mentor.id, ticket_id, reason)


async def unpass(db: Write, ticket_id: int, mentor: Viewer) -> None:
    """Offer it to this mentor again.

    Raises:
        TicketNotFound: there is no such ticket.
    """
    if await queries.bare(db, ticket_id) is None:
        raise TicketNotFound
    await queries.take_up_again(db, mentor.id, ticket_id)


async def resolve(db: Write, ticket_id: int, mentor: Viewer, solution: str, *, allow_secrets: bool) -> Row:
    """Publish the solution.

    Raises:
        TicketNotFound, NotYours, TicketNotAssigned: see `policy.refusal`.
        LooksLikeSecret: it holds what looks like a secret, unless `allow_secrets`.
    """
    _refuse_secrets({"solution": solution}, allow_secrets=allow_secrets)
    moment = now()
    before = await queries.bare(db, ticket_id)
    changes = {"solution": solution, "resolved_at": moment, "respond_by": None}
    ticket = await queries.move(
        db, ticket_id, Action.RESOLVE, mentor.id, changes | {"responded_at": queries.first_response(moment)}
    )
    if ticket is None or before is None:
        raise await _why_not(db, ticket_id, mentor, Action.RESOLVE)
    await queries.add_solution_version(db, ticket_id, mentor.id, solution)
    await queries.drop_draft(db, ticket_id, mentor.id)
    await queries.log(db, ticket_id, Action.RESOLVE, mentor.id, at=moment)
    if before["responded_at"] is None:
        await emit_response(db, ticket)
    await emit(db, events.TicketResolved(ticket_id, ticket["student_id"], mentor.id, moment))
    return await _whole(db, ticket_id)


async def emit_response(db: Write, ticket: Row) -> None:
    """Announce the first word of a ticket's mentor."""
    seconds = (ticket["responded_at"] - ticket["assigned_at"]).total_seconds()
    await emit(
        db,
        events.MentorResponded(
            ticket_id=ticket["id"],
            student_id=ticket["student_id"],
            mentor_id=ticket["assigned_mentor_id"],
            claim_no=ticket["claim_no"],
            responded_at=ticket["responded_at"],
            seconds=max(0.0, seconds),
        ),
    )


async def edit_solution(
    db: Write, ticket_id: int, mentor: Viewer, solution: str, if_match: str | None = None, *, allow_secrets: bool
) -> Row:
    """Change the published solution; what it said before is kept.

    Raises:
        TicketNotFound, NotYours, TicketNotResolved: see `policy.refusal`.
        PreconditionFailed: it is not the version that `if_match` names.
        LooksLikeSecret: it holds what looks like a secret, unless `allow_secrets`.
    """
    _refuse_secrets({"solution": solution}, allow_secrets=allow_secrets)
    _, conditions = await _matched(db, ticket_id, mentor, Action.EDIT_SOLUTION, if_match)
    changed = await queries.move(db, ticket_id, Action.EDIT_SOLUTION, mentor.id, {"solution": solution}, *conditions)
    if changed is None:
        raise await _why_not(db, ticket_id, mentor, Action.EDIT_SOLUTION, otherwise=PreconditionFailed())
    await queries.add_solution_version(db, ticket_id, mentor.id, solution)
    await queries.log(db, ticket_id, Action.EDIT_SOLUTION, mentor.id)
    await emit(db, events.SolutionEdited(ticket_id, mentor.id, changed["version"]))
    return await _whole(db, ticket_id)


async def reopen(db: Write, ticket_id: int, student: Viewer, reason: str) -> Row:
    """Give it back to its mentor, or to the queue if that one has left: the solution did not help.

    Raises:
        TicketNotFound, NotYours, TicketNotResolved: see `policy.refusal`.
    """
    changes = {"resolved_at": None, "respond_by": now() + db.settings.conversation_lease}
    ticket = await queries.move(db, ticket_id, Action.REOPEN, student.id, changes)
    if ticket is None:
        raise await _why_not(db, ticket_id, student, Action.REOPEN)
    await queries.log(db, ticket_id, Action.REOPEN, student.id, reason)
    await emit(db, events.TicketReopened(ticket_id, student.id, ticket["assigned_mentor_id"], ticket["version"]))
    reopened = await _whole(db, ticket_id)
    if reopened["mentor_username"] is None:
        await _expire(db, ticket_id, ticket["assigned_mentor_id"], "its mentor has left MentorQ")
        return await _whole(db, ticket_id)
    return reopened


async def close(db: Write, ticket_id: int, student: Viewer) -> Row:
    """It is solved.

    Raises:
        TicketNotFound, NotYours, TicketNotResolved: see `policy.refusal`.
    """
    if not await _close(db, ticket_id, Action.CLOSE, student.id):
        raise await _why_not(db, ticket_id, student, Action.CLOSE)
    return await _whole(db, ticket_id)


async def _close(db: Write, ticket_id: int, action: Action, actor_id: int | None) -> bool:
    ticket = await queries.move(db, ticket_id, action, actor_id, {"closed_at": now()})
    if ticket is None:
        return False
    await queries.log(db, ticket_id, action, actor_id)
    by_clock = action == Action.AUTO_CLOSE
    await emit(db, events.TicketClosed(ticket_id, ticket["student_id"], ticket["assigned_mentor_id"], by_clock))
    return True


@task("tickets.sweep", every=SWEEP_EVERY)
async def sweep(db: Write, _: dict[str, Any]) -> datetime | None:
    """The clock's part: give overdue tickets back to the queue, close what nobody closed. Returns when to look next."""
    overdue = await queries.overdue(db, SWEEP_AT_ONCE)
    for ticket in overdue:
        await expire(db, ticket["id"], ticket["assigned_mentor_id"], ticket["claim_no"])
    unclosed = await queries.unclosed(db, now() - timedelta(days=db.settings.auto_close_days), SWEEP_AT_ONCE)
    for ticket_id in unclosed:
        await _close(db, ticket_id, Action.AUTO_CLOSE, None)
    if SWEEP_AT_ONCE in (len(overdue), len(unclosed)):
        return now()
    return await queries.next_lease_end(db)


async def expire(db: Write, ticket_id: int, mentor_id: int, claim_no: int) -> None:
    """End one claim whose lease ran out. An answer, extension or release that came first wins."""
    still = (queries.T.c.claim_no == claim_no, queries.T.c.respond_by <= now())
    await _expire(db, ticket_id, mentor_id, "nobody answered in time", *still)


async def _expire(db: Write, ticket_id: int, mentor_id: int, why: str, *still: Any) -> None:
    ticket = await queries.move(db, ticket_id, Action.EXPIRE, None, FREE, *still)
    if ticket is not None:
        await queries.log(db, ticket_id, Action.EXPIRE, None, why)
        await _back_to_queue(db, ticket, mentor_id, expired=True)


async def let_go(db: Write, user_id: int) -> None:
    """Somebody leaves for good: open questions go, and what was taken comes back to the queue."""
    leaving = Viewer(user_id, "", "", 0)
    for ticket_id in await queries.in_hand(db, user_id, "student_id", Status.OPEN):
        await delete(db, ticket_id, leaving)
    await hand_back(db, user_id, "left MentorQ")


async def hand_back(db: Write, mentor_id: int, reason: str) -> int:
    """What a mentor had taken comes back to the queue, all of it; returns how many tickets that were."""
    taken = await queries.in_hand(db, mentor_id, "assigned_mentor_id", Status.ASSIGNED)
    for ticket_id in taken:
        await release(db, ticket_id, Viewer(mentor_id, "", "", 0), reason)
    return len(taken)


def _refuse_secrets(texts: Mapping[str, str], *, allow_secrets: bool) -> None:
    """Look at what is about to become public, before anything of it is written."""
    if allow_secrets:
        return
    found = {name: places for name, text in texts.items() if (places := find_secrets(text))}
    if found:
        raise LooksLikeSecret(found)


async def _matched(
    db: Write, ticket_id: int, viewer: Viewer, action: Action, if_match: str | None
) -> tuple[Row, list[Any]]:
    """The ticket as it is, and what must still hold when it is changed: with If-Match, that it is this version.

    Raises:
        TicketNotFound, NotYours, and wrong states: see `policy.refusal`.
        PreconditionFailed: it is not the version that `if_match` names.
    """
    before = await queries.bare(db, ticket_id)
    if refused := policy.refusal(viewer, action, before):
        raise refused
    assert before is not None
    require_match(if_match, etag(ticket_id, before["version"]))
    return before, [queries.T.c.version == before["version"]] if if_match else []


async def _why_not(
    db: Write, ticket_id: int, viewer: Viewer, action: Action, *, otherwise: DomainError | None = None
) -> DomainError:
    """Why a conditional UPDATE found nothing: the precise error."""
    return policy.refusal(viewer, action, await queries.bare(db, ticket_id)) or otherwise or TicketNotFound()


async def _whole(db: Write, ticket_id: int) -> Row:
    ticket = await queries.whole(db, ticket_id)
    assert ticket is not None
    return ticket
