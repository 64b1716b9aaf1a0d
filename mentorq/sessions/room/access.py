"""Who enters a room: its two people, from when it is booked. One that is over is shown, and closed again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import WebSocket

from mentorq.accounts import sockets
from mentorq.accounts.schemas import Viewer
from mentorq.accounts.sockets import PersonalSocket, Sockets
from mentorq.core.database import Database, Row
from mentorq.core.errors import DomainError
from mentorq.core.inputs import LARGEST_ID
from mentorq.core.sockets import MOST_WAITING, Allowance
from mentorq.sessions.errors import RoomNotOpen, SessionNotFound
from mentorq.sessions.room import attendance, queries
from mentorq.sessions.states import BOOKED, Status


@dataclass(frozen=True)
class Entrance:
    """Somebody's open socket into a room, and the room as it was then."""

    socket: PersonalSocket
    viewer: Viewer
    session: Row

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen in it."""
        return str(self.session["status"]) == Status.ENDED


@asynccontextmanager
async def entering(
    websocket: WebSocket, session_id: str, allowance: Allowance, most_waiting: int = MOST_WAITING
) -> AsyncIterator[Entrance | None]:
    """Let somebody in for as long as the block lasts; None if not: then the refusal has been sent."""
    known: Sockets = websocket.app.state.sockets
    try:
        viewer, expires = await known.viewer(websocket)
        session = await _room(known.database, viewer, session_id)
    except DomainError as error:
        await sockets.refuse(websocket, error)
        yield None
        return
    await sockets.accept(websocket)
    socket = PersonalSocket(websocket, viewer, expires, allowance, most_waiting)
    async with known.entered(socket):
        yield Entrance(socket, viewer, session)


async def _room(database: Database, viewer: Viewer, given: str) -> Row:
    """The room, made if nobody has been there yet.

    Raises:
        SessionNotFound: there is none, or it is of others.
        RoomNotOpen: it is not booked, or not any longer.
    """
    session_id = int(given[:20]) if given.isascii() and given.isdigit() else 0
    if not 0 < session_id <= LARGEST_ID:
        raise SessionNotFound
    async with database.read() as db:
        session = await queries.state(db, session_id)
    if session is None or viewer.id not in (session["student_id"], session["mentor_id"]):
        raise SessionNotFound
    if session["status"] not in (*BOOKED, Status.ENDED):
        raise RoomNotOpen
    if session["status"] in BOOKED and attendance.is_to_note(session, viewer.id):
        async with database.write() as db:
            await attendance.came(db, session_id, viewer.id)
            session = await queries.state(db, session_id)
            assert session is not None
    return session
