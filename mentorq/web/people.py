"""The directory of mentors, and their profiles."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel

from mentorq.accounts import profile
from mentorq.accounts.errors import UserNotFound
from mentorq.accounts.models import Role
from mentorq.community import service as community
from mentorq.core.clock import now
from mentorq.core.http import Read
from mentorq.core.inputs import Cursor, Line, SearchText
from mentorq.core.pagination import keyset, list_name
from mentorq.knowledge.search import newest_of
from mentorq.mentors import directory
from mentorq.mentors.errors import MentorNotFound
from mentorq.reviews import service as reviews
from mentorq.reviews import testimonials
from mentorq.web.lists import next_page, tags_in
from mentorq.web.pages import PageRoute, is_part, render
from mentorq.web.signins import MaybeVisitor

router = APIRouter(route_class=PageRoute)

PEOPLE = 24
REVIEWS = 10
SOLVED = 5
MOST_WORDS = 10


class Wish(BaseModel):
    """Whom one looks for: what the address says."""

    q: SearchText = None
    tag: list[str] = []
    available: bool = False
    sort: Literal["rating", "resolved", "newest"] = "rating"
    cursor: Cursor = None

    @property
    def tags(self) -> list[str]:
        """The tags of the filter."""
        return tags_in(self.tag)

    @property
    def is_filtered(self) -> bool:
        """Whether there may be more without the filter."""
        return bool(self.q or self.tags or self.available)


@router.get("/people")
async def people(request: Request, viewer: MaybeVisitor, db: Read, wish: Annotated[Wish, Query()]) -> Response:
    """Mentors who help here."""
    place = keyset(db.settings, list_name(request, 0), wish.cursor, PEOPLE)
    words = (wish.q or "").split()[:MOST_WORDS]
    mentors, next_cursor = await directory.page(db, wish.tags, wish.available or None, words, wish.sort, place)
    template = "parts/mentors.html" if is_part(request) else "people.html"
    more = next_page(request, next_cursor)
    followed = await community.followed_among(db, viewer, [mentor["id"] for mentor in mentors])
    context: dict[str, Any] = {"wish": wish, "mentors": mentors, "more": more, "followed": followed}
    return render(request, template, **context, is_part=is_part(request))


@router.get("/people/{username}")
async def person(
    request: Request,
    viewer: MaybeVisitor,
    db: Read,
    username: Annotated[Line, Path(max_length=50)],
    cursor: Cursor = None,
) -> Response:
    """A mentor's profile, with what students said; or a student's.

    Raises:
        MentorNotFound: there is no such person, or no longer.
    """
    try:
        mentor = await directory.named(db, username)
    except MentorNotFound:
        return await _student(request, db, username)
    place = keyset(db.settings, list_name(request, viewer.id), cursor, REVIEWS)
    stories, next_cursor = await reviews.stories(db, viewer, mentor["id"], place)
    context: dict[str, Any] = {
        "mentor": mentor,
        "stories": stories,
        "more": next_page(request, next_cursor),
        "is_continued": cursor,
    }
    if is_part(request):
        return render(request, "parts/reviews.html", **context)
    solved = await directory.solved_by_tag(db, mentor["id"])
    knows = sorted({*mentor["tags"], *solved}, key=lambda tag: (-solved.get(tag, 0), tag))
    return render(
        request,
        "person.html",
        **context,
        knows=[(tag, solved.get(tag, 0)) for tag in knows],
        most_solved=max(solved.values(), default=0),
        spread=await reviews.spread(db, mentor["id"]),
        thanks=await testimonials.of_mentor(db, mentor["id"]),
        now=now(),
        is_followed=bool(await community.followed_among(db, viewer, [mentor["id"]])),
        addresses=[(link, _short(link)) for link in mentor["links"]],
        articles=await newest_of(db, viewer, mentor["id"], SOLVED),
    )


async def _student(request: Request, db: Read, username: str) -> Response:
    try:
        person = await profile.named(db, username)
    except UserNotFound:
        raise MentorNotFound from None
    if person.role != Role.STUDENT:
        raise MentorNotFound
    addresses = [(link, _short(link)) for link in person.links]
    return render(request, "student.html", person=person, addresses=addresses, now=now())


def _short(link: str) -> str:
    """An address as people read it."""
    parts = urlsplit(link)
    return f"{parts.netloc.removeprefix('www.')}{parts.path}".rstrip("/")
