"""Searching what is solved, on its page, as a browser without scripts shows it."""

import re
from html import unescape

import pytest
from fastapi import FastAPI

from mentorq.core.database import TookTooLong
from mentorq.knowledge import queries
from mentorq.knowledge.errors import SearchTookTooLong
from mentorq.settings import Settings
from mentorq.web.searching import HITS
from tests.support.life import make_admin, statements_of
from tests.support.people import Join, Person, solve
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}
NASTY = '<img src=x onerror=alert(1)>"><script>alert(2)</script>'


@pytest.fixture
async def two(student: Join, mentor: Join) -> tuple[Person, Person]:
    """Somebody who asks and somebody who answers."""
    return await student(), await mentor()


def hits(page: str) -> list[str]:
    """The titles of what a page lists, without marks."""
    found = re.findall(r'<h3 class="wraps" dir="auto"><a href="/solved/[^"]*"[^>]*>(.*?)</a></h3>', page)
    return [unescape(re.sub("</?mark>", "", title)) for title in found]


def links(page: str) -> list[str]:
    """Where the links of a page lead."""
    return [unescape(address) for address in re.findall(r'href="([^"]+)"', page)]


async def test_everyone_finds_what_is_solved(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    await solve(ana, ben, title="Recursion never ends", tags=["python"])
    await solve(ana, ben, title="A loop never ends", tags=["go"], description="The recursion was easier.")
    await ana.ask("Recursion that nobody has solved")
    async with visiting(app) as visit:
        page = await visit.page("/solved?q=recursions")
        assert hits(page) == ["Recursion never ends", "A loop never ends"]
        assert "<mark>Recursion</mark> never ends</a>" in page
        assert "The <mark>recursion</mark> was easier." in page
        assert "2 solved tickets" in page
        assert 'value="recursions"' in page
        assert f'<a href="/people/{ben.username}">' in page
        assert 'name="robots" content="noindex' in page
        everything = await visit.page("/solved")
        assert hits(everything) == ["A loop never ends", "Recursion never ends"], "newest first"
        assert "noindex" not in everything
        assert "<title>Solved tickets · MentorQ</title>" in everything
    async with visiting(app, ben) as visit:
        assert "Ask about this" not in await visit.page("/solved?q=recursion")


async def test_tags_narrow_and_can_be_taken_away(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    await solve(ana, ben, title="One", tags=["python", "loops"])
    await solve(ana, ben, title="Two", tags=["c++", "loops"])
    async with visiting(app) as visit:
        page = await visit.page("/solved?tag=Loops")
        assert sorted(hits(page)) == ["One", "Two"]
        assert "/solved?tag=loops&tag=c%2B%2B&tags=all" in links(page)
        assert 'aria-label="Remove the tag loops"' in page
        assert "/solved" in links(page)
        narrowed = await visit.page("/solved?tag=loops&tag=c%2B%2B&tags=all")
        assert hits(narrowed) == ["Two"]
        assert {"/solved?tag=loops", "/solved?tag=c%2B%2B", "/solved?tag=loops&tag=c%2B%2B"} <= set(links(narrowed))
        assert sorted(hits(await visit.page("/solved?tag=python&tag=c%2B%2B"))) == ["One", "Two"]
        kept = await visit.page("/solved?q=one&tag=loops&sort=newest")
        assert '<input type="hidden" name="tag" value="loops">' in kept
        assert '<input type="hidden" name="sort" value="newest">' in kept
        assert "/solved?q=one&tag=loops" in links(kept)
        assert "/solved.atom?tag=loops" in links(kept)


async def test_a_typo_is_mended_and_said(app: FastAPI, two: tuple[Person, Person]) -> None:
    await solve(*two, title="Recursive functions")
    async with visiting(app) as visit:
        page = await visit.page("/solved?q=recusrive")
    assert hits(page) == ["Recursive functions"]
    assert "Showing results for <strong>recursive</strong>: nothing was found for “<bdi>recusrive</bdi>”." in page


async def test_nothing_found_says_which_words_and_what_is_close(app: FastAPI, two: tuple[Person, Person]) -> None:
    await solve(*two, title="Decorator without arguments")
    await solve(*two, title="Decorator with arguments")
    async with visiting(app) as visit:
        page = await visit.page("/solved?q=decorator+flabbergasted&tag=python")
        assert 'No solved ticket has this word: <strong dir="auto">flabbergasted</strong>' in page
        assert "Closest to what you typed" in page
        assert sorted(hits(page)) == ["Decorator with arguments", "Decorator without arguments"]
        assert {"/app/ask?title=decorator+flabbergasted&tags=python", "/solved?q=decorator+flabbergasted"} <= set(
            links(page)
        )
        apart = await visit.page("/solved?q=decorator+-arguments")
        assert "No solved ticket has all of this together." in apart
        assert "No solved ticket has all of this" in await visit.page("/solved?tag=rust")


async def test_an_empty_knowledge_base_is_no_fault(app: FastAPI, student: Join) -> None:
    async with visiting(app) as visit:
        assert "Nothing is solved yet" in await visit.page("/solved")
        assert "Nothing solved matches" in await visit.page("/solved?q=anything+at+all")


async def test_what_is_too_long_is_kept_and_said(app: FastAPI, two: tuple[Person, Person]) -> None:
    await solve(*two)
    async with visiting(app) as visit:
        page = await visit.page(f"/solved?q={'x' * 501}", 422)
        assert "At most 500 characters, please; this has 501." in page
        assert f'value="{"x" * 501}"' in page
        await visit.page(f"/solved?q={'x' * 500}")


@pytest.mark.parametrize(
    "query", ["q=%00%01", "q=%22", "q=-", "q=tag:", "q=mentor:nobody", "tag=%20", "q=%F0%9F%90%8D"]
)
async def test_whatever_is_typed_means_something(app: FastAPI, two: tuple[Person, Person], query: str) -> None:
    await solve(*two)
    async with visiting(app) as visit:
        await visit.page(f"/solved?{query}")


@pytest.mark.parametrize("query", ["sort=best", "tags=some", "cursor=x"])
async def test_other_addresses_are_none(app: FastAPI, query: str) -> None:
    async with visiting(app) as visit:
        assert (await visit.get(f"/solved?{query}")).status_code in (404, 422)


async def test_what_people_wrote_is_text(app: FastAPI, two: tuple[Person, Person]) -> None:
    await solve(*two, title=f"Nasty {NASTY}", description=f"Nasty {NASTY}")
    async with visiting(app) as visit:
        for path in (
            "/solved",
            "/solved?q=nasty",
            "/solved?q=alert",
            f"/solved?q={NASTY}",
            f"/solved?q=nasty+{NASTY}+x",
        ):
            page = await visit.page(path)
            assert "<script>alert" not in page, path
            assert "<img src=x" not in page, path


async def test_who_asked_anonymously_is_not_named(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    ticket = await solve(ana, ben, is_anonymous=True)
    path = (await ana.expect(200, "GET", f"/knowledge/{ticket['id']}"))["url"]
    async with visiting(app, ben) as visit:
        for address in ("/solved", "/solved?q=list", path, f"{path}/versions"):
            assert ana.username not in await visit.page(address)


async def test_pages_skip_and_repeat_nothing(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    titles = [f"Recursion number {n}" for n in range(HITS + 2)]
    for title in titles:
        await solve(ana, ben, title=title)
    async with visiting(app) as visit:
        for query in ("q=recursion", "sort=upvotes", ""):
            first = await visit.page(f"/solved?{query}")
            more = next(address for address in links(first) if "cursor=" in address)
            rest = await visit.page(more)
            assert sorted(hits(first) + hits(rest)) == sorted(titles)
            assert "More solved tickets" in rest
            assert not any("cursor=" in address for address in links(rest))
            part = await visit.get(more, headers=PART)
            assert hits(part.text) == hits(rest)
            assert "<html" not in part.text
        with statements_of("GET", "/solved") as counts:
            await visit.page("/solved?q=recursion")
        assert counts[0] <= 6


async def test_a_search_that_takes_too_long_says_so(
    app: FastAPI, two: tuple[Person, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    await solve(*two)

    async def endless(*_: object, **__: object) -> None:
        raise TookTooLong

    monkeypatch.setattr(queries, "found", endless)
    async with visiting(app) as visit:
        page = await visit.page("/solved?q=list", SearchTookTooLong.status)
        assert two[1].username in await visit.page(f"/people/{two[1].username}"), "it is not the main thing there"
    assert "This search took too long." in page
    assert 'value="list"' in page


async def test_searches_of_pages_and_of_programs_are_counted_together(
    app: FastAPI, two: tuple[Person, Person], settings: Settings
) -> None:
    if not settings.is_sqlite:
        pytest.skip("counted in the process either way")
    app.state.limiter.enabled = True
    async with visiting(app) as visit:
        answers = [await visit.get("/solved" if n % 2 else "/knowledge") for n in range(62)]
    assert [answer.status_code for answer in answers[-2:]] == [429, 429]


async def test_the_header_leads_there_from_everywhere(app: FastAPI, two: tuple[Person, Person]) -> None:
    ana, ben = two
    for person in (None, ana, ben):
        async with visiting(app, person) as visit:
            page = await visit.page("/people")
            assert '<a href="/solved"><svg' in page
            assert page.count('id="find"') == 1
            assert (await visit.page("/solved")).count('id="find"') == 1


async def test_what_was_spared_is_for_admins(
    app: FastAPI, two: tuple[Person, Person], student: Join, database: object
) -> None:
    ana, ben = two
    admin = await make_admin(app.state.database, student)
    ticket = await solve(ana, ben, title="Answered before it was asked")
    await ana.expect(200, "PUT", f"/knowledge/{ticket['id']}/deflection")
    async with visiting(app, admin) as visit:
        assert '<a href="/app/deflections">' in await visit.page("/app/tickets")
        page = await visit.page("/app/deflections")
        assert "<dt>in all</dt><dd>1</dd>" in page
        assert "Answered before it was asked" in page
    async with visiting(app, ana) as visit:
        assert "/app/deflections" not in await visit.page("/app")
        await visit.page("/app/deflections", 403)
