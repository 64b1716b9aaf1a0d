"""The toggle in the header: away, and back in an hour, tomorrow morning, on Monday or some day; and what others see."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from mentorq.accounts.models import UserRow
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.web.absence import in_an_hour, morning_of, on_monday, tomorrow
from tests.support.life import later
from tests.support.people import Join
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}
TOGGLE = "/app/availability"


def local(moment: datetime, zone: str) -> str:
    """A moment as clocks there show it."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%a %Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-03-27T12:00", "Europe/Lisbon", "Mon 2026-03-30 08:00"),  # clocks go forward on the Sunday between
        ("2026-10-23T12:00", "America/New_York", "Mon 2026-10-26 08:00"),
        ("2026-10-31T12:00", "America/New_York", "Mon 2026-11-02 08:00"),  # and back
        ("2026-01-04T23:30", "Europe/Madrid", "Mon 2026-01-12 08:00"),  # it is Monday there already
        ("2026-01-05T02:00", "America/Lima", "Mon 2026-01-05 08:00"),  # and still Sunday there
        ("2026-01-04T11:00", "Pacific/Kiritimati", "Mon 2026-01-12 08:00"),
    ],
)
def test_monday_is_the_next_one_there(at: str, zone: str, expected: str) -> None:
    assert local(on_monday(datetime.fromisoformat(at).replace(tzinfo=UTC), zone), zone) == expected


