"""Fixtures of all tests. Most tests run twice: on SQLite and on PostgreSQL, each in a database of its own."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import httpx2
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page

from mentorq.core import database as databases
from mentorq.core import outgoing, ratelimit, redis_bus
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.knowledge import queries as knowledge
from mentorq.knowledge import search
from mentorq.settings import Settings
from tests.support.applications import made
from tests.support.browser import ChromiumNotFound, find_chromium, launched_chromium
from tests.support.databases import PostgreSQLTemplate, SQLiteTemplate, settings_for
from tests.support.histories import Home
from tests.support.patience import PATIENCE_SECONDS
from tests.support.people import Join, join
from tests.support.processes import Server
from tests.support.servers import ServerMissing, Valkey, free_port, memory, postgresql, start_valkey, valkey
from tests.support.y_websocket import lacking

POSTGRESQL, VALKEY = "MENTORQ_TEST_POSTGRES_URL", "MENTORQ_TEST_REDIS_URL"
STRICT = os.environ.get("MENTORQ_TEST_STRICT") == "1"
"""Whether a server or browser that is missing fails the tests instead of skipping them."""

_missing: dict[str, str] = {}
_servers = ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers once, in the process that hands the tests out; the others find them in the environment."""
    config.addinivalue_line("markers", "postgresql: needs PostgreSQL only")
    if hasattr(config, "workerinput"):
        return
    for name, start in ((POSTGRESQL, postgresql), (VALKEY, valkey)):
        try:
            os.environ[name] = _servers.enter_context(start())
        except ServerMissing as error:
            _missing[name] = str(error)
    try:
        find_chromium()
    except ChromiumNotFound as error:
        _missing["browser"] = str(error)
    without = lacking()
    if without and shutil.which("node"):
        _missing["y-websocket"] = without
    if _missing and STRICT:
        pytest.exit(f"tests would be skipped: {_missing}", returncode=3)
    if without:
        _missing["y-websocket"] = without


def pytest_xdist_auto_num_workers() -> int:
    """Twice as many as there are processors: tests wait for servers, browsers, and what comes by itself."""
    return 2 * (os.cpu_count() or 1)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started."""
    if not hasattr(config, "workerinput"):
        _servers.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what could not be tested."""
    for name, why in _missing.items():
        terminalreporter.write_line(f"NOT TESTED ({name}): {why}", red=True, bold=True)


SOON_GIVEN_UP: list[tuple[ModuleType, str]] = [
    (databases, "POOL_WAIT_SECONDS"), (outgoing, "BODY_SECONDS"), (ratelimit, "REDIS_SECONDS"),
    (redis_bus, "PUBLISH_SECONDS"), (knowledge, "LONGEST_SECONDS"), (search, "PATIENCE_SECONDS"),
]  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def patient_application() -> Iterator[None]:
    """In the tests' own process, nothing is given up because the machine is slow; tests of giving up say how soon."""
    with pytest.MonkeyPatch.context() as patched:
        for module, name in SOON_GIVEN_UP:
            patched.setattr(module, name, PATIENCE_SECONDS)
        patched.setitem(databases.SERVER_SETTINGS, "lock_timeout", "60s")
        patched.setattr(knowledge.found, "__kwdefaults__", {"within_seconds": PATIENCE_SECONDS})
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One event loop for all tests of a process."""
    return "asyncio"


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[SQLiteTemplate]:
    """A migrated SQLite database to copy."""
    with TemporaryDirectory(prefix="mentorq-sqlite-", dir=memory()) as home:
        yield SQLiteTemplate(Path(home))


@pytest.fixture(scope="session")
def postgresql_template(tmp_path_factory: pytest.TempPathFactory) -> PostgreSQLTemplate:
    """A migrated PostgreSQL database to copy."""
    if POSTGRESQL not in os.environ:
        pytest.skip("no PostgreSQL")
    return PostgreSQLTemplate(os.environ[POSTGRESQL], tmp_path_factory.mktemp("postgresql"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh database; every test that uses it runs on both kinds."""
    template = request.getfixturevalue(f"{request.param}_template")
    with template.copy() as url:
        yield url


@pytest.fixture
def postgres_url(postgresql_template: PostgreSQLTemplate) -> Iterator[str]:
    """An empty PostgreSQL database, for what is about PostgreSQL only."""
    with postgresql_template.copy(empty=True) as url:
        yield url


@pytest.fixture(scope="session")
def valkey_url() -> str:
    """A Valkey that all tests share."""
    if VALKEY not in os.environ:
        pytest.skip("no Valkey")
    return os.environ[VALKEY]


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A Valkey of this test's own."""
    port = free_port()
    server = Valkey(port, tmp_path, start_valkey(port, tmp_path))
    yield server
    server.kill()


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Iterator[Home]:
    """A running application, for histories that are made up step by step."""
    running = Home(database_url, tmp_path)
    yield running
    running.close()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of the application under test; override this fixture for others."""
    return settings_for(database_url, tmp_path)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The running application."""
    application = made(settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
def database(app: FastAPI) -> Database:
    """The application's database."""
    found: Database = app.state.database
    return found


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that nobody is signed in with."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
def student(client: httpx2.AsyncClient) -> Join:
    """`await student()`: a new student."""
    return partial(join, client, "student")


@pytest.fixture
def mentor(client: httpx2.AsyncClient) -> Join:
    """`await mentor(skills=["python"])`: a new mentor."""
    return partial(join, client, "mentor")


@pytest.fixture
def worker(database: Database) -> Worker:
    """A worker that works when told: `await worker.drain()`."""
    return Worker(database)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`mentorq serve` as a process of its own, for the tests in a browser."""
    home = tmp_path_factory.mktemp("server")
    with Server(settings_for(f"sqlite:///{home / 'mentorq.db'}", home)) as running:
        yield running


@pytest.fixture
def server_url(server: Server) -> str:
    """Where the served application is."""
    return server.url


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A real Chromium."""
    if not STRICT:
        try:
            find_chromium()
        except ChromiumNotFound as error:
            pytest.skip(str(error))
    async with launched_chromium() as found:
        yield found


@pytest.fixture
async def browser_page(browser: Browser) -> AsyncIterator[Page]:
    """A page in a context of its own."""
    context = await browser.new_context()
    yield await context.new_page()
    await context.close()
