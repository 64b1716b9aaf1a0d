"""The rooms that are open in this process: who is there, what is said, and the clock.

What was said is in the database; hints on the bus say that a room has moved, and each socket gets what comes after the
number it has seen, so a socket that comes back, a second process and a lost hint are all the same case. Presence and
typing are of the moment: they go over the bus as they are, are repeated every few seconds, and fade.
"""

import asyncio
import contextlib
import secrets
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from pydantic import ValidationError

from mentorq.accounts.sockets import PersonalSocket
from mentorq.core.bulk import chunks
from mentorq.core.bus import GAP
from mentorq.core.clock import now
from mentorq.core.database import Database, Row
from mentorq.core.errors import Unavailable
from mentorq.core.inputs import LARGEST_ID
from mentorq.core.sockets import Close
from mentorq.sessions.queries import ROOMS
from mentorq.sessions.room import attendance, queries
from mentorq.sessions.room.models import LONGEST_MESSAGE
from mentorq.sessions.room.schemas import SAID, Chat, Ping, Typing, chat_frame, clock_fields, frame
from mentorq.sessions.states import BOOKED, Status

log = structlog.get_logger(__name__)

PRESENCE = "presence"
LOOK_EVERY_SECONDS = 5.0
RETRY_SECONDS = 1.0
FADES_SECONDS = 3 * LOOK_EVERY_SECONDS
WARN_SECONDS = 120
ROOMS_AT_ONCE = 200
ROWS_AT_ONCE = 1000


@dataclass(eq=False)
class Guest:
    """One open socket in a room; `seen` is the number of the last message it got."""

    socket: PersonalSocket
    seen: int
    is_typing: bool = False

    @property
    def user_id(self) -> int:
        """Whose it is."""
        return self.socket.viewer.id


@dataclass
class Elsewhere:
    """Somebody who is there by another process, as far as this one has heard."""

    username: str
    is_typing: bool
    until: float


@dataclass
class Room:
    """A room with somebody in it."""

    state: Row
    guests: set[Guest] = field(default_factory=set)
    elsewhere: dict[tuple[str, int], Elsewhere] = field(default_factory=dict)
    told: dict[int, dict[str, Any]] = field(default_factory=dict)
    warned_of: Any = None

    def here(self) -> dict[int, dict[str, Any]]:
        """Who is in this process, as it is told."""
        found: dict[int, dict[str, Any]] = {}
        for guest in self.guests:
            entry = found.setdefault(guest.user_id, _presence(guest.user_id, guest.socket.viewer.username))
            entry["typing"] |= guest.is_typing
        return found

    def present(self) -> dict[int, dict[str, Any]]:
        """Who is there, here or elsewhere."""
        found = self.here()
        for (_, user_id), other in self.elsewhere.items():
            entry = found.setdefault(user_id, _presence(user_id, other.username))
            entry["typing"] |= other.is_typing
        return found

    def send(self, encoded: str, but: Guest | None = None) -> None:
        """To everybody here, but for one."""
        for guest in self.guests:
            if guest is not but:
                guest.socket.push(encoded)


def _presence(user_id: int, username: str) -> dict[str, Any]:
    return {"user_id": user_id, "username": username, "online": True, "typing": False}


def _welcome(room: Room, guest: Guest, session: Row) -> None:
    present = room.present()
    present.setdefault(guest.user_id, _presence(guest.user_id, guest.socket.viewer.username))
    there, clock = list(present.values()), clock_fields(session, now())
    guest.socket.push(frame("welcome", seq=session["message_seq"] or 0, presence=there, **clock))


