"""Reviews of tickets and of mentors."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from mentorq.accounts.access import CurrentViewer, MaybeViewer
from mentorq.accounts.errors import UserNotFound
from mentorq.core.errors import problems
from mentorq.core.http import Read, Route, Write
from mentorq.core.inputs import Cursor, Limit, RowId
from mentorq.core.pagination import BadCursor, Keyset, Page, keyset, link_next, list_name
from mentorq.reviews import service
from mentorq.reviews.errors import AlreadyReviewed, ReviewNotFound, TicketNotClosed
from mentorq.reviews.schemas import NewReview, Review
from mentorq.tickets.errors import NotYours, TicketNotFound

router = APIRouter(tags=["reviews"], route_class=Route)


@router.post(
    "/tickets/{ticket_id}/review",
    status_code=201,
    responses=problems(NotYours, TicketNotFound, TicketNotClosed, AlreadyReviewed),
    summary="Review a ticket",
)
async def review(ticket_id: RowId, body: NewReview, viewer: CurrentViewer, db: Write, response: Response) -> Review:
    """Say how a closed ticket of one's own was answered: once."""
    response.headers["Location"] = f"/tickets/{ticket_id}/review"
    return await service.review(db, ticket_id, viewer, body.rating, body.comment)


@router.get("/tickets/{ticket_id}/review", responses=problems(ReviewNotFound), summary="Get a ticket's review")
async def of_ticket(ticket_id: RowId, viewer: MaybeViewer, db: Read) -> Review:
    """What the owner said."""
    return await service.of_ticket(db, viewer, ticket_id)


async def _place(request: Request, db: Read, limit: Limit = 20, cursor: Cursor = None) -> Keyset:
    return keyset(db.settings, list_name(request, 0), cursor, limit)


@router.get(
    "/mentors/{mentor_id}/reviews", responses=problems(UserNotFound, BadCursor), summary="List a mentor's reviews"
)
async def of_mentor(
    request: Request,
    response: Response,
    mentor_id: RowId,
    viewer: MaybeViewer,
    db: Read,
    place: Annotated[Keyset, Depends(_place)],
) -> Page[Review]:
    """What students said of a mentor, newest first."""
    items, next_cursor = await service.of_mentor(db, viewer, mentor_id, place)
    link_next(request, response, next_cursor)
    return Page[Review](items=items, next_cursor=next_cursor)
