"""The room of a live session: its page, and what its buttons do. All that is said and written goes over its sockets."""

from fastapi import APIRouter, Request, Response

from mentorq.core.clock import now
from mentorq.core.http import Read, Write, json_response
from mentorq.core.inputs import RowId
from mentorq.sessions import lifecycle, service
from mentorq.sessions.room import extension, transcripts
from mentorq.sessions.room.schemas import MoreTime
from mentorq.sessions.schemas import as_session
from mentorq.sessions.states import BOOKED, Status
from mentorq.tickets.errors import LooksLikeSecret
from mentorq.web.live_sessions import ticket_of
from mentorq.web.locale import gettext as _
from mentorq.web.pages import Form, PageRoute, is_part, redirect, render
from mentorq.web.signins import Visitor

router = APIRouter(prefix="/app/sessions/{session_id}", route_class=PageRoute)

LANGUAGES = {
    "bash": "Bash",
    "c": "C",
    "c#": "C#",
    "c++": "C++",
    "css": "CSS",
    "dart": "Dart",
    "diff": "Diff",
    "docker": "Dockerfile",
    "go": "Go",
    "haskell": "Haskell",
    "html": "HTML",
    "java": "Java",
    "javascript": "JavaScript",
    "json": "JSON",
    "kotlin": "Kotlin",
    "lua": "Lua",
    "markdown": "Markdown",
    "perl": "Perl",
    "php": "PHP",
    "powershell": "PowerShell",
    "python": "Python",
    "r": "R",
    "ruby": "Ruby",
    "rust": "Rust",
    "scala": "Scala",
    "sql": "SQL",
    "swift": "Swift",
    "toml": "TOML",
    "typescript": "TypeScript",
    "xml": "XML",
    "yaml": "YAML",
}
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
    row = await service.one(db, viewer, session_id)
    session = as_session(row)
    if session["status"] == Status.ENDED:
        return redirect(request, f"{_path(session_id)}/transcript")
    if session["status"] not in BOOKED:
        return redirect(request, _path(session_id))
    moment = now()
    is_on = session["starts_at"] <= moment
    left = max(0, round(((session["ends_at"] if is_on else session["starts_at"]) - moment).total_seconds()))
    ticket = await ticket_of(db, viewer, row)
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
        is_on=is_on,
        clock=f"{left // 60:02}:{left % 60:02}",
        code_languages=LANGUAGES.items(),
        phrases=_phrases(),
    )


@router.get("/room/now")
async def state(session_id: RowId, viewer: Visitor, db: Read) -> Response:
    """How it stands, for a page whose sockets are refused; being asked, it also renews the sign-in.

    Raises:
        SessionNotFound: there is none, or it is of others.
    """
    session = as_session(await service.one(db, viewer, session_id))
    fields = {name: session[name] for name in ("status", "starts_at", "ends_at", "extension")}
    return json_response(fields | {"now": now()})


@router.post("/room/more")
async def ask_for_more(request: Request, session_id: RowId, viewer: Visitor, db: Write) -> Response:
    """Ask for more time, or agree to what the other one asked for.

    Raises:
        SessionNotFound, SessionNotLive, ExtensionTooLong, SlotTaken, SessionMoved: see `extension.ask`.
    """
    await extension.ask(db, session_id, viewer, MoreTime().minutes)
    return _done(request, session_id)


@router.post("/room/not-now")
async def drop_more(request: Request, session_id: RowId, viewer: Visitor, db: Write) -> Response:
    """Take the question for more time back, or say: not now.

    Raises:
        SessionNotFound, SessionNotLive: see `extension.drop`.
    """
    await extension.drop(db, session_id, viewer)
    return _done(request, session_id)


@router.post("/room/end")
async def end(request: Request, session_id: RowId, viewer: Visitor, db: Write) -> Response:
    """End it for both; with `attach`, the transcript may go with the ticket, unless it holds what looks like a secret.

    Raises:
        SessionNotFound, SessionNotLive, SessionMoved: see `lifecycle.end`.
    """
    form = await Form.read(request)
    session = await lifecycle.end(db, session_id, viewer)
    if form["attach"] == "on" and session["ticket_id"] is not None:
        try:
            await transcripts.consent(db, session_id, viewer, agrees=True, allow_secrets=False)
        except LooksLikeSecret:
            return redirect(request, f"{_path(session_id)}/transcript", "holds_secrets")
    return _done(request, session_id)


def _done(request: Request, session_id: int) -> Response:
    """The room hears of it by its socket."""
    return Response(status_code=204) if is_part(request) else redirect(request, f"{_path(session_id)}/room")
