"""The leaderboard's page."""

import re
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from mentorq.web import leaderboard as pages
from tests.support.life import statements_of
from tests.support.people import Join, Person, solve
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

EVIL = '"><script>alert(1)</script>'


async def help_each(mentor: Person, students: list[Person], **fields: Any) -> None:
    """Solve a ticket of each."""
    for student in students:
        await solve(student, mentor, **fields)


def ranked(page: str) -> list[tuple[str, str]]:
    """Ranks and names."""
    return re.findall(r'<td class="n strong">(\d+)</td><th scope="row">.*?<bdi>([^<]+)</bdi>', page)


async def test_anyone_sees_who_helped_most(app: FastAPI, student: Join, mentor: Join) -> None:
    students = [await student() for _ in range(3)]
    ben, eve, kim = await mentor(), await mentor(), await mentor()
    await help_each(ben, students, tags=["python"])
    await help_each(eve, students, tags=["sql"])
    await help_each(kim, [*students, students[0]], tags=["sql"])
    async with visiting(app) as visit:
        for query in ("", "?period=week", "?period=all"):
            page = await visit.page(f"/leaderboard{query}")
            assert ranked(page)[0] == ("1", kim.username)
            assert set(ranked(page)[1:]) == {("2", ben.username), ("2", eve.username)}
        assert {name for _, name in ranked(await visit.page("/leaderboard?tag=SQL"))} == {eve.username, kim.username}
        nobody = await visit.page("/leaderboard?period=week&tag=cobol")
        assert "Nobody is ranked yet" in nobody
        assert 'value="cobol"' in nobody
        assert "0, 0, 0, 0, 0, 0, 0, 4 solved a week" in await visit.page("/leaderboard")
        assert "Your last 30 days" not in page
        part = await visit.get("/leaderboard?tag=sql", headers={"HX-Request": "true"})
        assert len(ranked(part.text)) == 2
        assert "<html" not in part.text
        directory = await visit.page("/people")
        assert 'href="/leaderboard"' in directory


async def test_a_mentor_finds_the_own_numbers_beside_it_and_the_way_out(
    app: FastAPI, student: Join, mentor: Join
) -> None:
    students, ben = [await student() for _ in range(3)], await mentor()
    await help_each(ben, students)
    async with visiting(app, ben) as visit:
        page = await visit.page("/leaderboard")
        assert ranked(page) == [("1", ben.username)]
        assert "<tr class=mine>" in page
        assert "Your last 30 days" in page
        assert "3 more than before" in page
        settings = await visit.page("/app/settings")
        assert re.search(r'name="on_leaderboard" checked', settings)
        await visit.goes_to("/app/settings#profile", "/app/settings/profile", {"ranking_asked": "1"})
        assert ranked(await visit.page("/leaderboard")) == []
        assert not re.search(r'name="on_leaderboard" checked', await visit.page("/app/settings"))
        await visit.goes_to("/app/settings#profile", "/app/settings/profile", {"headline": "Clocks"})
        assert ranked(await visit.page("/leaderboard")) == []
        fields = {"ranking_asked": "1", "on_leaderboard": "on"}
        await visit.goes_to("/app/settings#profile", "/app/settings/profile", fields)
        assert ranked(await visit.page("/leaderboard")) == [("1", ben.username)]


async def test_it_leads_to_the_weeks_before_and_back(app: FastAPI, student: Join, mentor: Join) -> None:
    async with visiting(app) as visit:
        page = await visit.page("/leaderboard?period=week&tag=sql")
        assert 'href="/leaderboard?period=week&amp;tag=sql&amp;ago=1"' in page
        assert "The week after" not in page
        earlier = await visit.page("/leaderboard?period=week&tag=sql&ago=1")
        assert 'href="/leaderboard?period=week&amp;tag=sql"' in earlier
        assert "The month before" in await visit.page("/leaderboard")
        assert "before</a>" not in await visit.page("/leaderboard?period=all")


async def test_what_is_asked_wrongly_finds_nothing(app: FastAPI, student: Join) -> None:
    async with visiting(app) as visit:
        for query in ("?period=year", "?ago=-1", "?cursor=x"):
            assert (await visit.get(f"/leaderboard{query}")).status_code in (404, 422)
        page = await visit.page(str(httpx2.URL("/leaderboard", params={"tag": EVIL})))
        assert EVIL not in page


async def test_it_takes_few_statements(app: FastAPI, student: Join, mentor: Join) -> None:
    students, ben = [await student() for _ in range(3)], await mentor()
    await help_each(ben, students)
    async with visiting(app) as visit:
        await visit.page("/leaderboard")
        with statements_of("GET", "/leaderboard") as sent:
            await visit.page("/leaderboard")
    assert sent == [2]


async def test_a_mentor_sees_the_own_place_below_a_page_that_ends_before(
    monkeypatch: pytest.MonkeyPatch, app: FastAPI, student: Join, mentor: Join
) -> None:
    students = [await student() for _ in range(3)]
    ben, kim = await mentor(), await mentor()
    await help_each(ben, students)
    await help_each(kim, [*students, students[0]])
    monkeypatch.setattr(pages, "MENTORS", 1)
    for person, foot in ((ben, True), (kim, False)):
        async with visiting(app, person) as visit:
            page = await visit.page("/leaderboard")
            assert ("<tfoot>" in page) is foot
            assert ranked(page) == [("1", kim.username), *([("2", ben.username)] if foot else [])]
            assert page.count("<tr class=mine>") == 1
    async with visiting(app, students[0]) as visit:
        assert "<tfoot>" not in await visit.page("/leaderboard")
    monkeypatch.setattr(pages, "MOST_PLACES", 1)
    async with visiting(app, ben) as visit:
        assert "after </span>1</td>" in await visit.page("/leaderboard")
