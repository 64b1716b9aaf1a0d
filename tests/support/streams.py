"""Server-sent events, read as a browser reads them."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from tests.support.patience import PATIENCE_SECONDS


@dataclass(frozen=True)
class ServerSent:
    """One event that has arrived whole."""

    id: int
    name: str
    data: dict[str, Any]


@contextlib.asynccontextmanager
async def stream(
    client: httpx2.AsyncClient, url: str, headers: dict[str, str], after: int | None = None
) -> AsyncIterator[AsyncIterator[ServerSent]]:
    """An open stream; leaving the block cuts the connection."""
    given = headers | ({} if after is None else {"Last-Event-ID": str(after)})
    async with client.stream("GET", url, headers=given, timeout=PATIENCE_SECONDS) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer)


async def _events(answer: httpx2.Response) -> AsyncIterator[ServerSent]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "data" in fields:
                yield ServerSent(int(fields["id"]), fields["event"], orjson.loads(fields["data"]))
            fields = {}
