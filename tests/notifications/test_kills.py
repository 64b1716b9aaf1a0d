"""Workers that are killed at any moment lose nothing and repeat nothing."""

import asyncio
import subprocess
import sys
from collections import Counter

import pytest
import sqlalchemy as sa

from mentorq.core.database import Database
from mentorq.core.jobs import JobRow
from mentorq.notifications.models import InboxRow, NotificationRow
from tests.support.life import ticket_in
from tests.support.patience import PATIENCE_SECONDS, until
from tests.support.people import Join

pytestmark = pytest.mark.anyio

KILLS = 60
OFFERED = 15  # a day's notices are limited


async def test_60_kills_lose_nothing_and_repeat_nothing(
    student: Join, mentor: Join, database: Database, database_url: str
) -> None:
    ana, bo = await student(), await mentor()
    helpers = [await mentor(skills=["python"]) for _ in range(5)]
    ticket = await ticket_in("assigned", ana, bo)
    command = [sys.executable, "-m", "tests.support.killed_workers", database_url, str(KILLS), "11"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as workers:
        assert workers.stdout is not None
        finished = asyncio.create_task(asyncio.to_thread(workers.stdout.readline))
        messages: list[str] = []
        offered: list[int] = []
        while not finished.done() or len(messages) <= KILLS:
            message = await bo.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Hello"})
            messages.append(f"message {message['id']}")
            if len(messages) % 5 == 0 and len(offered) < OFFERED:
                offered.append((await ana.ask())["id"])
            await asyncio.sleep(0.03)
        assert await finished == "killed\n"
        try:
            await _until_done(database)
        finally:
            workers.communicate("stop\n", timeout=PATIENCE_SECONDS)
    n = NotificationRow
    async with database.read() as db:
        told = await db.scalars(sa.select(n.key).where(n.user_id == ana.id, n.kind == "message_posted"))
        matching = await db.rows(sa.select(n.user_id, n.ticket_id).where(n.kind == "ticket_matching"))
        numbers = await db.scalars(sa.select(n.seq).where(n.user_id == ana.id).order_by(n.seq))
        last = await db.scalar(sa.select(InboxRow.last_seq).where(InboxRow.user_id == ana.id))
    assert Counter(told) == Counter(messages)
    assert Counter((row["user_id"], row["ticket_id"]) for row in matching) == Counter(
        (helper.id, ticket_id) for helper in helpers for ticket_id in offered
    )
    assert numbers[-1] <= last


async def _until_done(database: Database) -> None:
    """Until no job of an event is left."""
    waiting = sa.select(JobRow.id).where(JobRow.unique_key.is_(None), JobRow.task.not_like("%mail%")).limit(1)

    async def is_done() -> bool:
        async with database.read() as db:
            return await db.scalar(waiting) is None

    await until(is_done, "every job is done")
