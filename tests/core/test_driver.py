"""The pool of the driver's connections: taken and given back, never in an unknown state."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from mentorq.core.database import connect_postgresql
from mentorq.core.driver import DriverPool
from tests.support.patience import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio

WHO = "SELECT pg_backend_pid() AS pid"
SLEEP = "SELECT pg_sleep(600)"


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[DriverPool]:
    """A pool of two connections."""
    pool = DriverPool(lambda: connect_postgresql(postgres_url), 2, PATIENCE_SECONDS)
    yield pool
    pool.terminate()


async def until_asleep(url: str, number: int) -> None:
    """Wait until so many statements sleep in the database."""
    looks = await connect_postgresql(url)
    counted = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = '{SLEEP}'"

    async def are_asleep() -> bool:
        return bool(await looks.fetchval(f"{counted} AND state = 'active'") == number)

    await until(are_asleep)
    await looks.close()


async def pid(pool: DriverPool) -> int:
    (row,) = await pool.fetch(WHO, [])
    number: int = row["pid"]
    return number


async def test_a_connection_is_used_again(pool: DriverPool) -> None:
    assert await pid(pool) == await pid(pool)


async def test_no_more_than_its_size_are_open_at_once(pool: DriverPool) -> None:
    assert len({await row for row in asyncio.as_completed([pid(pool) for _ in range(40)])}) <= 2


async def test_who_gets_none_in_time_is_told(
    pool: DriverPool, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = [asyncio.create_task(pool.fetch(SLEEP, [])) for _ in range(2)]
    await until_asleep(postgres_url, 2)
    with monkeypatch.context() as patched:
        patched.setattr(pool, "_patience", 0.2)
        with pytest.raises(TimeoutError):
            await pid(pool)
    for task in busy:
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)
    assert await pid(pool)


async def test_after_a_refused_statement_the_connection_is_used_again(pool: DriverPool) -> None:
    before = await pid(pool)
    with pytest.raises(asyncpg.PostgresError):
        await pool.fetch("SELECT 1 / 0", [])
    assert await pid(pool) == before


async def test_after_a_cancelled_read_the_connection_is_not(pool: DriverPool, postgres_url: str) -> None:
    before = await pid(pool)
    reading = asyncio.create_task(pool.fetch(SLEEP, []))
    await until_asleep(postgres_url, 1)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await pid(pool) != before


async def test_a_connection_that_the_server_closed_is_replaced(pool: DriverPool, postgres_url: str) -> None:
    before = await pid(pool)
    other = await connect_postgresql(postgres_url)
    await other.execute(f"SELECT pg_terminate_backend({before}, 60_000)")
    await other.close()
    assert await pid(pool) != before
