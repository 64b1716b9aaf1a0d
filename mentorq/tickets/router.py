"""/tickets: the life of a question."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from mentorq.accounts.access import CurrentMentor, CurrentStudent, CurrentViewer, MaybeViewer, limited
from mentorq.accounts.errors import WrongRole
from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Row
from mentorq.core.errors import InvalidInput, PreconditionFailed, problems
from mentorq.core.http import IfMatch, Read, Route, Write, etag, json_response
from mentorq.core.inputs import Cursor, Limit, RowId, SearchText
from mentorq.core.pagination import BadCursor, Keyset, Page, keyset, link_next, list_name
from mentorq.tags.schemas import TagFilter
from mentorq.tickets import conversation, lifecycle, service
from mentorq.tickets import wait as waiting
from mentorq.tickets.errors import (
    LooksLikeSecret,
    NoDraft,
    NotYours,
    TicketClosed,
    TicketMoved,
    TicketNotAssigned,
    TicketNotFound,
    TicketNotOpen,
    TicketNotResolved,
)
from mentorq.tickets.schemas import (
    Draft,
    Message,
    NewMessage,
    NewTicket,
    Pass,
    Release,
    Reopening,
    Resolution,
    SolutionDraft,
    SolutionVersion,
    Ticket,
    TicketChange,
    TicketEvent,
    TicketInQueue,
    Wait,
    as_ticket,
)
from mentorq.tickets.service import Ranking, Wanted
from mentorq.tickets.states import Status

router = APIRouter(prefix="/tickets", tags=["tickets"], route_class=Route)

Statuses = Annotated[list[Status], Query(alias="status", max_length=10, description="Repeatable.")]


async def _place(request: Request, db: Read, viewer: CurrentViewer, limit: Limit = 20, cursor: Cursor = None) -> Keyset:
    return keyset(db.settings, list_name(request, viewer.id), cursor, limit)


Place = Annotated[Keyset, Depends(_place)]


async def _ranking(request: Request) -> Ranking:
    ranking: Ranking = request.app.state.ranking
    return ranking


def _answer(row: Row, viewer: Viewer, status: int = 200) -> Response:
    headers = {"ETag": etag(row["id"], row["version"])}
    if status == 201:
        headers["Location"] = f"/tickets/{row['id']}"
    return json_response(as_ticket(row, viewer), status, headers)


def _page(request: Request, items: list[dict[str, Any]], next_cursor: str | None) -> Response:
    response = json_response({"items": items, "next_cursor": next_cursor})
    link_next(request, response, next_cursor)
    return response


@router.post(
    "",
    status_code=201,
    response_model=Ticket,
    responses=problems(WrongRole, InvalidInput, LooksLikeSecret),
    dependencies=[limited("tickets", "20/hour")],
    summary="Ask a question",
)
async def post(body: NewTicket, student: CurrentStudent, db: Write) -> Response:
    """Post a ticket: it is `open`, and mentors see it."""
    ticket = await lifecycle.post(
        db,
        student,
        body.title,
        body.description,
        body.tags,
        is_anonymous=body.is_anonymous,
        allow_secrets=body.allow_secrets,
    )
    return _answer(ticket, student, 201)


@router.get("", response_model=Page[TicketInQueue], responses=problems(WrongRole, BadCursor), summary="List tickets")
async def browse(
    request: Request,
    viewer: CurrentViewer,
    db: Read,
    place: Place,
    rank: Annotated[Ranking, Depends(_ranking)],
    status: Statuses = [],  # noqa: B006
    tag: TagFilter = [],  # noqa: B006
    tags: Annotated[Literal["any", "all"], Query(description="With several `tag`: one of them, or each.")] = "any",
    q: SearchText = None,
    sort: Literal["newest", "oldest", "match"] = "newest",
    matching: Annotated[bool, Query(description="Only tickets that share a tag with my expertise.")] = False,
) -> Response:
    """Students: their own tickets. Mentors: the queue, without what they have put aside. `sort=match`: best first."""
    wanted = Wanted(tuple(status), tuple(tag), tags == "all", q or "", sort, matching)
    return _page(request, *await service.browse(db, viewer, wanted, place, rank))


@router.get("/me", response_model=Page[Ticket], responses=problems(BadCursor), summary="List my tickets")
async def mine(
    request: Request,
    viewer: CurrentViewer,
    db: Read,
    place: Place,
    status: Statuses = [],  # noqa: B006
) -> Response:
    """Students: what they asked. Mentors: what they took."""
    return _page(request, *await service.mine(db, viewer, tuple(status), place))


@router.get("/{ticket_id}", response_model=Ticket, responses=problems(TicketNotFound), summary="Get a ticket")
async def get(ticket_id: RowId, viewer: MaybeViewer, db: Read) -> Response:
    """A ticket: for its owner and its mentor, for any mentor while it is open, for anyone once it is resolved."""
    return _answer(await service.one(db, viewer, ticket_id), viewer)


@router.patch(
    "/{ticket_id}",
    response_model=Ticket,
    responses=problems(NotYours, TicketNotFound, TicketNotOpen, PreconditionFailed, InvalidInput, LooksLikeSecret),
    summary="Edit a ticket",
)
async def edit(
    ticket_id: RowId, body: TicketChange, viewer: CurrentViewer, db: Write, if_match: IfMatch = None
) -> Response:
    """Change an open ticket of one's own."""
    given = body.model_dump(exclude_unset=True, exclude={"allow_secrets"})
    changes = {name: value for name, value in given.items() if value is not None}
    ticket = await lifecycle.edit(db, ticket_id, viewer, changes, if_match, allow_secrets=body.allow_secrets)
    return _answer(ticket, viewer)


