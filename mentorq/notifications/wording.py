"""What a notification says: a line, what it is about, and where it leads; in any language."""

from collections.abc import Callable, Mapping
from typing import Any

from mentorq.accounts.schemas import DELETED_NAME
from mentorq.core.languages import ENGLISH, Tongue
from mentorq.notifications.kinds import Kind

Told = Mapping[str, Any]
"""A row of `queries.WHOLE`."""


def title(told: Told, tongue: Tongue = ENGLISH) -> str:
    """Return what has happened, in a line."""
    return _TITLES[Kind(told["kind"])](told, tongue)


def body(told: Told, tongue: Tongue = ENGLISH) -> str:
    """Return what it is about: the ticket's title, if the reader may see the ticket (still)."""
    return told["ticket_title"] or tongue.gettext("This ticket is not yours to see any longer.")


def link(told: Told) -> str:
    """Return the page that it leads to, a path."""
    return f"/app/tickets/{told['ticket_id']}"


def _named(told: Told, tongue: Tongue) -> dict[str, str]:
    """The name of whoever did it; a student who asked anonymously has none."""
    if told["actor_id"] is None:
        return {"name": tongue.gettext("The student")}
    return {"name": told["actor_username"] or tongue.gettext(DELETED_NAME)}


def _accepted(told: Told, tongue: Tongue) -> str:
    return tongue.gettext("%(name)s took your ticket") % _named(told, tongue)


def _matching(told: Told, tongue: Tongue) -> str:
    if not told["ticket_tags"]:
        return tongue.gettext("A ticket that you may know about")
    return tongue.gettext("A new ticket about %(tags)s") % {"tags": ", ".join(told["ticket_tags"])}


def _released(told: Told, tongue: Tongue) -> str:
    if not told["data"]["expired"]:
        text = tongue.gettext("%(name)s gave your ticket back: it waits for another mentor")
    elif told["user_id"] == told["actor_id"]:
        text = tongue.gettext("Your time for a ticket ran out: it is back in the queue")
    else:
        text = tongue.gettext("%(name)s did not answer in time: your ticket waits for another mentor")
    return text % _named(told, tongue)


def _solution(told: Told, tongue: Tongue) -> str:
    if told["data"]["edited"]:
        return tongue.gettext("%(name)s changed the solution") % _named(told, tongue)
    return tongue.gettext("%(name)s posted a solution") % _named(told, tongue)


def _reopened(told: Told, tongue: Tongue) -> str:
    return tongue.gettext("%(name)s says that it is not solved yet") % _named(told, tongue)


def _closed(told: Told, tongue: Tongue) -> str:
    if told["data"]["automatic"]:
        return tongue.gettext("A solved ticket closed by itself")
    return tongue.gettext("%(name)s closed the ticket as solved") % _named(told, tongue)


def _message(told: Told, tongue: Tongue) -> str:
    text = tongue.ngettext("%(name)s wrote to you", "%(num)s new messages from %(name)s", told["times"])
    return text % {"num": told["times"], **_named(told, tongue)}


def _review(told: Told, tongue: Tongue) -> str:
    rating = told["data"]["rating"]
    text = tongue.ngettext("%(name)s gave you %(num)s star", "%(name)s gave you %(num)s stars", rating)
    return text % {"num": rating, **_named(told, tongue)}


_TITLES: dict[Kind, Callable[[Told, Tongue], str]] = {
    Kind.TICKET_ACCEPTED: _accepted,
    Kind.TICKET_MATCHING: _matching,
    Kind.TICKET_RELEASED: _released,
    Kind.SOLUTION_POSTED: _solution,
    Kind.TICKET_REOPENED: _reopened,
    Kind.TICKET_CLOSED: _closed,
    Kind.MESSAGE_POSTED: _message,
    Kind.REVIEW_RECEIVED: _review,
}
