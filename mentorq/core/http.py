"""What every request passes through: the edge (ids, headers, log, numbers) and the unit of work (sessions, commit)."""

import functools
import hashlib
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Never, TypeVar

import orjson
import structlog
from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute
from prometheus_client import Histogram
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mentorq.core import database
from mentorq.core.errors import BodyTooLarge, DomainError, PreconditionFailed, problem_response
from mentorq.core.idempotency import Replay, key_of
from mentorq.core.telemetry import REQUEST_SECONDS, REQUEST_STATEMENTS, REQUESTS_IN_FLIGHT
from mentorq.settings import Settings

M = TypeVar("M", bound=BaseModel)

log = structlog.get_logger("mentorq.requests")

PROPER_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
NO_LOG = {"/healthz", "/readyz", "/metrics"}
KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
NO_LARGER: Mapping[tuple[str, str], int] = {}
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Edge:
    """Pure ASGI middleware: an id for each request; headers, a log line and numbers for each answer.

    A body that is too large is refused here, unread: by what it declares, or as soon as it has grown too long. A few
    paths take `larger_bodies`.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, larger_bodies: Mapping[tuple[str, str], int] = NO_LARGER
    ) -> None:
        self.app = app
        self.largest_body = settings.max_body_bytes
        self.larger_bodies = larger_bodies
        self.logs_requests = settings.log_level in ("debug", "info")
        headers = SECURITY_HEADERS | {"Cache-Control": "no-store"}
        if settings.is_https:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return await self._socket(scope, receive, send)
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        method = scope["method"]
        if method == "HEAD":
            # HEAD is GET without a body (RFC 9110, 9.3.2); no route need know, but one whose body never ends
            scope = {**scope, "method": "GET", "is_head": True}
        request_id = scope["request_id"] = _request_id(scope)
        largest = max(self.largest_body, self.larger_bodies.get((method, scope["path"]), 0))
        started, status, is_answered = time.perf_counter(), 500, False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, is_answered
            if message["type"] == "http.response.start":
                status, is_answered = message["status"], True
                own = message.get("headers", ())
                given = {name for name, _ in own}
                usual = (header for header in self.headers if header[0] not in given)
                message["headers"] = [*own, (b"x-request-id", request_id.encode()), *usual]
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        REQUESTS_IN_FLIGHT.inc()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            if _declared_length(scope) > largest:
                await problem_response(Request(scope), BodyTooLarge())(scope, receive, send_with_headers)
            else:
                await self.app(scope, _bounded(receive, largest), send_with_headers)
        except Exception as error:  # the last resort: a problem document, and the trace in the log
            log.error("request failed", path=scope["path"], exc_info=error)
            if is_answered:
                raise
            response = problem_response(Request(scope), DomainError())
            await response(scope, receive, send_with_headers)
        finally:
            REQUESTS_IN_FLIGHT.dec()
            self._record(scope, method, status, time.perf_counter() - started)
            structlog.contextvars.clear_contextvars()

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A socket is one request, however long it stays open: what is logged meanwhile, in its task, bears its id."""
        scope["request_id"] = _request_id(scope)
        structlog.contextvars.bind_contextvars(request_id=scope["request_id"])
        await self.app(scope, receive, send)

    def _record(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = _route_template(scope)
        method = method if method in KNOWN_METHODS else "other"
        if not scope.get("is_stream"):  # how long somebody reads along says nothing of how soon we answer
            _seconds(method, route, status).observe(seconds)
        unit: Unit | None = scope.get("unit")
        if unit is not None:
            _statements(method, route).observe(unit.statements)
        if self.logs_requests and scope["path"] not in NO_LOG:
            log.info(
                "request",
                method=method,
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
                user=scope.get("viewer_id"),
            )


@functools.cache
def _seconds(method: str, route: str, status: int) -> Histogram:
    return REQUEST_SECONDS.labels(method, route, status)


@functools.cache
def _statements(method: str, route: str) -> Histogram:
    return REQUEST_STATEMENTS.labels(method, route)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for given, value in scope["headers"] if given == name), "")


def _request_id(scope: Scope) -> str:
    given = _header(scope, b"x-request-id")
    return given if PROPER_REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _declared_length(scope: Scope) -> int:
    declared = _header(scope, b"content-length")
    return int(declared[:19]) if declared.isascii() and declared.isdigit() else 0


