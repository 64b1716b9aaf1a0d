"""Mails: there if and only if the transaction committed; sent at most once, whatever dies when."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from mentorq.core import mail
from mentorq.core.clock import now
from mentorq.core.database import Base, Database, Write
from mentorq.core.errors import Unavailable
from mentorq.core.jobs import Worker
from mentorq.core.mail import delivery, outbox, smtp
from mentorq.core.mail.models import State, SuppressionReason
from mentorq.core.mail.suppressions import allow, suppress
from tests.core.test_jobs import Killed, dying_at
from tests.support.databases import settings_for
from tests.support.mails import JOBS, LETTER, MAILS, jobs_left, mail_of, make_due, queue, state_of
from tests.support.patience import PATIENCE_SECONDS, until
from tests.support.people import Join
from tests.support.smtp import SmtpServer

pytestmark = pytest.mark.anyio

ANA = "ana@example.org"


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that the test moves."""
    with time_machine.travel(now(), tick=True) as traveller:
        yield traveller


async def test_a_mail_is_there_if_and_only_if_its_transaction_committed(
    database: Database, worker: Worker, server: SmtpServer
) -> None:
    async def fails() -> None:
        async with database.write() as db:
            await mail.send(db, ANA, LETTER)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert await worker.drain() == 0
    mail_id = await queue(database)
    assert await worker.drain() == 1
    assert (await state_of(database, mail_id), len(server.received)) == ("sent", 1)
    assert server.received[0]["Subject"] == LETTER.subject


async def test_of_a_sent_mail_only_what_became_of_it_is_kept(
    database: Database, worker: Worker, server: SmtpServer
) -> None:
    mail_id = await queue(database)
    await worker.drain()
    row = await mail_of(database, mail_id)
    assert (row["recipient"], row["content"], row["reason"], row["attempts"]) == (None, None, "", 1)
    async with database.read() as db:
        everything = [await db.rows(sa.select(table)) for table in Base.metadata.sorted_tables]
    assert ANA not in str(everything)
    assert "Ben wrote" not in str(everything)


async def test_a_mail_may_wait_for_its_time(
    database: Database, worker: Worker, server: SmtpServer, clock: time_machine.Traveller
) -> None:
    mail_id = await queue(database, run_at=now() + timedelta(hours=1))
    assert await worker.drain() == 0
    clock.shift(timedelta(hours=1, seconds=1))
    assert await worker.drain() == 1
    assert await state_of(database, mail_id) == "sent"


async def test_a_refusal_is_final_and_says_why(database: Database, worker: Worker, server: SmtpServer) -> None:
    server.at_rcpt = "550 5.1.1 <> is unknown"
    mail_id = await queue(database)
    await worker.drain()
    row = await mail_of(database, mail_id)
    assert (row["state"], row["reason"], row["recipient"]) == ("failed", "550 5.1.1 at RCPT", ANA)
    assert await jobs_left(database) == []


async def test_what_is_no_address_fails_and_stops_nobody(
    database: Database, worker: Worker, server: SmtpServer
) -> None:
    wrong, right = await queue(database, "nobody at all"), await queue(database)
    await worker.drain()
    assert (await mail_of(database, wrong))["reason"] == "no address that mail can be sent to"
    assert (await state_of(database, wrong), await state_of(database, right)) == ("failed", "sent")


async def test_what_passes_is_tried_eight_times_within_two_days(
    database: Database, worker: Worker, server: SmtpServer, clock: time_machine.Traveller
) -> None:
    server.at_rcpt = "450 4.2.0 later"
    started, mail_id = now(), await queue(database)
    for attempt in range(1, 9):
        assert await worker.drain() == 1
        row = await mail_of(database, mail_id)
        assert (row["attempts"], row["tries"]) == (attempt, attempt)
        if attempt < 8:
            assert (row["state"], row["reason"]) == ("waiting", "450 4.2.0 at RCPT")
            [job] = await jobs_left(database)
            assert job["run_at"] == row["due_at"]
            clock.shift(row["due_at"] - now() + timedelta(seconds=1))
    assert await state_of(database, mail_id) == "failed"
    assert await jobs_left(database) == []
    assert timedelta(hours=40) < now() - started < timedelta(hours=54)
    assert server.received == []


