"""Notifications as they come: at once, in order, each once, whatever happens to the connection."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
import time_machine
from fastapi import FastAPI

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.jobs import Worker
from mentorq.core.security import access_token, read_access_token
from mentorq.notifications.stream import LOOK_EVERY_SECONDS, Follower
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.life import ticket_in
from tests.support.patience import PATIENCE_SECONDS, until
from tests.support.people import Join, Person, join, join_quietly
from tests.support.processes import Server
from tests.support.streams import ServerSent, stream

pytestmark = pytest.mark.anyio

CUTS = 200
TRIES = 10

PATH = "/notifications/stream"
Pair = tuple[Person, Person, dict[str, Any]]


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    """A server of our own, with its worker."""
    with Server(settings.model_copy(update={"embedded_worker": True})) as server:
        yield server


@pytest.fixture
async def pair(server: Server) -> AsyncIterator[Pair]:
    """A student, the mentor who has the ticket, and the ticket."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS) as client:
        ana, bo = await join_quietly(client, "student"), await join(client, "mentor")
        yield ana, bo, await ticket_in("assigned", ana, bo)


async def next_of(events: AsyncIterator[ServerSent], name: str) -> ServerSent:
    """The next event of a name."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in events:
            if event.name == name:
                return event
    raise AssertionError("the stream has ended")


async def say(person: Person, ticket: dict[str, Any], body: str) -> int:
    """Post a message; returns its id."""
    message = await person.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": body})
    number: int = message["id"]
    return number


async def test_what_happens_arrives_at_once(pair: Pair) -> None:
    ana, bo, ticket = pair
    async with stream(ana.client, PATH, ana.headers) as events:
        assert (await next_of(events, "unread")).data["unread"] in (0, 1)  # the worker may not have been there yet
        arrived = [float("-inf")]
        for number in range(TRIES):
            message_id = await say(bo, ticket, f"Hello {number}")
            while (event := await next_of(events, "notification")).data["type"] != "message_posted":
                continue
            arrived.append(time.monotonic())
            assert event.data["data"]["message_id"] == message_id
            if number == 0:
                listed = (await ana.get("/notifications")).json()["items"][0]
                assert event.data == listed | {"unread": 2}
    looks = [later - earlier for earlier, later in pairwise(arrived)]
    assert min(looks) < LOOK_EVERY_SECONDS / 2, "who only looks now and then finds one message at each look"


async def test_another_place_hears_what_was_read(pair: Pair) -> None:
    ana, _, _ = pair
    async with stream(ana.client, PATH, ana.headers, after=0) as events:
        accepted = await next_of(events, "notification")
        await ana.expect(200, "POST", f"/notifications/{accepted.data['id']}/read")
        read = await next_of(events, "unread")
        assert read.data == {"unread": 0}
        assert read.id > accepted.id


async def test_200_cuts_lose_nothing_and_repeat_nothing(pair: Pair) -> None:
    ana, bo, ticket = pair
    random, sent, seen, ids = Random(7), list[int](), list[int](), list[int]()
    finished = asyncio.Event()

    async def talk() -> None:
        while not finished.is_set() and len(sent) < 600:
            sent.append(await say(bo, ticket, f"Number {len(sent)}"))
            await asyncio.sleep(random.uniform(0, 0.02))

    async def read_for(seconds: float, until: int = 1_000_000) -> None:
        after = ids[-1] if ids else 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), stream(ana.client, PATH, ana.headers, after) as events:
                async for event in events:
                    ids.append(event.id)
                    if event.name == "notification" and event.data["type"] == "message_posted":
                        seen.append(event.data["data"]["message_id"])
                        if len(seen) == until:
                            return

    talking = asyncio.create_task(talk())
    cuts = 0
    while cuts < CUTS or len(sent) < CUTS // 3:
        await read_for(random.uniform(0.005, 0.05))
        cuts += 1
    finished.set()
    await talking
    await read_for(PATIENCE_SECONDS, until=len(sent))
    assert sorted(seen) == sent  # several jobs run at a time: the order is that of the inbox
    assert all(one < other for one, other in pairwise(ids))


async def test_a_stream_ends_with_its_sign_in(pair: Pair) -> None:
    ana = await join(pair[0].client, "student")  # whom nobody tells anything
    async with stream(ana.client, PATH, ana.headers) as events:
        await next_of(events, "unread")
        await ana.expect(204, "POST", "/auth/signout")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert [event async for event in events if event.name == "notification"] == []
    assert (await ana.get(PATH)).status_code == 401


async def test_a_stream_ends_when_its_token_expires(settings: Settings) -> None:
    short = settings.model_copy(update={"access_token_expire_minutes": 1})
    with Server(short) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS) as client:
            ana = await join_quietly(client, "student")
            user, sign_in, _ = read_access_token(settings, ana.tokens["access_token"]) or (0, 0, None)
            with time_machine.travel(now() - timedelta(seconds=55), tick=True):
                nearly_over, _ = access_token(short, user, sign_in)
            async with stream(client, PATH, {"Authorization": f"Bearer {nearly_over}"}) as events:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    assert {event.name async for event in events} <= {"unread"}


async def test_what_comes_before_the_first_look_is_sent(
    app: FastAPI, student: Join, mentor: Join, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, bo = await student(), await mentor()
    ticket = await ana.ask()
    await worker.drain()
    follower: Follower = app.state.follower
    look, may_look = follower._send_news, asyncio.Event()

    async def slow(user_ids: list[int]) -> None:
        await may_look.wait()
        await look(user_ids)

    monkeypatch.setattr(follower, "_send_news", slow)
    reader = await follower.open(Viewer(ana.id, "student", ana.username, 0), None)
    await bo.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
    await worker.drain()
    may_look.set()
    await until(lambda: b"ticket_accepted" in reader._waiting)
    reader.end()


async def test_nobody_has_more_than_twenty(pair: Pair) -> None:
    ana, _, _ = pair
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(PATIENCE_SECONDS):
        open_ones = [await stack.enter_async_context(stream(ana.client, PATH, ana.headers)) for _ in range(20)]
        for events in open_ones:
            await next_of(events, "unread")
        refused = await ana.get(PATH)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    async with asyncio.timeout(PATIENCE_SECONDS):  # places are free again soon
        while True:
            with contextlib.suppress(AssertionError):
                async with stream(ana.client, PATH, ana.headers) as events:
                    await next_of(events, "unread")
                    return
            await asyncio.sleep(0.5)


async def test_head_says_what_get_would_and_ends(pair: Pair) -> None:
    ana, _, _ = pair
    answer = await ana.request("HEAD", PATH)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("nonsense", ["", "x", "-1", "9" * 25, "1e3"])
async def test_a_place_that_is_none_is_now(pair: Pair, nonsense: str) -> None:
    ana, _, _ = pair
    headers = ana.headers | {"Last-Event-ID": nonsense}
    async with stream(ana.client, PATH, headers) as events:
        await next_of(events, "unread")


async def test_the_server_stops_although_somebody_reads(pair: Pair, server: Server) -> None:
    ana, _, _ = pair
    async with stream(ana.client, PATH, ana.headers) as events:
        await next_of(events, "unread")
        assert await asyncio.to_thread(server.stop) == 0
        assert "graceful shutdown exceeded" not in server.log.read_text()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert [event async for event in events] == []


async def test_it_crosses_processes_also_where_hints_do_not(valkey_url: str, database_url: str, tmp_path: Path) -> None:
    settings = settings_for(database_url, tmp_path)
    settings = settings.model_copy(update={"redis_url": valkey_url, "embedded_worker": True})
    deaf = settings.model_copy(update={"redis_url": ""})
    with Server(settings) as first, Server(settings) as second, Server(deaf) as third:
        async with (
            httpx2.AsyncClient(base_url=first.url, timeout=PATIENCE_SECONDS) as here,
            httpx2.AsyncClient(base_url=second.url, timeout=PATIENCE_SECONDS) as there,
            httpx2.AsyncClient(base_url=third.url, timeout=PATIENCE_SECONDS) as nowhere,
        ):
            ana, bo = await join_quietly(here, "student"), await join(here, "mentor")
            ticket = await ticket_in("assigned", ana, bo)
            for other in (there, nowhere):
                elsewhere = replace(ana, client=other)
                async with stream(elsewhere.client, PATH, elsewhere.headers) as events:
                    await next_of(events, "unread")
                    message_id = await say(bo, ticket, "Hello")
                    while (event := await next_of(events, "notification")).data["type"] != "message_posted":
                        continue
                    assert event.data["data"]["message_id"] == message_id
