"""Keyset pages: a cursor is the place after the last row, signed, and bound to the list it was made for."""

import base64
import binascii
import functools
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlencode

import orjson
import sqlalchemy as sa
from fastapi import Request, Response
from pydantic import BaseModel, Field

from mentorq.core.errors import InvalidInput
from mentorq.settings import Settings

MAC_BYTES = 12

T = TypeVar("T")
R = TypeVar("R")


class BadCursor(InvalidInput):
    """The cursor is not one of ours, or of another list."""

    code = "bad_cursor"
    detail = "This cursor was not made for this list. Start again without one."

    def __init__(self) -> None:
        super().__init__(errors=[{"pointer": "/cursor", "detail": self.detail}])


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last one.")


Key = str | int | float | bool | None | datetime


@dataclass(frozen=True)
class Keyset:
    """What a list needs to give one page: where it starts and how long it may be."""

    after: tuple[Any, ...] | None
    limit: int
    list_name: str
    secret: bytes

    def seal(self, *place: Key) -> str:
        """The cursor that continues after `place`."""
        body = orjson.dumps([_plain(value) for value in place])
        return base64.urlsafe_b64encode(_mac(self.secret, self.list_name, body) + body).decode().rstrip("=")

    def cut(self, rows: Sequence[R], place: Callable[[R], tuple[Key, ...]]) -> tuple[list[R], str | None]:
        """The page itself and its next cursor, out of up to `limit + 1` rows."""
        shown = list(rows[: self.limit])
        more = len(rows) > self.limit
        return shown, self.seal(*place(shown[-1])) if more else None


def keyset(settings: Settings, list_name: str, cursor: str | None, limit: int) -> Keyset:
    """Read a cursor. `list_name` names list, filters and viewer: a cursor of another list is refused.

    Raises:
        BadCursor: it was tampered with, or is of another list.
    """
    secret = _cursor_key(settings.secret_key)
    after = None if cursor is None else _open(secret, list_name, cursor)
    return Keyset(after, limit, list_name, secret)


@functools.lru_cache(maxsize=4)
def _cursor_key(secret_key: str) -> bytes:
    return hmac.digest(secret_key.encode(), b"cursor", "sha256")


def list_name(request: Request, viewer_id: int) -> str:
    """Path, filters and viewer of a request, but not its place in the list."""
    filters = sorted((k, v) for k, v in request.query_params.multi_items() if k not in ("cursor", "limit"))
    return orjson.dumps([request.scope["path"], viewer_id, filters]).decode()


def link_next(request: Request, response: Response, next_cursor: str | None) -> None:
    """Add the `Link` header that leads to the next page (RFC 8288)."""
    if next_cursor is not None:
        filters = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        query = urlencode([*filters, ("cursor", next_cursor)])
        response.headers["Link"] = f'<{request.scope["path"]}?{query}>; rel="next"'


def _open(secret: bytes, list_name: str, cursor: str) -> tuple[Any, ...]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadCursor from None
    mac, body = raw[:MAC_BYTES], raw[MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(secret, list_name, body)):
        raise BadCursor
    return tuple(_rich(value) for value in cast("list[Any]", orjson.loads(body)))


def _mac(secret: bytes, list_name: str, body: bytes) -> bytes:
    return hmac.digest(secret, list_name.encode() + b"\0" + body, hashlib.sha256)[:MAC_BYTES]


def _plain(value: Key) -> object:
    return {"t": value.astimezone(UTC).isoformat()} if isinstance(value, datetime) else value


def _rich(value: object) -> object:
    return datetime.fromisoformat(value["t"]) if isinstance(value, dict) else value


def beyond(
    columns: Sequence[sa.ColumnElement[Any]], after: Sequence[Any], *, descending: bool
) -> sa.ColumnElement[bool]:
    """The rows that come after the place `after` in the order of `columns`: a row comparison, for one index."""
    place = sa.tuple_(
        *(sa.bindparam(None, value, type_=column.type) for column, value in zip(columns, after, strict=True))
    )
    return sa.tuple_(*columns) < place if descending else sa.tuple_(*columns) > place
