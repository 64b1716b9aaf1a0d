"""How Alembic runs: on the connection that it is given, in the transaction that is open on it."""

from typing import Any, Literal

from alembic import context

from mentorq.core import database
from mentorq.migrations import tables

NAMED_TYPES = ("Id", "Json", "JsonOrNull")


def render(kind: str, item: Any, _: object) -> str | Literal[False]:
    """Write our own types by their names."""
    if kind != "type":
        return False
    if isinstance(item, database.UTCDateTime):
        return "UTCDateTime()"
    for name in NAMED_TYPES:
        if item is getattr(database, name) or repr(item) == repr(getattr(database, name)):
            return name
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=tables.METADATA,
    render_item=render,
    transaction_per_migration=False,
)
context.run_migrations()
