"""A mentor's hours on the clocks of all zones, also on the days when those are changed."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from mentorq.sessions.hours import Hours, Schedule, is_open, openings, slots

ZONES = st.sampled_from(sorted(available_timezones()))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
QUARTER = timedelta(minutes=15)


def _hours(pair: tuple[int, int]) -> Hours:
    return min(pair), max(pair) + 1


HOURS = st.lists(st.tuples(st.integers(0, 1439), st.integers(0, 1439)).map(_hours), max_size=4)
WEEKS = st.dictionaries(st.integers(0, 6), HOURS)


def shows(schedule: Schedule, moment: datetime) -> bool:
    """Whether the clocks of the zone show a time of the hours then."""
    local = moment.astimezone(ZoneInfo(schedule.time_zone))
    minute = local.hour * 60 + local.minute
    return any(begin <= minute < end for begin, end in schedule.hours_of(local.date()))


@st.composite
def near_a_change(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and a moment within two days of a change of its clocks where it has one in that year."""
    zone, at = draw(ZONES), draw(MOMENTS)
    here = ZoneInfo(zone)
    for days in range(366):
        moment = at + timedelta(days=days)
        if moment.astimezone(here).utcoffset() != (moment + timedelta(days=1)).astimezone(here).utcoffset():
            return zone, moment - timedelta(hours=draw(st.integers(0, 24)))
    return zone, at


@settings(max_examples=150, deadline=None)
@given(near_a_change(), WEEKS, st.data())
def test_open_is_when_the_clock_shows_the_hours(
    where: tuple[str, datetime], weekly: dict[int, list[Hours]], data: st.DataObject
) -> None:
    zone, begin = where
    end = begin + timedelta(days=3)
    exceptions = data.draw(
        st.dictionaries(st.sampled_from([(begin + timedelta(days=n)).date() for n in range(3)]), HOURS)
    )
    schedule = Schedule(zone, weekly, exceptions)
    found = openings(schedule, begin, end)
    assert found == sorted(found)
    assert all(before[1] < after[0] for before, after in pairwise(found)), "as long as possible"
    moment = begin
    while moment < end:
        is_in = any(since <= moment < until for since, until in found)
        assert is_in == shows(schedule, moment), moment
        moment += timedelta(minutes=data.draw(st.integers(1, 60), label="step") if moment == begin else 7)
    for since, until in found:
        for edge in (since, until):
            if begin < edge < end:
                assert shows(schedule, edge) != shows(schedule, edge - timedelta(microseconds=1)), edge


@settings(max_examples=60, deadline=None)
@given(near_a_change(), WEEKS, st.integers(15, 60), st.integers(0, 30), st.integers(0, 180))
def test_slots_are_open_and_free_and_in_time(
    where: tuple[str, datetime], weekly: dict[int, list[Hours]], minutes: int, pause: int, notice: int
) -> None:
    zone, begin = where
    length, end = timedelta(minutes=minutes), begin + timedelta(days=3)
    schedule = Schedule(zone, weekly, {}, timedelta(minutes=notice), timedelta(minutes=pause), 3)
    empty = slots(Schedule(zone, weekly), begin, end, length, [], begin)
    taken = empty[::7][:4]
    found = slots(schedule, begin, end, length, taken, begin)
    assert set(found) <= set(empty)
    for since, until in found:
        assert until - since == length
        assert since >= begin + timedelta(minutes=notice)
        assert is_open(schedule, (since, until))
        assert all(until + schedule.buffer <= other[0] or other[1] + schedule.buffer <= since for other in taken)
        assert sum(schedule.day_of(other[0]) == schedule.day_of(since) for other in taken) < 3


WEEKDAYS = {day: [(60, 180)] for day in range(7)}  # from 01:00 to 03:00


def shown(schedule: Schedule, day: date) -> list[str]:
    """The openings of a day in the zone's own time."""
    here = ZoneInfo(schedule.time_zone)
    begin = datetime.combine(day, time(), tzinfo=here).astimezone(UTC)
    spans = openings(schedule, begin, begin + timedelta(hours=20))
    return [f"{since.astimezone(here):%H:%M}-{until.astimezone(here):%H:%M}" for since, until in spans]


def test_where_clocks_go_forward_an_hour_is_not_there_and_where_they_go_back_it_is_there_twice() -> None:
    lisbon = Schedule("Europe/Lisbon", WEEKDAYS)
    assert shown(lisbon, date(2026, 3, 28)) == ["01:00-03:00"]
    assert shown(lisbon, date(2026, 3, 29)) == ["02:00-03:00"]  # 01:00 to 02:00 is not there
    assert shown(lisbon, date(2026, 10, 25)) == ["01:00-03:00"]
    begin = datetime(2026, 10, 25, tzinfo=UTC)
    ((since, until),) = openings(lisbon, begin, begin + timedelta(hours=20))
    assert until - since == timedelta(hours=3)
    half_an_hour = Schedule("Australia/Lord_Howe", {6: [(90, 120)]})
    (span,) = openings(half_an_hour, datetime(2026, 4, 4, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC))
    assert span[1] - span[0] == timedelta(hours=1)


def test_hours_meet_at_midnight_and_exceptions_replace_a_day() -> None:
    tokyo = Schedule("Asia/Tokyo", {0: [(23 * 60, 24 * 60)], 1: [(0, 60), (30, 90)]}, {date(2026, 3, 10): []})
    monday = datetime(2026, 3, 1, 15, tzinfo=UTC)
    assert openings(tokyo, monday, monday + timedelta(days=2)) == [
        (datetime(2026, 3, 2, 14, tzinfo=UTC), datetime(2026, 3, 2, 16, 30, tzinfo=UTC))
    ]
    week_later = monday + timedelta(days=7)
    assert openings(tokyo, week_later, week_later + timedelta(days=2)) == [
        (datetime(2026, 3, 9, 14, tzinfo=UTC), datetime(2026, 3, 9, 15, tzinfo=UTC))
    ]


def test_slots_count_from_where_an_opening_begins_whenever_one_asks() -> None:
    schedule = Schedule("UTC", {0: [(9 * 60 + 10, 10 * 60)]})
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    at_half_past = monday + timedelta(hours=9, minutes=12)
    found = slots(schedule, at_half_past, monday + timedelta(days=1), QUARTER, [], at_half_past)
    assert [f"{since:%H:%M}" for since, _ in found] == ["09:25", "09:40"]


def test_slots_of_whoever_is_always_there_begin_at_quarters_that_a_clock_shows() -> None:
    always = Schedule("Asia/Kathmandu", {day: [(0, 24 * 60)] for day in range(7)})
    asked = datetime(2026, 3, 4, 13, 1, 58, 123, tzinfo=UTC)
    found = slots(always, asked, asked + timedelta(hours=1), QUARTER, [], asked)
    assert [f"{since:%H:%M}" for since, _ in found] == ["13:15", "13:30", "13:45", "14:00"]
    assert all((since.second, since.microsecond) == (0, 0) for since, _ in found)
    since_monday = Schedule("UTC", {0: [(9 * 60 + 10, 24 * 60)], 1: [(0, 24 * 60)], 2: [(0, 24 * 60)]})
    found = slots(since_monday, asked, asked + timedelta(minutes=30), QUARTER, [], asked)
    assert [f"{since:%H:%M}" for since, _ in found] == ["13:10", "13:25"]
