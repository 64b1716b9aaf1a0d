"""Periods in the days of whoever reads: a day is what the clocks there call one, also where they are changed."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from mentorq.insights.leaderboard import Period

LENGTH: dict[Period, int] = {"week": 7, "month": 30, "all": 365}
"""How many days a period shows, today among them."""
EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """A period that ends now."""

    begin: datetime
    days: tuple[date, ...]
    """Those that are shown one by one, oldest first."""
    starts: tuple[datetime, ...]
    """When each of them began."""
    earlier: tuple[datetime, datetime] | None
    """The period before, as far as this one has come: a Monday morning is not held against a whole week."""

    def per_day(self, moments: Sequence[datetime]) -> list[int]:
        """How many of the moments lie in each day."""
        counts = [0] * len(self.days)
        for moment in moments:
            if (place := bisect_right(self.starts, moment) - 1) >= 0:
                counts[place] += 1
        return counts


def span_of(period: Period, time_zone: str, moment: datetime) -> Span:
    """Today and the six, or 29, days before; of all time the last year is shown by day."""
    zone = ZoneInfo(time_zone)
    local = moment.astimezone(zone)
    length = LENGTH[period]
    days, starts = _days(local.date(), length, time_zone)
    if period == "all":
        return Span(EVER, days, starts, None)
    until = (local.replace(tzinfo=None, fold=0) - timedelta(days=length)).replace(tzinfo=zone, fold=local.fold)
    earlier = start_of(days[0] - timedelta(days=length), zone), until.astimezone(UTC)
    return Span(starts[0], days, starts, earlier)


@lru_cache(maxsize=1024)
def _days(last: date, length: int, time_zone: str) -> tuple[tuple[date, ...], tuple[datetime, ...]]:
    """So many days up to one, with when each began: a year of them takes longer to work out than to count."""
    zone = ZoneInfo(time_zone)
    days = tuple(last - timedelta(days=ago) for ago in range(length - 1, -1, -1))
    return days, tuple(start_of(day, zone) for day in days)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """When the clocks began to show a day; one that begins in a gap begins where the gap ends."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def week_of(moment: datetime, zone: ZoneInfo) -> date:
    """The Monday of the week in which it is, there."""
    day = moment.astimezone(zone).date()
    return day - timedelta(days=day.weekday())
