"""Nothing that anybody is answered holds what that person may not see; an anonymous asker is one everywhere."""

from typing import Any

import pytest
from fastapi import FastAPI

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from tests.support.life import STATES, everything, make_admin, ticket_in
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio


async def answers_to(person: Person | None, client: Any, ticket_ids: list[int], people: list[int]) -> dict[str, Any]:
    """Everything that can be read, as one person: by path."""
    paths = ["/tickets/me", "/tickets", "/tickets?sort=oldest", "/tickets?tag=python", "/tickets?q=list", "/mentors"]
    paths += ["/tickets?sort=match", "/tickets?matching=true", "/tags", "/users/me/export"]
    paths += [f"/mentors/{each}/reviews" for each in people] + [f"/users/{each}" for each in people]
    for ticket_id in ticket_ids:
        here = f"/tickets/{ticket_id}"
        paths += [here] + [
            f"{here}/{part}" for part in ("messages", "events", "mentors", "review", "solution/versions")
        ]
    found = {}
    for path in paths:
        answer = await (person.get(path) if person else client.get(path))
        assert answer.status_code in (200, 401, 403, 404), (path, answer.text)
        if answer.status_code == 200:
            found[path] = answer.json()
    return found


def tickets_in(value: Any) -> list[dict[str, Any]]:
    """Every ticket anywhere in an answer."""
    if isinstance(value, list):
        return [ticket for item in value for ticket in tickets_in(item)]
    if not isinstance(value, dict):
        return []
    here = [value] if {"title", "status", "description"} <= set(value) else []
    return here + [ticket for item in value.values() for ticket in tickets_in(item)]


def without(answer: dict[str, Any], ticket_id: int) -> dict[str, Any]:
    """An answer, without one ticket of its list."""
    items = answer.get("items")
    return answer if items is None else answer | {"items": [item for item in items if item.get("id") != ticket_id]}


async def test_nobody_is_answered_what_they_may_not_see(
    app: FastAPI, student: Join, mentor: Join, database: Database, worker: Worker
) -> None:
    ana, eve = await student(), await student()
    ben, mia = await mentor(skills=["python"]), await mentor(skills=["python"])
    admin = await make_admin(database, student)
    tickets = {}
    for state in STATES:
        for is_anonymous in (False, True):
            ticket = await ticket_in(state, ana, ben, is_anonymous=is_anonymous, description=f"secret of {state}")
            tickets[ticket["id"]] = state, is_anonymous
            if state != "open":
                if state != "closed":
                    await ana.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "said in confidence"})
                else:
                    await ana.expect(201, "POST", f"/tickets/{ticket['id']}/review", {"rating": 5, "comment": "Good."})
    await worker.drain()
    strangers = {"nobody": None, "eve": eve, "mia": mia}
    for name, person in {**strangers, "ana": ana, "ben": ben, "admin": admin}.items():
        found = await answers_to(person, ana.client, list(tickets), [ana.id, ben.id, mia.id])
        for path, answer in found.items():
            for ticket in tickets_in(answer):
                state, is_anonymous = tickets[ticket["id"]]
                may_see = {
                    "nobody": state in ("resolved", "closed"),
                    "eve": state in ("resolved", "closed"),
                    "mia": state != "assigned",
                    "ben": True,
                    "ana": True,
                    "admin": True,
                }[name]
                assert may_see, (name, path, state)
                knows = name in ("ana", "admin") or (name == "ben" and state != "open")
                if is_anonymous and not knows and "student_id" in ticket:
                    assert ticket["student_id"] is None, (name, path, state)
                    assert ticket["student"] is None, (name, path, state)
            if name in strangers and path != f"/users/{ana.id}" and "export" not in path:
                assert "said in confidence" not in str(answer), (name, path)


async def test_an_anonymous_asker_is_one_in_every_answer_to_strangers(
    student: Join, mentor: Join, database: Database, worker: Worker
) -> None:
    ana, eve = await student("nameless-asker"), await student()
    ben, mia = await mentor(skills=["python"]), await mentor(skills=["python"])
    ids = [(await ticket_in(state, ana, ben, is_anonymous=True))["id"] for state in STATES]
    await ana.expect(201, "POST", f"/tickets/{ids[3]}/review", {"rating": 2, "comment": "Hasty."})
    # Somebody whom mia has helped before asks anonymously: the reason must not say so.
    again = await ticket_in("closed", ana, mia)
    await worker.drain()
    hidden = [await ana.ask(is_anonymous=True, tags=["python"]) for _ in range(2)]
    await worker.drain()
    seen = [*ids, *(ticket["id"] for ticket in hidden)]
    for person in (None, eve, mia):
        for path, answer in (await answers_to(person, ana.client, seen, [ben.id])).items():
            assert "nameless-asker" not in str(without(answer, again["id"])), path
    queue = await everything(mia, "/tickets?sort=match")
    assert {item["id"] for item in queue} >= {ticket["id"] for ticket in hidden}
    assert not any(
        "student" in reason.lower() or "before" in reason.lower()
        for item in queue
        for reason in item["match"]["reasons"]
    )
    review = await eve.expect(200, "GET", f"/tickets/{ids[3]}/review")
    assert review["student_id"] is None
    for knower in (ana, ben):
        review = await knower.expect(200, "GET", f"/tickets/{ids[3]}/review")
        assert review["student_id"] == ana.id
    of_ben = await eve.expect(200, "GET", f"/mentors/{ben.id}/reviews")
    assert [item["student_id"] for item in of_ben["items"]] == [None]


async def test_its_mentor_learns_who_asks_with_the_claim_and_forgets_with_the_release(
    student: Join, mentor: Join
) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ana.ask(is_anonymous=True)
    path = f"/tickets/{ticket['id']}"
    assert (await ben.expect(200, "GET", path))["student"] is None
    assert (await ben.expect(200, "POST", f"{path}/accept"))["student"]["id"] == ana.id
    released = await ben.expect(200, "POST", f"{path}/release")
    assert (released["student"], released["student_id"]) == (None, None)
    assert (await ben.expect(200, "GET", path))["student_id"] is None
