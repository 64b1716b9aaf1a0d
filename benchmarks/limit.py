"""The limit that the HTTP benchmark compares with: what one would write by hand for two routes, and nothing else.

A bare ASGI application on the driver's pool: no framework, no validation, no sign-ins (tokens are looked up in a
dictionary), no logs, no numbers. The statements have the joins and conditions of ours, the answers the same items.
"""

import json
import os
from typing import Any
from urllib.parse import parse_qsl

import asyncpg
import orjson

from mentorq.core.database import SERVER_SETTINGS

COLUMNS = """
    t.id, t.title, t.description, t.tags, t.status, t.student_id, t.assigned_mentor_id, t.solution, t.created_at,
    t.updated_at, t.assigned_at, t.respond_by, t.resolved_at, t.closed_at, t.is_anonymous, t.messages,
    s.id, s.username, s.role, s.bio, s.headline, s.pronouns, s.links, s.avatar, s.is_available, s.created_at,
    m.id, m.username, m.role, m.bio, m.headline, m.pronouns, m.links, m.avatar, m.is_available, m.created_at"""
PEOPLE = "JOIN users s ON s.id = t.student_id LEFT JOIN users m ON m.id = t.assigned_mentor_id"
TICKET = f"""SELECT {COLUMNS} FROM tickets t {PEOPLE}
    WHERE t.id = $1 AND (t.status IN ('resolved', 'closed') OR t.student_id = $2)"""
PAGE = f"""SELECT {COLUMNS} FROM (
        SELECT tt.ticket_id FROM ticket_tags tt
        WHERE tt.tag_id = (SELECT id FROM tags WHERE name = $1) AND tt.is_open AND NOT EXISTS (
            SELECT 1 FROM ticket_passes p WHERE p.mentor_id = $2 AND p.ticket_id = tt.ticket_id)
        ORDER BY tt.created_at DESC, tt.ticket_id DESC LIMIT $3
    ) newest JOIN tickets t ON t.id = newest.ticket_id {PEOPLE} ORDER BY t.created_at DESC, t.id DESC"""
KEYS = (
    "id", "title", "description", "tags", "status", "student_id", "assigned_mentor_id", "solution", "created_at",
    "updated_at", "assigned_at", "respond_by", "resolved_at", "closed_at", "is_anonymous", "messages",
)  # fmt: skip
USER_KEYS = ("id", "username", "role", "bio", "headline", "pronouns", "links", "avatar", "is_available", "created_at")
STUDENT, MENTOR = slice(16, 26), slice(26, 36)


class Limit:
    """The application."""

    def __init__(self, viewers: dict[str, int], url: str, connections: int) -> None:
        self.viewers = {f"Bearer {token}".encode(): viewer_id for token, viewer_id in viewers.items()}
        self.url = url
        self.connections = connections

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return await self._live(receive, send)
        token = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        viewer_id = self.viewers.get(token)
        if viewer_id is None:
            return await _send(send, 401, b"{}")
        path = scope["path"]
        if path == "/tickets":
            return await _send(send, 200, await self._page(viewer_id, dict(parse_qsl(scope["query_string"].decode()))))
        ticket = await self._ticket(viewer_id, int(path.removeprefix("/tickets/")))
        return await _send(send, 404 if ticket is None else 200, ticket or b"{}")

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self.pool = await asyncpg.create_pool(
            self.url,
            min_size=0,
            max_size=self.connections,
            init=_decode_json,
            reset=_leave,
            server_settings=SERVER_SETTINGS,
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.pool.terminate()
        await send({"type": "lifespan.shutdown.complete"})

    async def _ticket(self, viewer_id: int, ticket_id: int) -> bytes | None:
        async with self.pool.acquire() as connection:
            row = await connection.fetchrow(TICKET, ticket_id, viewer_id)
        return None if row is None else orjson.dumps(_ticket(row, viewer_id), option=orjson.OPT_UTC_Z)

    async def _page(self, viewer_id: int, query: dict[str, str]) -> bytes:
        limit = int(query["limit"])
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(PAGE, query["tag"], viewer_id, limit + 1)
        items = [_ticket(row, viewer_id) | {"match": None} for row in rows[:limit]]
        next_cursor = str(items[-1]["id"]) if len(rows) > limit else None
        return orjson.dumps({"items": items, "next_cursor": next_cursor}, option=orjson.OPT_UTC_Z)


def _ticket(row: Any, viewer_id: int) -> dict[str, Any]:
    ticket = dict(zip(KEYS, row, strict=False))
    ticket["student"] = dict(zip(USER_KEYS, row[STUDENT], strict=True))
    ticket["mentor"] = None if row[25] is None else dict(zip(USER_KEYS, row[MENTOR], strict=True))
    if ticket["is_anonymous"] and viewer_id not in (ticket["student_id"], ticket["assigned_mentor_id"]):
        ticket["student"] = ticket["student_id"] = None
    return ticket


async def _send(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _decode_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=orjson.loads)


async def _leave(_: asyncpg.Connection) -> None:
    """The pool would send a statement that resets the connection."""


def __getattr__(name: str) -> Limit:
    if name == "app":
        environment = os.environ
        return Limit(json.loads(environment["VIEWERS"]), environment["DATABASE_URL"], int(environment["CONNECTIONS"]))
    raise AttributeError(name)
