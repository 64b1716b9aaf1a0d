"""Notifications that leave the house: by mail, in the morning's digest, by push; and how to have no more of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import http_ece
import httpx2
import orjson
import pytest
import sqlalchemy as sa
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mentorq.accounts.models import UserRow
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.jobs import JobRow, Worker
from mentorq.core.web_push import _encoded
from mentorq.notifications import digests
from mentorq.notifications.models import InboxRow, PushSubscriptionRow
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.life import later, sign_in_again, ticket_in
from tests.support.mails import MAILS, decide_whom_to_mail
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Mail goes out at once, and push services may be on loopback."""
    return settings_for(database_url, tmp_path).model_copy(
        update={"mail_delay_seconds": 0, "allow_private_addresses": True, "public_url": "https://mentorq.example.org"}
    )


async def confirm(database: Database, *people: Person, **more: Any) -> None:
    """As if they had opened the link that was mailed to them."""
    async with database.write() as db:
        ids = [person.id for person in people]
        await db.execute(sa.update(UserRow).where(UserRow.id.in_(ids)).values(email_verified_at=now(), **more))


async def letters_to(worker: Worker, person: Person) -> list[dict[str, Any]]:
    """The mails about tickets that wait to be sent to somebody, once all other jobs are done."""
    await decide_whom_to_mail(worker)
    async with worker.database.read() as db:
        kept = await db.rows(sa.select(MAILS).where(MAILS.c.recipient == person.email).order_by(MAILS.c.id))
    return [row["content"] for row in kept if "verify?token" not in orjson.dumps(row["content"]).decode()]


