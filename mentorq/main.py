"""The composition root: the one place that knows every module. `uvicorn mentorq.main:app` serves it."""

import asyncio
import contextlib
import hmac
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from types import FrameType
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

import mentorq
from mentorq import web
from mentorq.accounts import avatars, avatars_router
from mentorq.accounts import router as auth
from mentorq.accounts import users_router as users
from mentorq.accounts.access import SignInCache
from mentorq.accounts.sockets import Sockets
from mentorq.community import handlers as community_handlers
from mentorq.community import router as community
from mentorq.core import errors, openapi
from mentorq.core.bus import make_bus
from mentorq.core.database import Database
from mentorq.core.errors import Forbidden, Unavailable
from mentorq.core.express import Express
from mentorq.core.http import Edge
from mentorq.core.jobs import Worker
from mentorq.core.mail import router as mail
from mentorq.core.ratelimit import RateLimiter
from mentorq.core.telemetry import configure_logging
from mentorq.insights import rollups
from mentorq.insights import router as insights
from mentorq.knowledge import handlers as knowledge_handlers
from mentorq.knowledge import router as knowledge
from mentorq.knowledge.related import Related
from mentorq.mentors import handlers as mentors_handlers
from mentorq.mentors import router as mentors
from mentorq.mentors import suggestions
from mentorq.migrations import bring_up_to_date
from mentorq.notifications import community_handlers as notifications_community_handlers
from mentorq.notifications import delivery, digests, unsubscribe_router
from mentorq.notifications import handlers as notifications_handlers
from mentorq.notifications import router as notifications
from mentorq.notifications import session_handlers as notifications_session_handlers
from mentorq.notifications.stream import Follower
from mentorq.reviews import router as reviews
from mentorq.sessions import calendar_router as calendars
from mentorq.sessions import handlers as sessions_handlers
from mentorq.sessions import router as sessions
from mentorq.sessions import schedule_router as schedules
from mentorq.sessions.room import editor_router as editor
from mentorq.sessions.room import router as room
from mentorq.sessions.room import transcript_router as transcripts
from mentorq.sessions.room.documents import Documents
from mentorq.sessions.room.rooms import Rooms
from mentorq.settings import Settings, load_settings
from mentorq.tags import router as tags
from mentorq.tickets import handlers as tickets_handlers
from mentorq.tickets import router as tickets
from mentorq.web import docs, settings_pages
from mentorq.web.assets import Assets
from mentorq.webhooks import handlers as webhooks_handlers

log = structlog.get_logger(__name__)

LISTENERS = (
    tickets_handlers,
    mentors_handlers,
    knowledge_handlers,
    sessions_handlers,
    rollups,
    community_handlers,
    notifications_handlers,
    notifications_session_handlers,
    notifications_community_handlers,
    delivery,
    digests,
    webhooks_handlers,
)
"""Modules that only listen: importing them is what makes them hear."""

ROUTERS = (
    auth, users, avatars_router, insights, mentors, reviews, knowledge, tickets, tags, schedules, sessions, room,
    editor, transcripts, calendars, community, notifications, unsubscribe_router, mail, docs,
)  # fmt: skip

LARGER_BODIES = {
    ("PUT", "/users/me/avatar"): avatars.LARGEST_BODY,
    ("POST", "/app/settings/avatar"): settings_pages.LARGEST_BODY,
}
"""What is longer than any text: pictures."""

CLOCK_EVERY = timedelta(minutes=1)
NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""Our numbers are at /metrics; FastAPI would look with every request whether somebody wants its own."""

DESCRIPTION = """
People who learn to program get unstuck by people who volunteer to help.

