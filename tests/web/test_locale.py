"""Languages, and times as their reader's clock shows them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from starlette.requests import Request

from mentorq.web import locale

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def asking(accept: str = "", cookie: str = "") -> Request:
    """A request of a browser with these preferences."""
    headers = [(b"accept-language", accept.encode()), (b"cookie", f"language={cookie}".encode())]
    return Request({"type": "http", "headers": headers})


@contextmanager
def reader(language: str, zone: str = "UTC") -> Iterator[None]:
    """Somebody who reads in a language, in a time zone."""
    tokens = locale.language.set(language), locale.zone.set(zone)
    with time_machine.travel(NOON, tick=False):
        yield
    locale.language.reset(tokens[0])
    locale.zone.reset(tokens[1])


@pytest.mark.parametrize(
    ("accept", "cookie", "chosen"),
    [
        ("", "", "en"),
        ("es", "", "es"),
        ("es-AR,es;q=0.9", "", "es"),
        ("de;q=0.9, es;q=0.5", "", "es"),
        ("en;q=0.3, es;q=0.8", "", "es"),
        ("fr, xx;q=nonsense", "", "en"),
        ("es", "en", "en"),
        ("es", "klingon", "es"),
        (";;;,,,q=", "", "en"),
    ],
)
def test_the_choice_of_a_language(accept: str, cookie: str, chosen: str) -> None:
    assert locale.choose(asking(accept, cookie)) == chosen


def test_times_are_the_readers_own() -> None:
    with reader("en", "Asia/Tokyo"):
        assert locale.clock(NOON).replace("\u202f", " ") == "9:00 PM"
        assert "Nov 23" in locale.clock(NOON - timedelta(days=1)) or "23 Nov" in locale.clock(NOON - timedelta(days=1))
        assert locale.day(NOON + timedelta(hours=4)) == "Nov 25, 2026"
    with reader("es", "Europe/Madrid"):
        assert locale.clock(NOON) == "13:00"
        assert locale.day(NOON) == "24 nov 2026"


@pytest.mark.parametrize(
    ("passed", "english", "spanish"),
    [
        (timedelta(seconds=10), "just now", None),
        (timedelta(minutes=4), "4 minutes ago", "hace 4 minutos"),
        (timedelta(hours=3), "3 hours ago", "hace 3 horas"),
        (timedelta(days=3), "Nov 21, 2026", "21 nov 2026"),
    ],
)
def test_how_long_ago(passed: timedelta, english: str, spanish: str | None) -> None:
    with reader("en"):
        assert locale.ago(NOON - passed) == english
    if spanish is not None:
        with reader("es"):
            assert locale.ago(NOON - passed) == spanish


def test_numbers_are_written_as_the_language_does() -> None:
    with reader("en"):
        assert locale.number(12480.5) == "12,480.5"
    with reader("es"):
        assert locale.number(12480.5) == "12.480,5"


def test_ratings_have_one_decimal() -> None:
    with reader("en"):
        assert [locale.rating(value) for value in (4, 4.25, 4.75, 5.0)] == ["4.0", "4.2", "4.8", "5.0"]
    with reader("es"):
        assert locale.rating(4.33) == "4,3"


def test_a_day_of_the_year_is_written_as_the_language_does() -> None:
    yesterday = NOON - timedelta(days=1)
    with reader("en"):
        assert locale.clock(yesterday).startswith("Nov 23, ")
    with reader("es"):
        assert locale.clock(yesterday).startswith("23 nov, ")
