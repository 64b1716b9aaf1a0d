"""The short way gives what the long way gives."""

import inspect
import re
from typing import Annotated

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Response, WebSocket
from pydantic import BaseModel
from starlette.testclient import TestClient

from mentorq.core import express
from mentorq.core.express import Plan
from mentorq.core.http import Route
from tests.support.people import Join

PATHS = [
    "/tickets",
    "/tickets?limit=1",
    "/tickets?limit=1&limit=2",
    "/tickets?tag=python&tag=sql&tags=all&sort=oldest",
    "/tickets?status=open&status=closed&q=list",
    "/tickets?limit=0",
    "/tickets?limit=&tag=",
    "/tickets?sort=worst&tags=some",
    "/tickets?tag=" + "x" * 99,
    "/tickets?cursor=nonsense",
    "/tickets?unknown=1",
    "/tickets/me",
    "/tickets/me?status=lost",
    "/tickets/1",
    "/tickets/01",
    "/tickets/%31",
    "/tickets/0",
    "/tickets/one",
    "/tickets/99999999999999999999",
    "/tickets/1/",
    "/tickets/1/messages?limit=5",
    "/tickets/1/messages?limit=5&cursor=e30",
    "/tickets/1/events",
    "/tickets/1/nothing",
    "/mentors",
    "/tags?prefix=p",
]


pytestmark = pytest.mark.anyio


async def long_way() -> None:
    """A dependency that nothing depends on."""


async def take_both_ways(app: FastAPI, client: httpx2.AsyncClient, path: str, headers: dict[str, str]) -> None:
    headers = headers | {"X-Request-Id": "both-ways"}
    short = await client.get(path, headers=headers)
    app.dependency_overrides = {long_way: long_way}
    try:
        long = await client.get(path, headers=headers)
    finally:
        app.dependency_overrides = {}
    assert short.status_code == long.status_code
    assert short.content == long.content
    assert dict(short.headers) == dict(long.headers)


async def test_both_ways_give_the_same_answer(app: FastAPI, client: httpx2.AsyncClient, student: Join) -> None:
    ana = await student()
    await ana.ask(tags=["python", "sql"])
    await ana.ask(tags=["python"])
    for headers in (ana.headers, {}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eA=="}):
        for path in PATHS:
            await take_both_ways(app, client, path, headers)


@pytest.mark.parametrize("path", ["/tickets", "/tickets/me", "/tickets/{ticket_id}"])
async def test_hot_reads_have_a_plan(app: FastAPI, path: str) -> None:
    shown = path.replace("{ticket_id}", "7")
    candidates = [c for c in express._table(app)["tickets"] if c.pattern.match(shown)]
    assert isinstance(candidates[0].plan, Plan)
    assert candidates[0].route is not None
    assert candidates[0].route.path == path


async def test_a_route_that_begins_with_a_parameter_keeps_its_turn() -> None:
    app = FastAPI()

    @app.get("/{anything}/x")
    async def wild(anything: str) -> str:
        return anything

    @app.get("/tickets/{ticket_id}")
    async def one(ticket_id: int) -> int:
        return ticket_id

    patterns = [c.pattern for c in express._table(app)["tickets"]]
    assert [bool(re.match(p, "/tickets/x")) for p in patterns] == [True, True]


class Words(BaseModel):
    """Parameters that are declared together."""

    word: str = "none"


def shout(word: str = "none") -> str:
    """A dependency that is no coroutine."""
    return word.upper()


@pytest.fixture
def varied(app: FastAPI) -> FastAPI:
    """The application with routes that have a plan, or need what only FastAPI can do."""
    router = APIRouter(route_class=Route)

    @router.get("/varied/required")
    async def required(word: str) -> Response:
        return Response(word)

    @router.get("/varied/header")
    async def header(word: Annotated[str, Header()] = "none") -> Response:
        return Response(word)

    @router.get("/varied/plain")
    async def plain(word: Annotated[str, Depends(shout)]) -> Response:
        return Response(word)

    @router.get("/varied/together")
    async def together(words: Annotated[Words, Query()]) -> Response:
        return Response(words.word)

    @router.get("/varied/renamed")
    async def renamed(text: Annotated[str, Query(validation_alias="word")] = "none") -> Response:
        return Response(text)

    app.include_router(router)
    return app


@pytest.mark.parametrize(
    ("name", "has_plan", "status", "answer"),
    [
        ("required", True, 422, "yes"),
        ("header", False, 200, "heard"),
        ("plain", False, 200, "YES"),
        ("together", False, 200, "yes"),
        ("renamed", False, 200, "yes"),
    ],
)
async def test_what_a_plan_cannot_do_goes_the_long_way(
    name: str, has_plan: bool, status: int, answer: str, varied: FastAPI, client: httpx2.AsyncClient
) -> None:
    path = f"/varied/{name}"
    (candidate,) = [c for c in express._table(varied)["varied"] if c.pattern.fullmatch(path)]
    assert (candidate.plan is not None) == has_plan
    assert (await client.get(path)).status_code == status
    assert (await client.get(f"{path}?word=yes", headers={"word": "heard"})).text == answer
    await take_both_ways(varied, client, path, {})
    await take_both_ways(varied, client, f"{path}?word=yes", {"word": "heard"})


def depth() -> int:
    """How many calls wait for this one to end."""
    return len(inspect.stack())


async def test_sockets_that_ask_for_nothing_else_are_handed_over_at_once(app: FastAPI) -> None:
    assert [pattern.pattern for pattern, _ in express._plain_sockets(app)] == [
        "^/sessions/(?P<session_id>[^/]+)/live$",
        "^/sessions/(?P<session_id>[^/]+)/editor$",
    ]


def test_sockets_work_both_ways() -> None:
    app = FastAPI()
    app.add_middleware(express.Express)

    @app.websocket("/plain/{name}")
    async def plain(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        await websocket.send_json([name, depth()])
        await websocket.close()

    @app.websocket("/number/{name}")
    async def number(websocket: WebSocket, name: int) -> None:
        await websocket.accept()
        await websocket.send_json([name, depth()])
        await websocket.close()

    with TestClient(app) as client:
        with client.websocket_connect("/plain/7") as socket:
            assert (short := socket.receive_json())[0] == "7"
        with client.websocket_connect("/number/7") as socket:
            assert (long := socket.receive_json())[0] == 7
        app.dependency_overrides = {depth: depth}
        with client.websocket_connect("/plain/7") as socket:
            assert socket.receive_json() == ["7", long[1]]
    assert short[1] < long[1] - 5
