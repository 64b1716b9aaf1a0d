"""/knowledge: what was solved once is found by everyone."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from mentorq.accounts.access import CurrentViewer, MaybeViewer
from mentorq.accounts.errors import WrongRole
from mentorq.core.errors import problems
from mentorq.core.http import Read, Route, Write, etag, json_response
from mentorq.core.inputs import Cursor, Limit, RowId
from mentorq.core.pagination import BadCursor, Keyset, Page, keyset, link_next, list_name
from mentorq.knowledge import opinions, service, similar
from mentorq.knowledge.errors import ArticleNotFound, SearchTookTooLong
from mentorq.knowledge.limits import count_search
from mentorq.knowledge.schemas import (
    Article,
    Bookmarked,
    Check,
    Deflected,
    Deflections,
    DraftDescription,
    DraftTitle,
    Results,
    SearchText,
    SimilarArticle,
    Sort,
    Upvotes,
)
from mentorq.knowledge.search import Wanted, search
from mentorq.tags.schemas import TagFilter
from mentorq.tickets.errors import NotYours, TicketNotFound

router = APIRouter(tags=["knowledge"], route_class=Route)


async def _place(request: Request, db: Read, viewer: MaybeViewer, limit: Limit = 20, cursor: Cursor = None) -> Keyset:
    return keyset(db.settings, list_name(request, viewer.id), cursor, limit)


Place = Annotated[Keyset, Depends(_place)]


async def _count_search(request: Request, viewer: MaybeViewer) -> None:
    await count_search(request, viewer)


COUNTED = [Depends(_count_search)]


@router.get(
    "/knowledge",
    response_model=Results,
    responses=problems(BadCursor, SearchTookTooLong),
    dependencies=COUNTED,
    summary="Search solved tickets",
)
async def browse(
    request: Request,
    viewer: MaybeViewer,
    db: Read,
    place: Place,
    q: SearchText = None,
    tag: TagFilter = [],  # noqa: B006
    tags: Annotated[Literal["any", "all"], Query(description="With several `tag`: one of them, or each.")] = "any",
    sort: Annotated[Sort, Query(description="Without words to look for, relevance is newest.")] = "relevance",
) -> Response:
    """Solved tickets that have all that `q` says. By relevance, the 200 best are listed."""
    found = await search(db, viewer, Wanted(q or "", tuple(tag), tags == "all", sort), place)
    response = json_response(
        {
            "items": found.items,
            "next_cursor": found.next_cursor,
            "facets": None
            if found.facets is None
            else [{"tag": name, "articles": articles} for name, articles in found.facets],
            "counted": found.counted,
            "corrections": [{"written": word, "read_as": read} for word, read in found.readings.items()],
        }
    )
    link_next(request, response, found.next_cursor)
    return response


def _page(request: Request, items: list[dict[str, Any]], next_cursor: str | None) -> Response:
    response = json_response({"items": items, "next_cursor": next_cursor})
    link_next(request, response, next_cursor)
    return response


@router.get(
    "/knowledge/similar",
    response_model=Page[SimilarArticle],
    responses=problems(BadCursor, SearchTookTooLong),
    dependencies=COUNTED,
    summary="Find solved tickets like a draft",
)
async def similar_to_draft(
    request: Request,
    viewer: MaybeViewer,
    db: Read,
    place: Place,
    title: DraftTitle = "",
    description: DraftDescription = "",
    tag: TagFilter = [],  # noqa: B006
) -> Response:
    """Solved tickets like the one that is being written, best first: it may be answered already."""
    draft = similar.Draft(title, description, tuple(tag))
    return _page(request, *await similar.to_draft(db, viewer, draft, place))


@router.get(
    "/tickets/{ticket_id}/similar",
    response_model=Page[SimilarArticle],
    responses=problems(NotYours, TicketNotFound, BadCursor, SearchTookTooLong),
    summary="Find solved tickets like this one",
)
async def similar_to_ticket(
    request: Request, ticket_id: RowId, viewer: CurrentViewer, db: Read, place: Place
) -> Response:
    """Solved tickets like one's own, best first."""
    return _page(request, *await similar.to_ticket(db, viewer, ticket_id, place))


