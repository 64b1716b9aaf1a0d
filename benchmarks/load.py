"""A client that costs little: some connections, each with one request in flight, out of a list that goes round.

Run as a process of its own: reads one order as JSON from stdin, writes what it measured as JSON to stdout.
"""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import cast

import uvloop

LENGTH = b"content-length:"


@dataclass(frozen=True)
class Order:
    """What to ask, for how long."""

    port: int
    token: str
    paths: list[str]
    seconds: float
    connections: int


@dataclass(frozen=True)
class Measured:
    """What came back; times are in milliseconds."""

    requests: int
    failures: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def ask(order: Order) -> Measured:
    """Carry an order out in another process."""
    client = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(order)),
        capture_output=True,
        text=True,
        check=True,
    )
    return Measured(**json.loads(client.stdout))


class _Connection(asyncio.Protocol):
    def __init__(self, requests: "cycle[bytes]", until: float) -> None:
        self.requests = requests
        self.until = until
        self.times: list[float] = []
        self.failures = 0
        self.ended = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's have the methods, not the class
        self._next()

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0 or len(self.buffer) < head + 4 + self._length(head):
            return
        self.times.append(time.perf_counter() - self.sent)
        self.failures += self.buffer[9:12] != b"200"
        self.buffer = b""
        if time.perf_counter() < self.until:
            self._next()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.ended.set_result(error)

    def _length(self, head: int) -> int:
        start = self.buffer.lower().index(LENGTH, 0, head) + len(LENGTH)
        return int(self.buffer[start : self.buffer.index(b"\r", start)])

    def _next(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(next(self.requests))


async def _load(order: Order) -> Measured:
    # The API takes the header, pages the cookie; browsers and clients alike take what is compressed.
    head = (
        f" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {order.token}\r\nCookie: access={order.token}\r\n"
        "Accept: application/json\r\nAccept-Encoding: gzip\r\n\r\n"
    )
    requests = cycle([f"GET {path}{head}".encode() for path in order.paths])
    started = time.perf_counter()
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(lambda: _Connection(requests, started + order.seconds), "127.0.0.1", order.port)
        for _ in range(order.connections)
    ]
    await asyncio.gather(*(connection.ended for _, connection in opened))
    seconds = time.perf_counter() - started
    times = sorted(t for _, connection in opened for t in connection.times)
    failures = sum(connection.failures for _, connection in opened)
    at = [times[int(len(times) * part)] * 1000 for part in (0.5, 0.99)]
    return Measured(len(times), failures, seconds, *at)


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_load(Order(**json.load(sys.stdin)))))))
