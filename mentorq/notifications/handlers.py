"""Who is told what when tickets, reviews and accounts announce something, and what no longer needs anyone."""

import sqlalchemy as sa

from mentorq.accounts.events import UserDeleted
from mentorq.accounts.profile import export_section
from mentorq.core.database import Read, Row, Write
from mentorq.core.events import on, within
from mentorq.notifications import preferences, queries, waves
from mentorq.notifications.kinds import Kind
from mentorq.notifications.queries import T
from mentorq.notifications.telling import offer_again, tell, withdraw
from mentorq.reviews.events import ReviewGiven
from mentorq.tickets.events import (
    MessagePosted,
    SolutionEdited,
    TicketAccepted,
    TicketClosed,
    TicketDeleted,
    TicketEdited,
    TicketPosted,
    TicketReleased,
    TicketReopened,
    TicketResolved,
)


async def _ticket(db: Read, ticket_id: int) -> Row | None:
    return await db.row(sa.select(T.c.student_id, T.c.assigned_mentor_id, T.c.is_anonymous).where(T.c.id == ticket_id))


@on(TicketPosted)
async def tell_mentors(db: Write, event: TicketPosted) -> None:
    """Those who know about it hear of it."""
    await waves.begin(db, event.ticket_id)


@on(TicketEdited)
async def tell_other_mentors(db: Write, event: TicketEdited) -> None:
    """With other tags, others know about it."""
    await waves.begin(db, event.ticket_id)


@on(TicketDeleted)
async def forget(db: Write, event: TicketDeleted) -> None:
    """There is nothing to see any longer."""
    await withdraw(db, event.ticket_id, list(Kind))


@on(TicketAccepted)
async def tell_of_mentor(db: Write, event: TicketAccepted) -> None:
    """The student hears who helps; all others need not look."""
    await withdraw(db, event.ticket_id, [Kind.TICKET_MATCHING, Kind.TICKET_RELEASED])
    ticket = await _ticket(db, event.ticket_id)
    if ticket is not None:
        await tell(
            db,
            ticket["student_id"],
            Kind.TICKET_ACCEPTED,
            f"accepted {event.ticket_id} {event.claim_no}",
            ticket_id=event.ticket_id,
            actor_id=event.mentor_id,
        )


@on(TicketReleased)
async def tell_of_release(db: Write, event: TicketReleased) -> None:
    """The student hears that it waits again, and so does a mentor whose time ran out; others may take it."""
    await withdraw(db, event.ticket_id, [Kind.TICKET_ACCEPTED, Kind.MESSAGE_POSTED])
    ticket = await _ticket(db, event.ticket_id)
    if ticket is None:
        return
    told = sorted({ticket["student_id"], *([event.mentor_id] if event.expired else [])})
    for user_id in told:
        await tell(
            db,
            user_id,
            Kind.TICKET_RELEASED,
            f"released {event.ticket_id} {event.claim_no}",
            ticket_id=event.ticket_id,
            actor_id=event.mentor_id,
            data={"expired": event.expired},
        )
    await offer_again(db, event.ticket_id, but=event.mentor_id)
    await waves.begin(db, event.ticket_id)


@on(TicketResolved)
async def tell_of_solution(db: Write, event: TicketResolved) -> None:
    """The student hears of the solution."""
    await tell(
        db,
        event.student_id,
        Kind.SOLUTION_POSTED,
        f"solved {event.ticket_id} {event.resolved_at.isoformat()}",
        ticket_id=event.ticket_id,
        actor_id=event.mentor_id,
        thread=f"solution {event.ticket_id}",
        data={"edited": False},
    )


@on(SolutionEdited)
async def tell_of_edit(db: Write, event: SolutionEdited) -> None:
    """The student hears that the solution says something else now."""
    ticket = await _ticket(db, event.ticket_id)
    if ticket is not None:
        await tell(
            db,
            ticket["student_id"],
            Kind.SOLUTION_POSTED,
            f"solution {event.ticket_id} {event.version}",
            ticket_id=event.ticket_id,
            actor_id=event.mentor_id,
            thread=f"solution {event.ticket_id}",
            data={"edited": True},
        )


@on(TicketReopened)
async def tell_of_reopening(db: Write, event: TicketReopened) -> None:
    """The mentor hears that it is not solved after all."""
    await withdraw(db, event.ticket_id, [Kind.SOLUTION_POSTED], user_id=event.student_id)
    await withdraw(db, event.ticket_id, [Kind.FOLLOWED_MENTOR_ACTIVITY])
    ticket = await _ticket(db, event.ticket_id)
    if ticket is not None and ticket["assigned_mentor_id"] == event.mentor_id:
        await tell(
            db,
            event.mentor_id,
            Kind.TICKET_REOPENED,
            f"reopened {event.ticket_id} {event.version}",
            ticket_id=event.ticket_id,
            actor_id=_unless_anonymous(ticket, event.student_id),
        )


@on(TicketClosed)
async def tell_of_end(db: Write, event: TicketClosed) -> None:
    """The mentor hears that it is done; the student, too, if it was the clock that closed it."""
    await withdraw(db, event.ticket_id, [Kind.SOLUTION_POSTED, Kind.TICKET_REOPENED])
    ticket = await _ticket(db, event.ticket_id)
    if ticket is None:
        return
    told = sorted({event.mentor_id, *([event.student_id] if event.automatic else [])})
    for user_id in told:
        await tell(
            db,
            user_id,
            Kind.TICKET_CLOSED,
            f"closed {event.ticket_id}",
            ticket_id=event.ticket_id,
            actor_id=None if event.automatic else _unless_anonymous(ticket, event.student_id),
            data={"automatic": event.automatic},
        )


@on(MessagePosted)
async def tell_of_message(db: Write, event: MessagePosted) -> None:
    """The other one hears of it."""
    ticket = await _ticket(db, event.ticket_id)
    if ticket is None:
        return
    from_student = event.author_id == ticket["student_id"]
    reader_id = ticket["assigned_mentor_id"] if from_student else ticket["student_id"]
    if reader_id is not None and reader_id != event.author_id:
        await tell(
            db,
            reader_id,
            Kind.MESSAGE_POSTED,
            f"message {event.message_id}",
            ticket_id=event.ticket_id,
            actor_id=_unless_anonymous(ticket, event.author_id),
            thread=f"messages {event.ticket_id}",
            data={"message_id": event.message_id},
        )


@on(ReviewGiven)
async def tell_of_review(db: Write, event: ReviewGiven) -> None:
    """The mentor hears what the student says."""
    ticket = await _ticket(db, event.ticket_id)
    if ticket is not None:
        await tell(
            db,
            event.mentor_id,
            Kind.REVIEW_RECEIVED,
            f"review {event.review_id}",
            ticket_id=event.ticket_id,
            actor_id=_unless_anonymous(ticket, event.student_id),
            data={"rating": event.rating},
        )


def _unless_anonymous(ticket: Row, user_id: int) -> int | None:
    """Who did it, unless that would tell who asked."""
    return None if ticket["is_anonymous"] and user_id == ticket["student_id"] else user_id


@within(UserDeleted)
async def clear(db: Write, event: UserDeleted) -> None:
    """What somebody was told, and how, goes with the account."""
    await queries.clear(db, event.user_id)


@export_section("notifications")
async def told(db: Read, user_id: int) -> dict[str, object]:
    """What somebody was told, and how somebody wants to be told."""
    return {
        "notifications": await queries.of_person(db, user_id),
        "preferences": await preferences.of(db, user_id),
        "browsers": [row["endpoint"] for row in await queries.subscriptions(db, user_id)],
    }
