"""Reading articles: one, one's bookmarks, and what the whole saves. Searching them is in `search.py`."""

from datetime import datetime, timedelta
from typing import Any

from mentorq.accounts.errors import WrongRole
from mentorq.accounts.models import Role
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row
from mentorq.core.pagination import Keyset
from mentorq.knowledge import queries
from mentorq.knowledge.errors import ArticleNotFound
from mentorq.knowledge.schemas import Deflections, as_article, url

LATELY = timedelta(days=30)
MOST_DEFLECTING = 10


async def one(db: Read, viewer: Viewer, ticket_id: int) -> tuple[Row, dict[str, Any]]:
    """An article's row, and what it is on the wire.

    Raises:
        ArticleNotFound: there is none.
    """
    found = await queries.articles(db, viewer, [ticket_id])
    if not found:
        raise ArticleNotFound
    return found[0], as_article(found[0], viewer)


async def several(db: Read, viewer: Viewer, ticket_ids: list[int]) -> list[dict[str, Any]]:
    """Those of some articles that are public, in this order."""
    return [as_article(row, viewer) for row in await queries.articles(db, viewer, ticket_ids)]


async def bookmarks(db: Read, viewer: Viewer, keyset: Keyset) -> tuple[list[dict[str, Any]], str | None]:
    """What the viewer bookmarked, last bookmarked first."""
    rows = await queries.bookmarked(db, viewer, keyset)
    shown, next_cursor = keyset.cut(rows, lambda row: (row["created_at"], row["ticket_id"]))
    return await several(db, viewer, [row["ticket_id"] for row in shown]), next_cursor


async def last_id(db: Read) -> int:
    """Up to which id there are articles."""
    return await queries.last_id(db)


async def addresses(db: Read, first_id: int, last_id: int) -> list[tuple[str, datetime]]:
    """Where the articles with ids from one to another are, and when each has changed."""
    rows = await queries.listed(db, first_id, last_id)
    return [(url(row["id"], row["title"]), row["updated_at"]) for row in rows]


async def deflections(db: Read, viewer: Viewer) -> Deflections:
    """How many questions were answered before they were asked, and by which articles.

    Raises:
        WrongRole: this is for admins.
    """
    if not viewer.is_admin:
        raise WrongRole(Role.ADMIN)
    total, lately, ticket_ids = await queries.deflections(db, now() - LATELY, MOST_DEFLECTING)
    articles = await several(db, viewer, ticket_ids)
    return Deflections.model_validate({"total": total, "last_30_days": lately, "articles": articles})
