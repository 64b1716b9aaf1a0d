"""The room's socket, and what one does to a room by requests: more time."""

from fastapi import APIRouter, Response, WebSocket

from mentorq.accounts.access import CurrentViewer
from mentorq.core.errors import problems
from mentorq.core.http import Route, Write
from mentorq.core.inputs import LARGEST_ID, RowId
from mentorq.core.sockets import Allowance
from mentorq.sessions import service
from mentorq.sessions.errors import ExtensionTooLong, SessionMoved, SessionNotFound, SessionNotLive, SlotTaken
from mentorq.sessions.room import extension
from mentorq.sessions.room.access import entering
from mentorq.sessions.room.schemas import MoreTime
from mentorq.sessions.router import answer
from mentorq.sessions.schemas import Session

router = APIRouter(prefix="/sessions", tags=["sessions"], route_class=Route)

BURST, PER_SECOND = 40, 5.0


@router.websocket("/{session_id}/live")
async def live(websocket: WebSocket, session_id: str) -> None:
    """The room: see the module `rooms` for what happens, `schemas` for what is said."""
    async with entering(websocket, session_id, Allowance(BURST, PER_SECOND)) as entrance:
        if entrance is not None:
            after = _number(websocket.query_params.get("after", ""))
            await websocket.app.state.rooms.serve(entrance.socket, entrance.session, after)


def _number(given: str) -> int:
    """A message's number; nothing sensible: from the beginning."""
    number = int(given[:19]) if given.isascii() and given.isdigit() else 0
    return min(number, LARGEST_ID)


@router.post(
    "/{session_id}/extension",
    response_model=Session,
    responses=problems(SessionNotFound, SessionNotLive, ExtensionTooLong, SlotTaken, SessionMoved),
    summary="Ask for more time, or agree to it",
)
async def ask_for_more(session_id: RowId, viewer: CurrentViewer, db: Write, body: MoreTime | None = None) -> Response:
    """Ask the other one for more minutes; where the other asks already, agree to the minutes asked for."""
    await extension.ask(db, session_id, viewer, (body or MoreTime()).minutes)
    return answer(await service.one(db, viewer, session_id))


@router.delete(
    "/{session_id}/extension",
    response_model=Session,
    responses=problems(SessionNotFound, SessionNotLive),
    summary="Ask for no more time, or say: not now",
)
async def ask_for_no_more(session_id: RowId, viewer: CurrentViewer, db: Write) -> Response:
    """Take back the question for more time, whoever asked it."""
    await extension.drop(db, session_id, viewer)
    return answer(await service.one(db, viewer, session_id))
