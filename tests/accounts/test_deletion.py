"""Deleting an account: for good, and without leaving anybody else with less than they had."""

from asyncio import gather
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.core.database import Base, Database
from mentorq.core.jobs import Worker
from tests.support.life import everything, let_the_clock_work, ticket_in
from tests.support.people import PASSWORD, Join, Person, join

pytestmark = pytest.mark.anyio


async def leave(person: Person, password: str = PASSWORD) -> int:
    """Delete somebody's account."""
    return (await person.request("DELETE", "/users/me", json={"password": password})).status_code


async def test_it_needs_the_password(student: Join) -> None:
    ana = await student()
    assert await leave(ana, "wrong-Passphrase-7") == 403
    assert (await ana.delete("/users/me")).status_code == 422
    assert (await ana.get("/auth/me")).status_code == 200
    assert await leave(ana) == 204


async def test_tokens_die_and_name_and_address_are_free_again(student: Join) -> None:
    ana = await student("ana")
    await ana.get("/auth/me")
    assert await leave(ana) == 204
    assert (await ana.get("/auth/me")).status_code == 401
    refreshed = await ana.client.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    assert refreshed.status_code == 401
    signed_in = await ana.client.post("/auth/signin", data={"username": "ana", "password": PASSWORD})
    assert signed_in.status_code == 401
    assert (await ana.client.get(f"/users/{ana.id}")).status_code == 404
    again = await join(ana.client, "mentor", "ana")
    assert again.id != ana.id


async def test_what_a_student_leaves(student: Join, mentor: Join, database: Database, worker: Worker) -> None:
    ana, ben, eve = await student("gone-student"), await mentor(skills=["python"]), await student()
    tickets = {state: await ticket_in(state, ana, ben) for state in ("open", "assigned", "resolved", "closed")}
    await ana.expect(201, "POST", f"/tickets/{tickets['closed']['id']}/review", {"rating": 5, "comment": "Great."})
    await ana.expect(201, "POST", f"/tickets/{tickets['assigned']['id']}/messages", {"body": "Any news?"})
    await worker.drain()
    assert await leave(ana) == 204
    assert (await ben.get(f"/tickets/{tickets['open']['id']}")).status_code == 404
    assert await everything(ben, "/tickets") == []
    path = f"/tickets/{tickets['assigned']['id']}"
    left = await ben.expect(200, "GET", path)
    assert left["student"]["username"] == "deleted user"
    assert left["student"]["bio"] == ""
    messages = await ben.expect(200, "GET", f"{path}/messages")
    assert [(m["body"], m["author"]["username"]) for m in messages["items"]] == [("Any news?", "deleted user")]
    await ben.expect(200, "POST", f"{path}/resolve", {"solution": "Still of use to others."})
    review = await eve.expect(200, "GET", f"/tickets/{tickets['closed']['id']}/review")
    assert (review["rating"], review["comment"]) == (5, "Great.")
    profile = await eve.expect(200, "GET", f"/mentors/{ben.id}")
    assert (profile["tickets_resolved"], profile["rating_count"]) == (3, 1)
    tags = await eve.expect(200, "GET", "/tags")
    assert [(tag["name"], tag["tickets"]) for tag in tags["items"]] == [("python", 3)]
    await nobody_is_troubled(
        database, worker, [ben, eve], [ticket["id"] for ticket in tickets.values()], [ana.id, ben.id]
    )
    await nothing_personal_is_left(database, ana)