async def test_what_passed_is_sent_once(database: Database, worker: Worker, server: SmtpServer) -> None:
    server.at_rcpt = "450 later"
    mail_id = await queue(database)
    await worker.drain()
    server.at_rcpt = ""
    await make_due(database)
    await worker.drain()
    assert (await state_of(database, mail_id), len(server.received)) == ("sent", 1)


@pytest.mark.parametrize("when", ["before the dot", "after the dot"])
async def test_what_nobody_knows_is_not_sent_again_by_itself(
    when: str, database: Database, worker: Worker, server: SmtpServer
) -> None:
    server.hangs_up = when
    mail_id = await queue(database)
    await worker.drain()
    assert await state_of(database, mail_id) == "unknown"
    server.hangs_up, arrived = "", len(server.received)
    await make_due(database)
    await worker.drain()
    assert len(server.received) == arrived
    assert await jobs_left(database) == []
    async with database.write() as db:
        assert await outbox.retry(db, mail_id)
    await worker.drain()
    assert (await state_of(database, mail_id), len(server.received)) == ("sent", arrived + 1)


async def test_only_failed_and_unknown_mails_are_sent_again(
    database: Database, worker: Worker, server: SmtpServer
) -> None:
    server.at_rcpt = "550 no"
    failed = await queue(database)
    await worker.drain()
    server.at_rcpt = ""
    sent, waiting = await queue(database), await queue(database, run_at=now() + timedelta(days=1))
    await worker.drain()
    async with database.write() as db:
        assert [await outbox.retry(db, number) for number in (failed, failed, sent, waiting, 999)] == [
            True, False, False, False, False,
        ]  # fmt: skip
    await worker.drain()
    assert len(server.received) == 2


@pytest.mark.parametrize("how", ["before", "after", "cancelled"])
async def test_a_worker_that_dies_between_any_two_statements_sends_at_most_once(
    how: str, database: Database, worker: Worker, server: SmtpServer
) -> None:
    step, survived, ends = 0, False, set()
    while not survived:
        step += 1
        server.received.clear()
        mail_id = await queue(database)
        async with dying_at(step, how) as steps:
            with contextlib.suppress(Killed, asyncio.CancelledError):
                await asyncio.create_task(worker.drain())
            survived = len(steps) < step
        for _ in range(3):  # whatever is left to do is done
            await make_due(database)
            await worker.drain()
        state = await state_of(database, mail_id)
        ends.add((state, len(server.received)))
        assert len(server.received) <= 1, (step, steps)
        assert state in ("sent", "unknown"), (step, steps)
        assert await jobs_left(database) == []
    assert ("sent", 1) in ends
    assert ("sent", 0) not in ends, "nothing is said to be sent that was not"
    assert step > 5


async def test_a_worker_that_is_killed_while_the_server_thinks(
    database: Database, worker: Worker, server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: Any, **__: Any) -> None:
        raise Killed

    mail_id = await queue(database)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "end", killed)
        with pytest.raises(Killed):
            await worker.drain()
    assert (await state_of(database, mail_id), len(server.received)) == ("sending", 1)
    await make_due(database)
    await worker.drain()
    row = await mail_of(database, mail_id)
    assert (row["state"], row["reason"], len(server.received)) == ("unknown", outbox.WORKER_DIED, 1)


async def test_a_worker_that_was_given_up_for_dead_may_still_say_that_it_sent(
    database: Database, worker: Worker, server: SmtpServer
) -> None:
    server.hold = asyncio.Event()
    mail_id = await queue(database)
    slow = asyncio.create_task(worker.drain())
    await until(lambda: bool(server.received))
    await make_due(database)  # its lease has run out
    await Worker(database).drain()
    assert await state_of(database, mail_id) == "unknown"
    server.hold.set()
    await slow
    assert (await state_of(database, mail_id), len(server.received)) == ("sent", 1)


async def test_two_workers_with_the_same_mail_send_it_once(database: Database, server: SmtpServer) -> None:
    mail_id = await queue(database)
    payload = {"mail_id": mail_id, "attempt": 0}
    await asyncio.gather(*(delivery.deliver(database, payload) for _ in range(8)))
    assert len(server.received) == 1
    assert await state_of(database, mail_id) in ("sent", "unknown")


