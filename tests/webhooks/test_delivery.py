"""Deliveries: signed, at least once, given up in the end; a receiver that is gone or fails is left alone."""

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from structlog.testing import capture_logs

from mentorq.core import jobs
from mentorq.core.clock import now
from mentorq.core.database import Database, Row, Write
from mentorq.core.jobs import MAX_ATTEMPTS, JobRow, Worker
from mentorq.webhooks import delivery, service, signing
from mentorq.webhooks.errors import DeliveryNotFound, DeliveryWaits, WebhookDisabled, WebhookNotFound
from mentorq.webhooks.models import WebhookDeliveryRow
from tests.support.people import Join, solve
from tests.support.receiver import BABBLES, CLOSES, Receiver, Reply, answers, waits
from tests.webhooks.conftest import Register, deliveries, webhook, work_for

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).parents[2] / "docs" / "webhooks.md"


async def announced(register: Register, worker: Worker, student: Join) -> int:
    """A webhook that was told, or not, of one ticket."""
    webhook_id = await register("ticket.posted")
    await (await student()).ask()
    await worker.drain()
    return webhook_id


def verifier() -> Any:
    """The function that the documentation gives to receivers."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["is_genuine"]


async def test_a_receiver_can_tell_that_it_was_us(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    webhook_id = await announced(register, worker, student)
    (request,) = receiver.received
    secret, is_genuine = (await webhook(database, webhook_id))["secret"], verifier()
    assert secret.startswith("whsec_")
    assert is_genuine(secret, request.headers, request.body)
    assert not is_genuine(secret, request.headers, request.body + b" ")
    assert not is_genuine(signing.new_secret(), request.headers, request.body)
    assert not is_genuine(secret, {**request.headers, "webhook-id": "msg_other"}, request.body)
    earlier = str(int(request.headers["webhook-timestamp"]) - 301)
    assert not is_genuine(secret, {**request.headers, "webhook-timestamp": earlier}, request.body)
    both = {**request.headers, "webhook-signature": f"v1,AAAA {request.headers['webhook-signature']}"}
    assert is_genuine(secret, both, request.body)
    assert request.headers["content-type"] == "application/json"


def test_the_example_of_standard_webhooks() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signed = signing.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_is_delivered_is_noted(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    receiver.replies = [answers(202)]
    await announced(register, worker, student)
    (done,) = await deliveries(database)
    assert (done["state"], done["attempts"], done["last_status"], done["last_error"]) == ("delivered", 1, 202, None)
    assert done["delivered_at"] is not None
    assert receiver.received[0].json == done["payload"]


@pytest.mark.parametrize(
    ("reply", "status", "said"),
    [
        (answers(301, location="http://127.0.0.1:1/"), 301, "it answered 301: redirects are not followed"),
        (answers(400), 400, "it answered 400"),
        (answers(404), 404, "it answered 404"),
        (answers(429), 429, "it answered 429"),
        (answers(500), 500, "it answered 500"),
        (CLOSES, None, "it closed the connection"),
        (BABBLES, None, "its answer was not HTTP"),
    ],
    ids=["301", "400", "404", "429", "500", "closes", "babbles"],
)
async def test_whatever_is_no_success_is_tried_again(
    reply: Reply, status: int | None, said: str, register: Register, database: Database, receiver: Receiver,
    worker: Worker, student: Join, clock: time_machine.Traveller,
) -> None:  # fmt: skip
    receiver.replies = [reply, answers(200)]
    webhook_id = await announced(register, worker, student)
    (waiting,) = await deliveries(database)
    assert (waiting["state"], waiting["attempts"], waiting["last_status"]) == ("waiting", 1, status)
    assert said in waiting["last_error"]
    assert (await webhook(database, webhook_id))["failing_since"] is not None
    clock.shift(timedelta(seconds=7))
    await worker.drain()
    (done,) = await deliveries(database)
    assert (done["state"], done["attempts"], done["last_error"]) == ("delivered", 2, None)
    assert (await webhook(database, webhook_id))["failing_since"] is None
    first, second = receiver.received
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert verifier()((await webhook(database, webhook_id))["secret"], second.headers, second.body)


async def test_after_eight_attempts_it_is_given_up(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join,
    clock: time_machine.Traveller,
) -> None:  # fmt: skip
    receiver.replies = [answers(500)]
    webhook_id = await announced(register, worker, student)
    await work_for(worker, clock, timedelta(hours=12))
    (failed,) = await deliveries(database)
    assert (failed["state"], failed["attempts"], len(receiver.received)) == ("failed", MAX_ATTEMPTS, MAX_ATTEMPTS)
    assert (await webhook(database, webhook_id))["is_enabled"]
    async with database.read() as db:
        assert await db.scalars(sa.select(JobRow.id).where(JobRow.task == delivery.DELIVER)) == []


async def test_a_receiver_says_when_to_come_back(
    register: Register, receiver: Receiver, worker: Worker, student: Join, clock: time_machine.Traveller
) -> None:
    receiver.replies = [answers(503, retry_after="600"), answers(200)]
    await announced(register, worker, student)
    clock.shift(timedelta(seconds=580))
    await worker.drain()
    assert len(receiver.received) == 1
    clock.shift(timedelta(seconds=30))
    await worker.drain()
    assert len(receiver.received) == 2


async def test_who_is_gone_is_told_nothing_any_more(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    receiver.replies = [answers(410)]
    webhook_id = await announced(register, worker, student)
    (failed,) = await deliveries(database)
    found = await webhook(database, webhook_id)
    assert (failed["state"], found["is_enabled"], "410" in found["disabled_reason"]) == ("failed", False, True)
    await (await student()).ask()
    await worker.drain()
    assert (len(receiver.received), len(await deliveries(database))) == (1, 1)


async def test_three_days_without_a_success_disable_it(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join,
    clock: time_machine.Traveller,
) -> None:  # fmt: skip
    receiver.replies = [answers(500)]
    webhook_id = await announced(register, worker, student)
    clock.shift(timedelta(days=2, hours=23))
    await worker.drain()
    assert (await webhook(database, webhook_id))["is_enabled"]
    clock.shift(timedelta(hours=2))
    await worker.drain()
    found = await webhook(database, webhook_id)
    assert (found["is_enabled"], found["disabled_reason"]) == (False, delivery.FAILED_TOO_LONG)
    asked = len(receiver.received)
    await work_for(worker, clock, timedelta(hours=7))
    (left,) = await deliveries(database)
    assert (len(receiver.received), left["state"], left["last_error"]) == (asked, "failed", delivery.DISABLED)


async def test_one_success_makes_three_days_begin_anew(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join,
    clock: time_machine.Traveller,
) -> None:  # fmt: skip
    receiver.replies = [answers(500), answers(200), answers(500)]
    webhook_id = await announced(register, worker, student)
    for days in (2, 2):
        clock.shift(timedelta(days=days))
        await worker.drain()
        async with database.write() as db:
            await db.execute(sa.update(WebhookDeliveryRow).values(state="delivered"))
            await service.replay(db, (await deliveries(database))[0]["id"])
        await worker.drain()
    assert (await webhook(database, webhook_id))["is_enabled"]


async def test_who_fails_slowly_is_left_alone_for_a_moment(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join,
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(delivery, "SLOW_SECONDS", 0.2)
    receiver.replies = [waits(0.4, answers(500)), answers(200)]
    await announced(register, worker, student)
    await (await student()).ask()
    await worker.drain()
    assert len(receiver.received) == 1
    assert [(each["attempts"], each["last_error"]) for each in await deliveries(database)] == [
        (1, "it answered 500"),
        (1, delivery.NOT_ASKED),
    ]
    for _ in range(4):
        clock.shift(timedelta(seconds=31))
        await worker.drain()
    assert [each["state"] for each in await deliveries(database)] == ["delivered", "delivered"]


async def test_who_does_not_answer_in_time_has_failed(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 0.3)
    receiver.replies = [waits(30, answers(200))]
    await announced(register, worker, student)
    (waiting,) = await deliveries(database)
    assert (waiting["state"], "time" in waiting["last_error"] or "within" in waiting["last_error"]) == ("waiting", True)


async def test_a_private_address_is_final(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    await register("ticket.posted")
    await (await student()).ask()
    strict = Database(database.settings.model_copy(update={"allow_private_addresses": False}))
    await strict.start()
    try:
        await Worker(strict).drain()
    finally:
        await strict.stop()
    (failed,) = await deliveries(database)
    assert (failed["state"], "https" in failed["last_error"], receiver.received) == ("failed", True, [])


class Killed(BaseException):
    """The worker's process ended here."""


