"""The life of a session: wished for, offered another time, booked, cancelled, held; and the clock's part in it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from tests.support.booking import ALWAYS, at, book, moment, stored, tick, wish
from tests.support.life import everything, later, make_admin, statements_of
from tests.support.people import PASSWORD, Join, Person

pytestmark = pytest.mark.anyio


def code(answer: Any) -> tuple[int, str]:
    """How a request was refused."""
    return answer.status_code, answer.json()["code"]


async def test_from_wish_to_end(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ana.ask()
    starts = at(days=2)
    answer = await ana.post(
        "/sessions", {"mentor_id": ben.id, "ticket_id": ticket["id"], "topic": "sort", "starts_at": starts}
    )
    asked = answer.json()
    path = f"/sessions/{asked['id']}"
    assert (answer.status_code, answer.headers["Location"]) == (201, path)
    assert (asked["status"], asked["starts_at"], asked["duration_minutes"]) == ("requested", starts, 15)
    assert (asked["student_id"], asked["mentor_id"], asked["ticket_id"]) == (ana.id, ben.id, ticket["id"])
    assert moment(asked["starts_at"]) - moment(asked["expires_at"]) == timedelta(hours=1)
    assert asked["student"]["username"] == ana.username
    assert "email" not in asked["mentor"]
    for person in (ana, ben):
        assert await person.expect(200, "GET", path) == asked
        assert await everything(person, "/sessions") == [asked]
    booked = await ben.expect(200, "POST", f"{path}/accept")
    assert (booked["status"], booked["awaits"], booked["answered_at"] is None) == ("accepted", None, False)
    assert code(await ana.post(f"{path}/end")) == (409, "session_not_live")
    async with later(timedelta(days=2, minutes=1), ana, ben):
        await tick(worker)
        live = await ana.expect(200, "GET", path)
        assert (live["status"], live["started_at"] is None) == ("live", False)
        assert code(await ana.post(f"{path}/cancel")) == (409, "session_not_cancellable")
    async with later(timedelta(days=2, minutes=16), ana, ben):
        await tick(worker)
        over = await ana.expect(200, "GET", path)
        assert (over["status"], over["ended_at"] is None) == ("ended", False)


async def test_now_begins_when_it_is_accepted_and_either_ends_it(student: Join, mentor: Join, worker: Worker) -> None:
    for ender in (0, 1):
        people = await student(), await mentor()
        ana, ben = people
        asked = await wish(ana, ben)
        assert asked["is_now"]
        assert moment(asked["expires_at"]) - moment(asked["starts_at"]) == timedelta(minutes=10)
        async with later(timedelta(minutes=5), ana, ben):
            booked = await ben.expect(200, "POST", f"/sessions/{asked['id']}/accept")
            assert moment(booked["starts_at"]) - moment(asked["starts_at"]) >= timedelta(minutes=5)
            assert moment(booked["ends_at"]) - moment(booked["starts_at"]) == timedelta(minutes=15)
            if ender:
                await tick(worker)
            ended = await people[ender].expect(200, "POST", f"/sessions/{asked['id']}/end")
            assert (ended["status"], ended["started_at"] is None) == ("ended", False)
            assert code(await ana.post(f"/sessions/{asked['id']}/end")) == (409, "session_not_live")
        await book(ana, ben)  # an ended one takes nobody's time


async def test_the_mentor_offers_another_time_and_the_student_accepts_it(student: Join, mentor: Join) -> None:
    ana, ben, first, second = await student(), await mentor(), at(days=1), at(days=2)
    asked = await wish(ana, ben)
    path = f"/sessions/{asked['id']}"
    assert code(await ana.post(f"{path}/offer", {"starts_at": first})) == (403, "not_yours_to_do")
    offered = await ben.expect(200, "POST", f"{path}/offer", {"starts_at": first, "duration_minutes": 30})
    assert (offered["status"], offered["awaits"], offered["is_now"]) == ("requested", "student", False)
    assert (offered["starts_at"], offered["duration_minutes"]) == (first, 30)
    assert code(await ben.post(f"{path}/accept")) == (409, "awaits_the_other")
    again = await ben.expect(200, "POST", f"{path}/offer", {"starts_at": second})
    assert (again["starts_at"], again["duration_minutes"]) == (second, 30)
    booked = await ana.expect(200, "POST", f"{path}/accept")
    assert (booked["status"], booked["starts_at"]) == ("accepted", second)
    assert code(await ben.post(f"{path}/offer", {"starts_at": at(days=3)})) == (409, "session_not_requested")
    other = await wish(ana, ben, at(days=3))
    assert code(await ben.post(f"/sessions/{other['id']}/offer", {"starts_at": second})) == (409, "slot_taken")
    assert code(await ben.post(f"/sessions/{other['id']}/offer", {"starts_at": at(days=-1)})) == (422, "invalid_input")


async def test_declined_and_cancelled_with_a_reason(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    asked = await wish(ana, ben, at(days=1))
    path = f"/sessions/{asked['id']}"
    assert code(await ana.post(f"{path}/decline")) == (403, "not_yours_to_do")
    declined = await ben.expect(200, "POST", f"{path}/decline", {"reason": "I am away."})
    assert (declined["status"], declined["reason"]) == ("declined", "I am away.")
    for call in ("accept", "decline"):
        assert code(await ben.post(f"{path}/{call}")) == (409, "session_not_requested")
    assert code(await ana.post(f"{path}/cancel")) == (409, "session_not_cancellable")
    for person in (ana, ben):
        booked = await book(ana, ben, at(days=1))
        cancelled = await person.expect(200, "POST", f"/sessions/{booked['id']}/cancel", {"reason": "Ill."})
        assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "Ill.")
    wished = await wish(ana, ben, at(days=1))
    assert (await ana.expect(200, "POST", f"/sessions/{wished['id']}/cancel"))["status"] == "cancelled"


async def test_wishes_overlap_but_bookings_do_not(student: Join, mentor: Join) -> None:
    ana, bea, ben, mia = await student(), await student(), await mentor(), await mentor()
    start = at(days=1)
    first, second = await wish(ana, ben, start), await wish(bea, ben, at(days=1, minutes=10))
    elsewhere = await wish(ana, mia, at(days=1, minutes=-10))
    await ben.expect(200, "POST", f"/sessions/{first['id']}/accept")
    assert code(await ben.post(f"/sessions/{second['id']}/accept")) == (409, "slot_taken")
    assert code(await mia.post(f"/sessions/{elsewhere['id']}/accept")) == (409, "slot_taken"), "the student's, too"
    for asker, asked in ((bea, ben), (ana, mia)):
        body = {"mentor_id": asked.id, "starts_at": start}
        assert code(await asker.post("/sessions", body)) == (409, "slot_taken")
    await book(bea, ben, at(days=1, minutes=15))  # one after the other is no overlap
    assert (await bea.expect(200, "GET", f"/sessions/{second['id']}"))["status"] == "requested"


async def test_who_cannot_be_asked(student: Join, mentor: Join, database: Database) -> None:
    ana, ben, bea = await student(), await mentor(), await student()
    await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
    assert code(await ana.post("/sessions", {"mentor_id": ben.id})) == (409, "mentor_unavailable")
    await wish(ana, ben, at(days=1))  # busy now, but not then
    await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": True})
    await wish(ana, ben)
    tomorrow = (datetime.now(UTC).weekday() + 1) % 7
    other_hours = [{**each, "end": "24:00"} for each in ALWAYS if each["weekday"] not in ((tomorrow - 1) % 7, tomorrow)]
    await ben.expect(200, "PUT", "/mentors/me/schedule", {"time_zone": "UTC", "weekly": other_hours})
    assert code(await ana.post("/sessions", {"mentor_id": ben.id})) == (409, "mentor_unavailable")
    ticket = await bea.ask()
    taken = await ticket_of(bea, ben)
    for body, refused in (
        ({"mentor_id": bea.id}, (404, "mentor_not_found")),
        ({"mentor_id": 2**40}, (404, "mentor_not_found")),
        ({"mentor_id": ben.id, "ticket_id": ticket["id"]}, (404, "ticket_not_found")),
        ({"mentor_id": ben.id, "ticket_id": taken}, (404, "ticket_not_found")),
        ({"mentor_id": ben.id, "starts_at": at(minutes=-2)}, (422, "invalid_input")),
        ({"mentor_id": ben.id, "starts_at": at(days=181)}, (422, "invalid_input")),
        ({"mentor_id": ben.id, "starts_at": "2030-01-01T00:00:00"}, (422, "invalid_input")),
        ({"mentor_id": ben.id, "starts_at": "9999-12-31T23:59:59-12:00"}, (422, "invalid_input")),
        ({"mentor_id": ben.id, "duration_minutes": 61}, (422, "invalid_input")),
    ):
        assert code(await ana.post("/sessions", body)) == refused, body
    assert code(await ben.post("/sessions", {"mentor_id": ben.id})) == (403, "wrong_role")


async def ticket_of(student: Person, mentor: Person) -> int:
    """A ticket that is somebody's by now."""
    ticket = await student.ask()
    await mentor.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
    identity: int = ticket["id"]
    return identity