@router.get(
    "/knowledge/bookmarks", response_model=Page[Article], responses=problems(BadCursor), summary="List my bookmarks"
)
async def bookmarks(request: Request, viewer: CurrentViewer, db: Read, place: Place) -> Response:
    """My bookmarked articles, last bookmarked first."""
    return _page(request, *await service.bookmarks(db, viewer, place))


@router.get("/knowledge/deflections", responses=problems(WrongRole), summary="Count the questions that were spared")
async def deflections(viewer: CurrentViewer, db: Read) -> Deflections:
    """For admins: how many questions were answered before they were asked, and by which articles."""
    return await service.deflections(db, viewer)


@router.get(
    "/knowledge/{ticket_id}", response_model=Article, responses=problems(ArticleNotFound), summary="Get an article"
)
async def get(ticket_id: RowId, viewer: MaybeViewer, db: Read) -> Response:
    """A solved ticket; 404 until it is solved."""
    row, article = await service.one(db, viewer, ticket_id)
    return json_response(article, headers={"ETag": etag(ticket_id, row["version"])})


@router.put("/knowledge/{ticket_id}/upvote", responses=problems(ArticleNotFound), summary="Upvote an article")
async def upvote(ticket_id: RowId, viewer: CurrentViewer, db: Write) -> Upvotes:
    """Find it good; repeatable."""
    return Upvotes(upvotes=await opinions.upvote(db, ticket_id, viewer), has_upvoted=True)


@router.delete("/knowledge/{ticket_id}/upvote", responses=problems(ArticleNotFound), summary="Take an upvote back")
async def take_upvote_back(ticket_id: RowId, viewer: CurrentViewer, db: Write) -> Upvotes:
    """Find it good no longer; repeatable."""
    return Upvotes(upvotes=await opinions.take_upvote_back(db, ticket_id, viewer), has_upvoted=False)


@router.put("/knowledge/{ticket_id}/bookmark", responses=problems(ArticleNotFound), summary="Bookmark an article")
async def bookmark(ticket_id: RowId, viewer: CurrentViewer, db: Write) -> Bookmarked:
    """Keep it among my bookmarks; repeatable."""
    await opinions.bookmark(db, ticket_id, viewer)
    return Bookmarked(has_bookmarked=True)


@router.delete("/knowledge/{ticket_id}/bookmark", responses=problems(ArticleNotFound), summary="Drop a bookmark")
async def drop_bookmark(ticket_id: RowId, viewer: CurrentViewer, db: Write) -> Bookmarked:
    """Keep it no longer; repeatable."""
    await opinions.drop_bookmark(db, ticket_id, viewer)
    return Bookmarked(has_bookmarked=False)


@router.put("/knowledge/{ticket_id}/check", responses=problems(ArticleNotFound), summary="Say whether it still works")
async def check(ticket_id: RowId, body: Check, viewer: CurrentViewer, db: Write) -> Article:
    """Whether the solution, as it is now, worked for me; the last word counts. Several that say no mark it outdated."""
    await opinions.check(db, ticket_id, viewer, works=body.works)
    return Article(**(await service.one(db, viewer, ticket_id))[1])


@router.delete("/knowledge/{ticket_id}/check", responses=problems(ArticleNotFound), summary="Take that back")
async def take_check_back(ticket_id: RowId, viewer: CurrentViewer, db: Write) -> Article:
    """Say nothing of whether it works; repeatable."""
    await opinions.take_check_back(db, ticket_id, viewer)
    return Article(**(await service.one(db, viewer, ticket_id))[1])


@router.put(
    "/knowledge/{ticket_id}/deflection", responses=problems(ArticleNotFound), summary="Say that it spared a question"
)
async def deflect(ticket_id: RowId, viewer: CurrentViewer, db: Write) -> Deflected:
    """It answered what I was about to ask; repeatable, and counted once."""
    return Deflected(deflected=await opinions.deflect(db, ticket_id, viewer))
