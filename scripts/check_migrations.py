"""Fail when the models and the migrated databases differ, on SQLite and on PostgreSQL."""

import asyncio
import sys
import tempfile
import warnings
from pathlib import Path

from mentorq.core.database import Database
from mentorq.migrations import drift, upgrade
from tests.support.databases import settings_for
from tests.support.servers import postgresql


async def differences(url: str, home: Path) -> list[object]:
    """What differs after all migrations on an empty database."""
    database = Database(settings_for(url, home))
    try:
        await upgrade(database)
        return await drift(database)
    finally:
        await database.stop()


def main() -> None:
    """Check both databases."""
    # SQLite cannot show indices on expressions; PostgreSQL compares them.
    warnings.filterwarnings("ignore", message="autogenerate skipping metadata-specified expression-based index")
    with tempfile.TemporaryDirectory() as home, postgresql() as server:
        for url in (f"sqlite:///{home}/check.db", server):
            found = asyncio.run(differences(url, Path(home)))
            kind = url.partition(":")[0]
            if found:
                print(f"{kind}: models and migrations differ. Draft a migration: make migration NAME=…")
                print(*found, sep="\n")
                sys.exit(1)
            print(f"{kind}: models and migrations agree")


if __name__ == "__main__":
    main()
