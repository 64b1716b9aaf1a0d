"""Jobs: there if and only if the transaction committed; done once, whatever dies when."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from mentorq.core import jobs
from mentorq.core.clock import now
from mentorq.core.database import Database, Read, Write
from mentorq.core.errors import Unavailable
from mentorq.core.jobs import MAX_ATTEMPTS, MOST_CLAIMS, JobRow, Worker, enqueue, external_task, retry_dead, task
from mentorq.settings import Settings
from tests.support.patience import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio

EFFECTS = sa.table("effects", sa.column("number", sa.Integer), sa.column("kind", sa.String))


class Killed(BaseException):
    """The worker's process ended here."""


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that the test moves."""
    with time_machine.travel(now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
async def work(database: Database) -> AsyncIterator[Database]:
    """A database with a table that jobs write to, and tasks that do."""
    before = dict(jobs._tasks)
    async with database.write() as db:
        await db.execute(sa.text("CREATE TABLE effects (number INTEGER, kind VARCHAR(20))"))

    @task("test.effect")
    async def effect(db: Write, payload: dict[str, Any]) -> datetime | None:
        await db.execute(sa.insert(EFFECTS).values(number=payload["number"], kind="first"))
        await db.execute(sa.insert(EFFECTS).values(number=payload["number"], kind="second"))
        return None

    yield database
    jobs._tasks.clear()
    jobs._tasks.update(before)


async def add(database: Database, *numbers: int, name: str = "test.effect", **how: Any) -> None:
    """Add jobs."""
    async with database.write() as db:
        await enqueue(db, [(name, {"number": number}) for number in numbers], **how)


async def effects(database: Database) -> list[int]:
    """The numbers whose jobs took effect; each must have done so whole."""
    async with database.read() as db:
        rows = await db.rows(sa.select(EFFECTS))  # one statement: both halves of the same moment
    first, second = ([row["number"] for row in rows if row["kind"] == kind] for kind in ("first", "second"))
    assert sorted(first) == sorted(second), "half of a job took effect"
    return sorted(first)


async def waiting(database: Database, name: str | None = None) -> list[dict[str, Any]]:
    """Jobs that are in the queue."""
    statement = sa.select(JobRow.__table__).order_by(JobRow.id)
    async with database.read() as db:
        return await db.rows(statement if name is None else statement.where(JobRow.task == name))


async def test_a_job_is_there_if_and_only_if_its_transaction_committed(work: Database, worker: Worker) -> None:
    async def fails() -> None:
        async with work.write() as db:
            await enqueue(db, [("test.effect", {"number": 1})])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert await waiting(work) == []
    await add(work, 2)
    assert await worker.drain() == 1
    assert (await effects(work), await waiting(work)) == ([2], [])


async def test_a_job_runs_when_it_is_due(work: Database, worker: Worker, clock: time_machine.Traveller) -> None:
    await add(work, 1, run_at=now() + timedelta(minutes=5))
    assert await worker.drain() == 0
    clock.shift(timedelta(minutes=5, seconds=1))
    assert await worker.drain() == 1
    assert await effects(work) == [1]


Bomb = Callable[[int], Any]


@asynccontextmanager
async def dying_at(step: int, how: str) -> AsyncIterator[list[str]]:
    """Let the process die at the `step`-th statement or commit: before it, or after it took effect; or be cancelled."""
    steps: list[str] = []
    execute, commit = Read.execute, Write.commit

    def one_more(name: str) -> bool:
        steps.append(name)
        return len(steps) == step

    async def dying_execute(self: Read, *given: Any, **named: Any) -> Any:
        dies = one_more("statement")
        if dies and how == "before":
            raise Killed
        if dies and how == "cancelled":
            current = asyncio.current_task()
            assert current is not None
            current.cancel()
        result = await execute(self, *given, **named)
        if dies:
            raise Killed
        return result

    async def dying_commit(self: Write) -> None:
        dies = one_more("commit")
        if dies and how == "before":
            raise Killed
        await commit(self)
        if dies:
            raise Killed

    Read.execute, Write.commit = dying_execute, dying_commit  # type: ignore[method-assign]
    try:
        yield steps
    finally:
        Read.execute, Write.commit = execute, commit  # type: ignore[method-assign]


@pytest.mark.parametrize("how", ["before", "after", "cancelled"])
async def test_a_worker_that_dies_between_any_two_statements_leaves_the_job_to_be_done_once(
    how: str, work: Database, worker: Worker, clock: time_machine.Traveller
) -> None:
    step, survived = 0, False
    while not survived:
        step += 1
        await add(work, step)
        async with dying_at(step, how) as steps:
            try:
                await asyncio.create_task(worker.drain())
                survived = len(steps) < step
            except (Killed, asyncio.CancelledError):
                pass
        clock.shift(jobs.LEASE + timedelta(seconds=1))
        await worker.drain()
        assert await effects(work) == list(range(1, step + 1)), f"{how} step {step} of {steps}"
        assert await waiting(work) == []
    assert step > 6, "claim, two effects, completion and their commits"


async def test_what_a_worker_did_after_it_lost_its_lease_is_rolled_back(
    work: Database, worker: Worker, clock: time_machine.Traveller
) -> None:
    await add(work, 1)
    (slow,) = await worker.claim(1)
    assert await worker.claim(1) == []
    clock.shift(jobs.LEASE + timedelta(seconds=1))
    (fast,) = await Worker(work).claim(1)
    await worker._do(slow)
    assert await effects(work) == []
    await worker._do(fast)
    assert await effects(work) == [1]
    await worker._do(slow)
    assert (await effects(work), await waiting(work)) == ([1], [])


async def test_a_failed_job_is_tried_again_later_and_later_and_dies_in_the_end(
    work: Database, worker: Worker, clock: time_machine.Traveller
) -> None:
    healed = False

    @task("test.fails")
    async def fails(db: Write, payload: dict[str, Any]) -> datetime | None:
        await db.execute(sa.insert(EFFECTS).values(number=1, kind="first"))
        await db.execute(sa.insert(EFFECTS).values(number=1, kind="second"))
        if not healed:
            raise ValueError("bad \0 thing \ud800")
        return None

    await add(work, 1, name="test.fails")
    delays = []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert await worker.drain() == 1, attempt
        (job,) = await waiting(work)
        assert job["attempts"] == attempt
        assert "ValueError: bad" in job["last_error"]
        assert await effects(work) == []
        delays.append((job["run_at"] - now()).total_seconds())
        clock.shift(delays[-1] + 1)
    assert 3 < delays[0] < 7
    assert all(later > 2 * earlier for earlier, later in pairwise(delays[:7]))
    assert sum(delays[:-1]) < 48 * 3600
    assert job["dead_at"] is not None
    clock.shift(timedelta(days=7))
    assert await worker.drain() == 0
    healed = True
    async with work.write() as db:
        assert await retry_dead(db) == 1
    assert await worker.drain() == 1
    assert (await effects(work), await waiting(work)) == ([1], [])


async def test_a_job_that_nobody_knows_waits_and_is_reported(work: Database, worker: Worker) -> None:
    await add(work, 1, name="test.of.another.version")
    assert await worker.drain() == 1
    (job,) = await waiting(work)
    assert "no task is called" in job["last_error"]


async def test_a_job_that_kills_its_worker_each_time_dies_too(
    work: Database, worker: Worker, clock: time_machine.Traveller
) -> None:
    await add(work, 1)
    for _ in range(MOST_CLAIMS):
        assert len(await worker.claim(1)) == 1
        clock.shift(jobs.LEASE + timedelta(seconds=1))
    await worker.drain()
    (job,) = await waiting(work)
    assert job["dead_at"] is not None
    assert await effects(work) == []


async def test_a_job_with_a_unique_key_waits_once(work: Database, worker: Worker) -> None:
    for number in (1, 2):
        await add(work, number, unique_key="only-one")
    await asyncio.gather(*(add(work, number, unique_key="only-one") for number in range(3, 8)))
    assert len(await waiting(work)) == 1
    await worker.drain()
    await add(work, 9, unique_key="only-one")
    await worker.drain()
    assert await effects(work) == [1, 9]


async def test_schedules_come_back(work: Database, worker: Worker, clock: time_machine.Traveller) -> None:
    wishes: list[datetime | None] = []

    @task("test.schedule", every=timedelta(hours=1))
    async def schedule(db: Write, _: dict[str, Any]) -> datetime | None:
        await db.execute(sa.insert(EFFECTS).values(number=len(wishes), kind="first"))
        await db.execute(sa.insert(EFFECTS).values(number=len(wishes), kind="second"))
        return wishes[-1] if wishes else None

    for _ in range(3):
        await worker._schedule()
    assert len(await waiting(work, "test.schedule")) == 1
    await worker.drain()
    assert await effects(work) == [0]
    (job,) = await waiting(work, "test.schedule")
    assert timedelta(minutes=59) < job["run_at"] - now() <= timedelta(hours=1)
    clock.shift(timedelta(hours=1, seconds=1))
    wishes.append(now() + timedelta(minutes=10))
    await worker.drain()
    clock.shift(timedelta(minutes=10, seconds=1))
    wishes.append(now() + timedelta(days=10))
    await worker.drain()
    clock.shift(timedelta(hours=1, seconds=1))
    wishes.append(now() - timedelta(days=1))  # at once, but not in a circle
    assert await worker.drain() < 50
    assert await effects(work) == [0, 1, 2, 3]


async def test_a_schedule_that_fails_never_dies(work: Database, worker: Worker, clock: time_machine.Traveller) -> None:
    @task("test.schedule", every=timedelta(hours=1))
    async def schedule(db: Write, _: dict[str, Any]) -> datetime | None:
        raise ValueError("again")

    await worker._schedule()
    for _ in range(MOST_CLAIMS + 2):
        await worker.drain()
        clock.shift(timedelta(hours=8))
    (job,) = await waiting(work, "test.schedule")
    assert (job["dead_at"], "again" in job["last_error"]) == (None, True)


async def test_work_outside_happens_at_least_once(
    work: Database, worker: Worker, clock: time_machine.Traveller
) -> None:
    sent: list[int] = []

    @external_task("test.mail")
    async def mail(_: Database, payload: dict[str, Any]) -> None:
        sent.append(payload["number"])
        if len(sent) == 1:
            raise Unavailable

    await add(work, 7, name="test.mail")
    await worker.drain()
    clock.shift(jobs.LEASE + timedelta(seconds=1))
    await worker.drain()
    assert (sent, await waiting(work)) == ([7, 7], [])


@asynccontextmanager
async def running(settings: Settings, workers: int) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Workers, each with pools of its own, as processes have."""
    homes = [Database(settings) for _ in range(workers)]
    for home in homes:
        await home.start()
    tasks = [asyncio.create_task(Worker(home).run()) for home in homes]
    try:
        yield tasks
    finally:
        for each in tasks:
            each.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for home in homes:
            await home.stop()
    assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}


