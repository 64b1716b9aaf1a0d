"""Engines, the two kinds of sessions (`Read` and `Write`), column types, and what differs between the databases.

A request has at most one of each. `Write` is one transaction (PostgreSQL READ COMMITTED, SQLite BEGIN IMMEDIATE);
whoever opened it commits, never a service. `Read` cannot see half of a transaction: it is autocommit on PostgreSQL
(no round trips for BEGIN and COMMIT) and a snapshot on SQLite. Both open their connection with the first statement,
not before.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import asyncpg
import orjson
import sqlalchemy as sa
import sqlalchemy.exc
import structlog
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

from mentorq.core.bus import Bus
from mentorq.core.clock import now, synchronise
from mentorq.core.driver import Compiled, DriverPool
from mentorq.core.errors import Unavailable
from mentorq.settings import Settings

log = structlog.get_logger(__name__)

POOL_WAIT_SECONDS = 5
COMMAND_SECONDS = 30
SQLITE_READERS = 4
PASSING_STATES = ("08", "25006", "40001", "40P01", "53", "55P03", "57", "58")
"""SQLSTATEs, or the classes they begin with, that say nothing about the statement: no connection, a standby, a
deadlock, a lock timeout, no room, an operator, the machine."""


class UTCDateTime(sa.types.TypeDecorator[datetime]):
    """A moment in UTC. Refuses naive values; SQLite, which keeps no zone, gives aware ones back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: which zone?")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JsonOrNull = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


class Base(DeclarativeBase):
    """Every table of MentorQ; names of constraints are the same on both databases."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UTCDateTime, int: Id, str: sa.Text}


def length_check(column: str, longest: int) -> sa.CheckConstraint:
    """The CHECK that keeps a text within its limit, also from writers that are not ours."""
    return sa.CheckConstraint(f"length({column}) <= {longest}", name=f"{column}_length")


def one_of(column: str, values: Sequence[str]) -> sa.CheckConstraint:
    """The CHECK of an enumeration that is stored as text."""
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(str(v)) for v in values)})", name=f"{column}_known")


def only_where(condition: str, on_sqlite: str | None = None) -> dict[str, Any]:
    """What makes an index a partial one. SQLite uses it only for the very condition that our statements have there."""
    return {"postgresql_where": sa.text(condition), "sqlite_where": sa.text(on_sqlite or condition)}


Row = dict[str, Any]
SelectStatement = sa.Select[*tuple[Any, ...]] | sa.CompoundSelect[*tuple[Any, ...]]


class TookTooLong(Unavailable):
    """A read was ended because it took longer than it may."""

    detail = "This took too long, and was ended. Nothing was changed; please ask for less at once."


class Read:
    """Reads of one request or job. See the module's text for what it isolates."""

    def __init__(self, database: "Database") -> None:
        self.database = database
        self.settings = database.settings
        self.statements = 0
        self._stack: AsyncExitStack | None = None
        self._connection: AsyncConnection | None = None

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.database.engine.dialect.name

    async def _open(self) -> AsyncConnection:
        return await self._connect(self.database.readers)

    async def _connect(self, engine: AsyncEngine) -> AsyncConnection:
        self._stack = AsyncExitStack()
        self._connection = await self._stack.enter_async_context(engine.connect())
        return self._connection

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """Send one statement.

        Raises:
            Unavailable: the database does not answer, or refused for a reason that passes.
        """
        self.statements += 1
        with faults():
            connection = self._connection or await self._open()
            return await connection.execute(statement, parameters)

    async def rows(self, statement: sa.Executable, parameters: Any = None) -> list[Row]:
        """All rows of a statement, as dictionaries by column name."""
        result = await self.execute(statement, parameters)
        names = tuple(result.keys())  # mappings() would ask every row for them
        return [dict(zip(names, row, strict=True)) for row in result]

    async def row(self, statement: sa.Executable, parameters: Any = None) -> Row | None:
        """The only row of a statement, or None."""
        found = (await self.execute(statement, parameters)).mappings().one_or_none()
        return dict(found) if found is not None else None

    async def scalar(self, statement: sa.Executable, parameters: Any = None) -> Any:
        """The first column of the first row, or None."""
        return (await self.execute(statement, parameters)).scalar()

    async def scalars(self, statement: sa.Executable, parameters: Any = None) -> list[Any]:
        """The first column of all rows."""
        return list((await self.execute(statement, parameters)).scalars())

    async def fetch(self, statement: SelectStatement, /, **parameters: object) -> list[Row]:
        """Rows of a hot statement: the same as `rows`, but on the driver itself where that pays.

        `statement` must be one object that lives on (a constant of its module, or kept by a cache): it is compiled
        once.
        """
        if self.database.driver_pool is None or self._connection is not None:
            return await self.rows(statement, parameters)
        self.statements += 1
        return await self.database.fetch_by_driver(statement, parameters)

    async def fetch_within(self, seconds: float, statement: SelectStatement, /, **parameters: object) -> list[Row]:
        """The same, of a statement that may take too long.

        Raises:
            TookTooLong: it did not end within so many seconds; the database works on it no longer.
        """
        if self.database.driver_pool is None or self._connection is not None:
            return await self._ended_after(seconds, statement, parameters)
        self.statements += 1
        return await self.database.fetch_by_driver(statement, parameters, seconds)

    async def _ended_after(self, seconds: float, statement: SelectStatement, parameters: Any) -> list[Row]:
        if self.dialect == "postgresql":
            try:
                async with asyncio.timeout(seconds):  # the driver asks the server to end it
                    return await self.rows(statement, parameters)
            except TimeoutError:
                raise TookTooLong from None
        interrupted = False

        async def interrupt() -> None:  # its thread cannot be left alone: the connection waits for it
            nonlocal interrupted
            await asyncio.sleep(seconds)
            interrupted = True
            await driver.interrupt()

        connection = self._connection or await self._open()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        timer = asyncio.create_task(interrupt())
        try:
            return await self.rows(statement, parameters)
        except Unavailable:
            if interrupted:
                raise TookTooLong from None
            raise
        finally:
            timer.cancel()

    def listed(self, statement: sa.Select[Any]) -> sa.ColumnElement[Any]:
        """The only column of a statement as one JSON list, in its order: a column of the statement around it."""
        rows = statement.subquery()
        gather = sa.func.jsonb_agg if self.dialect == "postgresql" else sa.func.json_group_array
        (column,) = rows.c
        nothing: sa.ColumnClause[Any] = sa.literal_column("'[]'::jsonb" if self.dialect == "postgresql" else "'[]'")
        gathered = sa.func.coalesce(gather(column), nothing, type_=Json)
        return sa.select(gathered).select_from(rows).scalar_subquery()

    async def close(self) -> None:
        """Give the connection back."""
        if self._stack is not None:
            await self._stack.aclose()
            self._stack = self._connection = None


