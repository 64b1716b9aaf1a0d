"""The transactional queue: a job exists if and only if the transaction that asked for it committed.

A worker claims a job by moving its `run_at` behind a lease; if it dies, the job is due again when the lease has run
out. The number of attempts is the fencing token: only the latest claim may complete a job. A transactional task runs
in one transaction with its completion, so its effects in the database happen exactly once; other tasks (mail) happen
at least once.
"""

import asyncio
import contextlib
import random
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.clock import now
from mentorq.core.database import Base, Database, Id, Json, Row, UTCDateTime, Write, only_where
from mentorq.core.errors import Unavailable
from mentorq.core.telemetry import JOB_FAILURES, JOB_LAG, JOB_SECONDS

Statement = TypeVar("Statement", sa.Update, sa.Delete)

log = structlog.get_logger(__name__)

CHANNEL = "jobs"
LEASE = timedelta(seconds=30)
POLL_SECONDS = 1.0
MAX_ATTEMPTS = 8
MOST_CLAIMS = 3 * MAX_ATTEMPTS
FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 6 * 3600.0
STOP_SECONDS = 10.0


class JobRow(Base):
    """One thing to do. Done jobs are deleted; dead ones stay until somebody looks."""

    __tablename__ = "jobs"
    __table_args__ = (
        sa.Index("ix_jobs_due", "run_at", **only_where("dead_at IS NULL")),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, sa.Identity(), primary_key=True)
    task: Mapped[str] = mapped_column(sa.String(100))
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    unique_key: Mapped[str | None] = mapped_column(sa.String(120), unique=True)
    run_at: Mapped[datetime] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
    last_error: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    dead_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


