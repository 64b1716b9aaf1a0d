"""A mentor's statistics and a student's progress, at home and on pages of their own."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from fastapi import FastAPI

from mentorq.insights.progress import MILESTONES
from mentorq.web.progress import ICONS, names
from tests.support.life import sign_in_again, statements_of
from tests.support.people import Join, Person, solve
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)


async def solve_after(traveller: time_machine.Traveller, owner: Person, its_mentor: Person, minutes: int) -> None:
    """A ticket that is answered and solved so many minutes after it was taken, closed and reviewed."""
    for person in (owner, its_mentor):
        await sign_in_again(person)
    ticket = await owner.ask()
    path = f"/tickets/{ticket['id']}"
    await its_mentor.expect(200, "POST", f"{path}/accept")
    traveller.shift(timedelta(minutes=minutes))
    await its_mentor.expect(200, "POST", f"{path}/resolve", {"solution": "So."})
    await owner.expect(200, "POST", f"{path}/close")
    await owner.expect(201, "POST", f"{path}/review", {"rating": 4 if minutes > 10 else 5})


async def test_a_mentor_sees_what_is_different_from_before(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    for ago, minutes in ((8, 25), (8, 25), (1, 5)):
        with time_machine.travel(NOON - timedelta(days=ago), tick=False) as traveller:
            await solve_after(traveller, ana, ben, minutes)
    with time_machine.travel(NOON, tick=False):
        async with visiting(app, ben) as visit:
            week = await visit.page("/app/statistics?period=week")
            for sentence in (
                "1 fewer than before", "20 min sooner than before", "1.0 more than before", "Mar 17: 1 ticket solved",
                'href="/app/statistics.csv?period=week"', "ticket solved",
            ):  # fmt: skip
                assert sentence in week, sentence
            month = await visit.page("/app/statistics")
            assert "3 more than before" in month
            assert month.count('<rect class="a" x=') >= 2
            ever = await visit.page("/app/statistics?period=all")
            assert "than before" not in ever
            assert "Solved, week by week" in ever
            home = await visit.page("/app")
            assert "Your last 7 days" in home
            assert "1 fewer than before" in home
            file = await visit.get("/app/statistics.csv?period=all")
            assert file.headers["content-type"].startswith("text/csv")
            assert len(file.text.splitlines()) == 4
            assert (await visit.get("/app/statistics?period=year")).status_code in (404, 422)


async def test_who_has_done_nothing_has_pages_too(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    async with visiting(app, ben) as visit:
        for path in ("/app", "/app/statistics", "/app/statistics?period=week", "/app/statistics?period=all"):
            assert "–" in await visit.page(path)
    async with visiting(app, ana) as visit:
        page = await visit.page("/app/progress")
        assert "Ask your first question" in page
        assert "No streak yet" in page
        assert "Your progress" not in await visit.page("/app")


async def test_a_student_sees_how_far_it_went(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    await solve(ana, ben, title="Why is <i>it</i> None?", tags=["python", "sql"])
    await ana.ask(title="Another", tags=["git"])
    async with visiting(app, ana) as visit:
        home, page = await visit.page("/app"), await visit.page("/app/progress")
    for text in (home, page):
        assert "1 week in a row" in text
        assert "2 asked, 1 solved in 12 weeks." in text
    assert "Why is &lt;i&gt;it&lt;/i&gt; None?" in page
    assert 'href="/solved?tag=git"' in page
    assert "First question solved" in page
    assert "1 of 10" in page
    assert 'href="/app/progress"' in home


async def test_pages_are_for_whom_they_are(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    async with visiting(app) as visit:
        for path in ("/app/statistics", "/app/statistics.csv", "/app/progress"):
            assert (await visit.get(path)).headers["location"] == f"/signin?next={path}"
    for person, path in ((ana, "/app/statistics"), (ana, "/app/statistics.csv"), (ben, "/app/progress")):
        async with visiting(app, person) as visit:
            assert (await visit.get(path)).status_code == 403


async def test_they_take_few_statements(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    await solve(ana, ben)
    for person, path, most in ((ben, "/app/statistics", 3), (ana, "/app/progress", 2)):
        async with visiting(app, person) as visit:
            await visit.page(path)
            with statements_of("GET", path) as sent:
                await visit.page(path)
        assert sent[0] <= most


def test_each_milestone_has_a_name_and_an_icon() -> None:
    keys = {one.key for one in MILESTONES}
    assert set(names()) == set(ICONS) == keys
    assert names() == {one.key: one.title for one in MILESTONES}
