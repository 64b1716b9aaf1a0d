"""An article's page, what its solution said before, and what its readers do: upvote, bookmark, say whether it works."""

import re
from asyncio import to_thread
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import RedirectResponse

from mentorq.accounts.schemas import ANONYMOUS, Viewer
from mentorq.core.database import Row
from mentorq.core.http import Read, Write
from mentorq.core.inputs import LARGEST_ID, Cursor, RowId
from mentorq.core.pagination import keyset, list_name
from mentorq.knowledge import opinions, service
from mentorq.knowledge.errors import ArticleNotFound
from mentorq.mentors import directory
from mentorq.tickets import conversation
from mentorq.web.changes import changes
from mentorq.web.lists import distinct, next_page
from mentorq.web.metadata import question_page
from mentorq.web.pages import SAID, Answer, Form, PageRoute, is_part, redirect, render
from mentorq.web.signins import MaybeVisitor, Visitor

router = APIRouter(route_class=PageRoute)

RELATED = 5
VERSIONS = 10
BOOKMARKS = 20
NAME = re.compile(r"([1-9][0-9]{0,18})(?:-.*)?", re.DOTALL)


@router.get("/solved/{name}")
async def page(request: Request, name: str, viewer: MaybeVisitor, db: Read) -> Response:
    """Question and answer, for everyone.

    Raises:
        ArticleNotFound: it is not published.
    """
    article = await _article(db, viewer, _id_in(name))
    if request.scope["path"] != article["url"]:
        return _moved(request, article["url"])
    return render(
        request,
        "article.html",
        article=article,
        address=db.settings.public_url + quote(article["url"]),
        metadata=question_page(article, db.settings.public_url),
        edited=await conversation.times_edited(db, article["id"]),
        mentor=(await directory.several(db, [article["assigned_mentor_id"]])).get(article["assigned_mentor_id"]),
        related=distinct(await request.app.state.related.to(db, viewer, article), RELATED, article["title"]),
        is_answer=request.cookies.get(SAID) == "deflected",
    )


@router.get("/solved/{name}/versions")
async def versions(request: Request, name: str, viewer: MaybeVisitor, db: Read, cursor: Cursor = None) -> Response:
    """What the solution said, newest first, and what changed each time.

    Raises:
        ArticleNotFound: it is not published.
    """
    article = await _article(db, viewer, _id_in(name))
    if request.scope["path"] != article["url"] + "/versions":
        return _moved(request, article["url"] + "/versions")
    # One more than is shown, which the last one shown is held against.
    place = keyset(db.settings, list_name(request, viewer.id), cursor, VERSIONS + 1)
    said, _ = await conversation.solution_versions(db, article["id"], viewer, place, newest_first=True)
    shown = await to_thread(_with_changes, said)
    more = next_page(request, place.seal(shown[-1]["id"])) if len(said) > VERSIONS else ""
    return render(request, "versions.html", article=article, versions=shown, more=more, is_newest=cursor is None)


def _with_changes(said: list[Row]) -> list[Row]:
    """Versions, newest first, each with what it changed; the very first one changed nothing."""
    pairs = zip(said, [*said[1:], None], strict=True)
    return [
        version | {"changes": changes(before["body"], version["body"]) if before else None} for version, before in pairs
    ][:VERSIONS]


def _id_in(name: str) -> int:
    """The number that the address of an article begins with."""
    found = NAME.fullmatch(name)
    number = int(found[1]) if found else 0
    if not 1 <= number <= LARGEST_ID:
        raise ArticleNotFound
    return number


async def _article(db: Read, viewer: Viewer, ticket_id: int) -> dict[str, Any]:
    """An article as its page shows it: an anonymous asker stays so, also for those who know better."""
    _, article = await service.one(db, viewer, ticket_id)
    return article | {"student": None} if article["is_anonymous"] else article


def _moved(request: Request, path: str) -> Response:
    """The one address of an article. A title may change, so nobody keeps this for good."""
    target = quote(path) + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(target, HTTPStatus.MOVED_PERMANENTLY, {"Cache-Control": "no-cache"})


# --- what readers do


@router.post("/solved/{ticket_id}/upvote")
async def upvote(request: Request, ticket_id: RowId, viewer: MaybeVisitor, db: Write) -> Response:
    """Find it good, or no longer."""
    form = await Form.read(request)
    await _require_person(request, db, viewer, ticket_id)
    act = opinions.upvote if form["on"] else opinions.take_upvote_back
    await act(db, ticket_id, viewer)
    return await _done(request, db, viewer, ticket_id, "parts/article_acts.html")


@router.post("/solved/{ticket_id}/bookmark")
async def bookmark(request: Request, ticket_id: RowId, viewer: MaybeVisitor, db: Write) -> Response:
    """Keep it among one's bookmarks, or no longer: from its page, or from the list of them."""
    form = await Form.read(request)
    await _require_person(request, db, viewer, ticket_id)
    act = opinions.bookmark if form["on"] else opinions.drop_bookmark
    await act(db, ticket_id, viewer)
    if form["from"] != "bookmarks":
        return await _done(request, db, viewer, ticket_id, "parts/article_acts.html")
    if form["on"]:
        return redirect(request, "/app/bookmarks", "bookmarked")
    if not is_part(request):
        return redirect(request, f"/app/bookmarks?removed={ticket_id}")
    left, _ = await service.bookmarks(db, viewer, keyset(db.settings, "left", None, 1))
    return render(request, "parts/bookmark_removed.html", ticket_id=ticket_id, is_empty=not left)


@router.post("/solved/{ticket_id}/check")
async def check(request: Request, ticket_id: RowId, viewer: MaybeVisitor, db: Write) -> Response:
    """Say whether it still works, or take that back."""
    form = await Form.read(request)
    await _require_person(request, db, viewer, ticket_id)
    if form["works"] in ("yes", "no"):
        await opinions.check(db, ticket_id, viewer, works=form["works"] == "yes")
    else:
        await opinions.take_check_back(db, ticket_id, viewer)
    return await _done(request, db, viewer, ticket_id, "parts/article_checked.html")


async def _require_person(request: Request, db: Read, viewer: Viewer, ticket_id: int) -> None:
    """Send visitors to sign in, and back to the article."""
    if viewer.is_anonymous:
        article = await _article(db, ANONYMOUS, ticket_id)
        raise Answer(redirect(request, f"/signin?next={quote(article['url'])}"))


async def _done(request: Request, db: Read, viewer: Viewer, ticket_id: int, part: str) -> Response:
    article = await _article(db, viewer, ticket_id)
    if not is_part(request):
        return redirect(request, article["url"])
    return render(request, part, article=article, address=db.settings.public_url + quote(article["url"]))


# --- one's bookmarks


@router.get("/app/bookmarks")
async def bookmarks(
    request: Request,
    viewer: Visitor,
    db: Read,
    cursor: Cursor = None,
    removed: int = Query(0, ge=0, le=LARGEST_ID),
) -> Response:
    """One's bookmarked articles, last bookmarked first; without scripts also the one just removed, to undo that."""
    place = keyset(db.settings, list_name(request, viewer.id), cursor, BOOKMARKS)
    articles, next_cursor = await service.bookmarks(db, viewer, place)
    gone = [article for article in await service.several(db, viewer, [removed]) if not article["has_bookmarked"]]
    return render(
        request,
        "bookmarks.html",
        articles=articles,
        more=next_page(request, next_cursor),
        is_continued=cursor is not None,
        removed=gone[0] if gone else None,
    )
