"""What a notification says: a line, what it is about, and where it leads; in any language."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import dates

from mentorq.accounts.schemas import DELETED_NAME
from mentorq.community.catalogue import BY_KEY
from mentorq.community.models import Deed
from mentorq.core.languages import ENGLISH, Tongue, locale_of
from mentorq.notifications.kinds import Kind

A_DAY_OF_MINUTES = 24 * 60
Told = Mapping[str, Any]
"""A row of `queries.WHOLE`."""


def title(told: Told, tongue: Tongue = ENGLISH) -> str:
    """Return what has happened, in a line."""
    return _TITLES[Kind(told["kind"])](told, tongue)


def body(told: Told, tongue: Tongue = ENGLISH) -> str:
    """Return what it is about: a session's time, an achievement, a ticket's title if the reader may see it (still)."""
    if told["session_id"] is not None:
        time = _time(told, tongue)
        return f"{time}: {told['session_topic']}" if told["session_topic"] else time
    if told["ticket_id"] is not None:
        return told["ticket_title"] or tongue.gettext("This ticket is not yours to see any longer.")
    achievement = BY_KEY.get(told["data"].get("achievement"))
    if achievement is None:
        return ""
    is_own = told["kind"] == Kind.ACHIEVEMENT_AWARDED
    return tongue.gettext(achievement.description if is_own else achievement.name)


def link(told: Told) -> str:
    """Return the page that it leads to, a path."""
    if told["session_id"] is not None:
        return f"/app/sessions/{told['session_id']}"
    if told["ticket_id"] is not None:
        return f"/app/tickets/{told['ticket_id']}"
    if told["kind"] == Kind.ACHIEVEMENT_AWARDED:
        return f"/awards#{told['data']['achievement']}"
    return f"/people/{told['actor_username']}" if told["actor_username"] else "/app/feed"


def _time(told: Told, tongue: Tongue) -> str:
    """When the session begins, on the reader's clock; with the zone, since the reader may be elsewhere."""
    local = datetime.fromisoformat(told["data"]["starts_at"]).astimezone(ZoneInfo(told["reader_time_zone"]))
    day = dates.format_skeleton("yMMMEd", local, locale=locale_of(tongue.language))
    return f"{day}, {local:%H:%M} ({told['reader_time_zone']})"


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


def _requested(told: Told, tongue: Tongue) -> str:
    if told["data"]["is_offer"]:
        return tongue.gettext("%(name)s offers you another time") % _named(told, tongue)
    return tongue.gettext("%(name)s asks you for a session") % _named(told, tongue)


def _session_accepted(told: Told, tongue: Tongue) -> str:
    return tongue.gettext("%(name)s accepted: your session is booked") % _named(told, tongue)


def _declined(told: Told, tongue: Tongue) -> str:
    if told["data"]["is_expired"]:
        return tongue.gettext("Nobody answered in time: a request for a session is over")
    return tongue.gettext("%(name)s has no time for your session") % _named(told, tongue)


def _cancelled(told: Told, tongue: Tongue) -> str:
    absent = told["data"].get("missed_by")
    if absent == "they":
        return tongue.gettext("%(name)s did not come to your session") % _named(told, tongue)
    if absent == "you":
        return tongue.gettext("You missed your session with %(name)s") % _named(told, tongue)
    return tongue.gettext("%(name)s cancelled your session") % _named(told, tongue)


def _reminder(told: Told, tongue: Tongue) -> str:
    minutes = told["data"]["minutes"]
    if minutes >= A_DAY_OF_MINUTES:
        return tongue.gettext("In a day: your session with %(name)s") % _named(told, tongue)
    text = tongue.ngettext(
        "In %(num)s minute: your session with %(name)s", "In %(num)s minutes: your session with %(name)s", minutes
    )
    return text % {"num": minutes, **_named(told, tongue)}


def _achieved(told: Told, tongue: Tongue) -> str:
    achievement = BY_KEY.get(told["data"]["achievement"])
    if achievement is None:
        return tongue.gettext("You earned an achievement")
    return tongue.gettext("You earned “%(achievement)s”") % {"achievement": tongue.gettext(achievement.name)}


def _followed(told: Told, tongue: Tongue) -> str:
    texts = {
        Deed.RESOLVED: tongue.gettext("%(name)s solved a ticket"),
        Deed.ACHIEVEMENT: tongue.gettext("%(name)s earned an achievement"),
        Deed.AVAILABLE: tongue.gettext("%(name)s has time for tickets again"),
        Deed.SLOTS: tongue.gettext("%(name)s has new times for sessions"),
    }
    return texts[Deed(told["data"]["deed"])] % _named(told, tongue)


_TITLES: dict[Kind, Callable[[Told, Tongue], str]] = {
    Kind.TICKET_ACCEPTED: _accepted,
    Kind.TICKET_MATCHING: _matching,
    Kind.TICKET_RELEASED: _released,
    Kind.SOLUTION_POSTED: _solution,
    Kind.TICKET_REOPENED: _reopened,
    Kind.TICKET_CLOSED: _closed,
    Kind.MESSAGE_POSTED: _message,
    Kind.REVIEW_RECEIVED: _review,
    Kind.SESSION_REQUESTED: _requested,
    Kind.SESSION_ACCEPTED: _session_accepted,
    Kind.SESSION_DECLINED: _declined,
    Kind.SESSION_CANCELLED: _cancelled,
    Kind.SESSION_REMINDER: _reminder,
    Kind.FOLLOWED_MENTOR_ACTIVITY: _followed,
    Kind.ACHIEVEMENT_AWARDED: _achieved,
}
