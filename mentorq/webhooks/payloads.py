"""What receivers are told: ids, and what everybody may read; no message's text, no topic, no anonymous asker."""

from typing import Any

from mentorq.core.database import Read, Row
from mentorq.tickets.states import PUBLISHED
from mentorq.webhooks import queries

Data = dict[str, Any]


async def of_ticket(db: Read, ticket_id: int, **more: object) -> Data:
    """A ticket as it is now, and `more` about what happened to it.

    Who asked is null where that is nobody's business, and where it is not known any more; the title is null unless
    everybody can read it.
    """
    ticket = await queries.ticket(db, ticket_id)
    if ticket is None:
        return {"ticket_id": ticket_id} | more
    known = {
        "ticket_id": ticket_id,
        "url": f"{db.settings.public_url}/app/tickets/{ticket_id}",
        "tags": ticket["tags"],
        "title": ticket["title"] if ticket["status"] in PUBLISHED else None,
        "is_anonymous": ticket["is_anonymous"],
        "student_id": _asker(ticket),
    }
    return known | more


async def of_message(db: Read, ticket_id: int, message_id: int, author_id: int) -> Data:
    """That somebody wrote, and who: not what."""
    ticket = await queries.ticket(db, ticket_id)
    about = {"ticket_id": ticket_id, "message_id": message_id}
    if ticket is None:  # it was taken away: whether its asker was anonymous nobody knows any more
        return about | {"author": None, "author_id": None}
    if author_id == ticket["student_id"]:
        return about | {"author": "student", "author_id": _asker(ticket)}
    return about | {"author": "mentor", "author_id": author_id}


async def of_review(db: Read, ticket_id: int, review_id: int, mentor_id: int, rating: int) -> Data:
    """How a mentor was rated; what was written about it is on the mentor's page."""
    ticket = await queries.ticket(db, ticket_id)
    student_id = _asker(ticket) if ticket is not None else None
    about = {"review_id": review_id, "ticket_id": ticket_id, "mentor_id": mentor_id, "rating": rating}
    return about | {"student_id": student_id}


async def of_session(db: Read, session_id: int, **more: object) -> Data:
    """A live session as it is now, and `more` about what happened to it: who, and when; not about what.

    Its ticket is null where there is none, and where nobody may know whose that ticket is.
    """
    session = await queries.session(db, session_id)
    assert session is not None, "sessions stay"
    known = {
        "session_id": session_id,
        "url": f"{db.settings.public_url}/app/sessions/{session_id}",
        "student_id": session["student_id"],
        "mentor_id": session["mentor_id"],
        "ticket_id": None if session["is_anonymous"] else session["ticket_id"],
        "starts_at": session["starts_at"].isoformat(),
        "duration_minutes": session["duration_minutes"],
        "is_now": session["is_now"],
    }
    return known | more


def _asker(ticket: Row) -> int | None:
    asker: int | None = None if ticket["is_anonymous"] else ticket["student_id"]
    return asker
