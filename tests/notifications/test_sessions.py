"""What people are told of live sessions, and when it is taken back."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.core.clock import now
from mentorq.core.database import Base, Database
from mentorq.core.jobs import Worker
from mentorq.notifications import letters, queries, session_handlers
from mentorq.sessions.events import SessionReminder
from mentorq.sessions.room import attendance
from tests.support.booking import at, book, moment, tick, wish
from tests.support.life import later
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio


async def told(worker: Worker, person: Person) -> list[dict[str, Any]]:
    """What somebody has unread once all jobs are done, newest first."""
    await worker.drain()
    found = await person.expect(200, "GET", "/notifications?unread=true")
    items: list[dict[str, Any]] = found["items"]
    return items


async def types(worker: Worker, person: Person) -> list[str]:
    """Of which types these are."""
    return [each["type"] for each in await told(worker, person)]


async def test_everybody_hears_what_concerns_them_and_no_more(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student("ana"), await mentor("ben")
    await ana.expect(200, "PATCH", "/users/me", {"time_zone": "Asia/Tokyo"})
    asked = await wish(ana, ben, at(days=2), topic="asyncio")
    path = f"/sessions/{asked['id']}"
    (line,) = await told(worker, ben)
    assert (line["type"], line["title"]) == ("session_requested", "ana asks you for a session")
    assert line["link"] == f"/app{path}"
    assert line["body"].endswith(f"{moment(asked['starts_at']):%H:%M} (UTC): asyncio")
    assert line["data"] == {
        "ticket_id": None, "actor_id": ana.id, "times": 1, "session_id": asked["id"],
        "starts_at": asked["starts_at"], "is_offer": False,
    }  # fmt: skip
    other = at(days=3)
    await ben.expect(200, "POST", f"{path}/offer", {"starts_at": other})
    assert await told(worker, ben) == [], "it is answered"
    (line,) = await told(worker, ana)
    assert (line["title"], line["data"]["starts_at"]) == ("ben offers you another time", other)
    assert "(Asia/Tokyo)" in line["body"]
    await ana.expect(200, "POST", f"{path}/accept")
    assert await told(worker, ana) == []
    (line,) = await told(worker, ben)
    assert line["title"] == "ana accepted: your session is booked"
    await ben.expect(200, "POST", f"{path}/cancel", {"reason": "Ill."})
    assert await told(worker, ben) == []
    (line,) = await told(worker, ana)
    assert (line["type"], line["title"]) == ("session_cancelled", "ben cancelled your session")


async def test_declined_expired_and_taken_back(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student("ana"), await mentor("ben")
    declined = await wish(ana, ben, at(days=2))
    await ben.expect(200, "POST", f"/sessions/{declined['id']}/decline")
    assert (await told(worker, ana))[0]["title"] == "ben has no time for your session"
    assert await told(worker, ben) == []
    taken_back = await wish(ana, ben, at(days=2))
    await ana.expect(200, "POST", f"/sessions/{taken_back['id']}/cancel")
    assert await told(worker, ben) == []
    seen = await wish(ana, ben, at(days=2))
    assert len(await told(worker, ben)) == 1
    await ben.expect(200, "POST", "/notifications/read-all")
    await ana.expect(200, "POST", f"/sessions/{seen['id']}/cancel")
    assert await types(worker, ben) == ["session_cancelled"]
    await ben.expect(200, "POST", "/notifications/read-all")
    await ana.expect(200, "POST", "/notifications/read-all")
    await wish(ana, ben)
    offered = await wish(ana, ben, at(days=3))
    await ben.expect(200, "POST", f"/sessions/{offered['id']}/offer", {"starts_at": at(hours=1, minutes=20)})
    async with later(timedelta(minutes=25), ana, ben):
        await tick(worker)
        (line,) = await told(worker, ana)
        assert line["title"] == "Nobody answered in time: a request for a session is over"
        assert await types(worker, ben) == ["session_declined"], "nobody answered the offer"


async def test_both_are_reminded_a_day_and_ten_minutes_before(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student("ana"), await mentor("ben")
    booked, soon = await book(ana, ben, at(days=3)), await book(ana, ben, at(hours=5))
    await tick(worker)
    await ana.expect(200, "POST", "/notifications/read-all")
    for after, title in (
        (timedelta(days=2, minutes=5), "In a day: your session with ben"),
        (timedelta(days=2, hours=23, minutes=52), "In 10 minutes: your session with ben"),
    ):
        async with later(after, ana, ben):
            for _ in range(2):
                await tick(worker)
            lines = [each for each in await told(worker, ana) if each["data"]["session_id"] == booked["id"]]
            assert [each["title"] for each in lines] == [title], "one line of a session, once"
            assert "session_reminder" in await types(worker, ben)
    async with later(timedelta(days=3, minutes=16), ana, ben):
        await tick(worker)
        assert not [each for each in await told(worker, ana) if each["data"]["session_id"] == booked["id"]]
    found = await ana.expect(200, "GET", f"/sessions/{soon['id']}")
    assert found["status"] == "ended"


async def test_who_has_just_agreed_is_not_reminded_and_nobody_of_what_is_cancelled(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben = await student(), await mentor()
    await book(ana, ben, at(hours=5))
    now = await book(ana, ben)
    await tick(worker)
    assert await types(worker, ana) == ["session_accepted", "session_accepted"]
    await ana.expect(200, "POST", f"/sessions/{now['id']}/end")
    assert await types(worker, ana) == ["session_accepted"]
    cancelled = await book(ana, ben, at(days=3))
    await ana.expect(200, "POST", f"/sessions/{cancelled['id']}/cancel")
    async with database.write() as db:
        event = SessionReminder(cancelled["id"], ana.id, ben.id, moment(cancelled["starts_at"]), 10)
        await session_handlers.remind(db, event)
    assert "session_reminder" not in await types(worker, ben)


async def test_a_mail_is_about_the_session_and_in_the_readers_language(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben = await student("ana"), await mentor("ben")
    asked = await wish(ana, ben, at(days=2), topic="asyncio")
    (line,) = await told(worker, ben)
    async with database.read() as db:
        row = await queries.one(db, line["id"], ben.id)
    assert row is not None
    letter = letters.letter(database.settings, row, "es", None)
    assert letter.subject == "ana te pide una sesión"
    assert letter.paragraphs[1].endswith(f"{moment(asked['starts_at']):%H:%M} (UTC): asyncio")
    assert letter.action == ("Abrir la sesión", f"{database.settings.public_url}/app/sessions/{asked['id']}")
    digest = letters.digest(database.settings, [row], 0, "es")
    assert digest.paragraphs == [f"{letter.subject}: {letter.paragraphs[1]}"]
    assert f"session-{asked['id']}." in str(letters.thread(database.settings, row).in_reply_to)


async def test_who_waited_and_who_did_not_come_are_told(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben = await student("ana"), await mentor("ben")
    booked = await book(ana, ben)
    await tick(worker)
    sessions, rooms = (Base.metadata.tables[name] for name in ("sessions", "rooms"))
    began = now() - timedelta(minutes=11)
    async with database.write() as db:
        await attendance.came(db, booked["id"], ana.id)
        await db.execute(sa.update(sessions).values(starts_at=began))
        assert await db.scalar(sa.select(rooms.c.mentor_came_at)) is None
    await tick(worker)
    assert [line["title"] for line in await told(worker, ana)] == ["ben did not come to your session"]
    assert [line["title"] for line in await told(worker, ben)] == ["You missed your session with ana"]
    await ana.expect(200, "POST", f"/sessions/{booked['id']}/end")
    assert await types(worker, ben) == ["session_cancelled"], "that it is over makes it no less true"
