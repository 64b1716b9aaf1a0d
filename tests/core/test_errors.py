"""Every error is a problem document that gives nothing away; a database that is gone is 503, and comes back."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest
import sqlalchemy as sa
import structlog
from fastapi import APIRouter, FastAPI

from mentorq.core.database import Database
from mentorq.core.errors import HTTP_ERRORS, Unavailable
from mentorq.core.http import Read, Route, Write
from mentorq.core.idempotency import IdempotencyRow
from mentorq.core.jobs import JobRow, enqueue
from mentorq.main import create_app
from tests.support.databases import settings_for
from tests.support.patience import until
from tests.support.people import PASSWORD, Join, join
from tests.support.problems import problem
from tests.support.servers import PostgreSQLServer

pytestmark = pytest.mark.anyio

SECRET_OF_THE_ROUTE = "wombat-4711"


async def test_401_says_how_to_sign_in(client: httpx2.AsyncClient) -> None:
    for method, path in (("GET", "/auth/me"), ("POST", "/tickets"), ("GET", "/tickets"), ("POST", "/auth/signout")):
        answer = await client.request(method, path)
        problem(answer, 401, "not_signed_in")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    answer = await client.post("/auth/signin", data={"username": "nobody", "password": PASSWORD})
    problem(answer, 401, "wrong_credentials")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_403_for_the_wrong_role(student: Join, mentor: Join) -> None:
    problem(await (await mentor()).post("/tickets", {"title": "A", "description": "B"}), 403)
    problem(await (await student()).post("/tickets/1/accept"), 403)


async def test_404_for_what_is_not_there_and_for_unknown_paths(client: httpx2.AsyncClient, student: Join) -> None:
    problem(await (await student()).get("/tickets/4711"), 404, "ticket_not_found")
    for path in (
        "/nowhere",
        "/tickets/",
        "/tickets/1/nowhere",
        "/static/nowhere.js",
        "/static/../main.py",
        "/%2e%2e/etc",
    ):
        document = problem(await client.get(path), 404, "not_found")
        assert document["detail"].endswith(".")


async def test_405_names_the_methods_that_are_allowed(client: httpx2.AsyncClient) -> None:
    answer = await client.put("/tags")
    problem(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]
    problem(await client.request("BREW", "/tags"), 405, "method_not_allowed")


async def test_409_says_what_is_in_the_way(student: Join, mentor: Join) -> None:
    ana, ben, eve = await student(), await mentor(), await mentor()
    path = f"/tickets/{(await ana.ask())['id']}"
    await ben.expect(200, "POST", f"{path}/accept")
    document = problem(await eve.post(f"{path}/accept"), 409, "ticket_not_open")
    assert document["holder"]["id"] == ben.id
    body = {"username": ana.username, "email": "other@example.org", "password": PASSWORD, "role": "student"}
    problem(await ana.client.post("/auth/signup", json=body), 409, "username_taken")


async def test_412_when_it_has_changed(student: Join) -> None:
    ana = await student()
    stale = (await ana.get("/auth/me")).headers["ETag"]
    await ana.expect(200, "PATCH", "/users/me", {"bio": "New"})
    problem(await ana.patch("/users/me", {"bio": "Newer"}, headers={"If-Match": stale}), 412, "precondition_failed")
    assert (await ana.expect(200, "GET", "/auth/me"))["bio"] == "New"


async def test_nothing_that_was_sent_is_echoed(client: httpx2.AsyncClient, student: Join) -> None:
    ana, marker = await student(), "kangaroo"
    answers = [
        await client.post("/auth/signin", data={"username": f"{marker}1", "password": marker}),
        await client.post(
            "/auth/signup", json={"username": f"{marker}!", "email": marker, "password": marker, "role": marker}
        ),
        await client.post("/auth/refresh", json={"refresh_token": marker}),
        await client.get("/auth/me", headers={"Authorization": f"Bearer {marker}"}),
        await ana.post(
            "/tickets", {"title": [marker], "description": {"a": marker}, "tags": [f"{marker}!", {marker: 1}]}
        ),
        await ana.post("/tickets", content=f'{{"title": {marker}', headers={"Content-Type": "application/json"}),
        await ana.get("/tickets", params={"status": marker, "limit": marker, "cursor": marker, "sort": marker}),
        await ana.get("/tickets/1", headers={"X-Request-Id": f"<{marker}>"}),
        await ana.post(
            "/tickets", {"title": "A", "description": "B"}, headers={"Idempotency-Key": f"{marker}é".encode("latin-1")}
        ),
    ]
    for answer in answers:
        problem(answer, answer.status_code)
        assert answer.status_code >= 400
        assert marker not in answer.text, answer.text
        assert marker not in str(answer.headers)


@pytest.fixture
async def failing(app: FastAPI) -> FastAPI:
    """The application with routes that fail."""
    router = APIRouter(route_class=Route)

    @router.get("/broken")
    async def broken(db: Read) -> None:
        await db.scalar(sa.select(1))
        raise ZeroDivisionError(SECRET_OF_THE_ROUTE)

    @router.post("/broken", status_code=201)
    async def breaks_after_writing(db: Write) -> None:
        await enqueue(db, [("core.idempotency.forget", {})])
        raise ZeroDivisionError(SECRET_OF_THE_ROUTE)

    app.include_router(router)
    return app


async def test_500_gives_nothing_away_and_changes_nothing(
    failing: FastAPI, client: httpx2.AsyncClient, database: Database
) -> None:
    with structlog.testing.capture_logs() as log:
        for _ in range(30):  # more often than there are connections: each is given back
            answer = await client.get("/broken", headers={"X-Request-Id": "my-own-request"})
            document = problem(answer, 500, "internal_error")
            assert document["request_id"] == "my-own-request"
            assert SECRET_OF_THE_ROUTE not in answer.text
            assert "Traceback" not in answer.text
    assert isinstance(log[0]["exc_info"], ZeroDivisionError)
    for _ in range(3):
        problem(await client.post("/broken", headers={"Idempotency-Key": "one"}), 500)
    async with database.read() as db:
        assert await db.rows(sa.select(JobRow.id)) == []
        assert await db.rows(sa.select(IdempotencyRow.key)) == []
    assert (await client.get("/tags")).status_code == 200


# --- the database is gone


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[PostgreSQLServer]:
    """A PostgreSQL that the test may stop."""
    with PostgreSQLServer(synchronous_commit="on") as server:
        yield server


@pytest.fixture
async def on_own_postgresql(own_postgresql: PostgreSQLServer, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The application on a PostgreSQL that the test may stop."""
    application = create_app(settings_for(own_postgresql.url, tmp_path, database_pool_size=4))
    async with application.router.lifespan_context(application):
        yield application


