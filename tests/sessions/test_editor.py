"""The shared editor: who writes at the same time ends up with the same, and what is said to be stored is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from mentorq.core.database import Base, Database
from mentorq.core.jobs import Worker
from mentorq.core.sockets import LONGEST_MESSAGE, Close
from mentorq.sessions.room import documents as hub
from mentorq.sessions.room import seeds, tidying
from mentorq.sessions.room.awareness import MOST_NUMBERS, NOWHERE, write_entries
from mentorq.sessions.room.changes import EMPTY, read_state
from mentorq.sessions.room.documents import Documents
from mentorq.sessions.room.encoding import number
from mentorq.sessions.room.protocol import Kind, Step, awareness, sync
from tests.support.booking import book, tick
from tests.support.editors import Editor, editor
from tests.support.patience import PATIENCE_SECONDS
from tests.support.people import Join, Person
from tests.support.sockets import served

pytestmark = pytest.mark.anyio

Pair = tuple[Person, Person, dict[str, Any]]


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    """Where the application is served."""
    async with served(app) as url:
        yield url


@pytest.fixture
async def pair(student: Join, mentor: Join, worker: Worker) -> Pair:
    """A student, a mentor, and their session about a ticket, which goes on."""
    ana, ben = await student(), await mentor()
    ticket = await ana.ask(description="I tried\n\n```python\nx = x.sort()\n```\n\nbut it is None.")
    booked = await book(ana, ben, ticket_id=ticket["id"])
    await tick(worker)
    return ana, ben, booked


async def rows_of(database: Database, session_id: int) -> list[dict[str, Any]]:
    """What is stored of a room's code."""
    updates = Base.metadata.tables["room_updates"]
    async with database.read() as db:
        return await db.rows(sa.select(updates).where(updates.c.session_id == session_id).order_by(updates.c.seq))


async def room_of(database: Database, session_id: int) -> dict[str, Any]:
    """A room's row."""
    rooms = Base.metadata.tables["rooms"]
    async with database.read() as db:
        row = await db.row(sa.select(rooms).where(rooms.c.session_id == session_id))
    assert row is not None
    return row


async def stored_text(database: Database, session_id: int) -> str:
    """What is stored, for whoever reads it anew."""
    async with database.read() as db:
        return (await seeds.texts(db, session_id))[0]["text"]


async def eventually(true: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.02)


async def test_both_begin_with_the_code_of_the_ticket(url: str, pair: Pair, database: Database) -> None:
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    async with at_ana.connected(), at_ben.connected():
        await at_ana.synced()
        await at_ben.synced()
        expected = {"f0": {"name": "main.py", "language": "python", "position": 0.0, "text": "x = x.sort()\n"}}
        assert at_ana.content == at_ben.content == expected
    assert [row["seq"] for row in await rows_of(database, session["id"])] == [1]


async def test_what_one_writes_the_other_sees_and_it_is_stored(url: str, pair: Pair, database: Database) -> None:
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    async with at_ana.connected(), at_ben.connected():
        await at_ana.synced()
        await at_ben.synced()
        at_ana.write("print(x)\n")
        await at_ben.until(lambda it: it.text == "x = x.sort()\nprint(x)\n")
        await at_ana.saved()
        assert await stored_text(database, session["id"]) == at_ana.text
        assert (at_ben.sent, at_ben.stored) == (0, 0)
    row = await room_of(database, session["id"])
    rows = await rows_of(database, session["id"])
    assert row["update_seq"] == rows[-1]["seq"]
    assert row["document_bytes"] == sum(len(each["data"]) for each in rows)


