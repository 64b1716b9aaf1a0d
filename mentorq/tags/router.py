"""/tags: what tickets and mentors are about."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import StringConstraints

from mentorq.core.errors import problems
from mentorq.core.http import Read, Route
from mentorq.core.inputs import Cursor, Limit, Line
from mentorq.core.pagination import BadCursor, Page, keyset, link_next, list_name
from mentorq.tags import service
from mentorq.tags.schemas import Tag

router = APIRouter(prefix="/tags", tags=["tags"], route_class=Route)

Prefix = Annotated[
    Annotated[Line, StringConstraints(max_length=35, to_lower=True)], Query(description="The beginning of the name.")
]


@router.get("", responses=problems(BadCursor), summary="List tags")
async def list_tags(
    request: Request,
    response: Response,
    db: Read,
    q: Prefix = "",
    sort: Literal["popular", "name"] = "popular",
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[Tag]:
    """Tags in use, most tickets first or by name."""
    place = keyset(db.settings, list_name(request, 0), cursor, limit)
    items, next_cursor = await service.page(db, q, sort, place)
    link_next(request, response, next_cursor)
    return Page[Tag](items=[Tag(**item) for item in items], next_cursor=next_cursor)
