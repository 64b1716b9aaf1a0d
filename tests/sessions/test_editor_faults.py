"""The shared editor when things break: what was said to be stored is, and all have the same in the end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from mentorq.core.database import Database
from mentorq.core.sockets import Close
from mentorq.main import create_app
from mentorq.sessions.room import document_queries as queries
from mentorq.sessions.room import recorder, seeds
from mentorq.sessions.room.awareness import NOWHERE, write_entries
from mentorq.sessions.room.document import Document
from mentorq.sessions.room.documents import Documents
from mentorq.sessions.room.protocol import Step, awareness, sync
from mentorq.settings import Settings
from tests.support.booking import book
from tests.support.databases import settings_for
from tests.support.editors import Editor, editor, eventually
from tests.support.people import Person, join
from tests.support.processes import Server
from tests.support.servers import PostgreSQLServer, ServerMissing, Valkey
from tests.support.sockets import served

pytestmark = pytest.mark.anyio

KILLS = 4
CUTS = 200

Pair = tuple[Person, Person, dict[str, Any]]


@asynccontextmanager
async def pair_at(url: str) -> AsyncIterator[Pair]:
    """A student, a mentor, and their session, at a server."""
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        ana, ben = await join(client, "student"), await join(client, "mentor")
        yield ana, ben, await book(ana, ben)


async def type_on(someone: Editor, random: Random) -> None:
    """Type, and take away now and then, until cancelled or closed."""
    turn = 0
    while someone.close_code is None:
        turn += 1
        text = someone.file()
        if len(text) > 400:
            del text[:200]
        someone.write(f"{turn} ", random.choice((0, len(text))))
        await asyncio.sleep(random.uniform(0, 0.01))


@asynccontextmanager
async def typing(*people: Editor, seed: int = 0) -> AsyncIterator[None]:
    """People who type as long as the block lasts."""
    tasks = [asyncio.create_task(type_on(each, Random(seed + n))) for n, each in enumerate(people)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def document_of(settings: Settings, session_id: int) -> Document:
    """What is stored."""
    database = Database(settings)
    try:
        async with database.read() as db:
            return Document([row["data"] for row in await queries.changes(db, session_id)])
    finally:
        await database.stop()


async def alike(*people: Editor) -> None:
    """Wait until all have the same, and it is stored."""
    for each in people:
        await each.saved()

    async def are_alike() -> bool:
        return all(each.content == people[0].content for each in people)

    await eventually(are_alike)


async def test_what_was_said_to_be_stored_survives_kills(settings: Settings) -> None:
    server = Server(settings)
    server.start()
    try:
        async with pair_at(server.url) as (ana, ben, session):
            people = [editor(server.url, session, person) for person in (ana, ben)]
            random, promised = Random(3), 0
            for turn in range(KILLS):
                async with people[0].connected(), people[1].connected():
                    for each in people:
                        await each.synced()
                    async with typing(*people, seed=10 * turn):
                        await people[turn % 2].until(lambda it: it.stored > random.randint(5, 40))
                        server.kill()
                        for each in people:
                            await each.closed()
                document = await document_of(settings, session["id"])
                for each in people:
                    for change in each.promised:
                        assert document.take(change) is None, "it was said to be stored"
                        promised += 1
                document.close()
                server.start()
            assert promised > 5 * KILLS
            async with people[0].connected(), people[1].connected():
                await alike(*people)
            fresh = editor(server.url, session, ana)
            async with fresh.connected():
                await fresh.synced()
                assert fresh.content == people[0].content
    finally:
        server.stop()


async def test_who_stops_the_server_loses_nothing(settings: Settings) -> None:
    server = Server(settings)
    server.start()
    try:
        async with pair_at(server.url) as (ana, ben, session):
            people = [editor(server.url, session, person) for person in (ana, ben)]
            async with people[0].connected(), people[1].connected():
                for each in people:
                    await each.synced()
                async with typing(*people):
                    await people[0].until(lambda it: it.stored > 20)
                    assert await asyncio.to_thread(server.stop) == 0, server.log.read_text()[-2000:]
                    assert [await each.closed() for each in people] == [Close.RESTARTING] * 2
            document = await document_of(settings, session["id"])
            for each in people:
                assert all(document.take(change) is None for change in each.promised)
            document.close()
            server.start()
            async with people[0].connected(), people[1].connected():
                await alike(*people)
    finally:
        server.stop()
    assert "Traceback" not in server.log.read_text()


async def test_many_cuts_while_both_write_end_in_the_same(app: FastAPI) -> None:
    async with served(app) as url, pair_at(url) as (ana, ben, session):
        people = [editor(url, session, person) for person in (ana, ben)]

        async def live(someone: Editor, random: Random) -> None:
            for _ in range(CUTS // 2):
                async with someone.connected():
                    if random.random() < 0.8:
                        await someone.synced()
                    if someone.text:
                        async with typing(someone, seed=random.randint(0, 1000)):
                            await asyncio.sleep(random.uniform(0, 0.03))
                    await someone.cut()

        await asyncio.gather(*(live(each, Random(n)) for n, each in enumerate(people)))
        async with people[0].connected(), people[1].connected():
            await alike(*people)
            fresh = editor(url, session, ana)
            async with fresh.connected():
                await fresh.synced()
                assert fresh.content == people[0].content


# --- two processes


@contextmanager
def two_servers(settings: Settings, valkey: Valkey) -> Iterator[tuple[str, str]]:
    """The addresses of two processes with one database."""
    shared = settings.model_copy(update={"redis_url": valkey.url})
    with Server(shared) as one, Server(shared) as other:
        yield one.url, other.url


@asynccontextmanager
async def two_applications(settings: Settings, valkey: Valkey) -> AsyncIterator[tuple[str, str]]:
    """The same within this process, which is started sooner."""
    shared = settings.model_copy(update={"redis_url": valkey.url})
    async with AsyncExitStack() as stack:
        urls = []
        for _ in range(2):
            app = create_app(shared)
            await stack.enter_async_context(app.router.lifespan_context(app))
            urls.append(await stack.enter_async_context(served(app)))
        yield urls[0], urls[1]


async def test_two_processes_are_one_document_with_and_without_redis(settings: Settings, own_valkey: Valkey) -> None:
    with two_servers(settings, own_valkey) as (here, there):
        async with pair_at(here) as (ana, ben, session):
            at_ana, at_ben = editor(here, session, ana), editor(there, session, ben)
            async with at_ana.connected(), at_ben.connected():
                await at_ana.synced()
                await at_ben.synced()
                async with typing(at_ana, at_ben):
                    await at_ana.until(lambda it: it.stored > 50)
                await alike(at_ana, at_ben)
                own_valkey.kill()
                async with typing(at_ana, at_ben):
                    await at_ana.until(lambda it: it.stored > 80)
                await alike(at_ana, at_ben)
                own_valkey.start()
                async with typing(at_ana, at_ben):
                    await at_ben.until(lambda it: it.stored > 110)
                await alike(at_ana, at_ben)
                fresh = editor(there, session, ana)
                async with fresh.connected():
                    await fresh.synced()
                    assert fresh.content == at_ana.content


async def test_who_changes_the_process_may_build_on_what_only_the_other_has(
    settings: Settings, own_valkey: Valkey
) -> None:
    async with two_applications(settings, own_valkey) as (here, there), pair_at(here) as (ana, ben, session):
        at_ben, lasting = editor(here, session, ben), editor(there, session, ana)
        moving = editor(here, session, ana)
        async with at_ben.connected(), lasting.connected():
            await at_ben.synced()
            await lasting.synced()
            own_valkey.kill()  # so that the other process does not hear
            for turn in range(5):
                moving.address = moving.address.replace(
                    *((there[4:], here[4:]) if turn % 2 == 0 else (here[4:], there[4:]))
                )
                async with moving.connected():
                    await moving.synced()
                    at_ben.write(f"ben {turn} ")
                    await at_ben.saved()
                    moving.write(f"ana {turn} ")
                    await moving.saved()
            await alike(at_ben, lasting)


async def test_where_one_is_crosses_processes(settings: Settings, own_valkey: Valkey) -> None:
    async with two_applications(settings, own_valkey) as (here, there), pair_at(here) as (ana, ben, session):
        at_ana, at_ben = editor(here, session, ana), editor(there, session, ben)
        first, second = write_entries([(7, 1, b'{"at":1}')]), write_entries([(7, 2, b'{"at":2}')])
        async with at_ben.connected():
            await at_ben.synced()
            async with at_ana.connected():
                at_ana.send(awareness(first))
                await at_ben.until(lambda it: first in it.heard)
                late = editor(there, session, ben)
                async with late.connected():
                    await late.until(lambda it: first in it.heard)
                own_valkey.kill()
                at_ana.send(awareness(second))
                await at_ana.until(lambda it: second in it.heard)
                own_valkey.start()
                await at_ben.until(lambda it: second in it.heard)
            await at_ben.until(lambda it: write_entries([(7, 2, NOWHERE)]) in it.heard)


# --- a database that is away


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQLServer]:
    """A PostgreSQL of this test's own."""
    try:
        server = PostgreSQLServer()
    except ServerMissing as error:
        pytest.skip(str(error))
    with server:
        yield server