async def test_of_those_who_do_not_ask_nobody_is_told_what_is_stored(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    at_ana.address = at_ana.address.partition("?")[0]
    async with at_ana.connected(), at_ben.connected():
        await at_ana.synced()
        await at_ben.synced()
        at_ana.write("a")
        await at_ben.until(lambda it: it.text.endswith("a"))
        at_ben.write("b")
        await at_ana.until(lambda it: it.text.endswith("ab"))
        assert at_ana.stored == 0


async def test_all_that_is_written_at_the_same_time_is_there_in_the_end(
    url: str, pair: Pair, database: Database
) -> None:
    ana, ben, session = pair
    random = Random(5)
    editors = [editor(url, session, person) for person in (ana, ben, ana)]
    async with contextlib.AsyncExitStack() as stack:
        for each in editors:
            await stack.enter_async_context(each.connected())
            await each.synced()
        for turn in range(120):
            each = editors[turn % 3]
            text = each.file()
            if turn % 5 == 4:
                del text[: random.randint(1, 3)]
            else:
                each.write(f"<{turn}>", random.randint(0, len(text)))
            if turn % 10 == 0:
                await asyncio.sleep(0)
        for each in editors:
            await each.saved()
        final = await stored_text(database, session["id"])
        for each in editors:
            await each.until(lambda it: it.text == final)
    fresh = editor(url, session, ben)
    async with fresh.connected():
        await fresh.synced()
        assert fresh.text == final


async def test_what_was_written_while_offline_comes_with_the_connection(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    async with at_ana.connected():
        await at_ana.synced()
    at_ana.write("offline ")
    async with at_ben.connected():
        await at_ben.synced()
        at_ben.write("meanwhile ", 0)
        await at_ben.saved()
        async with at_ana.connected():
            await at_ana.saved()
            assert at_ana.sent == 1
            await at_ben.until(lambda it: "offline" in it.text)
            assert at_ana.content == at_ben.content


async def test_who_writes_before_hearing_what_the_server_lacks_is_asked_for_it(url: str, pair: Pair) -> None:
    """As y-websocket does when somebody types in the moment after a reconnection."""
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    async with at_ana.connected():
        await at_ana.synced()
    at_ana.write("offline ")
    async with at_ben.connected(), at_ana.connected():
        at_ana.write("and at once")
        await at_ana.saved()
        assert at_ana.sent >= 2
        await at_ben.until(lambda it: it.text == at_ana.text)


async def test_changes_of_what_nobody_has_are_no_changes(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    async with at_ana.connected(), at_ben.connected():
        await at_ana.synced()
        await at_ben.synced()
        for _ in range(hub.MOST_ASKED_AGAIN + 1):
            at_ana.send(sync(Step.CHANGE, b"\x01\x01\x05\x07\x04\x01\x01r\x01a\0"))
        assert await at_ana.closed() == Close.GARBAGE
        at_ben.write("fine")
        await at_ben.saved()


# --- what is no change

GARBAGE = [
    b"",
    b"\x02",
    b"\0",
    b"\0\x01",
    b"\0\x03\0",
    b"\x64\x01",
    b"\0\x02\x05abc",
    sync(Step.CHANGE, b""),
    sync(Step.CHANGE, b"\x01\x01\x05\0\x08\x01\x01r\x01" + b"\x75\x01" * 31_000 + b"\x7e\0"),
    sync(Step.ANSWER, b"\xff\xff\xff\xff\x0f"),
    sync(Step.ASK, b"\xff\xff\xff\xff\x0f"),
    awareness(b"\x01\x01\x01\x02[]"),
    awareness(b"\xff\xff\xff\x07"),
    sync(Step.CHANGE, EMPTY) + b"\0",
]


@pytest.mark.parametrize("frame", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_costs_its_sender_the_connection_and_nobody_anything_else(
    url: str, pair: Pair, frame: bytes
) -> None:
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    async with at_ben.connected():
        await at_ben.synced()
        before = at_ben.content
        async with at_ana.connected():
            await at_ana.synced()
            at_ana.send(frame)
            assert await at_ana.closed() == Close.GARBAGE
        assert at_ben.content == before
        at_ben.write("on we go")
        await at_ben.saved()
        async with at_ana.connected():
            await at_ana.synced()
            assert at_ana.content == at_ben.content


async def test_what_goes_in_by_half_is_taken_out_again(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    async with at_ben.connected():
        await at_ben.synced()
        at_ben.write("one ")
        async with at_ana.connected():
            await at_ana.synced()
            at_ben.write("two ")
            at_ana.send(sync(Step.CHANGE, spoiling(at_ana)))
            at_ben.write("three ")
            assert await at_ana.closed() == Close.GARBAGE
        await at_ben.saved()
        assert at_ben.text.endswith("one two three ")
        fresh = editor(url, session, ana)
        async with fresh.connected():
            await fresh.synced()
            assert fresh.content == at_ben.content


def spoiling(someone: Editor) -> bytes:
    """A change that puts something into a text as if that were a map."""
    client, clock = next(iter(read_state(someone.doc.get_state()).items()))
    return b"\x01\x01\x05\0\x04\0" + number(client) + number(clock - 1) + b"\x01x\0"


async def test_text_is_the_wrong_kind(url: str, pair: Pair) -> None:
    ana, _, session = pair
    at_ana = editor(url, session, ana)
    async with at_ana.connected():
        assert at_ana.socket is not None
        await at_ana.socket.send("hello")
        assert await at_ana.closed() == Close.WRONG_KIND


async def test_a_frame_has_64_kilobytes(url: str, pair: Pair) -> None:
    ana, _, session = pair
    at_ana = editor(url, session, ana)
    async with at_ana.connected():
        await at_ana.synced()
        at_ana.write("x" * (LONGEST_MESSAGE - 100))
        await at_ana.saved()
        at_ana.write("y" * LONGEST_MESSAGE)
        assert await at_ana.closed() == Close.TOO_LONG


async def test_a_document_has_a_megabyte(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    async with at_ben.connected():
        await at_ben.synced()
        async with at_ana.connected():
            await at_ana.synced()
            for _ in range(17):
                at_ana.write("x" * 61_000)
                await at_ana.saved()
            await at_ben.until(lambda it: it.text == at_ana.text)
            at_ana.write("y" * 61_000)
            assert await at_ana.closed() == Close.TOO_LONG
        assert "y" not in at_ben.text
        del at_ben.file()[:100_000]
        at_ben.write("z" * 10_000)
        await at_ben.saved()
        fresh = editor(url, session, ana)
        async with fresh.connected():
            await fresh.synced()
            assert fresh.text == at_ben.text


@pytest.mark.parametrize(
    "said",
    [
        write_entries([(1, 1, b'{"a":"%s"}' % (b"x" * 4096))]),
        write_entries([(page, 1, b"{}") for page in range(MOST_NUMBERS + 1)]),
    ],
    ids=["a long state", "many pages"],
)
async def test_who_says_too_much_of_oneself(url: str, pair: Pair, said: bytes) -> None:
    ana, _, session = pair
    at_ana = editor(url, session, ana)
    async with at_ana.connected():
        at_ana.send(awareness(said))
        assert await at_ana.closed() == Close.TOO_LONG


async def test_who_asks_all_the_time_is_told_to_slow_down(url: str, pair: Pair) -> None:
    ana, _, session = pair
    at_ana = editor(url, session, ana)
    async with at_ana.connected():
        for _ in range(hub.QUESTIONS + 10):
            at_ana.send(sync(Step.ASK, b"\0"))
        assert await at_ana.closed() == Close.TOO_FAST


# --- who is where


async def test_where_one_is_all_hear_also_who_comes_later(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    here = write_entries([(7, 1, b'{"cursor":1}')])
    async with at_ana.connected():
        at_ana.send(awareness(here))
        await at_ana.until(lambda it: here in it.heard)
        async with at_ben.connected():
            await at_ben.until(lambda it: here in it.heard)
            at_ben.heard.clear()
            at_ben.send(bytes([Kind.QUERY_AWARENESS]))
            await at_ben.until(lambda it: here in it.heard)
            await at_ana.cut()
            await at_ben.until(lambda it: write_entries([(7, 1, NOWHERE)]) in it.heard)
            at_ben.heard.clear()
            at_ben.send(bytes([Kind.QUERY_AWARENESS]))
            await at_ben.until(lambda it: write_entries([]) in it.heard)


# --- from beginning to end


async def test_of_a_session_that_is_over_the_editor_closes(url: str, pair: Pair, app: FastAPI) -> None:
    ana, ben, session = pair
    documents: Documents = app.state.documents
    at_ana = editor(url, session, ana)
    async with at_ana.connected():
        await at_ana.synced()
        at_ana.write("the end")
        await at_ana.until(lambda it: it.sent == 1)
        await asyncio.sleep(0)
        await documents.end(session["id"])
        assert await at_ana.closed() == Close.ENDED
        at_ana.write("too late")
    await ben.expect(200, "POST", f"/sessions/{session['id']}/end")
    async with at_ana.connected():
        assert await at_ana.closed() == Close.ENDED


async def test_a_room_that_is_left_is_not_kept(url: str, pair: Pair, app: FastAPI) -> None:
    ana, _, session = pair
    documents: Documents = app.state.documents
    async with editor(url, session, ana).connected() as at_ana:
        at_ana.send(sync(Step.CHANGE, b"\x01\x01\x05\0\x04\x01\x01r\x01a\0"))
        await at_ana.saved()
        assert list(documents._rooms) == [session["id"]]

    async def is_left() -> bool:
        return not documents._rooms and not documents.recorder._queues

    await eventually(is_left)


async def test_many_rows_become_one(url: str, pair: Pair, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "MOST_ROWS", 20)
    ana, ben, session = pair
    at_ana = editor(url, session, ana)
    async with at_ana.connected():
        await at_ana.synced()
        for turn in range(60):
            at_ana.write(f"{turn} ")
            await at_ana.saved()
        text = at_ana.text

    async def is_tidy() -> bool:
        room, rows = await room_of(database, session["id"]), await rows_of(database, session["id"])
        assert rows[-1]["seq"] == room["update_seq"] == 61
        return len(rows) <= 20 and room["document_bytes"] == sum(len(row["data"]) for row in rows)

    await eventually(is_tidy)
    assert await stored_text(database, session["id"]) == text
    fresh = editor(url, session, ben)
    async with fresh.connected():
        await fresh.synced()
        assert fresh.text == text


async def test_who_leaves_a_room_leaves_it_tidy(url: str, pair: Pair, database: Database) -> None:
    ana, _, session = pair
    at_ana = editor(url, session, ana)
    async with at_ana.connected():
        await at_ana.synced()
        for turn in range(tidying.ROWS_WHEN_LEFT + 2):
            at_ana.write(f"{turn} ")
            await at_ana.saved()

    async def is_tidy() -> bool:
        return len(await rows_of(database, session["id"])) == 1

    await eventually(is_tidy)
    assert await stored_text(database, session["id"]) == at_ana.text


async def test_tidying_beside_writers_loses_nothing(url: str, pair: Pair, database: Database) -> None:
    ana, ben, session = pair
    at_ana, at_ben = editor(url, session, ana), editor(url, session, ben)
    async with at_ana.connected(), at_ben.connected():
        await at_ana.synced()
        await at_ben.synced()
        for turn in range(40):
            at_ana.write(f"a{turn} ")
            at_ben.write(f"b{turn} ", 0)
            last = (await room_of(database, session["id"]))["update_seq"]
            await asyncio.gather(*(tidying.tidy(database, session["id"], last - each) for each in (0, 1, 3)))
        await at_ana.saved()
        await at_ben.saved()
        await at_ben.until(lambda it: it.text == at_ana.text)
        assert await stored_text(database, session["id"]) == at_ana.text
        assert len(await rows_of(database, session["id"])) < 60
