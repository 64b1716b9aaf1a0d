"""Notifications as mails. A ticket's mails are one thread; each says why it came and how to have no more of them."""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from mentorq.core import markdown
from mentorq.core.database import Read
from mentorq.core.languages import Tongue
from mentorq.core.mail import Letter, Thread, message_id
from mentorq.notifications import wording
from mentorq.notifications.errors import BadUnsubscribeLink
from mentorq.notifications.kinds import Kind
from mentorq.notifications.queries import T
from mentorq.notifications.wording import Told
from mentorq.settings import Settings
from mentorq.tickets.models import TicketMessageRow

EXCERPT = 500
DIGEST = "digest"
"""Stands for the kind of thing in the address that ends the daily digest."""


async def excerpt(db: Read, told: Told) -> str | None:
    """What somebody wrote, where that is what the mail is about and its reader may see it."""
    if told["ticket_title"] is None:
        return None
    source: str | None = None
    if told["kind"] == Kind.MESSAGE_POSTED:
        m = TicketMessageRow
        source = await db.scalar(sa.select(m.body).where(m.id == told["data"]["message_id"]))
    elif told["kind"] == Kind.SOLUTION_POSTED:
        source = await db.scalar(sa.select(T.c.solution).where(T.c.id == told["ticket_id"]))
    return None if source is None else markdown.plain(source, EXCERPT)


def letter(settings: Settings, told: Told, language: str, quote: str | None) -> Letter:
    """One notification."""
    tongue = Tongue(language)
    title = wording.title(told, tongue)
    is_of_ticket = told["session_id"] is None and told["ticket_id"] is not None
    about = told["ticket_title"] if is_of_ticket else wording.body(told, tongue)
    return Letter(
        subject=about or title if is_of_ticket else title,
        paragraphs=[f"{title}.", *([about] if about else [])],
        action=(_action(told, tongue), settings.public_url + wording.link(told)),
        small_print=[tongue.gettext("You get this because you asked to be told by e-mail.")],
        language=language,
        quote=quote,
    )


def _action(told: Told, tongue: Tongue) -> str:
    if told["session_id"] is not None:
        return tongue.gettext("Open the session")
    return tongue.gettext("Open the ticket") if told["ticket_id"] is not None else tongue.gettext("Open MentorQ")


def digest(
    settings: Settings,
    told: Sequence[Told],
    waiting: int,
    language: str,
    followed: Sequence[dict[str, Any]] = (),
) -> Letter:
    """What somebody has not read, newest first, how many tickets wait, and what mentors did whom somebody follows."""
    tongue = Tongue(language)
    lines = [_line(each, tongue) for each in told]
    if waiting:
        text = tongue.ngettext(
            "%(num)s ticket waits that you may know about.", "%(num)s tickets wait that you may know about.", waiting
        )
        lines.append(text % {"num": waiting})
    lines += [_of_followed(activity, tongue) for activity in followed]
    page = "/app/notifications" if told else "/app/queue" if waiting else "/app/feed"
    return Letter(
        subject=tongue.gettext("Your day at MentorQ"),
        paragraphs=lines,
        action=(tongue.gettext("Have a look"), settings.public_url + page),
        small_print=[tongue.gettext("You get this in the morning, when there is something new.")],
        language=language,
    )


def _of_followed(activity: dict[str, Any], tongue: Tongue) -> str:
    """A line of the feed, as if it had been told."""
    achievement, ticket = activity["achievement"] or {}, activity["ticket"] or {}
    return _line(
        {
            "kind": Kind.FOLLOWED_MENTOR_ACTIVITY,
            "data": {"deed": activity["type"], "achievement": achievement.get("key")},
            "actor_id": activity["mentor"]["id"],
            "actor_username": activity["mentor"]["username"],
            "session_id": None,
            "ticket_id": ticket.get("id"),
            "ticket_title": ticket.get("title"),
        },
        tongue,
    )


def _line(told: Told, tongue: Tongue) -> str:
    title = wording.title(told, tongue)
    if told["session_id"] is not None or told["ticket_id"] is None:
        body = wording.body(told, tongue)
        return f"{title}: {body}" if body else title
    return f"{title}: {told['ticket_title']}" if told["ticket_title"] else title


def thread(settings: Settings, told: Told) -> Thread:
    """All mails about a ticket, a session, or else of one kind hang on one root, which need not exist."""
    about = f"session-{told['session_id']}"
    if told["session_id"] is None:
        about = f"ticket-{told['ticket_id']}" if told["ticket_id"] is not None else told["kind"]
    root = message_id(settings, f"{about}.{told['user_id']}")
    return Thread(message_id(settings, f"notification-{told['id']}"), root, (root,))


# --- ending it


def unsubscribe_url(settings: Settings, user_id: int, what: str) -> str:
    """The address that ends mails of a kind, or the digest, without signing in (RFC 8058)."""
    query = {"user": user_id, "of": what, "proof": _proof(settings, user_id, what)}
    return f"{settings.public_url}/unsubscribe?{urlencode(query)}"


def require_proof(settings: Settings, user_id: int, what: str, proof: str) -> None:
    """Look whether such an address is one of ours.

    Raises:
        BadUnsubscribeLink: it is not.
    """
    known = what == DIGEST or what in set(Kind)
    if not known or not hmac.compare_digest(proof.encode(), _proof(settings, user_id, what).encode()):
        raise BadUnsubscribeLink


def _proof(settings: Settings, user_id: int, what: str) -> str:
    return hmac.new(settings.secret_key.encode(), f"unsubscribe {user_id} {what}".encode(), sha256).hexdigest()[:32]
