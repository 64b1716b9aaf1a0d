"""What webhooks are told: everything that was asked for, once, and nothing that is nobody's business."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from mentorq.accounts import administration
from mentorq.core import events, jobs
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.tickets.models import TicketRow
from mentorq.webhooks import handlers
from mentorq.webhooks.models import EventName
from tests.support.booking import at, book, wish
from tests.support.people import PASSWORD, Join, Person, solve
from tests.support.receiver import Receiver
from tests.webhooks.conftest import Register, deliveries

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).parents[2] / "docs" / "webhooks.md"


def told(receiver: Receiver, event: str) -> list[dict[str, Any]]:
    """The data of all events of one type that arrived."""
    return [request.json["data"] for request in receiver.received if request.json["type"] == event]


async def a_whole_life(ana: Person, ben: Person, **fields: Any) -> tuple[int, int, int]:
    """Everything that can happen to a ticket, and the ids of the ticket, a message and the review."""
    ticket_id = (await ana.ask(**fields))["id"]
    path = f"/tickets/{ticket_id}"
    await ben.expect(200, "POST", f"{path}/accept")
    await ben.expect(200, "POST", f"{path}/release", {"reason": "not now"})
    await ben.expect(200, "POST", f"{path}/accept")
    await ana.expect(201, "POST", f"{path}/messages", {"body": "a secret of mine"})
    message = await ben.expect(201, "POST", f"{path}/messages", {"body": "an answer"})
    await ben.expect(200, "POST", f"{path}/resolve", {"solution": "Use `sorted(x)`."})
    await ana.expect(200, "POST", f"{path}/reopen", {"reason": "no"})
    await ben.expect(200, "POST", f"{path}/resolve", {"solution": "Use `sorted(x)`, really."})
    await ana.expect(200, "POST", f"{path}/close")
    review = await ana.expect(201, "POST", f"{path}/review", {"rating": 4, "comment": "Clear."})
    return ticket_id, message["id"], review["id"]


async def test_each_event_arrives_as_often_as_it_happens(
    register: Register, receiver: Receiver, worker: Worker, student: Join, mentor: Join
) -> None:
    await register()
    ana, ben, gone = await student(), await mentor(skills=["python"]), await student()
    ticket_id, message_id, review_id = await a_whole_life(ana, ben)
    taken_away = (await gone.ask())["id"]
    await gone.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    await worker.drain()
    counts = {event: len(told(receiver, event)) for event in EventName}
    assert counts == {
        "ticket.posted": 2, "ticket.accepted": 2, "ticket.released": 1, "ticket.resolved": 2, "ticket.reopened": 1,
        "ticket.closed": 1, "ticket.deleted": 1, "message.posted": 2, "review.given": 1, "user.joined": 3,
        "user.deleted": 1, "session.requested": 0, "session.accepted": 0, "session.declined": 0,
        "session.cancelled": 0, "session.ended": 0,
    }  # fmt: skip
    (released,), (closed,), (deleted,) = (
        told(receiver, f"ticket.{what}") for what in ("released", "closed", "deleted")
    )
    assert (released["ticket_id"], released["mentor_id"], released["expired"]) == (ticket_id, ben.id, False)
    assert (closed["student_id"], closed["title"], closed["tags"]) == (ana.id, "Why is my list None?", ["python"])
    assert closed["url"] == f"http://localhost:8000/app/tickets/{ticket_id}"
    assert deleted == {"ticket_id": taken_away}
    mine, theirs = sorted(told(receiver, "message.posted"), key=lambda data: data["message_id"])
    assert (mine["author"], mine["author_id"]) == ("student", ana.id)
    assert theirs == {"ticket_id": ticket_id, "message_id": message_id, "author": "mentor", "author_id": ben.id}
    assert told(receiver, "review.given") == [
        {"review_id": review_id, "ticket_id": ticket_id, "mentor_id": ben.id, "rating": 4, "student_id": ana.id}
    ]
    assert {"user_id": ben.id, "role": "mentor"} in told(receiver, "user.joined")
    assert told(receiver, "user.deleted") == [{"user_id": gone.id, "role": "student"}]
    assert len({request.headers["webhook-id"] for request in receiver.received}) == len(receiver.received)


async def sessions_of(ana: Person, ben: Person, **fields: Any) -> list[int]:
    """Sessions to which everything happens that can: one that ends, one that is declined, one that is cancelled."""
    held = await book(ana, ben, **fields)
    await ana.expect(200, "POST", f"/sessions/{held['id']}/end")
    declined = await wish(ana, ben, at(days=2), **fields)
    await ben.expect(200, "POST", f"/sessions/{declined['id']}/offer", {"starts_at": at(days=3)})
    await ben.expect(200, "POST", f"/sessions/{declined['id']}/decline", {"reason": "between us"})
    cancelled = await book(ana, ben, at(days=4), **fields)
    await ben.expect(200, "POST", f"/sessions/{cancelled['id']}/cancel", {"reason": "between us"})
    return [held["id"], declined["id"], cancelled["id"]]


async def test_sessions_are_told_of_without_what_they_are_about(
    register: Register, receiver: Receiver, worker: Worker, student: Join, mentor: Join
) -> None:
    ana, ben = await student(), await mentor()
    ticket, secret = await ana.ask(), await ana.ask(is_anonymous=True)
    await worker.drain()
    await register()
    held, declined, cancelled = await sessions_of(ana, ben, ticket_id=ticket["id"], topic="between us")
    await sessions_of(ana, ben, ticket_id=secret["id"])
    await worker.drain()
    counts = [len(told(receiver, f"session.{what}")) for what in ("requested", "accepted", "declined", "cancelled")]
    assert (counts, len(told(receiver, "session.ended"))) == ([8, 4, 2, 2], 2)
    (first, *_), (refused, *_), (off, *_) = (
        sorted(told(receiver, f"session.{what}"), key=lambda data: data["session_id"])
        for what in ("ended", "declined", "cancelled")
    )
    people = {"student_id": ana.id, "mentor_id": ben.id, "ticket_id": ticket["id"], "duration_minutes": 15}
    assert first.items() >= (people | {"session_id": held, "is_now": True}).items()
    assert first["url"] == f"http://localhost:8000/app/sessions/{held}"
    assert refused.items() >= (people | {"session_id": declined, "expired": False, "is_now": False}).items()
    assert off.items() >= (people | {"session_id": cancelled, "actor_id": ben.id, "was_booked": True}).items()
    assert [data["is_offer"] for data in told(receiver, "session.requested")].count(True) == 2
    late = [data for data in told(receiver, "session.ended") if data["session_id"] != held]
    assert [data["ticket_id"] for data in late] == [None], "the ticket is anonymous"
    assert b"between us" not in b"".join(request.body for request in receiver.received)


async def test_who_asks_anonymously_stays_so(
    register: Register, receiver: Receiver, worker: Worker, student: Join, mentor: Join
) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    await worker.drain()
    await register()
    await a_whole_life(ana, ben, is_anonymous=True)
    taken_away = await ana.ask(is_anonymous=True)
    await ana.expect(204, "DELETE", f"/tickets/{taken_away['id']}")
    await worker.drain()
    seen = [value for request in receiver.received for value in by_name(request.json["data"])]
    assert {value for name, value in seen if name in ("student_id", "author_id")} == {None, ben.id}
    assert all(value != ana.id or name not in ("student_id", "author_id", "user_id") for name, value in seen)


def by_name(data: dict[str, Any]) -> list[tuple[str, Any]]:
    """Fields and values, those of lists one by one."""
    return [(name, value) for name, value in data.items() if not isinstance(value, list)]


async def test_no_text_leaves_before_everybody_can_read_it(
    register: Register, receiver: Receiver, worker: Worker, student: Join, mentor: Join
) -> None:
    await register()
    ana, ben = await student(), await mentor(skills=["python"])
    ticket = await ana.ask(title="A title that is open", description="A text that is mine")
    path = f"/tickets/{ticket['id']}"
    await ben.expect(200, "POST", f"{path}/accept")
    await ben.expect(201, "POST", f"{path}/messages", {"body": "a word between us"})
    await worker.drain()
    everything = b"".join(request.body for request in receiver.received)
    for text in (b"A title that is open", b"A text that is mine", b"a word between us", ana.email.encode()):
        assert text not in everything
    await ben.expect(200, "POST", f"{path}/resolve", {"solution": "Use `sorted(x)`."})
    await worker.drain()
    assert told(receiver, "ticket.resolved")[0]["title"] == "A title that is open"


async def test_a_webhook_is_told_what_it_asked_for(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join, mentor: Join
) -> None:
    await register("ticket.closed", "user.joined")
    async with Receiver() as other:
        await register("ticket.closed", url=other.url)
        await solve(await student(), await mentor(skills=["python"]), close=True)
        await worker.drain()
        types = [[request.json["type"] for request in each.received] for each in (receiver, other)]
    assert (sorted(types[0]), types[1]) == (["ticket.closed", "user.joined", "user.joined"], ["ticket.closed"])
    assert len(await deliveries(database)) == 4


async def test_without_webhooks_nothing_is_written_and_one_statement_read(
    database: Database, worker: Worker, student: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    announce = handlers.announce

    async def counted(db: Any, *given: Any) -> None:
        before = db.statements
        await announce(db, *given)
        sent.append(db.statements - before)

    monkeypatch.setattr(handlers, "announce", counted)
    await (await student()).ask()
    await worker.drain()
    assert (sent, await deliveries(database)) == ([1, 1], [])


async def test_a_handler_that_runs_twice_tells_once(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    await register("ticket.posted")
    ana = await student()
    await ana.ask()
    async with database.read() as db:
        statement = sa.select(jobs.JobRow.payload).where(jobs.JobRow.task == "webhooks.handlers.ticket_posted")
        (payload,) = await db.scalars(statement)
    async with database.write() as db:
        for _ in range(2):
            await jobs.enqueue(db, [("webhooks.handlers.ticket_posted", payload)])
    await worker.drain()
    assert (len(receiver.received), len(await deliveries(database))) == (1, 1)


async def test_a_ticket_that_is_gone_by_then_has_no_people(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join, mentor: Join
) -> None:
    await register()
    ana, ben = await student(), await mentor(skills=["python"])
    await a_whole_life(ana, ben)
    async with database.write() as db:
        await db.execute(sa.text("DELETE FROM reviews"))
        await db.execute(sa.delete(TicketRow))
    await worker.drain()
    assert all("student_id" not in data for data in told(receiver, "ticket.posted"))
    assert {data["author_id"] for data in told(receiver, "message.posted")} == {None}
    assert [data["student_id"] for data in told(receiver, "review.given")] == [None]


async def test_who_becomes_a_mentor_joins(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    ana = await student()
    await worker.drain()
    await register("user.joined")
    async with database.write() as db:
        await administration.change_role(db, ana.username, "mentor")
    await worker.drain()
    assert told(receiver, "user.joined") == [{"user_id": ana.id, "role": "mentor"}]


def documented() -> dict[str, set[str]]:
    """The fields of each event, as the documentation has them."""
    rows = re.findall(r"^\| `(\w+\.\w+)` \|.*\| ([^|]*) \|$", DOCS.read_text(), re.MULTILINE)
    return {event: set(re.findall(r"`(\w+)`", fields)) for event, fields in rows}


async def test_the_documentation_has_every_event_with_its_fields(
    register: Register, receiver: Receiver, worker: Worker, student: Join, mentor: Join
) -> None:
    await register()
    ana, ben = await student(), await mentor(skills=["python"])
    await a_whole_life(ana, ben)
    await sessions_of(ana, ben)
    await ana.ask()
    await ana.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    await worker.drain()
    # A ticket that is gone has its id only; that exception is documented in words.
    sent = {request.json["type"]: set(request.json["data"]) for request in receiver.received}
    sent["ticket.posted"] |= set(told(receiver, "ticket.posted")[0])
    assert documented() == sent
    assert set(sent) == set(EventName)


def test_the_example_in_the_documentation_has_these_fields() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    example = orjson.loads(text)
    assert set(example) == {"type", "timestamp", "data"}
    assert set(example["data"]) == documented()[example["type"]]


def test_every_event_has_one_listener() -> None:
    names = [name for listeners in events._each.values() for name in listeners if name.startswith("webhooks.")]
    assert len(names) == len(set(names)) == len(EventName)