@router.delete(
    "/{ticket_id}",
    status_code=204,
    responses=problems(NotYours, TicketNotFound, TicketNotOpen),
    summary="Delete a ticket",
)
async def delete(ticket_id: RowId, viewer: CurrentViewer, db: Write) -> None:
    """Take an open ticket of one's own away."""
    await lifecycle.delete(db, ticket_id, viewer)


@router.post(
    "/{ticket_id}/accept",
    response_model=Ticket,
    responses=problems(WrongRole, TicketNotFound, TicketNotOpen),
    summary="Accept a ticket",
)
async def accept(ticket_id: RowId, mentor: CurrentMentor, db: Write) -> Response:
    """Take an open ticket. Of any number of mentors who try at once, exactly one succeeds; the others learn who."""
    return _answer(await lifecycle.accept(db, ticket_id, mentor), mentor)


@router.post(
    "/{ticket_id}/release",
    response_model=Ticket,
    responses=problems(WrongRole, NotYours, TicketNotFound, TicketNotAssigned),
    summary="Give a ticket back",
)
async def release(ticket_id: RowId, mentor: CurrentMentor, db: Write, body: Release | None = None) -> Response:
    """Give a ticket back to the queue, where it has its old place."""
    reason = body.reason if body else None
    return _answer(await lifecycle.release(db, ticket_id, mentor, reason or None), mentor)


@router.post(
    "/{ticket_id}/pass",
    status_code=204,
    responses=problems(WrongRole, TicketNotFound, TicketNotOpen),
    summary="Pass a ticket by",
)
async def pass_by(ticket_id: RowId, mentor: CurrentMentor, db: Write, body: Pass | None = None) -> None:
    """Do not offer this open ticket to me again."""
    await lifecycle.pass_by(db, ticket_id, mentor, (body and body.reason) or "other")


@router.delete(
    "/{ticket_id}/pass", status_code=204, responses=problems(WrongRole, TicketNotFound), summary="Take a pass back"
)
async def unpass(ticket_id: RowId, mentor: CurrentMentor, db: Write) -> None:
    """Offer this ticket to me again."""
    await lifecycle.unpass(db, ticket_id, mentor)


@router.post(
    "/{ticket_id}/extend",
    response_model=Ticket,
    responses=problems(WrongRole, NotYours, TicketNotFound, TicketNotAssigned),
    summary="Ask for more time",
)
async def extend(ticket_id: RowId, mentor: CurrentMentor, db: Write) -> Response:
    """Move `respond_by` on. When it passes without an answer, the ticket goes back to the queue by itself."""
    return _answer(await lifecycle.extend(db, ticket_id, mentor), mentor)


@router.get(
    "/{ticket_id}/wait", responses=problems(NotYours, TicketNotFound, TicketNotOpen), summary="Estimate the wait"
)
async def wait(ticket_id: RowId, viewer: CurrentViewer, db: Read) -> Wait:
    """The place in the queue, and what can honestly be said about how long it will take."""
    return await waiting.wait(db, ticket_id, viewer)


DRAFT_PROBLEMS = problems(WrongRole, NotYours, TicketNotFound, NoDraft, TicketNotAssigned)


@router.get("/{ticket_id}/draft", responses=DRAFT_PROBLEMS, summary="Get the solution's draft")
async def get_draft(ticket_id: RowId, mentor: CurrentMentor, db: Read) -> SolutionDraft:
    """The solution that is being written."""
    return await conversation.draft(db, ticket_id, mentor)


@router.put("/{ticket_id}/draft", status_code=204, responses=DRAFT_PROBLEMS, summary="Keep the solution's draft")
async def put_draft(ticket_id: RowId, body: Draft, mentor: CurrentMentor, db: Write) -> None:
    """Keep the solution that is being written on the server."""
    await conversation.keep_draft(db, ticket_id, mentor, body.body)


