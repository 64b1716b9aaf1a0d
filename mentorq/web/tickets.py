"""A ticket's page, for everyone who may see it, and what its people do there."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Query, Request, Response

from mentorq.accounts.access import caller
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Row
from mentorq.core.errors import DomainError, NotFound
from mentorq.core.http import Read, Write
from mentorq.core.inputs import LARGEST_ID, Cursor, RowId
from mentorq.core.pagination import keyset, list_name
from mentorq.mentors import directory, suggestions
from mentorq.reviews import service as reviews
from mentorq.reviews import testimonials
from mentorq.reviews.errors import AlreadyReviewed, ReviewNotFound
from mentorq.reviews.schemas import NewReview
from mentorq.sessions import schedule
from mentorq.sessions.room import queries as rooms
from mentorq.tickets import conversation, lifecycle, policy, service
from mentorq.tickets import wait as waiting
from mentorq.tickets.errors import LooksLikeSecret, NoDraft, NotYours, TicketNotAssigned, TicketNotFound, TicketNotOpen
from mentorq.tickets.schemas import Draft, NewMessage, Release, Reopening, Resolution, as_ticket
from mentorq.tickets.service import Wanted
from mentorq.tickets.states import Action, Status
from mentorq.web.lists import ranking, say
from mentorq.web.locale import gettext as _
from mentorq.web.pages import Answer, Form, PageRoute, is_part, redirect, render
from mentorq.web.secrecy import allows_secrets, refuse_secrets
from mentorq.web.signins import MaybeVisitor, VisitingMentor, Visitor, own_path

router = APIRouter(prefix="/app/tickets/{ticket_id}", route_class=PageRoute)

TIMELINE = 100
SUGGESTED = 3
LOOKED_AT = 10
"""So many of the best are looked at for one who is free now."""
VERSIONS = 20


def _path(ticket_id: int) -> str:
    return f"/app/tickets/{ticket_id}"


@router.get("")
async def page(request: Request, ticket_id: RowId, viewer: MaybeVisitor, db: Read, cursor: Cursor = None) -> Response:
    """The question, what was said and done since, the answer."""
    return await _show(request, db, viewer, ticket_id, cursor=cursor)


async def _show(
    request: Request,
    db: Read,
    viewer: Viewer,
    ticket_id: int,
    *,
    form: Form | None = None,
    status: int = 200,
    cursor: str | None = None,
    is_previewed: bool = False,
) -> Response:
    row = await service.one(db, viewer, ticket_id)
    place = keyset(db.settings, list_name(request, viewer.id), cursor, TIMELINE)
    entries, earlier = await conversation.timeline(db, row, viewer, place)
    context = _basics(db, viewer, row) | {
        "entries": entries,
        "earlier": earlier,
        "is_newest": cursor is None,
        "solved_by": _solved_by(row, entries),
        "is_posted": request.query_params.get("posted") == "1",
        "form": form or Form(),
        "blank": Form(),
        "is_previewed": is_previewed,
        "has_transcripts": bool(await rooms.attached(db, ticket_id)),
        **_last(entries),
        **await _around(request, db, viewer, row),
    }
    if context["writes_solution"]:
        context["draft"] = await _draft(db, ticket_id, viewer)
        if form is None and context["draft"] is not None:
            context["form"] = Form({"kind": "solution", "body": context["draft"].body})
    return render(request, "ticket.html", status, **context)


def _basics(db: Read, viewer: Viewer, row: Row) -> dict[str, Any]:
    """What every part of the page needs."""
    is_party = policy.is_party(viewer, row)
    return {
        "ticket": as_ticket(row, viewer),
        "base": _path(row["id"]),
        "is_owner": viewer.id == row["student_id"],
        "is_party": is_party,
        "writes": is_party and row["status"] in (Status.ASSIGNED, Status.RESOLVED),
        "writes_solution": policy.can(viewer, Action.RESOLVE, row),
        "can": {action.value: policy.can(viewer, action, row) for action in Action if action != Action.CREATE},
        "draft": None,
        "lease": _lease(db, row),
        "shown_status": row["status"],
    }


def _lease(db: Read, row: Row) -> dict[str, Any] | None:
    """How much of its lease is left."""
    if row["respond_by"] is None:
        return None
    whole = db.settings.conversation_lease if row["responded_at"] else db.settings.claim_lease
    left = max(timedelta(0), row["respond_by"] - now())
    return {
        "since": row["respond_by"] - whole,
        "left": left.total_seconds(),
        "percent": round(100 * min(1.0, left / whole)),
    }


def _solved_by(row: Row, entries: list[conversation.Entry]) -> int | None:
    """The event at which the solution is shown: the last time that one was posted."""
    if not row["solution"]:
        return None
    return max((entry["id"] for entry in entries if entry.get("action") == Action.RESOLVE), default=None)


def _last(entries: list[conversation.Entry], messages: int = 0, events: int = 0) -> dict[str, int]:
    """The newest message and event that the page shows."""
    said = (entry["id"] for entry in entries if "action" not in entry)
    done = (entry["id"] for entry in entries if "action" in entry)
    return {"last_message": max([messages, *said]), "last_event": max([events, *done])}


async def _around(request: Request, db: Read, viewer: Viewer, row: Row) -> dict[str, Any]:
    """What stands beside it: for who may take it, for who waits, and what was said of it in the end."""
    found: dict[str, Any] = {"wait": None, "suggested": [], "match": None, "is_aside": False, "review": None}
    found["free_now"] = None
    if policy.can(viewer, Action.ACCEPT, row) and viewer.is_mentor:
        found["match"] = (await suggestions.suits(db, viewer, [row], say)).get(row["id"])
        found["is_aside"] = await service.is_aside(db, viewer, row["id"])
    elif policy.can(viewer, Action.EDIT, row):
        found["wait"] = await waiting.wait(db, row["id"], viewer)
        best = await suggestions.suggest(db, row["id"], viewer, LOOKED_AT)
        profiles = await directory.several(db, [mentor_id for mentor_id, _match in best])
        suits = [
            (profiles[mentor_id], suggestions.as_match(match, say))
            for mentor_id, match in best
            if mentor_id in profiles
        ]
        found["suggested"] = suits[:SUGGESTED]
        if viewer.is_student:
            found["free_now"] = await _free_now(db, viewer, suits)
    elif row["status"] == Status.CLOSED:
        try:
            found["review"], _ = await reviews.of_ticket(db, viewer, row["id"])
        except ReviewNotFound:
            found["review"] = None
    return found


async def _free_now(db: Read, student: Viewer, suits: list[tuple[dict[str, Any], Any]]) -> dict[str, Any] | None:
    """The best mentor who may be asked for a session at once, and why just this one."""
    free = await schedule.free_now(db, student, [mentor["id"] for mentor, _match in suits])
    for mentor, match in suits:
        if free and mentor["id"] == free[0]:
            return mentor | {"reason": next(iter(match["reasons"]), "")}
    return None


async def _draft(db: Read, ticket_id: int, mentor: Viewer) -> Any:
    try:
        return await conversation.draft(db, ticket_id, mentor)
    except NoDraft:
        return None


@router.get("/news")
async def news(
    request: Request,
    ticket_id: RowId,
    viewer: MaybeVisitor,
    db: Read,
    after: int = Query(0, ge=0, le=LARGEST_ID),
    event: int = Query(0, ge=0, le=LARGEST_ID),
    status: Status = Status.ASSIGNED,
) -> Response:
    """What has happened since the page was made: it asks every few seconds. Nothing new: no content."""
    if not is_part(request):
        return redirect(request, _path(ticket_id))
    try:
        row = await service.one(db, viewer, ticket_id)
    except TicketNotFound:  # it is somebody else's by now; whoever reads on must not lose the page
        return Response(status_code=204)
    entries = await conversation.news(db, row, viewer, (after, event), TIMELINE)
    if not entries:
        return Response(status_code=204)
    return render(request, "parts/ticket_news.html", **_newer(db, viewer, row, entries, after, event, status))


def _newer(
    db: Read, viewer: Viewer, row: Row, entries: list[conversation.Entry], after: int, event: int, status: str
) -> dict[str, Any]:
    context = _basics(db, viewer, row) | {"entries": entries, "solved_by": _solved_by(row, entries)}
    return context | _last(entries, after, event) | {"shown_status": status}


# --- taking and giving back


@router.post("/accept")
async def accept(request: Request, ticket_id: RowId, mentor: VisitingMentor, db: Write) -> Response:
    """Take an open ticket; who comes too late is shown the next one."""
    try:
        await lifecycle.accept(db, ticket_id, mentor)
    except TicketNotOpen as error:
        holder: Any = error.extra.get("holder")
        if holder and holder["id"] == mentor.id:
            return redirect(request, _path(ticket_id))
        raise Answer(await _too_late(request, db, mentor, error, holder)) from None
    return redirect(request, _path(ticket_id), "accepted")


async def _too_late(request: Request, db: Read, mentor: Viewer, error: TicketNotOpen, holder: Any) -> Response:
    place = keyset(db.settings, "next", None, 1)
    best, _more = await service.browse(db, mentor, Wanted(sort="match"), place, ranking)
    following = best[0] if best else None
    response = render(request, "taken.html", error.status, error=error, holder=holder, following=following)
    if is_part(request):
        response.headers.update({"HX-Retarget": "body", "HX-Reswap": "innerHTML"})
    return response


@router.post("/pass")
async def pass_by(request: Request, ticket_id: RowId, mentor: VisitingMentor, db: Write) -> Response:
    """Do not offer it to me again."""
    form = await Form.read(request)
    reason = form["reason"] if form["reason"] in ("not_my_area", "unclear", "no_time") else "other"
    await lifecycle.pass_by(db, ticket_id, mentor, reason)
    return _put_aside(request, form, "passed")


@router.post("/unpass")
async def unpass(request: Request, ticket_id: RowId, mentor: VisitingMentor, db: Write) -> Response:
    """Offer it to me again."""
    form = await Form.read(request)
    await lifecycle.unpass(db, ticket_id, mentor)
    return _put_aside(request, form, "unpassed")


def _put_aside(request: Request, form: Form, said: str) -> Response:
    """A script has changed the row by itself already."""
    if is_part(request):
        return Response(status_code=204)
    return redirect(request, own_path(form["next"], "/app/queue"), said)


@router.post("/extend")
async def extend(request: Request, ticket_id: RowId, mentor: VisitingMentor, db: Write) -> Response:
    """Ask for more time."""
    row = await lifecycle.extend(db, ticket_id, mentor)
    if is_part(request):
        return render(request, "parts/lease.html", **_basics(db, mentor, row), is_extended=True)
    return redirect(request, _path(ticket_id), "extended")


@router.get("/release")
async def release_page(request: Request, ticket_id: RowId, mentor: VisitingMentor, db: Read) -> Response:
    """The form that the ticket's page has in a dialog."""
    return await _reason_page(request, db, mentor, ticket_id, Action.RELEASE, Form())


