"""The socket of the shared code."""

from fastapi import APIRouter, WebSocket

from mentorq.core.sockets import Allowance, Close
from mentorq.sessions.room.access import entering
from mentorq.sessions.room.document import LARGEST
from mentorq.sessions.room.documents import Documents

router = APIRouter(prefix="/sessions", tags=["sessions"])

BURST, PER_SECOND = 400, 60.0
"""Each key is a change and a cursor that moves, and y-websocket sends on where the other's cursor is."""

MOST_WAITING = 4 * LARGEST
"""Who comes back gets a whole document at once, and what others write meanwhile."""


@router.websocket("/{session_id}/editor")
async def editor(websocket: WebSocket, session_id: str) -> None:
    """The code that both write: see the module `documents` for what happens, `protocol` for what is said."""
    async with entering(websocket, session_id, Allowance(BURST, PER_SECOND), MOST_WAITING) as entrance:
        if entrance is None:
            return
        if entrance.is_over:
            entrance.socket.close(Close.ENDED, "the session is over")
            async for _ in entrance.socket.frames():
                continue
            return
        documents: Documents = websocket.app.state.documents
        wants_to_know = websocket.query_params.get("acks") == "1"
        room, user = entrance.session["id"], entrance.viewer.id
        await documents.serve(entrance.socket, room, user, wants_to_know=wants_to_know)
