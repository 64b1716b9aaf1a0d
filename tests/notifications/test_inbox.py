"""What people are told when something happens to a ticket, and what is taken back when nobody needs it any longer."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.notifications import handlers, inbox
from mentorq.notifications.models import NotificationRow
from mentorq.reviews.events import ReviewGiven
from mentorq.tickets.events import MessagePosted, TicketAccepted
from tests.support.life import later, let_the_clock_work, make_admin, ticket_in
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio


async def told(worker: Worker, person: Person, **filters: Any) -> list[dict[str, Any]]:
    """A person's notifications once all jobs are done, newest first."""
    await worker.drain()
    page = await person.get("/notifications", params=filters)
    assert page.status_code == 200, page.text
    items: list[dict[str, Any]] = page.json()["items"]
    return items


async def kinds(worker: Worker, person: Person, **filters: Any) -> list[str]:
    """Of which types these are."""
    return [each["type"] for each in await told(worker, person, **filters)]


async def test_everybody_hears_what_concerns_them(student: Join, mentor: Join, worker: Worker) -> None:
    ana, bo = await student("ana"), await mentor("bo", skills=["python"])
    ticket = await ana.ask("Why is my list None?")
    (offered,) = await told(worker, bo)
    assert offered["type"] == "ticket_matching"
    assert (offered["title"], offered["body"]) == ("A new ticket about python", "Why is my list None?")
    assert offered["link"] == f"/app/tickets/{ticket['id']}"
    assert offered["read_at"] is None

    path = f"/tickets/{ticket['id']}"
    await bo.expect(200, "POST", f"{path}/accept")
    (accepted,) = await told(worker, ana)
    assert (accepted["title"], accepted["data"]["actor_id"]) == ("bo took your ticket", bo.id)

    await bo.expect(200, "POST", f"{path}/resolve", {"solution": "Use `sorted`."})
    assert (await told(worker, ana))[0]["title"] == "bo posted a solution"
    await ana.expect(200, "POST", f"{path}/reopen", {"reason": "It is still None."})
    assert (await told(worker, bo))[0]["title"] == "ana says that it is not solved yet"
    await bo.expect(200, "POST", f"{path}/resolve", {"solution": "Use `sorted`, I say."})
    await ana.expect(200, "POST", f"{path}/close")
    await ana.expect(201, "POST", f"{path}/review", {"rating": 4, "comment": "Thanks."})
    titles = [each["title"] for each in await told(worker, bo)]
    assert titles[:2] == ["ana gave you 4 stars", "ana closed the ticket as solved"]


async def test_five_messages_on_one_ticket_are_one_line(student: Join, mentor: Join, worker: Worker) -> None:
    ana, bo = await student("ana"), await mentor("bo")
    ticket = await ticket_in("assigned", ana, bo)
    for number in range(5):
        await bo.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": f"Number {number}"})
    (line,) = await told(worker, ana, type="message_posted")
    assert (line["title"], line["data"]["times"]) == ("5 new messages from bo", 5)
    assert (await ana.get("/notifications/unread-count")).json() == {"unread": 2}  # and that it was taken

    read = await ana.expect(200, "POST", f"/notifications/{line['id']}/read")
    assert read["read_at"] is not None
    await bo.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "One more"})
    newest, before = await told(worker, ana, type="message_posted")
    assert (newest["title"], newest["read_at"]) == ("bo wrote to you", None)
    assert before["id"] == line["id"]


async def test_a_replaced_line_can_still_be_marked_as_read(student: Join, mentor: Join, worker: Worker) -> None:
    ana, bo = await student(), await mentor()
    ticket = await ticket_in("assigned", ana, bo)
    await bo.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "First"})
    (first,) = await told(worker, ana, type="message_posted")
    await bo.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Second"})
    (second,) = await told(worker, ana, type="message_posted")
    await ana.expect(200, "POST", f"/notifications/{first['id']}/read")
    assert [each["id"] for each in await told(worker, ana, type="message_posted", unread=True)] == [second["id"]]


async def test_what_another_took_needs_nobody(student: Join, mentor: Join, worker: Worker) -> None:
    ana = await student()
    bo, cy = await mentor(skills=["python"]), await mentor(skills=["python"])
    ticket = await ana.ask()
    assert await kinds(worker, bo) == await kinds(worker, cy) == ["ticket_matching"]
    await bo.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
    assert await kinds(worker, cy) == []
    assert (await cy.get("/notifications/unread-count")).json() == {"unread": 0}


async def test_a_ticket_that_comes_back_is_offered_again_without_a_second_notice(
    student: Join, mentor: Join, worker: Worker
) -> None:
    ana = await student()
    bo, cy = await mentor(skills=["python"]), await mentor(skills=["python"])
    ticket = await ana.ask()
    (before,) = await told(worker, cy)
    await bo.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
    await worker.drain()
    await bo.expect(200, "POST", f"/tickets/{ticket['id']}/release", {})
    (again,) = await told(worker, cy)
    assert again["id"] == before["id"]
    assert await kinds(worker, bo) == []
    assert await kinds(worker, ana) == ["ticket_released"]  # that it was taken is no news any longer


async def test_a_lease_that_runs_out_is_told_to_both(student: Join, mentor: Join, worker: Worker) -> None:
    ana, bo = await student(), await mentor("bo")
    await ticket_in("assigned", ana, bo)
    async with later(timedelta(hours=1), ana, bo):
        await let_the_clock_work(worker)
        (to_student,) = await told(worker, ana)
        (to_mentor,) = await told(worker, bo)
    assert to_student["title"] == "bo did not answer in time: your ticket waits for another mentor"
    assert to_mentor["title"] == "Your time for a ticket ran out: it is back in the queue"