@given(
    at=st.integers(1_577_836_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    zone=st.sampled_from(sorted(available_timezones())),
)
def test_mornings_are_mornings_wherever_one_is(at: datetime, zone: str) -> None:
    here = at.astimezone(ZoneInfo(zone)).date()
    back, monday = tomorrow(at, zone), on_monday(at, zone)
    assert at < back <= monday + timedelta(hours=25)
    assert monday > at
    assert in_an_hour(at, zone) == at + timedelta(hours=1)
    for moment in (back, monday):
        there = moment.astimezone(ZoneInfo(zone))
        assert there.date() > here or there.hour > 8, "a day that a zone skips is over when it would have begun"
        assert moment == morning_of(there.date(), zone) or there.hour != 8
    assert monday.astimezone(ZoneInfo(zone)).weekday() == 0 or monday.astimezone(ZoneInfo(zone)).hour != 8


async def test_the_toggle_works_without_scripts(app: FastAPI, mentor: Join) -> None:
    ben = await mentor()
    await ben.expect(200, "PATCH", "/users/me", {"time_zone": "Asia/Tokyo"})
    async with visiting(app, ben) as visit:
        page = await visit.page("/app")
        assert 'popovertarget="absence"' in page
        assert "Matching tickets are offered to you." in page
        assert "I am back" not in page
        await visit.goes_to("/app/queue?tab=all", TOGGLE, {"back": "monday", "next": "/app/queue?tab=all"})
        me = await ben.expect(200, "GET", "/auth/me")
        assert me["is_available"] is False
        assert local(datetime.fromisoformat(me["away_until"]), "Asia/Tokyo").startswith("Mon ")
        assert "You will be available again by yourself" in await visit.page("/app/queue")
        home = await visit.page("/app")
        assert "You are away until <time" in home
        assert home.count("I am back") == 2
        await visit.goes_to("/app", TOGGLE, {"back": "here", "next": "//evil.example.org"})
        home = await visit.page("/app")
        assert "You are available" in home
        assert "I am back" not in home
        await visit.goes_to("/app", TOGGLE, {"back": "away", "next": "/app"})
        assert "You are away: no ticket is offered to you." in await visit.page("/app")
        assert (await ben.expect(200, "GET", "/auth/me"))["away_until"] is None
        alone = await visit.page(f"{TOGGLE}?next=/app/settings")
        assert 'id="back-day"' in alone
        assert 'value="/app/settings"' in alone


async def test_scripts_change_the_toggle_only_and_the_menu_stays_open_where_a_day_is_wrong(
    app: FastAPI, mentor: Join
) -> None:
    ben = await mentor()
    async with visiting(app, ben) as visit:
        answer = await visit.send(TOGGLE, {"back": "hour", "next": "/app?x=1"}, headers=PART)
        assert answer.status_code == 200
        assert "<html" not in answer.text
        assert answer.text.count('id="availability"') == 1
        assert 'id="absent" hx-swap-oob' in answer.text
        assert "You are away until" in answer.text
        answer = await visit.send(TOGGLE, {"back": "here", "next": "/solved"}, headers=PART)
        assert 'id="absent"' not in answer.text
        assert "Matching tickets are offered to you." in answer.text
        far, past = now() + timedelta(days=400), now() - timedelta(days=3)
        for day, wrong in {
            "": "Please choose a day.", "soon": "Please choose a day.", "9999-12-31": "within the next 366 days",
            f"{far:%Y-%m-%d}": "within the next 366 days", f"{past:%Y-%m-%d}": "within the next 366 days",
        }.items():  # fmt: skip
            answer = await visit.send(TOGGLE, {"back": "day", "day": day, "next": "/solved"}, headers=PART)
            assert (answer.status_code, answer.headers["hx-retarget"]) == (422, "#absence"), day
            assert wrong in answer.text
            assert f'value="{day}"' in answer.text
            answer = await visit.send(TOGGLE, {"back": "day", "day": day, "next": "/solved"})
            assert answer.status_code == 422
            assert wrong in answer.text
        assert (await ben.expect(200, "GET", "/auth/me"))["is_available"] is True
        day = f"{now() + timedelta(days=9):%Y-%m-%d}"
        await visit.goes_to("/solved", TOGGLE, {"back": "day", "day": day, "next": "/solved"})
        me = await ben.expect(200, "GET", "/auth/me")
        assert datetime.fromisoformat(me["away_until"]) == datetime.fromisoformat(f"{day}T08:00:00+00:00")


async def test_only_mentors_are_available(app: FastAPI, student: Join) -> None:
    async with visiting(app, await student()) as visit:
        assert "absence" not in await visit.page("/solved")
        assert (await visit.get(TOGGLE)).status_code == 403
        assert (await visit.send(TOGGLE, {"back": "away"})).status_code == 403


async def test_how_many_tickets_at_once_is_a_setting(app: FastAPI, mentor: Join) -> None:
    ben = await mentor()
    async with visiting(app, ben) as visit:
        assert "Empty: 5, as is usual here." in await visit.page("/app/settings")
        await visit.goes_to("/app/settings#capacity", "/app/settings/capacity", {"capacity": " 2 "})
        assert "of 2 places taken" in await visit.page("/app/queue")
        for bad in ("0", "51", "many", "99999", "2.5"):
            answer = await visit.send("/app/settings/capacity", {"capacity": bad})
            assert answer.status_code == 422, bad
            assert f'value="{bad}"' in answer.text
        assert (await ben.expect(200, "GET", "/auth/me"))["capacity"] == 2
        await visit.goes_to("/app/settings#capacity", "/app/settings/capacity", {"capacity": ""})
        assert (await ben.expect(200, "GET", "/auth/me"))["capacity"] is None


async def test_others_see_who_is_here_in_words(app: FastAPI, student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()

    async def seen(ago: timedelta) -> None:
        async with database.write() as db:
            values = {"last_seen_at": now() - ago}
            await db.execute(sa.update(UserRow).where(UserRow.id == ben.id).values(values))

    async with visiting(app, ana) as visit:
        pages = ("/people", f"/people/{ben.username}")
        for page in pages:
            assert "Free now</span>" in await visit.page(page)
        for ago, words in {
            timedelta(minutes=25): "Active [23]0 minutes ago", timedelta(hours=3, minutes=5): "Active [34] hours ago",
            timedelta(days=2, hours=1): "Active [23] days ago", timedelta(days=40): "Not here for a month",
        }.items():  # fmt: skip
            await seen(ago)
            for page in pages:
                text = await visit.page(page)
                assert re.search(words, text), (page, ago)
                assert "Free now</span>" not in text
            book = await visit.page(f"/app/people/{ben.username}/book")
            assert 'value="now"' not in book
        await seen(timedelta(0))
        assert 'value="now"' in await visit.page(f"/app/people/{ben.username}/book")
        until = (now() + timedelta(days=3)).isoformat()
        await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": False, "away_until": until})
        for page in pages:
            text = await visit.page(page)
            assert re.search(r'class="badge">Back [A-Z0-9]', text)
            assert "Active now" in text
    async with later(timedelta(days=3), ana, ben), visiting(app, ana) as visit:
        assert "Free now</span>" not in await visit.page("/people"), "back, but not here yet"
        await ben.expect(200, "GET", "/auth/me")
        assert "Free now</span>" in await visit.page("/people")
