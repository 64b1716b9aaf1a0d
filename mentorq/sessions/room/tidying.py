"""Many stored changes become one, in one transaction: safe against other writers, and against being killed."""

import asyncio
from collections.abc import Sequence

from mentorq.core.database import Database
from mentorq.sessions.room import document_queries as queries
from mentorq.sessions.room.document import Document

MOST_ROWS = 200
ROWS_WHEN_LEFT = 10
MOST_BYTES = 1 << 20


def is_untidy(rows: int, size: int, document: int) -> bool:
    """Whether so many rows, or bytes, are more than a document of this size is worth."""
    return rows > MOST_ROWS or size > MOST_BYTES + 2 * document


async def tidy(database: Database, session_id: int, last: int) -> tuple[int, int]:
    """Put one change in the place of all up to `last`; returns how many rows and bytes that saves.

    Who has read some of them reads the one that is left; who has read all of them reads none. Nobody else changes the
    room meanwhile, so it is quick: the changes are put together before, and again only if another process was faster.
    """
    async with database.read() as reading:
        updates = await queries.changes_until(reading, session_id, last)
    if len(updates) < 2:
        return 0, 0
    whole = await asyncio.to_thread(_together, updates)
    async with database.write() as db:
        if not await queries.hold(db, session_id):
            return 0, 0
        if await queries.changes_until(db, session_id, last) != updates:
            return 0, 0  # another process has tidied up
        saved = sum(map(len, updates)) - len(whole)
        await queries.replace(db, session_id, last, whole, saved)
    return len(updates) - 1, saved


def _together(updates: Sequence[bytes]) -> bytes:
    document = Document(updates)
    document.close()
    return document.whole()
