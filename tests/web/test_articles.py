"""An article's page, its versions, and what readers do there without a script."""

import json
import re
from typing import Any

import pytest
from fastapi import FastAPI

from mentorq.settings import Settings
from mentorq.web.articles import BOOKMARKS, VERSIONS
from tests.support.life import statements_of
from tests.support.people import Join, Person, solve
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}
NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
async def two(student: Join, mentor: Join) -> tuple[Person, Person]:
    """Somebody who asks and somebody who answers."""
    return await student(), await mentor()


async def article_of(person: Person, ticket: dict[str, Any]) -> dict[str, Any]:
    """What the API says of an article."""
    found: dict[str, Any] = await person.expect(200, "GET", f"/knowledge/{ticket['id']}")
    return found


async def improve(mentor: Person, ticket: dict[str, Any], solution: str) -> None:
    """Give a better solution."""
    await mentor.expect(200, "PATCH", f"/tickets/{ticket['id']}/solution", {"solution": solution})


def metadata_of(page: str) -> dict[str, Any]:
    """What a page says to search engines; the browser ends the block where it finds the first end tag."""
    found = re.search(r'<script type="application/ld\+json" nonce="[^"]+">(.*?)</script', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


async def test_everyone_reads_question_and_answer(app: FastAPI, two: tuple[Person, Person], settings: Settings) -> None:
    ana, ben = two
    ticket = await solve(ana, ben, title="Why is it None?", tags=["python"], close=True)
    path = f"/solved/{ticket['id']}-why-is-it-none"
    async with visiting(app) as visit:
        page = await visit.page(path)
        with statements_of("GET", "/solved/{name}") as counts:
            await visit.page(path)
    assert counts[0] <= 5
    assert "<title>Why is it None? · MentorQ</title>" in page
    assert f'<link rel="canonical" href="{settings.public_url}{path}">' in page
    assert f'<meta property="og:url" content="{settings.public_url}{path}">' in page
    assert '<meta property="og:title" content="Why is it None?">' in page
    for text in ("x = x.sort()", "sorted(x)", "Solved and closed", ana.username, f'href="/people/{ben.username}"'):
        assert text in page
    assert 'href="/solved?tag=python"' in page
    assert "edited" not in page
    question = metadata_of(page)["mainEntity"]
    assert (question["name"], question["text"]) == ("Why is it None?", "I call `x = x.sort()`.")
    assert question["author"]["name"] == ana.username
    assert question["acceptedAnswer"]["text"] == "Use `sorted(x)`."
    assert question["acceptedAnswer"]["author"]["url"] == f"{settings.public_url}/people/{ben.username}"


@pytest.mark.parametrize(("title", "slug"), [("¿Por qué?", "-por-que"), ("为什么", "-为什么"), ("???", "")])
async def test_there_is_one_address(app: FastAPI, two: tuple[Person, Person], title: str, slug: str) -> None:
    number = (await solve(*two, title=title))["id"]
    async with visiting(app) as visit:
        assert title in await visit.page(f"/solved/{number}{slug}")
        for other in (f"/solved/{number}-wrong", f"/solved/{number}-", f"/solved/{number}-wrong/versions?x=1"):
            answer = await visit.get(other)
            assert answer.status_code == 301
            again = await visit.get(answer.headers["location"])
            assert again.status_code == 200
            assert ("x=1" in answer.headers["location"]) == ("x=1" in other)


@pytest.mark.parametrize("name", ["0", "999", "x", "-1", "12x", "99999999999999999999", "9223372036854775808", "1-%0A"])
async def test_there_is_nothing_at_other_addresses(app: FastAPI, name: str) -> None:
    async with visiting(app) as visit:
        await visit.page(f"/solved/{name}", 404)
        await visit.page(f"/solved/{name}/versions", 404)


async def test_only_what_is_solved_has_a_page(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    ticket = await ana.ask()
    async with visiting(app, ana) as visit:
        await visit.page(f"/solved/{ticket['id']}", 404)
        solved = await solve(ana, ben)
        await ana.expect(200, "POST", f"/tickets/{solved['id']}/reopen", {"reason": "It fails."})
        await visit.page(f"/solved/{solved['id']}", 404)


async def test_nothing_breaks_out(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    ticket = await ana.ask(title=NASTY, description=NASTY)
    await ben.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
    await ben.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": NASTY})
    await improve(ben, ticket, f"{NASTY}\nand more")
    path = (await article_of(ana, ticket))["url"]
    async with visiting(app) as visit:
        page = await visit.page(path)
        assert metadata_of(page)["mainEntity"]["name"] == NASTY
        for address in (path, f"{path}/versions"):
            text = await visit.page(address)
            assert "<script>alert" not in text
            assert "<img src=x" not in text


async def test_an_anonymous_asker_is_named_to_nobody(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    ticket = await solve(ana, ben, is_anonymous=True)
    path = (await article_of(ana, ticket))["url"]
    for person in (None, ben):
        async with visiting(app, person) as visit:
            page = await visit.page(path)
            assert ana.username not in page
            assert "asked anonymously" in page
            assert "author" not in {k: v for k, v in metadata_of(page)["mainEntity"].items() if k != "acceptedAnswer"}


async def test_a_mentor_who_has_left_has_no_profile(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    path = (await article_of(ana, await solve(ana, ben)))["url"]
    await ben.expect(204, "DELETE", "/users/me", {"password": "a-long-Passphrase-7"})
    async with visiting(app) as visit:
        page = await visit.page(path)
    assert "deleted user" in page
    assert 'href="/people/deleted' not in page
    assert "author" not in metadata_of(page)["mainEntity"]["acceptedAnswer"]


async def test_related_articles_are_others(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    one = await solve(ana, ben, title="Decorator loses its arguments", tags=["python"])
    await solve(ana, ben, title="Decorator with arguments", tags=["python"])
    await solve(ana, ben, title="Flexbox does not wrap", description="My cards stay in a row.", tags=["css"])
    async with visiting(app) as visit:
        page = await visit.page((await article_of(ana, one))["url"])
    related = page.split("Related</h2>")[1]
    assert "Decorator with arguments" in related
    assert "Decorator loses" not in related
    assert "Flexbox" not in related


async def test_what_was_related_is_shown_as_long_as_it_is_public(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    one, other = [await solve(ana, ben, title=f"Decorator {which} arguments") for which in ("with", "without")]
    path = (await article_of(ana, one))["url"]
    async with visiting(app) as visit:
        assert "Decorator without" in await visit.page(path)
        await ana.expect(200, "POST", f"/tickets/{other['id']}/reopen", {"reason": "It fails."})
        assert "Decorator without" not in await visit.page(path)


# --- what readers do


async def test_visitors_sign_in_first_and_come_back(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    ticket = await solve(ana, ben)
    path = (await article_of(ana, ticket))["url"]
    async with visiting(app) as visit:
        for act in ("upvote", "bookmark", "check"):
            await visit.goes_to(f"/signin?next={path}", f"/solved/{ticket['id']}/{act}", {"on": "1", "works": "yes"})
        part = await visit.send(f"/solved/{ticket['id']}/upvote", {"on": "1"}, headers=PART)
        assert part.headers["hx-redirect"] == f"/signin?next={path}"
        await visit.page(f"/solved/{ticket['id'] + 1}", 404)
        assert (await visit.send(f"/solved/{ticket['id'] + 1}/upvote", {"on": "1"})).status_code == 404
    assert (await article_of(ana, ticket))["upvotes"] == 0


async def test_upvotes_and_bookmarks_are_set_and_taken_back(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    ticket = await solve(ana, ben)
    path = (await article_of(ana, ticket))["url"]
    async with visiting(app, ana) as visit:
        for on, count in (("1", 1), ("1", 1), ("", 0), ("", 0)):
            await visit.goes_to(path, f"/solved/{ticket['id']}/upvote", {"on": on})
            await visit.goes_to(path, f"/solved/{ticket['id']}/bookmark", {"on": on})
            article = await article_of(ana, ticket)
            assert (article["upvotes"], article["has_upvoted"], article["has_bookmarked"]) == (
                count,
                bool(on),
                bool(on),
            )
            page = await visit.page(path)
            pressed = re.findall(r'aria-pressed="(true|false)" data-toggle', page)
            assert pressed == [str(bool(on)).lower()] * 2
        part = await visit.send(f"/solved/{ticket['id']}/upvote", {"on": "1"}, headers=PART)
        assert "<html" not in part.text
        assert 'id="acts"' in part.text


async def test_whether_it_still_works(app: FastAPI, two: tuple[Person, Person], student: Join) -> None:
    ana, ben = two
    ticket = await solve(ana, ben)
    path = (await article_of(ana, ticket))["url"]
    async with visiting(app, ana) as visit:
        assert "Nobody has said yet." in await visit.page(path)
        await visit.goes_to(path, f"/solved/{ticket['id']}/check", {"works": "yes"})
        assert "1 says yes." in await visit.page(path)
        assert "still works, 1 says" in await visit.page("/solved")
        await visit.goes_to(path, f"/solved/{ticket['id']}/check", {"works": ""})
        assert "Nobody has said yet." in await visit.page(path)
    for _ in range(3):
        async with visiting(app, await student()) as visit:
            part = await visit.send(f"/solved/{ticket['id']}/check", {"works": "no"}, headers=PART)
    assert "3 say not any more." in part.text
    assert "This may be outdated." in part.text
    async with visiting(app) as visit:
        assert "This may be outdated." in await visit.page(path)
        assert "may be outdated" in await visit.page("/solved")


async def test_bookmarks_are_listed_and_removed_with_a_way_back(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    tickets = [await solve(ana, ben, title=f"Number {n}") for n in range(BOOKMARKS + 1)]
    async with visiting(app, ana) as visit:
        assert "No bookmarks" in await visit.page("/app/bookmarks")
        for ticket in tickets:
            await ana.expect(200, "PUT", f"/knowledge/{ticket['id']}/bookmark")
        page = await visit.page("/app/bookmarks")
        assert page.index(f"Number {BOOKMARKS}<") < page.index("Number 1<")
        assert "Number 0<" not in page
        assert "Show more" in page
        last = f"/solved/{tickets[-1]['id']}/bookmark"
        gone = {"from": "bookmarks", "on": ""}
        await visit.goes_to(f"/app/bookmarks?removed={tickets[-1]['id']}", last, gone)
        page = await visit.page(f"/app/bookmarks?removed={tickets[-1]['id']}")
        assert f"Number {BOOKMARKS} is no longer among your bookmarks." in page
        await visit.goes_to("/app/bookmarks", last, {"from": "bookmarks", "on": "1"})
        assert "is no longer" not in await visit.page(f"/app/bookmarks?removed={tickets[-1]['id']}")
        part = await visit.send(last, gone, headers=PART)
        assert part.text.lstrip().startswith("<hx-partial")
        assert "Undo" in part.text
        assert "No bookmarks" not in part.text
    async with visiting(app) as visit:
        assert (await visit.get("/app/bookmarks")).headers["location"] == "/signin?next=/app/bookmarks"


# --- versions


async def test_versions_say_what_changed_newest_first(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    ticket = await solve(ana, ben)
    await improve(ben, ticket, "Use `sorted(x)`.\n\nIt is <new>.")
    await improve(ben, ticket, "Use a copy.\n\nIt is <new>.")
    path = (await article_of(ana, ticket))["url"]
    async with visiting(app) as visit:
        assert f'<a class="push small" href="{path}/versions">edited 2 times</a>' in await visit.page(path)
        page = await visit.page(f"{path}/versions")
    added = re.findall(r'<ins class="gi"><span class="sr">added: </span>.*?</span>(.*?)</ins>', page)
    removed = re.findall(r'<del class="gd"><span class="sr">removed: </span>.*?</span>(.*?)</del>', page)
    assert added == ["Use a copy.", "", "It is &lt;new&gt;."]
    assert removed == ["Use `sorted(x)`."]
    assert page.index(">current<") < page.index("the first one")


async def test_many_versions_come_in_pages(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    ticket = await solve(ana, ben)
    for n in range(VERSIONS + 1):
        await improve(ben, ticket, f"Version {n};")
    path = (await article_of(ana, ticket))["url"]
    async with visiting(app) as visit:
        page = await visit.page(f"{path}/versions")
        more = re.search(r'href="([^"]+cursor=[^"]+)"', page)
        assert more
        rest = await visit.page(more[1].replace("&amp;", "&"))
    shown = re.findall(r"</span>Version (\d+);</ins>", page + rest)
    assert [int(n) for n in shown] == list(range(VERSIONS, -1, -1))
    assert "the first one" in rest
    assert ">current<" not in rest
    assert "Show earlier" not in rest


async def test_a_ticket_leads_to_its_article(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    ticket = await ana.ask()
    async with visiting(app, ana) as visit:
        assert "/solved/" not in await visit.page(f"/app/tickets/{ticket['id']}")
        solved = await solve(ana, ben)
        path = (await article_of(ana, solved))["url"]
        assert f'href="{path}"' in await visit.page(f"/app/tickets/{solved['id']}")
        assert f'href="/app/tickets/{solved["id"]}"' in await visit.page(path)
    async with visiting(app) as visit:
        assert f'href="{path}"' in await visit.page(f"/people/{ben.username}")
        assert f'href="/solved?q=mentor:{ben.username}&amp;sort=newest"' in await visit.page(f"/people/{ben.username}")
        assert "/app/tickets/" not in await visit.page(path)
