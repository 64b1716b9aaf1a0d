"""What people do with an article: upvote, bookmark, say whether it still works, or that it spared them a question.

Each is a row of its own, and a counter changes by the rows that were really added or taken away: whatever is repeated
or done twice at once, it counts once.
"""

from typing import Any

import sqlalchemy as sa

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Base, Write
from mentorq.core.events import emit
from mentorq.knowledge.errors import ArticleNotFound
from mentorq.knowledge.events import ArticleChecked, ArticleUpvoted, QuestionDeflected
from mentorq.knowledge.models import ArticleBookmarkRow, ArticleCheckRow, ArticleRow, ArticleUpvoteRow, DeflectionRow

A = ArticleRow.__table__


async def upvote(db: Write, ticket_id: int, viewer: Viewer) -> int:
    """Find an article good; returns how many do. Repeatable.

    Raises:
        ArticleNotFound: it is not published.
    """
    await _require(db, ticket_id)
    added = await _add(db, ArticleUpvoteRow, ticket_id, viewer)
    if added:
        await emit(db, ArticleUpvoted(ticket_id, viewer.id))
    return await _count(db, ticket_id, A.c.upvotes, int(added))


async def take_upvote_back(db: Write, ticket_id: int, viewer: Viewer) -> int:
    """Find it good no longer; returns how many do. Repeatable.

    Raises:
        ArticleNotFound: it is not published.
    """
    await _require(db, ticket_id)
    return await _count(db, ticket_id, A.c.upvotes, -int(await _remove(db, ArticleUpvoteRow, ticket_id, viewer)))


async def bookmark(db: Write, ticket_id: int, viewer: Viewer) -> None:
    """Keep an article among one's bookmarks. Repeatable.

    Raises:
        ArticleNotFound: it is not published.
    """
    await _require(db, ticket_id)
    await _add(db, ArticleBookmarkRow, ticket_id, viewer)


async def drop_bookmark(db: Write, ticket_id: int, viewer: Viewer) -> None:
    """Keep it no longer, also if it is public no longer. Repeatable."""
    await _remove(db, ArticleBookmarkRow, ticket_id, viewer)


async def drop_all_bookmarks(db: Write, user_id: int) -> None:
    """Somebody leaves for good."""
    await db.execute(sa.delete(ArticleBookmarkRow).where(ArticleBookmarkRow.user_id == user_id))


async def check(db: Write, ticket_id: int, viewer: Viewer, *, works: bool) -> None:
    """Say whether the solution still works; the last word counts.

    Raises:
        ArticleNotFound: it is not published.
    """
    await _require(db, ticket_id)
    before = await db.scalar(
        sa.delete(ArticleCheckRow).where(*_mine(ArticleCheckRow, ticket_id, viewer)).returning(ArticleCheckRow.works)
    )
    await _add(db, ArticleCheckRow, ticket_id, viewer, works=works)
    if before is None:
        await _count(db, ticket_id, A.c.works if works else A.c.fails, 1)
    elif before != works:
        await _count(db, ticket_id, A.c.works, 1 if works else -1)
        await _count(db, ticket_id, A.c.fails, -1 if works else 1)
    if before != works:
        await emit(db, ArticleChecked(ticket_id, viewer.id, works))


async def take_check_back(db: Write, ticket_id: int, viewer: Viewer) -> None:
    """Say nothing of it after all. Repeatable.

    Raises:
        ArticleNotFound: it is not published.
    """
    await _require(db, ticket_id)
    before = await db.scalar(
        sa.delete(ArticleCheckRow).where(*_mine(ArticleCheckRow, ticket_id, viewer)).returning(ArticleCheckRow.works)
    )
    if before is not None:
        await _count(db, ticket_id, A.c.works if before else A.c.fails, -1)


async def forget_checks(db: Write, ticket_id: int) -> None:
    """The solution has changed: what was said of it before says nothing of it now."""
    await db.execute(sa.delete(ArticleCheckRow).where(ArticleCheckRow.ticket_id == ticket_id))
    await db.execute(sa.update(ArticleRow).where(ArticleRow.ticket_id == ticket_id).values(works=0, fails=0))


async def deflect(db: Write, ticket_id: int, viewer: Viewer) -> int:
    """Say that it answered what one was about to ask; returns how many it did. Repeatable.

    Raises:
        ArticleNotFound: it is not published.
    """
    await _require(db, ticket_id)
    added = await _add(db, DeflectionRow, ticket_id, viewer)
    if added:
        await emit(db, QuestionDeflected(ticket_id, viewer.id))
    return await _count(db, ticket_id, A.c.deflected, int(added))


async def _require(db: Write, ticket_id: int) -> None:
    """The article's row, which stays, and stays published, until the transaction ends.

    Raises:
        ArticleNotFound: there is none.
    """
    row = sa.select(A.c.ticket_id).where(A.c.ticket_id == ticket_id).with_for_update(key_share=True)
    if await db.scalar(row) is None:
        raise ArticleNotFound


def _mine(table: type[Base], ticket_id: int, viewer: Viewer) -> tuple[sa.ColumnElement[bool], ...]:
    columns = table.__table__.c
    return columns.user_id == viewer.id, columns.ticket_id == ticket_id


async def _add(db: Write, table: type[Base], ticket_id: int, viewer: Viewer, **values: Any) -> bool:
    row = {"user_id": viewer.id, "ticket_id": ticket_id, "created_at": now()} | values
    return (await db.execute(db.insert(table).values(**row).on_conflict_do_nothing())).rowcount > 0


async def _remove(db: Write, table: type[Base], ticket_id: int, viewer: Viewer) -> bool:
    return (await db.execute(sa.delete(table).where(*_mine(table, ticket_id, viewer)))).rowcount > 0


async def _count(db: Write, ticket_id: int, counter: sa.ColumnElement[int], more: int) -> int:
    changed = sa.update(ArticleRow).where(ArticleRow.ticket_id == ticket_id).values({counter.name: counter + more})
    found: int = await db.scalar(changed.returning(counter))
    return found
