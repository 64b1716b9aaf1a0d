"""Reviews of tickets and of mentors."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from mentorq.accounts.access import CurrentMentor, CurrentViewer, MaybeViewer
from mentorq.accounts.errors import UserNotFound, WrongRole
from mentorq.core.errors import PreconditionFailed, problems
from mentorq.core.http import IfMatch, Read, Route, Write
from mentorq.core.inputs import Cursor, Limit, RowId
from mentorq.core.pagination import BadCursor, Keyset, Page, keyset, link_next, list_name
from mentorq.reviews import service, testimonials
from mentorq.reviews.errors import AlreadyReviewed, NotAllowedToShow, NothingToShow, ReviewNotFound, TicketNotClosed
from mentorq.reviews.schemas import NewReview, Review, ReviewChange
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
    return await service.review(db, ticket_id, viewer, body.rating, body.comment or "", may_be_shown=body.may_be_shown)


@router.get("/tickets/{ticket_id}/review", responses=problems(ReviewNotFound), summary="Get a ticket's review")
async def of_ticket(ticket_id: RowId, viewer: MaybeViewer, db: Read, response: Response) -> Review:
    """What the owner said."""
    found, response.headers["ETag"] = await service.of_ticket(db, viewer, ticket_id)
    return found


@router.patch(
    "/tickets/{ticket_id}/review",
    responses=problems(ReviewNotFound, NotYours, PreconditionFailed),
    summary="Allow or forbid to show my review",
)
async def allow(
    ticket_id: RowId, body: ReviewChange, viewer: CurrentViewer, db: Write, response: Response, if_match: IfMatch = None
) -> Review:
    """Let the mentor show it on the profile, or not any longer: then it is gone from there at once."""
    changed, response.headers["ETag"] = await testimonials.allow(
        db, ticket_id, viewer, may_be_shown=body.may_be_shown, if_match=if_match
    )
    return changed


@router.put(
    "/reviews/{review_id}/testimonial",
    status_code=204,
    responses=problems(WrongRole, ReviewNotFound, NotYours, NotAllowedToShow, NothingToShow),
    summary="Show a review on my profile",
)
async def show(review_id: RowId, mentor: CurrentMentor, db: Write) -> None:
    """Make a testimonial of a review, where its student allows it. Repeatable."""
    await testimonials.show(db, review_id, mentor)


@router.delete(
    "/reviews/{review_id}/testimonial",
    status_code=204,
    responses=problems(WrongRole, ReviewNotFound, NotYours),
    summary="Show a review no longer",
)
async def hide(review_id: RowId, mentor: CurrentMentor, db: Write) -> None:
    """Take it off the profile, at once. Repeatable."""
    await testimonials.hide(db, review_id, mentor)


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