Sign up, then press **Authorize** and sign in with your name and password: every operation can be tried here.
Errors are RFC 9457 problem documents; their `code` is for programs, their `detail` for people.
"""

platform = APIRouter(include_in_schema=False)


@platform.get("/healthz")
async def healthz() -> dict[str, str]:
    """Alive."""
    return {"status": "ok"}


@platform.get("/readyz")
async def readyz(request: Request) -> dict[str, str]:
    """Able to work: the database, and Redis where it is configured, answer."""
    await request.app.state.database.ping()
    await request.app.state.database.bus.ping()
    return {"status": "ok"}


@platform.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus' numbers, for loopback or by token."""
    settings: Settings = request.app.state.settings
    if settings.metrics_token:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        allowed = hmac.compare_digest(given.encode(), settings.metrics_token.encode())
    else:
        allowed = request.client is not None and request.client.host in ("127.0.0.1", "::1")
    if not allowed:
        raise Forbidden("Metrics are for loopback only, or for the holder of METRICS_TOKEN.")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@asynccontextmanager
async def running(database: Database) -> AsyncIterator[None]:
    """What every process needs that serves or works: schema, pools, bus and clock, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.stop)
        stack.push_async_callback(database.bus.stop)
        await bring_up_to_date(database)
        await database.start()
        await database.bus.start()
        await stack.enter_async_context(_background(_follow_clock(database), "clock"))
        yield


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    async with AsyncExitStack() as stack:
        stack.push_async_callback(app.state.limiter.stop)
        await stack.enter_async_context(running(database))
        await stack.enter_async_context(app.state.follower.following())
        await stack.enter_async_context(app.state.rooms.following())
        await stack.enter_async_context(app.state.documents.following())
        await stack.enter_async_context(_background(app.state.sockets.watch(), "sockets"))
        stack.enter_context(_told_of_signals(app.state.follower.close, app.state.documents.close))
        if database.settings.embedded_worker:
            await stack.enter_async_context(_background(Worker(database).run(), "worker"))
        yield


@contextlib.contextmanager
def _told_of_signals(*acts: Callable[[], None]) -> Iterator[None]:
    """Do something as soon as the server is told to stop: it waits for all answers to end, also for those that go on.

    The handlers are the server's; only a process' main thread may change them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    before = {number: handler for number, handler in handlers.items() if callable(handler)}

    def told(number: int, frame: FrameType | None) -> None:
        for act in acts:
            loop.call_soon_threadsafe(act)
        before[signal.Signals(number)](number, frame)

    for number in before:
        signal.signal(number, told)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _follow_clock(database: Database) -> None:
    while True:
        with contextlib.suppress(Unavailable):
            await database.follow_clock()
        await asyncio.sleep(CLOCK_EVERY.total_seconds())


def create_app(settings: Settings | None = None) -> FastAPI:
    """The whole application.

    Raises:
        WrongSetting: the environment is not in order.
    """
    settings = settings or load_settings()
    configure_logging(settings)
    app = FastAPI(
        title="MentorQ",
        summary="Tickets, mentors, solutions.",
        description=DESCRIPTION,
        version=mentorq.__version__,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
    )
    app.state.settings = settings
    app.state.database = Database(settings, make_bus(settings.redis_url))
    app.state.limiter = RateLimiter(settings)
    app.state.sign_ins = SignInCache(app.state.database.bus)
    app.state.ranking = suggestions.rank
    app.state.related = Related()
    app.state.follower = Follower(app.state.database)
    app.state.sockets = Sockets(app.state.database)
    app.state.rooms = Rooms(app.state.database)
    app.state.documents = Documents(app.state.database)
    app.state.error_page = web.error_page
    app.add_middleware(Express)
    app.add_middleware(Edge, settings=settings, larger_bodies=LARGER_BODIES)
    errors.install(app)
    for module in ROUTERS:
        app.include_router(module.router)
    app.include_router(platform)
    app.include_router(web.router)
    app.router.lifespan_context = _lifespan  # at the end: else FastAPI puts one around it for each router
    app.mount("/static", Assets(), name="static")
    _serve_openapi(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def _serve_openapi(app: FastAPI) -> None:
    make = app.openapi

    def completed() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = openapi.complete(app, make())
        return app.openapi_schema

    app.openapi = completed  # type: ignore[method-assign]


def __getattr__(name: str) -> Any:
    """`app`, made when it is asked for: importing this module starts nothing and reads no environment."""
    if name == "app":
        return create_app()
    raise AttributeError(name)
