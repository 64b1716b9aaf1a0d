"""What sessions do when others announce something, and what they add to a person's export."""

from mentorq.accounts.events import UserDeleted
from mentorq.accounts.profile import export_section
from mentorq.core.database import Read, Row, Write
from mentorq.core.events import within
from mentorq.sessions import lifecycle, queries
from mentorq.sessions.room import queries as rooms


@within(UserDeleted)
async def let_go(db: Write, event: UserDeleted) -> None:
    """Nobody waits for one who has left; hours and the calendar's address go with the account."""
    await lifecycle.let_go(db, event.user_id)
    await queries.drop_schedule(db, event.user_id)
    await queries.drop_calendar(db, event.user_id)


@export_section("sessions")
async def sessions(db: Read, user_id: int) -> list[Row]:
    """What somebody wished for, was asked for, and held."""
    return await queries.of_person(db, user_id)


@export_section("room_messages")
async def messages(db: Read, user_id: int) -> list[Row]:
    """What somebody said in rooms."""
    return await rooms.messages_of(db, user_id)


@export_section("schedule")
async def schedule(db: Read, user_id: int) -> Row | None:
    """When a mentor may be asked."""
    return await queries.schedule(db, user_id)
