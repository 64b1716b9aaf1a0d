"""Thanks that everybody can read: a review stands on its mentor's profile for as long as both want it."""

from typing import Any

from mentorq.accounts.schemas import Viewer, public_user
from mentorq.core.database import Read, Row, Write
from mentorq.core.errors import PreconditionFailed
from mentorq.core.events import emit
from mentorq.core.http import etag, require_match
from mentorq.reviews import queries
from mentorq.reviews.errors import NotAllowedToShow, NothingToShow, ReviewNotFound
from mentorq.reviews.events import TestimonialShown
from mentorq.reviews.schemas import Review
from mentorq.reviews.service import as_review
from mentorq.tickets.errors import NotYours

MOST = 12


async def allow(
    db: Write, ticket_id: int, student: Viewer, *, may_be_shown: bool, if_match: str | None
) -> tuple[Review, str]:
    """Let the mentor show a review of one's own, or not any longer, which takes it off the profile at once.

    Raises:
        ReviewNotFound: there is none that the student may see.
        NotYours: it is somebody else's.
        PreconditionFailed: it is not the version that `if_match` names.
    """
    before = await queries.of_ticket(db, student, ticket_id)
    if before is None:
        raise ReviewNotFound
    if before["student_id"] != student.id:
        raise NotYours
    require_match(if_match, etag(before["id"], before["version"]))
    version = before["version"] if if_match else None
    changed = await queries.change(db, ticket_id, student.id, may_be_shown=may_be_shown, version=version)
    if changed is None:
        raise PreconditionFailed
    return as_review(before | changed, student), etag(changed["id"], changed["version"])


async def show(db: Write, review_id: int, mentor: Viewer) -> None:
    """Show a review on one's profile. Repeatable.

    Raises:
        ReviewNotFound: there is none.
        NotYours: it is of somebody else.
        NotAllowedToShow: its student has not said so, or says so no longer.
        NothingToShow: it has no words.
    """
    shown = await queries.show(db, review_id, mentor.id)
    if shown is not None:
        await emit(db, TestimonialShown(review_id, shown["ticket_id"], shown["student_id"], mentor.id))
        return
    review = await _own(db, review_id, mentor)
    if not review["may_be_shown"]:
        raise NotAllowedToShow
    if not review["comment"]:
        raise NothingToShow


async def hide(db: Write, review_id: int, mentor: Viewer) -> None:
    """Show it no longer. Repeatable.

    Raises:
        ReviewNotFound: there is none.
        NotYours: it is of somebody else.
    """
    if await queries.hide(db, review_id, mentor.id) is None:
        await _own(db, review_id, mentor)


async def _own(db: Read, review_id: int, mentor: Viewer) -> Row:
    review = await queries.one(db, review_id)
    if review is None:
        raise ReviewNotFound
    if review["mentor_id"] != mentor.id:
        raise NotYours
    return review


async def of_mentor(db: Read, mentor_id: int) -> list[dict[str, Any]]:
    """What stands on a mentor's profile. Who asked anonymously is named to nobody there."""
    return [
        {"review_id": row["id"], "ticket_title": row["title"]}
        | {name: row[name] for name in ("ticket_id", "rating", "comment", "created_at")}
        | {"student": None if row["is_anonymous"] else public_user(row, "student_")}
        for row in await queries.shown(db, mentor_id, MOST)
    ]
