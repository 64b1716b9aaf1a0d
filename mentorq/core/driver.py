"""Hot reads on PostgreSQL: statements written in SQLAlchemy, sent on the driver's own prepared statements."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

Connect = Callable[[], Awaitable[asyncpg.Connection]]


class Compiled:
    """A SELECT as the driver takes it: text, and the order of its parameters."""

    def __init__(self, statement: sa.Select[Any] | sa.CompoundSelect[Any]) -> None:
        compiled = statement.compile(dialect=asyncpg_dialect())  # type: ignore[no-untyped-call]
        if "__[POSTCOMPILE" in compiled.string:
            raise ValueError("a hot statement must not contain an expanding IN")
        self.text = compiled.string
        self.order = tuple(compiled.positiontup or ())
        self.defaults = compiled.params
        self.made_anew = {name: bind.callable for name, bind in compiled.binds.items() if bind.callable is not None}

    def arguments(self, given: Mapping[str, object]) -> list[object]:
        """The values of the parameters, in their order."""
        if self.made_anew:
            given = {name: make() for name, make in self.made_anew.items()} | dict(given)
        return [given[name] if name in given else self.defaults[name] for name in self.order]


class DriverPool:
    """Connections for single SELECTs, which leave nothing behind: so none has to be reset, nor waited for.

    The driver's own pool shields every return of a connection by a task; that is a third of what a short read costs.
    """

    def __init__(self, connect: Connect, size: int, patience: float) -> None:
        self._connect = connect
        self._patience = patience
        self._idle: list[asyncpg.Connection] = []
        self._free = asyncio.Semaphore(size)

    async def fetch(
        self, text: str, arguments: Sequence[object], within_seconds: float | None = None
    ) -> list[dict[str, Any]]:
        """All rows of a SELECT, as dictionaries by column name.

        Raises:
            TimeoutError: no connection became free, or the server does not answer, or not within so many seconds.
        """
        if self._free.locked():
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        else:
            await self._free.acquire()
        try:
            records = await self._send(text, arguments, within_seconds)
        finally:
            self._free.release()
        names = tuple(records[0].keys()) if records else ()
        return [dict(zip(names, record, strict=True)) for record in records]

    async def _send(self, text: str, arguments: Sequence[object], within_seconds: float | None) -> list[asyncpg.Record]:
        connection = await self._take()
        try:
            records: list[asyncpg.Record] = await connection.fetch(text, *arguments, timeout=within_seconds)
        except asyncpg.PostgresError:
            self._idle.append(connection)
            raise
        except TimeoutError:
            if within_seconds is None:
                connection.terminate()
            else:  # the driver has asked the server to end it
                self._idle.append(connection)
            raise
        except BaseException:  # timeout, cancellation: nobody knows what it is still busy with
            connection.terminate()
            raise
        self._idle.append(connection)
        return records

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await self._connect()

    def terminate(self) -> None:
        """Close what is idle; what is in use ends with its process."""
        while self._idle:
            self._idle.pop().terminate()
