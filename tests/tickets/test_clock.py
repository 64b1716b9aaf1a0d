"""Time: leases that run out, tickets that close by themselves, and the order of the queue."""

from datetime import datetime, timedelta

import pytest

from mentorq.core.jobs import Worker
from tests.support.life import everything, later, let_the_clock_work, ticket_in
from tests.support.people import Join

pytestmark = pytest.mark.anyio


def at(time: str) -> datetime:
    """A time of the API."""
    return datetime.fromisoformat(time)


async def test_accepting_begins_a_lease_of_half_an_hour_and_extending_begins_it_anew(
    student: Join, mentor: Join
) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("assigned", ana, ben)
    path = f"/tickets/{ticket['id']}"
    assert at(ticket["respond_by"]) - at(ticket["assigned_at"]) == timedelta(minutes=30)
    async with later(timedelta(minutes=20)):
        extended = await ben.expect(200, "POST", f"{path}/extend")
        assert timedelta(minutes=19) < at(extended["respond_by"]) - at(ticket["respond_by"]) < timedelta(minutes=21)
        assert extended["assigned_at"] == ticket["assigned_at"]


async def test_each_message_of_its_mentor_gives_a_day_and_of_its_owner_nothing(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("assigned", ana, ben)
    path = f"/tickets/{ticket['id']}"
    await ana.expect(201, "POST", f"{path}/messages", {"body": "Hello?"})
    assert (await ana.expect(200, "GET", path))["respond_by"] == ticket["respond_by"]
    await ben.expect(201, "POST", f"{path}/messages", {"body": "Hello."})
    first = at((await ana.expect(200, "GET", path))["respond_by"])
    assert timedelta(hours=23, minutes=29) < first - at(ticket["respond_by"]) < timedelta(hours=23, minutes=31)
    async with later(timedelta(hours=20), ana, ben):
        extended = at((await ben.expect(200, "POST", f"{path}/extend"))["respond_by"])
        assert extended - first > timedelta(hours=19), "an extension is one after the first message, too"
        await ben.expect(201, "POST", f"{path}/messages", {"body": "Still here."})
        assert at((await ana.expect(200, "GET", path))["respond_by"]) >= extended


async def test_when_the_lease_runs_out_the_ticket_is_back_at_its_old_place(
    student: Join, mentor: Join, worker: Worker
) -> None:
    ana, ben, mia = await student(), await mentor(skills=["python"]), await mentor(skills=["python"])
    before, ticket, after = await ana.ask(), await ticket_in("open", ana, ben), await ana.ask()
    path = f"/tickets/{ticket['id']}"
    await ben.expect(200, "POST", f"{path}/accept")
    await ben.expect(204, "PUT", f"{path}/draft", {"body": "So far"})
    async with later(timedelta(minutes=29), ana, ben):
        await let_the_clock_work(worker)
        assert (await ana.expect(200, "GET", path))["status"] == "assigned"
    async with later(timedelta(minutes=31), ana, ben, mia):
        await let_the_clock_work(worker)
        back = await ana.expect(200, "GET", path)
        assert back["status"] == "open"
        for field in ("assigned_mentor_id", "mentor", "assigned_at", "respond_by"):
            assert back[field] is None, field
        event = (await everything(ana, f"{path}/events"))[-1]
        assert (event["action"], event["actor_id"], event["from"], event["to"]) == ("expire", None, "assigned", "open")
        queue = [item["id"] for item in await everything(mia, "/tickets?sort=oldest")]
        assert queue == [before["id"], ticket["id"], after["id"]]
        for listing in (
            "/tickets?sort=oldest",
            "/tickets?tag=python&sort=oldest",
            "/tickets?matching=true&sort=oldest",
        ):
            offered = [item["id"] for item in await everything(ben, listing)]
            assert offered == [before["id"], after["id"]], listing
        ranked = {item["id"] for item in await everything(ben, "/tickets?sort=match")}
        assert ranked == {before["id"], after["id"]}
        suggested = await ana.expect(200, "GET", f"{path}/mentors")
        assert [profile["id"] for profile in suggested["items"]] == [mia.id]
        again = await ben.expect(200, "POST", f"{path}/accept")
        assert again["assigned_mentor_id"] == ben.id, "who opens it by its number may still take it"
        await ben.expect(200, "POST", f"{path}/release")


async def test_a_message_that_comes_too_late_is_refused(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ticket_in('assigned', ana, ben))['id']}"
    async with later(timedelta(minutes=31), ana, ben):
        await let_the_clock_work(worker)
        late = await ben.post(f"{path}/messages", {"body": "Here I am."})
        assert (late.status_code, late.json()["code"]) == (403, "not_yours")
        for call in ("extend", "release"):
            assert (await ben.post(f"{path}/{call}")).json()["code"] == "ticket_not_assigned"
        assert (await ana.expect(200, "GET", path))["messages"] == 0


