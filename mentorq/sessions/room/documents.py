"""The shared code of the rooms that are open in this process.

A change goes into the document here, then to the disk, and then to the others and back to its writer as "stored". What
other processes store is read from where this one is; hints on the bus say that there is something, and every few
seconds one looks for those that were lost. Cursors go over the bus as they are, and are repeated. `document.py` takes
changes, `recorder.py` stores them, `awareness.py` knows who is where.
"""

import asyncio
import contextlib
import secrets
from base64 import b64decode, b64encode
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypedDict

import orjson
import structlog

from mentorq.core.bulk import chunks
from mentorq.core.bus import GAP
from mentorq.core.database import Database, Row
from mentorq.core.errors import Unavailable
from mentorq.core.sockets import Allowance, Close, Socket
from mentorq.sessions.queries import ROOMS
from mentorq.sessions.room import document_queries as queries
from mentorq.sessions.room import protocol, seeds, tidying
from mentorq.sessions.room import queries as rooms
from mentorq.sessions.room.awareness import Awareness, Entry, Voice, read_entries, write_entries
from mentorq.sessions.room.changes import EMPTY
from mentorq.sessions.room.document import Document, Lacking, Spoilt
from mentorq.sessions.room.document_queries import Stored
from mentorq.sessions.room.encoding import Garbage, TooLarge
from mentorq.sessions.room.protocol import Kind, Step
from mentorq.sessions.room.recorder import Pending, Recorder
from mentorq.sessions.states import BOOKED

log = structlog.get_logger(__name__)

CHANNEL = "documents"
LOOK_EVERY_SECONDS = 5.0
RETRY_SECONDS = 1.0
ROOMS_AT_ONCE = 50
ROWS_AT_ONCE = 200
MOST_TO_TELL = 1000
MOST_ASKED_AGAIN = 3
QUESTIONS, QUESTIONS_PER_SECOND = 20, 1.0
"""How often a client may ask for what it lacks: an answer may be a whole document."""


@dataclass(eq=False)
class Guest:
    """One open editor. `stored` counts its changes that are on disk, `lacking` those that nothing could be done with
    before it sends what they build on, for which it was asked `asked` times."""

    socket: Socket
    voice: Voice
    wants_to_know: bool
    stored: int = 0
    lacking: int = 0
    asked: int = 0
    questions: Allowance = field(default_factory=lambda: Allowance(QUESTIONS, QUESTIONS_PER_SECOND))


@dataclass(eq=False)
class Room:
    """A room whose code is open here; `seen` is the number up to which all changes are in the document.

    `rows` and `size` are what the database has of it, as far as this process knows.
    """

    session_id: int
    document: Document
    seen: int
    rows: int
    size: int
    guests: set[Guest] = field(default_factory=set)
    awareness: Awareness = field(default_factory=Awareness)
    elsewhere: defaultdict[str, Voice] = field(default_factory=lambda: defaultdict(lambda: Voice(0)))
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False

    def send(self, *frames: bytes) -> None:
        """To everybody here."""
        for guest in self.guests:
            guest.socket.push(*frames)


class Told(TypedDict):
    """What processes tell each other of their rooms: the newest numbers, who is where, and for whom they ask that."""

    moved: list[tuple[int, int]]
    there: list[tuple[int, str]]
    asks: list[int]


