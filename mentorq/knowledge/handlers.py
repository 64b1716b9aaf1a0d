"""How the index follows the tickets, and what the knowledge base adds to a person's export."""

from datetime import datetime, timedelta
from typing import Any

from mentorq.accounts.events import UserDeleted
from mentorq.accounts.profile import export_section
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.events import within
from mentorq.core.jobs import task
from mentorq.knowledge import index, opinions, queries
from mentorq.tickets.events import SolutionEdited, TicketReopened, TicketResolved


@within(TicketResolved)
async def publish(db: Write, event: TicketResolved) -> None:
    """It can be found from now on."""
    await index.publish(db, event.ticket_id)


@within(SolutionEdited)
async def publish_anew(db: Write, event: SolutionEdited) -> None:
    """It is found by what it says now; whether that works nobody has said yet."""
    await opinions.forget_checks(db, event.ticket_id)
    await index.publish(db, event.ticket_id)


@within(TicketReopened)
async def withdraw(db: Write, event: TicketReopened) -> None:
    """It is found no longer."""
    await index.withdraw(db, event.ticket_id)


@within(UserDeleted)
async def drop_bookmarks(db: Write, event: UserDeleted) -> None:
    """What somebody wanted to find again was nobody else's business; what somebody said of articles stays."""
    await opinions.drop_all_bookmarks(db, event.user_id)


@task("knowledge.catch_up", every=timedelta(hours=1))
async def catch_up(db: Write, _: dict[str, Any]) -> datetime | None:
    """Index what came in past the events: from an import that was cut off, or from a version that had no index."""
    return now() if await index.add_some_missing(db) else None


@export_section("knowledge")
async def kept(db: Read, user_id: int) -> dict[str, list[Row]]:
    """What somebody upvoted, bookmarked, checked, and found an answer in."""
    return await queries.kept_by(db, user_id)