async def test_a_job_of_an_earlier_attempt_does_nothing(database: Database, worker: Worker, server: SmtpServer) -> None:
    """A worker may die after it put a mail back, and before its job was done."""
    server.at_rcpt = "450 later"
    mail_id = await queue(database)
    await worker.drain()
    server.at_rcpt = ""
    await delivery.deliver(database, {"mail_id": mail_id, "attempt": 0})
    assert (await state_of(database, mail_id), server.received) == ("waiting", [])


async def test_a_worker_that_stops_gives_back_what_has_not_left(
    database: Database, worker: Worker, server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    connecting, never = asyncio.Event(), asyncio.Event()

    async def connects_forever(*_: Any) -> None:
        connecting.set()
        await never.wait()

    mail_id = await queue(database)
    with monkeypatch.context() as patch:
        patch.setattr(smtp.SmtpServer, "_connect", connects_forever)
        work = asyncio.create_task(worker.drain())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await connecting.wait()
        assert await state_of(database, mail_id) == "sending"
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    row = await mail_of(database, mail_id)
    assert (row["state"], row["tries"]) == ("waiting", 0)
    await make_due(database)
    await worker.drain()
    assert (await state_of(database, mail_id), len(server.received)) == ("sent", 1)


async def test_a_database_that_pauses_after_the_mail_was_taken_does_not_make_it_unknown(
    database: Database, worker: Worker, server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, refusals = outbox.end, 2

    async def pauses(*given: Any, **named: Any) -> bool:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise Unavailable
        return await end(*given, **named)

    monkeypatch.setattr(outbox, "end", pauses)
    monkeypatch.setattr(delivery, "PERSISTENCE_SECONDS", (0.01, 0.01))
    mail_id = await queue(database)
    await worker.drain()
    assert (await state_of(database, mail_id), len(server.received)) == ("sent", 1)
    refusals = 99
    lost = await queue(database)
    await worker.drain()
    refusals = 0
    await make_due(database)
    await worker.drain()
    assert await state_of(database, lost) == "unknown"


async def test_an_error_that_nobody_foresaw_passes_while_the_mail_is_here(
    database: Database, worker: Worker, server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stumbles(*_: Any) -> None:
        raise ZeroDivisionError(f"about {ANA}")

    mail_id = await queue(database)
    with monkeypatch.context() as patch:
        patch.setattr(smtp.SmtpServer, "_address", stumbles)
        await worker.drain()
    row = await mail_of(database, mail_id)
    assert (row["state"], row["reason"]) == ("waiting", "ZeroDivisionError")


async def test_addresses_that_bounced_or_complained_get_nothing(
    database: Database, worker: Worker, server: SmtpServer
) -> None:
    async with database.write() as db:
        assert await suppress(db, " ANA@example.org", SuppressionReason.BOUNCE)
        assert not await suppress(db, ANA, SuppressionReason.COMPLAINT)
    mail_id = await queue(database)
    await worker.drain()
    row = await mail_of(database, mail_id)
    assert (row["state"], row["reason"], row["content"], server.received) == ("suppressed", "bounce", None, [])
    async with database.write() as db:
        assert await allow(db, "Ana@Example.org")
        assert not await allow(db, ANA)
    await queue(database)
    await worker.drain()
    assert len(server.received) == 1


async def test_a_mail_that_nobody_wants_any_more_is_not_sent(
    database: Database, worker: Worker, server: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_conditions", dict(delivery._conditions))
    asked: list[dict[str, Any]] = []

    @mail.condition("test.is_even")
    async def is_even(db: Write, payload: dict[str, Any]) -> bool:
        asked.append(payload)
        return bool(payload["number"] % 2 == 0)

    odd = await queue(database, still_wanted=("test.is_even", {"number": 1}))
    even = await queue(database, still_wanted=("test.is_even", {"number": 2}))
    await worker.drain()
    assert (await state_of(database, odd), await state_of(database, even)) == ("suppressed", "sent")
    assert ([each["number"] for each in asked], len(server.received)) == ([1, 2], 1)


async def test_a_link_that_no_longer_works_is_not_mailed(
    database: Database, student: Join, worker: Worker, server: SmtpServer, clock: time_machine.Traveller
) -> None:
    await student()
    clock.shift(timedelta(minutes=31))
    await worker.drain()
    async with database.read() as db:
        assert await db.scalars(sa.select(MAILS.c.state)) == ["suppressed"]
    assert server.received == []


async def test_who_leaves_is_forgotten_here_too(
    database: Database, student: Join, worker: Worker, server: SmtpServer
) -> None:
    ana, ben = await student(), await student()
    async with database.write() as db:
        assert await mail.forget(db, ana.email) == 1
    async with database.read() as db:
        rows = await db.rows(sa.select(MAILS).order_by(MAILS.c.id))
    assert [(row["state"], row["recipient"]) for row in rows] == [("suppressed", None), ("waiting", ben.email)]
    await worker.drain()
    assert [message["To"] for message in server.received] == [ben.email]


async def test_a_mail_that_is_forgotten_while_it_is_tried_is_not_tried_again(
    database: Database, worker: Worker, server: SmtpServer
) -> None:
    server.at_rcpt = "450 later"
    mail_id = await queue(database)
    async with database.write() as db:
        taken = await outbox.begin(db, mail_id, 0)
    assert taken is not None
    async with database.write() as db:
        await mail.forget(db, ANA)
    async with database.write() as db:
        assert await outbox.put_back(db, taken, "450", now())
    server.at_rcpt = ""
    await worker.drain()
    row = await mail_of(database, mail_id)
    assert (row["state"], row["reason"], server.received) == ("suppressed", outbox.FORGOTTEN, [])


async def test_mails_whose_job_is_dead_are_said_to_have_failed(database: Database, server: SmtpServer) -> None:
    waiting, sending, fine = await queue(database), await queue(database), await queue(database)
    async with database.write() as db:
        assert await outbox.begin(db, sending, 0)
        ids = [job["id"] for job in await db.rows(sa.select(JOBS).order_by(JOBS.c.id))]
        await db.execute(sa.update(JOBS).where(JOBS.c.id.in_(ids[:2])).values(dead_at=now()))
        await delivery.tend(db, {})
    assert [await state_of(database, number) for number in (waiting, sending, fine)] == ["failed", "unknown", "waiting"]


async def test_old_mails_are_deleted(database: Database, worker: Worker, server: SmtpServer) -> None:
    old, fresh, unsent = (
        await queue(database),
        await queue(database),
        await queue(database, run_at=now() + timedelta(9)),
    )
    await worker.drain()
    async with database.write() as db:
        aged = sa.update(MAILS).where(MAILS.c.id.in_([old, unsent])).values(created_at=now() - timedelta(days=31))
        await db.execute(aged)
        await delivery.tend(db, {})
    async with database.read() as db:
        assert set(await db.scalars(sa.select(MAILS.c.id))) == {fresh, unsent}


async def test_the_newest_in_a_state_are_listed(database: Database, worker: Worker, server: SmtpServer) -> None:
    ids = [await queue(database) for _ in range(3)]
    await worker.drain()
    async with database.read() as db:
        assert [row["id"] for row in await outbox.newest(db, [State.SENT], 2)] == [ids[2], ids[1]]
        assert await outbox.newest(db, [State.FAILED], 2) == []


async def test_the_log_names_nobody(
    capsys: pytest.CaptureFixture[str], database_url: str, tmp_path: Any, server: SmtpServer
) -> None:
    from tests.support.applications import made

    settings = settings_for(database_url, tmp_path, mail_url=server.url, log_level="debug")
    app = made(settings)
    async with app.router.lifespan_context(app):
        database: Database = app.state.database
        for refusal in ("", "550 5.1.1 <> is unknown", "450 <> later"):
            server.at_rcpt = refusal
            await queue(database)
            await Worker(database).drain()
        server.at_rcpt, server.hangs_up = "", "after the dot"
        await queue(database)
        await Worker(database).drain()
    said = capsys.readouterr().err
    assert "mail ended" in said
    assert "550 5.1.1 at RCPT" in said
    assert "example.org" not in said
    assert LETTER.subject not in said
    assert "Ben wrote" not in said


async def test_log_shows_mails_to_whoever_runs_the_installation(
    capsys: pytest.CaptureFixture[str], database_url: str, tmp_path: Any
) -> None:
    from tests.support.applications import made

    app = made(settings_for(database_url, tmp_path, log_level="info"))
    async with app.router.lifespan_context(app):
        mail_id = await queue(app.state.database)
        await Worker(app.state.database).drain()
        assert await state_of(app.state.database, mail_id) == "sent"
    said = capsys.readouterr().err
    assert ANA in said
    assert "https://mentorq.example.org/a" in said