class Write(Read):
    """One transaction. Reads through it see what it wrote.

    `reads` of the same request give their connection back before the transaction waits for one of its own: else
    requests that hold one and wait for another could use up the pool and wait for each other.
    """

    def __init__(
        self,
        database: "Database",
        on_begin: Callable[["Write"], Awaitable[None]] | None = None,
        reads: Read | None = None,
    ) -> None:
        super().__init__(database)
        self._on_begin = on_begin
        self._reads = reads
        self._afterwards: list[Callable[[], Awaitable[None]]] = []

    async def _open(self) -> AsyncConnection:
        if self._reads is not None:
            await self._reads.close()
        connection = await self._connect(self.database.engine)
        await connection.begin()
        if self._on_begin is not None:
            await self._on_begin(self)
        return connection

    async def driver_connection(self) -> Any:
        """The driver's own connection, inside this transaction: for what moves many rows. See `core.bulk`."""
        with faults():
            connection = self._connection or await self._open()
            if self.dialect == "postgresql":
                await connection.execute(sa.select(1))  # SQLAlchemy sends BEGIN with its first statement only
            return (await connection.get_raw_connection()).driver_connection

    @property
    def has_begun(self) -> bool:
        """Whether anything was asked of the database yet."""
        return self._connection is not None

    def insert(self, table: type[Base] | sa.FromClause) -> "sqlite.Insert":
        """INSERT that knows ON CONFLICT; both dialects' statements have the same methods."""
        target: Any = table
        build: Any = postgresql.insert if self.dialect == "postgresql" else sqlite.insert
        statement: sqlite.Insert = build(target)
        return statement

    def after_commit(self, act: Callable[[], Awaitable[None]]) -> None:
        """Call `act` once the transaction is on disk; never after a rollback."""
        self._afterwards.append(act)

    async def commit(self) -> None:
        """Make it last. Only whoever opened the transaction calls this."""
        if self._connection is not None:
            with faults():
                await self._connection.commit()
        await self.close()
        acts, self._afterwards = self._afterwards, []
        for act in acts:
            try:
                await act()
            except Exception:  # it is on disk: whoever asked for it must not be told that it failed
                log.exception("an act after the commit failed")


