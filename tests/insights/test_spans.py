"""Periods in the days of whoever reads, in all zones."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from mentorq.insights.leaderboard import Period
from mentorq.insights.spans import span_of, start_of, week_of


def test_a_day_begins_when_the_clocks_begin_to_show_it() -> None:
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for number in range(366):
            day = date(2026, 1, 1) + timedelta(days=number)
            start = start_of(day, zone)
            assert start.astimezone(zone).date() == day, (name, day)
            assert (start - timedelta(seconds=1)).astimezone(zone).date() < day, (name, day)


@pytest.mark.parametrize("period", ["week", "month"])
def test_periods_follow_on_each_other(period: Period) -> None:
    for name in ("UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"):
        for number in range(0, 366 * 24, 7):
            moment = datetime(2026, 1, 1, 0, 30, tzinfo=UTC) + timedelta(hours=number)
            span = span_of(period, name, moment)
            assert span.earlier is not None
            begin, end = span.earlier
            zone = ZoneInfo(name)
            assert begin < end <= span.begin <= moment
            assert span.days[-1] == moment.astimezone(zone).date()
            assert (span.days[0] - begin.astimezone(zone).date()).days == len(span.days)
            passed = (moment - span.begin) - (end - begin)
            assert abs(passed) <= timedelta(hours=2)  # where the clocks were changed


def test_a_moment_is_counted_on_its_day() -> None:
    span = span_of("week", "Asia/Kathmandu", datetime(2026, 3, 18, 12, tzinfo=UTC))
    moments = [start + timedelta(seconds=seconds) for start in span.starts for seconds in (0, 86_399)]
    assert span.per_day(moments) == [2] * 7
    assert span.per_day([span.begin - timedelta(seconds=1)]) == [0] * 7


def test_a_week_begins_on_monday_where_one_is() -> None:
    sunday_evening = datetime(2026, 3, 15, 20, tzinfo=UTC)
    assert week_of(sunday_evening, ZoneInfo("UTC")) == date(2026, 3, 9)
    assert week_of(sunday_evening, ZoneInfo("Asia/Kathmandu")) == date(2026, 3, 16)
