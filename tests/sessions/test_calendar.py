"""Sessions in calendars: entries keep their identity, count their changes, and are called off where they were told."""

from datetime import timedelta
from typing import Any

import icalendar
import pytest
import sqlalchemy as sa

from mentorq.core.database import Base, Database
from tests.support.booking import at, book, moment, wish
from tests.support.people import PASSWORD, Join, Person

pytestmark = pytest.mark.anyio


def events(content: bytes) -> list[Any]:
    """The entries of a calendar, by a reader that is strict."""
    assert content.endswith(b"END:VCALENDAR\r\n")
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    (calendar,) = icalendar.Calendar.from_ical(content, multiple=True)
    assert not calendar.errors
    return list(calendar.walk("VEVENT"))


async def entry(person: Person, session_id: int) -> tuple[Any, str]:
    """A session's entry, and its calendar's method."""
    answer = await person.get(f"/sessions/{session_id}/calendar.ics")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    (event,) = events(answer.content)
    assert not event.errors
    return event, str(icalendar.Calendar.from_ical(answer.content)["METHOD"])


async def test_an_entry_keeps_its_uid_and_counts_its_changes(student: Join, mentor: Join) -> None:
    ana, ben = await student("ana"), await mentor("ben")
    topic = "Sort; then, \\nothing\u2028 " + "é" * 120
    asked = await wish(ana, ben, at(days=1), topic=topic)
    path = f"/sessions/{asked['id']}"
    event, method = await entry(ana, asked["id"])
    uid = str(event["UID"])
    assert (str(event["STATUS"]), event["SEQUENCE"], method) == ("TENTATIVE", 0, "PUBLISH")
    assert str(event["SUMMARY"]) == f"Session with ben: {asked['topic']}"
    assert str((await entry(ben, asked["id"]))[0]["SUMMARY"]).startswith("Session with ana")
    other = at(days=2)
    await ben.expect(200, "POST", f"{path}/offer", {"starts_at": other})
    moved, _ = await entry(ana, asked["id"])
    assert (str(moved["UID"]), moved["SEQUENCE"]) == (uid, 1)
    assert moved["DTSTART"].dt == moment(other)
    assert moved["DTEND"].dt - moved["DTSTART"].dt == timedelta(minutes=15)
    await ana.expect(200, "POST", f"{path}/accept")
    booked, _ = await entry(ben, asked["id"])
    assert (str(booked["STATUS"]), booked["SEQUENCE"], str(booked["UID"])) == ("CONFIRMED", 2, uid)
    await ana.expect(200, "POST", f"{path}/cancel")
    off, method = await entry(ben, asked["id"])
    assert (str(off["STATUS"]), off["SEQUENCE"], str(off["UID"]), method) == ("CANCELLED", 3, uid, "CANCEL")
    assert "@example.org" not in off.to_ical().decode(), "nobody's address is told"


async def test_a_topic_adds_nothing_to_the_calendar(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    refused = await ana.post("/sessions", {"mentor_id": ben.id, "topic": "x\r\nATTENDEE:mailto:eve@example.org"})
    assert refused.status_code == 422
    asked = await wish(ana, ben, topic="x\u2028\u0085ATTENDEE:mailto:eve@example.org")
    assert "ATTENDEE" not in (await entry(ana, asked["id"]))[0]


async def test_strangers_get_no_entry(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    path = f"/sessions/{(await wish(ana, ben))['id']}/calendar.ics"
    for stranger in (await student(), await mentor()):
        assert (await stranger.get(path)).json()["code"] == "session_not_found"
    assert (await ana.client.get(path)).status_code == 401


async def test_the_private_address_shows_what_is_booked_and_what_was(student: Join, mentor: Join) -> None:
    ana, ben, bea = await student(), await mentor(), await student()
    booked, cancelled = await book(ana, ben, at(days=1)), await book(ana, ben, at(days=2))
    await ben.expect(200, "POST", f"/sessions/{cancelled['id']}/cancel")
    wished, declined = await wish(ana, ben, at(days=3)), await wish(ana, ben, at(days=4))
    await ben.expect(200, "POST", f"/sessions/{declined['id']}/decline")
    await ana.expect(200, "POST", f"/sessions/{wished['id']}/cancel")
    await book(bea, ben, at(days=5))
    for person, count in ((ana, 2), (ben, 3), (bea, 1)):
        url = (await person.expect(200, "POST", "/sessions/calendar-url"))["url"]
        answer = await person.client.get(url)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
        found = {int(str(event["UID"]).split("@")[0][8:]): str(event["STATUS"]) for event in events(answer.content)}
        assert len(found) == count
        if person is ana:
            assert found == {booked["id"]: "CONFIRMED", cancelled["id"]: "CANCELLED"}


async def test_the_address_is_replaced_dropped_and_gone_with_the_account(student: Join, database: Database) -> None:
    ana = await student()
    first = (await ana.expect(200, "POST", "/sessions/calendar-url"))["url"]
    second = (await ana.expect(200, "POST", "/sessions/calendar-url"))["url"]
    assert (await ana.client.get(first)).json()["code"] == "calendar_not_found"
    assert (await ana.client.get(second)).status_code == 200
    async with database.read() as db:
        kept = await db.rows(sa.select(Base.metadata.tables["calendars"]))
    assert second.rpartition("/")[2].removesuffix(".ics") not in str(kept), "only its hash is kept"
    for _ in range(2):
        await ana.expect(204, "DELETE", "/sessions/calendar-url")
    assert (await ana.client.get(second)).status_code == 404
    third = (await ana.expect(200, "POST", "/sessions/calendar-url"))["url"]
    assert (await ana.request("DELETE", "/users/me", json={"password": PASSWORD})).status_code == 204
    assert (await ana.client.get(third)).status_code == 404
    assert (await ana.client.get("/calendar/short.ics")).status_code == 422
    assert (await ana.client.post("/sessions/calendar-url")).status_code == 401
