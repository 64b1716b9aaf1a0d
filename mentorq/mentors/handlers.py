"""What mentors' records do when tickets and reviews announce something."""

import sqlalchemy as sa

from mentorq.accounts.events import UserJoined
from mentorq.accounts.models import Role
from mentorq.core.database import Write
from mentorq.core.events import on, within
from mentorq.mentors import records
from mentorq.mentors.models import AskedTermsRow
from mentorq.mentors.terms import TERMS_OF_ASKED, counted, telling
from mentorq.reviews.events import ReviewGiven
from mentorq.tickets.events import (
    MentorResponded,
    TicketAccepted,
    TicketEdited,
    TicketPosted,
    TicketReleased,
    TicketReopened,
    TicketResolved,
)
from mentorq.tickets.models import TicketRow


@within(UserJoined)
async def begin(db: Write, event: UserJoined) -> None:
    """A new mentor has numbers, too: noughts."""
    if event.role == Role.MENTOR:
        await records.begin(db, event.user_id)


@within(TicketAccepted)
async def take(db: Write, event: TicketAccepted) -> None:
    """One more in hand."""
    await records.count(db, event.mentor_id, tickets_active=1)


@within(TicketReleased)
async def give_back(db: Write, event: TicketReleased) -> None:
    """One less in hand."""
    await records.count(db, event.mentor_id, tickets_active=-1)


@within(TicketResolved)
async def solve(db: Write, event: TicketResolved) -> None:
    """One less in hand, one more solved."""
    await records.count(db, event.mentor_id, tickets_active=-1, tickets_resolved=1)
    await records.add_solved(db, event.ticket_id, event.mentor_id, event.resolved_at)


@within(TicketReopened)
async def take_back(db: Write, event: TicketReopened) -> None:
    """It is not solved after all."""
    await records.count(db, event.mentor_id, tickets_active=1, tickets_resolved=-1)
    await records.take_back(db, event.ticket_id)


@within(MentorResponded)
async def note_response(db: Write, event: MentorResponded) -> None:
    """Remember how long it took."""
    await records.note_response(db, event.mentor_id, round(event.seconds))


@within(ReviewGiven)
async def rate(db: Write, event: ReviewGiven) -> None:
    """A review counts."""
    await records.add_rating(db, event.ticket_id, event.mentor_id, event.rating)


@on(TicketResolved)
async def learn(db: Write, event: TicketResolved) -> None:
    """Read what the solved ticket was about."""
    await records.learn_terms(db, event.ticket_id, event.resolved_at)


@on(TicketPosted)
async def read_new(db: Write, event: TicketPosted) -> None:
    """Read what a new ticket is about."""
    await _read(db, event.ticket_id)


@on(TicketEdited)
async def read_again(db: Write, event: TicketEdited) -> None:
    """Read a changed ticket again."""
    await _read(db, event.ticket_id)


async def _read(db: Write, ticket_id: int) -> None:
    ticket = await db.row(sa.select(TicketRow.title, TicketRow.description).where(TicketRow.id == ticket_id))
    if ticket is None:
        return
    counts = counted(ticket["title"], ticket["description"])
    documents, _ = await records.totals(db)
    terms = telling(counts, await records.frequencies(db, counts), documents, TERMS_OF_ASKED)
    await db.execute(
        db.insert(AskedTermsRow)
        .values(ticket_id=ticket_id, terms=terms)
        .on_conflict_do_update(index_elements=["ticket_id"], set_={"terms": terms})
    )
