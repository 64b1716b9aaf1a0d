"""How one wants to be told, as a form: a matrix of what and where, quiet hours, a pause."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.notifications.hours import MORNING, next_time
from mentorq.notifications.kinds import Email, Kind
from mentorq.notifications.schemas import PreferencesChange
from mentorq.web import locale
from mentorq.web.locale import gettext as _
from mentorq.web.pages import Form

FOREVER = datetime(9000, 1, 1, tzinfo=UTC)
"""Until one switches it on again: no clock of any zone is beyond what dates can say."""

TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True)
class Choices:
    """What the form offers to choose from."""

    kinds: dict[str, str]
    emails: dict[str, str]
    pauses: dict[str, str]
    paused: str
    """Until when it is paused, in words, if it is."""


def choices(viewer: Viewer, paused_until: datetime | None) -> Choices:
    """What somebody may choose from."""
    paused = _paused(paused_until)
    stay = {"stay": paused} if paused else {}
    pauses = {
        "": _("Not paused"),
        **stay,
        "morning": _("Until tomorrow morning"),
        "week": _("For a week"),
        "forever": _("Until I switch it on again"),
    }
    emails = {Email.OFF: _("Off"), Email.IMMEDIATE: _("At once"), Email.DAILY: _("Once a day")}
    return Choices(
        {kind.value: words for kind, words in _kinds_of(viewer).items()},
        {email.value: words for email, words in emails.items()},
        pauses,
        paused,
    )


def _kinds_of(viewer: Viewer) -> dict[Kind, str]:
    """What may happen to somebody, as the end of "Tell me when …"; admins may have been either before."""
    students = {
        Kind.TICKET_ACCEPTED: _("a mentor takes my ticket"),
        Kind.MESSAGE_POSTED: _("someone writes to me about a ticket"),
        Kind.SOLUTION_POSTED: _("a solution is posted or changed"),
        Kind.TICKET_RELEASED: _("my ticket goes back to the queue"),
        Kind.TICKET_CLOSED: _("my ticket closes by itself"),
        Kind.SESSION_ACCEPTED: _("a mentor accepts a session"),
        Kind.SESSION_REQUESTED: _("a mentor offers me another time"),
        Kind.SESSION_DECLINED: _("a mentor has no time for a session"),
        Kind.SESSION_CANCELLED: _("a session is cancelled"),
        Kind.SESSION_REMINDER: _("a session is about to begin"),
    }
    mentors = {
        Kind.TICKET_MATCHING: _("a new ticket matches what I know"),
        Kind.MESSAGE_POSTED: _("someone writes to me about a ticket"),
        Kind.TICKET_REOPENED: _("a student reopens a ticket"),
        Kind.TICKET_CLOSED: _("a ticket that I solved is closed"),
        Kind.TICKET_RELEASED: _("my time for a ticket runs out"),
        Kind.REVIEW_RECEIVED: _("someone reviews me"),
        Kind.SESSION_REQUESTED: _("a student asks me for a session"),
        Kind.SESSION_ACCEPTED: _("a student accepts the time that I offered"),
        Kind.SESSION_DECLINED: _("a time that I offered was not answered"),
        Kind.SESSION_CANCELLED: _("a session is cancelled"),
        Kind.SESSION_REMINDER: _("a session is about to begin"),
    }
    everybody = {
        Kind.FOLLOWED_MENTOR_ACTIVITY: _("a mentor whom I follow does something"),
        Kind.ACHIEVEMENT_AWARDED: _("I earn an achievement"),
    }
    return (students if viewer.is_student else mentors if viewer.is_mentor else students | mentors) | everybody


def _paused(until: datetime | None) -> str:
    if until is None or until <= now():
        return ""
    if until >= FOREVER:
        return _("Paused until you switch it on again")
    return _("Paused until %(time)s") % {"time": locale.clock(until)}


def form_of(viewer: Viewer, preferences: dict[str, Any]) -> Form:
    """What somebody has chosen, filled in."""
    hours = preferences["quiet_hours"] or {"start": "", "end": ""}
    values = {
        "quiet_from": hours["start"],
        "quiet_until": hours["end"],
        "pause": "stay" if _paused(preferences["paused_until"]) else "",
    }
    for kind in _kinds_of(viewer):
        chosen = preferences[kind.value]
        values |= {f"{kind}.email": chosen["email"]}
        values |= {f"{kind}.{channel}": "on" for channel in ("in_app", "push") if chosen[channel]}
    return Form(values)


def changes_in(form: Form, viewer: Viewer) -> dict[str, Any] | None:
    """What the form says, for `preferences.change`; None, with the errors noted, where that is nothing sensible."""
    given: dict[str, Any] = {
        kind.value: {
            "in_app": form[f"{kind}.in_app"] == "on",
            "email": form[f"{kind}.email"] if form[f"{kind}.email"] in list(Email) else None,
            "push": form[f"{kind}.push"] == "on",
        }
        for kind in _kinds_of(viewer)
    }
    given["quiet_hours"] = _quiet_hours(form)
    pauses = {"": None, "morning": _tomorrow_morning(viewer), "week": now() + timedelta(days=7), "forever": FOREVER}
    if form["pause"] in pauses:
        given["paused_until"] = pauses[form["pause"]]
    body = form.fit(PreferencesChange, **given)
    if body is None or form.errors:
        return None
    found: dict[str, Any] = body.model_dump(exclude_unset=True)
    return found


def _tomorrow_morning(viewer: Viewer) -> datetime:
    """Of the next day, however early one says so."""
    midnight = next_time(now(), viewer.time_zone, datetime.min.time())
    return next_time(midnight, viewer.time_zone, MORNING)


def _quiet_hours(form: Form) -> dict[str, str] | None:
    start, end = form["quiet_from"], form["quiet_until"]
    if not start and not end:
        return None
    for name, given in (("quiet_from", start), ("quiet_until", end)):
        if not given:
            form.note(name, _("Please fill in both, or neither."))
        elif not TIME_OF_DAY.fullmatch(given):
            form.note(name, _("Please write a time, as in 22:00."))
    if start == end:
        form.note("quiet_until", _("Quiet hours must end at another time than they begin."))
    return None if form.errors else {"start": start, "end": end}
