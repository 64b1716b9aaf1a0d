"""A provider's API on loopback, that answers as it is told, or not at all."""

import asyncio

from tests.support.http_servers import Asked, HttpServer, read_request, written


class MailProvider(HttpServer):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.status = 202
        self.headers: dict[str, str] = {}
        self.fails = ""
        """`hangs up`, `hangs up unread`, `is silent`, `talks nonsense`, `hangs up within the answer`."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As `status`, `headers` and `fails` say."""
        if self.fails == "hangs up unread":
            return
        self.asked.append(await read_request(reader))
        if self.fails == "is silent":
            await reader.read()  # until the other side hangs up
        length = 10 if self.fails == "hangs up within the answer" else None
        answer = written(self.status, b"{}", self.headers, length)
        writer.write({"hangs up": b"", "talks nonsense": b"HELO?\r\n\r\n"}.get(self.fails, answer))
        await writer.drain()
