"""An HTTP server on loopback that hears everything, and answers as badly as it is told to."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson

Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return orjson.loads(self.body)


class Receiver:
    """Answers with `replies`, one after the other, the last one again and again; 200 unless told otherwise."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.replies: list[Reply] = [answers(200)]
        self.names: list[str | None] = []
        self._where = address, port
        self._tls = tls
        self._open: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """An address of it."""
        return f"{'https' if self._tls else 'http'}://{self._where[0]}:{self.port}/hook"

    async def __aenter__(self) -> Self:
        if self._tls is not None:
            self._tls.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self._server = await asyncio.start_server(self._connected, *self._where, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                self.received.append(await _read(reader))
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                await reply(writer)
        except asyncio.CancelledError:  # by ourselves, at the end: the event loop would call it an error
            return
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> Received:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, path, _ = first.split(" ")
    return Received(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def says(text: bytes, *, then_wait: float = 0.0) -> Reply:
    """These very bytes."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()
        await asyncio.sleep(then_wait)

    return reply


def answers(status: int, body: bytes = b"", **headers: str) -> Reply:
    """An answer as it should be; underscores in the headers' names are dashes."""
    given = {"content-length": str(len(body))} | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return says(f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode() + body)


def waits(seconds: float, then: Reply) -> Reply:
    """Nothing, for so long."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await then(writer)

    return reply


def repeats(first: bytes, again: bytes, every: float = 0.0) -> Reply:
    """The same bytes without an end."""

    async def reply(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(every)

    return reply


CLOSES = says(b"")
BABBLES = says(b"SSH-2.0-OpenSSH_9.9\r\n")
BREAKS_OFF = says(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
DRIPS = repeats(b"HTTP/1.1 200 OK\r\n", b"x", every=0.05)
ENDLESS_HEAD = repeats(b"HTTP/1.1 200 OK\r\n", b"x-more: " + b"y" * 1000 + b"\r\n")
ENDLESS_BODY = repeats(b"HTTP/1.1 200 OK\r\n\r\n", b"z" * 10_000)
DRIPPING_BODY = repeats(b"HTTP/1.1 200 OK\r\n\r\n", b"z", every=0.05)
EARLY_HINTS = repeats(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", every=0.001)
SILENT = waits(600, CLOSES)
EMPTY_204 = says(b"HTTP/1.1 204 No Content\r\n\r\n")
