"""Rooms that stay whole: connections are cut, servers are killed, the two people are on different processes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from websockets.exceptions import WebSocketException

from mentorq.sessions.room import router
from mentorq.settings import Settings
from tests.support.booking import book
from tests.support.databases import settings_for
from tests.support.patience import PATIENCE_SECONDS
from tests.support.people import Join, Person, join
from tests.support.processes import Server
from tests.support.servers import Valkey
from tests.support.sockets import Visit, served, visit

pytestmark = pytest.mark.anyio

CUTS = 200


@dataclass
class Talker:
    """Somebody's page: keeps what is not acknowledged, comes back, asks for what was missed."""

    url: str
    person: Person
    session_id: int
    heard: list[dict[str, Any]] = field(default_factory=list)
    unsent: dict[str, str] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    cuts: int = 0

    @property
    def seen(self) -> int:
        """The number of the last message."""
        return self.heard[-1]["seq"] if self.heard else 0

    def write(self, body: str) -> None:
        """Something to say, as soon as it can be said."""
        self.unsent[str(uuid4())] = body
        self.written.append(body)

    async def talk(self, random: Random, cuts: int) -> None:
        """Be there until all is said, with so many connections that end in the middle of something."""
        while True:
            with contextlib.suppress(WebSocketException, OSError, EOFError):
                async with visit(self.url, self.person, self.session_id, self.seen) as there:
                    await self._talk(there, random, None if self.cuts >= cuts else random.randrange(12))
                    return
            self.cuts += 1
            await asyncio.sleep(0.01)

    async def _talk(self, there: Visit, random: Random, frames: int | None) -> None:
        said = dict(list(self.unsent.items())[: None if frames is None else 5])
        for client_id, body in said.items():
            await there.say(body, client_id)
        while self.unsent:
            if frames == 0 or not said:
                there.connection.transport.abort()
                raise EOFError
            frames = None if frames is None else frames - 1
            message = await there.any()
            if message["type"] == "chat" and message["seq"] > self.seen:
                self.heard.append(message)
            if message["type"] == "chat":
                self.unsent.pop(message["client_id"], None)
                said.pop(message["client_id"], None)

    async def hear_until(self, seq: int) -> None:
        """Hear all up to a number."""
        while self.seen < seq:
            with contextlib.suppress(WebSocketException, OSError):
                async with visit(self.url, self.person, self.session_id, self.seen) as there:
                    while self.seen < seq:
                        message = await there.next("chat")
                        if message["seq"] > self.seen:
                            self.heard.append(message)


def everything(*talkers: Talker) -> list[str]:
    """What all of them want to say."""
    return sorted(body for talker in talkers for body in talker.unsent.values())


def check(ana: Talker, ben: Talker, said: list[str]) -> None:
    """Nothing is lost, doubled or in another order."""
    assert ana.heard == ben.heard
    assert [message["seq"] for message in ana.heard] == list(range(1, len(said) + 1))
    assert sorted(message["body"] for message in ana.heard) == said
    for talker in (ana, ben):
        own = [message["body"] for message in ana.heard if message["user_id"] == talker.person.id]
        assert own == talker.written


async def test_nothing_is_lost_doubled_or_reordered_however_often_connections_are_cut(
    app: FastAPI, student: Join, mentor: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(router, "BURST", 100_000)  # nobody writes so fast, and to wait for it would take a minute
    one, other = await student(), await mentor()
    session = await book(one, other)
    random = Random(7)
    async with served(app) as url:
        ana, ben = Talker(url, one, session["id"]), Talker(url, other, session["id"])
        for number in range(150):
            ana.write(f"a {number}")
            ben.write(f"b {number}")
        said = everything(ana, ben)
        async with asyncio.timeout(4 * PATIENCE_SECONDS):
            await asyncio.gather(ana.talk(random, CUTS // 2), ben.talk(random, CUTS // 2))
            await asyncio.gather(ana.hear_until(len(said)), ben.hear_until(len(said)))
    check(ana, ben, said)
    assert ana.cuts + ben.cuts >= 20


async def test_a_server_that_is_killed_loses_nothing_that_came_back(settings: Settings) -> None:
    server = Server(settings)
    with server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS) as client:
            one, other = await join(client, "student"), await join(client, "mentor")
            session = await book(one, other)
        ana, ben = Talker(server.url, one, session["id"]), Talker(server.url, other, session["id"])
        numbers = count()

        async def chatter() -> None:
            for _ in range(3):
                for talker in (ana, ben):
                    for _ in range(40):
                        talker.write(f"message {next(numbers)}")
                talking = [asyncio.create_task(talker.talk(Random(1), 0)) for talker in (ana, ben)]
                await until(lambda: len(ana.heard) % 80 > 5)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
                await asyncio.gather(*talking)

        async with asyncio.timeout(6 * PATIENCE_SECONDS):
            await chatter()
            await asyncio.gather(ana.hear_until(240), ben.hear_until(240))
    check(ana, ben, sorted(f"message {number}" for number in range(240)))


async def until(is_so: Any) -> None:
    """Wait for something to be so."""
    while not is_so():
        await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def apart(settings: Settings) -> AsyncIterator[tuple[str, str, Person, Person, int]]:
    """Two processes, and two people who have a session."""
    with Server(settings) as first, Server(settings) as second:
        async with httpx2.AsyncClient(base_url=first.url, timeout=PATIENCE_SECONDS) as client:
            ana, ben = await join(client, "student"), await join(client, "mentor")
            session = await book(ana, ben)
            yield first.url, second.url, ana, ben, session["id"]


async def test_two_processes_are_one_room(database_url: str, tmp_path: Path, own_valkey: Valkey) -> None:
    settings = settings_for(database_url, tmp_path, redis_url=own_valkey.url)
    async with apart(settings) as (here, there, ana, ben, session_id), visit(here, ana, session_id) as at_ana:
        await at_ana.next("welcome")
        async with visit(there, ben, session_id) as at_ben:
            assert (await at_ana.next("presence"))["user_id"] == ben.id
            if ana.id not in [each["user_id"] for each in (await at_ben.next("welcome"))["presence"]]:
                assert (await at_ben.next("presence"))["user_id"] == ana.id
            await at_ben.tell("typing", on=True)
            await at_ana.next("typing", user_id=ben.id, on=True)
            await at_ana.say("over there?")
            assert (await at_ben.next("chat"))["seq"] == 1
            await asyncio.to_thread(own_valkey.kill)
            await at_ben.say("without hints, a little later")
            assert (await at_ana.next("chat", user_id=ben.id))["seq"] == 2
            own_valkey.start()
            await at_ana.say("and again")
            assert (await at_ben.next("chat", user_id=ana.id, seq=3))["body"] == "and again"
        assert (await at_ana.next("presence", user_id=ben.id, online=False))["typing"] is False
        await ben.expect(200, "POST", f"/sessions/{session_id}/end")
        assert await at_ana.closed() == 4409
