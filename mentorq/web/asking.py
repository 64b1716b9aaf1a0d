"""A student's side: asking, one's own tickets, and where everybody begins."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from mentorq.accounts.access import caller
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.errors import PreconditionFailed, TooManyRequests
from mentorq.core.http import Read, Write, etag
from mentorq.core.inputs import Cursor, RowId
from mentorq.core.pagination import Keyset, keyset, list_name
from mentorq.mentors import directory
from mentorq.reviews import service as reviews
from mentorq.sessions import service as sessions
from mentorq.tickets import conversation, lifecycle, service, wait
from mentorq.tickets.errors import LooksLikeSecret
from mentorq.tickets.models import LONGEST_SOLUTION, LONGEST_TITLE
from mentorq.tickets.schemas import NewTicket, TicketChange, Wait
from mentorq.tickets.service import Wanted
from mentorq.tickets.states import Status
from mentorq.web import community, progress, statistics
from mentorq.web.lists import next_page, ranking, tags_in
from mentorq.web.live_sessions import lists_of
from mentorq.web.pages import Answer, Form, PageRoute, is_part, redirect, render, tag_names
from mentorq.web.secrecy import allows_secrets, refuse_secrets
from mentorq.web.signins import VisitingStudent, Visitor
from mentorq.web.spared import look_alikes

router = APIRouter(route_class=PageRoute)

LONGEST_TAGS = 1000
ON_HOME = 10
NEEDING = 5
REMINDED_OF = 2
IN_HAND = 50
A_PAGE = 20
ACTIVE = (Status.OPEN, Status.ASSIGNED, Status.RESOLVED)
PREVIEWED = ("description", "body")
"""Names of the fields that hold Markdown, on whatever page they stand."""

Shown = Annotated[Status | None, Query(alias="status")]


# --- asking


@router.get("/app/ask")
async def ask_page(request: Request, student: VisitingStudent, db: Read, tags: str = "", title: str = "") -> Response:
    """Ask a question; what was searched for comes along as a title."""
    form = Form({"tags": tags, "title": title[:LONGEST_TITLE]})
    return await _ask_page(request, db, form, similar=await look_alikes(request, db, student, form))


@router.post("/app/ask")
async def ask(request: Request, student: VisitingStudent, reads: Read, db: Write) -> Response:
    """Post the ticket; or, by the button that works without scripts, see what it will look like."""
    form = await Form.read(request)
    if "preview" in form.values:
        return await _ask_page(request, reads, form)
    if "similar" in form.values:
        return await _ask_page(request, reads, form, similar=await look_alikes(request, reads, student, form))
    fields = {name: form[name] for name in ("title", "description")}
    choices = {"is_anonymous": form["is_anonymous"] == "on", "allow_secrets": allows_secrets(form)}
    body = form.fit(NewTicket, **fields, tags=tag_names(form["tags"]), **choices)
    status = 422
    if body is not None:
        try:
            await request.app.state.limiter.hit("tickets", "20/hour", caller(request, student))
            ticket = await lifecycle.post(db, student, body.title, body.description, body.tags, **choices)
        except TooManyRequests as error:  # what was written must not be lost
            form.refuse(error)
            status = 429
        except LooksLikeSecret as error:
            refuse_secrets(form, error)
        else:
            return redirect(request, f"/app/tickets/{ticket['id']}?posted=1", "asked")
    raise Answer(await _ask_page(request, reads, form, status))


async def _ask_page(request: Request, db: Read, form: Form, status: int = 200, *, similar: Any = None) -> Response:
    context: dict[str, Any] = {
        "similar": similar,
        "source": form["description"],
        "longest": LONGEST_SOLUTION,
        "wait": await _wait(db, form["tags"]),
    }
    return render(request, "ask.html", status, form=form, **context)


@router.get("/app/ask/wait")
async def wait_for_new(request: Request, student: VisitingStudent, db: Read, tags: str = "") -> Response:
    """How long a ticket with these tags may wait: a part of the page."""
    return render(request, "parts/wait.html", wait=await _wait(db, tags))


async def _wait(db: Read, given: str) -> Wait | None:
    """None as long as no tag is typed."""
    names = tags_in([given[:LONGEST_TAGS]])
    return await wait.wait_for_new(db, names) if names else None


@router.post("/app/preview")
async def preview(request: Request, viewer: Visitor) -> Response:
    """What somebody writes, as it will look: a part of the page."""
    form = await Form.read(request)
    await request.app.state.limiter.hit("preview", "60/minute", caller(request, viewer))
    source = next((form[name] for name in PREVIEWED if form[name]), "")
    return render(request, "parts/preview.html", source=source, longest=LONGEST_SOLUTION)


# --- one's own open ticket


@router.get("/app/tickets/{ticket_id}/edit")
async def edit_page(request: Request, ticket_id: RowId, student: VisitingStudent, db: Read) -> Response:
    """Change an open question."""
    ticket = await service.editable(db, student, ticket_id)
    fields = {"title": ticket["title"], "description": ticket["description"], "tags": ", ".join(ticket["tags"])}
    form = Form(fields | {"version": str(ticket["version"])})
    return _edit_page(request, form, ticket_id)


@router.post("/app/tickets/{ticket_id}/edit")
async def edit(request: Request, ticket_id: RowId, student: VisitingStudent, reads: Read, db: Write) -> Response:
    """Save it, unless it has changed since the page was opened."""
    ticket = await service.editable(reads, student, ticket_id)
    form = await Form.read(request)
    status = 422
    if "preview" in form.values:
        return _edit_page(request, form, ticket_id)
    fields = {name: form[name] for name in ("title", "description")}
    body = form.fit(TicketChange, **fields, tags=tag_names(form["tags"]))
    if body is not None:
        version = form["version"]
        if_match = etag(ticket_id, int(version)) if version.isdecimal() and len(version) < 10 else None
        try:
            changes = body.model_dump(exclude={"allow_secrets"})
            await lifecycle.edit(db, ticket_id, student, changes, if_match, allow_secrets=allows_secrets(form))
        except PreconditionFailed as error:  # shown with what was written; saving once more means it
            form.refuse(error)
            form.values["version"] = str(ticket["version"])
            status = PreconditionFailed.status
        except LooksLikeSecret as error:
            refuse_secrets(form, error)
        else:
            return redirect(request, f"/app/tickets/{ticket_id}", "ticket_saved")
    raise Answer(_edit_page(request, form, ticket_id, status))


def _edit_page(request: Request, form: Form, ticket_id: int, status: int = 200) -> Response:
    context: dict[str, Any] = {"source": form["description"], "longest": LONGEST_SOLUTION}
    return render(request, "edit.html", status, form=form, ticket_id=ticket_id, **context)


@router.post("/app/tickets/{ticket_id}/delete")
async def delete(request: Request, ticket_id: RowId, student: VisitingStudent, db: Write) -> Response:
    """Take an open question away."""
    await lifecycle.delete(db, ticket_id, student)
    return redirect(request, "/app/tickets", "ticket_deleted")


# --- lists


@router.get("/app")
async def home(request: Request, viewer: Visitor, db: Read) -> Response:
    """Where somebody begins: what waits for them, and their tickets."""
    place = keyset(db.settings, "home", None, IN_HAND if viewer.is_mentor else ON_HOME)
    context: dict[str, Any] = {"part_of_day": _part_of_day(viewer), "today": now()}
    if viewer.is_student or viewer.is_mentor:
        context |= await community.at_home(db, viewer)
    if viewer.is_mentor:
        tickets, _ = await service.mine(db, viewer, (Status.ASSIGNED,), place)
        unanswered = {ticket["id"]: ticket for ticket in await conversation.unanswered(db, viewer, IN_HAND)}
        profile = await directory.one(db, viewer.id)
        context |= lists_of(viewer, await sessions.going(db, viewer))
        context |= await statistics.context_of(db, viewer, "week")
        return render(request, "home_mentor.html", **context, tickets=tickets, unanswered=unanswered, profile=profile)
    if viewer.is_admin:
        return redirect(request, "/app/tickets")
    tickets, _ = await service.mine(db, viewer, ACTIVE, place)
    context |= lists_of(viewer, await sessions.going(db, viewer))
    context |= await progress.context_of(db, viewer)
    return render(
        request,
        "home.html",
        **context,
        needs=await _needs(db, viewer),
        tickets=tickets,
        counts=await service.asked_by_state(db, viewer),
    )


def _part_of_day(viewer: Viewer) -> str:
    hour = now().astimezone(ZoneInfo(viewer.time_zone)).hour
    return "morning" if 4 <= hour < 12 else "afternoon" if 12 <= hour < 18 else "evening"


async def _needs(db: Read, student: Viewer) -> list[tuple[str, dict[str, Any]]]:
    """What waits for the student: solutions to try, messages to answer, mentors to review; each kind newest first."""
    few = Keyset(None, NEEDING, "", b"")
    solved, _ = await service.mine(db, student, (Status.RESOLVED,), few)
    unanswered = await conversation.unanswered(db, student, NEEDING)
    unreviewed = await reviews.missing(db, student, REMINDED_OF)
    kinds = (("solved", solved), ("message", unanswered), ("review", unreviewed))
    return [(kind, ticket) for kind, tickets in kinds for ticket in tickets]


@router.get("/app/tickets")
async def tickets_page(
    request: Request, viewer: Visitor, db: Read, status: Shown = None, cursor: Cursor = None
) -> Response:
    """What a student asked, what a mentor took, or, for admins, everything."""
    place = keyset(db.settings, list_name(request, viewer.id), cursor, A_PAGE)
    statuses = (status,) if status else _usual(viewer)
    if viewer.is_admin:
        wanted = Wanted(statuses=statuses)
        tickets, next_cursor = await service.browse(db, viewer, wanted, place, ranking)
    else:
        tickets, next_cursor = await service.mine(db, viewer, statuses, place)
    context: dict[str, Any] = {
        "tickets": tickets,
        "status": status,
        "more": next_page(request, next_cursor),
    }
    if is_part(request) and cursor:
        return render(request, "parts/ticket_rows.html", **context, focus_first=True)
    counts = await service.asked_by_state(db, viewer) if viewer.is_student else {}
    template = "parts/tickets.html" if is_part(request) else "tickets.html"
    return render(request, template, **context, counts=counts)


def _usual(viewer: Viewer) -> tuple[Status, ...]:
    """What is listed where no state is asked for: what still moves."""
    if viewer.is_admin:
        return ()
    return (Status.ASSIGNED,) if viewer.is_mentor else ACTIVE
