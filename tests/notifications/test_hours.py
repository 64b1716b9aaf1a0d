"""Mornings and quiet hours on the clocks of all zones, also on the days when those are changed."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from mentorq.notifications.hours import next_morning, next_time, quiet_until

ZONES = st.sampled_from(sorted(available_timezones()))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))


@given(MOMENTS, ZONES, CLOCKS)
def test_the_next_time_is_that_time_and_within_two_days(at: datetime, zone: str, clock: time) -> None:
    found = next_time(at, zone, clock)
    assert at < found <= at + timedelta(days=2, hours=1)
    shown = found.astimezone(ZoneInfo(zone))
    exists = datetime.combine(shown.date(), clock, tzinfo=ZoneInfo(zone)).astimezone(UTC) == found
    assert shown.time() == clock or exists  # in a gap: the moment after it


@given(MOMENTS, ZONES, CLOCKS, CLOCKS)
def test_quiet_hours_end_and_are_over_then(at: datetime, zone: str, start: time, end: time) -> None:
    until = quiet_until(at, zone, f"{start:%H:%M}", f"{end:%H:%M}")
    if until is not None:
        assert at < until <= at + timedelta(days=2)


def test_they_may_span_midnight() -> None:
    night = datetime(2026, 3, 3, 23, 0, tzinfo=UTC)
    assert quiet_until(night, "UTC", "22:00", "07:00") == datetime(2026, 3, 4, 7, 0, tzinfo=UTC)
    assert quiet_until(night + timedelta(hours=7), "UTC", "22:00", "07:00") == datetime(2026, 3, 4, 7, 0, tzinfo=UTC)
    assert quiet_until(night + timedelta(hours=9), "UTC", "22:00", "07:00") is None
    assert quiet_until(night, "UTC", "09:00", "17:00") is None
    assert quiet_until(night, "UTC", None, None) is None


def test_the_morning_is_that_of_the_reader() -> None:
    at = datetime(2026, 3, 28, 22, 0, tzinfo=UTC)
    assert next_morning(at, "Europe/Lisbon") == datetime(2026, 3, 29, 7, 0, tzinfo=UTC)  # summer time since the night
    assert next_morning(at, "Asia/Tokyo") == datetime(2026, 3, 28, 23, 0, tzinfo=UTC)
