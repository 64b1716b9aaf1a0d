"""The feed: what followed mentors did, exactly once, for as long as it is true, and nothing that is not public."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.core.database import Base, Database
from mentorq.core.events import emit
from mentorq.core.jobs import Worker
from mentorq.tickets.events import TicketResolved
from tests.support.booking import ALWAYS
from tests.support.life import SOLUTION, everything, later, statements_of, ticket_in
from tests.support.people import PASSWORD, Join, Person, solve

pytestmark = pytest.mark.anyio
HOURS = "/mentors/me/schedule"


async def follow(fan: Person, *mentors: Person) -> None:
    """Follow some mentors."""
    for mentor in mentors:
        await fan.expect(204, "PUT", f"/mentors/{mentor.id}/follow")


async def feed_of(fan: Person, limit: int = 100) -> list[tuple[str, int, Any]]:
    """Type, mentor and ticket of each item."""
    items = await everything(fan, "/feed", limit)
    return [(item["type"], item["mentor"]["id"], (item["ticket"] or {}).get("id")) for item in items]


async def test_solved_tickets_of_followed_mentors_newest_first(student: Join, mentor: Join, worker: Worker) -> None:
    ana, eve, ben, mia, leo = await student(), await student(), await mentor(), await mentor(), await mentor()
    await follow(ana, ben, mia)
    solved = [(await solve(eve, who, title=f"Question {n}"), who) for n, who in enumerate((ben, mia, ben, leo, mia))]
    await worker.drain()
    expected = [("resolved", who.id, ticket["id"]) for ticket, who in reversed(solved) if who is not leo]
    for limit in (1, 2, 3, 100):
        assert await feed_of(ana, limit) == expected
    assert await feed_of(eve) == []
    with statements_of("GET", "/feed") as sent:
        page = await ana.expect(200, "GET", "/feed")
    assert sent == [1]
    newest = page["items"][0]
    assert newest["ticket"] == {"id": solved[4][0]["id"], "title": "Question 4", "tags": ["python"]}
    assert (newest["achievement"], newest["slots"]) == (None, None)
    assert (await ana.client.get("/feed")).status_code == 401
    assert (await ana.get("/feed?cursor=x")).status_code == 422
    await ana.expect(204, "DELETE", f"/mentors/{ben.id}/follow")
    assert {mentor_id for _, mentor_id, _ in await feed_of(ana)} == {mia.id}


async def test_it_tells_nothing_of_who_asked(student: Join, mentor: Join, worker: Worker) -> None:
    ana, eve, ben = await student(), await student("secretive-eve"), await mentor()
    await follow(ana, ben)
    await solve(eve, ben, is_anonymous=True)
    await worker.drain()
    answer = await ana.get("/feed")
    assert len(answer.json()["items"]) == 1
    assert "secretive" not in answer.text
    assert "student_id" not in answer.text


async def test_a_fact_is_one_line_however_often_it_is_told(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben = await student(), await mentor()
    await follow(ana, ben)
    ticket = await solve(ana, ben)
    tickets = Base.metadata.tables["tickets"]
    async with database.write() as db:
        at = await db.scalar(sa.select(tickets.c.resolved_at))
        for _ in range(10):
            await emit(db, TicketResolved(ticket["id"], ana.id, ben.id, at))
    await worker.drain()
    assert [line for line in await feed_of(ana) if line[0] == "resolved"] == [("resolved", ben.id, ticket["id"])]


async def test_what_is_opened_again_is_gone_at_once(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    await follow(ana, ben)
    ticket = await solve(ana, ben)
    await worker.drain()
    assert len(await feed_of(ana)) == 1
    await ana.expect(200, "POST", f"/tickets/{ticket['id']}/reopen", {"reason": "It fails."})
    assert await feed_of(ana) == []
    await worker.drain()
    assert await feed_of(ana) == []
    await ben.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": SOLUTION})
    await worker.drain()
    assert await feed_of(ana) == [("resolved", ben.id, ticket["id"])]


async def test_what_was_opened_again_before_anybody_looked_never_shows(
    student: Join, mentor: Join, worker: Worker
) -> None:
    ana, ben = await student(), await mentor()
    await follow(ana, ben)
    ticket = await solve(ana, ben)
    await ana.expect(200, "POST", f"/tickets/{ticket['id']}/reopen", {"reason": "It fails."})
    await worker.drain()
    assert await feed_of(ana) == []
    await ben.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": SOLUTION})
    await worker.drain()
    assert await feed_of(ana) == [("resolved", ben.id, ticket["id"])]


async def test_who_was_away_for_long_is_news(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    await follow(ana, ben)

    async def be(is_available: bool) -> None:
        await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": is_available})
        await worker.drain()

    for is_available in (True, False, True):
        await be(is_available)
        assert await feed_of(ana) == [], "nobody was away for long"
    await be(False)
    async with later(timedelta(hours=2), ana, ben):
        await be(True)
        assert await feed_of(ana) == [("available", ben.id, None)]
        await be(True)
        (line,) = await everything(ana, "/feed")
        await be(False)
        assert await feed_of(ana) == []
        await be(True)
        assert await everything(ana, "/feed") == [line | {"mentor": line["mentor"]}], "a pause is none"
        await be(False)
    async with later(timedelta(hours=5), ana, ben):
        await be(True)
        (again,) = await everything(ana, "/feed")
        assert again["id"] > line["id"]


async def test_new_hours_are_news_until_there_are_none(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    await follow(ana, ben)
    week = {"time_zone": "UTC", "weekly": ALWAYS[:1]}
    await ben.expect(200, "PUT", HOURS, {"time_zone": "UTC", "weekly": []})
    await worker.drain()
    assert await feed_of(ana) == []
    await ben.expect(200, "PUT", HOURS, week)
    await worker.drain()
    (line,) = await everything(ana, "/feed")
    assert (line["type"], line["mentor"]["id"]) == ("slots", ben.id)
    assert 0 < line["slots"]["minutes"] <= 2 * 24 * 60
    await ben.expect(200, "PUT", HOURS, week | {"weekly": ALWAYS})
    await worker.drain()
    (more,) = await everything(ana, "/feed")
    assert more["id"] == line["id"], "whoever moves hours about is news once"
    assert more["slots"]["minutes"] > line["slots"]["minutes"]
    async with later(timedelta(hours=13), ana, ben):
        await ben.expect(200, "PUT", HOURS, week)
        await worker.drain()
        assert await everything(ana, "/feed") == [more], "less is no news"
        await ben.expect(200, "PUT", HOURS, week | {"weekly": ALWAYS})
        await worker.drain()
        (again,) = await everything(ana, "/feed")
        assert again["id"] > more["id"]
        await ben.expect(204, "DELETE", HOURS)
        await worker.drain()
        assert await feed_of(ana) == []


async def test_who_leaves_or_is_shut_out_is_in_no_feed(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben, mia = await student(), await mentor(), await mentor()
    await follow(ana, ben, mia)
    for who in (ben, mia):
        await solve(ana, who)
    await worker.drain()
    assert [who for _, who, _ in await feed_of(ana)] == [mia.id, ben.id]
    users, activities = Base.metadata.tables["users"], Base.metadata.tables["activities"]
    async with database.write() as db:
        disabled = sa.update(users).where(users.c.id == mia.id)
        await db.execute(disabled.values(disabled_at=sa.func.current_timestamp()))
    assert [who for _, who, _ in await feed_of(ana)] == [ben.id]
    export = await ben.expect(200, "GET", "/users/me/export")
    assert [activity["kind"] for activity in export["activities"]] == ["resolved"]
    await ben.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    await worker.drain()
    assert await feed_of(ana) == []
    async with database.read() as db:
        assert await db.scalars(sa.select(activities.c.mentor_id)) == [mia.id]


async def test_a_mentor_who_left_before_anybody_looked(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben = await student(), await mentor()
    await follow(ana, ben)
    await ticket_in("closed", ana, ben)
    await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
    await ben.expect(200, "PUT", HOURS, {"time_zone": "UTC", "weekly": ALWAYS})
    await ben.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    await worker.drain()
    activities = Base.metadata.tables["activities"]
    async with database.read() as db:
        assert await db.rows(sa.select(activities)) == []
