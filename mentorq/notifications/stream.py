"""Notifications as they come: one follower for each process, however many people read along.

A hint on the bus says whose inboxes have changed; the follower reads what came into all of them in one statement and
hands each reader what is new since the number it has seen. A hint that got lost is made up for by looking every few
seconds. A stream ends with its sign-in, and when its access token expires.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from mentorq.accounts import queries as accounts
from mentorq.accounts import signins
from mentorq.accounts.schemas import Viewer
from mentorq.core.bulk import chunks
from mentorq.core.bus import GAP
from mentorq.core.clock import now
from mentorq.core.database import Database, Row
from mentorq.core.errors import Unavailable
from mentorq.core.event_stream import HEARTBEAT, EventStream, encode
from mentorq.core.inputs import LARGEST_ID
from mentorq.core.languages import ENGLISH, Tongue
from mentorq.notifications import queries
from mentorq.notifications.errors import TooManyStreams
from mentorq.notifications.schemas import as_notification
from mentorq.notifications.telling import CHANNEL

log = structlog.get_logger(__name__)

STREAMS_OF_ONE = 20
LOOK_EVERY_SECONDS = 5.0
HEARTBEAT_SECONDS = 15.0
RETRY_SECONDS = 1.0
INBOXES_AT_ONCE = 250
ROWS_AT_ONCE = 2000


class Reader(EventStream):
    """Somebody's open stream; `seen` is the number of the last event that was sent. One that does not go on where
    another ended `is_new`: how many are unread is the first that it is told.
    """

    def __init__(self, viewer: Viewer, seen: int, tongue: Tongue, ends_at: float, *, is_new: bool) -> None:
        super().__init__()
        self.is_new = is_new
        self.user_id, self.names = viewer.id, signins.names_of(viewer)
        self.sign_in_id, self.seen, self.tongue, self.ends_at = viewer.sign_in_id, seen, tongue, ends_at


class Follower:
    """All streams of a process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._readers: defaultdict[int, set[Reader]] = defaultdict(set)
        self._changed: set[int] = set()
        self._wake = asyncio.Event()
        self._is_closing = False
        database.bus.listen(CHANNEL, self._hear)
        database.bus.listen(signins.CHANNEL, self._sign_out)

    # --- readers

    async def open(
        self, viewer: Viewer, seen: int | None, tongue: Tongue = ENGLISH, expires: datetime | None = None
    ) -> Reader:
        """A new stream, of what comes after the number `seen`; None: from now on. It ends when `expires` has come.

        Raises:
            TooManyStreams: this person has 20 already.
        """
        is_new = seen is None
        if seen is None:  # looked up before there is an answer: what comes after that is sent
            async with self.database.read() as db:
                seen = (await queries.moved(db, [viewer.id])).get(viewer.id, 0)
        self._forget_gone(viewer.id)
        own = self._readers[viewer.id]
        if len(own) >= STREAMS_OF_ONE:
            raise TooManyStreams
        lifetime = timedelta(minutes=self.database.settings.access_token_expire_minutes)
        left = lifetime if expires is None else expires - now()
        reader = Reader(viewer, seen, tongue, time.monotonic() + left.total_seconds(), is_new=is_new)
        if self._is_closing:
            reader.end()
            return reader
        own.add(reader)
        self._look_into([viewer.id])
        return reader

    def close(self) -> None:
        """End all streams: their readers come back to another process, or to the next one."""
        self._is_closing = True
        for reader in self._all():
            reader.end()

    def _all(self) -> list[Reader]:
        return [reader for readers in self._readers.values() for reader in readers]

    def _forget_gone(self, user_id: int) -> None:
        left = {reader for reader in self._readers.pop(user_id, ()) if not reader.is_over}
        if left:
            self._readers[user_id] = left

    # --- hints

    def _look_into(self, user_ids: Iterable[int]) -> None:
        changed = self._readers.keys() & set(user_ids)
        if changed:
            self._changed |= changed
            self._wake.set()

    def _hear(self, message: str) -> None:
        self._look_into(list(self._readers) if message == GAP else map(int, message.split(",")))

    def _sign_out(self, message: str) -> None:
        for reader in self._all():
            if message in reader.names:
                reader.end()

    # --- following

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow as long as the block lasts."""
        tasks = [asyncio.create_task(work, name="streams") for work in (self._follow(), self._look_around())]
        try:
            yield
        finally:
            self.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = self._changed, set()
            try:
                for some in chunks(sorted(changed), INBOXES_AT_ONCE):
                    await self._send_news(some)
            except Exception as error:  # whatever it is, a follower that is gone would be worse
                if not isinstance(error, Unavailable):
                    log.exception("streams stumbled")
                self._changed |= changed
                self._wake.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _send_news(self, user_ids: list[int]) -> None:
        """Read what is new for those who read along now: whoever comes meanwhile is looked after by the next turn."""
        readers = {user_id: list(self._readers.get(user_id, ())) for user_id in user_ids}
        after = {user_id: _earliest(own) for user_id, own in readers.items()}
        async with self.database.read() as db:
            rows = await queries.news(db, after, ROWS_AT_ONCE)
        found: defaultdict[int, list[Row]] = defaultdict(list)
        for row in rows:
            found[row["inbox_id"]].append(row)
        cut_off = rows[-1]["inbox_id"] if len(rows) == ROWS_AT_ONCE else LARGEST_ID
        for user_id, own in readers.items():
            if user_id <= cut_off:
                for reader in own:
                    _bring_up_to_date(reader, found[user_id], is_whole=user_id < cut_off)
        self._look_into(user_id for user_id in user_ids if user_id >= cut_off)

    async def _look_around(self) -> None:
        beat = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            beat += LOOK_EVERY_SECONDS
            for user_id in list(self._readers):
                self._forget_gone(user_id)
            for reader in self._all():
                if time.monotonic() > reader.ends_at:
                    reader.end()
                elif beat >= HEARTBEAT_SECONDS:
                    reader.push(HEARTBEAT)
            beat %= HEARTBEAT_SECONDS
            with contextlib.suppress(Unavailable):
                await self._find_what_hints_missed()

    async def _find_what_hints_missed(self) -> None:
        if not self._readers:
            return
        async with self.database.read() as db:
            for some in chunks(list(self._readers), INBOXES_AT_ONCE):
                last = await queries.moved(db, some)
                self._look_into(user_id for user_id in some if self._is_behind(user_id, last.get(user_id, 0)))
            for readers in chunks(self._all(), INBOXES_AT_ONCE):
                ended = await accounts.ended_sign_ins(db, [reader.sign_in_id for reader in readers])
                for reader in readers:
                    if reader.sign_in_id in ended:
                        reader.end()

    def _is_behind(self, user_id: int, last: int) -> bool:
        return any(reader.is_new or reader.seen < last for reader in self._readers.get(user_id, ()))


def _earliest(readers: list[Reader]) -> int:
    return min((reader.seen for reader in readers), default=LARGEST_ID)


def _bring_up_to_date(reader: Reader, rows: list[Row], *, is_whole: bool) -> None:
    """Send what a reader has not seen; `rows` are those of `queries.news`, none where there is no inbox yet."""
    last, unread = (rows[0]["last_seq"], rows[0]["unread"]) if rows else (0, 0)
    if reader.seen > last:  # a backup was restored
        reader.seen, reader.is_new = last, True
    news = [row for row in rows if row["seq"] is not None and row["seq"] > reader.seen]
    frames = [_event(row, unread, reader) for row in news]
    if news:
        reader.seen = news[-1]["seq"]
    if is_whole and (reader.is_new or reader.seen < last):  # something was read, or is needed no longer
        reader.seen, reader.is_new = last, False
        frames.append(encode("unread", last, orjson.dumps({"unread": unread})))
    if frames:
        reader.push(b"".join(frames))


def _event(row: Row, unread: int, reader: Reader) -> bytes:
    told: dict[str, Any] = as_notification(row, reader.tongue) | {"unread": unread}
    return encode("notification", row["seq"], orjson.dumps(told, option=orjson.OPT_UTC_Z))
