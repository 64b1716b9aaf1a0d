"""What Alembic does, on a connection that is given to it."""

from importlib import resources
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from mentorq.core.database import Base
from mentorq.migrations import tables

ALL_TABLES = tables
FULL_TEXT = "article_words"


def configuration(connection: sa.Connection) -> Config:
    """Alembic's settings, for work on `connection`."""
    config = Config()
    config.set_main_option("script_location", str(Path(str(resources.files(__package__)))))
    config.attributes["connection"] = connection
    return config


def up(connection: sa.Connection, target: str) -> None:
    """Migrate up to `target`."""
    command.upgrade(configuration(connection), target)


def down(connection: sa.Connection, target: str) -> None:
    """Migrate down to `target`."""
    command.downgrade(configuration(connection), target)


def differences(connection: sa.Connection) -> list[object]:
    """What models and database do not agree on."""
    found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    if connection.dialect.name == "sqlite":
        found = [difference for difference in found if not _is_beyond_sqlite(difference)]
    return list(found)


def _is_beyond_sqlite(difference: Any) -> bool:
    """What is compared on PostgreSQL only: SQLite cannot show an index on an expression as what it is, has no GIN
    index, and shows a full-text index as tables of its own."""
    beyond = {
        index.name
        for table in Base.metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["postgresql"]["using"] == "gin"
        or not all(isinstance(part, sa.Column) for part in index.expressions)
    }
    name = str(getattr(difference[1], "name", "")) if isinstance(difference, tuple) else ""
    return name in beyond or name.startswith(FULL_TEXT)