async def test_requests_end_by_themselves(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    now, soon, day = await wish(ana, ben), await wish(ana, ben, at(minutes=30)), await wish(ana, ben, at(days=1))
    for after, expected in (
        (timedelta(minutes=9), ["requested", "requested", "requested"]),
        (timedelta(minutes=11), ["expired", "expired", "requested"]),
        (timedelta(hours=22, minutes=58), ["expired", "expired", "requested"]),
        (timedelta(hours=23, minutes=1), ["expired", "expired", "expired"]),
    ):
        async with later(after, ana, ben):
            if expected[0] == "expired":
                late = await ben.post(f"/sessions/{now['id']}/accept")
                assert code(late) == (409, "session_not_requested"), "also before the clock has looked"
            await tick(worker)
            paths = [f"/sessions/{each['id']}" for each in (now, soon, day)]
            assert [(await ana.expect(200, "GET", path))["status"] for path in paths] == expected


async def test_lists_are_filtered_and_paged(student: Join, mentor: Join) -> None:
    ana, ben, bea = await student(), await mentor(), await student()
    sessions = [await book(ana, ben, at(days=day)) for day in range(1, 6)]
    cancelled = await ana.expect(200, "POST", f"/sessions/{sessions[0]['id']}/cancel")
    await wish(bea, ben, at(days=9))
    assert [each["id"] for each in await everything(ana, "/sessions", limit=2)] == [s["id"] for s in sessions[::-1]]
    assert len(await everything(ben, "/sessions")) == 6
    with statements_of("GET", "/sessions") as sent:
        await ana.expect(200, "GET", "/sessions?status=accepted")
    assert sent == [1]
    assert [each["id"] for each in await everything(ana, "/sessions?status=cancelled")] == [cancelled["id"]]
    some = await everything(ana, f"/sessions?from={at(days=2, minutes=5)}&to={at(days=4)}&status=accepted&status=live")
    assert [each["id"] for each in some] == [sessions[2]["id"], sessions[1]["id"]]
    for wrong in ("status=tomorrow", "from=1790000000"):
        assert (await ana.get(f"/sessions?{wrong}")).status_code == 422
    assert (await ana.get("/sessions?to=9999-12-31T23:59:59-14:00")).status_code == 422
    assert (await ana.get("/sessions?from=2026-01-01T00:00:00")).status_code == 422


async def test_no_page_skips_what_moves_meanwhile(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    wishes = [await wish(ana, ben, at(days=day)) for day in (3, 1, 2)]
    first = await ana.expect(200, "GET", "/sessions?limit=2")
    assert [each["id"] for each in first["items"]] == [wishes[2]["id"], wishes[1]["id"]]
    await ben.expect(200, "POST", f"/sessions/{wishes[0]['id']}/offer", {"starts_at": at(days=9)})
    rest = await ana.expect(200, "GET", f"/sessions?limit=2&cursor={first['next_cursor']}")
    assert [each["id"] for each in rest["items"]] == [wishes[0]["id"]]


async def test_a_wish_says_what_it_means(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    for wrong in (
        {"mentor_id": str(ben.id)}, {"duration_minutes": "30"}, {"starts_at": 4_000_000_000},
        {"starts_at": "4000000000"}, {"ticket_id": True}, {"topic": 3},
    ):  # fmt: skip
        refused = await ana.post("/sessions", {"mentor_id": ben.id} | wrong)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, f"/{next(iter(wrong))}")
    left_out = dict.fromkeys(("topic", "ticket_id", "starts_at", "duration_minutes"))
    asked = await ana.expect(201, "POST", "/sessions", {"mentor_id": ben.id} | left_out)
    assert (asked["topic"], asked["duration_minutes"], asked["is_now"]) == ("", 15, True)


ACTS = ("accept", "decline", "cancel", "end", "offer")


async def test_strangers_and_admins_find_nothing(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    asked = await wish(ana, ben, at(days=1))
    strangers = [await student(), await mentor(), await make_admin(database, student)]
    for stranger in strangers:
        assert await everything(stranger, "/sessions") == []
        assert code(await stranger.get(f"/sessions/{asked['id']}")) == (404, "session_not_found")
        for act in ACTS:
            body = {"starts_at": at(days=2)} if act == "offer" else None
            for identity in (asked["id"], 2**63 - 1):
                refused = await stranger.post(f"/sessions/{identity}/{act}", body)
                assert code(refused) == (404, "session_not_found"), act
    assert code(await ana.post(f"/sessions/{asked['id']}/accept")) == (403, "not_yours_to_do")
    for act in ACTS:
        assert (await ana.client.post(f"/sessions/{asked['id']}/{act}")).status_code == 401
        for identity in ("0", str(2**63), "x"):
            assert (await ana.post(f"/sessions/{identity}/{act}", {"starts_at": at(days=2)})).status_code in (404, 422)


async def test_the_same_key_wishes_once(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    body = {"mentor_id": ben.id, "starts_at": at(days=1)}
    first, second = [await ana.post("/sessions", body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("who", ["student", "mentor"])
async def test_who_leaves_leaves_nobody_waiting(
    who: str, student: Join, mentor: Join, database: Database, worker: Worker
) -> None:
    ana, ben = await student("gone-student"), await mentor("gone-mentor")
    await ben.expect(200, "PUT", "/mentors/me/schedule", {"time_zone": "UTC", "weekly": ALWAYS})
    wished, booked = await wish(ana, ben, at(days=1)), await book(ana, ben, at(days=2))
    going = await book(ana, ben)
    await tick(worker)
    leaver, other = (ana, ben) if who == "student" else (ben, ana)
    export = await leaver.expect(200, "GET", "/users/me/export")
    assert [each["id"] for each in export["sessions"]] == [wished["id"], booked["id"], going["id"]]
    assert (export["schedule"] is None) == (who == "student")
    assert (await leaver.request("DELETE", "/users/me", json={"password": PASSWORD})).status_code == 204
    states = [(await stored(database, each["id"]))["status"] for each in (wished, booked, going)]
    assert states == ["cancelled", "cancelled", "ended"]
    await tick(worker)
    left = await everything(other, "/sessions")
    assert {each[who]["username"] for each in left} == {"deleted user"}
    if who == "mentor":
        assert code(await ana.post("/sessions", {"mentor_id": ben.id})) == (404, "mentor_not_found")
        assert code(await ana.get(f"/mentors/{ben.id}/slots")) == (404, "mentor_not_found")
