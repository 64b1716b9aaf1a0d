"""Draft a migration: what the models have and the newest migration has not. Read it before you commit it."""

import asyncio
import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic import command

from mentorq import migrations
from mentorq.core.database import Database
from mentorq.migrations import steps
from tests.support.databases import settings_for
from tests.support.servers import postgresql


async def draft(url: str, home: Path, message: str) -> None:
    """Compare on a PostgreSQL, which can show all that we use."""
    database = Database(settings_for(url, home))
    await migrations.upgrade(database)
    number = f"{int(migrations.newest()) + 1:04}"

    def revise(connection: sa.Connection) -> None:
        command.revision(steps.configuration(connection), message=message, autogenerate=True, rev_id=number)

    async with database.engine.begin() as connection:
        await connection.run_sync(revise)
    await database.stop()


def main() -> None:
    """Take the name from the command line."""
    if len(sys.argv) != 2 or not sys.argv[1].strip():
        sys.exit('Say what it does: make migration NAME="add avatars"')
    with tempfile.TemporaryDirectory() as home, postgresql() as server:
        asyncio.run(draft(server, Path(home), sys.argv[1]))


if __name__ == "__main__":
    main()
