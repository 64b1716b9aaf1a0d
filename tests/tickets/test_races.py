"""Of those who try at once, one wins: on both databases, with connections that really are parallel."""

from asyncio import gather
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.tags.models import TagRow
from mentorq.tickets import lifecycle
from mentorq.tickets.models import TicketEventRow, TicketRow, TicketTagRow
from tests.support.life import let_the_clock_work, ticket_in
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio


def statuses(answers: list[httpx2.Response]) -> list[int]:
    """How requests were answered."""
    return sorted(answer.status_code for answer in answers)


async def row_of(database: Database, ticket_id: int) -> dict[str, Any] | None:
    """A ticket as it is stored."""
    async with database.read() as db:
        return await db.row(sa.select(TicketRow.__table__).where(TicketRow.id == ticket_id))


async def actions_of(database: Database, ticket_id: int) -> list[str]:
    """What the log says of it."""
    async with database.read() as db:
        log = sa.select(TicketEventRow.action).where(TicketEventRow.ticket_id == ticket_id).order_by(TicketEventRow.id)
        return await db.scalars(log)


async def sweep(database: Database) -> None:
    """The clock's turn."""
    async with database.write() as db:
        await lifecycle.sweep(db, {})


async def make_overdue(database: Database, ticket_id: int) -> None:
    """Let a lease run out."""
    async with database.write() as db:
        past = now() - timedelta(seconds=1)
        await db.execute(sa.update(TicketRow).where(TicketRow.id == ticket_id).values(respond_by=past))


