"""Where a student begins: what waits, what happened, what is to come."""

from datetime import timedelta
from typing import Any

import pytest

from mentorq.insights.queries import HAPPENED, NEEDING
from tests.support.booking import at, book, wish
from tests.support.life import later, statements_of, ticket_in
from tests.support.people import PASSWORD, Join, Person, solve

pytestmark = pytest.mark.anyio


async def dashboard(student: Person) -> dict[str, Any]:
    """What the API says."""
    found: dict[str, Any] = await student.expect(200, "GET", "/students/me/dashboard")
    return found


def needs_of(found: dict[str, Any]) -> dict[str, list[int]]:
    """Which tickets wait, by kind."""
    return {
        kind: [need["ticket"]["id"] for need in found["needs"] if need["kind"] == kind]
        for kind in ("solution", "message", "review")
    }


async def test_who_has_just_come_has_nothing_to_do(student: Join) -> None:
    assert await dashboard(await student()) == {
        "counts": {"open": 0, "assigned": 0, "resolved": 0, "closed": 0},
        "needs": [],
        "activity": [],
        "sessions": [],
    }


async def test_it_says_what_waits_for_the_student(student: Join, mentor: Join) -> None:
    ana, bob, ben = await student(), await student(), await mentor()
    await ana.ask()
    quiet, asked, answered = [await ticket_in("assigned", ana, ben) for _ in range(3)]
    for ticket in (asked, answered):
        await ben.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Which version?"})
    await ana.expect(201, "POST", f"/tickets/{answered['id']}/messages", {"body": "The newest."})
    solved = [await ticket_in("resolved", ana, ben) for _ in range(2)]
    closed, reviewed = [await ticket_in("closed", ana, ben) for _ in range(2)]
    await ana.expect(201, "POST", f"/tickets/{reviewed['id']}/review", {"rating": 5})
    await ticket_in("resolved", bob, ben)
    found = await dashboard(ana)
    assert found["counts"] == {"open": 1, "assigned": 3, "resolved": 2, "closed": 2}
    assert needs_of(found) == {
        "solution": [ticket["id"] for ticket in solved[::-1]],
        "message": [asked["id"]],
        "review": [closed["id"]],
    }
    (message,) = (need for need in found["needs"] if need["kind"] == "message")
    assert message["text"] == "Which version?"
    assert message["person"]["username"] == ben.username
    assert message["ticket"] == {"id": asked["id"], "title": asked["title"], "status": "assigned"}
    assert quiet["id"] not in needs_of(found)["message"]
    async with later(timedelta(days=31), ana):
        assert needs_of(await dashboard(ana))["review"] == []


async def test_it_says_what_others_did_newest_first(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("assigned", ana, ben, title="Mine")
    path = f"/tickets/{ticket['id']}"
    await ben.expect(201, "POST", f"{path}/messages", {"body": "Hello."})
    await ana.expect(201, "POST", f"{path}/messages", {"body": "Hello."})
    await ben.expect(200, "POST", f"{path}/resolve", {"solution": "So."})
    await ana.expect(200, "POST", f"{path}/close")
    found = (await dashboard(ana))["activity"]
    assert [(one["action"], one["text"]) for one in found] == [("resolve", None), ("say", "Hello."), ("accept", None)]
    assert {one["person"]["id"] for one in found} == {ben.id}
    assert {one["ticket"]["title"] for one in found} == {"Mine"}
    await ben.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    assert {one["person"]["username"] for one in (await dashboard(ana))["activity"]} == {"deleted user"}


async def test_there_is_an_end_to_it(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    tickets = [await ticket_in("resolved", ana, ben) for _ in range(NEEDING + 1)]
    found = await dashboard(ana)
    assert needs_of(found)["solution"] == [ticket["id"] for ticket in tickets[:0:-1]]
    assert len(found["activity"]) == HAPPENED


async def test_sessions_to_come_are_listed(student: Join, mentor: Join) -> None:
    ana, bob, ben = await student(), await student(), await mentor()
    late = await book(ana, ben, at(hours=30))
    soon = await wish(ana, ben, at(hours=5))
    over = await wish(ana, ben, at(hours=9))
    await ana.expect(200, "POST", f"/sessions/{over['id']}/cancel", {})
    await wish(bob, ben, at(hours=7))
    assert [session["id"] for session in (await dashboard(ana))["sessions"]] == [soon["id"], late["id"]]
    async with later(timedelta(hours=31), ana):
        assert (await dashboard(ana))["sessions"] == []


async def test_it_takes_three_statements(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    for state in ("open", "assigned", "resolved", "closed"):
        await ticket_in(state, ana, ben)
    await solve(ana, ben)
    await dashboard(ana)
    with statements_of("GET", "/students/me/dashboard") as sent:
        await dashboard(ana)
    assert sent == [3]