def _bounded(receive: Receive, largest: int) -> Receive:
    """Receive no more than `largest` bytes of body, whatever was declared."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > largest:
            raise HTTPException(BodyTooLarge.status)  # the one kind of error that FastAPI lets through while it reads
        return message

    return bounded


def _route_template(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path", None) or "unmatched"


class Unit:
    """The sessions of one request: at most one of each kind, opened by their first statement."""

    def __init__(self, request: Request, *, creates: bool) -> None:
        self.idempotency = key_of(request) if creates else None
        home: database.Database = request.app.state.database
        self.read = database.Read(home)
        self.write = database.Write(home, self.idempotency.claim if self.idempotency else None, self.read)

    @property
    def statements(self) -> int:
        """How many statements the request has sent."""
        return self.read.statements + self.write.statements

    async def commit(self, response: Response) -> None:
        """Make it last, before the answer is sent."""
        if self.idempotency is not None and self.write.has_begun:
            await self.idempotency.keep(self.write, response)
        await self.write.commit()

    async def close(self) -> None:
        """Roll back what is not committed."""
        await self.write.close()
        await self.read.close()


class Route(APIRoute):
    """A route whose transaction begins and ends with it: committed before the answer is sent, or rolled back."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, within a unit of work."""
        handler = super().get_route_handler()

        async def handle(plain: Request) -> Response:
            return await self.in_unit(StrictRequest(plain.scope, plain.receive), handler)

        return handle

    async def in_unit(self, request: Request, handler: Callable[[Request], Coroutine[Any, Any, Response]]) -> Response:
        """Answer by `handler`, within a unit of work."""
        unit = request.scope["unit"] = Unit(request, creates=self.status_code == 201)
        try:
            response = await handler(request)
            await unit.commit(response)
        except Replay as replay:
            return replay.response()
        except DomainError as error:
            if error.keeps_changes:
                await unit.write.commit()
            raise
        finally:
            await unit.close()
        return response


class StrictRequest(Request):
    """Reads JSON strictly: UTF-8 only, no repeated fields, no NaN. What is wrong becomes a 422, whatever it is."""

    async def json(self) -> Any:
        """The body as JSON."""
        if not hasattr(self, "_json"):
            try:
                text = (await self.body()).decode("utf-8")
                self._json = json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_no_constant)
            except json.JSONDecodeError:
                raise
            except RecursionError:
                raise json.JSONDecodeError("nested too deeply", "", 0) from None
            except UnicodeDecodeError:
                raise json.JSONDecodeError("it is not UTF-8", "", 0) from None
            except NotStrict as error:
                raise json.JSONDecodeError(str(error), "", 0) from None
            except ValueError:
                raise json.JSONDecodeError("a number is too long", "", 0) from None
        return self._json


class NotStrict(ValueError):
    """What Python's parser would let pass."""


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        repeated, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise NotStrict(f"the field {repeated[:50]!a} is repeated")
    return members


def _no_constant(name: str) -> Never:
    raise NotStrict(f"{name} is no number of JSON")


async def _read(request: Request) -> database.Read:
    unit: Unit = request.scope["unit"]
    return unit.read


async def _write(request: Request) -> database.Write:
    unit: Unit = request.scope["unit"]
    return unit.write


Read = Annotated[database.Read, Depends(_read)]
Write = Annotated[database.Write, Depends(_write)]
IfMatch = Annotated[str | None, Header(max_length=300, description="Change only this version (`ETag`); else 412.")]


def etag(identity: int, version: int) -> str:
    """The ETag of a version of a row."""
    return f'"{identity}-{version}"'


def with_etag(response: Response, answer: M) -> M:
    """The same answer, and the ETag of what has no version of its own: a hash of all that it says."""
    digest = hashlib.sha256(answer.model_dump_json().encode()).hexdigest()
    response.headers["ETag"] = f'"{digest[:20]}"'
    return answer


def require_match(if_match: str | None, current: str) -> None:
    """Honour If-Match.

    Raises:
        PreconditionFailed: the client changes a version that is no longer the current one.
    """
    if if_match is not None and if_match.strip() != "*":
        tags = {tag.strip() for tag in if_match.split(",")}
        if current not in tags:
            raise PreconditionFailed


def json_response(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Plain values as JSON bytes, without validation: for hot routes, whose answers a test holds to their schema."""
    return Response(orjson.dumps(content, option=orjson.OPT_UTC_Z), status, headers, media_type="application/json")
