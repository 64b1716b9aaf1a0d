"""How a process bears many rooms: `python -m benchmarks.rooms [--rooms N] [--seconds N] [--sockets N] [--cuts N]`.

A server, alone on one core, on SQLite and on PostgreSQL. Printed are: when a key that one presses is on the other's
screen, with two people in each of so many rooms who change something five times a second; what an open socket that says
nothing costs in memory; and, after so many connections were cut while people write, whether all have the same text.
"""

import argparse
import asyncio
import os
import re
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import sqlalchemy as sa
from pycrdt import Doc, Map, TransactionEvent

from benchmarks.notifications import sign_in
from benchmarks.stage import cpu_seconds, resident_megabytes
from mentorq.accounts.models import UserRow
from mentorq.core import bulk
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.migrations import upgrade
from mentorq.sessions.models import SessionRow
from mentorq.sessions.room import seeds
from mentorq.sessions.room.protocol import Step, sync
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.editors import Editor, eventually
from tests.support.processes import Server
from tests.support.servers import PostgreSQLServer

SERVERS_CORE = 0
CHANGES_PER_SECOND = 5.0
MARK = re.compile(rb"#(\d{8})")
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Pair:
    """Two people who have a session."""

    session_id: int
    tokens: tuple[str, str]


class Line(asyncio.Protocol):
    """A WebSocket of few instructions: what is sent is framed before, what comes is noted with its time."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard: list[tuple[float, bytes]] = []
        self._received = bytearray()
        self._is_open = False

    @classmethod
    async def open(cls, port: int, path: str, token: str) -> "Line":
        """Connect, as a program does."""
        _, line = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        key = b64encode(os.urandom(16)).decode()
        line.transport.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            await line.opened
        return line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._is_open:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101"), bytes(head)
            self._received, self._is_open = rest, True
            self.opened.set_result(None)
        while (found := self._frame()) is not None:
            opcode, carried = found
            if opcode == 9:
                self.transport.write(framed(carried, 10))
            else:
                self.heard.append((time.perf_counter(), carried))

    def _frame(self) -> tuple[int, bytes] | None:
        received = self._received
        if len(received) < 2:
            return None
        length, begin = received[1], 2
        if length > 125:
            begin = 4 if length == 126 else 10
            length = int.from_bytes(received[2:begin])
        if len(received) < begin + length or len(received) < begin:
            return None
        frame = received[0] & 15, bytes(received[begin : begin + length])
        del received[: begin + length]
        return frame


def framed(carried: bytes, opcode: int = 2) -> bytes:
    """A client's frame, masked with zeros."""
    length = len(carried)
    head = bytes((128 | opcode, 128 | length)) if length < 126 else bytes((128 | opcode, 254)) + length.to_bytes(2)
    return head + b"\0\0\0\0" + carried


