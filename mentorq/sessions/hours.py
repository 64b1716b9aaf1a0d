"""When a mentor may be booked: pure functions of plain values, right in every zone and on every day.

A moment is open if and only if the clocks of the mentor's zone show a time of the mentor's hours then. So where clocks
are put forward, hours that no clock shows are not there; where they are put back, hours that are shown twice are there
twice.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from operator import itemgetter
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
LONGEST_BETWEEN_CHANGES = timedelta(hours=1)
"""Clocks are looked at this often: no zone has changed its own twice within an hour."""

GRID = timedelta(minutes=15)
A_WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)

Hours = tuple[int, int]
"""From and until which minute of a day."""

Span = tuple[datetime, datetime]
"""From and until which moment, in UTC."""


@dataclass(frozen=True)
class Schedule:
    """A mentor's hours: by weekday (Monday is 0), and other ones on some days."""

    time_zone: str
    weekly: Mapping[int, Sequence[Hours]]
    exceptions: Mapping[date, Sequence[Hours]] = field(default_factory=dict)
    minimum_notice: timedelta = timedelta(0)
    buffer: timedelta = timedelta(0)
    daily_maximum: int | None = None

    def hours_of(self, day: date) -> Sequence[Hours]:
        """The hours of one day on the mentor's calendar."""
        return self.exceptions.get(day, self.weekly.get(day.weekday(), ()))

    def day_of(self, moment: datetime) -> date:
        """Which day it is then where the mentor is."""
        return moment.astimezone(ZoneInfo(self.time_zone)).date()


def openings(schedule: Schedule, begin: datetime, end: datetime) -> list[Span]:
    """The open spans between two moments, in order, as long as possible."""
    found: list[Span] = []
    for since, until, offset in _constant(ZoneInfo(schedule.time_zone), begin, end):
        for local in _in_local_time(schedule, since + offset, until + offset):
            opens, closes = local[0] - offset, local[1] - offset
            if found and found[-1][1] == opens:
                found[-1] = found[-1][0], closes
            else:
                found.append((opens, closes))
    return found


def _in_local_time(schedule: Schedule, begin: datetime, end: datetime) -> Iterator[Span]:
    """Open spans on a clock that is never changed."""
    day = begin.date()
    while (midnight := datetime.combine(day, time(), UTC)) < end:
        for opens, closes in merged(schedule.hours_of(day)):
            span = max(begin, midnight + timedelta(minutes=opens)), min(end, midnight + timedelta(minutes=closes))
            if span[0] < span[1]:
                yield span
        day += timedelta(days=1)


def merged(hours: Sequence[Hours]) -> list[Hours]:
    """The same hours in order, without overlaps."""
    found: list[Hours] = []
    for opens, closes in sorted(hours):
        if found and opens <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], closes)
        else:
            found.append((opens, closes))
    return found


def _constant(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """The spans in which the zone's clocks differ from UTC by the same, with that difference."""
    since, offset = begin, _offset(zone, begin)
    moment = begin
    while moment < end:
        later = min(moment + LONGEST_BETWEEN_CHANGES, end)
        if _offset(zone, later) != offset:
            change = _change(zone, moment, later)
            yield since, change, offset
            since, offset = change, _offset(zone, change)
            later = change
        moment = later
    if since < end:
        yield since, end, offset


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first whole second after `before` at which the clocks have been changed."""
    start, offset = before.replace(microsecond=0), _offset(zone, before)
    seconds = range(int((after - start) / SECOND) + 2)
    found = bisect_right(seconds, False, key=lambda second: _offset(zone, start + second * SECOND) != offset)
    return start + found * SECOND


def slots(
    schedule: Schedule, begin: datetime, end: datetime, length: timedelta, taken: Sequence[Span], now: datetime
) -> list[Span]:
    """What can be booked between two moments: every quarter of an hour from the beginning of each opening, or, where
    it has been open for a week, from a midnight there.

    `taken` are the mentor's own bookings, also those of the first and the last day that began before or end after.
    """
    earliest = max(begin, now + schedule.minimum_notice)
    busy, full = _busy(schedule, taken), full_days(schedule, taken)
    free: list[Span] = []
    # From a week before, so that the quarters are counted from where an opening begins, not from where somebody asks.
    midnight = datetime.combine(schedule.day_of(begin) - A_WEEK, time(), ZoneInfo(schedule.time_zone)).astimezone(UTC)
    for opens, closes in openings(schedule, midnight, end + timedelta(days=1)):
        starts = opens
        while starts + length <= closes and starts < end:
            slot = starts, starts + length
            if starts >= earliest and _is_free(slot, busy) and not (full and schedule.day_of(starts) in full):
                free.append(slot)
            starts += GRID
    return free


def _busy(schedule: Schedule, taken: Sequence[Span]) -> list[Span]:
    """What is booked, with the mentor's pause before and after it, in order and without overlaps."""
    found: list[Span] = []
    for since, until in sorted((since - schedule.buffer, until + schedule.buffer) for since, until in taken):
        if found and since <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until)
        else:
            found.append((since, until))
    return found


def opened(before: Sequence[Span], after: Sequence[Span]) -> list[Span]:
    """Those free slots that do not lie within what was free before, whatever quarters that was counted in."""
    was_free: list[Span] = []
    for since, until in before:
        if was_free and since <= was_free[-1][1]:
            was_free[-1] = was_free[-1][0], until
        else:
            was_free.append((since, until))
    return [slot for slot in after if not any(since <= slot[0] and slot[1] <= until for since, until in was_free)]


def _is_free(span: Span, busy: Sequence[Span]) -> bool:
    before = bisect_left(busy, span[1], key=itemgetter(0))
    return before == 0 or busy[before - 1][1] <= span[0]


def full_days(schedule: Schedule, taken: Sequence[Span]) -> set[date]:
    """The days that have as many bookings as the mentor wants on a day."""
    if schedule.daily_maximum is None:
        return set()
    counted = Counter(schedule.day_of(since) for since, _ in taken)
    return {day for day, sessions in counted.items() if sessions >= schedule.daily_maximum}


def is_open(schedule: Schedule, span: Span) -> bool:
    """Whether it lies within the mentor's hours."""
    begin, end = span
    return openings(schedule, begin, end) == [span]
