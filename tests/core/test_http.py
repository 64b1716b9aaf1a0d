"""What surrounds every request: ids, headers, versions, numbers and the log."""

import json
import re
from asyncio import gather
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
import structlog
from fastapi import FastAPI

from mentorq.accounts import queries
from mentorq.accounts.models import UserRow
from mentorq.core.database import Database
from mentorq.core.http import SECURITY_HEADERS
from mentorq.main import create_app
from tests.support.databases import SQLiteTemplate, settings_for
from tests.support.people import PASSWORD, Join, Person, join
from tests.support.problems import problem

pytestmark = pytest.mark.anyio

EVERY_KIND = [
    ("GET", "/tags"),
    ("GET", "/nowhere"),
    ("PUT", "/tags"),
    ("GET", "/auth/me"),
    ("GET", "/docs"),
    ("GET", "/"),
    ("GET", "/healthz"),
]


def application(sqlite_template: SQLiteTemplate, home: Path, **changes: Any) -> FastAPI:
    """An application with other settings."""
    return create_app(settings_for(f"sqlite:///{home / 'mentorq.db'}", home, **changes))


def client_of(app: FastAPI, address: str = "127.0.0.1") -> httpx2.AsyncClient:
    """A client at an address."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 4711))
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


async def test_a_proper_request_id_is_kept_and_any_other_replaced(client: httpx2.AsyncClient) -> None:
    for given in ("12345678", "my-request.1_A", "a" * 64):
        assert (await client.get("/tags", headers={"X-Request-Id": given})).headers["X-Request-Id"] == given
    made = set()
    for given in ("", "short", "a" * 65, "with space", "new\tline", "<script>", "a;b;c;d;e", "é" * 10):
        answer = await client.get("/tags", headers={b"X-Request-Id": given.encode()})
        made.add(answer.headers["X-Request-Id"])
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])
    assert len(made) == 8


@pytest.mark.parametrize(("method", "path"), EVERY_KIND)
async def test_every_answer_has_an_id_and_the_security_headers(
    method: str, path: str, client: httpx2.AsyncClient
) -> None:
    answer = await client.request(method, path)
    assert answer.headers["X-Request-Id"]
    for name, value in SECURITY_HEADERS.items():
        if name != "Content-Security-Policy":
            assert answer.headers[name] == value
    assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"].partition("style-src")[0]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in answer.headers
    assert "server" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/", "/signin", "/people", "/nowhere", "/app", "/tags", "/auth/me", "/docs", "/openapi.json", "/healthz"]
)
async def test_head_is_get_without_a_body(path: str, client: httpx2.AsyncClient) -> None:
    for accept in ("text/html", "application/json"):
        headers = {"Accept": accept, "X-Request-Id": "the-same-for-both"}
        got, asked = await client.get(path, headers=headers), await client.head(path, headers=headers)
        assert asked.content == b""
        assert asked.status_code == got.status_code
        for changing in ("Content-Security-Policy", "Content-Length"):  # a nonce, and how well it compresses
            assert (changing in asked.headers) == (changing in got.headers)
            got.headers.pop(changing, None)
            asked.headers.pop(changing, None)
        assert asked.headers == got.headers


async def test_what_can_be_got_can_be_asked_for_by_head(client: httpx2.AsyncClient) -> None:
    answer = await client.put("/tags")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    answer = await client.head("/auth/signin")
    assert answer.status_code == 405
    assert answer.content == b""


async def test_strict_transport_security_is_for_https_only(tmp_path: Path, sqlite_template: SQLiteTemplate) -> None:
    app = application(sqlite_template, tmp_path, public_url="https://mentorq.example.org")
    async with client_of(app) as client:
        assert (await client.get("/healthz")).headers["Strict-Transport-Security"].startswith("max-age=31536000")


async def test_private_answers_are_not_stored(student: Join) -> None:
    ana = await student()
    for path in ("/auth/me", "/tickets", "/users/me/export"):
        assert (await ana.get(path)).headers["Cache-Control"] == "no-store"


# --- versions


async def test_a_change_needs_the_current_version_where_one_is_named(student: Join) -> None:
    ana = await student()
    first = (await ana.get("/auth/me")).headers["ETag"]
    changed = await ana.patch("/users/me", {"bio": "One"}, headers={"If-Match": first})
    assert changed.status_code == 200
    second = changed.headers["ETag"]
    assert second == (await ana.get("/auth/me")).headers["ETag"] != first
    for stale in (first, '"x"', "nonsense", "", f"W/{second}", second.strip('"'), f'{first}, "y"'):
        answer = await ana.patch("/users/me", {"bio": "Two"}, headers={"If-Match": stale})
        problem(answer, 412, "precondition_failed")
    assert (await ana.expect(200, "GET", "/auth/me"))["bio"] == "One"
    for current in (f"{first}, {second}", "*"):
        answer = await ana.patch("/users/me", {"bio": current}, headers={"If-Match": current})
        assert answer.status_code == 200
        second = answer.headers["ETag"]


async def test_of_many_changes_of_one_version_one_wins(student: Join) -> None:
    ana = await student()
    version = {"If-Match": (await ana.get("/auth/me")).headers["ETag"]}
    answers = await gather(*(ana.patch("/users/me", {"bio": str(number)}, headers=version) for number in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9
    winner = next(answer for answer in answers if answer.status_code == 200)
    assert (await ana.expect(200, "GET", "/auth/me"))["bio"] == winner.json()["bio"]


async def test_changing_skills_is_a_new_version_too(mentor: Join) -> None:
    ben = await mentor()
    before = (await ben.get("/auth/me")).headers["ETag"]
    await ben.expect(200, "PATCH", "/users/me", {"skills": ["python"]})
    assert (await ben.get("/auth/me")).headers["ETag"] != before


# --- numbers


async def test_metrics_are_for_loopback(client: httpx2.AsyncClient, app: FastAPI) -> None:
    assert (await client.get("/metrics")).status_code == 200
    async with client_of(app, "10.0.0.1") as stranger:
        problem(await stranger.get("/metrics"), 403)
        problem(await stranger.get("/metrics", headers={"Authorization": "Bearer "}), 403)
        problem(await stranger.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}), 403)


async def test_metrics_are_for_whoever_has_the_token(tmp_path: Path, sqlite_template: SQLiteTemplate) -> None:
    app = application(sqlite_template, tmp_path, metrics_token="wombat-4711")
    async with client_of(app, "10.0.0.1") as client:
        for wrong in (
            {},
            {"Authorization": "Bearer wombat"},
            {"Authorization": "Bearer "},
            {"Authorization": "Bearer é"},
        ):
            encoded = {name.encode(): value.encode() for name, value in wrong.items()}
            problem(await client.get("/metrics", headers=encoded), 403)
        answer = await client.get("/metrics", headers={"Authorization": "Bearer wombat-4711"})
        assert answer.status_code == 200
    async with client_of(app) as loopback:
        problem(await loopback.get("/metrics"), 403)


async def test_metrics_tell_requests_and_statements_by_route_and_nothing_of_whom(
    student: Join, client: httpx2.AsyncClient
) -> None:
    ana = await student()
    ticket = await ana.ask()
    await ana.get(f"/tickets/{ticket['id']}")
    await ana.get("/tickets/4711")
    await ana.get("/nowhere/at/all")
    await client.request("BREW", "/coffee")
    text = (await client.get("/metrics")).text
    assert re.search(
        r'mentorq_request_seconds_count\{method="GET",route="/tickets/\{ticket_id\}",status="200"\} [1-9]', text
    )
    assert re.search(
        r'mentorq_request_seconds_count\{method="GET",route="/tickets/\{ticket_id\}",status="404"\} [1-9]', text
    )
    assert re.search(r'mentorq_request_statements_count\{method="POST",route="/tickets"\} [1-9]', text)
    assert 'route="unmatched"' in text
    labels = " ".join(re.findall(r"\{.*?\}", text.replace("{ticket_id}", "")))
    for private in ("4711", "nowhere", "BREW", "coffee", ana.username):
        assert private not in labels, "one path or method each would be one series each"
    assert float(re.findall(r"^mentorq_requests_in_flight (.*)$", text, re.MULTILINE)[0]) >= 1


async def statements(client: httpx2.AsyncClient, method: str, route: str) -> float:
    """How many statements all requests to a route have sent."""
    text = (await client.get("/metrics")).text
    found = re.search(rf'mentorq_request_statements_sum{{method="{method}",route="{re.escape(route)}"}} (\S+)', text)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize(
    ("path", "route", "most"),
    [("/tickets/{}", "/tickets/{ticket_id}", 1), ("/tickets", "/tickets", 1), ("/tickets/me", "/tickets/me", 1)],
)
async def test_hot_routes_send_one_statement_when_the_sign_in_is_known(
    path: str, route: str, most: int, student: Join, client: httpx2.AsyncClient
) -> None:
    ana = await student()
    address = path.format((await ana.ask())["id"])
    await ana.get(address)
    before = await statements(client, "GET", route)
    await ana.get(address)
    assert await statements(client, "GET", route) - before <= most


# --- the log


@pytest.fixture
async def logged(
    sqlite_template: SQLiteTemplate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Person, Path]]:
    """Somebody in an application that writes JSON lines into a file."""
    file, before = tmp_path / "log", structlog.get_config()
    with sqlite_template.copy() as url, file.open("w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        app = create_app(settings_for(url, tmp_path, log_format="json", log_level="info"))
        async with app.router.lifespan_context(app), client_of(app) as client:
            ana = await join(client, "student")
            yield ana, file
    structlog.configure(**before)


def lines(file: Path) -> list[dict[str, Any]]:
    """What was logged."""
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_a_line_for_each_request_that_says_what_but_not_who(logged: tuple[Person, Path]) -> None:
    ana, file = logged
    await ana.ask(title="A very private question", description="My dog is called Wombat")
    await ana.get("/tickets?q=wombat", headers={"X-Request-Id": "request-4711"})
    await ana.client.post("/auth/signin", data={"username": ana.email, "password": "wrong-Password-1"})
    await ana.client.post(
        "/auth/signup", json={"username": "x", "email": "wrong-address", "password": "hush-hush-hush"}
    )
    await ana.client.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    await ana.expect(200, "PATCH", "/users/me", {"bio": "a secret biography"})
    logged_lines = lines(file)
    line = next(line for line in logged_lines if line.get("request_id") == "request-4711")
    assert (line["event"], line["method"], line["route"], line["status"]) == ("request", "GET", "/tickets", 200)
    assert line["user"] == ana.id
    assert line["ms"] >= 0
    text = file.read_text()
    private = [
        ana.email,
        ana.username,
        PASSWORD,
        "private question",
        "Wombat",
        "wombat",
        "wrong-Password-1",
        "wrong-address",
    ]
    private += [
        "hush-hush",
        "secret biography",
        *(str(token) for token in ana.tokens.values() if isinstance(token, str) and len(token) > 10),
    ]
    for value in private:
        assert value not in text, value


async def test_a_failing_statement_is_logged_without_its_values(
    logged: tuple[Person, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, file = logged

    async def clumsy(db: Any, user_id: int) -> Any:
        insert = sa.insert(UserRow).values(
            id=user_id, email=ana.email, username=ana.username, role="student", password_hash="$2b$04$hush"
        )
        return await db.row(insert)

    monkeypatch.setattr(queries, "user", clumsy)
    problem(await ana.get("/auth/me"), 500)
    text = file.read_text()
    assert "IntegrityError" in text
    for value in (ana.email, ana.username, "$2b$04$hush"):
        assert value not in text


async def test_values_stay_out_of_the_log_on_postgresql_too(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's DETAIL quotes the values of the key that is there already."""
    file, before = tmp_path / "log", structlog.get_config()
    with file.open("w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        app = create_app(settings_for(postgres_url, tmp_path, log_format="json", log_level="info"))
        async with app.router.lifespan_context(app), client_of(app) as client:
            ana = await join(client, "student")
            database: Database = app.state.database
            try:
                async with database.write() as db:
                    await db.execute(sa.text("INSERT INTO users (email) VALUES (:email)"), {"email": ana.email})
            except sa.exc.IntegrityError:
                structlog.get_logger().exception("failed")
    structlog.configure(**before)
    assert "IntegrityError" in file.read_text()
    assert ana.email not in file.read_text()
    assert ana.username not in file.read_text()