async def test_two_workers_share_two_hundred_jobs_and_each_is_done_once(work: Database, settings: Settings) -> None:
    async with running(settings, 2):
        for start in range(0, 200, 50):
            await add(work, *range(start, start + 50))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await waiting(work, "test.effect"):
                await asyncio.sleep(0.05)
    assert await effects(work) == list(range(200))


async def test_who_is_told_to_stop_hands_back_what_is_not_done(
    work: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "STOP_SECONDS", 0.2)
    started = asyncio.Event()

    @external_task("test.long")
    async def long(_: Database, payload: dict[str, Any]) -> None:
        started.set()
        await asyncio.sleep(60)

    await add(work, 1, name="test.long")
    async with running(settings, 1), asyncio.timeout(PATIENCE_SECONDS):
        await started.wait()
    (job,) = await waiting(work, "test.long")
    assert job["attempts"] == 0
    assert job["run_at"] <= now()
    assert job["last_error"] is None


async def test_who_is_told_to_stop_finishes_what_is_nearly_done(
    work: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "STOP_SECONDS", PATIENCE_SECONDS)
    started = asyncio.Event()

    @task("test.short")
    async def short(db: Write, payload: dict[str, Any]) -> datetime | None:
        started.set()
        await asyncio.sleep(0.3)
        await db.execute(sa.insert(EFFECTS).values(number=1, kind="first"))
        await db.execute(sa.insert(EFFECTS).values(number=1, kind="second"))
        return None

    await add(work, 1, name="test.short")
    async with running(settings, 1), asyncio.timeout(PATIENCE_SECONDS):
        await started.wait()
    assert (await effects(work), await waiting(work, "test.short")) == ([1], [])