class Rooms:
    """All rooms of a process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.node = secrets.token_hex(6)
        self._rooms: dict[int, Room] = {}
        self._moved: set[int] = set()
        self._wake = asyncio.Event()
        self._to_tell: deque[str] = deque()
        self._telling = asyncio.Event()
        database.bus.listen(ROOMS, self._hear)
        database.bus.listen(PRESENCE, self._hear_of_presence)

    # --- guests

    async def serve(self, socket: PersonalSocket, session: Row, after: int) -> None:
        """Be in the room with `socket` until it closes; `after` is the number of the last message it knows."""
        room = self._rooms.setdefault(session["id"], Room(session))
        guest = Guest(socket, min(after, session["message_seq"] or 0))  # a backup may have taken the rest
        _welcome(room, guest, session)
        room.guests.add(guest)
        self._tell_presence(session["id"], room, newcomer=guest)
        self._look_into([session["id"]])
        try:
            async for said in socket.frames():
                await self._hear_guest(room, guest, said)
        finally:
            room.guests.discard(guest)
            self._tell_presence(session["id"], room)
            if not room.guests:
                self._rooms.pop(session["id"], None)

    async def _hear_guest(self, room: Room, guest: Guest, said: str | bytes) -> None:
        if isinstance(said, bytes):
            guest.socket.close(Close.WRONG_KIND, "text, please")
            return
        try:
            message = SAID.validate_json(said)
        except ValidationError as error:
            guest.socket.push(_what_is_wrong(said, error))
            return
        match message:
            case Chat():
                await self._chat(room, guest, str(message.client_id), message.body)
            case Typing():
                self._set_typing(room, guest, on=message.on)
            case Ping():
                guest.socket.push(frame("pong", now=now()))

    async def _chat(self, room: Room, guest: Guest, client_id: str, body: str) -> None:
        session_id = room.state["id"]
        try:
            row = await self._add(session_id, guest.user_id, client_id, body)
        except Unavailable as error:
            guest.socket.push(frame("error", code=error.code, detail=error.detail, client_id=client_id))
            return
        if row is not None and row["seq"] <= guest.seen:
            guest.socket.push(chat_frame(row))  # sent before, and shown before: the acknowledgement got lost
        elif row is None:
            guest.socket.push(
                frame("error", code="session_not_live", detail="This session is over.", client_id=client_id)
            )
        self._set_typing(room, guest, on=False)

    async def _add(self, session_id: int, user_id: int, client_id: str, body: str) -> Row | None:
        """Store a message; returns it where it was stored before, {"seq": …} where it is new, None if it cannot be."""
        try:
            async with self.database.write() as db:
                seq = await queries.add_message(db, session_id, user_id, client_id, body)
                if seq == 0:
                    raise _SentBefore
                if seq is not None:
                    db.after_commit(lambda: db.database.bus.publish(ROOMS, str(session_id)))
        except _SentBefore:
            async with self.database.read() as db:
                return await queries.sent(db, session_id, user_id, client_id)
        return None if seq is None else {"seq": LARGEST_ID}

    def _set_typing(self, room: Room, guest: Guest, *, on: bool) -> None:
        if guest.is_typing != on:
            guest.is_typing = on
            self._tell_presence(room.state["id"], room)

    # --- hints

    def _look_into(self, session_ids: Iterable[int]) -> None:
        moved = self._rooms.keys() & set(session_ids)
        if moved:
            self._moved |= moved
            self._wake.set()

    def _hear(self, message: str) -> None:
        self._look_into(list(self._rooms) if message == GAP else [int(message)])

    # --- presence

    def _tell_presence(self, session_id: int, room: Room, *, newcomer: Guest | None = None, asks: bool = False) -> None:
        """Tell everybody here what has changed, but a newcomer, who knows; and other processes who is here."""
        self._send_presence(room, newcomer)
        here = [[entry["user_id"], entry["username"], entry["typing"]] for entry in room.here().values()]
        told = {"node": self.node, "session": session_id, "here": here, "asks": asks or newcomer is not None}
        self._to_tell.append(orjson.dumps(told).decode())
        self._telling.set()

    def _send_presence(self, room: Room, newcomer: Guest | None = None) -> None:
        present = room.present()
        for user_id in room.told.keys() | present.keys():
            before, entry = room.told.get(user_id), present.get(user_id)
            if entry is None:
                assert before is not None
                room.send(frame("presence", **before | {"online": False, "typing": False}), newcomer)
            elif before is None:
                room.send(frame("presence", **entry), newcomer)
            elif before["typing"] != entry["typing"]:
                room.send(frame("typing", user_id=user_id, on=entry["typing"]), newcomer)
        room.told = present

    def _hear_of_presence(self, message: str) -> None:
        if message == GAP:
            for session_id, room in self._rooms.items():
                self._tell_presence(session_id, room, asks=True)
            return
        told = orjson.loads(message)
        if told["node"] == self.node or told["session"] not in self._rooms:
            return
        room = self._rooms[told["session"]]
        for key in [key for key in room.elsewhere if key[0] == told["node"]]:
            del room.elsewhere[key]
        until = time.monotonic() + FADES_SECONDS
        for user_id, username, is_typing in told["here"]:
            room.elsewhere[told["node"], user_id] = Elsewhere(username, is_typing, until)
        if told["asks"]:
            self._tell_presence(told["session"], room)
        else:
            self._send_presence(room)

    async def _tell(self) -> None:
        while True:
            await self._telling.wait()
            self._telling.clear()
            while self._to_tell:
                await self.database.bus.publish(PRESENCE, self._to_tell.popleft())

    # --- following

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow what happens as long as the block lasts."""
        work = self._follow(), _every(LOOK_EVERY_SECONDS, self._look_around), _every(1, self._watch_clock), self._tell()
        tasks = [asyncio.create_task(each, name="rooms") for each in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            moved, self._moved = self._moved, set()
            try:
                for some in chunks(sorted(moved), ROOMS_AT_ONCE):
                    await self._bring_up_to_date(some)
            except Exception as error:  # whatever it is, a follower that is gone would be worse
                if not isinstance(error, Unavailable):
                    log.exception("rooms stumbled")
                self._look_into(moved)
                await asyncio.sleep(RETRY_SECONDS)

    async def _bring_up_to_date(self, session_ids: list[int]) -> None:
        """Read what is new for those who are there now: whoever comes meanwhile is looked after by the next turn."""
        guests = {each: list(self._rooms[each].guests) for each in session_ids if each in self._rooms}
        after = {each: min((guest.seen for guest in own), default=0) for each, own in guests.items()}
        if not after:
            return
        async with self.database.read() as db:
            states = await queries.states(db, after)
            rows = await queries.messages_after(db, after, ROWS_AT_ONCE)
        said: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
        for row in rows:
            said[row["session_id"]].append((row["seq"], chat_frame(row)))
        cut_off = rows[-1]["session_id"] if len(rows) == ROWS_AT_ONCE else LARGEST_ID
        for session_id, own in guests.items():
            for guest in own:
                _send_messages(guest, said[session_id])
            if session_id < cut_off and session_id in self._rooms:
                await self._send_state(session_id, self._rooms[session_id], states[session_id])
        self._look_into(each for each in guests if each >= cut_off)

    async def _send_state(self, session_id: int, room: Room, state: Row) -> None:
        moment = now()
        before, room.state = room.state, state
        clock = clock_fields(state, moment)
        if clock != clock_fields(before, moment) and state["status"] in BOOKED:
            room.send(frame("time", **clock))
        if state["status"] == Status.LIVE and before["status"] != Status.LIVE:
            await self._note_who_is_there(session_id, room)
        if state["status"] not in BOOKED:
            ended = frame("ended", status=state["status"], ended_at=state["ended_at"])
            for guest in room.guests:
                guest.socket.push(ended)
                guest.socket.close(Close.ENDED, "the session is over")

    async def _note_who_is_there(self, session_id: int, room: Room) -> None:
        """It has begun: who prepared something and stayed is there, too."""
        for user_id in room.here():
            if attendance.is_to_note(room.state, user_id):
                async with self.database.write() as db:
                    await attendance.came(db, session_id, user_id)

    async def _look_around(self) -> None:
        moment = time.monotonic()
        for session_id, room in self._rooms.items():
            for key in [key for key, other in room.elsewhere.items() if other.until < moment]:
                del room.elsewhere[key]
            self._tell_presence(session_id, room)
        await self._find_what_hints_missed()

    async def _find_what_hints_missed(self) -> None:
        for some in chunks(list(self._rooms), ROOMS_AT_ONCE):
            async with self.database.read() as db:
                newest = await queries.message_seqs(db, some)
            for session_id, (seq, version) in newest.items():
                if session_id in self._rooms and _is_behind(self._rooms[session_id], seq, version):
                    self._look_into([session_id])

    async def _watch_clock(self) -> None:
        """Warn two minutes before the end, once for each end."""
        moment = now()
        for room in self._rooms.values():
            ends_at = room.state["ends_at"]
            left = (ends_at - moment).total_seconds()
            is_near = room.state["status"] == Status.LIVE and left <= WARN_SECONDS
            if is_near and room.warned_of != ends_at:
                room.warned_of = ends_at
                room.send(frame("time", left_seconds=max(0, round(left)), **clock_fields(room.state, moment)))


def _is_behind(room: Room, seq: int, version: int) -> bool:
    return version != room.state["version"] or any(guest.seen < seq for guest in room.guests)


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again, whatever comes of it."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await act()
        except Unavailable:
            pass  # the next time will do
        except Exception:
            log.exception("rooms stumbled")


class _SentBefore(Exception):
    """Its writer has sent this message before."""


def _send_messages(guest: Guest, said: list[tuple[int, str]]) -> None:
    news = [(seq, encoded) for seq, encoded in said if seq > guest.seen]
    if news:
        guest.seen = news[-1][0]
        guest.socket.push(*(encoded for _, encoded in news))


def _what_is_wrong(said: str, error: ValidationError) -> str:
    """Say what cannot be taken, with the writer's own name for it where there is one."""
    first = error.errors(include_url=False, include_context=False)[0]
    told: dict[str, Any] = {"code": "bad_message", "detail": str(first["msg"]).removeprefix("Value error, ")}
    if first["type"] == "too_long":
        told = {"code": "too_long", "detail": f"A message has at most {LONGEST_MESSAGE} characters."}
    with contextlib.suppress(orjson.JSONDecodeError):
        given = orjson.loads(said)
        if isinstance(given, dict) and isinstance(given.get("client_id"), str):
            told["client_id"] = given["client_id"][:36]
    return frame("error", **told)
