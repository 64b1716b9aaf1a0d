"""WebSockets, as programs and browsers open them, to an application that is served on loopback."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from mentorq.core.sockets import LONGEST_MESSAGE
from tests.support.patience import PATIENCE_SECONDS
from tests.support.people import Person
from tests.support.servers import free_port


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The running application on a port of its own, within this event loop; gives its address."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=port,
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            ws_max_size=LONGEST_MESSAGE,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


class Visit:
    """Somebody's open socket into a room; what was said is kept, so that a test may ask for it in any order."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.heard: list[dict[str, Any]] = []

    async def any(self) -> dict[str, Any]:
        """The next message, of whatever kind."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def next(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message of a kind with these fields; others are kept in `heard`."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.recv())
                self.heard.append(message)
                if message["type"] == kind and fields.items() <= message.items():
                    return message

    async def closed(self) -> int:
        """The code that it is closed with; all that comes before is kept."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    self.heard.append(json.loads(await self.connection.recv()))
        assert self.connection.close_code is not None
        return self.connection.close_code

    async def tell(self, kind: str, **fields: Any) -> None:
        """Send a message."""
        await self.connection.send(json.dumps({"type": kind} | fields))

    async def say(self, body: str, client_id: str | None = None) -> str:
        """Send something to say; returns what its writer calls it."""
        client_id = client_id or str(uuid4())
        await self.tell("chat", client_id=client_id, body=body)
        return client_id


@asynccontextmanager
async def visit(url: str, person: Person, session_id: int, after: int | None = None) -> AsyncIterator[Visit]:
    """Be in a room, as a browser is: the token is one of the sub-protocols."""
    query = "" if after is None else f"?after={after}"
    address = f"{url.replace('http', 'ws')}/sessions/{session_id}/live{query}"
    protocols = [Subprotocol("mentorq.v1"), Subprotocol(f"bearer.{person.tokens['access_token']}")]
    async with connect(address, subprotocols=protocols, compression=None, proxy=None) as connection:
        yield Visit(connection)
