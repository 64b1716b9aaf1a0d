"""Articles and what people do with them: upvotes, bookmarks, checks, questions that were spared."""

from asyncio import gather
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.core.database import Base, Database
from mentorq.knowledge.models import ArticleRow, ArticleUpvoteRow
from tests.support.life import make_admin, ticket_in
from tests.support.people import Join, Person, solve

pytestmark = pytest.mark.anyio


async def article(person: Person, number: int) -> dict[str, Any]:
    """An article as somebody sees it."""
    found: dict[str, Any] = await person.expect(200, "GET", f"/knowledge/{number}")
    return found


@pytest.mark.parametrize("state", ["open", "assigned", "resolved", "closed"])
async def test_an_article_is_there_once_its_ticket_is_solved(student: Join, mentor: Join, state: str) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in(state, ana, ben, title="Why is my list None?")
    answer = await ana.client.get(f"/knowledge/{ticket['id']}")
    if state in ("open", "assigned"):
        assert answer.status_code == 404
        assert answer.json()["code"] == "article_not_found"
        assert (await ana.put(f"/knowledge/{ticket['id']}/upvote")).status_code == 404
        return
    found = answer.json()
    assert found["solution"]
    assert found["url"] == f"/solved/{ticket['id']}-why-is-my-list-none"
    assert (found["upvotes"], found["has_upvoted"], found["has_bookmarked"]) == (0, False, False)
    assert answer.headers["etag"]


async def test_upvotes_can_be_repeated_and_taken_back(student: Join, mentor: Join) -> None:
    ana, ben, eve = await student(), await mentor(), await student()
    number = (await solve(ana, ben))["id"]
    path = f"/knowledge/{number}/upvote"
    assert await ana.expect(200, "PUT", path) == {"upvotes": 1, "has_upvoted": True}
    assert await ana.expect(200, "PUT", path) == {"upvotes": 1, "has_upvoted": True}
    assert await eve.expect(200, "PUT", path) == {"upvotes": 2, "has_upvoted": True}
    assert await ana.expect(200, "DELETE", path) == {"upvotes": 1, "has_upvoted": False}
    assert await ana.expect(200, "DELETE", path) == {"upvotes": 1, "has_upvoted": False}
    assert (await article(eve, number))["has_upvoted"]
    assert not (await article(ana, number))["has_upvoted"]
    assert (await ana.client.put(path)).status_code == 401


