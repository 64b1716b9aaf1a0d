"""One history of the schema for both databases, and how an installation is brought along it.

Alembic is imported when there is something to migrate: a server at the newest revision saves the memory.
"""

from importlib import resources

import sqlalchemy as sa
import structlog

from mentorq.core.database import Database, until_available

log = structlog.get_logger(__name__)

MIGRATION_LOCK = 0x6D656E746F7271  # "mentorq"
WAIT_FOR_DATABASE_SECONDS = 30


class MigrationsPending(Exception):
    """The database has data and an older schema: whoever runs it decides when to change that."""


def revisions() -> list[str]:
    """All revisions that this version of MentorQ knows, oldest first: a migration's file begins with its number."""
    files = resources.files(__package__).joinpath("versions").iterdir()
    return sorted(file.name.partition("_")[0] for file in files if file.name[:4].isdigit())


def newest() -> str:
    """The revision that this version of MentorQ needs."""
    return revisions()[-1]


async def bring_up_to_date(database: Database) -> None:
    """Make an empty or embedded database's schema the newest one, under a lock; several processes may do so at once.

    Raises:
        MigrationsPending: it is PostgreSQL, has data, and pending migrations.
    """
    await until_available(database, WAIT_FOR_DATABASE_SECONDS)
    current = await revision(database)
    if current == newest():
        return
    if current is not None and current not in revisions():
        log.warning("the schema is of a newer version, which takes over: going on", revision=current)
        return
    if current is not None and not database.is_sqlite:
        raise MigrationsPending(f"The database is at revision {current}. Run `mentorq db upgrade`, then start again.")
    await upgrade(database)


async def upgrade(database: Database, target: str = "head") -> None:
    """Migrate up to `target`."""
    from mentorq.migrations import steps  # noqa: PLC0415

    async with database.engine.begin() as connection:
        if not database.is_sqlite:
            await connection.execute(sa.text("SET lock_timeout = 0"))
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        await connection.run_sync(steps.up, target)
    log.info("schema is up to date", revision=target)


async def downgrade(database: Database, target: str) -> None:
    """Migrate down to `target`."""
    from mentorq.migrations import steps  # noqa: PLC0415

    async with database.engine.begin() as connection:
        await connection.run_sync(steps.down, target)


async def revision(database: Database) -> str | None:
    """Where the database is; None where it is empty."""
    async with database.readers.connect() as connection:
        return await connection.run_sync(_revision)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


async def drift(database: Database) -> list[object]:
    """What differs between models and database."""
    from mentorq.migrations import steps  # noqa: PLC0415

    async with database.readers.connect() as connection:
        return await connection.run_sync(steps.differences)