@contextmanager
def alone_on_a_core(server: Server) -> Iterator[None]:
    """The server has one core for itself, we have the others."""
    ours = os.sched_getaffinity(0)
    for thread in Path(f"/proc/{server.process.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {SERVERS_CORE})
    os.sched_setaffinity(0, ours - {SERVERS_CORE} or ours)
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


async def fill(database: Database, pairs: int) -> list[Pair]:
    """Add people and sessions that go on."""
    moment = now()
    async with database.write() as db:
        ids = list(await bulk.reserve_ids(db, UserRow, 2 * pairs))
        columns = (
            "id", "username", "email", "role", "bio", "headline", "time_zone", "links", "is_available", "version",
            "created_at", "last_seen_at",
        )  # fmt: skip
        roles = "student", "mentor"
        people: Iterator[tuple[object, ...]] = (
            (i, f"p{i}", f"p{i}@example.org", roles[n % 2], "", "", "UTC", [], True, 1, moment, moment)
            for n, i in enumerate(ids)
        )
        await bulk.insert(db, UserRow, columns, people)
        values = [
            {
                "student_id": ids[2 * n], "mentor_id": ids[2 * n + 1], "topic": "", "status": "live", "is_now": True,
                "awaits": "mentor", "starts_at": moment, "ends_at": moment + timedelta(hours=1),
                "duration_minutes": 60, "expires_at": moment, "created_at": moment, "updated_at": moment,
                "answered_at": moment, "started_at": moment,
            }
            for n in range(pairs)
        ]  # fmt: skip
        sessions = [await db.scalar(sa.insert(SessionRow).values(each).returning(SessionRow.id)) for each in values]
    tokens: list[str] = []
    for some in bulk.chunks(ids, 1000):
        tokens += await sign_in(database, some)
    return [Pair(session, (tokens[2 * n], tokens[2 * n + 1])) for n, session in enumerate(sessions)]


# --- keystrokes


@dataclass
class Typist:
    """Somebody in front of a page; `frames` is what they will type, made before the clock runs."""

    line: Line
    frames: list[bytes] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)

    def prepare(self, number: int, changes: int) -> None:
        """Type it all beforehand."""
        doc: Doc[Any] = Doc()
        for _, carried in self.line.heard:
            if carried[:2] == bytes((0, Step.ANSWER)):
                doc.apply_update(_carried(carried))

        def note(event: TransactionEvent) -> None:
            self.frames.append(framed(sync(Step.CHANGE, event.update)))

        watching = doc.observe(note)
        text = doc.get("files", type=Map)["f0"]["text"]
        for change in range(changes):
            text.insert(len(text), f"#{number * 10_000 + change:08}")
        doc.unobserve(watching)

    async def type(self, offset: float) -> None:
        """Type, a change every 200 ms."""
        await asyncio.sleep(offset)
        begin = time.perf_counter()
        for turn, frame in enumerate(self.frames):
            await asyncio.sleep(begin + turn / CHANGES_PER_SECOND - time.perf_counter())
            self.sent_at.append(time.perf_counter())
            self.line.transport.write(frame)

    def waits(self, peer: "Typist", number: int) -> Iterator[float]:
        """After how many seconds what was typed was on the peer's screen."""
        for arrived, carried in peer.line.heard:
            for mark in MARK.findall(carried):
                if int(mark) // 10_000 == number:
                    yield arrived - self.sent_at[int(mark) % 10_000]


def _carried(frame: bytes) -> bytes:
    length, shift, at = 0, 0, 2
    while True:
        byte = frame[at]
        length |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return frame[at : at + length]


async def measure_keys(server: Server, pairs: list[Pair], seconds: float) -> None:
    """Print when what one types is on the other's screen."""
    typists = []
    for pair in pairs:
        for token in pair.tokens:
            line = await Line.open(server.port, f"/sessions/{pair.session_id}/editor?acks=1", token)
            line.transport.write(framed(sync(Step.ASK, b"\0")))
            typists.append(Typist(line))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all(any(each[:2] == b"\0\1" for _, each in typist.line.heard) for typist in typists):
            await asyncio.sleep(0.05)
    changes = int(seconds * CHANGES_PER_SECOND)
    for number, typist in enumerate(typists):
        typist.prepare(number, changes)
    random, used = Random(1), cpu_seconds(server.process.pid)
    begin = time.perf_counter()
    await asyncio.gather(*(typist.type(random.uniform(0, 1 / CHANGES_PER_SECOND)) for typist in typists))
    took, used = time.perf_counter() - begin, cpu_seconds(server.process.pid) - used
    waits: list[float] = []
    while len(waits) < len(typists) * changes and time.perf_counter() - begin < took + PATIENCE_SECONDS:
        await asyncio.sleep(1)
        pairwise = [typist.waits(typists[number ^ 1], number) for number, typist in enumerate(typists)]
        waits = sorted(wait for each in pairwise for wait in each)
    for typist in typists:
        typist.line.transport.abort()
    print(
        f"  {len(pairs)} rooms, {len(typists) * CHANGES_PER_SECOND:.0f} changes a second: on the other's screen after "
        f"{1000 * median(waits):.1f} ms (median), {1000 * waits[int(0.99 * len(waits))]:.1f} ms (p99, at most 50), "
        f"{1000 * waits[-1]:.1f} ms (last); {len(waits)} of {len(typists) * changes} came; "
        f"{100 * used / took:.0f} % of a core"
    )


# --- memory