async def test_while_the_database_is_away_changes_are_kept_and_nobody_is_told_otherwise(
    own_postgresql: PostgreSQLServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings_for(own_postgresql.url, tmp_path))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        url = await stack.enter_async_context(served(app))
        ana, ben, session = await stack.enter_async_context(pair_at(url))
        at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
        async with at_ana.connected(), at_ben.connected():
            await at_ana.synced()
            await at_ben.synced()
            at_ana.write("before ")
            await at_ana.saved()
            await at_ben.until(lambda it: it.text == "before ")
            own_postgresql.stop()
            at_ana.write("while ")
            at_ana.write("it is away ")
            await kept(app, session, 2)
            assert (at_ana.sent - at_ana.stored, at_ben.text) == (2, "before ")
            own_postgresql.start()
            await alike(at_ana, at_ben)
            own_postgresql.stop()
            monkeypatch.setattr(recorder, "MOST_OF_A_ROOM", 1000)
            at_ana.write("x" * 1000)
            await kept(app, session, 1)
            at_ana.write("too much")
            assert await at_ana.closed() == Close.TOO_SLOW
            own_postgresql.start()
            await at_ben.until(lambda it: it.text.endswith("x"))
            async with at_ana.connected():
                await alike(at_ana, at_ben)
        assert at_ben.text == "before while it is away " + "x" * 1000 + "too much"