class Database:
    """The pools of one process."""

    def __init__(self, settings: Settings, bus: Bus | None = None) -> None:
        self.settings = settings
        self.bus = bus or Bus()
        self._compiled: WeakKeyDictionary[Any, Compiled] = WeakKeyDictionary()
        self.driver_pool: DriverPool | None = None
        if settings.is_sqlite:
            settings.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
            self.engine, self.readers = _sqlite_engines(settings)
        else:
            self.engine = _postgresql_engine(settings)
            self.readers = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is embedded."""
        return self.settings.is_sqlite

    async def start(self) -> None:
        """Open the pools. A PostgreSQL that does not answer yet is no error: requests get 503 until it does."""
        if not self.is_sqlite:
            self.driver_pool = DriverPool(self._connect_driver, self.settings.database_pool_size, POOL_WAIT_SECONDS)

    async def _connect_driver(self) -> asyncpg.Connection:
        connection = await connect_postgresql(
            self.settings.database_url, command_timeout=COMMAND_SECONDS, max_cached_statement_lifetime=0
        )
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_encode, decoder=orjson.loads)
        return connection

    async def stop(self) -> None:
        """Close the pools."""
        if self.driver_pool is not None:
            self.driver_pool.terminate()
        await self.readers.dispose()
        await self.engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Read]:
        """Reads that belong together."""
        session = Read(self)
        try:
            yield session
        finally:
            await session.close()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Write]:
        """One transaction: committed at the end of the block, rolled back by any exception."""
        session = Write(self)
        try:
            yield session
            await session.commit()
        finally:
            await session.close()

    async def fetch_by_driver(
        self, statement: Any, parameters: Mapping[str, object], within_seconds: float | None = None
    ) -> list[Row]:
        """`Read.fetch` on PostgreSQL: the driver's own prepared statement, without a layer between."""
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = Compiled(statement)
        assert self.driver_pool is not None
        with faults():
            try:
                return await self.driver_pool.fetch(compiled.text, compiled.arguments(parameters), within_seconds)
            except TimeoutError:
                if within_seconds is None:
                    raise
                raise TookTooLong from None

    async def follow_clock(self) -> None:
        """Correct deadlines to PostgreSQL's clock (SQLite has this machine's)."""
        if not self.is_sqlite:
            async with self.read() as db:
                synchronise(await db.scalar(sa.select(sa.func.clock_timestamp())))

    async def ping(self) -> None:
        """Raises `Unavailable` unless the database answers."""
        async with self.read() as db:
            await db.scalar(sa.select(1))


@contextmanager
def faults() -> Iterator[None]:
    """Turn what a missing, slow or overloaded database raises into `Unavailable`: 503, nothing was changed."""
    try:
        yield
    except (
        OSError,
        TimeoutError,
        sqlalchemy.exc.TimeoutError,
        sqlalchemy.exc.InterfaceError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    ) as error:
        if _refused_value(error):
            raise
        raise Unavailable from error
    except asyncpg.PostgresError as error:
        if _passes(error):
            raise Unavailable from error
        raise
    except sqlalchemy.exc.DBAPIError as error:
        if error.connection_invalidated or _passes(error.orig) or isinstance(error, sqlalchemy.exc.OperationalError):
            raise Unavailable from error
        raise


def _passes(error: object) -> bool:
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith(PASSING_STATES)


def _refused_value(error: BaseException) -> bool:
    """A value that the driver could not encode is a mistake of ours, not a fault that passes."""
    original = getattr(error, "orig", error)
    return isinstance(original, asyncpg.DataError) or isinstance(original.__cause__, asyncpg.DataError)


SERVER_SETTINGS = {
    "application_name": "mentorq",
    "timezone": "UTC",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
}


async def connect_postgresql(url: str, **options: float) -> asyncpg.Connection:
    """One connection of the driver, with the settings that every connection of ours has."""
    return await asyncpg.connect(url, server_settings=SERVER_SETTINGS, timeout=POOL_WAIT_SECONDS, **options)


def _encode(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _postgresql_engine(settings: Settings) -> AsyncEngine:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect_postgresql(settings.database_url),
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_SECONDS,
        pool_pre_ping=False,
        json_serializer=_encode,
        json_deserializer=orjson.loads,
        hide_parameters=True,
    )
    sa.event.listen(engine.sync_engine, "checkout", _replace_if_closed)
    return engine


def _replace_if_closed(connection: Any, _: ConnectionPoolEntry, __: object) -> None:
    """A connection that the server has closed is known to be: the pool opens another one, and no request notices."""
    if connection.driver_connection.is_closed():
        raise sqlalchemy.exc.DisconnectionError


def _sqlite_engines(settings: Settings) -> tuple[AsyncEngine, AsyncEngine]:
    """One writer, so that writers of this process queue up instead of spinning on the lock, and a few readers.

    The driver's own transactions are deferred, which loses updates between a read and a write: BEGIN is ours.
    """
    engines = []
    for begin, size in (("BEGIN IMMEDIATE", 1), ("BEGIN", SQLITE_READERS)):
        engine = create_async_engine(
            f"sqlite+aiosqlite:///{settings.sqlite_path}",
            pool_size=size,
            max_overflow=0,
            pool_timeout=2 * POOL_WAIT_SECONDS,
            poolclass=sa.AsyncAdaptedQueuePool,
            json_serializer=_encode,
            json_deserializer=orjson.loads,
            hide_parameters=True,
        )
        sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        sa.event.listen(engine.sync_engine, "begin", _beginner(begin))
        engines.append(engine)
    return engines[0], engines[1]


def _lower(value: str | None) -> str | None:
    return None if value is None else value.lower()


def _prepare_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows ASCII only
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=8000",
        "temp_store=MEMORY",
        "cache_size=-16000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _beginner(begin: str) -> Callable[[sa.Connection], None]:
    def start(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return start


async def until_available(database: Database, seconds: float) -> None:
    """Wait for a database that is just starting.

    Raises:
        Unavailable: it did not answer within `seconds`.
    """
    deadline = now().timestamp() + seconds
    while True:
        try:
            return await database.ping()
        except Unavailable:
            if now().timestamp() > deadline:
                raise
        await asyncio.sleep(0.5)