async def test_a_worker_that_dies_before_the_note_sends_it_again(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join,
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(delivery, "note", dies)
        with pytest.raises(Killed):
            await announced(register, worker, student)
    assert (await deliveries(database))[0]["state"] == "waiting"
    clock.shift(timedelta(seconds=31))
    await worker.drain()
    (done,) = await deliveries(database)
    assert (done["state"], done["attempts"]) == ("delivered", 1)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_a_worker_that_dies_after_the_note_changes_nothing(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join,
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    receiver.replies, complete = [answers(500)], jobs._complete

    async def dies(db: Write, job: Row, again: datetime | None) -> None:
        if job["task"] == delivery.DELIVER:
            raise Killed
        await complete(db, job, again)

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "_complete", dies)
        with pytest.raises(Killed):
            await announced(register, worker, student)
    clock.shift(timedelta(seconds=31))
    assert await worker.drain() >= 2, "the next attempt, and the job of the one that was made already"
    (waiting,) = await deliveries(database)
    assert (waiting["attempts"], len(receiver.received)) == (2, 2)


async def test_two_workers_with_the_same_attempt_note_it_once(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    receiver.replies = [answers(500)]
    await register("ticket.posted")
    await (await student()).ask()
    async with database.write() as db:
        await db.execute(sa.update(JobRow).where(JobRow.task == delivery.DELIVER).values(run_at=now()))
    while claimed := await worker.claim(1):
        if claimed[0]["task"] == delivery.DELIVER:
            break
        await worker._do(claimed[0])
    attempt = claimed[0]["payload"]
    await asyncio.gather(*(delivery.deliver(database, attempt) for _ in range(3)))
    (waiting,) = await deliveries(database)
    async with database.read() as db:
        queued = await db.rows(sa.select(JobRow.payload).where(JobRow.task == delivery.DELIVER))
    assert waiting["attempts"] == 1
    assert sorted(job["payload"]["attempts"] for job in queued) == [0, 1]


async def test_what_is_removed_is_not_sent(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    webhook_id = await register("ticket.posted")
    await (await student()).ask()
    while claimed := await worker.claim(1):
        if claimed[0]["task"] == delivery.DELIVER:
            break
        await worker._do(claimed[0])
    async with database.write() as db:
        await service.remove(db, webhook_id)
    await worker._do(claimed[0])
    assert (receiver.received, await deliveries(database)) == ([], [])


async def test_a_delivery_is_replayed_as_the_same_message(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join,
    clock: time_machine.Traveller,
) -> None:  # fmt: skip
    receiver.replies = [answers(500)]
    webhook_id = await announced(register, worker, student)
    (waiting,) = await deliveries(database)
    async with database.write() as db:
        with pytest.raises(DeliveryWaits):
            await service.replay(db, waiting["id"])
        with pytest.raises(DeliveryNotFound):
            await service.replay(db, waiting["id"] + 1)
    await work_for(worker, clock, timedelta(hours=12))
    receiver.replies = [answers(200)]
    async with database.write() as db:
        await service.replay(db, waiting["id"])
    await worker.drain()
    (done,) = await deliveries(database)
    assert (done["state"], done["attempts"], done["last_status"]) == ("delivered", 1, 200)
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1
    async with database.write() as db:
        await service.disable(db, webhook_id)
        with pytest.raises(WebhookDisabled):
            await service.replay(db, waiting["id"])


async def test_what_happens_while_it_is_disabled_is_not_told_later(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    webhook_id = await register("ticket.posted")
    async with database.write() as db:
        await service.disable(db, webhook_id)
    ana = await student()
    await ana.ask()
    await worker.drain()
    async with database.write() as db:
        await service.enable(db, webhook_id)
    await ana.ask()
    await worker.drain()
    assert len(receiver.received) == 1


async def test_a_webhook_that_is_not_there(database: Database) -> None:
    async with database.write() as db:
        for change in (service.remove, service.enable, service.disable):
            with pytest.raises(WebhookNotFound):
                await change(db, 7)
        with pytest.raises(WebhookNotFound):
            await service.deliveries(db, 7, 10)
    with pytest.raises(WebhookNotFound):
        await service.test(database, 7)


async def test_a_month_later_it_is_forgotten(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join, mentor: Join,
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(delivery, "FORGOTTEN_AT_ONCE", 2)
    await register()
    await solve(await student(), await mentor(skills=["python"]), close=True)
    await worker.drain()
    assert len(await deliveries(database)) == 6
    clock.shift(timedelta(days=29))
    await worker._schedule()
    await worker.drain()
    assert len(await deliveries(database)) == 6
    clock.shift(timedelta(days=2))
    for _ in range(4):
        await worker.drain()
        clock.shift(timedelta(seconds=2))
    assert await deliveries(database) == []


async def test_no_address_and_no_secret_is_logged(
    register: Register, database: Database, receiver: Receiver, worker: Worker, student: Join
) -> None:
    receiver.replies = [answers(500), answers(410)]
    webhook_id = await register("ticket.posted", url=f"{receiver.url}?token=abc123")
    with capture_logs() as logs:
        await (await student()).ask()
        await (await student()).ask()
        await worker.drain()
    assert {"webhook not delivered", "webhook disabled"} <= {line["event"] for line in logs}
    assert "abc123" not in str(logs)
    assert (await webhook(database, webhook_id))["secret"] not in str(logs)