async def kept(app: FastAPI, session: dict[str, Any], changes: int) -> None:
    """Wait until so many changes wait for the database."""
    documents: Documents = app.state.documents

    async def are_kept() -> bool:
        return len(documents.recorder.unstored(session["id"])) == changes

    await eventually(are_kept)


async def test_a_room_that_cannot_be_stored_is_no_other_rooms_trouble(
    app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = queries.add_changes

    async def refuse_some(db: Any, changes: Any) -> Any:
        if refused in changes:
            raise ZeroDivisionError
        return await add(db, changes)

    async with served(app) as url, pair_at(url) as (ana, _, session), pair_at(url) as (bea, _, other):
        refused = session["id"]
        at_ana, at_bea = editor(url, session, ana), editor(url, other, bea)
        async with at_ana.connected(), at_bea.connected():
            await at_ana.synced()
            await at_bea.synced()
            monkeypatch.setattr(queries, "add_changes", refuse_some)
            at_ana.write("a")
            at_bea.write("b")
            await at_bea.saved()
            assert await at_ana.closed() == Close.ENDED
    async with database.read() as db:
        assert [file["text"] for file in await seeds.texts(db, other["id"])] == ["b"]


# --- garbage


async def test_damaged_changes_harm_nobody_else(app: FastAPI) -> None:
    """Real changes with some bytes changed: refused, or taken as the changes that they then are."""
    random = Random(11)
    async with served(app) as url, pair_at(url) as (ana, ben, session):
        at_ben = editor(url, session, ben)
        refused = 0
        async with at_ben.connected():
            await at_ben.synced()
            at_ben.write("some text\n" * 20)
            await at_ben.saved()
            for turn in range(60):
                at_ana = editor(url, session, ana)
                async with at_ana.connected():
                    await at_ana.synced()
                    before = at_ben.content
                    at_ana.send(damaged(at_ana, random))
                    at_ana.send(b"\xff")
                    code = await at_ana.closed()
                    assert code in (Close.GARBAGE, Close.TOO_LONG)
                    if not at_ana.stored:
                        refused += 1
                        assert at_ben.content == before
                at_ben.write(f"{turn} ", 0)
                await at_ben.saved()
        assert refused > 20
        documents: Documents = app.state.documents

        async def is_left() -> bool:
            return not documents._rooms

        await eventually(is_left)


def damaged(someone: Editor, random: Random) -> bytes:
    """A change of somebody's that is damaged on its way."""
    other = Document([someone.doc.get_update()])
    writer = Editor("http://nowhere", 1, "")
    writer.doc.apply_update(other.whole())
    other.close()
    made: list[bytes] = []
    watching = writer.doc.observe(lambda event: made.append(event.update))
    text = writer.file()
    text.insert(random.randint(0, len(text)), "hello")
    del text[:3]
    writer.doc.unobserve(watching)
    update = bytearray(random.choice([*made, writer.doc.get_update()]))
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(update))
        match random.randint(0, 3):
            case 0:
                update[at] = random.randrange(256)
            case 1:
                update[at:at] = random.randbytes(3)
            case 2:
                update[at : at + 1] = b"\xff\xff\xff\xff\x0f"
            case _:
                del update[max(at, 1) :]
    return sync(Step.CHANGE, bytes(update))
