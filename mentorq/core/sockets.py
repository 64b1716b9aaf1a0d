"""WebSockets: what every one of ours has, whatever is said over it.

What is to be sent is pushed and never waited for; who reads too slowly is cut off and comes back. A socket that has
nothing to say costs one waiting task, and nothing else: how long a client may be silent is on one timer for all of
them. The server closes all with 1012 when it stops.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from enum import IntEnum

from starlette.websockets import WebSocket, WebSocketDisconnect

from mentorq.core.telemetry import OPEN_SOCKETS

LONGEST_MESSAGE = 64 * 1024
"""Bytes of one message; the server's own limit is the same, so a longer one is not even read."""
MOST_WAITING = 256 * 1024
MOST_FRAMES = 5000
CLOSE_SECONDS = 5.0
IDLE_SECONDS = 120.0


class Close(IntEnum):
    """Why a socket is closed: what the standard has, and ours from 4400 on."""

    WRONG_KIND = 1003
    GARBAGE = 1007
    TOO_LONG = 1009
    RESTARTING = 1012
    TOO_SLOW = 1013
    SIGNED_OUT = 4401
    NO_PARTY = 4403
    IDLE = 4408
    ENDED = 4409
    TOO_FAST = 4429


class Allowance:
    """How many messages a client may send: a burst, and so many a second."""

    def __init__(self, burst: int, per_second: float) -> None:
        self.burst, self.per_second = burst, per_second
        self._left, self._since = float(burst), time.monotonic()

    def take(self) -> bool:
        """Whether one more is allowed."""
        moment = time.monotonic()
        self._left = min(self.burst, self._left + (moment - self._since) * self.per_second)
        self._since = moment
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Socket:
    """An open connection. `push` sends, `close` closes after what was pushed, `frames` is what the client says."""

    def __init__(self, socket: WebSocket, allowance: Allowance, *, most_waiting: int = MOST_WAITING) -> None:
        self._socket, self._allowance, self._most_waiting = socket, allowance, most_waiting
        self._waiting: deque[str | bytes] | None = None  # an empty one would be all that most sockets ever need
        self._size = 0
        self._sender: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._closing: tuple[int, str] | None = None
        self.is_over = False
        self.heard_at = time.monotonic()

    def push(self, *frames: str | bytes) -> None:
        """Send as soon as the connection takes it; nothing is sent after `close`."""
        if self.is_over or self._closing is not None:
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.extend(frames)
        self._size += sum(map(len, frames))
        if len(self._waiting) > len(frames) and (self._size > self._most_waiting or len(self._waiting) > MOST_FRAMES):
            self._waiting.clear()
            self.close(Close.TOO_SLOW, "read faster, or come back")
            return
        self._send_soon()

    def close(self, code: int, reason: str = "") -> None:
        """Close, once what was pushed before has been sent; the first reason counts."""
        if self._closing is None and not self.is_over:
            self._closing = code, reason
            self._send_soon()
            asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._give_up)

    @property
    def is_closing(self) -> bool:
        """Whether it is closed, or will be."""
        return self.is_over or self._closing is not None

    async def frames(self) -> AsyncIterator[str | bytes]:
        """What the client sends, until it is gone or the socket is closed."""
        OPEN_SOCKETS.inc()
        self._listener = asyncio.current_task()
        try:
            while (frame := await self._receive()) is not None:
                if self._closing is None and self._is_acceptable(frame):
                    yield frame
        finally:
            OPEN_SOCKETS.dec()
            self.is_over = True
            self._listener = None
            if self._sender is not None:
                self._sender.cancel()

    async def _receive(self) -> str | bytes | None:
        try:
            message = await self._socket.receive()
        except asyncio.CancelledError:
            listener = asyncio.current_task()
            if self.is_over and listener is not None:  # it was we who gave up a client that does not read
                listener.uncancel()
                return None
            raise
        if message["type"] == "websocket.disconnect":
            return None
        self.heard_at = time.monotonic()
        text: str | None = message.get("text")
        return text if text is not None else bytes(message["bytes"])

    def _is_acceptable(self, frame: str | bytes) -> bool:
        size = len(frame) if isinstance(frame, bytes) else len(frame.encode("utf-8", "replace"))
        if size > LONGEST_MESSAGE:
            self.close(Close.TOO_LONG, "at most 64 KiB at once")
        elif not self._allowance.take():
            self.close(Close.TOO_FAST, "slow down, then come back")
        return self._closing is None

    def _send_soon(self) -> None:
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._waiting:
                frame = self._waiting.popleft()
                self._size -= len(frame)
                kind = "text" if isinstance(frame, str) else "bytes"
                await self._socket.send({"type": "websocket.send", kind: frame})
            if self._closing is not None:
                await self._socket.close(*self._closing)
            self._waiting = None
        except (WebSocketDisconnect, RuntimeError, OSError):
            self.is_over = True  # the client is gone: whoever listens to it is told so
        finally:
            self._sender = None

    def _give_up(self) -> None:
        """The client does not even read that the socket is closed."""
        if self._listener is not None:
            self.is_over = True
            self._listener.cancel()