Transactional = Callable[[Write, dict[str, Any]], Awaitable[datetime | None]]
External = Callable[[Database, dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Task:
    """What a job's name stands for. `every` makes it a schedule: one job that comes back."""

    name: str
    run: Transactional | External
    transactional: bool
    every: timedelta | None = None


_tasks: dict[str, Task] = {}


def task(name: str, *, every: timedelta | None = None) -> Callable[[Transactional], Transactional]:
    """Register work that only touches the database: it commits together with the job's completion.

    A scheduled task may return when it wants to run next, at the latest after `every`.
    """

    def register(run: Transactional) -> Transactional:
        _tasks[name] = Task(name, run, transactional=True, every=every)
        return run

    return register


def external_task(name: str) -> Callable[[External], External]:
    """Register work that reaches outside (mail, HTTP): at least once, outside of any transaction."""

    def register(run: External) -> External:
        _tasks[name] = Task(name, run, transactional=False)
        return run

    return register


async def enqueue(
    db: Write,
    jobs: Sequence[tuple[str, dict[str, Any]]],
    *,
    run_at: datetime | None = None,
    unique_key: str | None = None,
) -> None:
    """Add jobs `(task, payload)` to the caller's transaction. A `unique_key` that waits already is not added again."""
    created = now()
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    rows = [
        {
            "task": name,
            "payload": payload,
            "unique_key": unique_key,
            "run_at": run_at or created,
            "attempts": 0,
            "request_id": request_id,
            "created_at": created,
        }
        for name, payload in jobs
    ]
    if rows:
        await db.execute(db.insert(JobRow).values(rows).on_conflict_do_nothing())
        db.after_commit(lambda: db.database.bus.publish(CHANNEL, "due"))


async def retry_dead(db: Write) -> int:
    """Let dead jobs run again; returns how many."""
    revived = await db.execute(
        sa.update(JobRow).where(JobRow.dead_at.is_not(None)).values(dead_at=None, attempts=0, run_at=now())
    )
    return revived.rowcount


def retry_delay(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: longer each time, and never just as long as others wait."""
    seconds = min(FIRST_RETRY_SECONDS * 4 ** (attempts - 1), LONGEST_RETRY_SECONDS)
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))


class LeaseLost(Exception):
    """Another worker has the job by now; what this one did is rolled back."""


class Worker:
    """Takes due jobs and does them, some at a time. A mail server that hangs never keeps all other work waiting."""

    def __init__(self, database: Database, *, concurrency: int = 4) -> None:
        self.database = database
        self.concurrency = concurrency
        self._wake = asyncio.Event()
        self._running: dict[int, tuple[Row, asyncio.Task[None]]] = {}
        self._stopping = False
        database.bus.listen(CHANNEL, lambda _: self._wake.set())

    async def run(self) -> None:
        """Work until cancelled. Then unfinished jobs get a moment, and are handed back after it."""
        try:
            while True:
                try:
                    await self._turn()
                except Unavailable:
                    log.warning("worker waits for the database")
                except Exception:  # whatever it is, a worker that is gone would be worse
                    log.exception("worker stumbled")
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await self._stop()

    async def _turn(self) -> None:
        await self._schedule()
        while True:
            self._wake.clear()
            claimed = await self.claim(self.concurrency - len(self._running))
            for job in claimed:
                self._start(job)
            await self._renew()
            if not claimed:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS * random.uniform(0.8, 1.2)):
                        await self._wake.wait()

    async def drain(self) -> int:
        """Do all that is due now, one after the other; returns how many jobs that were."""
        done = 0
        while claimed := await self.claim(1):
            await self._do(claimed[0])
            done += 1
        return done

    async def claim(self, limit: int) -> list[Row]:
        """Take up to `limit` due jobs; no other worker gets them while the lease lasts."""
        if limit <= 0:
            return []
        due = (
            sa.select(JobRow.id, JobRow.run_at, JobRow.task)
            .where(JobRow.dead_at.is_(None), JobRow.run_at <= now())
            .order_by(JobRow.run_at)
        )
        room = self._room_outside()
        if room <= 0:
            due = due.where(JobRow.task.not_in([name for name in _tasks if _reaches_outside(name)]))
        async with self.database.read() as db:  # so that an idle worker never takes the write lock
            if await db.scalar(due.limit(1)) is None:
                return []
        async with self.database.write() as db:
            found = _at_most_outside(room, await db.rows(due.limit(limit).with_for_update(skip_locked=True)))
            jobs = await db.rows(
                sa.update(JobRow)
                .where(JobRow.id.in_([job["id"] for job in found]))
                .values(run_at=now() + LEASE, attempts=JobRow.attempts + 1)
                .returning(JobRow)
            )
        for job in found:
            JOB_LAG.observe((now() - job["run_at"]).total_seconds())
        return sorted(jobs, key=lambda job: cast("int", job["id"]))

    def _room_outside(self) -> int:
        """How many more jobs may reach outside: at most half of all at a time, since those may hang."""
        outside = sum(1 for job, _ in self._running.values() if _reaches_outside(job["task"]))
        return max(1, self.concurrency // 2) - outside

    async def _schedule(self) -> None:
        async with self.database.write() as db:
            for known in _tasks.values():
                if known.every is not None:
                    await enqueue(db, [(known.name, {})], unique_key=known.name)

    def _start(self, job: Row) -> None:
        work = asyncio.create_task(self._do(job), name=f"job {job['task']}")
        self._running[job["id"]] = job, work
        work.add_done_callback(lambda _: self._finished(job["id"]))

    def _finished(self, job_id: int) -> None:
        self._running.pop(job_id, None)
        self._wake.set()

    async def _renew(self) -> None:
        """Keep the leases of jobs that take long."""
        late = [job for job, _ in self._running.values() if job["run_at"] - now() < LEASE / 2]
        if not late:
            return
        async with self.database.write() as db:
            for job in late:
                job["run_at"] = now() + LEASE
                await db.execute(_mine(sa.update(JobRow), job).values(run_at=job["run_at"]))

    async def _stop(self) -> None:
        working = [work for _, work in self._running.values()]
        if working:
            await asyncio.wait(working, timeout=STOP_SECONDS)
        left = list(self._running.values())
        for job, work in left:
            work.cancel()
            await asyncio.wait([work])
            with contextlib.suppress(Unavailable):  # then the lease hands it back
                async with self.database.write() as db:
                    await db.execute(_mine(sa.update(JobRow), job).values(run_at=now(), attempts=JobRow.attempts - 1))

    async def _do(self, job: Row) -> None:
        started = time.monotonic()
        with structlog.contextvars.bound_contextvars(job=job["task"], request_id=job["request_id"]):
            try:
                await self._attempt(job)
            except (LeaseLost, Unavailable) as error:
                log.warning("job will be tried again", error=type(error).__name__)
            except Exception as error:  # noqa: BLE001 (whatever a task raises is noted down, and tried again)
                await self._failed(job, error)
        JOB_SECONDS.labels(job["task"]).observe(time.monotonic() - started)

    async def _attempt(self, job: Row) -> None:
        known = _tasks.get(job["task"])
        if known is None:
            raise LookupError(f"no task is called {job['task']!r}")
        if job["attempts"] > MOST_CLAIMS and known.every is None:
            raise RuntimeError("claimed again and again, and never heard of: it seems to kill its worker")
        if not known.transactional:
            await cast("External", known.run)(self.database, job["payload"])
            async with self.database.write() as db:
                await _complete(db, job, None)
            return
        async with self.database.write() as db:
            again = await cast("Transactional", known.run)(db, job["payload"])
            await _complete(db, job, _next_run(known, again))

    async def _failed(self, job: Row, error: Exception) -> None:
        JOB_FAILURES.labels(job["task"]).inc()
        known = _tasks.get(job["task"])
        dead = job["attempts"] >= MAX_ATTEMPTS and not (known and known.every)
        log.error("job died" if dead else "job failed", attempts=job["attempts"], exc_info=error)
        report = "".join(traceback.format_exception(error))[-4000:].replace("\0", "").encode("utf-8", "replace")
        with contextlib.suppress(Unavailable):
            async with self.database.write() as db:
                await db.execute(
                    _mine(sa.update(JobRow), job).values(
                        last_error=report.decode(),
                        run_at=now() + retry_delay(job["attempts"]),
                        dead_at=now() if dead else None,
                    )
                )


def _reaches_outside(name: str) -> bool:
    return name in _tasks and not _tasks[name].transactional


def _at_most_outside(room: int, jobs: list[Row]) -> list[Row]:
    outside = [job["id"] for job in jobs if _reaches_outside(job["task"])]
    left_out = set(outside[max(0, room) :])
    return [job for job in jobs if job["id"] not in left_out]


def _next_run(known: Task, wish: datetime | None) -> datetime | None:
    if known.every is None:
        return wish
    latest = now() + known.every
    return latest if wish is None else max(min(wish, latest), now() + timedelta(seconds=1))


async def _complete(db: Write, job: Row, again: datetime | None) -> None:
    ended = (
        _mine(sa.delete(JobRow), job)
        if again is None
        else _mine(sa.update(JobRow), job).values(run_at=again, attempts=0, last_error=None)
    )
    if (await db.execute(ended)).rowcount == 0:
        raise LeaseLost


def _mine(statement: Statement, job: Row) -> Statement:
    """Only while no later claim has been made: the fencing token."""
    return statement.where(JobRow.id == job["id"], JobRow.attempts == job["attempts"])
