"""The mentor's queue: what waits, best match first, with the reasons; and what has come in meanwhile."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.http import Read
from mentorq.core.inputs import Cursor, RowId, Timestamp
from mentorq.core.pagination import Keyset, keyset, list_name
from mentorq.mentors import service as mentors
from mentorq.mentors import suggestions
from mentorq.tickets import service
from mentorq.tickets.errors import TicketNotOpen
from mentorq.tickets.lists import COUNTED_AT_MOST
from mentorq.tickets.schemas import as_ticket
from mentorq.tickets.service import Wanted
from mentorq.tickets.states import Status
from mentorq.web.lists import next_page, ranking, say, tags_in
from mentorq.web.pages import PageRoute, is_part, redirect, render
from mentorq.web.signins import VisitingMentor

router = APIRouter(route_class=PageRoute)

ROWS = 20
LONG_WAIT = timedelta(hours=1)


class Look(BaseModel):
    """At which part of the queue, and how: what the address says."""

    tab: Literal["you", "all", "mine", "passed"] = "you"
    tag: list[str] = []
    sort: Literal["match", "oldest", "newest"] = "match"
    wait: Literal["", "30", "120"] = ""
    cursor: Cursor = None

    @property
    def tags(self) -> list[str]:
        """The tags of the filter."""
        return tags_in(self.tag)

    @property
    def is_filtered(self) -> bool:
        """Whether there may be more without the filter."""
        return bool(self.tags or self.wait)

    @property
    def wanted(self) -> Wanted:
        """What to ask of the queue."""
        waited = timedelta(minutes=int(self.wait)) if self.wait else None
        return Wanted(tags=tuple(self.tags), sort=self.sort, matching=self.tab == "you", waited=waited)


@router.get("/app/queue")
async def queue(request: Request, mentor: VisitingMentor, db: Read, look: Annotated[Look, Query()]) -> Response:
    """Tickets that wait, or that one has taken, or passed."""
    place = keyset(db.settings, list_name(request, mentor.id), look.cursor, ROWS)
    tickets, next_cursor = await _tickets(request, db, mentor, look, place)
    knows_nothing = (
        look.tab == "you" and not tickets and not look.is_filtered and not await mentors.expertise(db, mentor)
    )
    context: dict[str, Any] = {
        "look": look,
        "tickets": tickets,
        "more": next_page(request, next_cursor),
        "knows_nothing": knows_nothing,
        "moment": now(),
        "long_wait": LONG_WAIT,
        "lease": db.settings.claim_lease.total_seconds(),
        "ticket": tickets[0] if tickets and look.tab != "mine" else None,
        "is_passed": look.tab == "passed",
        "is_part": is_part(request),
    }
    if context["is_part"]:
        return render(request, "parts/queue_list.html", **context)
    places = mentor.capacity or db.settings.max_active_tickets
    in_hand, _ = await service.mine(db, mentor, (Status.ASSIGNED,), Keyset(None, places, "", b""))
    counts = await service.counts(db, mentor)
    return render(request, "queue.html", **context, counts=counts, most=COUNTED_AT_MOST, in_hand=in_hand, places=places)


async def _tickets(
    request: Request, db: Read, mentor: Viewer, look: Look, place: Keyset
) -> tuple[list[dict[str, Any]], str | None]:
    if look.tab == "mine":
        return await service.mine(db, mentor, (Status.ASSIGNED,), place)
    if look.tab == "passed":
        tickets, next_cursor = await service.passed(db, mentor, place)
    else:
        tickets, next_cursor = await service.browse(db, mentor, look.wanted, place, ranking)
    unranked = [ticket for ticket in tickets if ticket.get("match") is None]
    matches = await suggestions.suits(db, mentor, unranked, say)
    return [ticket | {"match": matches.get(ticket["id"]) or ticket["match"]} for ticket in tickets], next_cursor


@router.get("/app/queue/news")
async def news(request: Request, mentor: VisitingMentor, db: Read, since: Timestamp) -> Response:
    """How many tickets that match have come since the page was opened. It asks now and then."""
    if not is_part(request):
        return redirect(request, "/app/queue")
    return render(
        request, "parts/queue_news.html", new=await service.count_new(db, mentor, since), most=COUNTED_AT_MOST
    )


@router.get("/app/queue/{ticket_id}/peek")
async def peek(request: Request, mentor: VisitingMentor, db: Read, ticket_id: RowId, passed: bool = False) -> Response:
    """An open ticket beside the list.

    Raises:
        TicketNotFound, TicketNotOpen: it is not in the queue any more.
    """
    if not is_part(request):
        return redirect(request, f"/app/tickets/{ticket_id}")
    ticket = as_ticket(await service.one(db, mentor, ticket_id), mentor)
    if ticket["status"] != Status.OPEN:
        raise TicketNotOpen
    ticket["match"] = (await suggestions.suits(db, mentor, [ticket], say))[ticket_id]
    lease = db.settings.claim_lease.total_seconds()
    return render(request, "parts/peek.html", ticket=ticket, moment=now(), lease=lease, is_passed=passed)
