"""A provider's API on loopback, that answers as it is told, or not at all."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class HttpServer:
    """Listens while the block lasts."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.status = 202
        self.headers: dict[str, str] = {}
        self.fails = ""
        """`hangs up`, `hangs up unread`, `is silent`, `talks nonsense`, `hangs up within the answer`."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fails == "hangs up unread":
            return
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        self.asked.append(Asked(method, path, headers, await reader.readexactly(int(headers["content-length"]))))
        if self.fails == "is silent":
            await reader.read()  # until the other side hangs up
        answer = self._written()
        writer.write({"hangs up": b"", "talks nonsense": b"HELO?\r\n\r\n"}.get(self.fails, answer))
        await writer.drain()

    def _written(self) -> bytes:
        length = 10 if self.fails == "hangs up within the answer" else 2
        lines = [f"HTTP/1.1 {self.status} X", f"Content-Length: {length}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n{}").encode()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._server.wait_closed()
