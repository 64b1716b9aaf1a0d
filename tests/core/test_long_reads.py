"""A read that takes too long is ended, in the database too."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from mentorq.core.database import Database, TookTooLong
from mentorq.settings import Settings
from tests.support.patience import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio

numbers = sa.select(sa.literal(1).label("n")).cte("numbers", recursive=True)
ENDLESS = sa.select(sa.func.count()).select_from(
    numbers.union_all(sa.select(numbers.c.n + 1).where(numbers.c.n < 10**9))
)
QUICK: sa.Select[tuple[int]] = sa.select(sa.literal(1).label("n"))


@pytest.fixture
async def started(settings: Settings) -> AsyncIterator[Database]:
    """A database with its pools open."""
    database = Database(settings)
    await database.start()
    yield database
    await database.stop()


async def test_it_is_ended_and_the_next_one_is_answered(started: Database) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), started.read() as db:
        with pytest.raises(TookTooLong):
            await db.fetch_within(0.2, ENDLESS)
    async with started.read() as db:
        assert await db.fetch_within(PATIENCE_SECONDS, QUICK) == [{"n": 1}]
        if not started.is_sqlite:
            active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%RECURSIVE numbers%'"

            async def is_ended() -> bool:
                return bool(await db.scalar(sa.text(f"{active} AND pid <> pg_backend_pid()")) == 0)

            await until(is_ended, "the database goes on")


async def test_a_quick_one_is_not(started: Database) -> None:
    async with started.read() as db:
        assert await db.fetch_within(PATIENCE_SECONDS, QUICK) == [{"n": 1}]
        assert await db.rows(QUICK) == [{"n": 1}]
        assert await db.fetch_within(PATIENCE_SECONDS, QUICK) == [{"n": 1}]
