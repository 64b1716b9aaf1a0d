"""/mentors: the directory, profiles, one's own expertise and availability; and who suits a ticket."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from mentorq.accounts.access import CurrentMentor, CurrentViewer, MaybeViewer
from mentorq.accounts.errors import WrongRole
from mentorq.accounts.schemas import User
from mentorq.core.errors import problems
from mentorq.core.http import Read, Route, Write, with_etag
from mentorq.core.inputs import Cursor, Limit, RowId, SearchText
from mentorq.core.pagination import BadCursor, Page, keyset, link_next, list_name
from mentorq.mentors import directory, service, suggestions
from mentorq.mentors.errors import AlreadyExpert, MentorNotFound, NotExpert
from mentorq.mentors.schemas import Availability, MentorPage, MentorProfile, NewExpertise, SuggestedMentor
from mentorq.reviews import testimonials
from mentorq.tags.schemas import Tag, TagFilter, TagName
from mentorq.tickets.errors import NotYours, TicketNotFound

router = APIRouter(tags=["mentors"], route_class=Route)


@router.get("/mentors", responses=problems(BadCursor), summary="List mentors")
async def list_mentors(
    request: Request,
    response: Response,
    viewer: MaybeViewer,
    db: Read,
    tag: TagFilter = [],  # noqa: B006
    available: bool | None = None,
    q: SearchText = None,
    sort: Literal["rating", "resolved", "newest"] = "rating",
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[MentorProfile]:
    """Mentors by rating (smoothed, so that one review does not decide), solved tickets, or newest."""
    place = keyset(db.settings, list_name(request, 0), cursor, limit)
    items, next_cursor = await directory.page(db, tag, available, (q or "").split()[:10], sort, place)
    link_next(request, response, next_cursor)
    return Page[MentorProfile](items=[MentorProfile(**item) for item in items], next_cursor=next_cursor)


@router.get("/mentors/me/tags", responses=problems(WrongRole), summary="List my expertise")
async def my_expertise(mentor: CurrentMentor, db: Read) -> Page[Tag]:
    """The tags that one is an expert in, by name."""
    return Page[Tag](items=[Tag(**row) for row in await service.expertise(db, mentor)], next_cursor=None)


@router.post(
    "/mentors/me/tags", status_code=201, responses=problems(WrongRole, AlreadyExpert), summary="Add to my expertise"
)
async def add_expertise(body: NewExpertise, mentor: CurrentMentor, db: Write, response: Response) -> Tag:
    """Be an expert in a tag: its tickets are offered to you."""
    response.headers["Location"] = "/mentors/me/tags"
    return Tag(**await service.add_expertise(db, mentor, body.name))


@router.delete(
    "/mentors/me/tags/{name:path}",
    status_code=204,
    responses=problems(WrongRole, NotExpert),
    summary="Remove from my expertise",
)
async def remove_expertise(name: Annotated[TagName, Path()], mentor: CurrentMentor, db: Write) -> None:
    """Be no expert in a tag any more."""
    await service.remove_expertise(db, mentor, name)


@router.put("/mentors/me/availability", responses=problems(WrongRole), summary="Say whether I am available")
async def set_availability(body: Availability, mentor: CurrentMentor, db: Write) -> User:
    """Who is away is neither suggested nor told of tickets, nor asked for a session "now": until a time, or until
    further notice. `capacity` stays as it is where it is left out.
    """
    other = body.model_dump(include={"capacity"}, exclude_unset=True)
    return await service.set_availability(db, mentor, body.is_available, body.away_until, **other)


@router.get("/mentors/{mentor_id}", responses=problems(MentorNotFound), summary="Get a mentor")
async def get_mentor(mentor_id: RowId, viewer: MaybeViewer, db: Read, response: Response) -> MentorPage:
    """A mentor's public profile."""
    profile = await directory.one(db, mentor_id)
    return with_etag(response, MentorPage(**profile, testimonials=await testimonials.of_mentor(db, mentor_id)))


@router.get(
    "/tickets/{ticket_id}/mentors", responses=problems(NotYours, TicketNotFound), summary="Suggest mentors for a ticket"
)
async def suggested(
    ticket_id: RowId, viewer: CurrentViewer, db: Read, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> Page[SuggestedMentor]:
    """Available mentors who suit an open ticket of one's own, best first, each with the reasons why."""
    best = await suggestions.suggest(db, ticket_id, viewer, limit)
    profiles = await directory.several(db, [mentor_id for mentor_id, _ in best])
    items = [
        SuggestedMentor(**profiles[mentor_id], match=suggestions.as_match(match))
        for mentor_id, match in best
        if mentor_id in profiles
    ]
    return Page[SuggestedMentor](items=items, next_cursor=None)
