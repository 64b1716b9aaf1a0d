"""Transcripts of sessions."""

from fastapi import APIRouter, Response

from mentorq.accounts.access import CurrentViewer, MaybeViewer
from mentorq.core.errors import problems
from mentorq.core.http import Read, Route, Write, with_etag
from mentorq.core.inputs import RowId
from mentorq.sessions.errors import NoTicket, SessionNotFound, SessionNotOver
from mentorq.sessions.room import transcripts
from mentorq.sessions.room.schemas import Consent, Transcript, Transcripts
from mentorq.tickets.errors import LooksLikeSecret, TicketNotFound

router = APIRouter(tags=["sessions"], route_class=Route)


@router.get(
    "/sessions/{session_id}/transcript", responses=problems(SessionNotFound), summary="Get a session's transcript"
)
async def transcript(session_id: RowId, viewer: CurrentViewer, db: Read, response: Response) -> Transcript:
    """All that was said, and the code as it is or was at the end; for its two people."""
    return with_etag(response, await transcripts.of_session(db, session_id, viewer))


@router.put(
    "/sessions/{session_id}/transcript/consent",
    responses=problems(SessionNotFound, NoTicket, SessionNotOver, LooksLikeSecret),
    summary="Say whether a transcript may go with the ticket",
)
async def transcript_consent(session_id: RowId, body: Consent, viewer: CurrentViewer, db: Write) -> Transcript:
    """Once it is over: where both agree, whoever may see the ticket may read it; either may change their mind."""
    return await transcripts.consent(db, session_id, viewer, agrees=body.agrees, allow_secrets=body.allow_secrets)


@router.get(
    "/tickets/{ticket_id}/transcripts", responses=problems(TicketNotFound), summary="List a ticket's transcripts"
)
async def transcripts_of_ticket(ticket_id: RowId, viewer: MaybeViewer, db: Read) -> Transcripts:
    """The transcripts of sessions about a ticket that both people let go with it, the oldest first."""
    return Transcripts(items=await transcripts.of_ticket(db, ticket_id, viewer))
