"""Limits: counted in memory or in Redis, told in headers, and no lock that strangers can cause."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2
import pytest
import time_machine
from fastapi import FastAPI

from mentorq.core import ratelimit
from mentorq.core.errors import TooManyRequests
from mentorq.core.ratelimit import RateLimiter
from mentorq.main import create_app
from mentorq.settings import Settings
from tests.support.databases import SQLiteTemplate, settings_for
from tests.support.patience import PATIENCE_SECONDS, until
from tests.support.people import PASSWORD, Person, join
from tests.support.problems import problem
from tests.support.servers import free_port, start_valkey

pytestmark = pytest.mark.anyio


def limiter_settings(home: Path, redis_url: str = "") -> Settings:
    """Settings with limits."""
    return settings_for(f"sqlite:///{home / 'mentorq.db'}", home, rate_limits=True, redis_url=redis_url)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that only the test moves: however slow the machine, no window goes by meanwhile."""
    with time_machine.travel(time.time(), tick=False) as traveller:
        yield traveller


@pytest.fixture(params=["memory", "redis"])
async def limiter(
    request: pytest.FixtureRequest, tmp_path: Path, clock: time_machine.Traveller
) -> AsyncIterator[RateLimiter]:
    """Counts in memory, and in a real Valkey."""
    url = request.getfixturevalue("valkey_url") if request.param == "redis" else ""
    found = RateLimiter(limiter_settings(tmp_path, url))
    yield found
    await found.stop()


async def test_as_many_as_allowed_pass_and_the_next_is_told_when_to_come_back(limiter: RateLimiter) -> None:
    key = token_hex(8)
    remaining = [(await limiter.hit("x", "5/minute", key))["RateLimit-Remaining"] for _ in range(5)]
    assert remaining == ["4", "3", "2", "1", "0"]
    with pytest.raises(TooManyRequests) as refused:
        await limiter.hit("x", "5/minute", key)
    headers = refused.value.headers
    assert headers["RateLimit-Limit"] == "5"
    assert headers["RateLimit-Remaining"] == "0"
    assert 1 <= int(headers["Retry-After"]) <= 61
    assert headers["RateLimit-Reset"] == headers["Retry-After"]
    await limiter.hit("x", "5/minute", key + "another")
    await limiter.hit("another", "5/minute", key)


async def test_fifty_at_once_do_not_slip_through(limiter: RateLimiter) -> None:
    key = token_hex(8)
    outcomes = await asyncio.gather(*(limiter.hit("x", "20/minute", key) for _ in range(50)), return_exceptions=True)
    assert sum(isinstance(outcome, dict) for outcome in outcomes) == 20


async def test_the_window_slides(limiter: RateLimiter, clock: time_machine.Traveller) -> None:
    key = token_hex(8)
    for _ in range(2):
        await limiter.hit("x", "2/minute", key)
        clock.shift(30)
    clock.shift(5)  # the first is 65 s old, the second 35 s: one place is free, not two
    await limiter.hit("x", "2/minute", key)
    with pytest.raises(TooManyRequests):
        await limiter.hit("x", "2/minute", key)


async def test_looking_counts_nothing(limiter: RateLimiter) -> None:
    key = token_hex(8)
    for _ in range(10):
        await limiter.check("x", "2/minute", key)
    assert await limiter.used("x", "2/minute", key) == 0
    await limiter.hit("x", "2/minute", key)
    assert await limiter.used("x", "2/minute", key) == 1


async def test_two_processes_share_a_count_in_redis(valkey_url: str, tmp_path: Path) -> None:
    first, second = (RateLimiter(limiter_settings(tmp_path, valkey_url)) for _ in range(2))
    key = token_hex(8)
    await first.hit("x", "2/minute", key)
    await second.hit("x", "2/minute", key)
    for each in (first, second):
        with pytest.raises(TooManyRequests):
            await each.hit("x", "2/minute", key)
        await each.stop()


async def test_without_redis_each_process_counts_for_itself_and_nobody_waits(tmp_path: Path) -> None:
    port = free_port()
    server = start_valkey(port, tmp_path)
    limiter = RateLimiter(limiter_settings(tmp_path, f"redis://127.0.0.1:{port}/0"))
    try:
        await limiter.hit("x", "3/minute", "ana")
        server.kill()
        server.wait()
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(3):
                await limiter.hit("x", "3/minute", "ana")
            with pytest.raises(TooManyRequests):
                await limiter.hit("x", "3/minute", "ana")
        server = start_valkey(port, tmp_path)

        async def is_forgotten() -> bool:
            try:
                await limiter.hit("x", "3/minute", "ana")
            except TooManyRequests:
                return False
            return True

        await until(is_forgotten, "Redis is back, and is not used")
    finally:
        server.kill()
        server.wait()
        await limiter.stop()


