"""Many rows at once: PostgreSQL's COPY, SQLite's executemany, inside the caller's transaction.

Rows are tuples in the order of `columns`. Nothing is filled in by defaults of Python: every column that the database
does not fill itself is named. A JSON column takes lists and dictionaries, or text that is JSON already.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa

from mentorq.core.database import Base, UTCDateTime, Write, faults

AT_ONCE = 5_000
STAGE = "staged_rows"

T = TypeVar("T")
Rows = Iterable[Sequence[Any]]
Encoder = Callable[[Any], Any]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut into lists of `size`."""
    source = iter(items)
    while part := list(islice(source, size)):
        yield part


async def insert(db: Write, model: type[Base], columns: Sequence[str], rows: Rows) -> None:
    """Insert rows that are not there yet."""
    table = _table(model)
    driver = await db.driver_connection()
    encoded = _encoded(table, columns, rows, db.dialect)
    with faults():
        if db.dialect == "postgresql":
            await driver.copy_records_to_table(table.name, records=encoded, columns=list(columns))
        else:
            await driver.executemany(f"INSERT INTO {_target(table, columns)} VALUES ({_marks(columns)})", encoded)  # noqa: S608


async def add_up(
    db: Write, model: type[Base], key: Sequence[str], sums: Sequence[str], rows: Rows, zeros: Sequence[str] = ()
) -> None:
    """Insert rows of `key` and `sums`, or add the sums to those that are there.

    Sorted by key, so that two who do this at once never wait for each other in a circle. New rows have 0 in `zeros`.
    """
    table = _table(model)
    ordered = sorted(rows, key=lambda row: tuple(row[: len(key)]))
    columns = [*key, *sums]
    if not ordered:
        return
    adding = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in sums)
    into = f"INSERT INTO {_target(table, [*columns, *zeros])}"
    conflict = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {adding}"
    nothing = "".join(", 0" for _ in zeros)
    driver = await db.driver_connection()
    with faults():
        if db.dialect == "postgresql":
            await _stage(driver, table, columns, _encoded(table, columns, ordered, db.dialect))
            source = f"SELECT {', '.join(columns)}{nothing} FROM {STAGE} ORDER BY {', '.join(key)}"  # noqa: S608
            await driver.execute(f"{into} {source} {conflict}")
        else:
            await driver.executemany(f"{into} VALUES ({_marks(columns)}{nothing}) {conflict}", ordered)


async def change(db: Write, model: type[Base], key: str, columns: Sequence[str], rows: Rows) -> None:
    """Set `columns` of the rows with these keys; each row is the key and the new values."""
    table = _table(model)
    names = [key, *columns]
    encoded = list(_encoded(table, names, rows, db.dialect))
    if not encoded:
        return
    driver = await db.driver_connection()
    with faults():
        if db.dialect == "postgresql":
            await _stage(driver, table, names, encoded)
            values = ", ".join(f"{name} = {STAGE}.{name}" for name in columns)
            await driver.execute(
                f"UPDATE {table.name} SET {values} FROM {STAGE} WHERE {table.name}.{key} = {STAGE}.{key}"  # noqa: S608
            )
        else:
            values = ", ".join(f"{name} = ?" for name in columns)
            turned = ([*row[1:], row[0]] for row in encoded)
            await driver.executemany(f"UPDATE {table.name} SET {values} WHERE {key} = ?", turned)  # noqa: S608


async def reserve_ids(db: Write, model: type[Base], count: int) -> list[int]:
    """Ids that nobody else will get, in ascending order."""
    name = _table(model).name
    if db.dialect == "postgresql":
        drawn = sa.func.nextval(sa.func.pg_get_serial_sequence(name, "id")).label("id")
        return await db.scalars(sa.select(drawn).select_from(sa.func.generate_series(1, count)))
    last = await db.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name").bindparams(name=name)) or 0
    return list(range(last + 1, last + count + 1))


