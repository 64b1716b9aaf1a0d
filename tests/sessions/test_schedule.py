"""A mentor's hours and free slots, as clients see them."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Database
from mentorq.sessions import schedule, service
from mentorq.sessions.schemas import ScheduleChange
from tests.support.booking import ALWAYS, at, book, moment, wish
from tests.support.life import sign_in_again
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio
PATH = "/mentors/me/schedule"
WEEK = {
    "time_zone": "Europe/Lisbon",
    "weekly": [{"weekday": 0, "start": "09:00", "end": "12:00"}],
    "exceptions": [{"date": "2026-12-24", "hours": [{"start": "10:00", "end": "11:00"}]}],
    "minimum_notice_minutes": 0,
    "buffer_minutes": 0,
    "daily_maximum": None,
}


async def test_hours_are_set_replaced_and_dropped(mentor: Join, student: Join) -> None:
    ben = await mentor()
    none = await ben.expect(200, "GET", PATH)
    assert (none["is_set"], none["time_zone"], none["weekly"]) == (False, "UTC", [])
    for change in (WEEK, WEEK | {"daily_maximum": 3, "buffer_minutes": 10}):
        assert await ben.expect(200, "PUT", PATH, change) == change | {"is_set": True}
        assert await ben.expect(200, "GET", PATH) == change | {"is_set": True}
    short = {"time_zone": "UTC", "weekly": [], "exceptions": [{"date": "2026-12-25"}]}
    assert (await ben.expect(200, "PUT", PATH, short))["exceptions"] == [{"date": "2026-12-25", "hours": []}]
    for _ in range(2):
        await ben.expect(204, "DELETE", PATH)
    assert (await ben.expect(200, "GET", PATH))["is_set"] is False
    ana = await student()
    for method in ("GET", "DELETE"):
        assert (await ana.request(method, PATH)).json()["code"] == "wrong_role"
    assert (await ana.client.get(PATH)).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Olympus"},
        {"weekly": [{"weekday": 7, "start": "09:00", "end": "12:00"}]},
        {"weekly": [{"weekday": 0, "start": "12:00", "end": "09:00"}]},
        {"weekly": [{"weekday": 0, "start": "9:00", "end": "12:00"}]},
        {"weekly": [{"weekday": 0, "start": "24:00", "end": "24:00"}]},
        {"exceptions": [{"date": "2026-12-24"}, {"date": "2026-12-24", "hours": []}]},
        {"exceptions": [{"date": "9999-12-31"}]},
        {"exceptions": [{"date": 1_798_070_400}]},
        {"weekly": [{"weekday": True, "start": "09:00", "end": "12:00"}]},
        {"weekly": [{"weekday": "0", "start": "09:00", "end": "12:00"}]},
        {"buffer_minutes": "5"},
        {"time_zone": "localtime"},
        {"daily_maximum": 0},
        {"weekdays": []},
    ],
)
async def test_what_is_no_schedule_is_refused(mentor: Join, wrong: dict[str, object]) -> None:
    ben = await mentor()
    assert (await ben.put(PATH, WEEK | wrong)).status_code == 422
    assert (await ben.expect(200, "GET", PATH))["is_set"] is False


async def test_slots_are_told_in_utc_across_daylight_saving(mentor: Join, student: Join) -> None:
    ben, ana = await mentor(), await student()
    sunday = {"weekday": 6, "start": "09:00", "end": "09:45"}
    await ben.expect(200, "PUT", PATH, WEEK | {"weekly": [sunday], "exceptions": []})
    with time_machine.travel(datetime(2027, 3, 20, tzinfo=UTC)):
        await sign_in_again(ana)
        found = await ana.expect(200, "GET", f"/mentors/{ben.id}/slots")
    starts = [slot["starts_at"] for slot in found["items"]]
    assert starts == [
        "2027-03-21T09:00:00Z", "2027-03-21T09:15:00Z", "2027-03-21T09:30:00Z",
        "2027-03-28T08:00:00Z", "2027-03-28T08:15:00Z", "2027-03-28T08:30:00Z",
    ]  # fmt: skip
    assert (found["has_schedule"], found["time_zone"], found["next_cursor"]) == (True, "Europe/Lisbon", None)
    assert found["items"][0]["ends_at"] == "2027-03-21T09:15:00Z"


async def test_what_is_booked_and_near_it_is_not_free(mentor: Join, student: Join) -> None:
    ben, ana = await mentor(), await student()
    await ben.expect(200, "PUT", PATH, WEEK | {"time_zone": "UTC", "weekly": ALWAYS, "buffer_minutes": 10})
    noon = (datetime.now(UTC) + timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
    begin, end = (noon - timedelta(hours=1)).isoformat()[:19] + "Z", (noon + timedelta(hours=1)).isoformat()[:19] + "Z"
    path = f"/mentors/{ben.id}/slots?from={begin}&to={end}"
    assert len((await ana.expect(200, "GET", path))["items"]) == 8
    await book(ana, ben, noon.isoformat())
    free = [slot["starts_at"][11:16] for slot in (await ana.expect(200, "GET", path))["items"]]
    assert free == ["11:00", "11:15", "11:30", "12:30", "12:45"]
    refused = await ana.post("/sessions", {"mentor_id": ben.id, "starts_at": noon.isoformat()})
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
    near = await (await student()).post(
        "/sessions", {"mentor_id": ben.id, "starts_at": (noon + timedelta(minutes=20)).isoformat()}
    )
    assert near.json()["code"] == "slot_taken", "the pause is taken, too"


async def test_notice_most_on_a_day_and_hours_are_kept(mentor: Join, student: Join) -> None:
    ben, ana = await mentor(), await student()
    rules = {"time_zone": "UTC", "weekly": ALWAYS, "exceptions": [], "minimum_notice_minutes": 600, "daily_maximum": 1}
    await ben.expect(200, "PUT", PATH, rules)
    first = (await ana.expect(200, "GET", f"/mentors/{ben.id}/slots"))["items"][0]
    assert moment(first["starts_at"]) >= datetime.now(UTC) + timedelta(minutes=599)
    soon = await ana.post("/sessions", {"mentor_id": ben.id, "starts_at": at(hours=2)})
    assert (soon.status_code, soon.json()["code"]) == (409, "mentor_unavailable")
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    await book(ana, ben, f"{day}T10:00:00Z")
    full = await ana.post("/sessions", {"mentor_id": ben.id, "starts_at": f"{day}T18:00:00Z"})
    assert full.json()["code"] == "mentor_unavailable"
    slots = (await ana.expect(200, "GET", f"/mentors/{ben.id}/slots"))["items"]
    assert not [slot for slot in slots if slot["starts_at"].startswith(str(day))]
    rules["exceptions"] = [{"date": str(day + timedelta(days=1))}]
    await ben.expect(200, "PUT", PATH, rules)
    off = await ana.post("/sessions", {"mentor_id": ben.id, "starts_at": f"{day + timedelta(days=1)}T10:00:00Z"})
    assert off.json()["code"] == "mentor_unavailable"


async def test_ranges_and_people_that_make_no_sense(mentor: Join, student: Join) -> None:
    ben, ana = await mentor(), await student()
    path = f"/mentors/{ben.id}/slots"
    assert (await ana.expect(200, "GET", path))["has_schedule"] is False
    await ben.expect(200, "PUT", PATH, WEEK)
    for query, status in (
        ("?from=2026-01-01T00:00:00", 422),
        ("?to=9999-12-31T23:59:59Z", 422),
        ("?from=2199-12-31T23:59:59Z", 200),
        ("?from=9999-12-31T23:59:59-14:00", 422),
        (f"?from={at(days=3)}&to={at(days=2)}", 200),
        (f"?from={at(days=181)}", 200),
        ("?from=1790000000", 422),
        ("?duration_minutes=14", 422),
    ):
        answer = await ana.get(path + query)
        assert answer.status_code == status, (query, answer.text)
        assert status == 422 or answer.json()["items"] == []
    for other in (ana.id, 2**40):
        assert (await ana.get(f"/mentors/{other}/slots")).json()["code"] == "mentor_not_found"
    assert (await ana.client.get(path)).status_code == 401


async def test_what_ended_early_is_free_again(mentor: Join, student: Join) -> None:
    ben, ana = await mentor(), await student()
    await ben.expect(200, "PUT", PATH, WEEK | {"time_zone": "UTC", "weekly": ALWAYS})
    going = await book(ana, ben, duration_minutes=60)
    path = f"/mentors/{ben.id}/slots?to={at(hours=2)}"
    before = (await ana.expect(200, "GET", path))["items"]
    assert moment(before[0]["starts_at"]) >= moment(going["ends_at"])
    await ana.expect(200, "POST", f"/sessions/{going['id']}/end")
    after = (await ana.expect(200, "GET", path))["items"]
    assert moment(after[0]["starts_at"]) < moment(going["ends_at"])
    assert len(after) >= len(before) + 3


async def test_who_is_free_now(student: Join, mentor: Join, database: Database) -> None:
    ana, eve = await student(), await student()
    anytime, in_hours, away, out_of_hours, booked, full, paused = [await mentor() for _ in range(7)]
    hours = {"time_zone": "UTC", "weekly": ALWAYS}
    for person, change in (
        (in_hours, {}), (out_of_hours, {"weekly": []}), (full, {"daily_maximum": 1}), (paused, {"buffer_minutes": 60})
    ):  # fmt: skip
        await person.expect(200, "PUT", PATH, hours | change)
    await away.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
    await book(eve, booked)
    noon = (datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=0)
    with time_machine.travel(noon):  # when five hours later is the same day
        others = [await student(), await student()]
        for person in (anytime, in_hours, away, out_of_hours, full, paused):
            await sign_in_again(person)
            await person.expect(200, "GET", "/auth/me")  # which is how one is seen to be here
        for person, other, starts_at in ((full, others[0], at(hours=5)), (paused, others[1], at(minutes=40))):
            await book(other, person, starts_at)
        everybody = [full, paused, anytime, in_hours, away, out_of_hours]
        asked = [*(person.id for person in everybody), ana.id, 10**9]
        async with database.read() as db:
            free = await schedule.free_now(db, _viewer(ana), asked)
            assert free == [anytime.id, in_hours.id], "in the order in which they were asked about"
            assert await schedule.free_now(db, _viewer(others[1]), []) == []
    async with database.read() as db:
        assert await schedule.free_now(db, _viewer(ana), [booked.id, anytime.id]) == [anytime.id]
        assert await schedule.free_now(db, _viewer(eve), [anytime.id]) == [], "she has a session herself"


def _viewer(person: Person) -> Viewer:
    return Viewer(person.id, "student", person.username, 0)


async def test_hours_are_tried_before_they_are_saved(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    day = datetime.now(UTC).date() + timedelta(days=2)
    await book(ana, ben, f"{day}T09:15:00Z")
    weekly = [{"weekday": day.weekday(), "start": "09:00", "end": "10:00"}]
    change = ScheduleChange.model_validate({"time_zone": "UTC", "weekly": weekly})
    async with database.read() as db:
        free = await schedule.preview(db, Viewer(ben.id, "mentor", ben.username, 0), change)
    times = [f"{begin:%H:%M}" for begin, _end in free if begin.date() == day]
    assert times == ["09:00", "09:30", "09:45"]
    assert (await ben.expect(200, "GET", PATH))["is_set"] is False


async def test_what_is_not_over_is_told_apart(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    soon, later_on = await wish(ana, ben, at(minutes=30)), await wish(ana, ben, at(days=2))
    offered = await wish(ana, ben, at(days=3))
    await ben.expect(200, "POST", f"/sessions/{offered['id']}/offer", {"starts_at": at(days=4)})
    booked = await book(ana, ben, at(days=1))
    viewer = Viewer(ben.id, "mentor", ben.username, 0)
    async with database.read() as db:
        going = await service.going(db, viewer)
        assert [row["id"] for row in going.for_me] == [soon["id"], later_on["id"]]
        assert [row["id"] for row in going.for_other] == [offered["id"]]
        assert [row["id"] for row in going.booked] == [booked["id"]]
        assert await service.count_awaiting(db, viewer) == 2
        assert await service.count_awaiting(db, _viewer(ana)) == 1
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        async with database.read() as db:
            going = await service.going(db, viewer)
            assert [row["id"] for row in going.for_me] == [later_on["id"]], "nobody answered in time"
            assert await service.count_awaiting(db, viewer) == 1
