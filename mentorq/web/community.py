"""Following mentors and reading what they did, what can be achieved, and which thanks stand on one's profile."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response

from mentorq.accounts.schemas import Viewer
from mentorq.community import awarding, service
from mentorq.community.catalogue import CATALOGUE
from mentorq.community.errors import OwnFollower
from mentorq.core.database import Read as Reads
from mentorq.core.http import Read, Write
from mentorq.core.inputs import Cursor, Line, RowId
from mentorq.core.pagination import Keyset, keyset, list_name
from mentorq.mentors import directory
from mentorq.reviews import testimonials
from mentorq.web.lists import next_page
from mentorq.web.pages import Form, PageRoute, is_part, redirect, render
from mentorq.web.signins import MaybeVisitor, VisitingMentor, Visitor, own_path

router = APIRouter(route_class=PageRoute)

LINES = 20
ON_HOME = 4

Username = Annotated[Line, Path(max_length=50)]


# --- following


@router.post("/people/{username}/follow")
async def follow(request: Request, username: Username, viewer: MaybeVisitor, db: Write) -> Response:
    """Follow a mentor, or no longer; visitors sign in first.

    Raises:
        MentorNotFound: there is no such mentor, or no longer.
    """
    form = await Form.read(request)
    mentor = await directory.named(db, username)
    profile = f"/people/{quote(mentor['username'])}"
    if viewer.is_anonymous:
        return redirect(request, f"/signin?next={quote(profile, safe='/')}")
    if viewer.id == mentor["id"]:
        raise OwnFollower
    act = service.follow if form["on"] else service.unfollow
    await act(db, mentor["id"], viewer)
    if not is_part(request):
        return redirect(request, own_path(form["next"], profile))
    mentor = await directory.one(db, mentor["id"])
    listed = form["from"] == "list"
    return render(request, "parts/follow.html", m=mentor, is_followed=bool(form["on"]), is_listed=listed, back=profile)


@router.get("/app/feed")
async def feed(request: Request, viewer: Visitor, db: Read, cursor: Cursor = None) -> Response:
    """What the mentors did whom one follows, newest first."""
    place = keyset(db.settings, list_name(request, viewer.id), cursor, LINES)
    lines, next_cursor = await service.feed(db, viewer, place)
    follows_anybody = bool(lines) or await service.follows_anybody(db, viewer)
    more = next_page(request, next_cursor)
    return render(
        request, "feed.html", lines=lines, more=more, follows_anybody=follows_anybody, is_continued=cursor is not None
    )


# --- achievements


@router.get("/awards")
async def achievements(request: Request, viewer: MaybeVisitor, db: Read) -> Response:
    """All that can be achieved, and what one has."""
    items = await awarding.overview(db, viewer)
    groups = [(role, [item for item in items if item["role"] == role]) for role in _roles(viewer)]
    earned = sum(1 for item in items if item["awarded_at"])
    return render(request, "achievements.html", groups=groups, earned=earned)


def _roles(viewer: Viewer) -> tuple[str | None, ...]:
    """One's own kind first."""
    return ("mentor", None, "student") if viewer.is_mentor else ("student", None, "mentor")


async def at_home(db: Reads, viewer: Viewer) -> dict[str, Any]:
    """What the page where somebody begins shows of all this."""
    lines, _ = await service.feed(db, viewer, Keyset(None, ON_HOME, "", b""))
    earned = await awarding.own(db, viewer)
    possible = sum(1 for each in CATALOGUE if each.role in (viewer.role, None))
    return {"lines": lines, "earned": earned, "possible": possible}


# --- thanks


@router.post("/app/reviews/{review_id}/testimonial")
async def testimonial(request: Request, review_id: RowId, mentor: VisitingMentor, db: Write) -> Response:
    """Show a review on one's profile, or no longer.

    Raises:
        ReviewNotFound, NotYours, NotAllowedToShow, NothingToShow: it cannot be.
    """
    form = await Form.read(request)
    act = testimonials.show if form["on"] else testimonials.hide
    await act(db, review_id, mentor)
    return redirect(request, f"/people/{quote(mentor.username)}#thanks", "shown" if form["on"] else "hidden")
