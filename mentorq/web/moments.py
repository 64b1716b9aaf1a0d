"""Times that somebody writes into a form, on the clocks of their own zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.sessions.schedule import FARTHEST
from mentorq.web.locale import gettext as _
from mentorq.web.pages import Form

FORMAT = "%Y-%m-%dT%H:%M"
"""What `<input type="datetime-local">` sends and takes."""


def as_field(moment: datetime, zone: str) -> str:
    """A moment as the field has it."""
    return moment.astimezone(ZoneInfo(zone)).strftime(FORMAT)


def bounds(viewer: Viewer) -> tuple[str, str]:
    """The first and the last time that makes sense, as the field has it."""
    moment = now()
    return as_field(moment, viewer.time_zone), as_field(moment + FARTHEST, viewer.time_zone)


def read(form: Form, name: str, zone: str) -> datetime | None:
    """The moment in a field; None, with the error noted, where it is none.

    A time that clocks show twice is the first of the two.
    """
    try:
        local = datetime.fromisoformat(form[name].strip())
    except ValueError:
        local = None
    if local is None or local.tzinfo is not None or not 2000 <= local.year < 2200:
        form.note(name, _("Please choose a day and a time.") if form[name] else _("Please fill this in."))
        return None
    moment = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        form.note(name, _("No clock shows this time: that night clocks are put forward. Choose an hour later."))
        return None
    if not now() <= moment <= now() + FARTHEST:
        too_far = _("Choose a time within the next %(days)s days.") % {"days": FARTHEST.days}
        form.note(name, _("This time is over already.") if moment < now() else too_far)
        return None
    return moment


def midnight(day: date, zone: str) -> datetime:
    """When a day begins where somebody is."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def today(viewer: Viewer) -> date:
    """Which day it is where the viewer is."""
    return now().astimezone(ZoneInfo(viewer.time_zone)).date()


def next_day(day: date, days: int = 1) -> date:
    """A later day."""
    return day + timedelta(days=days)
