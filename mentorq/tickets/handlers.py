"""What tickets do when others announce something, and what they add to a person's export."""

from mentorq.accounts.events import UserDeleted
from mentorq.accounts.profile import export_section
from mentorq.core.database import Read, Row, Write
from mentorq.core.events import within
from mentorq.tickets import lifecycle, queries


@within(UserDeleted)
async def let_go(db: Write, event: UserDeleted) -> None:
    """Open questions go with their owner; what a mentor had taken comes back to the queue."""
    await lifecycle.let_go(db, event.user_id)


@export_section("tickets")
async def tickets(db: Read, user_id: int) -> list[Row]:
    """What somebody asked."""
    return await queries.asked_by(db, user_id)


@export_section("solutions")
async def solutions(db: Read, user_id: int) -> list[Row]:
    """What somebody answered, every version."""
    return await queries.answers_by(db, user_id)


@export_section("messages")
async def messages(db: Read, user_id: int) -> list[Row]:
    """What somebody said."""
    return await queries.said_by(db, user_id)


@export_section("passes")
async def passes(db: Read, user_id: int) -> list[Row]:
    """What somebody put aside."""
    return await queries.put_aside_by(db, user_id)


@export_section("drafts")
async def drafts(db: Read, user_id: int) -> list[Row]:
    """What somebody was writing."""
    return await queries.drafts_by(db, user_id)