@router.delete("/{ticket_id}/draft", status_code=204, responses=DRAFT_PROBLEMS, summary="Drop the solution's draft")
async def delete_draft(ticket_id: RowId, mentor: CurrentMentor, db: Write) -> None:
    """Throw the draft away."""
    await conversation.drop_draft(db, ticket_id, mentor)


@router.post(
    "/{ticket_id}/resolve",
    response_model=Ticket,
    responses=problems(WrongRole, NotYours, TicketNotFound, TicketNotAssigned, InvalidInput, LooksLikeSecret),
    summary="Post the solution",
)
async def resolve(ticket_id: RowId, body: Resolution, mentor: CurrentMentor, db: Write) -> Response:
    """Post the solution; it is public from here on."""
    ticket = await lifecycle.resolve(db, ticket_id, mentor, body.solution, allow_secrets=body.allow_secrets)
    return _answer(ticket, mentor)


@router.patch(
    "/{ticket_id}/solution",
    response_model=Ticket,
    responses=problems(
        WrongRole, NotYours, TicketNotFound, TicketNotResolved, PreconditionFailed, InvalidInput, LooksLikeSecret
    ),
    summary="Edit the solution",
)
async def edit_solution(
    ticket_id: RowId, body: Resolution, mentor: CurrentMentor, db: Write, if_match: IfMatch = None
) -> Response:
    """Improve a posted solution; earlier versions are kept."""
    ticket = await lifecycle.edit_solution(
        db, ticket_id, mentor, body.solution, if_match, allow_secrets=body.allow_secrets
    )
    return _answer(ticket, mentor)


@router.get(
    "/{ticket_id}/solution/versions",
    responses=problems(TicketNotFound, BadCursor),
    summary="List a solution's versions",
)
async def solution_versions(
    request: Request,
    response: Response,
    ticket_id: RowId,
    viewer: MaybeViewer,
    db: Read,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[SolutionVersion]:
    """What the solution said, oldest first."""
    place = keyset(db.settings, list_name(request, viewer.id), cursor, limit)
    rows, next_cursor = await conversation.solution_versions(db, ticket_id, viewer, place)
    link_next(request, response, next_cursor)
    return Page[SolutionVersion](items=[SolutionVersion(**row) for row in rows], next_cursor=next_cursor)


OWNER_OF_RESOLVED = problems(NotYours, TicketNotFound, TicketNotResolved)


@router.post("/{ticket_id}/reopen", response_model=Ticket, responses=OWNER_OF_RESOLVED, summary="Reopen a ticket")
async def reopen(ticket_id: RowId, body: Reopening, viewer: CurrentViewer, db: Write) -> Response:
    """Say that the solution did not help: the ticket is its mentor's again."""
    return _answer(await lifecycle.reopen(db, ticket_id, viewer, body.reason), viewer)


@router.post("/{ticket_id}/close", response_model=Ticket, responses=OWNER_OF_RESOLVED, summary="Close a ticket")
async def close(ticket_id: RowId, viewer: CurrentViewer, db: Write) -> Response:
    """Say that it is solved. Now it can be reviewed."""
    return _answer(await lifecycle.close(db, ticket_id, viewer), viewer)


@router.get(
    "/{ticket_id}/messages",
    response_model=Page[Message],
    responses=problems(NotYours, TicketNotFound, BadCursor),
    summary="Read the conversation",
)
async def messages(request: Request, ticket_id: RowId, viewer: CurrentViewer, db: Read, place: Place) -> Response:
    """The conversation between owner and mentor, oldest first."""
    return _page(request, *await conversation.messages(db, ticket_id, viewer, place))


@router.post(
    "/{ticket_id}/messages",
    status_code=201,
    response_model=Message,
    responses=problems(NotYours, TicketNotFound, TicketClosed, TicketMoved),
    dependencies=[limited("messages", "60/minute")],
    summary="Write a message",
)
async def say(ticket_id: RowId, body: NewMessage, viewer: CurrentViewer, db: Write) -> Response:
    """Write to the other one. A mentor's message renews the lease."""
    return json_response(await conversation.say(db, ticket_id, viewer, body.body), 201)


@router.get(
    "/{ticket_id}/events",
    response_model=Page[TicketEvent],
    responses=problems(NotYours, TicketNotFound, BadCursor),
    summary="Read the history",
)
async def events(request: Request, ticket_id: RowId, viewer: CurrentViewer, db: Read, place: Place) -> Response:
    """Every transition, oldest first: who, when, from, to, why."""
    return _page(request, *await conversation.history(db, ticket_id, viewer, place))
