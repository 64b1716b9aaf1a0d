"""The front door."""

import pytest
from fastapi import FastAPI

from mentorq.web import locale
from tests.support.people import Join, solve
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio


async def test_an_empty_community_claims_nothing(app: FastAPI) -> None:
    async with visiting(app) as visit:
        page = await visit.page("/")
    assert "Stuck is a place you pass through." in page
    assert "<dl" not in page
    assert "Ask the first question." in page
    assert 'href="/signup?role=mentor"' in page


async def test_figures_are_real_ones(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    await ana.ask(title="Nobody has answered me yet")
    first = await solve(ana, ben, title="Why <b>is</b> it None?", close=True)
    await solve(ana, ben, title="Asked without a name", is_anonymous=True)
    async with visiting(app) as visit:
        page = await visit.page("/")
    assert "<dt>solved in the last 30 days</dt><dd>2</dd>" in page
    assert "<dt>mentors active this week</dt><dd>1</dd>" in page
    assert "typical wait" not in page, "two tickets say too little"
    assert f'<a href="/solved/{first["id"]}-why-b-is-b-it-none">Why &lt;b&gt;is&lt;/b&gt; it None?</a>' in page
    assert page.index("Asked without a name") < page.index("it None?"), "newest first"
    assert ben.username in page
    assert ana.username not in page
    assert "Nobody has answered me yet" not in page


async def test_the_typical_wait_needs_five_tickets(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    for _ in range(5):
        await solve(ana, ben)
    async with visiting(app) as visit:
        page = await visit.page("/")
    assert f"<dt>typical wait for a mentor</dt><dd>{locale.span(60)}</dd>" in page
    assert page.count('href="/solved/') == 4


async def test_who_is_signed_in_begins_at_home(app: FastAPI, student: Join, mentor: Join) -> None:
    for person, home in ((await student(), "/app"), (await mentor(), "/app/queue")):
        async with visiting(app, person) as visit:
            answer = await visit.get("/")
            assert (answer.status_code, answer.headers["location"]) == (303, home)


async def test_programs_find_what_they_ask_for(app: FastAPI) -> None:
    async with visiting(app) as visit:
        assert "Disallow: /app\n" in (await visit.get("/robots.txt")).text
        icon = await visit.get("/favicon.ico", follow_redirects=True)
    assert icon.headers["content-type"] == "image/svg+xml"
