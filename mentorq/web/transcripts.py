"""What stays of live sessions: for their two people, and for who may see the ticket where both agree."""

from fastapi import APIRouter, Request, Response

from mentorq.accounts.schemas import Viewer
from mentorq.core.http import Read, Write
from mentorq.core.inputs import RowId
from mentorq.sessions import service
from mentorq.sessions.room import transcripts
from mentorq.sessions.room.schemas import Transcript
from mentorq.sessions.schemas import as_session
from mentorq.sessions.states import BOOKED, Status
from mentorq.tickets import service as tickets
from mentorq.tickets.errors import LooksLikeSecret
from mentorq.tickets.schemas import as_ticket
from mentorq.web.live_sessions import ticket_of
from mentorq.web.pages import Answer, Form, PageRoute, redirect, render
from mentorq.web.secrecy import allows_secrets, refuse_secrets
from mentorq.web.signins import MaybeVisitor, Visitor

router = APIRouter(prefix="/app", route_class=PageRoute)


def _path(session_id: int) -> str:
    return f"/app/sessions/{session_id}/transcript"


@router.get("/sessions/{session_id}/transcript")
async def page(request: Request, session_id: RowId, viewer: Visitor, db: Read) -> Response:
    """All that was said and the code as it is, for the session's two people.

    Raises:
        SessionNotFound: there is none, or it is of others.
    """
    return await _show(request, db, viewer, session_id, Form())


async def _show(request: Request, db: Read, viewer: Viewer, session_id: int, form: Form, status: int = 200) -> Response:
    row = await service.one(db, viewer, session_id)
    session = as_session(row)
    if session["status"] not in (*BOOKED, Status.ENDED):
        return redirect(request, f"/app/sessions/{session_id}")
    transcript = await transcripts.of_session(db, session_id, viewer)
    is_mentor = viewer.id == session["mentor_id"]
    agrees = transcript.mentor_agrees, transcript.student_agrees
    return render(
        request,
        "transcript.html",
        status,
        session=session,
        other=session["student"] if is_mentor else session["mentor"],
        transcript=transcript,
        ticket=await ticket_of(db, viewer, row),
        i_agree=agrees[0] if is_mentor else agrees[1],
        other_agrees=agrees[1] if is_mentor else agrees[0],
        is_over=session["status"] == Status.ENDED,
        base=_path(session_id),
        form=form,
    )


@router.post("/sessions/{session_id}/transcript/consent")
async def consent(request: Request, session_id: RowId, viewer: Visitor, reads: Read, db: Write) -> Response:
    """Let it go with the ticket, or not any longer; what looks like a secret in it is shown first.

    Raises:
        SessionNotFound, NoTicket, SessionNotOver: see `transcripts.consent`.
    """
    form = await Form.read(request)
    agrees = form["agrees"] == "on"
    try:
        said = await transcripts.consent(db, session_id, viewer, agrees=agrees, allow_secrets=allows_secrets(form))
    except LooksLikeSecret as error:
        transcript = await transcripts.of_session(reads, session_id, viewer)
        refuse_secrets(form, error, _places(transcript, error))
        raise Answer(await _show(request, reads, viewer, session_id, form, error.status)) from None
    key = "transcript_attached" if said.attached_at else "transcript_agreed" if agrees else "transcript_private"
    return redirect(request, _path(session_id), key)


def _places(transcript: Transcript, error: LooksLikeSecret) -> dict[str, str]:
    """Where on the page that stands which the error calls `messages/3/body`."""
    found = {}
    for field in error.found:
        kind, index, _rest = field.split("/")
        found[field] = f"m{transcript.messages[int(index)].seq}" if kind == "messages" else f"file-{index}"
    return found


@router.get("/tickets/{ticket_id}/transcripts")
async def of_ticket(request: Request, ticket_id: RowId, viewer: MaybeVisitor, db: Read) -> Response:
    """The transcripts that go with a ticket, for whoever may see it.

    Raises:
        TicketNotFound: there is none that the viewer may see.
    """
    ticket = as_ticket(await tickets.one(db, viewer, ticket_id), viewer)
    found = await transcripts.of_ticket(db, ticket_id, viewer)
    return render(request, "transcripts.html", ticket=ticket, transcripts=found)
