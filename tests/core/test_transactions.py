"""What a transaction promises, and that nothing acknowledged is lost when processes are killed."""

import asyncio
from asyncio import gather
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from mentorq.core.database import Database, Write
from mentorq.settings import Settings
from mentorq.tags.models import TagRow
from tests.support.databases import settings_for
from tests.support.patience import PATIENCE_SECONDS
from tests.support.people import PASSWORD
from tests.support.processes import Server

pytestmark = pytest.mark.anyio

TAGS = sa.select(TagRow.name).order_by(TagRow.id)


async def add(db: Write, name: str) -> None:
    """Write something."""
    await db.execute(sa.insert(TagRow).values(name=name, tickets=0, mentors=0))


async def names(database: Database) -> list[str]:
    """What was written."""
    async with database.read() as db:
        return await db.scalars(TAGS)


async def test_a_transaction_that_fails_leaves_nothing_and_calls_nobody(database: Database) -> None:
    called: list[str] = []

    async def note() -> None:
        called.append("after")

    async def fails() -> None:
        async with database.write() as db:
            await add(db, "one")
            db.after_commit(note)
            assert await db.scalars(TAGS) == ["one"]
            raise ZeroDivisionError

    for _ in range(20):  # more often than there are connections
        with pytest.raises(ZeroDivisionError):
            await fails()
    assert (await names(database), called) == ([], [])
    async with database.write() as db:
        await add(db, "two")
        db.after_commit(note)
        assert called == []
    assert (await names(database), called) == (["two"], ["after"])


async def test_a_statement_that_fails_takes_the_whole_transaction_with_it(database: Database) -> None:
    async def fails() -> None:
        async with database.write() as db:
            await add(db, "one")
            await add(db, "one")

    with pytest.raises(sa.exc.IntegrityError):
        await fails()
    assert await names(database) == []


async def test_who_is_cancelled_has_written_nothing(database: Database) -> None:
    written = asyncio.Event()

    async def slow() -> None:
        async with database.write() as db:
            await add(db, "one")
            written.set()
            await asyncio.sleep(60)

    work = asyncio.create_task(slow())
    await written.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await names(database) == []
    async with asyncio.timeout(PATIENCE_SECONDS), database.write() as db:
        await add(db, "two")


async def test_what_comes_after_the_commit_cannot_undo_it(database: Database) -> None:
    heard: list[str] = []

    async def fails() -> None:
        raise ZeroDivisionError

    async def note() -> None:
        heard.append("second")

    async with database.write() as db:
        await add(db, "one")
        db.after_commit(fails)
        db.after_commit(note)
    assert (await names(database), heard) == (["one"], ["second"])


async def test_nobody_sees_half_of_a_transaction(database: Database) -> None:
    async with database.write() as db:
        await add(db, "one")
        await add(db, "two")
        assert await names(database) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_reads_on_sqlite_are_one_snapshot(database: Database) -> None:
    async with database.read() as reader:
        assert await reader.scalars(TAGS) == []
        async with database.write() as db:
            await add(db, "one")
        assert await reader.scalars(TAGS) == []
    assert await names(database) == ["one"]


async def test_twenty_who_read_and_then_write_lose_no_update(settings: Settings, database: Database) -> None:
    """Two processes on SQLite; on PostgreSQL the row is locked by who reads it to write it."""
    others = Database(settings)
    await others.start()
    async with database.write() as db:
        await add(db, "counter")

    async def increase(home: Database) -> None:
        async with home.write() as db:
            before = await db.scalar(sa.select(TagRow.tickets).with_for_update())
            await asyncio.sleep(0.005)
            await db.execute(sa.update(TagRow).values(tickets=before + 1))

    try:
        await gather(*(increase(home) for _ in range(10) for home in (database, others)))
    finally:
        await others.stop()
    async with database.read() as reads:
        assert await reads.scalar(sa.select(TagRow.tickets)) == 20


# --- kill -9

KILLS = 10
WRITERS = 4


@pytest.fixture
def durable_settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of an installation that gets killed."""
    return settings_for(database_url, tmp_path, embedded_worker=True)


async def write_until_it_dies(server: Server, token: str, round_number: int, acknowledged: list[str]) -> None:
    """Ask questions as fast as they are answered; note what was acknowledged."""
    async with httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS) as client:
        for number in range(10_000):
            title = f"{round_number} {id(client)} {number}"
            body = {"title": title, "description": "Is it still there?", "tags": ["python"]}
            try:
                answer = await client.post("/tickets", json=body, headers={"Authorization": f"Bearer {token}"})
            except httpx2.TransportError:
                return
            if answer.status_code == 201:
                acknowledged.append(title)


async def kept_titles(database: Database) -> set[str]:
    """What is in the database."""
    async with database.read() as db:
        return set(await db.scalars(sa.text("SELECT title FROM tickets")))


async def test_ten_kills_lose_nothing_that_was_acknowledged(durable_settings: Settings) -> None:
    server, acknowledged, token = Server(durable_settings), list[str](), ""
    for round_number in range(KILLS):
        await asyncio.to_thread(server.start)
        async with httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS) as client:
            if not token:
                who = {"username": "ana", "email": "ana@example.org", "password": PASSWORD, "role": "student"}
                assert (await client.post("/auth/signup", json=who)).status_code == 201
                answer = await client.post("/auth/signin", data={"username": "ana", "password": PASSWORD})
                token = answer.json()["access_token"]
        before = len(acknowledged)
        writers = [
            asyncio.create_task(write_until_it_dies(server, token, round_number, acknowledged)) for _ in range(WRITERS)
        ]
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(acknowledged) < before + 10 + round_number:
                await asyncio.sleep(0.005)
        server.kill()
        await gather(*writers)
    database = Database(durable_settings)
    try:
        kept = await kept_titles(database)
        async with database.read() as db:
            events = await db.scalar(sa.text("SELECT count(*) FROM ticket_events"))
            tagged = await db.scalar(sa.text("SELECT count(*) FROM ticket_tags"))
            counter = await db.scalar(sa.text("SELECT tickets FROM tags WHERE name = 'python'"))
    finally:
        await database.stop()
    assert len(acknowledged) >= KILLS * 10
    assert set(acknowledged) <= kept, "what was acknowledged is lost"
    assert len(kept) == events == tagged == counter, "a ticket was written by half"
