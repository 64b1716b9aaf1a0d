"""The directory of mentors, and their profiles."""

import re
from collections.abc import Awaitable, Callable

import pytest
from fastapi import FastAPI

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.web.people import PEOPLE, REVIEWS
from tests.support.life import make_admin, statements_of, ticket_in
from tests.support.people import PASSWORD, Join, Person
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}


@pytest.fixture
def praise(worker: Worker) -> Callable[..., Awaitable[None]]:
    """A ticket that somebody solved, and what its owner says of it."""

    async def praise(owner: Person, its_mentor: Person, rating: int = 5, comment: str = "", **fields: object) -> None:
        ticket = await ticket_in("closed", owner, its_mentor, **fields)
        body = {"rating": rating, "comment": comment}
        await owner.expect(201, "POST", f"/tickets/{ticket['id']}/review", body)
        await worker.drain()

    return praise


def listed(page: str) -> list[str]:
    """Whom a page lists, in its order."""
    return re.findall(r'class="cover" href="/people/([^"]+)"', page)


def next_of(page: str) -> str:
    """The address behind "Show more"."""
    found = re.search(r'href="([^"]+[?;]cursor=[^"]+)"', page)
    assert found
    return found[1].replace("&amp;", "&")


async def test_anyone_finds_a_mentor(
    app: FastAPI, student: Join, mentor: Join, praise: Callable[..., Awaitable[None]]
) -> None:
    ana = await student()
    ben, eve, kim = await mentor(skills=["python"]), await mentor(skills=["sql"]), await mentor(skills=["python"])
    await ben.expect(200, "PATCH", "/users/me", {"headline": "Gardener & <programmer>"})
    await kim.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
    await praise(ana, eve)
    names = {person.username for person in (ben, eve, kim)}
    expected = {
        "": names,
        "?tag=PY": {ben.username, kim.username},
        "?tag=python,+sql": names,
        "?tag=python&tag=sql": names,
        "?tag=python&available=true": {ben.username},
        "?q=gardener": {ben.username},
        "?q=&tag=&sort=newest": names,
        f"?q={eve.username.upper()}": {eve.username},
    }
    async with visiting(app) as visit:
        for query, people in expected.items():
            assert set(listed(await visit.page(f"/people{query}"))) == people, query
        page = await visit.page("/people")
        assert listed(page)[0] == eve.username
        assert listed(await visit.page("/people?sort=resolved"))[0] == eve.username
        assert listed(await visit.page("/people?sort=newest")) == [kim.username, eve.username, ben.username]
        assert "Gardener &amp; &lt;programmer&gt;" in page
        assert page.count("Free now</span>") == 2
        assert "1 ticket solved" in page
        nobody = await visit.page("/people?tag=rust")
        assert "No mentor matches" in nobody
        assert 'value="rust"' in nobody
        for bad in ("?sort=best", "?cursor=x", f"?q={'x' * 201}"):
            assert (await visit.get(f"/people{bad}")).status_code in (404, 422)
        part = await visit.get("/people?tag=sql", headers=PART)
        assert listed(part.text) == [eve.username]
        assert "<html" not in part.text


async def test_the_directory_may_be_empty(app: FastAPI, student: Join) -> None:
    async with visiting(app) as visit:
        page = await visit.page("/people")
        assert "No mentors yet" in page
        assert 'href="/signup?role=mentor"' in page


async def test_pages_of_the_directory_skip_and_repeat_nobody(app: FastAPI, mentor: Join) -> None:
    names = {(await mentor()).username for _ in range(PEOPLE + 2)}
    async with visiting(app) as visit:
        await visit.page("/people")
        with statements_of("GET", "/people") as counts:
            page = await visit.page("/people?sort=newest")
        assert counts[0] <= 2
        rest = await visit.page(next_of(page))
        assert len(listed(page)) == PEOPLE
        assert sorted(listed(page) + listed(rest)) == sorted(names)
        assert "Show more" not in rest


async def test_a_profile_says_what_a_mentor_has_done(
    app: FastAPI, student: Join, mentor: Join, praise: Callable[..., Awaitable[None]]
) -> None:
    ana, ben = await student(), await mentor(skills=["python", "rust"])
    profile = {
        "headline": "I like clocks",
        "bio": "I build **payment** systems.",
        "links": ["https://ben.example.org/me", 'https://evil.example.org/"onmouseover=x'],
    }
    await ben.expect(200, "PATCH", "/users/me", profile)
    await praise(ana, ben, 5, "Clear & <b>patient</b>", title="Why is <i>it</i> None?", tags=["python"])
    await praise(ana, ben, 4, tags=["python", "sql"])
    await praise(ana, ben, 2, "Did not help", tags=["python"], is_anonymous=True)
    async with visiting(app) as visit:
        page = await visit.page(f"/people/{ben.username.upper()}")
        assert f"<h1><bdi>{ben.username}</bdi></h1>" in page
        assert f"<title>{ben.username}, mentor for python, sql, rust · MentorQ</title>" in page
        assert '<meta name="description" content="I like clocks">' in page
        assert "<strong>payment</strong>" in page
        assert 'href="https://ben.example.org/me" rel="me nofollow noopener"' in page
        assert '"onmouseover' not in page
        assert "rating from 3 reviews" in page
        assert ">3.7<" in page
        assert "3 solved" in page
        assert "1 solved" in page
        assert "knows it" in page
        assert "Clear &amp; &lt;b&gt;patient&lt;/b&gt;" in page
        assert "Why is &lt;i&gt;it&lt;/i&gt; None?" in page
        assert page.count(f"<bdi>{ana.username}</bdi>") == 2
        assert page.count("Anonymous") == 1
        assert "Edit profile" not in page
    async with visiting(app, ben) as visit:
        page = await visit.page(f"/people/{ben.username}")
        assert "Edit profile" in page
        assert page.count(f"<bdi>{ana.username}</bdi>") == 3
    await ana.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    async with visiting(app) as visit:
        page = await visit.page(f"/people/{ben.username}")
        assert ana.username not in page
        assert "deleted user" in page


async def test_reviews_come_in_pages(
    app: FastAPI, student: Join, mentor: Join, praise: Callable[..., Awaitable[None]]
) -> None:
    ana, ben = await student(), await mentor()
    async with visiting(app) as visit:
        assert "Nobody has reviewed this mentor yet." in await visit.page(f"/people/{ben.username}")
        for n in range(REVIEWS + 2):
            await praise(ana, ben, comment=f"No. {n};")
        with statements_of("GET", "/people/{username}") as counts:
            page = await visit.page(f"/people/{ben.username}")
        assert counts[0] <= 8
        first = re.findall(r"No\. (\d+);", page)
        part = await visit.get(next_of(page), headers=PART)
        assert "<html" not in part.text
        rest = re.findall(r"No\. (\d+);", await visit.page(next_of(page)))
        assert [*map(int, first + rest)] == [*range(REVIEWS + 2)][::-1]
        assert re.findall(r"No\. (\d+);", part.text) == rest


async def test_only_who_is_here_has_a_profile(app: FastAPI, student: Join, mentor: Join, database: Database) -> None:
    ana, eve, ben = await student(), await student(), await mentor()
    admin = await make_admin(database, student)
    for person in (eve, ben):
        await person.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    async with visiting(app) as visit:
        await visit.page(f"/people/{ana.username}")
        for name in (eve.username, ben.username, admin.username, "deleted user", "nobody", "%00", "a%2Fb"):
            page = await visit.page(f"/people/{name}", 404)
            assert "There is nothing at this address" in page, name
