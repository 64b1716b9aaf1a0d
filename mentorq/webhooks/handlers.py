"""What webhooks do when others announce something: one delivery for each that wants to know, in one transaction."""

from collections.abc import Awaitable, Callable
from typing import Any

from mentorq.accounts.events import UserDeleted, UserJoined
from mentorq.core.database import Write
from mentorq.core.events import Occurrence, each
from mentorq.core.jobs import enqueue
from mentorq.reviews.events import ReviewGiven
from mentorq.sessions.events import (
    SessionAccepted,
    SessionCancelled,
    SessionDeclined,
    SessionEnded,
    SessionRequested,
)
from mentorq.tickets.events import (
    MessagePosted,
    TicketAccepted,
    TicketClosed,
    TicketDeleted,
    TicketPosted,
    TicketReleased,
    TicketReopened,
    TicketResolved,
)
from mentorq.webhooks import payloads, queries
from mentorq.webhooks.delivery import DELIVER, next_attempt
from mentorq.webhooks.models import EventName


async def announce(
    db: Write, occurrence: Occurrence, event: EventName, data: Callable[[], Awaitable[dict[str, Any]]]
) -> None:
    """Queue an event for the webhooks that want it. Where none does, nothing else is read."""
    webhook_ids = await queries.that_want(db, event)
    if not webhook_ids:
        return
    payload = {"type": event, "timestamp": occurrence.at.isoformat(), "data": await data()}
    added = await queries.add_deliveries(db, webhook_ids, event, occurrence.key, payload)
    await enqueue(db, [(DELIVER, next_attempt(delivery_id, 0)) for delivery_id in added])


def fact(**data: object) -> Callable[[], Awaitable[dict[str, Any]]]:
    """Data that needs no look into the database."""

    async def given() -> dict[str, Any]:
        return data

    return given


@each(TicketPosted)
async def ticket_posted(db: Write, event: TicketPosted, occurrence: Occurrence) -> None:
    """A student asked."""
    await announce(db, occurrence, EventName.TICKET_POSTED, lambda: payloads.of_ticket(db, event.ticket_id))


@each(TicketAccepted)
async def ticket_accepted(db: Write, event: TicketAccepted, occurrence: Occurrence) -> None:
    """A mentor took it."""
    about = {"mentor_id": event.mentor_id}
    await announce(db, occurrence, EventName.TICKET_ACCEPTED, lambda: payloads.of_ticket(db, event.ticket_id, **about))


@each(TicketReleased)
async def ticket_released(db: Write, event: TicketReleased, occurrence: Occurrence) -> None:
    """It is back in the queue."""
    about = {"mentor_id": event.mentor_id, "expired": event.expired}
    await announce(db, occurrence, EventName.TICKET_RELEASED, lambda: payloads.of_ticket(db, event.ticket_id, **about))


@each(TicketResolved)
async def ticket_resolved(db: Write, event: TicketResolved, occurrence: Occurrence) -> None:
    """Its mentor posted the solution."""
    about = {"mentor_id": event.mentor_id}
    await announce(db, occurrence, EventName.TICKET_RESOLVED, lambda: payloads.of_ticket(db, event.ticket_id, **about))


@each(TicketReopened)
async def ticket_reopened(db: Write, event: TicketReopened, occurrence: Occurrence) -> None:
    """The solution did not help."""
    about = {"mentor_id": event.mentor_id}
    await announce(db, occurrence, EventName.TICKET_REOPENED, lambda: payloads.of_ticket(db, event.ticket_id, **about))


@each(TicketClosed)
async def ticket_closed(db: Write, event: TicketClosed, occurrence: Occurrence) -> None:
    """It is done."""
    about = {"mentor_id": event.mentor_id}
    await announce(db, occurrence, EventName.TICKET_CLOSED, lambda: payloads.of_ticket(db, event.ticket_id, **about))


@each(TicketDeleted)
async def ticket_deleted(db: Write, event: TicketDeleted, occurrence: Occurrence) -> None:
    """It is gone, and with it the knowledge whether its asker was anonymous: so nothing is said of who that was."""
    await announce(db, occurrence, EventName.TICKET_DELETED, fact(ticket_id=event.ticket_id))


@each(MessagePosted)
async def message_posted(db: Write, event: MessagePosted, occurrence: Occurrence) -> None:
    """Somebody wrote."""
    message = event.ticket_id, event.message_id, event.author_id
    await announce(db, occurrence, EventName.MESSAGE_POSTED, lambda: payloads.of_message(db, *message))


@each(ReviewGiven)
async def review_given(db: Write, event: ReviewGiven, occurrence: Occurrence) -> None:
    """A mentor was rated."""
    review = event.ticket_id, event.review_id, event.mentor_id, event.rating
    await announce(db, occurrence, EventName.REVIEW_GIVEN, lambda: payloads.of_review(db, *review))


@each(SessionRequested)
async def session_requested(db: Write, event: SessionRequested, occurrence: Occurrence) -> None:
    """A student asks, or a mentor offers another time."""
    about = {"is_offer": event.is_offer}
    await announce(
        db, occurrence, EventName.SESSION_REQUESTED, lambda: payloads.of_session(db, event.session_id, **about)
    )


@each(SessionAccepted)
async def session_accepted(db: Write, event: SessionAccepted, occurrence: Occurrence) -> None:
    """It is booked."""
    await announce(db, occurrence, EventName.SESSION_ACCEPTED, lambda: payloads.of_session(db, event.session_id))


@each(SessionDeclined)
async def session_declined(db: Write, event: SessionDeclined, occurrence: Occurrence) -> None:
    """It is not to be."""
    about = {"expired": event.is_expired}
    await announce(
        db, occurrence, EventName.SESSION_DECLINED, lambda: payloads.of_session(db, event.session_id, **about)
    )


@each(SessionCancelled)
async def session_cancelled(db: Write, event: SessionCancelled, occurrence: Occurrence) -> None:
    """Somebody cannot, or need not."""
    about = {"actor_id": event.actor_id, "was_booked": event.was_booked}
    await announce(
        db, occurrence, EventName.SESSION_CANCELLED, lambda: payloads.of_session(db, event.session_id, **about)
    )


@each(SessionEnded)
async def session_ended(db: Write, event: SessionEnded, occurrence: Occurrence) -> None:
    """It is over."""
    await announce(db, occurrence, EventName.SESSION_ENDED, lambda: payloads.of_session(db, event.session_id))


@each(UserJoined)
async def user_joined(db: Write, event: UserJoined, occurrence: Occurrence) -> None:
    """Somebody has an account now, or became a mentor."""
    await announce(db, occurrence, EventName.USER_JOINED, fact(user_id=event.user_id, role=event.role))


@each(UserDeleted)
async def user_deleted(db: Write, event: UserDeleted, occurrence: Occurrence) -> None:
    """Somebody deleted the account."""
    await announce(db, occurrence, EventName.USER_DELETED, fact(user_id=event.user_id, role=event.role))