async def test_upvotes_at_once_count_what_is_there(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    people = [await student() for _ in range(4)]
    number = (await solve(ana, ben))["id"]
    path = f"/knowledge/{number}/upvote"
    answers = await gather(
        *(one.request(method, path) for one in people for method in ("PUT", "PUT", "DELETE", "PUT", "DELETE"))
    )
    assert {answer.status_code for answer in answers} == {200}
    async with database.read() as db:
        rows = await db.scalar(sa.select(sa.func.count()).select_from(ArticleUpvoteRow))
        counter = await db.scalar(sa.select(ArticleRow.upvotes))
    assert counter == rows


async def test_what_people_said_survives_a_reopened_ticket(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    number = (await solve(ana, ben))["id"]
    await ana.expect(200, "PUT", f"/knowledge/{number}/upvote")
    await ana.expect(200, "PUT", f"/knowledge/{number}/bookmark")
    await ana.expect(200, "POST", f"/tickets/{number}/reopen", {"reason": "It fails."})
    assert (await ana.get(f"/knowledge/{number}")).status_code == 404
    assert (await ana.expect(200, "GET", "/knowledge/bookmarks"))["items"] == []
    await ben.expect(200, "POST", f"/tickets/{number}/resolve", {"solution": "Now it works."})
    found = await article(ana, number)
    assert (found["upvotes"], found["has_upvoted"], found["has_bookmarked"]) == (1, True, True)


async def test_bookmarks_last_bookmarked_first(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    numbers = [(await solve(ana, ben))["id"] for _ in range(3)]
    for number in (numbers[1], numbers[0], numbers[2], numbers[1]):
        assert await ana.expect(200, "PUT", f"/knowledge/{number}/bookmark") == {"has_bookmarked": True}
    listed = [numbers[2], numbers[0], numbers[1]]
    first = await ana.expect(200, "GET", "/knowledge/bookmarks?limit=2")
    rest = await ana.expect(200, "GET", f"/knowledge/bookmarks?limit=2&cursor={first['next_cursor']}")
    assert [one["id"] for one in first["items"] + rest["items"]] == listed
    assert all(one["has_bookmarked"] for one in first["items"])
    assert await ana.expect(200, "DELETE", f"/knowledge/{numbers[0]}/bookmark") == {"has_bookmarked": False}
    assert await ana.expect(200, "DELETE", f"/knowledge/{numbers[0]}/bookmark") == {"has_bookmarked": False}
    assert len((await ana.expect(200, "GET", "/knowledge/bookmarks"))["items"]) == 2
    assert (await ben.expect(200, "GET", "/knowledge/bookmarks"))["items"] == []


async def test_several_who_say_that_it_fails_mark_it_outdated(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    number = (await solve(ana, ben))["id"]
    path = f"/knowledge/{number}/check"
    people = [await student() for _ in range(3)]
    for one in people:
        assert not (await article(ana, number))["is_outdated"]
        await one.expect(200, "PUT", path, {"works": False})
        await one.expect(200, "PUT", path, {"works": False})
    outdated = await article(people[0], number)
    assert outdated["is_outdated"]
    assert outdated["checks"] == {"works": 0, "fails": 3, "mine": False}
    changed = await people[0].expect(200, "PUT", path, {"works": True})
    assert changed["checks"] == {"works": 1, "fails": 2, "mine": True}
    assert not changed["is_outdated"]
    taken = await people[0].expect(200, "DELETE", path)
    assert taken["checks"] == {"works": 0, "fails": 2, "mine": None}
    await people[0].expect(200, "DELETE", path)


async def test_a_changed_solution_has_not_been_checked_yet(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    number = (await solve(ana, ben))["id"]
    await ana.expect(200, "PUT", f"/knowledge/{number}/check", {"works": False})
    await ben.expect(200, "PATCH", f"/tickets/{number}/solution", {"solution": "Better."})
    assert (await article(ana, number))["checks"] == {"works": 0, "fails": 0, "mine": None}


async def test_an_article_that_spares_a_question_gets_the_credit(
    student: Join, mentor: Join, database: Database
) -> None:
    ana, ben, eve = await student(), await mentor(), await student()
    number, other = (await solve(ana, ben))["id"], (await solve(ana, ben))["id"]
    for _ in range(2):
        assert await eve.expect(200, "PUT", f"/knowledge/{number}/deflection") == {"deflected": 1}
    assert await ana.expect(200, "PUT", f"/knowledge/{number}/deflection") == {"deflected": 2}
    assert await ana.expect(200, "PUT", f"/knowledge/{other}/deflection") == {"deflected": 1}
    admin = await make_admin(database, student)
    spared = await admin.expect(200, "GET", "/knowledge/deflections")
    assert (spared["total"], spared["last_30_days"]) == (3, 3)
    assert [one["id"] for one in spared["articles"]] == [number, other]
    await ana.expect(403, "GET", "/knowledge/deflections")


async def test_an_export_has_what_one_thought_of_articles(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    number = (await solve(ana, ben))["id"]
    for what in ("upvote", "bookmark", "deflection"):
        await ana.expect(200, "PUT", f"/knowledge/{number}/{what}")
    await ana.expect(200, "PUT", f"/knowledge/{number}/check", {"works": True})
    exported = (await ana.expect(200, "GET", "/users/me/export"))["knowledge"]
    assert {name: [row["ticket_id"] for row in rows] for name, rows in exported.items()} == {
        "upvotes": [number], "bookmarks": [number], "checks": [number], "answers_found": [number],
    }  # fmt: skip


async def test_private_choices_go_with_the_account(student: Join, mentor: Join, database: Database) -> None:
    ana, ben, eve = await student(), await mentor(), await student()
    number = (await solve(ana, ben))["id"]
    for what in ("upvote", "bookmark"):
        await eve.expect(200, "PUT", f"/knowledge/{number}/{what}")
    await eve.expect(204, "DELETE", "/users/me", {"password": "a-long-Passphrase-7"})
    async with database.read() as db:
        kept = await db.scalar(sa.select(sa.func.count()).select_from(Base.metadata.tables["article_bookmarks"]))
    assert kept == 0
    assert (await article(ana, number))["upvotes"] == 1
