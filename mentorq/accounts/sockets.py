"""WebSockets of people who are signed in: who opens one, and until when it may stay open.

A socket authenticates as a request does: by `Authorization`, by the sub-protocol `bearer.<access token>`, which is what
a browser's own WebSocket can send, or by the web app's cookie, and then only from one of our own pages; never by the
address, which ends up in logs. It ends with its sign-in, and when its access token expires.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from fastapi import WebSocket
from starlette.responses import Response

from mentorq.accounts import access, queries, signins
from mentorq.accounts.schemas import Viewer
from mentorq.core.bulk import chunks
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.errors import DomainError, Forbidden, NotSignedIn, TooManyRequests, Unavailable, problem_document
from mentorq.core.http import json_response
from mentorq.core.security import cookie_name, read_access_token
from mentorq.core.sockets import IDLE_SECONDS, MOST_WAITING, Allowance, Close, Socket

log = structlog.get_logger(__name__)

PROTOCOL = "mentorq.v1"
BEARER = "bearer."
SOCKETS_OF_ONE = 20
LOOK_EVERY_SECONDS = 5.0
AT_ONCE = 250


class ForeignSocket(Forbidden):
    """A page of another site opens a socket with our cookie."""

    code = "foreign_origin"
    detail = "This came from another site. Open the page here."


class TooManySockets(TooManyRequests):
    """This account has too many sockets open."""

    code = "too_many_sockets"
    detail = "Your account has too many rooms open. Close some of them first."


class PersonalSocket(Socket):
    """An open socket of somebody who is signed in."""

    def __init__(
        self,
        socket: WebSocket,
        viewer: Viewer,
        expires: datetime,
        allowance: Allowance,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        super().__init__(socket, allowance, most_waiting=most_waiting)
        self.viewer, self.names = viewer, signins.names_of(viewer)
        self.ends_at = time.monotonic() + (expires - now()).total_seconds()


class Sockets:
    """All sockets of a process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._open: set[PersonalSocket] = set()
        database.bus.listen(signins.CHANNEL, self._sign_out)

    async def viewer(self, socket: WebSocket) -> tuple[Viewer, datetime]:
        """Who opens `socket`, and until when the access token is good.

        Raises:
            NotSignedIn: there is no token, or it is not valid, or no longer.
            ForeignSocket: a page of another site brings our cookie.
            TooManySockets: this person has 20 already.
        """
        token = _token(socket)
        claims = read_access_token(self.database.settings, token) if token else None
        if claims is None:
            raise NotSignedIn
        async with self.database.read() as db:
            viewer = await access.viewer_of(socket, db, token)
        if viewer is None:
            raise NotSignedIn("This access token is not valid, or no longer. Refresh it, or sign in again.")
        await socket.app.state.limiter.hit("all", access.GENERAL_LIMIT, f"user {viewer.id}")
        if sum(each.viewer.id == viewer.id for each in self._open) >= SOCKETS_OF_ONE:
            raise TooManySockets
        return viewer, claims[2]

    @asynccontextmanager
    async def entered(self, socket: PersonalSocket) -> AsyncIterator[None]:
        """Watch over a socket as long as the block lasts."""
        self._open.add(socket)
        try:
            yield
        finally:
            self._open.discard(socket)

    def _sign_out(self, message: str) -> None:
        for socket in self._open:
            if message in socket.names:
                socket.close(Close.SIGNED_OUT, "signed out")

    async def watch(self) -> None:
        """Close those whose time is over, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            moment = time.monotonic()
            for socket in self._open:
                if moment > socket.ends_at:
                    socket.close(Close.SIGNED_OUT, "the access token has expired")
                elif moment - socket.heard_at > IDLE_SECONDS:
                    socket.close(Close.IDLE, "nothing was heard for two minutes")
            with contextlib.suppress(Unavailable):
                await self._find_what_hints_missed()

    async def _find_what_hints_missed(self) -> None:
        for some in chunks(list(self._open), AT_ONCE):
            async with self.database.read() as db:
                ended = await queries.ended_sign_ins(db, [socket.viewer.sign_in_id for socket in some])
            for socket in some:
                if socket.viewer.sign_in_id in ended:
                    socket.close(Close.SIGNED_OUT, "signed out")


def _token(socket: WebSocket) -> str:
    scheme, _, token = socket.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    for protocol in socket.scope["subprotocols"]:
        if protocol.startswith(BEARER):
            return str(protocol.removeprefix(BEARER))
    cookie = socket.cookies.get(cookie_name(socket.app.state.settings, "access"), "")
    if cookie:
        host = socket.headers.get("host")
        if socket.headers.get("origin") not in (f"http://{host}", f"https://{host}"):
            raise ForeignSocket
    return cookie


async def accept(socket: WebSocket) -> None:
    """Open the socket, speaking our protocol where the client offers it."""
    await socket.accept(PROTOCOL if PROTOCOL in socket.scope["subprotocols"] else None)


async def refuse(socket: WebSocket, error: DomainError) -> None:
    """Answer the request for a socket with a problem document, instead of opening it."""
    response: Response = json_response(problem_document(socket, error), error.status, error.headers)
    response.headers["Content-Type"] = "application/problem+json"
    await socket.send_denial_response(response)
