"""Questions that need not be asked: what is solved already, shown while one asks, and how often that was the answer."""

from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request, Response

from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Read as Reading
from mentorq.core.errors import TooManyRequests
from mentorq.core.http import Read, Write
from mentorq.core.inputs import RowId
from mentorq.core.pagination import keyset
from mentorq.knowledge import opinions, service, similar
from mentorq.knowledge.errors import SearchTookTooLong
from mentorq.knowledge.limits import count_search
from mentorq.tickets.models import LONGEST_DESCRIPTION, LONGEST_TITLE
from mentorq.web.lists import distinct, tags_in
from mentorq.web.pages import Form, PageRoute, redirect, render
from mentorq.web.signins import VisitingStudent, Visitor

router = APIRouter(route_class=PageRoute)

SHOWN = 5
LOOKED_AT = 20
LEAST_ALIKE = 0.15
"""Less like it than this is no answer."""
FEWEST_LETTERS = 8


@router.post("/app/ask/similar")
async def similar_part(request: Request, student: VisitingStudent, db: Read) -> Response:
    """What is solved and like the question that is being written: a part of the page, asked for as one types."""
    form = await Form.read(request)
    found = await look_alikes(request, db, student, form)
    was_shown = form["shown"].isdecimal() and int(form["shown"][:3]) == len(found or ())
    return render(request, "parts/similar_found.html", similar=found, is_news=not was_shown)


async def look_alikes(request: Request, db: Reading, viewer: Viewer, form: Form) -> list[dict[str, Any]] | None:
    """Solved tickets like the question in a form; None as long as it says too little."""
    title, text = form["title"][:LONGEST_TITLE], form["description"][:LONGEST_DESCRIPTION]
    if len(title.strip()) + len(text.strip()) < FEWEST_LETTERS:
        return None
    draft = similar.Draft(title, text, tuple(tags_in([form["tags"]])))
    with suppress(SearchTookTooLong, TooManyRequests):  # it is an offer; who asks must not be held up by it
        await count_search(request, viewer)
        found, _ = await similar.to_draft(db, viewer, draft, keyset(db.settings, "ask", None, LOOKED_AT))
        return distinct([article for article in found if article["similarity"] >= LEAST_ALIKE], SHOWN)
    return None


@router.post("/solved/{ticket_id}/deflect")
async def deflect(request: Request, ticket_id: RowId, viewer: Visitor, db: Write) -> Response:
    """Say that it answers what one was about to ask."""
    await opinions.deflect(db, ticket_id, viewer)
    _, article = await service.one(db, viewer, ticket_id)
    return redirect(request, article["url"], "deflected")


@router.get("/app/deflections")
async def deflections(request: Request, viewer: Visitor, db: Read) -> Response:
    """For admins: how many questions were answered before they were asked.

    Raises:
        WrongRole: this is for admins.
    """
    return render(request, "deflections.html", spared=await service.deflections(db, viewer))