async def _all_unavailable(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    requests = [
        client.get("/tags"),
        client.get("/auth/me", headers=headers),
        client.get("/tickets", headers=headers),
        client.post("/tickets", json={"title": "A", "description": "B"}, headers=headers),
        client.post("/tickets", json={"title": "A", "description": "B"}, headers=headers | {"Idempotency-Key": "k"}),
        client.post("/auth/signin", data={"username": "ana", "password": PASSWORD}),
        client.get("/readyz"),
    ]
    for answer in await asyncio.gather(*requests):
        document = problem(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert "postgres" not in str(document).lower()
    assert (await client.get("/healthz")).status_code == 200


async def test_503_while_the_database_is_gone_and_it_recovers_by_itself(
    on_own_postgresql: FastAPI, own_postgresql: PostgreSQLServer
) -> None:
    transport = httpx2.ASGITransport(app=on_own_postgresql, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        ana = await join(client, "student")
        before = await ana.ask(title="Before")
        await asyncio.gather(*(ana.get("/tickets") for _ in range(20)))  # the pools are full of connections
        await asyncio.to_thread(own_postgresql.stop, signal.SIGQUIT)
        for _ in range(2):
            await _all_unavailable(client, ana.headers)
        await asyncio.to_thread(own_postgresql.start)

        async def is_ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await until(is_ready, "it does not recover")
        answers = await asyncio.gather(*(ana.get("/tickets") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert [item["id"] for item in answers[0].json()["items"]] == [before["id"]]
        await ana.ask(title="After")


async def test_connections_that_were_cut_are_replaced(on_own_postgresql: FastAPI) -> None:
    """After a restart, idle connections are dead; no request notices."""
    transport = httpx2.ASGITransport(app=on_own_postgresql, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        ana = await join(client, "student")
        await asyncio.gather(*(ana.get("/tickets") for _ in range(20)))
        database: Database = on_own_postgresql.state.database
        for _ in range(2):
            own = await asyncpg.connect(database.settings.database_url)
            await own.execute(
                "SELECT pg_terminate_backend(pid, 60_000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await own.close()
            answers = [await ana.get("/tickets"), await ana.get("/auth/me"), await ana.post("/tickets", {})]
            assert [answer.status_code for answer in answers] == [200, 200, 422]
            await ana.ask()


async def test_a_database_that_refuses_for_a_passing_reason_is_503(on_own_postgresql: FastAPI) -> None:
    """Full disk, too many connections, shutting down, read-only standby."""
    database: Database = on_own_postgresql.state.database
    for state in ("53100", "53200", "53300", "57P01", "57P03", "25006", "40001", "40P01", "55P03", "57014", "58030"):
        with pytest.raises(Unavailable):
            async with database.write() as db:
                await db.execute(sa.text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"))


async def test_a_sqlite_that_cannot_be_opened_is_503(tmp_path: Path) -> None:
    home = tmp_path / "data"
    application = create_app(settings_for(f"sqlite:///{home / 'mentorq.db'}", home))
    async with application.router.lifespan_context(application):
        await application.state.database.engine.dispose()
        await application.state.database.readers.dispose()
        home.rename(tmp_path / "elsewhere")
        transport = httpx2.ASGITransport(app=application, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            problem(await client.get("/tags"), 503, "unavailable")
            problem(await client.get("/readyz"), 503, "unavailable")
            (tmp_path / "elsewhere").rename(home)
            assert (await client.get("/tags")).status_code == 200


def test_no_error_names_the_libraries_that_we_use() -> None:
    """The texts of the framework's own errors are replaced by ours."""
    assert all(re.fullmatch(r"[A-Z].*\.", sentence) for _, sentence in HTTP_ERRORS.values())
