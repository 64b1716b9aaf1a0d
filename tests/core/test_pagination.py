"""Walking a list while it changes: nobody who was there at the beginning is skipped or shown twice."""

import base64
import random
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from mentorq.core.database import Database
from mentorq.mentors.models import MentorStatsRow
from mentorq.tags.models import TagRow
from tests.support.people import Join, Person
from tests.support.problems import fields, problem

pytestmark = pytest.mark.anyio

Disturb = Callable[[], Awaitable[None]]


async def walk(person: Person, path: str, limit: int, disturb: Disturb | None = None, key: str = "id") -> list[Any]:
    """Follow `Link: rel="next"` to the end; between pages, things happen."""
    url, seen = f"{path}{'&' if '?' in path else '?'}limit={limit}", []
    while url:
        answer = await person.get(url)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        seen += [item[key] for item in page["items"]]
        link = answer.links.get("next", {}).get("url", "")
        assert bool(link) == (page["next_cursor"] is not None)
        assert not link or page["next_cursor"] in link
        url = link
        if url and disturb is not None:
            await disturb()
        assert len(seen) < 1000, "it goes round in circles"
    return seen


def sound(seen: list[Any], stayed: list[Any]) -> None:
    """What stayed was seen once, in its order; nothing was seen twice."""
    assert len(seen) == len(set(seen)), "something was shown twice"
    assert [item for item in seen if item in set(stayed)] == stayed, "something was skipped, or out of order"


@pytest.mark.parametrize("sort", ["newest", "oldest"])
async def test_tickets_of_the_queue(sort: str, student: Join, mentor: Join) -> None:
    ana, ben, chance = await student(), await mentor(), random.Random(sort)
    for tags in (["python"], ["sql"], []):
        for _ in range(5):
            await ana.ask(tags=tags)
    for path in (f"/tickets?sort={sort}", f"/tickets?sort={sort}&tag=python&tag=sql", f"/tickets?sort={sort}&q=list"):
        for limit in (2, 3):
            before, gone, added = await walk(ben, path, 100), set[int](), list[int]()

            async def disturb() -> None:
                if len(added) < 5:  # noqa: B023 - else the oldest first would never end
                    added.append((await ana.ask(tags=["python"]))["id"])  # noqa: B023
                victim = chance.choice(before)  # noqa: B023
                if victim not in gone and len(gone) < 3:  # noqa: B023
                    gone.add(victim)  # noqa: B023
                    await ana.expect(204, "DELETE", f"/tickets/{victim}")

            seen = await walk(ben, path, limit, disturb)
            sound(seen, [ticket for ticket in before if ticket not in gone])