async def test_a_long_job_keeps_its_lease(work: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    end = asyncio.Event()

    @external_task("test.long")
    async def long(_: Database, payload: dict[str, Any]) -> None:
        runs.append(1)
        await end.wait()

    async def is_leased() -> bool:
        (job,) = await waiting(work, "test.long")
        return bool(job["run_at"] == now() + jobs.LEASE)

    async def is_done() -> bool:
        return not await waiting(work, "test.long")

    monkeypatch.setattr(jobs, "POLL_SECONDS", 0.05)
    with time_machine.travel(now(), tick=False) as clock:
        await add(work, 1, name="test.long")
        async with running(settings, 2):
            for _ in range(6):
                await until(is_leased)
                clock.shift(0.6 * jobs.LEASE)
            end.set()
            await until(is_done)
    assert runs == [1]


async def test_what_hangs_outside_keeps_nothing_else_waiting(work: Database, settings: Settings) -> None:
    hung: list[int] = []
    end = asyncio.Event()

    @external_task("test.outside")
    async def outside(_: Database, payload: dict[str, Any]) -> None:
        hung.append(payload["number"])
        await end.wait()

    await add(work, *range(20), name="test.outside")
    await add(work, *range(100, 110))
    async with running(settings, 1), asyncio.timeout(PATIENCE_SECONDS):
        while len(await effects(work)) < 10:
            await asyncio.sleep(0.05)
        assert len(hung) == 2, "half of what a worker does at a time"
        end.set()
        while await waiting(work, "test.outside"):
            await asyncio.sleep(0.05)
    assert sorted(hung) == list(range(20))


async def test_a_worker_survives_whatever_goes_wrong(
    work: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here: the table of jobs is missing for a while."""
    turn, stumbled = Worker._turn, list[BaseException]()

    async def noted(worker: Worker) -> None:
        try:
            await turn(worker)
        except Exception as error:
            stumbled.append(error)
            raise

    monkeypatch.setattr(Worker, "_turn", noted)
    async with running(settings, 1) as tasks:
        async with work.write() as db:
            await db.execute(sa.text("ALTER TABLE jobs RENAME TO hidden"))
        await until(lambda: len(stumbled) >= 2, "it goes wrong again and again")
        assert not tasks[0].done()
        async with work.write() as db:
            await db.execute(sa.text("ALTER TABLE hidden RENAME TO jobs"))
        await add(work, 1)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await effects(work) != [1]:
                await asyncio.sleep(0.1)