@router.post("/release")
async def release(request: Request, ticket_id: RowId, mentor: VisitingMentor, db: Write) -> Response:
    """Give it back to the queue."""
    form = await Form.read(request)
    body = form.fit(Release, reason=form["reason"] or None)
    if body is None:
        raise Answer(await _reason_page(request, db, mentor, ticket_id, Action.RELEASE, form, 422))
    await lifecycle.release(db, ticket_id, mentor, body.reason or None)
    return redirect(request, "/app/queue", "released")


async def _reason_page(
    request: Request, db: Read, viewer: Viewer, ticket_id: int, action: Action, form: Form, status: int = 200
) -> Response:
    row = await service.one(db, viewer, ticket_id)
    if refused := policy.refusal(viewer, action, row):
        raise refused
    return render(request, f"{action}.html", status, **_basics(db, viewer, row), form=form)


# --- talking and solving


@router.post("/messages")
async def answer(request: Request, ticket_id: RowId, viewer: Visitor, db: Write) -> Response:
    """What the composer sends: `act` is the button, else `kind` what was chosen."""
    form = await Form.read(request)
    acts = {"solution": _resolve, "draft": _save_draft, "preview": _preview}
    act = acts.get(form["act"] or form["kind"], _say)
    return await act(request, db, viewer, ticket_id, form)


