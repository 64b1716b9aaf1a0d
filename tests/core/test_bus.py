"""Hints between processes, by a real Valkey: they arrive, and nothing breaks when it is gone."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import redis.asyncio as redis
from fastapi import FastAPI

from mentorq.accounts import access
from mentorq.core import redis_bus
from mentorq.core.bus import GAP, Bus
from mentorq.core.errors import Unavailable
from mentorq.core.redis_bus import TOPIC, RedisBus
from mentorq.main import create_app
from tests.support.databases import settings_for
from tests.support.patience import PATIENCE_SECONDS, until
from tests.support.people import PASSWORD, Person, join
from tests.support.problems import problem
from tests.support.servers import Valkey, free_port

pytestmark = pytest.mark.anyio

FOREVER = 86400.0


@dataclass
class Heard:
    """What a listener was told."""

    messages: list[str] = field(default_factory=list)

    async def until(self, true: Callable[[list[str]], bool]) -> None:
        """Wait until it was told what is expected."""
        await until(lambda: true(self.messages), f"heard: {self.messages[-3:]}")


@asynccontextmanager
async def listening(url: str, channel: str) -> AsyncIterator[tuple[RedisBus, Heard]]:
    """A bus that is connected, and what it hears on a channel."""
    bus, heard = RedisBus(url), Heard()
    bus.listen(channel, heard.messages.append)
    await bus.start()
    try:
        yield bus, heard
    finally:
        await bus.stop()


async def test_within_a_process_everybody_is_told_at_once() -> None:
    bus, first, second = Bus(), Heard(), Heard()
    bus.listen("a", first.messages.append)
    bus.listen("a", second.messages.append)
    bus.listen("b", second.messages.append)
    await bus.publish("a", "1")
    await bus.publish("nobody listens", "2")
    assert (first.messages, second.messages) == (["1"], ["1"])


async def test_a_listener_that_fails_stops_nobody_else() -> None:
    bus, heard = Bus(), Heard()

    def fails(_: str) -> None:
        raise ZeroDivisionError

    bus.listen("a", fails)
    bus.listen("a", heard.messages.append)
    await bus.publish("a", "1")
    assert heard.messages == ["1"]


async def test_hints_cross_processes_once(valkey_url: str) -> None:
    async with listening(valkey_url, "a") as (here, mine), listening(valkey_url, "a") as (there, theirs):
        await theirs.until(lambda messages: GAP in messages)
        await mine.until(lambda messages: GAP in messages)
        for number in range(100):
            await here.publish("a", f"hint {number} with spaces")
        await here.publish("a", "one end")
        await theirs.until(lambda messages: "one end" in messages)
        await there.publish("a", "other end")
        await mine.until(lambda messages: "other end" in messages)
        expected = [*(f"hint {number} with spaces" for number in range(100)), "one end", "other end"]
        assert [message for message in theirs.messages if message != GAP] == expected
        assert [message for message in mine.messages if message != GAP] == expected, "told at once, and not twice"


async def test_nonsense_on_the_channel_is_no_end(valkey_url: str) -> None:
    async with listening(valkey_url, "a") as (_, heard), redis.from_url(valkey_url) as stranger:
        await heard.until(lambda messages: GAP in messages)
        for nonsense in (b"", b"x", b"x y", b"\xff\xfe \xff \xff", b" " * 10):
            await stranger.publish(TOPIC, nonsense)

        async def hears_hello() -> bool:
            await stranger.publish(TOPIC, b"stranger a hello")
            return "hello" in heard.messages

        await until(hears_hello, "at worst it connects again")


async def test_a_gap_is_told_after_reconnecting_and_hints_flow_again(own_valkey: Valkey) -> None:
    async with listening(own_valkey.url, "a") as (here, _), listening(own_valkey.url, "a") as (_, theirs):
        await theirs.until(lambda messages: messages == [GAP])
        own_valkey.kill()
        async with asyncio.timeout(PATIENCE_SECONDS):
            for number in range(10):
                await here.publish("a", f"lost {number}")
        with pytest.raises(Unavailable):
            await here.ping()
        own_valkey.start()
        await theirs.until(lambda messages: messages == [GAP, GAP])

        async def answers() -> bool:
            try:
                await here.ping()
            except Unavailable:
                return False
            return True

        await until(answers, "it is there again")

        async def is_found() -> bool:
            await here.publish("a", "found")
            return "found" in theirs.messages

        await until(is_found, "hints flow again")


async def test_a_valkey_that_hangs_costs_one_wait_however_many_hints(
    own_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_bus, "PUBLISH_SECONDS", 0.5)
    monkeypatch.setattr(redis_bus, "RECONNECT_SECONDS", FOREVER)
    async with listening(own_valkey.url, "a") as (here, heard):
        await heard.until(lambda messages: GAP in messages)
        own_valkey.process.send_signal(signal.SIGSTOP)
        sent: list[str] = []
        publish = here._redis.publish

        async def note(topic: str, line: str) -> None:
            sent.append(line)
            await publish(topic, line)

        monkeypatch.setattr(here._redis, "publish", note)
        await asyncio.gather(*(here.publish("a", str(number)) for number in range(50)))
        assert len(sent) == 50, "who does not know yet waits, all at the same time"
        for number in range(50):
            await here.publish("a", str(number))
        assert len(sent) == 50, "one wait, not fifty more"
        assert len([message for message in heard.messages if message != GAP]) == 100, (
            "this process is told all the same"
        )


async def test_an_application_starts_and_works_without_its_valkey(database_url: str, tmp_path: Path) -> None:
    app = create_app(
        settings_for(database_url, tmp_path, redis_url=f"redis://127.0.0.1:{free_port()}/0", rate_limits=True)
    )
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        ana = await join(client, "student")
        await ana.ask()
        problem(await client.get("/readyz"), 503, "unavailable")
        await ana.expect(204, "POST", "/auth/signout")
        problem(await ana.get("/auth/me"), 401)


async def test_who_signs_out_here_is_refused_there_at_once(
    database_url: str, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "CACHE_SECONDS", FOREVER)  # so that a hint it is
    settings = settings_for(database_url, tmp_path, redis_url=valkey_url)
    async with AsyncExitStack() as stack:
        apps, clients, heard = list[FastAPI](), list[httpx2.AsyncClient](), [Heard(), Heard()]
        for each in heard:
            app = create_app(settings)
            await stack.enter_async_context(app.router.lifespan_context(app))
            app.state.database.bus.listen("test", each.messages.append)
            apps.append(app)
            transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
            clients.append(
                await stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://test"))
            )
        here, there = clients
        for app, other in zip(apps, reversed(heard), strict=True):

            async def is_heard(app: FastAPI = app, other: Heard = other) -> bool:
                await app.state.database.bus.publish("test", "hello")
                return "hello" in other.messages

            await until(is_heard, "both are subscribed")
        ana = await join(here, "student")
        elsewhere = Person(there, ana.id, ana.username, ana.email, ana.tokens)
        for end in ("/auth/signout", "/auth/password/change"):
            tokens = await here.post("/auth/signin", data={"username": ana.username, "password": PASSWORD})
            elsewhere.tokens = tokens.json()
            assert (await elsewhere.get("/auth/me")).status_code == 200, "and now it is in the cache there"
            if end == "/auth/signout":
                same = Person(here, ana.id, ana.username, ana.email, tokens.json())
                await same.expect(204, "POST", end)
            else:
                change = {"current_password": PASSWORD, "new_password": "another-Passphrase-8"}
                await ana.expect(204, "POST", end, change)

            async def is_refused() -> bool:
                return (await elsewhere.get("/auth/me")).status_code == 401

            await until(is_refused, "nobody told the other process")
