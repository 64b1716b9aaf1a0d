"""Following mentors, what they did, and what can be achieved."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from mentorq.accounts.access import CurrentViewer, MaybeViewer
from mentorq.community import awarding, service
from mentorq.community.errors import OwnFollower
from mentorq.community.schemas import Achievement, Activity, Followed
from mentorq.core.errors import problems
from mentorq.core.http import Read, Route, Write
from mentorq.core.inputs import Cursor, Limit, RowId
from mentorq.core.pagination import BadCursor, Keyset, Page, keyset, link_next, list_name
from mentorq.mentors.errors import MentorNotFound

router = APIRouter(tags=["community"], route_class=Route)


@router.put(
    "/mentors/{mentor_id}/follow",
    status_code=204,
    responses=problems(MentorNotFound, OwnFollower),
    summary="Follow a mentor",
)
async def follow(mentor_id: RowId, viewer: CurrentViewer, db: Write) -> None:
    """What the mentor does is in your feed from now on. Repeatable."""
    await service.follow(db, mentor_id, viewer)


@router.delete(
    "/mentors/{mentor_id}/follow", status_code=204, responses=problems(MentorNotFound), summary="Unfollow a mentor"
)
async def unfollow(mentor_id: RowId, viewer: CurrentViewer, db: Write) -> None:
    """What the mentor does is in your feed no longer. Repeatable."""
    await service.unfollow(db, mentor_id, viewer)


async def _place(request: Request, viewer: CurrentViewer, db: Read, limit: Limit = 20, cursor: Cursor = None) -> Keyset:
    return keyset(db.settings, list_name(request, viewer.id), cursor, limit)


Place = Annotated[Keyset, Depends(_place)]


@router.get("/users/me/following", responses=problems(BadCursor), summary="List whom I follow")
async def following(
    request: Request, response: Response, viewer: CurrentViewer, db: Read, place: Place
) -> Page[Followed]:
    """The mentors whom you follow, last followed first."""
    items, next_cursor = await service.following(db, viewer, place)
    link_next(request, response, next_cursor)
    return Page[Followed](items=[Followed(**item) for item in items], next_cursor=next_cursor)


@router.get("/feed", responses=problems(BadCursor), summary="List what mentors did")
async def feed(request: Request, response: Response, viewer: CurrentViewer, db: Read, place: Place) -> Page[Activity]:
    """What the mentors did whom you follow, newest first: tickets solved, achievements, free (again) for tickets, new
    hours for sessions. What is true no longer is not in it: a solved ticket that was opened again, for example.
    """
    items, next_cursor = await service.feed(db, viewer, place)
    link_next(request, response, next_cursor)
    return Page[Activity](items=[Activity(**item) for item in items], next_cursor=next_cursor)


@router.get("/achievements", summary="List achievements")
async def achievements(viewer: MaybeViewer, db: Read) -> Page[Achievement]:
    """All that can be achieved, how many have, and what you have. Each is awarded once, by rule, also for the past."""
    items = await awarding.overview(db, viewer)
    return Page[Achievement](items=[Achievement(**item) for item in items], next_cursor=None)