class Documents:
    """All shared code of a process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.node = secrets.token_hex(6)
        self.recorder: Recorder[Guest] = Recorder(database, self._stored, self._gone)
        self._rooms: dict[int, Room] = {}
        self._opening: dict[int, asyncio.Task[Room]] = {}
        self._reading_again: set[asyncio.Task[None]] = set()
        self._moved: set[int] = set()
        self._changed: set[int] = set()
        self._wake = asyncio.Event()
        self._untidy: dict[int, int] = {}
        self._mess = asyncio.Event()
        self._news: dict[int, int] = {}
        self._whereabouts: deque[tuple[int, str]] = deque(maxlen=MOST_TO_TELL)
        self._asks: set[int] = set()
        self._telling = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        database.bus.listen(CHANNEL, self._hear_of_others)
        database.bus.listen(ROOMS, self._hear_of_session)

    # --- guests

    async def serve(self, socket: Socket, session_id: int, user_id: int, *, wants_to_know: bool = False) -> None:
        """Edit a room's code with `socket` until it closes; who wants to know is told what is stored."""
        guest = Guest(socket, Voice(user_id), wants_to_know)
        room = await self._enter(session_id, guest)
        try:
            async for frame in socket.frames():
                if room is not None:
                    await self._hear(room, guest, frame)
        finally:
            if room is not None:
                self._leave(room, guest)

    async def _enter(self, session_id: int, guest: Guest) -> Room | None:
        try:
            room = await self._opened(session_id)
        except Unavailable:
            guest.socket.close(Close.TOO_SLOW, "the database does not answer: come back")
            return None
        if room.is_over or self._closing is not None:
            guest.socket.close(*((Close.ENDED, "over") if room.is_over else (Close.RESTARTING, "come back")))
        room.guests.add(guest)
        self._ask(room, guest)
        if there := room.awareness.everybody():
            guest.socket.push(protocol.awareness(write_entries(there)))
        return room

    async def _opened(self, session_id: int) -> Room:
        while (room := self._rooms.get(session_id)) is None:
            opening = self._opening.get(session_id)
            if opening is None:
                opening = self._opening[session_id] = asyncio.create_task(self._open(session_id))
                opening.add_done_callback(lambda _: self._opening.pop(session_id))
            await asyncio.shield(opening)
        return room

    async def _open(self, session_id: int) -> Room:
        async with self.database.read() as db:
            rows = await queries.changes(db, session_id)
        if not rows:
            async with self.database.write() as writing:
                await seeds.plant(writing, session_id)
            async with self.database.read() as db:
                rows = await queries.changes(db, session_id)
        room = self._rooms[session_id] = Room(session_id, *_read(rows))
        room.ready.set()
        self._look_into([session_id])  # what came while it was read
        self._asks.add(session_id)
        self._telling.set()
        return room

    def _leave(self, room: Room, guest: Guest) -> None:
        room.guests.discard(guest)
        self._tell_whereabouts(room, room.awareness.leave(guest.voice))
        self._close_if_left(room)

    def _close_if_left(self, room: Room) -> None:
        if room.guests or self.recorder.waits(room.session_id) or self._rooms.get(room.session_id) is not room:
            return
        del self._rooms[room.session_id]
        room.document.close()
        if room.rows >= tidying.ROWS_WHEN_LEFT:
            self._tidy_up(room)

    # --- what guests say

    async def _hear(self, room: Room, guest: Guest, frame: str | bytes) -> None:
        await room.ready.wait()
        if room.is_over or self._closing is not None:
            return  # it will be closed, and comes back with what is not stored
        if isinstance(frame, str):
            guest.socket.close(Close.WRONG_KIND, "bytes, please")
            return
        try:
            await self._do(room, guest, *protocol.read_frame(frame))
        except Garbage as error:
            guest.socket.close(Close.GARBAGE, str(error))
        except TooLarge as error:
            guest.socket.close(Close.TOO_LONG, str(error))
        except Spoilt as error:
            log.warning("a change went in by half", session_id=room.session_id, error=str(error)[:200])
            guest.socket.close(Close.GARBAGE, "this change cannot be read")
            self._read_again(room)

    async def _do(self, room: Room, guest: Guest, kind: Kind | Step, carried: bytes) -> None:
        if kind is Step.ANSWER or kind is Step.CHANGE:
            await self._change(room, guest, carried, is_answer=kind is Step.ANSWER)
        elif kind is Step.ASK:
            self._answer(room, guest, carried)
        elif kind is Kind.AWARENESS:
            self._tell_whereabouts(room, room.awareness.hear(guest.voice, read_entries(carried)))
        else:
            guest.socket.push(protocol.awareness(write_entries(room.awareness.everybody())))

    def _ask(self, room: Room, guest: Guest) -> None:
        """Ask a client for what is not here, once all that is here is stored: what it knows to be here it forgets."""
        frame = protocol.sync(Step.ASK, room.document.state())
        self.recorder.add(room.session_id, Pending(guest, frame=frame))

    def _answer(self, room: Room, guest: Guest, state: bytes) -> None:
        """Send a client what it lacks, once that is stored."""
        if not guest.questions.take():
            guest.socket.close(Close.TOO_FAST, "you have just asked")
        elif self.recorder.is_full(room.session_id):
            guest.socket.close(Close.TOO_SLOW, "the database does not answer: come back")
        else:
            frame = protocol.sync(Step.ANSWER, room.document.since(state))
            self.recorder.add(room.session_id, Pending(guest, frame=frame))

    async def _change(self, room: Room, guest: Guest, update: bytes, *, is_answer: bool) -> None:
        is_empty = is_answer and update == EMPTY
        counted = (guest.lacking if is_answer else 0) + (not is_empty)
        news = None
        if not is_empty:
            if self.recorder.is_full(room.session_id):
                guest.socket.close(Close.TOO_SLOW, "the database does not answer: come back")
                return
            try:
                news = await self._taken(room, update)
            except Lacking:
                self._ask_again(room, guest)
                return
        if is_answer:
            guest.lacking = guest.asked = 0
        if counted:
            self.recorder.add(room.session_id, Pending(guest, news, counted))

    async def _taken(self, room: Room, update: bytes) -> bytes | None:
        """Take a change, if need be after reading what others have stored.

        Raises:
            Lacking: it builds on what nobody has stored.
        """
        try:
            return room.document.take(update)
        except Lacking:
            with contextlib.suppress(Unavailable):
                await self._catch_up([room.session_id])
            await room.ready.wait()
            return room.document.take(update)

    def _ask_again(self, room: Room, guest: Guest) -> None:
        """A client has sent what builds on something that it has not sent yet: its answer will have both."""
        guest.lacking += 1
        guest.asked += 1
        if guest.asked > MOST_ASKED_AGAIN:
            guest.socket.close(Close.GARBAGE, "this change builds on what nobody has")
        else:
            self._ask(room, guest)

    # --- what is stored

    def _stored(self, session_id: int, items: list[Pending[Guest]], stored: Stored | None) -> None:
        room = self._rooms.get(session_id)
        if room is None:
            return
        changes = [(item.writer, item.update) for item in items if item.update is not None]
        frames = [(writer, protocol.sync(Step.CHANGE, update)) for writer, update in changes]
        for guest in room.guests:
            if of_others := [frame for writer, frame in frames if writer is not guest]:
                guest.socket.push(*of_others)
        for guest in dict.fromkeys(item.writer for item in items):
            own = [item for item in items if item.writer is guest]
            _tell_what_is_stored(guest, own)
        if stored is not None:
            self._note_stored(room, stored, sum(len(update) for _, update in changes))
        self._close_if_left(room)

    def _note_stored(self, room: Room, stored: Stored, size: int) -> None:
        if stored.first == room.seen + 1:
            room.seen = stored.last
        elif stored.last > room.seen:
            self._look_into([room.session_id])  # others have stored something in between
        self._note_rows(room, stored.last - stored.first + 1, size)
        self._news[room.session_id] = stored.last
        self._telling.set()

    def _note_rows(self, room: Room, rows: int, size: int) -> None:
        room.rows += rows
        room.size += size
        if tidying.is_untidy(room.rows, room.size, room.document.size):
            self._tidy_up(room)

    def _gone(self, session_id: int) -> None:
        """The room is no more, or cannot be written."""
        room = self._rooms.pop(session_id, None)
        if room is not None:
            room.is_over = True
            room.document.close()
            for guest in room.guests:
                guest.socket.close(Close.ENDED, "there is no such room any longer")

    async def end(self, session_id: int) -> None:
        """A session is over: store what has come, take nothing more, close its editors."""
        room = self._rooms.get(session_id)
        if room is not None:
            room.is_over = True
            await self.recorder.settled(session_id)
            for guest in room.guests:
                guest.socket.close(Close.ENDED, "the session is over")

    def _hear_of_session(self, message: str) -> None:
        self._changed |= self._rooms.keys() & (self._rooms.keys() if message == GAP else {int(message)})
        if self._changed:
            self._wake.set()

    async def _end_those_over(self, session_ids: Collection[int]) -> None:
        async with self.database.read() as db:
            states = await rooms.states(db, session_ids)
        for session_id, state in states.items():
            if state["status"] not in BOOKED:
                await self.end(session_id)

    # --- what others have stored

    def _look_into(self, session_ids: Iterable[int]) -> None:
        moved = self._rooms.keys() & set(session_ids)
        if moved:
            self._moved |= moved
            self._wake.set()

    def _look_into_those_behind(self, newest: Iterable[tuple[int, int]]) -> None:
        self._look_into(each for each, last in newest if each in self._rooms and last > self._rooms[each].seen)

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            moved, self._moved = self._moved, set()
            changed, self._changed = self._changed, set()
            try:
                for some in chunks(sorted(moved), ROOMS_AT_ONCE):
                    await self._catch_up(some)
                for some in chunks(sorted(changed), ROOMS_AT_ONCE):
                    await self._end_those_over(some)
            except Exception as error:  # whatever it is, a follower that is gone would be worse
                if not isinstance(error, Unavailable):
                    log.exception("shared code stumbled")
                self._look_into(moved)
                self._changed |= changed
                self._wake.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _catch_up(self, session_ids: list[int]) -> None:
        after = {each: self._rooms[each].seen for each in session_ids if each in self._rooms}
        if not after:
            return
        async with self.database.read() as db:
            rows = await queries.changes_after(db, after, ROWS_AT_ONCE)
        for row in rows:
            room = self._rooms.get(row["session_id"])
            if room is not None and room.ready.is_set() and row["seq"] > room.seen:
                self._absorb(room, row)
        if len(rows) == ROWS_AT_ONCE:
            self._look_into(each for each in after if each >= rows[-1]["session_id"])

    def _absorb(self, room: Room, row: Row) -> None:
        try:
            news = room.document.absorb(row["data"])
        except Spoilt:
            log.exception("a change of another process went in by half", session_id=room.session_id, seq=row["seq"])
            self._read_again(room)
            return
        room.seen = row["seq"]
        if news is not None:
            room.send(protocol.sync(Step.CHANGE, news))
        self._note_rows(room, 1, len(row["data"]))

    def _read_again(self, room: Room) -> None:
        """Put the document together anew; guests have to wait for it."""
        if room.ready.is_set():
            room.ready.clear()
            task = asyncio.create_task(self._reread(room))
            self._reading_again.add(task)
            task.add_done_callback(self._reading_again.discard)

    async def _reread(self, room: Room) -> None:
        while True:
            try:
                async with self.database.read() as db:
                    rows = await queries.changes(db, room.session_id)
                break
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)
        before, seen = room.document, room.seen
        room.document, room.seen, room.rows, room.size = _read(rows, self.recorder.unstored(room.session_id))
        before.close()
        for row in rows:
            if row["seq"] > seen:
                room.send(protocol.sync(Step.CHANGE, row["data"]))
        room.ready.set()
        self._look_into([room.session_id])
        if self._rooms.get(room.session_id) is not room:
            room.document.close()

    # --- other processes

    def _hear_of_others(self, message: str) -> None:
        if message == GAP:
            self._look_into(list(self._rooms))
            self._asks |= self._rooms.keys()
            self._telling.set()
            return
        node, _, told = message.partition(" ")
        if node != self.node:
            self._hear_of(node, orjson.loads(told))

    def _hear_of(self, node: str, told: Told) -> None:
        self._look_into_those_behind(told["moved"])
        for session_id, encoded in told["there"]:
            room = self._rooms.get(session_id)
            if room is not None:
                news = room.awareness.hear(room.elsewhere[node], read_entries(b64decode(encoded)))
                _send_whereabouts(room, news)
        for session_id in told["asks"]:
            room = self._rooms.get(session_id)
            if room is not None:
                self._pass_on(room, room.awareness.here())

    def _tell_whereabouts(self, room: Room, news: list[Entry]) -> None:
        """To everybody here, also to who says it, and to other processes."""
        _send_whereabouts(room, news)
        self._pass_on(room, news)

    def _pass_on(self, room: Room, entries: list[Entry]) -> None:
        if entries:
            self._whereabouts.append((room.session_id, b64encode(write_entries(entries)).decode()))
            self._telling.set()

    async def _tell(self) -> None:
        while True:
            await self._telling.wait()
            self._telling.clear()
            told: Told = {
                "moved": list(self._news.items()),
                "there": list(self._whereabouts),
                "asks": list(self._asks),
            }
            self._news.clear()
            self._whereabouts.clear()
            self._asks.clear()
            await self.database.bus.publish(CHANNEL, f"{self.node} {orjson.dumps(told).decode()}")

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            for room in self._rooms.values():
                _send_whereabouts(room, room.awareness.fade())
                self._pass_on(room, room.awareness.here())
            with contextlib.suppress(Unavailable):
                for some in chunks(list(self._rooms), ROOMS_AT_ONCE):
                    async with self.database.read() as db:
                        self._look_into_those_behind((await queries.numbers(db, some)).items())
                    await self._end_those_over(some)

    # --- tidying up

    def _tidy_up(self, room: Room) -> None:
        self._untidy[room.session_id] = room.seen
        self._mess.set()

    async def _tidy(self) -> None:
        while True:
            await self._mess.wait()
            self._mess.clear()
            while self._untidy:
                session_id, last = self._untidy.popitem()
                try:
                    removed, saved = await tidying.tidy(self.database, session_id, last)
                except Unavailable:
                    continue  # another change will be reason enough to try again
                except Exception:
                    log.exception("shared code could not be tidied up", session_id=session_id)
                    continue
                if (room := self._rooms.get(session_id)) is not None:
                    room.rows -= removed
                    room.size -= saved

    # --- from beginning to end

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Store, read, tell and tidy up as long as the block lasts; then store what is left."""
        work = self.recorder.run(), self._follow(), self._look_around(), self._tell(), self._tidy()
        tasks = [asyncio.create_task(each, name="documents") for each in work]
        try:
            yield
        finally:
            self.close()
            assert self._closing is not None
            await self._closing
            for task in (*tasks, *self._reading_again):
                task.cancel()
            await asyncio.gather(*tasks, *self._reading_again, return_exceptions=True)

    def close(self) -> None:
        """Take nothing more, store what has come, then let all come back to another process, or to the next one."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())

    async def _close(self) -> None:
        if not await self.recorder.settled():
            log.warning("changes were not stored: their writers have them")
        for room in self._rooms.values():
            for guest in room.guests:
                guest.socket.close(Close.RESTARTING, "come back")


def _read(rows: list[Row], unstored: Iterable[bytes] = ()) -> tuple[Document, int, int, int]:
    """The document of a room's rows, the number up to which it goes, how many rows these are, and their bytes."""
    updates = [row["data"] for row in rows]
    last = rows[-1]["seq"] if rows else 0
    return Document([*updates, *unstored]), last, len(rows), sum(map(len, updates))


def _tell_what_is_stored(guest: Guest, items: list[Pending[Guest]]) -> None:
    counted = sum(item.counted for item in items)
    guest.stored += counted
    frames = [item.frame for item in items if item.frame is not None]
    if counted and guest.wants_to_know:
        frames.append(protocol.stored(guest.stored))
    if frames:
        guest.socket.push(*frames)


def _send_whereabouts(room: Room, entries: list[Entry]) -> None:
    if entries:
        room.send(protocol.awareness(write_entries(entries)))
