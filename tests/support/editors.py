"""Editors of shared code: a Yjs document behind a WebSocket, as a page has one, in Python."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pycrdt import Doc, Map, Text, TransactionEvent
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mentorq.sessions.room.changes import EMPTY
from mentorq.sessions.room.encoding import Reader
from mentorq.sessions.room.protocol import Kind, Step, sync
from tests.support.patience import PATIENCE_SECONDS
from tests.support.people import Person

PROTOCOL = "mentorq.v1"


class Editor:
    """A document that outlives its connections: `connected` is one of them.

    `sent_changes` are those of the last connection, of which so many as `stored` says are known to be stored.
    """

    def __init__(self, url: str, session_id: int, token: str) -> None:
        self.address = f"{url.replace('http', 'ws', 1)}/sessions/{session_id}/editor?acks=1"
        self.token = token
        self.doc: Doc[Any] = Doc()
        self.files = self.doc.get("files", type=Map)
        self._watching = self.doc.observe(self._changed)
        self._is_receiving = False
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._moved = asyncio.Event()
        self.socket: ClientConnection | None = None
        self.is_synced = False
        self.sent_changes: list[bytes] = []
        self.stored = 0
        self.heard: list[bytes] = []
        """Awareness updates."""
        self.close_code: int | None = None

    def _changed(self, event: TransactionEvent) -> None:
        if not self._is_receiving and self.socket is not None:
            self.send(sync(Step.CHANGE, event.update))

    @property
    def sent(self) -> int:
        """How many changes were sent over the last connection."""
        return len(self.sent_changes)

    @property
    def promised(self) -> list[bytes]:
        """The changes of which the server has said that they are stored."""
        return [Reader(carried).bytes() for carried in self.sent_changes[: self.stored]]

    def send(self, frame: bytes) -> None:
        """Send one frame; changes are counted."""
        is_change = frame[:2] in (bytes((Kind.SYNC, Step.ANSWER)), bytes((Kind.SYNC, Step.CHANGE)))
        if is_change and frame != sync(Step.ANSWER, EMPTY):
            self.sent_changes.append(frame[2:])
        self._outbox.put_nowait(frame)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["Editor"]:
        """Be connected as long as the block lasts; `close_code` says how it ended."""
        protocols: Any = [PROTOCOL, f"bearer.{self.token}"]
        async with connect(self.address, subprotocols=protocols, max_size=None, compression=None, proxy=None) as socket:
            assert socket.subprotocol == PROTOCOL
            self.socket, self.is_synced, self.stored, self.close_code = socket, False, 0, None
            self.sent_changes = []
            self._outbox = asyncio.Queue()
            self.send(sync(Step.ASK, self.doc.get_state()))
            tasks = [asyncio.create_task(work) for work in (self._receive(socket), self._write(socket))]
            try:
                yield self
            finally:
                self.socket = None
                for task in tasks:
                    task.cancel()
                for result in await asyncio.gather(*tasks, return_exceptions=True):
                    if isinstance(result, Exception):
                        raise result

    async def cut(self) -> None:
        """Lose the connection without a word."""
        if self.socket is not None:
            self.socket.transport.abort()

    async def _write(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send(await self._outbox.get())

    async def _receive(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                assert isinstance(frame, bytes)
                self._hear(frame)
                self._tell()
        except ConnectionClosed:
            pass
        finally:
            self.close_code = socket.close_code
            self._tell()

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _hear(self, frame: bytes) -> None:
        reader = Reader(frame)
        kind = reader.number()
        if kind == Kind.STORED:
            self.stored = reader.number()
        elif kind == Kind.AWARENESS:
            self.heard.append(reader.bytes())
        else:
            step, carried = reader.number(), reader.bytes()
            if step == Step.ASK:
                self.send(sync(Step.ANSWER, self.doc.get_update(carried)))
            else:
                self._is_receiving = True
                self.doc.apply_update(carried)
                self._is_receiving = False
                self.is_synced |= step == Step.ANSWER

    async def until(self, true: Callable[["Editor"], object], seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(seconds):
            while not true(self):
                await self._moved.wait()

    async def synced(self) -> None:
        """Wait until all is here that was there."""
        await self.until(lambda editor: editor.is_synced)

    async def saved(self) -> None:
        """Wait until all that was sent is stored."""
        await self.until(lambda editor: editor.is_synced and editor.stored >= editor.sent)

    async def closed(self) -> int:
        """Wait until the server has closed; returns the code."""
        await self.until(lambda editor: editor.close_code is not None)
        assert self.close_code is not None
        return self.close_code

    # --- the files

    def file(self, name: str | None = None) -> Text:
        """The text of a file, or of the first."""
        files = sorted(self.files.values(), key=lambda file: file["position"])
        found: Text = next(file for file in files if name in (None, file["name"]))["text"]
        return found

    def write(self, text: str, at: int | None = None) -> None:
        """Type something into the first file; at its end unless said."""
        file = self.file()
        file.insert(len(file) if at is None else at, text)

    @property
    def text(self) -> str:
        """What is in the first file."""
        return str(self.file()) if len(self.files) else ""

    @property
    def content(self) -> Any:
        """All files, as they are compared."""
        return self.files.to_py()


async def eventually(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await true():
            await asyncio.sleep(0.02)


def editor(url: str, session: dict[str, Any], person: Person) -> Editor:
    """Somebody's editor of a session's code."""
    return Editor(url, session["id"], person.tokens["access_token"])