@router.post("/resolve")
async def resolve(request: Request, ticket_id: RowId, mentor: Visitor, db: Write) -> Response:
    """Post the solution."""
    form = await Form.read(request)
    form.values["kind"] = "solution"
    return await _resolve(request, db, mentor, ticket_id, form)


@router.post("/draft")
async def draft(request: Request, ticket_id: RowId, mentor: Visitor, db: Write) -> Response:
    """Keep the solution that is being written. A message is no solution, and is not kept."""
    form = await Form.read(request)
    if is_part(request) and form["kind"] == "message":
        return Response(status_code=204)
    return await _save_draft(request, db, mentor, ticket_id, form)


async def _say(request: Request, db: Write, viewer: Viewer, ticket_id: int, form: Form) -> Response:
    body = form.fit(NewMessage, body=form["body"])
    if body is None:
        raise Answer(await _composed(request, db, viewer, ticket_id, form, 422))
    try:
        await request.app.state.limiter.hit("messages", "60/minute", caller(request, viewer))
        await conversation.say(db, ticket_id, viewer, body.body)
    except DomainError as error:
        raise await _refused(request, db, viewer, ticket_id, form, error) from None
    if not is_part(request):
        return redirect(request, _path(ticket_id), "sent")
    row = await service.one(db, viewer, ticket_id)
    after, event = _number(form["after"]), _number(form["event"])
    entries = await conversation.news(db, row, viewer, (after, event), TIMELINE)
    context = _newer(db, viewer, row, entries, after, event, form["status"] or row["status"])
    if context["writes_solution"]:
        context["draft"] = await _draft(db, ticket_id, viewer)
    emptied = Form({"kind": "message"})
    return render(request, "parts/ticket_sent.html", **context, form=emptied, is_previewed=False)


