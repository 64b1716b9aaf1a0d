"""When somebody wants to hear: quiet hours and mornings, on the clock of the reader's own zone.

A clock that is put forward or back moves neither: a time that does not exist that day is the moment after the gap, one
that exists twice is the first of the two.
"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

MORNING = time(8, 0)


def quiet_until(at: datetime, zone: str, start: str | None, end: str | None) -> datetime | None:
    """When the quiet hours end that `at` lies in; None where it lies in none. `start` and `end` are `HH:MM`."""
    if start is None or end is None:
        return None
    begins, ends = time.fromisoformat(start), time.fromisoformat(end)
    now = at.astimezone(ZoneInfo(zone)).time()
    is_quiet = begins <= now < ends if begins < ends else now >= begins or now < ends
    return next_time(at, zone, ends) if is_quiet else None


def next_morning(at: datetime, zone: str) -> datetime:
    """The next 8 o'clock after `at`."""
    return next_time(at, zone, MORNING)


def next_time(at: datetime, zone: str, clock: time) -> datetime:
    """The first moment after `at` when the clocks of a zone show this time."""
    here = ZoneInfo(zone)
    day = at.astimezone(here).date()
    for days in range(3):
        moment = datetime.combine(day + timedelta(days=days), clock, tzinfo=here).astimezone(UTC)
        if moment > at:
            return moment
    raise AssertionError("a day has every time, or the moment after a gap")
