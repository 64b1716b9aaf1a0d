"""Server-sent events: an answer that goes on. What is to be sent is pushed into it; who reads too slowly is cut off.

An open stream that has nothing to say costs one waiting task, and nothing else: heartbeats and deadlines are whoever
holds the streams' business, on one timer for all of them.
"""

import asyncio
from http import HTTPStatus

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from mentorq.core.telemetry import OPEN_STREAMS

RETRY_MILLISECONDS = 2000
MOST_WAITING = 256 * 1024
HEARTBEAT = b":\n\n"


def encode(event: str, event_id: int, data: bytes) -> bytes:
    """One event; `data` is one line of JSON."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event_id, event.encode(), data)


class EventStream(Response):
    """An open stream. `push` sends, `end` ends it; the client comes back by itself and says where it was."""

    media_type = "text/event-stream"

    def __init__(self) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no", "Cache-Control": "no-store"})
        self._waiting = bytearray()
        self._more = asyncio.Event()
        self.is_over = False

    def push(self, frames: bytes) -> None:
        """Send as soon as the connection takes it; a client that lets 256 kB pile up has to come back for them."""
        if self._waiting and len(self._waiting) + len(frames) > MOST_WAITING:
            self._waiting.clear()
            self.end()
            return
        self._waiting += frames
        self._more.set()

    def end(self) -> None:
        """Say no more."""
        self.is_over = True
        self._more.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["is_stream"] = True
        headers = [header for header in self.raw_headers if header[0] != b"content-length"]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        if scope.get("is_head"):
            await send({"type": "http.response.body", "body": b""})
            return
        await _send_part(send, b"retry: %d\n\n" % RETRY_MILLISECONDS)
        OPEN_STREAMS.inc()
        leaving = asyncio.ensure_future(_left(receive))
        leaving.add_done_callback(lambda _: self.end())
        try:
            await self._follow(send)
        finally:
            OPEN_STREAMS.dec()
            leaving.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _follow(self, send: Send) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            while self._waiting:
                frames, self._waiting = bytes(self._waiting), bytearray()
                await _send_part(send, frames)
            if self.is_over:
                return


async def _send_part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _left(receive: Receive) -> None:
    """Return when the client is gone."""
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            return
