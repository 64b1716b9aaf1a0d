"""Searching what is solved: /solved, for everyone."""

from contextlib import suppress
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator

from mentorq.accounts.schemas import Viewer
from mentorq.core.http import Read
from mentorq.core.inputs import NOT_TEXT, Cursor
from mentorq.core.pagination import keyset, list_name
from mentorq.knowledge import similar
from mentorq.knowledge.errors import SearchTookTooLong
from mentorq.knowledge.limits import count_search
from mentorq.knowledge.query import LONGEST_QUERY
from mentorq.knowledge.schemas import Sort
from mentorq.knowledge.search import COUNTED, Found, Wanted, search
from mentorq.tickets.models import LONGEST_TITLE
from mentorq.web.lists import distinct, next_page, tags_in
from mentorq.web.locale import gettext as _
from mentorq.web.pages import PageRoute, is_part, render
from mentorq.web.signins import MaybeVisitor

router = APIRouter(route_class=PageRoute)

HITS = 20
CLOSEST = 5
LOOKED_AT = 20


def _typed(text: object) -> object:
    """Whatever is pasted into a search box can be looked for."""
    return NOT_TEXT.sub(" ", text).strip() if isinstance(text, str) else text


class Look(BaseModel):
    """What one looks for: what the address says."""

    q: Annotated[str, BeforeValidator(_typed)] = ""
    tag: list[str] = []
    tags: Literal["any", "all"] = "any"
    sort: Sort = "relevance"
    cursor: Cursor = None

    @property
    def names(self) -> list[str]:
        """The tags of the filter."""
        return tags_in(self.tag)

    @property
    def order(self) -> Sort:
        """How the results are really ordered: without words, none is more relevant than another."""
        return "newest" if self.sort == "relevance" and not self.q else self.sort

    @property
    def wanted(self) -> Wanted:
        """What to ask of the search."""
        return Wanted(self.q, tuple(self.names), self.tags == "all", self.sort)

    def with_tag(self, name: str) -> str:
        """The address of what also has a tag: counts beside tags are of what is found now."""
        return self._address(tag=[*self.names, name], tags="all")

    def without_tag(self, name: str) -> str:
        """The address without one of the tags of the filter."""
        return self._address(tag=[other for other in self.names if other != name])

    def with_tags(self, tags: str) -> str:
        """The address of what has any of the tags, or all."""
        return self._address(tags=tags)

    def by(self, sort: str) -> str:
        """The address of the same in another order."""
        return self._address(sort=sort)

    def unfiltered(self) -> str:
        """The address without the filter."""
        return self._address(tag=[])

    @property
    def feed(self) -> str:
        """The address of new answers with these tags."""
        query = urlencode({"tag": self.names}, doseq=True)
        return f"/solved.atom?{query}" if query else "/solved.atom"

    @property
    def ask(self) -> str:
        """Where one asks, with what was searched for as a first draft."""
        draft = {"title": self.q[:LONGEST_TITLE], "tags": ", ".join(self.names)}
        query = urlencode({name: value for name, value in draft.items() if value})
        return f"/app/ask?{query}" if query else "/app/ask"

    def _address(self, **changes: Any) -> str:
        chosen: dict[str, Any] = {"q": self.q, "tag": self.names, "tags": self.tags, "sort": self.sort} | changes
        if len(chosen["tag"]) < 2 or chosen["tags"] == "any":
            del chosen["tags"]
        if chosen["sort"] == "relevance":
            del chosen["sort"]
        query = urlencode({name: value for name, value in chosen.items() if value}, doseq=True)
        return f"/solved?{query}" if query else "/solved"


@router.get("/solved")
async def solved(request: Request, viewer: MaybeVisitor, db: Read, look: Annotated[Look, Query()]) -> Response:
    """Solved tickets, for everyone: searched, filtered by tags, page by page."""
    await count_search(request, viewer)
    found, problem, status = await _found(request, db, viewer, look)
    is_empty = found is not None and not found.items and bool(look.q)
    return render(
        request,
        "parts/solved.html" if is_part(request) else "solved.html",
        status,
        look=look,
        found=found,
        problem=problem,
        counted_at_most=COUNTED,
        longest=LONGEST_QUERY,
        closest=await _closest(db, viewer, look) if is_empty else [],
        more=next_page(request, found.next_cursor) if found else "",
        is_part=is_part(request),
    )


async def _found(request: Request, db: Read, viewer: Viewer, look: Look) -> tuple[Found | None, str, int]:
    """What was found; or none, with what is wrong and how to answer."""
    if len(look.q) > LONGEST_QUERY:
        sentence = _("At most %(most)s characters, please; this has %(count)s.")
        return None, sentence % {"most": LONGEST_QUERY, "count": len(look.q)}, 422
    place = keyset(db.settings, list_name(request, viewer.id), look.cursor, HITS)
    try:
        return await search(db, viewer, look.wanted, place), "", 200
    except SearchTookTooLong as error:
        return None, _(error.detail), error.status


async def _closest(db: Read, viewer: Viewer, look: Look) -> list[dict[str, Any]]:
    """What is like a query that matches nothing."""
    draft = similar.Draft(look.q, "", tuple(look.names))
    with suppress(SearchTookTooLong):
        found, _ = await similar.to_draft(db, viewer, draft, keyset(db.settings, "closest", None, LOOKED_AT))
        return distinct(found, CLOSEST)
    return []