async def test_who_asked_anonymously_has_no_name_here_either(student: Join, mentor: Join, worker: Worker) -> None:
    ana, bo = await student("ana"), await mentor("bo")
    ticket = await ticket_in("assigned", ana, bo, is_anonymous=True)
    await ana.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Hello"})
    (line,) = await told(worker, bo, type="message_posted")
    assert (line["title"], line["data"]["actor_id"]) == ("The student wrote to you", None)


async def test_a_ticket_that_was_withdrawn_is_gone(student: Join, mentor: Join, worker: Worker) -> None:
    ana, bo = await student(), await mentor(skills=["python"])
    ticket = await ana.ask()
    assert await kinds(worker, bo) == ["ticket_matching"]
    await ana.expect(204, "DELETE", f"/tickets/{ticket['id']}")
    assert await kinds(worker, bo) == []


async def test_the_title_of_a_ticket_that_one_may_not_see_is_not_told(
    student: Join, mentor: Join, worker: Worker
) -> None:
    ana = await student()
    bo, cy = await mentor(skills=["python"]), await mentor(skills=["python"])
    ticket = await ana.ask("A title of mine")
    (line,) = await told(worker, cy)
    await cy.expect(200, "POST", f"/notifications/{line['id']}/read")
    await bo.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
    (line,) = await told(worker, cy)
    assert line["body"] == "This ticket is not yours to see any longer."


async def test_all_can_be_marked_as_read(student: Join, mentor: Join, worker: Worker) -> None:
    ana, bo = await student(), await mentor()
    for _ in range(3):
        await ticket_in("assigned", ana, bo)
    await worker.drain()
    assert (await ana.get("/notifications/unread-count")).json() == {"unread": 3}
    assert await ana.expect(200, "POST", "/notifications/read-all") == {"read": 3}
    assert await ana.expect(200, "POST", "/notifications/read-all") == {"read": 0}
    assert len(await told(worker, ana)) == 3
    assert await told(worker, ana, unread=True) == []


async def test_pages_go_on_where_the_last_one_ended(student: Join, mentor: Join, worker: Worker) -> None:
    ana, bo = await student(), await mentor()
    for _ in range(5):
        await ticket_in("assigned", ana, bo)
    await worker.drain()
    first = (await ana.get("/notifications", params={"limit": 2})).json()
    await ana.expect(200, "POST", f"/notifications/{first['items'][0]['id']}/read")
    seen, cursor = [each["id"] for each in first["items"]], first["next_cursor"]
    while cursor:
        page = (await ana.get("/notifications", params={"limit": 2, "cursor": cursor})).json()
        seen, cursor = seen + [each["id"] for each in page["items"]], page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5
    assert (await ana.get("/notifications", params={"cursor": first["next_cursor"] + "x"})).status_code == 422


async def test_what_is_somebody_elses_does_not_exist(student: Join, mentor: Join, worker: Worker) -> None:
    ana, bo = await student(), await mentor()
    await ticket_in("assigned", ana, bo)
    (line,) = await told(worker, ana)
    problem = await bo.expect(404, "POST", f"/notifications/{line['id']}/read")
    assert problem["code"] == "notification_not_found"
    assert (await told(worker, ana))[0]["read_at"] is None


async def test_the_same_event_is_told_once_however_often_it_is_handled(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, bo = await student(), await mentor()
    ticket = await ticket_in("assigned", ana, bo)
    message = await bo.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Hello"})
    before = await told(worker, ana)
    for _ in range(2):
        async with database.write() as db:
            await handlers.tell_of_message(db, MessagePosted(ticket["id"], message["id"], bo.id))
            await handlers.tell_of_mentor(db, TicketAccepted(ticket["id"], bo.id, claim_no=1))
            await handlers.tell_of_review(db, ReviewGiven(1, ticket["id"], ana.id, bo.id, 5))
    assert await told(worker, ana) == before
    assert await kinds(worker, bo) == ["review_received"]


async def test_what_was_read_long_ago_is_forgotten(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, bo = await student(), await mentor()
    for _ in range(3):
        await ticket_in("assigned", ana, bo)
    newest, middle, oldest = await told(worker, ana)
    await ana.expect(200, "POST", f"/notifications/{oldest['id']}/read")
    await ana.expect(200, "POST", f"/notifications/{middle['id']}/read")
    long_ago = now() - inbox.KEPT - timedelta(hours=1)
    async with database.write() as db:
        row = NotificationRow
        await db.execute(sa.update(row).where(row.id == oldest["id"]).values(read_at=long_ago))
        await inbox.prune(db, {})
    assert [each["id"] for each in await told(worker, ana)] == [newest["id"], middle["id"]]


async def test_an_account_takes_what_it_was_told_along(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, bo = await student(), await mentor()
    await ticket_in("assigned", ana, bo)
    await worker.drain()
    export = (await ana.get("/users/me/export")).json()
    assert [each["kind"] for each in export["notifications"]["notifications"]] == ["ticket_accepted"]
    await ana.expect(204, "DELETE", "/users/me", {"password": "a-long-Passphrase-7"})
    async with database.read() as db:
        assert await db.scalars(sa.select(NotificationRow.id).where(NotificationRow.user_id == ana.id)) == []


async def test_nobody_is_told_anything_without_signing_in(client: Any, database: Database, student: Join) -> None:
    for path in (
        "/notifications",
        "/notifications/unread-count",
        "/notifications/preferences",
        "/notifications/stream",
    ):
        assert (await client.get(path)).status_code == 401
    admin = await make_admin(database, student)
    assert (await admin.get("/notifications")).json() == {"items": [], "next_cursor": None}