async def test_what_stays_unread_is_mailed_in_one_thread(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, bo = await student("ana"), await mentor("bo")
    await confirm(database, ana, bo)
    ticket = await ticket_in("assigned", ana, bo, title="Why is my list None?")
    await bo.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Look at **sort**."})
    accepted, message = await letters_to(worker, ana)
    assert accepted["letter"]["subject"] == message["letter"]["subject"] == "Why is my list None?"
    assert message["letter"]["paragraphs"] == ["bo wrote to you.", "Why is my list None?"]
    assert message["letter"]["quote"] == "Look at sort."
    assert message["letter"]["action"][1] == f"https://mentorq.example.org/app/tickets/{ticket['id']}"
    assert accepted["thread"]["in_reply_to"] == message["thread"]["in_reply_to"]
    assert accepted["thread"]["message_id"] != message["thread"]["message_id"]
    assert message["unsubscribe_url"].startswith("https://mentorq.example.org/unsubscribe?")


async def test_mail_speaks_the_language_of_its_reader(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, bo = await student("ana"), await mentor("bo")
    await confirm(database, ana)
    await ana.expect(200, "PATCH", "/users/me", {"language": "es"})
    await ticket_in("assigned", ana, bo)
    (letter,) = await letters_to(worker, ana)
    assert letter["letter"]["language"] == "es"
    assert letter["letter"]["paragraphs"][0] != "bo took your ticket."
    await ana.expect(422, "PATCH", "/users/me", {"language": "xx"})


async def test_nothing_is_mailed_that_was_read_is_off_or_has_no_confirmed_address(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    unconfirmed, reads, off, bo = await student(), await student(), await student(), await mentor()
    await confirm(database, reads, off)
    await off.expect(200, "PUT", "/notifications/preferences", {"ticket_accepted": {"email": "off"}})
    async with database.write() as db:  # telling and mailing apart, so that there is time to read
        await db.execute(sa.delete(JobRow))
    for person in (unconfirmed, reads, off):
        await ticket_in("assigned", person, bo)
    for job in await worker.claim(50):
        if job["task"] != "notifications.mail":
            await worker._do(job)
    await reads.expect(200, "POST", "/notifications/read-all")
    for person in (unconfirmed, reads, off):
        assert await letters_to(worker, person) == []


async def test_a_mail_that_waits_for_its_provider_is_dropped_once_it_was_read(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, bo = await student(), await mentor()
    await confirm(database, ana)
    await ticket_in("assigned", ana, bo)
    assert len(await letters_to(worker, ana)) == 1
    await ana.expect(200, "POST", "/notifications/read-all")
    async with database.write() as db:
        await db.execute(sa.update(JobRow).where(JobRow.task == "core.mail.deliver").values(run_at=now()))
    await worker.drain()
    async with database.read() as db:
        states = await db.scalars(sa.select(MAILS.c.state).order_by(MAILS.c.id.desc()).limit(1))
    assert states == ["suppressed"]


async def test_quiet_hours_delay_and_a_pause_drops(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, cy, bo = await student(), await student(), await mentor()
    await confirm(database, ana, cy, time_zone="Europe/Lisbon")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    quiet = {"quiet_hours": {"start": "22:00", "end": "07:00"}}
    await ana.expect(200, "PUT", "/notifications/preferences", quiet)
    await cy.expect(
        200, "PUT", "/notifications/preferences", {"paused_until": (tomorrow + timedelta(days=9)).isoformat()}
    )
    night = tomorrow.replace(hour=23, minute=30)
    async with later(night - datetime.now(UTC), ana, cy, bo):
        for person in (ana, cy):
            await ticket_in("assigned", person, bo)
        assert await letters_to(worker, ana) == await letters_to(worker, cy) == []
    async with later(night + timedelta(hours=9) - datetime.now(UTC), ana):
        assert len(await letters_to(worker, ana)) == 1
        assert await letters_to(worker, cy) == []
        await sign_in_again(cy)
        assert (await cy.get("/notifications/unread-count")).json() == {"unread": 1}


async def test_the_digest_comes_in_the_readers_own_morning(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, bo = await student(), await mentor(skills=["python"])
    await confirm(database, bo, time_zone="Asia/Tokyo")
    await ana.ask("Why is my list None?")
    await letters_to(worker, bo)
    async with database.write() as db:
        await digests.send_digests(db, {})  # finds out when the morning is
    async with database.read() as db:
        due = await db.scalar(sa.select(InboxRow.digest_due_at).where(InboxRow.user_id == bo.id))
    assert due.hour == 23  # 8 o'clock in Tokyo
    assert await letters_to(worker, bo) == []
    for hours, count in ((-1, 0), (1, 1), (2, 1), (25, 1)):
        with time_machine.travel(due + timedelta(hours=hours)):
            async with database.write() as db:
                await digests.send_digests(db, {})
            found = await letters_to(worker, bo)
        assert len(found) == count, hours
    assert found[0]["letter"]["paragraphs"][0] == "A new ticket about python: Why is my list None?"
    assert found[0]["letter"]["action"][1] == "https://mentorq.example.org/app/notifications"


async def test_one_click_ends_mails_of_a_kind(
    student: Join, mentor: Join, worker: Worker, database: Database, client: httpx2.AsyncClient
) -> None:
    ana, bo = await student(), await mentor()
    await confirm(database, ana)
    await ticket_in("assigned", ana, bo)
    (letter,) = await letters_to(worker, ana)
    address = letter["unsubscribe_url"].removeprefix("https://mentorq.example.org")
    body = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        assert (await client.post(address, data=body)).status_code == 204
    chosen = (await ana.get("/notifications/preferences")).json()
    assert chosen["ticket_accepted"] == {"in_app": True, "email": "off", "push": True}
    assert chosen["solution_posted"]["email"] == "immediate"
    forged = await client.post(address.replace("of=ticket_accepted", "of=solution_posted"), data=body)
    assert (forged.status_code, forged.json()["code"]) == (403, "bad_unsubscribe_link")
    seen = await client.post(address, data=body, headers={"Accept": "text/html"})
    assert (seen.status_code, seen.headers["location"].split("?")[0]) == (303, "/unsubscribe")


@dataclass
class PushService:
    """A push service on loopback that answers as it is told, and the browser behind it."""

    answers: list[int] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = b"0123456789abcdef"
    url: str = ""

    def subscription(self, path: str = "one") -> dict[str, Any]:
        """What the browser gives."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.url + path, "keys": {"p256dh": _encoded(point), "auth": _encoded(self.secret)}}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One message."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        body = await reader.readexactly(length)
        status = self.answers.pop(0) if self.answers else 201
        if status == 201:
            text = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
            self.received.append(orjson.loads(text))
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def push_service(*answers: int) -> AsyncIterator[PushService]:
    """It listens as long as the block lasts."""
    service = PushService(list(answers))
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        yield service


async def test_a_browser_shows_what_its_owner_is_told(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, bo = await student(), await mentor("bo")
    assert len((await ana.get("/notifications/push-key")).json()["public_key"]) == 87
    async with push_service() as service:
        for _ in range(2):
            await ana.expect(204, "POST", "/notifications/push-subscriptions", service.subscription())
        await ticket_in("assigned", ana, bo, title="Why is my list None?")
        await worker.drain()
    (shown,) = service.received
    listed = (await ana.get("/notifications")).json()["items"][0]
    assert shown == {
        "id": listed["id"],
        "title": "bo took your ticket",
        "body": "Why is my list None?",
        "path": f"/app/notifications/{listed['id']}",
        "unread": 1,
    }
    await ana.expect(
        204, "DELETE", "/notifications/push-subscriptions", {"endpoint": service.subscription()["endpoint"]}
    )
    async with database.read() as db:
        assert await db.scalars(sa.select(PushSubscriptionRow.id)) == []


async def test_a_push_service_that_fails_is_asked_again_one_that_forgot_is_forgotten(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, bo = await student(), await mentor()
    async with push_service(503, 429, 410) as service:
        await ana.expect(204, "POST", "/notifications/push-subscriptions", service.subscription())
        await ticket_in("assigned", ana, bo)
        for _ in range(3):
            await worker.drain()
            async with database.write() as db:
                await db.execute(sa.update(JobRow).where(JobRow.task == "notifications.push_to").values(run_at=now()))
        assert service.answers == []
    async with database.read() as db:
        assert await db.scalars(sa.select(PushSubscriptionRow.id)) == []
        assert await db.scalars(sa.select(JobRow.id).where(JobRow.task == "notifications.push_to")) == []


@pytest.mark.parametrize(
    "subscription",
    [
        {"endpoint": "https://push.example.org/x", "keys": {"p256dh": "x", "auth": "y"}},
        {"endpoint": "ftp://push.example.org/x", "keys": {"p256dh": "x", "auth": "y"}},
        {"endpoint": "https://push.example.org/x", "keys": {"p256dh": "", "auth": ""}},
        {"endpoint": "https://push.example.org/x"},
    ],
)
async def test_what_is_no_subscription_is_refused(student: Join, subscription: dict[str, Any]) -> None:
    await (await student()).expect(422, "POST", "/notifications/push-subscriptions", subscription)
