"""The room of a live session: the page, and what its buttons do. What is said and written goes over the room's sockets."""

from typing import Any

from fastapi import APIRouter, Request, Response

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Row
from mentorq.core.http import Read, Write, json_response
from mentorq.core.inputs import RowId
from mentorq.sessions import lifecycle, service
from mentorq.sessions.schemas import as_session
from mentorq.sessions.states import BOOKED, Status
from mentorq.tickets import service as tickets
from mentorq.tickets.errors import TicketNotFound
from mentorq.web.locale import gettext as _
from mentorq.web.pages import PageRoute, is_part, redirect, render
from mentorq.web.sessions import Visitor

router = APIRouter(prefix="/app/sessions/{session_id}", route_class=PageRoute)

LANGUAGES = (
    ("bash", "Bash"),
    ("c", "C"),
    ("cpp", "C++"),
    ("csharp", "C#"),
    ("css", "CSS"),
    ("go", "Go"),
    ("html", "HTML"),
    ("java", "Java"),
    ("javascript", "JavaScript"),
    ("json", "JSON"),
    ("kotlin", "Kotlin"),
    ("markdown", "Markdown"),
    ("php", "PHP"),
    ("python", "Python"),
    ("ruby", "Ruby"),
    ("rust", "Rust"),
    ("sql", "SQL"),
    ("toml", "TOML"),
    ("typescript", "TypeScript"),
    ("yaml", "YAML"),
)
"""What the editor colours, by the names that `frontend/app/room/languages.js` has."""


def _path(session_id: int) -> str:
    return f"/app/sessions/{session_id}"


def _phrases() -> str:
    """What the editor's own parts say, such as its search: their names and our words, one in each line."""
    words = {
        "Find": _("Find"),
        "Replace": _("Replace with"),
        "next": _("next"),
        "previous": _("previous"),
        "all": _("all"),
        "match case": _("match case"),
        "regexp": _("regular expression"),
        "by word": _("whole words"),
        "replace": _("replace"),
        "replace all": _("replace all"),
        "close": _("close"),
        "current match": _("current match"),
        "on line": _("on line"),
        "replaced match on line $": _("replaced match on line $"),
        "replaced $ matches": _("replaced $ matches"),
        "Go to line": _("Go to line"),
        "go": _("go"),
        "Control character": _("Control character"),
        "Selection deleted": _("Selection deleted"),
    }
    return "\n".join(f"{name}={ours}" for name, ours in words.items())


@router.get("/room")
async def page(request: Request, session_id: RowId, viewer: Visitor, db: Read) -> Response:
    """The room, from when the session is booked until it is over.

    Raises:
        SessionNotFound: there is none, or it is of others.
    """
    session = as_session(await service.one(db, viewer, session_id))
    if session["status"] == Status.ENDED:
        return redirect(request, f"{_path(session_id)}/transcript")
    if session["status"] not in BOOKED:
        return redirect(request, _path(session_id))
    moment = now()
    is_live = session["status"] == Status.LIVE
    left = max(0, round(((session["ends_at"] if is_live else session["starts_at"]) - moment).total_seconds()))
    ticket = await _ticket(db, viewer, session["ticket_id"])
    return render(
        request,
        "room.html",
        session=session,
        other=session["student"] if viewer.id == session["mentor_id"] else session["mentor"],
        topic=session["topic"] or (ticket["title"] if ticket else "") or _("Live session"),
        ticket=ticket,
        extension=session["extension"],
        base=f"{_path(session_id)}/room",
        moment=moment,
        is_live=is_live,
        clock=f"{left // 60:02}:{left % 60:02}",
        code_languages=LANGUAGES,
        phrases=_phrases(),
    )


async def _ticket(db: Read, viewer: Viewer, ticket_id: int | None) -> Row | None:
    """What the session is about, where its viewer may see it: a mentor may not see every ticket."""
    if ticket_id is None:
        return None
    try:
        return await tickets.one(db, viewer, ticket_id)
    except TicketNotFound:
        return None


@router.get("/room/now")
async def state(session_id: RowId, viewer: Visitor, db: Read) -> Response:
    """How it stands, for a page whose sockets are refused; being asked, it also renews the sign-in.

    Raises:
        SessionNotFound: there is none, or it is of others.
    """
    session = as_session(await service.one(db, viewer, session_id))
    fields = {name: session[name] for name in ("status", "starts_at", "ends_at", "extension")}
    return json_response(fields | {"now": now()})


@router.post("/room/end")
async def end(request: Request, session_id: RowId, viewer: Visitor, db: Write) -> Response:
    """End it for both.

    Raises:
        SessionNotFound, SessionNotLive, SessionMoved: see `lifecycle.end`.
    """
    await lifecycle.end(db, session_id, viewer)
    return _done(request, session_id)


def _done(request: Request, session_id: int) -> Response:
    """The room hears of it by its socket."""
    return Response(status_code=204) if is_part(request) else redirect(request, f"{_path(session_id)}/room")
