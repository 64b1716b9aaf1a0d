"""`Idempotency-Key`: a POST that creates, sent again, gives the first answer again instead of a second thing.

The key's row is written first in the transaction that creates, and the answer last: both are there, or neither is.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa
from fastapi import Request, Response
from sqlalchemy.orm import Mapped, mapped_column

from mentorq.core.clock import now
from mentorq.core.database import Base, Id, Json, Row, UTCDateTime, Write
from mentorq.core.errors import DomainError, InvalidInput
from mentorq.core.jobs import task

HEADER = "idempotency-key"
KEPT = timedelta(hours=24)
LONGEST_KEY = 255
LONGEST_PATH = 300
REPLAYED_HEADERS = ("location", "etag")


class IdempotencyRow(Base):
    """One key of one user on one path, and the answer that it got."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(sa.String(LONGEST_PATH), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(LONGEST_KEY), primary_key=True)
    body_hash: Mapped[str] = mapped_column(sa.String(64))
    status: Mapped[int | None] = mapped_column(sa.Integer)
    headers: Mapped[dict[str, str] | None] = mapped_column(Json)
    body: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)


class KeyReused(InvalidInput):
    """The Idempotency-Key was used before, with another body."""

    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used before with another body. Use a new key for a new request."


class InFlight(DomainError):
    """The first request with this Idempotency-Key is still being answered."""

    status = 409
    code = "idempotency_in_flight"
    detail = "The first request with this Idempotency-Key is still being answered. Try again in a moment."


class Replay(Exception):
    """Not an error: the answer is known already, and the work is not done again."""

    def __init__(self, row: Row) -> None:
        self.row = row

    def response(self) -> Response:
        """The first answer, marked as a repetition."""
        headers = dict(self.row["headers"]) | {"Idempotent-Replayed": "true"}
        return Response(self.row["body"].encode(), self.row["status"], headers, media_type="application/json")


class IdempotencyKey:
    """The key of one request."""

    def __init__(self, request: Request, key: str) -> None:
        if not key.isascii() or not key.isprintable() or len(key) > LONGEST_KEY:
            raise InvalidInput.of("/Idempotency-Key", f"At most {LONGEST_KEY} printable ASCII characters.")
        self.request = request
        self.key = key

    @property
    def _identity(self) -> tuple[int, str, str]:
        return self.request.scope.get("viewer_id", 0), _short(self.request.url.path), self.key

    async def claim(self, db: Write) -> None:
        """Take the key, as the transaction's first act.

        Raises:
            Replay: it has been answered before.
            KeyReused: with another body.
            InFlight: it is being answered right now.
        """
        user_id, path, key = self._identity
        await self._lock(db)
        body_hash = hashlib.sha256(await self.request.body()).hexdigest()
        fresh = now()
        values = {"user_id": user_id, "path": path, "key": key, "body_hash": body_hash, "created_at": fresh}
        inserted = await db.scalar(
            db.insert(IdempotencyRow)
            .values(**values)
            .on_conflict_do_update(
                index_elements=["user_id", "path", "key"], set_=values, where=IdempotencyRow.created_at < fresh - KEPT
            )
            .returning(IdempotencyRow.key)
        )
        if inserted is None:
            self._answer(await db.row(self._mine(sa.select(IdempotencyRow))), body_hash)

    async def keep(self, db: Write, response: Response) -> None:
        """Store the answer, as the transaction's last act."""
        headers = {name: response.headers[name] for name in REPLAYED_HEADERS if name in response.headers}
        await db.execute(
            self._mine(sa.update(IdempotencyRow)).values(
                status=response.status_code, headers=headers, body=bytes(response.body).decode()
            )
        )

    async def _lock(self, db: Write) -> None:
        """PostgreSQL would wait for the first request to end; SQLite's write lock has waited already."""
        if db.dialect == "postgresql":
            name = orjson.dumps(self._identity).decode()
            if not await db.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(name, 0)))):
                raise InFlight

    def _answer(self, row: Row | None, body_hash: str) -> None:
        if row is None or row["status"] is None:
            raise InFlight
        if row["body_hash"] != body_hash:
            raise KeyReused(errors=[{"pointer": "/Idempotency-Key", "detail": KeyReused.detail}])
        raise Replay(row)

    def _mine(self, statement: Any) -> Any:
        user_id, path, key = self._identity
        return statement.where(
            IdempotencyRow.user_id == user_id, IdempotencyRow.path == path, IdempotencyRow.key == key
        )


def _short(path: str) -> str:
    """An id may be written with any number of leading zeros, a column has its width."""
    return path if len(path) <= LONGEST_PATH else hashlib.sha256(path.encode()).hexdigest()


def key_of(request: Request) -> IdempotencyKey | None:
    """The request's key, if it sent one."""
    key = request.headers.get(HEADER)
    return IdempotencyKey(request, key) if key else None


@task("core.idempotency.forget", every=timedelta(hours=1))
async def forget(db: Write, _: dict[str, Any]) -> datetime | None:
    """Delete keys that are no longer honoured."""
    await db.execute(sa.delete(IdempotencyRow).where(IdempotencyRow.created_at < now() - KEPT))
    return None
