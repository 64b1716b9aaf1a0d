"""The room: who enters, what is said and is never lost, who is there, and when it ends."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
import time_machine
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from mentorq.core.clock import now
from mentorq.core.database import Base, Database
from mentorq.core.jobs import Worker
from mentorq.core.security import access_token, read_access_token
from tests.support.booking import at, book, moment, stored, tick, wish
from tests.support.patience import PATIENCE_SECONDS
from tests.support.people import Join, Person
from tests.support.sockets import served, visit

pytestmark = pytest.mark.anyio

Pair = tuple[Person, Person, dict[str, Any]]


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    """Where the application is served."""
    async with served(app) as url:
        yield url


@pytest.fixture
async def pair(student: Join, mentor: Join, worker: Worker) -> Pair:
    """A student, a mentor, and their session, which goes on."""
    ana, ben = await student(), await mentor()
    booked = await book(ana, ben)
    await tick(worker)
    return ana, ben, booked


async def move_times(database: Database, session_id: int, **changes: Any) -> None:
    """As if a session had been booked for another time."""
    sessions = Base.metadata.tables["sessions"]
    changed = sa.update(sessions).where(sessions.c.id == session_id)
    async with database.write() as db:
        await db.execute(changed.values(changes | {"version": sessions.c.version + 1}))


async def refusal(address: str, **options: Any) -> tuple[int, str]:
    """Status and code of the answer to whom is not let in."""
    with pytest.raises(InvalidStatus) as refused:
        async with connect(address.replace("http", "ws"), proxy=None, **options):
            pass
    response = refused.value.response
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, json.loads(response.body)["code"]


async def test_what_is_said_is_stored_numbered_and_heard_by_both(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    async with visit(url, ana, session["id"]) as at_ana, visit(url, ben, session["id"]) as at_ben:
        welcome = await at_ana.next("welcome")
        assert (welcome["seq"], welcome["status"], welcome["ends_at"]) == (0, "live", session["ends_at"])
        assert [each["user_id"] for each in welcome["presence"]] == [ana.id]
        assert {each["user_id"] for each in (await at_ben.next("welcome"))["presence"]} == {ana.id, ben.id}
        first = await at_ana.say("Hello")
        told = await at_ben.next("chat")
        assert {name: told[name] for name in ("seq", "client_id", "user_id", "body")} == {
            "seq": 1, "client_id": first, "user_id": ana.id, "body": "Hello"
        }  # fmt: skip
        assert await at_ana.next("chat") == told
        await at_ben.say("Hi")
        assert (await at_ana.next("chat"))["seq"] == 2


async def test_who_comes_back_gets_what_was_missed_and_nothing_twice(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    async with visit(url, ben, session["id"]) as at_ben:
        for number in range(5):
            await at_ben.say(f"message {number}")
        await at_ben.next("chat", seq=5)
    async with visit(url, ana, session["id"]) as at_ana:
        assert (await at_ana.next("welcome"))["seq"] == 5
        await at_ana.next("chat", seq=5)
        assert [each["seq"] for each in at_ana.heard if each["type"] == "chat"] == [1, 2, 3, 4, 5]
    async with visit(url, ana, session["id"], after=3) as at_ana:
        await at_ana.say("back")
        await at_ana.next("chat", seq=6)
        assert [each["seq"] for each in at_ana.heard if each["type"] == "chat"] == [4, 5, 6]
    async with visit(url, ana, session["id"], after=999) as at_ana:  # as after a backup was restored
        await at_ana.say("and again")
        await at_ana.next("chat", seq=7)


async def test_the_same_message_sent_twice_is_there_once(url: str, pair: Pair, database: Database) -> None:
    ana, ben, session = pair
    async with visit(url, ana, session["id"]) as at_ana, visit(url, ben, session["id"]) as at_ben:
        mine = await at_ana.say("once")
        first = await at_ana.next("chat")
        await at_ana.say("once", mine)
        assert await at_ana.next("chat") == first
        async with visit(url, ana, session["id"], after=1) as elsewhere:
            same = str(uuid4())
            await asyncio.gather(at_ana.say("at once", same), elsewhere.say("at once", same))
            assert (await elsewhere.next("chat"))["seq"] == (await at_ana.next("chat"))["seq"] == 2
        theirs = await at_ben.say("once", mine)  # the other's own name for it is the other's
        assert (await at_ana.next("chat", client_id=theirs))["user_id"] == ben.id
        await at_ben.next("chat", seq=3)
        assert [each["seq"] for each in at_ben.heard if each["type"] == "chat"] == [1, 2, 3]
    messages = Base.metadata.tables["room_messages"]
    async with database.read() as db:
        assert await db.scalars(sa.select(messages.c.body).order_by(messages.c.seq)) == ["once", "at once", "once"]


async def test_who_is_there_and_who_is_writing(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    async with visit(url, ana, session["id"]) as at_ana:
        await at_ana.next("welcome")
        async with visit(url, ben, session["id"]) as at_ben:
            came = await at_ana.next("presence")
            assert came == {
                "type": "presence", "user_id": ben.id, "username": ben.username, "online": True, "typing": False
            }  # fmt: skip
            await at_ben.tell("typing", on=True)
            assert await at_ana.next("typing") == {"type": "typing", "user_id": ben.id, "on": True}
            async with visit(url, ben, session["id"]):  # a second tab
                pass
            await at_ben.say("done")
            assert (await at_ana.next("typing"))["on"] is False
        assert await at_ana.next("presence") == came | {"online": False}


async def test_nonsense_is_told_so_and_the_socket_stays(url: str, pair: Pair) -> None:
    ana, _, session = pair
    mine = str(uuid4())
    wrong = [
        ("{", "bad_message", None),
        ("[]", "bad_message", None),
        ('{"type": "dance"}', "bad_message", None),
        ('{"type": "chat", "client_id": "1", "body": "x"}', "bad_message", "1"),
        (json.dumps({"type": "chat", "client_id": mine, "body": " "}), "bad_message", mine),
        (json.dumps({"type": "chat", "client_id": mine, "body": "x" * 4001}), "too_long", mine),
        (json.dumps({"type": "chat", "client_id": mine, "body": "x", "seq": 9}), "bad_message", mine),
    ]
    async with visit(url, ana, session["id"]) as at_ana:
        for text, code, client_id in wrong:
            await at_ana.connection.send(text)
            told = await at_ana.next("error")
            assert (told["code"], told.get("client_id")) == (code, client_id), told
        await at_ana.tell("ping")
        assert abs(moment((await at_ana.next("pong"))["now"]) - now()) < timedelta(minutes=1)


async def test_what_no_client_of_ours_sends_closes_the_socket(url: str, pair: Pair) -> None:
    ana, _, session = pair
    async with visit(url, ana, session["id"]) as at_ana:
        await at_ana.connection.send(b"\x00")
        assert await at_ana.closed() == 1003
    async with visit(url, ana, session["id"]) as at_ana:
        await at_ana.connection.send("x" * (64 * 1024 + 1))
        assert await at_ana.closed() == 1009
    async with visit(url, ana, session["id"]) as at_ana:
        for _ in range(200):
            with contextlib.suppress(Exception):
                await at_ana.tell("ping")
        assert await at_ana.closed() == 4429


async def test_who_is_not_let_in_is_told_before_the_upgrade(url: str, pair: Pair, student: Join, mentor: Join) -> None:
    ana, ben, session = pair
    stranger = await mentor()
    live = f"{url}/sessions/{session['id']}/live"
    assert await refusal(live) == (401, "not_signed_in")
    assert await refusal(live, additional_headers={"Authorization": "Bearer nonsense"}) == (401, "not_signed_in")
    assert await refusal(f"{live}?token={ana.tokens['access_token']}") == (401, "not_signed_in")
    assert await refusal(live, additional_headers=stranger.headers) == (404, "session_not_found")
    for nothing in ("0", "999", "x", "9" * 30, "-1"):
        missing = f"{url}/sessions/{nothing}/live"
        assert await refusal(missing, additional_headers=ana.headers) == (404, "session_not_found")
    asked = await wish(await student(), ben, at(days=2))
    unbooked = f"{url}/sessions/{asked['id']}/live"
    assert await refusal(unbooked, additional_headers=ben.headers) == (403, "room_not_open")
    cookie = {"Cookie": f"access={ana.tokens['access_token']}"}
    for origin in ({}, {"Origin": "http://elsewhere.example"}, {"Origin": "null"}):
        assert await refusal(live, additional_headers=cookie | origin) == (403, "foreign_origin")
    from_our_page = cookie | {"Origin": url}
    async with connect(live.replace("http", "ws"), additional_headers=from_our_page, proxy=None) as own:
        assert own.subprotocol is None
    async with visit(url, ana, session["id"]) as at_ana:
        assert at_ana.connection.subprotocol == "mentorq.v1"


async def test_no_more_than_twenty_at_a_time(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            await stack.enter_async_context(visit(url, ana, session["id"]))
        live = f"{url}/sessions/{session['id']}/live"
        assert await refusal(live, additional_headers=ana.headers) == (429, "too_many_sockets")
        await stack.enter_async_context(visit(url, ben, session["id"]))


async def test_a_socket_ends_with_its_sign_in_and_its_token(url: str, pair: Pair, app: FastAPI) -> None:
    ana, ben, session = pair
    async with visit(url, ana, session["id"]) as at_ana:
        await at_ana.next("welcome")
        await ana.expect(204, "POST", "/auth/signout")
        assert await at_ana.closed() == 4401
    settings = app.state.settings
    user, sign_in, expires = read_access_token(settings, ben.tokens["access_token"]) or (0, 0, now())
    with time_machine.travel(now() - (expires - now()) + timedelta(seconds=6), tick=True):
        ben.tokens["access_token"], _ = access_token(settings, user, sign_in)
    async with visit(url, ben, session["id"]) as at_ben:
        assert await at_ben.closed() == 4401


async def test_end_says_so_and_closes_and_what_was_said_can_still_be_read(url: str, pair: Pair) -> None:
    ana, ben, session = pair
    async with visit(url, ana, session["id"]) as at_ana, visit(url, ben, session["id"]) as at_ben:
        await at_ana.say("last words")
        await at_ben.next("chat")
        ended = await ben.expect(200, "POST", f"/sessions/{session['id']}/end")
        for each in (at_ana, at_ben):
            assert await each.next("ended") == {"type": "ended", "status": "ended", "ended_at": ended["ended_at"]}
            assert await each.closed() == 4409
    async with visit(url, ana, session["id"]) as again:
        assert await again.closed() == 4409
        assert [each["type"] for each in again.heard] == ["welcome", "chat", "ended"]


async def test_a_warning_a_grace_and_the_end(url: str, pair: Pair, database: Database, worker: Worker) -> None:
    ana, _, session = pair
    async with visit(url, ana, session["id"]) as at_ana:
        await at_ana.next("welcome")
        begun = now() - timedelta(minutes=14)
        await move_times(database, session["id"], starts_at=begun, ends_at=now() + timedelta(seconds=90))
        assert (await at_ana.next("time"))["status"] == "live"
        warned = await at_ana.next("time")
        assert 0 < warned["left_seconds"] <= 90
        await move_times(database, session["id"], ends_at=now() - timedelta(seconds=1))
        await at_ana.next("time")
        await at_ana.say("one more sentence")
        await at_ana.next("chat")
        await tick(worker)
        assert (await stored(database, session["id"]))["status"] == "live"
        await move_times(database, session["id"], ends_at=now() - timedelta(seconds=31))
        await at_ana.next("time")
        late = await at_ana.say("too late")
        assert (await at_ana.next("error"))["client_id"] == late
        await tick(worker)
        assert await at_ana.closed() == 4409
        assert at_ana.heard[-1]["type"] == "ended"


async def test_more_time_when_both_agree(url: str, pair: Pair, student: Join) -> None:
    ana, ben, session = pair
    path = f"/sessions/{session['id']}/extension"
    async with visit(url, ana, session["id"]) as at_ana, visit(url, ben, session["id"]) as at_ben:
        asked = await ana.expect(200, "POST", path, {"minutes": 15})
        assert asked["extension"] == {"asked_by": ana.id, "minutes": 15}
        assert asked["ends_at"] == session["ends_at"]
        assert (await at_ben.next("time"))["extension"] == asked["extension"]
        assert (await ana.expect(200, "POST", path))["extension"]["minutes"] == 10  # asked anew, not agreed
        await ben.expect(200, "DELETE", path)
        assert (await at_ana.next("time", extension=None))["ends_at"] == session["ends_at"]
        await ana.expect(200, "POST", path, {"minutes": 15})
        longer = await ben.expect(200, "POST", path, {"minutes": 5})
        assert moment(longer["ends_at"]) - moment(session["ends_at"]) == timedelta(minutes=15)
        assert longer["extension"] is None
        await at_ana.next("time", ends_at=longer["ends_at"])
    await book(await student(), ben, at(minutes=45))
    refused = await ana.post(path, {"minutes": 30})
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")


async def test_a_session_takes_two_hours_at_most(pair: Pair, database: Database) -> None:
    ana, ben, session = pair
    path = f"/sessions/{session['id']}/extension"
    for person in (ana, ben) * 3:
        await person.expect(200, "POST", path, {"minutes": 30})
    refused = await ana.post(path, {"minutes": 30})
    assert (refused.status_code, refused.json()["code"]) == (409, "extension_too_long")
    await ben.expect(200, "POST", f"/sessions/{session['id']}/end")
    refused = await ana.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "session_not_live")


@pytest.mark.parametrize("who", ["student", "mentor", "both", "nobody"])
async def test_who_does_not_come_is_marked_after_ten_minutes(
    url: str, pair: Pair, database: Database, worker: Worker, who: str
) -> None:
    ana, ben, session = pair
    for person, party in ((ana, "student"), (ben, "mentor")):
        if who not in (party, "both"):
            async with visit(url, person, session["id"]) as there:
                await there.next("welcome")
    begun = now() - timedelta(minutes=9)
    await move_times(database, session["id"], starts_at=begun)
    await tick(worker)
    assert (await stored(database, session["id"]))["missed_by"] is None
    await move_times(database, session["id"], starts_at=begun - timedelta(minutes=2))
    await tick(worker)
    found = await ana.expect(200, "GET", f"/sessions/{session['id']}")
    assert found["missed_by"] == (None if who == "nobody" else who)
    assert found["status"] == ("ended" if who == "both" else "live")
    if who == "student":
        async with visit(url, ana, session["id"]) as late:
            await late.next("welcome")
        assert (await stored(database, session["id"]))["missed_by"] is None


async def test_who_prepares_and_stays_has_come(
    url: str, student: Join, mentor: Join, database: Database, worker: Worker
) -> None:
    ana, ben = await student(), await mentor()
    session = await book(ana, ben, at(days=1))
    rooms = Base.metadata.tables["rooms"]
    async with visit(url, ben, session["id"]) as at_ben:
        assert (await at_ben.next("welcome"))["status"] == "accepted"
        await at_ben.say("I put the code there")
        await at_ben.next("chat")
        async with database.read() as db:
            assert await db.scalar(sa.select(rooms.c.mentor_came_at)) is None
        await move_times(database, session["id"], starts_at=now())
        await tick(worker)
        await at_ben.next("time", status="live")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                async with database.read() as db:
                    if await db.scalar(sa.select(rooms.c.mentor_came_at)) is not None:
                        break
                await asyncio.sleep(0.05)