async def test_a_released_ticket_waits_at_its_old_place_and_is_not_offered_again(student: Join, mentor: Join) -> None:
    ana, ben, mia = await student(), await mentor(skills=["python"]), await mentor(skills=["python"])
    tickets = [await ana.ask() for _ in range(3)]
    path = f"/tickets/{tickets[1]['id']}"
    await ben.expect(200, "POST", f"{path}/accept")
    released = await ben.expect(200, "POST", f"{path}/release", {"reason": "Not my area."})
    assert (released["status"], released["assigned_mentor_id"], released["respond_by"]) == ("open", None, None)
    ids = [ticket["id"] for ticket in tickets]
    assert [item["id"] for item in await everything(mia, "/tickets?sort=oldest")] == ids
    assert [item["id"] for item in await everything(ben, "/tickets")] == [ids[2], ids[0]]
    event = (await everything(ana, f"{path}/events"))[-1]
    assert (event["action"], event["reason"], event["actor_id"]) == ("release", "Not my area.", ben.id)
    assert (await ben.delete(f"{path}/pass")).status_code == 204
    assert [item["id"] for item in await everything(ben, "/tickets")] == ids[::-1]


async def test_who_passes_is_not_offered_it_until_the_pass_is_taken_back(student: Join, mentor: Join) -> None:
    ana, ben, mia = await student(), await mentor(skills=["python"]), await mentor(skills=["python"])
    ticket = await ana.ask()
    path = f"/tickets/{ticket['id']}"
    for reason in ({"reason": "unclear"}, {"reason": "no_time"}, None):
        assert (await ben.post(f"{path}/pass", reason)).status_code == 204, "repeatable"
    assert (await ben.post(f"{path}/pass", {"reason": "boring"})).status_code == 422
    for listing in ("/tickets", "/tickets?tag=python", "/tickets?matching=true", "/tickets?sort=match"):
        assert await everything(ben, listing) == [], listing
        assert len(await everything(mia, listing)) == 1, listing
    assert (await ana.expect(200, "GET", path))["status"] == "open"
    for _ in range(2):
        assert (await ben.delete(f"{path}/pass")).status_code == 204, "repeatable"
    assert len(await everything(ben, "/tickets?sort=match")) == 1


async def test_a_solved_ticket_closes_by_itself_after_two_weeks(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("resolved", ana, ben)
    path = f"/tickets/{ticket['id']}"
    async with later(timedelta(days=13, hours=23), ana):
        await let_the_clock_work(worker)
        assert (await ana.expect(200, "GET", path))["status"] == "resolved"
    async with later(timedelta(days=14, minutes=1), ana):
        await let_the_clock_work(worker)
        closed = await ana.expect(200, "GET", path)
        assert (closed["status"], closed["closed_at"] is None) == ("closed", False)
        event = (await everything(ana, f"{path}/events"))[-1]
        assert (event["action"], event["actor_id"]) == ("auto_close", None)
        await ana.expect(201, "POST", f"{path}/review", {"rating": 5})


async def test_a_reopened_ticket_is_its_mentors_for_a_day_and_closes_two_weeks_after_the_new_solution(
    student: Join, mentor: Join, worker: Worker
) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ticket_in('resolved', ana, ben))['id']}"
    async with later(timedelta(days=13), ana, ben):
        reopened = await ana.expect(200, "POST", f"{path}/reopen", {"reason": "It fails."})
        assert (reopened["status"], reopened["assigned_mentor_id"]) == ("assigned", ben.id)
        assert (reopened["resolved_at"], reopened["closed_at"]) == (None, None)
        assert at(reopened["respond_by"]) > at(reopened["updated_at"]) + timedelta(hours=23)
        assert (await ana.client.get(path)).status_code == 404, "it is not public until it is solved again"
        await ben.expect(200, "POST", f"{path}/resolve", {"solution": "Use `sorted`."})
    async with later(timedelta(days=15), ana):
        await let_the_clock_work(worker)
        assert (await ana.expect(200, "GET", path))["status"] == "resolved"