def _number(given: str) -> int:
    return int(given) if given.isdecimal() and len(given) < 19 else 0


async def _resolve(request: Request, db: Write, viewer: Viewer, ticket_id: int, form: Form) -> Response:
    form.values |= {"kind": "solution", "body": form["body"] or form["solution"]}
    body = form.fit(Resolution, solution=form["body"])
    if body is None:
        form.errors = {"body": form.errors.pop("solution"), **form.errors}
        raise Answer(await _composed(request, db, viewer, ticket_id, form, 422))
    try:
        await lifecycle.resolve(db, ticket_id, viewer, body.solution, allow_secrets=allows_secrets(form))
    except LooksLikeSecret as error:
        refuse_secrets(form, error, {"solution": "body"})
        raise Answer(await _composed(request, db, viewer, ticket_id, form, error.status)) from None
    except DomainError as error:
        raise await _refused(request, db, viewer, ticket_id, form, error) from None
    return redirect(request, _path(ticket_id), "resolved")


async def _is_posted(db: Read, mentor: Viewer, ticket_id: int) -> bool:
    row = await service.one(db, mentor, ticket_id)
    return row["status"] in (Status.RESOLVED, Status.CLOSED) and row["assigned_mentor_id"] == mentor.id


async def _save_draft(request: Request, db: Write, viewer: Viewer, ticket_id: int, form: Form) -> Response:
    body = form.fit(Draft, body=form["body"])
    if body is None:
        raise Answer(await _composed(request, db, viewer, ticket_id, form, 422))
    try:
        await conversation.keep_draft(db, ticket_id, viewer, body.body)
    except DomainError as error:
        if is_part(request) and isinstance(error, TicketNotAssigned) and await _is_posted(db, viewer, ticket_id):
            return Response(status_code=204)  # the solution came before this draft of it: nothing is left to keep
        raise await _refused(request, db, viewer, ticket_id, form, error) from None
    if is_part(request):
        return render(request, "parts/draft_saved.html", saved_at=now())
    return redirect(request, _path(ticket_id), "draft_saved")


async def _preview(request: Request, db: Write, viewer: Viewer, ticket_id: int, form: Form) -> Response:
    await request.app.state.limiter.hit("preview", "60/minute", caller(request, viewer))
    return await _composed(request, db, viewer, ticket_id, form, 200, is_previewed=True)


async def _composed(
    request: Request,
    db: Write,
    viewer: Viewer,
    ticket_id: int,
    form: Form,
    status: int,
    *,
    is_previewed: bool = False,
) -> Response:
    """The composer with what was written in it: alone, or on its page."""
    if not is_part(request):
        return await _show(request, db, viewer, ticket_id, form=form, status=status, is_previewed=is_previewed)
    row = await service.one(db, viewer, ticket_id)
    context = _basics(db, viewer, row)
    if context["writes_solution"]:
        context["draft"] = await _draft(db, ticket_id, viewer)
    return render(request, "parts/composer.html", status, **context, form=form, is_previewed=is_previewed)


async def _refused(
    request: Request, db: Write, viewer: Viewer, ticket_id: int, form: Form, error: DomainError
) -> Exception:
    """A text that could not be taken is shown again with the reason, wherever its writer may still see the ticket."""
    if is_part(request) or isinstance(error, NotFound | NotYours):
        return error
    form.refuse(error)
    try:
        return Answer(await _show(request, db, viewer, ticket_id, form=form, status=error.status))
    except DomainError:
        return error


