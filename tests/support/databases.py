"""A database for each test: a copy of a template that is migrated once for each process that runs tests."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import asyncpg

from mentorq.core.database import Database
from mentorq.migrations import upgrade
from mentorq.settings import Settings

SECRET = "J7wq-Vd3kz_P0eNf8yRb5cXh2uMg9tLa4iSo"


def settings_for(url: str, data_dir: Path, **changes: Any) -> Settings:
    """Settings of a small installation for tests: cheap hashes, no limits, no worker that nobody asked for."""
    usual: dict[str, Any] = {
        "database_url": url,
        "mentorq_data_dir": data_dir,
        "secret_key": SECRET,
        "bcrypt_rounds": 4,
        "rate_limits": False,
        "embedded_worker": False,
        "log_level": "error",
    }
    return Settings(_env_file=None, **(usual | changes))


async def _migrate(settings: Settings) -> None:
    database = Database(settings)
    await upgrade(database)
    await database.stop()


class SQLiteTemplate:
    """Copies of a file."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.file = home / "template.db"
        asyncio.run(_migrate(settings_for(f"sqlite:///{self.file}", home)))

    @contextmanager
    def copy(self) -> Iterator[str]:
        """The URL of a fresh database."""
        file = self.home / f"{token_hex(6)}.db"
        shutil.copyfile(self.file, file)
        yield f"sqlite:///{file}"
        for left in self.home.glob(f"{file.name}*"):
            left.unlink()


class PostgreSQLTemplate:
    """Copies of a database on a server."""

    def __init__(self, server_url: str, home: Path) -> None:
        self.server_url = server_url
        self.name = f"template_{token_hex(4)}"
        self._run(f"CREATE DATABASE {self.name}")
        asyncio.run(_migrate(settings_for(self.url_of(self.name), home)))

    def url_of(self, name: str) -> str:
        """The URL of a database on the server."""
        return f"{self.server_url.rpartition('/')[0]}/{name}"

    def _run(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.server_url)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        asyncio.run(run())

    @contextmanager
    def copy(self, *, empty: bool = False) -> Iterator[str]:
        """The URL of a fresh database, migrated or `empty`."""
        name = f"test_{token_hex(6)}"
        self._run(f"CREATE DATABASE {name}" + ("" if empty else f" TEMPLATE {self.name} STRATEGY FILE_COPY"))
        yield self.url_of(name)
        self._run(f"DROP DATABASE {name} WITH (FORCE)")
