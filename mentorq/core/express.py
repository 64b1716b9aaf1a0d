"""The short way for reads and sockets: what FastAPI declares, resolved once at the start instead of with every request.

FastAPI finds a route by trying all of them, and walks through its dependencies with every request; on a hot read that
costs several times as much as the read itself. A `Plan` is the same walk, written down: which parameters are taken from
path and query, and which dependencies are called with what, each once, in FastAPI's order. Routers and dependencies are
written as anywhere else, and nothing is decided here: what a plan cannot do, or does not find valid, takes the long
way, from the beginning, so that every refusal is FastAPI's own.

A WebSocket whose endpoint asks for nothing but the socket and parts of the path, as they are, is handed to it at once.
What FastAPI would keep for it as long as it is open is a quarter of the memory of one that is idle.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from mentorq.core.errors import DomainError, problem_response
from mentorq.core.http import Route

WILD = ""
"""Stands for the first part of a path that begins with a parameter."""


Endpoint = Callable[..., Awaitable[None]]


class LongWay(Exception):
    """A plan is not for this route, or not for this request."""


@dataclass(frozen=True)
class _Parameter:
    """One value out of path or query; `slot` is where it goes."""

    slot: int
    field: Any
    name: str
    in_path: bool
    is_list: bool

    def value(self, path: Mapping[str, str], query: QueryParams) -> Any:
        """The validated value.

        Raises:
            LongWay: it is missing or not valid.
        """
        given: Any = path.get(self.name) if self.in_path else query.getlist(self.name)
        if not self.in_path and not self.is_list:
            given = given[-1] if given else None
        if given is None or given == []:
            if self.field.field_info.is_required():
                raise LongWay
            return self.field.get_default()
        value, problems = self.field.validate(given)
        if problems:
            raise LongWay
        return value


@dataclass(frozen=True)
class _Step:
    """One call; its arguments are taken out of slots, its result goes into one."""

    call: Callable[..., Any]
    arguments: tuple[tuple[str, int], ...]
    slot: int


class Plan:
    """How a route is answered: parameters first, which has no effects, then the calls."""

    def __init__(self, dependant: Dependant) -> None:
        """Write the plan.

        Raises:
            LongWay: the route needs what only FastAPI can do.
        """
        self._parameters: list[_Parameter] = []
        self._steps: list[_Step] = []
        self._slots = 1  # the first one is the request's
        self._known: dict[Any, int] = {}
        self._add(dependant)

    async def run(self, request: Request, path: Mapping[str, str]) -> Response:
        """Answer a request.

        Raises:
            LongWay: a parameter is missing or not valid; nothing was called yet.
        """
        query = request.query_params
        slots: list[Any] = [request, *(None for _ in range(self._slots - 1))]
        for parameter in self._parameters:
            slots[parameter.slot] = parameter.value(path, query)
        result: Any = None
        for step in self._steps:
            result = slots[step.slot] = await step.call(**{name: slots[slot] for name, slot in step.arguments})
        response: Response = result
        return response

    def _add(self, dependant: Dependant) -> int:
        if dependant.call in self._known:
            return self._known[dependant.call]
        call = _plain(dependant)
        arguments = [(inner.name, self._add(inner)) for inner in dependant.dependencies]
        arguments += [(field.name, self._take(field, in_path=True)) for field in dependant.path_params]
        arguments += [(field.name, self._take(field, in_path=False)) for field in dependant.query_params]
        arguments += [(dependant.request_param_name, 0), (dependant.http_connection_param_name, 0)]
        named = tuple((name, slot) for name, slot in arguments if name is not None)
        slot = self._known[call] = self._new_slot()
        self._steps.append(_Step(call, named, slot))
        return slot

    def _take(self, field: Any, *, in_path: bool) -> int:
        is_list = getattr(field.field_info.annotation, "__origin__", None) is list
        self._parameters.append(_Parameter(_simple(field) and self._new_slot(), field, field.alias, in_path, is_list))
        return self._parameters[-1].slot

    def _new_slot(self) -> int:
        self._slots += 1
        return self._slots - 1


def _plain(dependant: Dependant) -> Callable[..., Any]:
    """The call of a dependency that is a coroutine and asks for nothing but parameters and the request."""
    call = dependant.call
    unusual = (
        dependant.header_params,
        dependant.cookie_params,
        dependant.body_params,
        dependant.websocket_param_name,
        dependant.response_param_name,
        dependant.background_tasks_param_name,
        dependant.security_scopes_param_name,
        dependant.own_oauth_scopes,
        dependant.concurrency,
        not dependant.use_cache,
    )
    if call is None or any(unusual):
        raise LongWay
    if not (inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))):  # noqa: B004
        raise LongWay
    return call


def _simple(field: Any) -> bool:
    """Whether a parameter is one value or a list of them, under one name."""
    declared = field.field_info
    if isinstance(declared.annotation, type) and issubclass(declared.annotation, BaseModel):
        raise LongWay
    if declared.validate_default or declared.validation_alias not in (None, field.alias):
        raise LongWay
    return True


@dataclass(frozen=True)
class _Candidate:
    """A route that may be meant; without a plan it only says that the long way has to be taken."""

    first: str
    pattern: re.Pattern[str]
    route: Route | None
    plan: Plan | None


class Express:
    """Pure ASGI middleware, next to FastAPI: answers GET requests that have a plan, and serves plain sockets."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._table: dict[str, list[_Candidate]] | None = None
        self._sockets: list[tuple[re.Pattern[str], Endpoint]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and not scope.get("root_path"):
            found = self._endpoint(scope)
            if found is not None:
                endpoint, path = found
                return await endpoint(WebSocket(scope, receive, send), **path)
        if scope["type"] != "http" or scope["method"] != "GET" or scope.get("root_path"):
            return await self.app(scope, receive, send)
        application: FastAPI = scope["app"]
        if self._table is None:
            self._table = _table(application)
        path = scope["path"]
        for candidate in self._table.get(_first_part(path), self._table[WILD]):
            match = candidate.pattern.match(path)
            if match is None:
                continue
            if candidate.plan is None or candidate.route is None or application.dependency_overrides:
                break
            response = await _answer(candidate.route, candidate.plan, match.groupdict(), scope, receive)
            if response is None:
                break
            return await response(scope, receive, send)
        return await self.app(scope, receive, send)

    def _endpoint(self, scope: Scope) -> tuple[Endpoint, dict[str, str]] | None:
        application: FastAPI = scope["app"]
        if application.dependency_overrides:
            return None
        if self._sockets is None:
            self._sockets = _plain_sockets(application)
        matches = ((endpoint, pattern.match(scope["path"])) for pattern, endpoint in self._sockets)
        return next(((endpoint, match.groupdict()) for endpoint, match in matches if match), None)


async def _answer(route: Route, plan: Plan, path: dict[str, str], scope: Scope, receive: Receive) -> Response | None:
    """None where the long way has to be taken."""
    request = Request(scope, receive)
    scope["route"], scope["path_params"] = route, path

    async def run(request: Request) -> Response:
        return await plan.run(request, path)

    try:
        return await route.in_unit(request, run)
    except LongWay:
        return None
    except DomainError as error:
        return problem_response(request, error)


def _plain_sockets(application: FastAPI) -> list[tuple[re.Pattern[str], Endpoint]]:
    """The sockets' endpoints that ask for the socket, and for parts of the path as they are."""
    return [
        (context.path_regex, route.endpoint)
        for context in iter_route_contexts(application.routes)
        if isinstance(route := context.original_route, APIWebSocketRoute) and _asks_for_nothing_else(route)
    ]


def _asks_for_nothing_else(route: APIWebSocketRoute) -> bool:
    asked = inspect.signature(route.endpoint).parameters
    path = {name for name, parameter in asked.items() if name in route.param_convertors and parameter.annotation is str}
    return asked.keys() - path == {"websocket"}


def _table(application: FastAPI) -> dict[str, list[_Candidate]]:
    """Candidates by the first part of their path, in the order in which FastAPI would try them."""
    candidates = [
        _candidate(context)
        for context in iter_route_contexts(application.routes)
        if "GET" in (context.methods or ["GET"])
    ]
    firsts = {candidate.first for candidate in candidates} | {WILD}
    return {first: [c for c in candidates if c.first in (first, WILD)] for first in firsts}


def _candidate(context: RouteContext) -> _Candidate:
    path, route = context.path or "", context.original_route
    first, pattern = _first_part(path), getattr(context, "path_regex", None) or re.compile("")
    first = WILD if "{" in first else first
    if not isinstance(route, Route) or not _gives_response(route):
        return _Candidate(first, pattern, None, None)
    try:
        return _Candidate(first, pattern, route, Plan(context.dependant))
    except LongWay:
        return _Candidate(first, pattern, None, None)


def _first_part(path: str) -> str:
    return path.split("/", 2)[1] if path.startswith("/") else WILD


def _gives_response(route: APIRoute) -> bool:
    """Whether the endpoint makes its answer itself, so that there is nothing for FastAPI to shape."""
    return inspect.signature(route.endpoint).return_annotation is Response