@asynccontextmanager
async def indexed_afterwards(db: Write, models: Iterable[type[Base]]) -> AsyncIterator[None]:
    """Fill empty tables without their indices and foreign keys, which are put back, and checked, at the end.

    That is several times faster on PostgreSQL, and nobody else sees the tables meanwhile. SQLite gains nothing by it.
    """
    names = [_table(model).name for model in models]
    parts = await _parts(db, names) if db.dialect == "postgresql" else []
    driver = await db.driver_connection()
    for drop, _ in parts:
        await driver.execute(drop)
    yield
    if parts:
        await driver.execute("SET LOCAL maintenance_work_mem = '128MB'")
    for _, restore in reversed(parts):
        await driver.execute(restore)


async def _parts(db: Write, tables: Sequence[str]) -> list[tuple[str, str]]:
    """Foreign keys, then indices that are no constraint: how to drop and how to restore each."""
    of_tables = {"tables": list(tables)}
    keys = await db.rows(
        sa.text(
            "SELECT conrelid::regclass::text AS on_table, conname AS name, pg_get_constraintdef(oid) AS definition"
            " FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text = ANY(:tables) ORDER BY conname"
        ),
        of_tables,
    )
    indices = await db.rows(
        sa.text(
            "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index"
            " WHERE indrelid::regclass::text = ANY(:tables)"
            " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) ORDER BY 1"
        ),
        of_tables,
    )
    return [
        (
            f"ALTER TABLE {key['on_table']} DROP CONSTRAINT {key['name']}",
            f"ALTER TABLE {key['on_table']} ADD CONSTRAINT {key['name']} {key['definition']}",
        )
        for key in keys
    ] + [(f"DROP INDEX {index['name']}", index["definition"]) for index in indices]


async def unhurried(db: Write) -> None:
    """Let this transaction's statements take their time; those of requests may not."""
    if db.dialect == "postgresql":
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            await db.execute(sa.text(f"SET LOCAL {limit} = 0"))


async def _stage(driver: Any, table: sa.Table, columns: Sequence[str], rows: Rows) -> None:
    """Put rows into a temporary table that has the types of the real one, and goes with the transaction."""
    await driver.execute(f"DROP TABLE IF EXISTS {STAGE}")
    names = ", ".join(columns)
    await driver.execute(
        f"CREATE TEMPORARY TABLE {STAGE} ON COMMIT DROP AS SELECT {names} FROM {table.name} WITH NO DATA"  # noqa: S608
    )
    await driver.copy_records_to_table(STAGE, records=rows, columns=list(columns))


def _table(model: type[Base]) -> sa.Table:
    table = model.__table__
    assert isinstance(table, sa.Table)
    return table


def _target(table: sa.Table, columns: Sequence[str]) -> str:
    return f"{table.name} ({', '.join(columns)})"


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))


def _encoded(table: sa.Table, columns: Sequence[str], rows: Rows, dialect: str) -> Rows:
    """Rows as the driver takes them: times and JSON as this database keeps them."""
    encoders = [(place, _encoder(table.c[name].type, dialect)) for place, name in enumerate(columns)]
    needed = [(place, encode) for place, encode in encoders if encode is not None]
    return _each(rows, needed) if needed else rows


def _each(rows: Rows, needed: Sequence[tuple[int, Encoder]]) -> Iterator[list[Any]]:
    for row in rows:
        changed = list(row)
        for place, encode in needed:
            if changed[place] is not None:
                changed[place] = encode(changed[place])
        yield changed


def _encoder(kind: sa.types.TypeEngine[Any], dialect: str) -> Encoder | None:
    if isinstance(kind, sa.JSON):
        return _json
    if isinstance(kind, UTCDateTime):
        return _text_of_time if dialect == "sqlite" else None
    return None


def _json(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _text_of_time(value: datetime) -> str:
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.replace(tzinfo=None).isoformat(" ", "microseconds")