async def test_what_a_mentor_leaves(student: Join, mentor: Join, database: Database, worker: Worker) -> None:
    ana, ben, mia = await student(), await mentor("gone-mentor", skills=["python"]), await mentor(skills=["python"])
    first = await ana.ask()
    tickets = {state: await ticket_in(state, ana, ben) for state in ("assigned", "resolved", "closed")}
    await ben.expect(204, "PUT", f"/tickets/{tickets['assigned']['id']}/draft", {"body": "So far"})
    await ben.expect(204, "POST", f"/tickets/{first['id']}/pass")
    await worker.drain()
    assert await leave(ben) == 204
    queue = await everything(mia, "/tickets?sort=oldest")
    assert [ticket["id"] for ticket in queue] == [first["id"], tickets["assigned"]["id"]]
    assert queue[1]["assigned_mentor_id"] is None
    back = await ana.expect(200, "GET", f"/tickets/{tickets['assigned']['id']}/events")
    assert [event["action"] for event in back["items"]] == ["create", "accept", "release"]
    assert back["items"][1]["actor"]["username"] == "deleted user"
    solved = await mia.expect(200, "GET", f"/tickets/{tickets['resolved']['id']}")
    assert (solved["mentor"]["username"], solved["solution"]) == ("deleted user", "Use `sorted(x)`.")
    assert (await ana.get(f"/mentors/{ben.id}")).status_code == 404
    assert (await ana.get(f"/mentors/{ben.id}/reviews")).status_code == 404
    listed = await ana.expect(200, "GET", "/mentors")
    assert [profile["id"] for profile in listed["items"]] == [mia.id]
    suggested = await ana.expect(200, "GET", f"/tickets/{first['id']}/mentors")
    assert [profile["id"] for profile in suggested["items"]] == [mia.id]
    reopened = await ana.expect(200, "POST", f"/tickets/{tickets['resolved']['id']}/reopen", {"reason": "It fails."})
    assert (reopened["status"], reopened["assigned_mentor_id"]) == ("open", None), "nobody waits for one who has left"
    await ana.expect(201, "POST", f"/tickets/{tickets['closed']['id']}/review", {"rating": 4})
    tags = await ana.expect(200, "GET", "/tags")
    assert [(tag["name"], tag["mentors"]) for tag in tags["items"]] == [("python", 1)]
    ids = [first["id"], *(ticket["id"] for ticket in tickets.values())]
    await nobody_is_troubled(database, worker, [ana, mia], ids, [ana.id, ben.id])
    await nothing_personal_is_left(database, ben)


async def test_leaving_while_working(student: Join, mentor: Join) -> None:
    for _ in range(4):
        ana, ben = await student(), await mentor()
        ticket = await ana.ask()
        taken = await ticket_in("assigned", ana, ben)
        here = f"/tickets/{taken['id']}"
        answers = await gather(
            ben.request("DELETE", "/users/me", json={"password": PASSWORD}),
            ben.post(f"{here}/resolve", {"solution": "So."}),
            ben.post(f"{here}/messages", {"body": "Wait."}),
            ana.patch(f"/tickets/{ticket['id']}", {"tags": ["sql"]}),
            ana.request("DELETE", "/users/me", json={"password": PASSWORD}),
        )
        assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
        assert (answers[0].status_code, answers[4].status_code) == (204, 204)


async def nobody_is_troubled(
    database: Database, worker: Worker, people: list[Person], ticket_ids: list[int], user_ids: list[int]
) -> None:
    """Whatever anybody asks afterwards, and whatever runs in the background, works."""
    await let_the_clock_work(worker)
    async with database.read() as db:
        failed = await db.scalars(sa.text("SELECT last_error FROM jobs WHERE last_error IS NOT NULL"))
    assert failed == []
    parts = ("", "/messages", "/events", "/mentors", "/review", "/wait", "/solution/versions")
    for person in people:
        for path in (
            "/tickets",
            "/tickets/me",
            "/mentors",
            "/users/me/export",
            *(f"/tickets/{ticket_id}{part}" for ticket_id in ticket_ids for part in parts),
            *(f"/{kind}/{user_id}" for user_id in user_ids for kind in ("users", "mentors")),
            *(f"/mentors/{user_id}/reviews" for user_id in user_ids),
        ):
            answer = await person.get(path)
            assert answer.status_code < 500, (path, answer.text)
            assert "gone-" not in answer.text, path


async def nothing_personal_is_left(database: Database, person: Person) -> None:
    """No table but the queue of mails holds the name, the address or anything that signs in."""
    found: dict[str, Any] = {}
    async with database.read() as db:
        for table in Base.metadata.sorted_tables:
            rows = await db.rows(sa.select(table))
            if any(person.username in str(row) or person.email in str(row) for row in rows):
                found[table.name] = rows
        for table_name in ("sign_ins", "account_tokens", "user_tags", "solution_drafts", "ticket_passes"):
            table = Base.metadata.tables[table_name]
            owner = table.c.mentor_id if "mentor_id" in table.c else table.c.user_id
            count = await db.scalar(sa.select(sa.func.count()).select_from(table).where(owner == person.id))
            if table_name in ("sign_ins", "account_tokens", "user_tags"):
                assert count == 0, table_name
    assert found == {}
