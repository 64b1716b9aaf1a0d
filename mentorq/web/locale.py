"""Languages, dates and numbers of pages."""

import functools
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

from babel import dates, negotiate_locale, numbers
from fastapi import Request

from mentorq.accounts.availability import ROUNDED
from mentorq.core.clock import now
from mentorq.core.languages import LANGUAGES, Tongue, locale_of

COOKIE = "language"
LONG_AGO = timedelta(days=30)

language: ContextVar[str] = ContextVar("language", default="en")
"""The language of the page that is being made."""

zone: ContextVar[str] = ContextVar("zone", default="UTC")
"""The time zone of whoever reads it."""


def choose(request: Request) -> str:
    """The reader's choice, else the best of what the browser asks for, else English."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return negotiate_locale(_asked_for(request.headers.get("accept-language", "")), list(LANGUAGES), sep="-") or "en"


def _asked_for(header: str) -> list[str]:
    """The languages of an Accept-Language header, best first (RFC 9110, 12.5.4)."""
    weighed = []
    for part in header[:300].split(","):
        name, _, quality = part.strip().partition(";q=")
        try:
            weighed.append((-float(quality or 1), name))
        except ValueError:
            continue
    return [name for _, name in sorted(weighed, key=lambda pair: pair[0]) if name]


def tongue() -> Tongue:
    """The page's language."""
    return Tongue(language.get())


def gettext(text: str) -> str:
    """A text in the page's language."""
    return tongue().gettext(text)


def ngettext(one: str, several: str, n: int) -> str:
    """A text that depends on a number, in the page's language."""
    return tongue().ngettext(one, several, n)


# Writing a date takes Babel some 100 µs, a page shows dozens, and the same ones again and again: what depends on its
# arguments only is kept.
_kept = functools.lru_cache(maxsize=4096)


@_kept
def _full_date(moment: datetime, zone: str, language: str) -> str:
    return dates.format_datetime(moment.astimezone(ZoneInfo(zone)), "long", locale=locale_of(language))


@_kept
def _date(day: date, style: str, language: str) -> str:
    return dates.format_date(day, style, locale=locale_of(language))


@_kept
def _day_of_year(day: date, language: str) -> str:
    return dates.format_skeleton("MMMd", day, locale=locale_of(language))


@_kept
def _day_of_week(day: date, language: str, is_this_year: bool) -> str:
    return dates.format_skeleton("MMMEd" if is_this_year else "yMMMEd", day, locale=locale_of(language))


@_kept
def _month(day: date, language: str) -> str:
    return dates.format_skeleton("yMMMM", day, locale=locale_of(language))


@_kept
def _time(time: time_of_day, language: str) -> str:
    return dates.format_time(time, "short", locale=locale_of(language))


@_kept
def _span(length: timedelta, language: str) -> str:
    return dates.format_timedelta(length, threshold=1.5, format="short", locale=locale_of(language))


@_kept
def _ago(passed: timedelta, language: str) -> str:
    return dates.format_timedelta(passed, add_direction=True, locale=locale_of(language))


@_kept
def _number(value: float, language: str) -> str:
    return numbers.format_decimal(value, locale=locale_of(language))


def _local(moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(zone.get()))


@_kept
def utc(moment: datetime) -> str:
    """A moment as programs read it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def full_date(moment: datetime) -> str:
    """Date and time in the reader's zone: what stands behind a relative time."""
    return _full_date(moment, zone.get(), language.get())


def day(moment: datetime) -> str:
    """The date in the reader's zone."""
    return _date(_local(moment).date(), "medium", language.get())


def date_of(moment: datetime) -> date:
    """On which day it is in the reader's zone."""
    return _local(moment).date()


def short_day(day: date) -> str:
    """A date, where the year is known: "23 Nov"."""
    return _day_of_year(day, language.get())


def month(day: date) -> str:
    """The month of a date: "November 2026"."""
    return _month(day, language.get())


def day_name(moment: datetime) -> str:
    """ "Today", "Yesterday", else the date."""
    passed = (date_of(now()) - date_of(moment)).days
    return gettext("Today") if passed == 0 else gettext("Yesterday") if passed == 1 else day(moment)


def day_ahead(day: date) -> str:
    """ "Today", "Tomorrow", "Yesterday", else the date with its day of the week."""
    today = date_of(now())
    near = {0: gettext("Today"), 1: gettext("Tomorrow"), -1: gettext("Yesterday")}
    return near.get((day - today).days) or _day_of_week(day, language.get(), day.year == today.year)


def appointment(begin: datetime, end: datetime) -> str:
    """From when until when in the reader's zone: "Today, 18:30 to 18:45"."""
    times = {"day": day_ahead(date_of(begin)), "begin": hour(begin), "end": hour(end)}
    return gettext("%(day)s, %(begin)s to %(end)s") % times


def is_elsewhere(moment: datetime, other: str) -> bool:
    """Whether clocks of another zone show another time then than the reader's."""
    return moment.astimezone(ZoneInfo(other)).utcoffset() != _local(moment).utcoffset()


def time_there(moment: datetime, other: str) -> str:
    """Time of day in another zone; with the day where it is another one than the reader's."""
    there = moment.astimezone(ZoneInfo(other))
    time = _time(there.time().replace(second=0, microsecond=0), language.get())
    is_same = there.date() == date_of(moment)
    return time if is_same else f"{_day_of_week(there.date(), language.get(), is_this_year=True)}, {time}"


def hour(moment: datetime) -> str:
    """Time of day in the reader's zone, where the day stands above."""
    return _time(_local(moment).time().replace(second=0, microsecond=0), language.get())


def clock(moment: datetime) -> str:
    """Time of day in the reader's zone; with the date where it is not today."""
    local = _local(moment)
    time = hour(moment)
    return time if local.date() == _local(now()).date() else f"{_day_of_year(local.date(), language.get())}, {time}"


def ago(moment: datetime) -> str:
    """ "4 minutes ago" below a day, else the date."""
    passed = moment - now()
    if passed < -timedelta(days=1):
        return day(moment)
    if passed > -timedelta(seconds=45):
        return gettext("just now")
    return _ago(timedelta(seconds=round(passed.total_seconds())), language.get())


def active(last_active_at: datetime, is_active: bool) -> str:
    """ "Active now", or about how long ago somebody was here; no more exactly than others are told."""
    passed = now() - last_active_at
    if is_active:
        return gettext("Active now")
    if passed > LONG_AGO:
        return gettext("Not here for a month")
    unit = next(unit for within, unit in ROUNDED if passed < within)
    return gettext("Active %(ago)s") % {"ago": _ago(-max(unit, passed // unit * unit), language.get())}


def span(seconds: float) -> str:
    """How long something takes: "25 min", "3 h"."""
    return _span(timedelta(seconds=round(max(60, seconds))), language.get())


def number(value: float) -> str:
    """A number as the language writes it."""
    return _number(value, language.get())


def rating(value: float) -> str:
    """A rating: always with one decimal."""
    return tongue().rating(value)


def direction() -> str:
    """ltr or rtl."""
    return locale_of(language.get()).text_direction