async def test_a_redis_that_hangs_costs_one_wait_not_one_for_each_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    server = start_valkey(port, tmp_path)
    limiter = RateLimiter(limiter_settings(tmp_path, f"redis://127.0.0.1:{port}/0"))
    try:
        await limiter.hit("x", "100/minute", "ana")
        server.send_signal(signal.SIGSTOP)  # it accepts connections, and never answers
        monkeypatch.setattr(ratelimit, "REDIS_SECONDS", 0.5)
        monkeypatch.setattr(ratelimit, "AGAIN_SECONDS", 86400.0)
        asked: list[object] = []
        ask = ratelimit._ask

        async def note(whom: Any, *what: Any, **how: Any) -> Any:
            asked.append(whom)
            return await ask(whom, *what, **how)

        monkeypatch.setattr(ratelimit, "_ask", note)
        for _ in range(20):
            await limiter.hit("x", "100/minute", "ana")
        assert [each is limiter._shared for each in asked] == [True] + 20 * [False]
    finally:
        server.kill()
        server.wait()
        await limiter.stop()


# --- the limits of the application


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[FastAPI]:
    """A running application."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def limited_app(sqlite_template: SQLiteTemplate, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The application with limits."""
    with sqlite_template.copy() as url:
        async with application(settings_for(url, tmp_path, rate_limits=True)) as app:
            yield app


def from_address(app: FastAPI, address: str) -> httpx2.AsyncClient:
    """A client at an address."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 1234))
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


async def sign_in(client: httpx2.AsyncClient, name: str, password: str) -> httpx2.Response:
    """Try to."""
    return await client.post("/auth/signin", data={"username": name, "password": password})


def refused(answer: httpx2.Response, limit: str) -> None:
    """429 with everything that a client needs."""
    problem(answer, 429, "too_many_requests")
    assert answer.headers["RateLimit-Limit"] == limit
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert int(answer.headers["Retry-After"]) >= 1


async def test_ten_sign_ups_an_hour_from_an_address(limited_app: FastAPI, clock: time_machine.Traveller) -> None:
    async with from_address(limited_app, "10.0.0.1") as here, from_address(limited_app, "10.0.0.2") as there:
        for _ in range(10):
            await join(here, "student")
        body = {"username": "eleven", "email": "eleven@example.org", "password": PASSWORD, "role": "student"}
        refused(await here.post("/auth/signup", json=body), "10")
        await join(there, "student")
        clock.shift(3601)
        assert (await here.post("/auth/signup", json=body)).status_code == 201


async def test_twenty_tickets_an_hour_and_sixty_messages_a_minute(limited_app: FastAPI) -> None:
    async with from_address(limited_app, "10.0.0.1") as client:
        ana, eve, ben = await join(client, "student"), await join(client, "student"), await join(client, "mentor")
        tickets = [await ana.ask() for _ in range(20)]
        refused(await ana.post("/tickets", {"title": "A", "description": "B"}), "20")
        await eve.ask()  # the limit is a person's, not an address's
        path = f"/tickets/{tickets[0]['id']}"
        await ben.expect(200, "POST", f"{path}/accept")
        for number in range(60):
            await ana.expect(201, "POST", f"{path}/messages", {"body": str(number)})
        refused(await ana.post(f"{path}/messages", {"body": "61"}), "60")
        await ben.expect(201, "POST", f"{path}/messages", {"body": "Slow down."})
        assert (await ana.get(path)).status_code == 200


async def test_six_hundred_requests_a_minute(limited_app: FastAPI) -> None:
    async with from_address(limited_app, "10.0.0.1") as client:
        ana = await join(client, "student")
        for _ in range(600):
            assert (await ana.get("/auth/me")).status_code == 200
        refused(await ana.get("/auth/me"), "600")
        assert (await client.get("/tags")).status_code == 200


async def test_ten_failures_lock_one_address_out_and_never_the_owner_elsewhere(
    limited_app: FastAPI, clock: time_machine.Traveller
) -> None:
    async with from_address(limited_app, "10.0.0.1") as owner, from_address(limited_app, "10.6.6.6") as stranger:
        ana = await join(owner, "student")
        for number in range(10):
            problem(await sign_in(stranger, ana.username, f"wrong-{number}"), 401, "wrong_credentials")
        refused(await sign_in(stranger, ana.username, PASSWORD), "10")
        refused(await sign_in(stranger, ana.username.upper(), PASSWORD), "10")
        assert (await sign_in(owner, ana.username, PASSWORD)).status_code == 200
        eve = await join(owner, "student")
        assert (await sign_in(stranger, eve.username, PASSWORD)).status_code == 200
        clock.shift(15 * 60 + 1)
        assert (await sign_in(stranger, ana.username, PASSWORD)).status_code == 200


async def test_name_and_email_of_an_account_are_one_count(limited_app: FastAPI) -> None:
    async with from_address(limited_app, "10.0.0.1") as owner, from_address(limited_app, "10.6.6.6") as stranger:
        ana = await join(owner, "student")
        answers = [
            await sign_in(stranger, name, "wrong-password") for _ in range(6) for name in (ana.username, ana.email)
        ]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2


async def test_failures_at_names_that_do_not_exist_are_counted_alike(limited_app: FastAPI) -> None:
    async with from_address(limited_app, "10.6.6.6") as stranger:
        answers = [await sign_in(stranger, "no-such-person", "wrong-password") for _ in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]


async def test_successes_are_no_failures(limited_app: FastAPI) -> None:
    async with from_address(limited_app, "10.0.0.1") as client:
        ana: Person = await join(client, "student")
        for _ in range(15):
            assert (await sign_in(client, ana.username, PASSWORD)).status_code == 200