async def test_accept_and_edit(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    for turn in range(12):
        ticket = await ana.ask(tags=["python"])
        path = f"/tickets/{ticket['id']}"
        accepted, edited = await gather(
            ben.post(f"{path}/accept"), ana.patch(path, {"title": f"Turn {turn}", "tags": ["sql", "go"]})
        )
        assert accepted.status_code == 200
        assert edited.status_code in (200, 409)
        row = await row_of(database, ticket["id"])
        assert row is not None
        assert row["title"] == (f"Turn {turn}" if edited.status_code == 200 else ticket["title"])
        async with database.read() as db:
            tags = await db.rows(
                sa.select(TagRow.name, TicketTagRow.is_open)
                .join(TicketTagRow, TicketTagRow.tag_id == TagRow.id)
                .where(TicketTagRow.ticket_id == ticket["id"])
            )
        assert {tag["name"] for tag in tags} == set(row["tags"])
        assert not any(tag["is_open"] for tag in tags)


async def test_accept_and_delete(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    for _ in range(12):
        ticket = await ana.ask()
        path = f"/tickets/{ticket['id']}"
        accepted, deleted = await gather(ben.post(f"{path}/accept"), ana.delete(path))
        assert (accepted.status_code, deleted.status_code) in ((200, 409), (404, 204))
        assert (await row_of(database, ticket["id"]) is None) == (deleted.status_code == 204)


async def test_edit_and_delete_keep_the_counters_of_tags(student: Join, database: Database) -> None:
    ana = await student()
    for _ in range(8):
        ticket = await ana.ask(tags=["python", "sql"])
        path = f"/tickets/{ticket['id']}"
        edited, deleted = await gather(ana.patch(path, {"tags": ["go", "sql"]}), ana.delete(path))
        assert deleted.status_code == 204
        assert edited.status_code in (200, 404)
    async with database.read() as db:
        assert set(await db.scalars(sa.select(TagRow.tickets))) == {0}


async def test_resolve_release_and_the_end_of_the_lease(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    winners = Counter[str]()
    for turn in range(10):
        ticket = await ticket_in("assigned", ana, ben)
        path = f"/tickets/{ticket['id']}"
        await make_overdue(database, ticket["id"])
        calls = [
            ben.post(f"{path}/resolve", {"solution": "Use `sorted(x)`."}),
            ben.post(f"{path}/release"),
        ]
        first, second, _ = await gather(*(calls if turn % 2 else reversed(calls)), sweep(database))
        assert {first.status_code, second.status_code} <= {200, 403, 409}
        ends = [action for action in await actions_of(database, ticket["id"]) if action not in ("create", "accept")]
        assert len(ends) == 1, ends
        winners[ends[0]] += 1
        row = await row_of(database, ticket["id"])
        assert row is not None
        assert row["status"] == ("resolved" if ends == ["resolve"] else "open")
    assert sum(winners.values()) == 10
    async with database.read() as db:
        active = await db.scalar(
            sa.text("SELECT tickets_active FROM mentor_stats WHERE mentor_id = :id"), {"id": ben.id}
        )
    assert active == 0


async def test_a_sweep_and_the_mentor_of_many_overdue_tickets_do_not_wait_for_each_other(
    student: Join, mentor: Join, database: Database
) -> None:
    ana, ben = await student(), await mentor()
    for _ in range(3):
        tickets = [await ticket_in("assigned", ana, ben) for _ in range(6)]
        for ticket in tickets:
            await make_overdue(database, ticket["id"])
        answers, _ = await gather(
            gather(*(ben.post(f"/tickets/{t['id']}/resolve", {"solution": "So."}) for t in reversed(tickets))),
            sweep(database),
        )
        assert set(statuses(answers)) <= {200, 403, 409}, statuses(answers)
        await sweep(database)


async def test_close_reopen_and_the_clock(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    for _ in range(8):
        ticket = await ticket_in("resolved", ana, ben)
        path = f"/tickets/{ticket['id']}"
        async with database.write() as db:
            past = now() - timedelta(days=15)
            await db.execute(sa.update(TicketRow).where(TicketRow.id == ticket["id"]).values(resolved_at=past))
        closed, reopened, _ = await gather(
            ana.post(f"{path}/close"), ana.post(f"{path}/reopen", {"reason": "No."}), sweep(database)
        )
        ends = (await actions_of(database, ticket["id"]))[3:]
        assert len(ends) == 1, ends
        won = {"close": closed.status_code == 200, "reopen": reopened.status_code == 200}
        assert {name for name, has_won in won.items() if has_won} == set(ends) - {"auto_close"}
        assert {closed.status_code, reopened.status_code} <= {200, 409}


async def test_of_ten_reviews_one_counts(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("closed", ana, ben)
    path = f"/tickets/{ticket['id']}/review"
    answers = await gather(*(ana.post(path, {"rating": rating % 5 + 1}) for rating in range(10)))
    assert statuses(answers) == [201] + [409] * 9
    profile = await ana.expect(200, "GET", f"/mentors/{ben.id}")
    kept = await ana.expect(200, "GET", path)
    assert (profile["rating_count"], profile["rating_average"]) == (1, kept["rating"])


async def test_many_first_uses_of_a_tag_make_one(student: Join) -> None:
    people: list[Person] = [await student() for _ in range(4)]
    tags = [["zig", "nim", "odin"], ["odin", "zig"], ["nim", "odin", "zig"], ["zig"]]
    body = {"title": "Which?", "description": "Really."}
    answers = await gather(*(p.post("/tickets", body | {"tags": t}) for p in people for t in tags))
    assert statuses(answers) == [201] * 16
    found = await people[0].expect(200, "GET", "/tags?sort=name")
    assert {tag["name"]: tag["tickets"] for tag in found["items"]} == {"nim": 8, "odin": 12, "zig": 16}


async def test_tags_that_change_places_do_not_wait_for_each_other(student: Join, mentor: Join) -> None:
    ana, people = await student(), [await mentor() for _ in range(4)]
    tickets = [await ana.ask(tags=["python" if n % 2 else "sql"]) for n in range(6)]
    for turn in range(4):
        swaps = [["sql"], ["python"]]
        answers = await gather(
            *(ana.patch(f"/tickets/{t['id']}", {"tags": swaps[(n + turn) % 2]}) for n, t in enumerate(tickets)),
            *(p.patch("/users/me", {"skills": swaps[(n + turn) % 2]}) for n, p in enumerate(people)),
        )
        assert statuses(answers) == [200] * 10
    found = await ana.expect(200, "GET", "/tags?sort=name")
    assert {tag["name"]: (tag["tickets"], tag["mentors"]) for tag in found["items"]} == {
        "python": (3, 2),
        "sql": (3, 2),
    }


async def test_pass_twice_and_pass_while_it_is_deleted(student: Join, mentor: Join) -> None:
    ana, ben, mia = await student(), await mentor(), await mentor()
    for _ in range(8):
        ticket = await ana.ask()
        path = f"/tickets/{ticket['id']}"
        first, second, third, deleted = await gather(
            ben.post(f"{path}/pass"), ben.post(f"{path}/pass"), mia.post(f"{path}/pass"), ana.delete(path)
        )
        assert deleted.status_code == 204
        assert {first.status_code, second.status_code, third.status_code} <= {204, 404}


async def test_accept_and_pass(student: Join, mentor: Join) -> None:
    ana, ben, mia = await student(), await mentor(), await mentor()
    for _ in range(8):
        path = f"/tickets/{(await ana.ask())['id']}"
        accepted, passed = await gather(ben.post(f"{path}/accept"), mia.post(f"{path}/pass"))
        assert accepted.status_code == 200
        assert passed.status_code in (204, 409)


async def test_messages_and_the_end_of_the_lease(
    student: Join, mentor: Join, database: Database, worker: Worker
) -> None:
    ana, ben = await student(), await mentor()
    for _ in range(8):
        ticket = await ticket_in("assigned", ana, ben)
        path = f"/tickets/{ticket['id']}"
        await make_overdue(database, ticket["id"])
        said, _ = await gather(ben.post(f"{path}/messages", {"body": "Here I am."}), sweep(database))
        row = await row_of(database, ticket["id"])
        assert row is not None
        assert (row["status"], row["messages"]) in (("assigned", 1), ("open", 0)), said.text
        assert (said.status_code == 201) == (row["status"] == "assigned")
        assert said.status_code in (201, 403, 409)
    await let_the_clock_work(worker)
