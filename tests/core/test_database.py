"""Which errors of a database pass by themselves, and what is refused before it is sent."""

import asyncio
import time
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

from mentorq.core.database import Database, UTCDateTime, faults, until_available
from mentorq.core.errors import Unavailable
from mentorq.tags.models import TagRow
from tests.support.databases import settings_for
from tests.support.patience import PATIENCE_SECONDS
from tests.support.servers import free_port

pytestmark = pytest.mark.anyio


def asyncpg_error(sqlstate: str) -> asyncpg.PostgresError:
    """What the driver raises for this SQLSTATE."""
    error: asyncpg.PostgresError = asyncpg.PostgresError.new({"C": sqlstate, "M": "no"})
    return error


@pytest.mark.parametrize("sqlstate", ["08006", "25006", "40001", "40P01", "53300", "55P03", "57014", "57P01", "58030"])
def test_what_says_nothing_about_the_statement_is_unavailable(sqlstate: str) -> None:
    with pytest.raises(Unavailable), faults():
        raise asyncpg_error(sqlstate)


@pytest.mark.parametrize("sqlstate", ["22012", "23505", "42601", "42P01"])
def test_a_mistake_of_ours_stays_what_it_is(sqlstate: str) -> None:
    error = asyncpg_error(sqlstate)
    with pytest.raises(asyncpg.PostgresError) as raised, faults():
        raise error
    assert raised.value is error


@pytest.mark.parametrize("error", [OSError("gone"), TimeoutError(), asyncpg.InterfaceError("closed")])
def test_a_database_that_cannot_be_reached_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable), faults():
        raise error


async def test_a_value_that_the_driver_cannot_send_is_a_mistake_of_ours(postgres_url: str, tmp_path: Path) -> None:
    database = Database(settings_for(postgres_url, tmp_path))
    await database.start()
    statement = sa.select(sa.literal(1) + sa.bindparam("number", type_=sa.BigInteger))
    try:
        async with database.read() as db:
            with pytest.raises(asyncpg.DataError):
                await db.fetch(statement, number="seven")
            with pytest.raises(sa.exc.DBAPIError):
                await db.rows(statement, {"number": "seven"})
        async with database.read() as db:
            assert await db.fetch(statement, number=6) == [{"anon_1": 7}]
    finally:
        await database.stop()


async def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    naive = sa.select(sa.literal(datetime(2030, 1, 1), UTCDateTime()))  # noqa: DTZ001
    async with database.read() as db:
        with pytest.raises(sa.exc.StatementError, match="which zone"):
            await db.scalar(naive)


async def test_a_transaction_says_whether_it_has_begun(database: Database) -> None:
    async with database.write() as db:
        assert not db.has_begun
        await db.scalars(sa.select(TagRow.name))
        assert db.has_begun


async def test_who_waits_for_a_database_waits_no_longer_than_told(tmp_path: Path) -> None:
    nowhere = Database(settings_for(f"postgresql://nobody@127.0.0.1:{free_port()}/none", tmp_path))
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(Unavailable):
            await until_available(nowhere, 1)
    assert time.monotonic() - began >= 1
    await nowhere.stop()