@router.get("/solution")
async def solution_page(
    request: Request, ticket_id: RowId, viewer: MaybeVisitor, db: Read, cursor: Cursor = None
) -> Response:
    """What the solution said, from its first version on; its mentor can improve it here."""
    return await _solution_page(request, db, viewer, ticket_id, None, cursor=cursor)


@router.post("/solution")
async def edit_solution(request: Request, ticket_id: RowId, mentor: VisitingMentor, db: Write) -> Response:
    """Save a better version; the earlier ones are kept."""
    form = await Form.read(request)
    body = form.fit(Resolution, solution=form["solution"])
    if body is None or form["act"] == "preview":
        status = 422 if body is None else 200
        raise Answer(await _solution_page(request, db, mentor, ticket_id, form, status))
    try:
        await lifecycle.edit_solution(db, ticket_id, mentor, body.solution, allow_secrets=allows_secrets(form))
    except LooksLikeSecret as error:
        refuse_secrets(form, error)
        raise Answer(await _solution_page(request, db, mentor, ticket_id, form, error.status)) from None
    return redirect(request, _path(ticket_id), "solution_saved")


async def _solution_page(
    request: Request,
    db: Read,
    viewer: Viewer,
    ticket_id: int,
    form: Form | None,
    status: int = 200,
    cursor: str | None = None,
) -> Response:
    row = await service.one(db, viewer, ticket_id)
    if not row["solution"]:
        raise NotFound
    place = keyset(db.settings, list_name(request, viewer.id), cursor, VERSIONS)
    versions, next_cursor = await conversation.solution_versions(db, ticket_id, viewer, place)
    return render(
        request,
        "solution.html",
        status,
        **_basics(db, viewer, row),
        versions=versions,
        next_cursor=next_cursor,
        form=form or Form({"solution": row["solution"]}),
        is_previewed=form is not None and form["act"] == "preview",
    )


# --- the owner's last word


@router.get("/reopen")
async def reopen_page(request: Request, ticket_id: RowId, viewer: Visitor, db: Read) -> Response:
    """The form that the ticket's page has in a dialog."""
    return await _reason_page(request, db, viewer, ticket_id, Action.REOPEN, Form())


@router.post("/reopen")
async def reopen(request: Request, ticket_id: RowId, viewer: Visitor, db: Write) -> Response:
    """Say what is still wrong."""
    form = await Form.read(request)
    body = form.fit(Reopening, reason=form["reason"])
    if body is None:
        raise Answer(await _reason_page(request, db, viewer, ticket_id, Action.REOPEN, form, 422))
    await lifecycle.reopen(db, ticket_id, viewer, body.reason)
    return redirect(request, _path(ticket_id), "reopened")


@router.post("/close")
async def close(request: Request, ticket_id: RowId, viewer: Visitor, db: Write) -> Response:
    """Say that it is solved."""
    await lifecycle.close(db, ticket_id, viewer)
    return redirect(request, _path(ticket_id), "closed")


@router.post("/review")
async def review(request: Request, ticket_id: RowId, viewer: Visitor, db: Write) -> Response:
    """Say how it was."""
    form = await Form.read(request)
    if form["rating"] not in ("1", "2", "3", "4", "5"):
        form.note("rating", _("Choose one to five stars."))
    may_be_shown = form["may_be_shown"] == "on"
    rating = _number(form["rating"]) or 1
    body = form.fit(NewReview, rating=rating, comment=form["comment"], may_be_shown=may_be_shown)
    if body is None or form.errors:
        raise Answer(await _show(request, db, viewer, ticket_id, form=form, status=422))
    try:
        await reviews.review(db, ticket_id, viewer, body.rating, body.comment or "", may_be_shown=may_be_shown)
    except AlreadyReviewed:
        return redirect(request, _path(ticket_id))
    return redirect(request, _path(ticket_id), "reviewed")


@router.post("/review/consent")
async def consent(request: Request, ticket_id: RowId, viewer: Visitor, db: Write) -> Response:
    """Let the mentor show the review on the profile, or not any longer."""
    form = await Form.read(request)
    await testimonials.allow(db, ticket_id, viewer, may_be_shown=bool(form["on"]), if_match=None)
    return redirect(request, _path(ticket_id), "allowed" if form["on"] else "withdrawn")