@pytest.mark.parametrize("path", ["/tickets", "/tickets/me", "/tickets?status=open&status=assigned"])
async def test_tickets_of_ones_own(path: str, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    for _ in range(7):
        await ana.ask()
    before = await walk(ana, path, 100)
    for limit in (1, 3, 7):

        async def disturb() -> None:
            ticket = await ana.ask()
            await ben.expect(200, "POST", f"/tickets/{ticket['id']}/accept")

        sound(await walk(ana, path, limit, disturb), before)
    taken = await walk(ben, "/tickets/me", 100)
    sound(await walk(ben, "/tickets/me", 2), taken)


async def test_rows_of_the_same_moment_are_told_apart(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    ids = [(await ana.ask(tags=["python"]))["id"] for _ in range(7)]
    async with database.write() as db:
        for table in ("tickets", "ticket_tags"):
            await db.execute(sa.text(f"UPDATE {table} SET created_at = (SELECT min(created_at) FROM tickets)"))
    for limit in (1, 2, 3):
        assert await walk(ben, "/tickets?sort=oldest", limit) == ids
        assert await walk(ben, "/tickets?sort=newest", limit) == ids[::-1]
        assert await walk(ben, "/tickets?sort=newest&tag=python", limit) == ids[::-1]


@pytest.mark.parametrize("sort", ["popular", "name"])
async def test_tags(sort: str, student: Join, database: Database) -> None:
    ana, chance = await student(), random.Random(sort)
    names = ["c", "c++", "c#", "python", "a.b", "ab", "z", "node.js", "asp.net", "ü", "x-y", "xy", "0", "中文"]
    for number, name in enumerate(names):
        answer = await ana.post(
            "/tickets", {"title": "A", "description": "B", "tags": [name] + ["python"] * (number % 2)}
        )
        assert answer.status_code in (201, 422)
    async with database.write() as db:
        await db.execute(sa.update(TagRow).values(tickets=TagRow.id % 3))
    for limit in (1, 2, 5):
        before = await walk(ana, f"/tags?sort={sort}", 100, key="name")
        assert len(before) > 9

        async def disturb() -> None:
            async with database.write() as db:
                fresh = [
                    {
                        "name": f"{chance.choice('abcxyz')}{chance.randrange(10**9)}",
                        "tickets": chance.randrange(3),
                        "mentors": 0,
                    }
                ]
                await db.execute(sa.insert(TagRow).values(fresh))

        sound(await walk(ana, f"/tags?sort={sort}", limit, disturb, key="name"), before)
    assert await walk(ana, f"/tags?sort={sort}&q=c", 1, key="name") == await walk(
        ana, f"/tags?sort={sort}&q=c", 100, key="name"
    )


@pytest.mark.parametrize("list_name", ["messages", "events"])
async def test_conversation_and_history_of_a_ticket(list_name: str, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ana.ask())['id']}"
    await ben.expect(200, "POST", f"{path}/accept")

    async def more() -> None:
        await ana.expect(201, "POST", f"{path}/messages", {"body": "Hello"})
        await ben.expect(200, "POST", f"{path}/extend")

    for _ in range(5):
        await more()
    before = await walk(ana, f"{path}/{list_name}", 100)
    assert len(before) >= 5
    left = 5

    async def disturb() -> None:  # as it is oldest first, it would never end
        nonlocal left
        if left:
            left -= 1
            await more()

    for limit in (1, 2, 4):
        left = 5
        sound(await walk(ben, f"{path}/{list_name}", limit, disturb), before)


@pytest.mark.parametrize("sort", ["rating", "resolved", "newest"])
async def test_mentors(sort: str, mentor: Join, database: Database) -> None:
    chance = random.Random(sort)
    people = [await mentor() for _ in range(9)]
    async with database.write() as db:
        for person in people:
            numbers = {
                "tickets_resolved": chance.randrange(3),
                "rating_rank": chance.choice([0.1 + 0.2, 0.3, 3.7, 1 / 3]),
            }
            await db.execute(sa.update(MentorStatsRow).where(MentorStatsRow.mentor_id == person.id).values(numbers))
    before = await walk(people[0], f"/mentors?sort={sort}", 100)
    assert len(before) == 9
    for limit in (1, 2, 4):

        async def disturb() -> None:
            await mentor()

        seen = await walk(people[0], f"/mentors?sort={sort}", limit, disturb)
        sound(seen, before)
        before = await walk(people[0], f"/mentors?sort={sort}", 100)


async def test_the_ranked_queue_shows_everything_once(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    ids = {
        (await ana.ask(title=f"Question {number}", tags=["python"] if number % 2 else []))["id"] for number in range(9)
    }
    for limit in (1, 2, 4):
        seen = await walk(ben, "/tickets?sort=match", limit)
        assert (len(seen), set(seen)) == (9, ids)


async def cursor_of(person: Person, path: str) -> str:
    """A good cursor of a list."""
    page = await person.expect(200, "GET", path)
    cursor: str = page["next_cursor"]
    assert cursor
    return cursor


async def test_cursors_of_other_lists_filters_and_people_are_refused(student: Join, mentor: Join) -> None:
    ana, eve, ben = await student(), await student(), await mentor(skills=["python"])
    for person in (ana, eve):
        for _ in range(3):
            await person.ask(tags=["python", "sql"])
    cursor = await cursor_of(ben, "/tickets?limit=1&tag=python")
    await ben.expect(200, "GET", f"/tickets?limit=5&tag=python&cursor={cursor}")
    for other in (
        "tag=sql",
        "tag=python&tag=sql",
        "",
        "tag=python&sort=oldest",
        "tag=python&q=a",
        "tag=python&sort=match",
    ):
        answer = await ben.get(f"/tickets?{other}&cursor={cursor}")
        assert fields(answer) == {"/cursor"}
        problem(answer, 422, "bad_cursor")
    for path in ("/tickets/me", "/tags", "/mentors"):
        problem(await ben.get(f"{path}?cursor={cursor}"), 422, "bad_cursor")
    mine = await cursor_of(ana, "/tickets?limit=1")
    problem(await eve.get(f"/tickets?cursor={mine}"), 422, "bad_cursor")
    problem(await ben.get(f"/tickets?cursor={mine}"), 422, "bad_cursor")


async def test_cursors_that_were_tampered_with_are_refused(student: Join) -> None:
    ana = await student()
    for _ in range(2):
        await ana.ask()
    cursor = await cursor_of(ana, "/tickets?limit=1")
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = [
        raw[:12] + b'[{"t":"2000-01-01T00:00:00+00:00"},1]',
        b"\0" * 12 + raw[12:],
        raw[:-1],
        raw + b" ",
        raw[:12],
        b"",
    ]
    texts = [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in forged]
    texts += [
        cursor[:-4],
        cursor[1:],
        cursor + "AAAA",
        cursor.swapcase(),
        "null",
        "0",
        "../..",
        "%00",
        "=",
        "é",
        "a" * 1000,
    ]
    for text in texts:
        answer = await ana.get("/tickets", params={"cursor": text})
        assert fields(answer) == {"/cursor"}, text
    assert fields(await ana.get("/tickets", params={"cursor": "a" * 1001})) == {"/cursor"}


async def test_limits_are_from_1_to_100(student: Join, client: httpx2.AsyncClient) -> None:
    ana = await student()
    for path in ("/tickets", "/tickets/me", "/tags", "/mentors"):
        for limit in ("0", "101", "-1", "", "ten"):
            assert fields(await ana.get(f"{path}?limit={limit}")) == {"/limit"}
        assert (await ana.get(f"{path}?limit=100")).status_code == 200