async def measure_memory(server: Server, pairs: list[Pair], sockets: int) -> None:
    """Print what sockets cost that are open and say nothing: half of them chats, half editors, two people in a room."""

    async def open_both(pair: Pair) -> None:
        for token in pair.tokens:
            for kind in ("live", "editor"):
                line = await Line.open(server.port, f"/sessions/{pair.session_id}/{kind}", token)
                line.transport.write(framed(sync(Step.ASK, b"\0")) if kind == "editor" else b"")

    await open_both(pairs[-1])  # what comes with the first ones is not what the next ones cost
    await asyncio.sleep(2)
    before = resident_megabytes(server.process.pid)
    for pair in pairs[: sockets // 4]:
        await open_both(pair)
    await asyncio.sleep(2)
    after = resident_megabytes(server.process.pid)
    print(f"  {sockets} open sockets, half of them editors: {1024 * (after - before) / sockets:.1f} kB each")


# --- cuts


async def cut_and_write(server: Server, pair: Pair, cuts: int, random: Random) -> tuple[int, bool]:
    """Two people write, and their connections are cut; returns how often, and whether all is the same in the end."""
    editors = [Editor(server.url, pair.session_id, token) for token in pair.tokens]

    async def live(editor: Editor) -> int:
        done = 0
        while done < cuts // 2:
            async with editor.connected():
                await editor.synced()
                for _ in range(random.randint(1, 4)):
                    text = editor.file()
                    editor.write(f"{done} ", random.choice((0, len(text))))
                    if len(text) > 2000:
                        del text[:1000]
                    await asyncio.sleep(random.uniform(0, 0.01))
                await editor.cut()
            done += 1
        return done

    done = sum(await asyncio.gather(*map(live, editors)))
    async with editors[0].connected(), editors[1].connected():
        for editor in editors:
            await editor.saved()
        await eventually(lambda: _are_alike(editors))
        fresh = Editor(server.url, pair.session_id, pair.tokens[0])
        async with fresh.connected():
            await fresh.synced()
            same = fresh.content == editors[0].content == editors[1].content
    return done, same


async def _are_alike(editors: list[Editor]) -> bool:
    return bool(editors[0].content == editors[1].content)


async def measure_cuts(server: Server, database: Database, pairs: list[Pair], cuts: int) -> None:
    """Print whether documents are the same after so many cuts."""
    begin, random, some = time.perf_counter(), Random(2), pairs[:10]
    found = await asyncio.gather(*(cut_and_write(server, pair, cuts // len(some), random) for pair in some))
    same = [each for _, each in found]
    for number, pair in enumerate(some):
        async with database.read() as db:
            same[number] &= len(await seeds.texts(db, pair.session_id)) == 1
    print(
        f"  {sum(done for done, _ in found)} connections cut while people write in {len(some)} rooms, "
        f"in {time.perf_counter() - begin:.0f} s: {sum(same)} of {len(some)} documents are the same for all"
    )


async def run(settings: Settings, given: argparse.Namespace) -> None:
    """Measure on one database."""
    database = Database(settings)
    await upgrade(database)
    pairs = await fill(database, max(given.rooms, given.sockets // 4) + 1)
    with Server(settings) as server, alone_on_a_core(server):
        await measure_keys(server, pairs[: given.rooms], given.seconds)
    with Server(settings) as server, alone_on_a_core(server):
        await measure_memory(server, pairs, given.sockets)
    with Server(settings) as server, alone_on_a_core(server):
        await measure_cuts(server, database, pairs, given.cuts)
    await database.stop()


def main() -> None:
    """Run it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rooms", type=int, default=100)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--sockets", type=int, default=2000)
    options.add_argument("--cuts", type=int, default=1000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="mentorq-bench-") as home:
        print("SQLite")
        asyncio.run(run(settings_for(f"sqlite:///{home}/mentorq.db", Path(home), log_level="warning"), given))
        with PostgreSQLServer(fsync="on", synchronous_commit="on") as postgres:
            print("PostgreSQL")
            asyncio.run(run(settings_for(postgres.url, Path(home), log_level="warning"), given))


if __name__ == "__main__":
    main()
