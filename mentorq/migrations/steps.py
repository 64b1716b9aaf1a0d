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
        found = [difference for difference in found if not _is_about_expressions(difference)]
    return list(found)


def _is_about_expressions(difference: Any) -> bool:
    """SQLite cannot show an index on an expression as what it is; on PostgreSQL it is compared."""
    expressions = {
        index.name
        for table in Base.metadata.tables.values()
        for index in table.indexes
        if not all(isinstance(part, sa.Column) for part in index.expressions)
    }
    return isinstance(difference, tuple) and getattr(difference[1], "name", None) in expressions
