"""Puts changes of shared code on disk: those of all rooms that came meanwhile in one short transaction, then the next.

While the database is away, changes are kept and tried again. Nobody is told anything of a change before it is stored,
so what gets lost with this process is still with whoever made it, and is sent again. How much is kept is bounded.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from mentorq.core.database import Database
from mentorq.core.errors import Unavailable
from mentorq.sessions.room import document_queries as queries
from mentorq.sessions.room.document_queries import Stored

log = structlog.get_logger(__name__)

MOST_OF_A_ROOM = 1 << 20
MOST_OF_ALL = 64 << 20
GATHER_SECONDS = 0.005
"""Nobody sees a screen change within this time, and one transaction for many is less work than many."""
RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 4.0

W = TypeVar("W")


@dataclass(slots=True)
class Pending(Generic[W]):
    """Something that waits for the disk: a change of `writer`'s, or only a turn behind others.

    Once it is stored, the writer is told that `counted` more changes are, and is sent `frame`.
    """

    writer: W
    update: bytes | None = None
    counted: int = 0
    frame: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.update or b"") + len(self.frame or b"")


@dataclass
class _Queue(Generic[W]):
    items: list[Pending[W]] = field(default_factory=list)
    size: int = 0


class Recorder(Generic[W]):
    """The one in a process who stores changes.

    `done` is called with a room and what of it is stored, or has had its turn; `gone` with a room that is there no
    longer, or that refuses what is to be stored.
    """

    def __init__(
        self,
        database: Database,
        done: Callable[[int, list[Pending[W]], Stored | None], None],
        gone: Callable[[int], None],
    ) -> None:
        self.database = database
        self._done, self._gone = done, gone
        self._queues: dict[int, _Queue[W]] = {}
        self._size = 0
        self._wake, self._turn = asyncio.Event(), asyncio.Condition()

    def add(self, room: int, pending: Pending[W]) -> None:
        """Store, then tell; what has nothing to store and nothing to wait for has its turn at once."""
        queue = self._queues.get(room)
        if queue is None:
            if pending.update is None:
                self._done(room, [pending], None)
                return
            queue = self._queues[room] = _Queue()
        queue.items.append(pending)
        queue.size += pending.size
        self._size += pending.size
        self._wake.set()

    def is_full(self, room: int) -> bool:
        """Whether no more can be kept for now."""
        queue = self._queues.get(room)
        return queue is not None and (queue.size > MOST_OF_A_ROOM or self._size > MOST_OF_ALL)

    def waits(self, room: int) -> bool:
        """Whether something of a room is not stored yet."""
        return room in self._queues

    def unstored(self, room: int) -> list[bytes]:
        """A room's changes that are not stored yet, or of which that is not known yet."""
        queue = self._queues.get(room)
        return [] if queue is None else [item.update for item in queue.items if item.update is not None]

    async def settled(self, room: int | None = None, seconds: float = 5.0) -> bool:
        """Wait until all of a room, or of all rooms, is stored; False if it takes too long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._turn:
                await self._turn.wait_for(lambda: not (self._queues if room is None else self.waits(room)))
                return True
        return False

    async def run(self) -> None:
        """Store whatever comes, until cancelled."""
        pause = RETRY_SECONDS
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._wake.clear()
            batch = {room: list(queue.items) for room, queue in self._queues.items()}
            try:
                await self._store(batch)
                pause = RETRY_SECONDS
            except Unavailable:
                log.warning("shared code waits for the database", rooms=len(batch), bytes=self._size)
                self._wake.set()
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_RETRY_SECONDS)
            async with self._turn:
                self._turn.notify_all()

    async def _store(self, batch: dict[int, list[Pending[W]]]) -> None:
        """Store what there is of all rooms at once; if one of them spoils it, of each by itself.

        Raises:
            Unavailable: nothing is stored, or nobody knows; the same change twice is no harm.
        """
        try:
            stored = await self._write(batch)
        except Unavailable:
            raise
        except Exception:
            if len(batch) == 1:
                log.exception("shared code cannot be stored", rooms=list(batch))
                stored = {}
            else:
                for room, items in batch.items():
                    await self._store({room: items})
                return
        for room, items in batch.items():
            self._settle(room, items, stored.get(room))

    async def _write(self, batch: dict[int, list[Pending[W]]]) -> dict[int, Stored]:
        changes = {room: [item.update for item in items if item.update is not None] for room, items in batch.items()}
        async with self.database.write() as db:
            return await queries.add_changes(db, {room: own for room, own in changes.items() if own})

    def _settle(self, room: int, items: list[Pending[W]], stored: Stored | None) -> None:
        queue = self._queues[room]
        is_lost = stored is None and any(item.update is not None for item in items)
        settled = queue.items if is_lost else items
        size = sum(item.size for item in settled)
        self._size -= size
        queue.size -= size
        queue.items = [] if is_lost else queue.items[len(items) :]
        if queue.items:
            self._wake.set()
        else:
            del self._queues[room]
        if is_lost:
            self._gone(room)
        else:
            self._done(room, items, stored)
