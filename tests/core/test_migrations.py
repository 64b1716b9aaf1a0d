"""The schema: from nothing and back on both databases, the same as the models, by many who start at once."""

import asyncio
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mentorq.core.database import Base, Database
from mentorq.main import create_app
from mentorq.migrations import MigrationsPending, bring_up_to_date, downgrade, drift, newest, revision, upgrade
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.people import Join, solve

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a database with nothing in it."""
    if request.param == "sqlite":
        return settings_for(f"sqlite:///{tmp_path / 'empty.db'}", tmp_path)
    return settings_for(request.getfixturevalue("postgres_url"), tmp_path)


@pytest.fixture
async def empty(empty_settings: Settings) -> AsyncIterator[Database]:
    """A database with nothing in it."""
    database = Database(empty_settings)
    yield database
    await database.stop()


async def tables(database: Database) -> set[str]:
    """The tables that there are."""
    async with database.readers.connect() as connection:
        names = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
    return {name for name in names if not name.startswith("sqlite_")}


async def test_from_nothing_to_the_newest_and_back(empty: Database) -> None:
    assert await revision(empty) is None
    await upgrade(empty)
    assert await revision(empty) == newest()
    assert set(Base.metadata.tables) <= await tables(empty)
    await downgrade(empty, "base")
    assert await tables(empty) == {"alembic_version"}
    await upgrade(empty)
    assert await drift_of(empty) == []


async def test_down_and_up_again_with_data_in_it(database: Database, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    await solve(ana, ben, close=True, tags=["python"])
    await ana.ask()
    await downgrade(database, "base")
    assert await tables(database) == {"alembic_version"}
    await upgrade(database)
    assert set(Base.metadata.tables) <= await tables(database)


async def drift_of(database: Database) -> list[object]:
    """What differs; SQLite cannot tell an index on an expression from none, and says so."""
    with warnings.catch_warnings():
        if database.is_sqlite:
            warnings.filterwarnings("ignore", message=".*expression-based index.*")
            warnings.filterwarnings("ignore", message=".*Skipped unsupported reflection.*")
        return await drift(database)


async def test_models_and_migrations_do_not_differ(database: Database) -> None:
    assert await drift_of(database) == []


async def test_a_difference_would_be_noticed(database: Database) -> None:
    async with database.write() as db:
        await db.execute(sa.text("ALTER TABLE tags ADD COLUMN surprise INTEGER"))
        await db.execute(sa.text("DROP INDEX ix_jobs_due"))
    assert len(await drift_of(database)) == 2


async def test_five_tasks_bring_it_up_at_once(empty_settings: Settings) -> None:
    databases = [Database(empty_settings) for _ in range(5)]
    try:
        await asyncio.gather(*(bring_up_to_date(each) for each in databases))
        assert {await revision(each) for each in databases} == {newest()}
    finally:
        for each in databases:
            await each.stop()


BRING_UP = """
import asyncio, sys
from mentorq.core.database import Database
from mentorq.migrations import bring_up_to_date
from mentorq.settings import load_settings
async def go():
    database = Database(load_settings())
    await bring_up_to_date(database)
    await database.stop()
asyncio.run(go())
"""


async def test_five_processes_bring_it_up_at_once(empty: Database, empty_settings: Settings, tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": empty_settings.database_url,
        "SECRET_KEY": empty_settings.secret_key,
        "MENTORQ_DATA_DIR": str(tmp_path),
    }
    processes = [
        subprocess.Popen([sys.executable, "-c", BRING_UP], env=environment, stderr=subprocess.PIPE, cwd=tmp_path)
        for _ in range(5)
    ]
    errors = [(await asyncio.to_thread(process.communicate))[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * 5, errors
    assert await revision(empty) == newest()


async def test_bringing_up_what_is_up_changes_nothing(database: Database) -> None:
    await bring_up_to_date(database)
    assert await revision(database) == newest()


async def at(database: Database, number: str) -> None:
    """Pretend that the database is at another revision."""
    async with database.write() as db:
        await db.execute(sa.text("UPDATE alembic_version SET version_num = :number"), {"number": number})


async def test_a_postgresql_with_data_is_changed_by_whoever_runs_it_only(postgres_url: str, tmp_path: Path) -> None:
    settings = settings_for(postgres_url, tmp_path)
    database = Database(settings)
    try:
        await upgrade(database, "0001")
        if newest() != "0001":
            with pytest.raises(MigrationsPending, match="mentorq db upgrade"):
                await bring_up_to_date(database)
            app = create_app(settings)
            with pytest.raises(MigrationsPending):
                async with app.router.lifespan_context(app):
                    pytest.fail("it started")
            await upgrade(database)
        await bring_up_to_date(database)
    finally:
        await database.stop()


async def test_this_version_runs_on_the_schema_of_the_next(database: Database) -> None:
    """Two versions run side by side while one takes over: the older one must still start."""
    await at(database, "9999_of_the_next_version")
    await bring_up_to_date(database)
    assert await revision(database) == "9999_of_the_next_version"
