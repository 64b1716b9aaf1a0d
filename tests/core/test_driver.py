"""The pool of the driver's connections: taken and given back, never in an unknown state."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from mentorq.core.database import connect_postgresql
from mentorq.core.driver import DriverPool

pytestmark = pytest.mark.anyio

WHO = "SELECT pg_backend_pid() AS pid"
SLEEP = "SELECT pg_sleep(30)"


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[DriverPool]:
    """A pool of two connections that waits half a second for one."""
    pool = DriverPool(lambda: connect_postgresql(postgres_url), 2, 0.5)
    yield pool
    pool.terminate()


async def pid(pool: DriverPool) -> int:
    (row,) = await pool.fetch(WHO, [])
    number: int = row["pid"]
    return number


async def test_a_connection_is_used_again(pool: DriverPool) -> None:
    assert await pid(pool) == await pid(pool)


async def test_no_more_than_its_size_are_open_at_once(pool: DriverPool) -> None:
    assert len({await row for row in asyncio.as_completed([pid(pool) for _ in range(40)])}) <= 2


async def test_who_gets_none_in_time_is_told(pool: DriverPool) -> None:
    busy = [asyncio.create_task(pool.fetch(SLEEP, [])) for _ in range(2)]
    await asyncio.sleep(0.2)
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


async def test_after_a_cancelled_read_the_connection_is_not(pool: DriverPool) -> None:
    before = await pid(pool)
    reading = asyncio.create_task(pool.fetch(SLEEP, []))
    await asyncio.sleep(0.2)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await pid(pool) != before


async def test_a_connection_that_the_server_closed_is_replaced(pool: DriverPool, postgres_url: str) -> None:
    before = await pid(pool)
    other = await connect_postgresql(postgres_url)
    await other.execute(f"SELECT pg_terminate_backend({before})")
    await other.close()
    await asyncio.sleep(0.2)
    assert await pid(pool) != before
