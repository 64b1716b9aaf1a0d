"""Who may do what to a ticket: the whole matrix of route × person × state, made from the table of a ticket's life."""

from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from mentorq.core.database import Database
from mentorq.tickets.states import PUBLISHED, TRANSITIONS, Action, Actor, Status
from tests.support.life import STATES, make_admin, ticket_in
from tests.support.people import PASSWORD, Join, Person

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Rule:
    """What API.md says of a route: an action of the table, or a condition of its own."""

    action: Action | None = None
    only: str = ""
    """The role without which nothing is possible."""
    sees: bool = False
    """Whoever may see the ticket."""
    parties: bool = False
    """Its owner and its mentor; `admins_too` where it only reads."""
    admins_too: bool = False
    owner: bool = False
    states: tuple[str, ...] = STATES
    success: int = 200
    body: Any = None


TICKET = "/tickets/{ticket_id}"
RULES = {
    ("GET", TICKET): Rule(sees=True),
    ("PATCH", TICKET): Rule(Action.EDIT, body={"title": "Another title"}),
    ("DELETE", TICKET): Rule(Action.EDIT, success=204),
    ("POST", f"{TICKET}/accept"): Rule(Action.ACCEPT, only="mentor"),
    ("POST", f"{TICKET}/release"): Rule(Action.RELEASE, only="mentor"),
    ("POST", f"{TICKET}/pass"): Rule(Action.ACCEPT, only="mentor", success=204),
    ("DELETE", f"{TICKET}/pass"): Rule(only="mentor", success=204),
    ("POST", f"{TICKET}/extend"): Rule(Action.EXTEND, only="mentor"),
    ("GET", f"{TICKET}/wait"): Rule(Action.EDIT),
    ("PUT", f"{TICKET}/draft"): Rule(Action.RESOLVE, only="mentor", success=204, body={"body": "Use"}),
    ("GET", f"{TICKET}/draft"): Rule(Action.RESOLVE, only="mentor"),
    ("DELETE", f"{TICKET}/draft"): Rule(Action.RESOLVE, only="mentor", success=204),
    ("POST", f"{TICKET}/resolve"): Rule(Action.RESOLVE, only="mentor", body={"solution": "Use `sorted`."}),
    ("PATCH", f"{TICKET}/solution"): Rule(Action.EDIT_SOLUTION, only="mentor", body={"solution": "Use `sorted`."}),
    ("GET", f"{TICKET}/solution/versions"): Rule(sees=True),
    ("POST", f"{TICKET}/reopen"): Rule(Action.REOPEN, body={"reason": "It fails."}),
    ("POST", f"{TICKET}/close"): Rule(Action.CLOSE),
    ("GET", f"{TICKET}/messages"): Rule(parties=True, admins_too=True),
    ("POST", f"{TICKET}/messages"): Rule(
        parties=True, states=("open", "assigned", "resolved"), success=201, body={"body": "Which version?"}
    ),
    ("GET", f"{TICKET}/events"): Rule(parties=True, admins_too=True),
    ("GET", f"{TICKET}/mentors"): Rule(owner=True, admins_too=True),
    ("POST", f"{TICKET}/review"): Rule(owner=True, states=("closed",), success=201, body={"rating": 5}),
    ("GET", f"{TICKET}/review"): Rule(sees=True),
    ("GET", f"{TICKET}/transcripts"): Rule(sees=True),
}
ELSEWHERE = {("GET", f"{TICKET}/similar"), ("PATCH", f"{TICKET}/review")}
WHO = ("anonymous", "deleted", "other student", "other mentor", "admin", "its mentor", "owner")


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    """Every operation on one ticket."""
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return {
        (method.upper(), path) for path, operations in paths.items() if path.startswith(TICKET) for method in operations
    }


def expected(rule: Rule, who: str, state: str) -> int:
    """The status that API.md promises."""
    published = state in PUBLISHED
    if who == "deleted" or (who == "anonymous" and not rule.sees):
        return 401
    role = who.rsplit(maxsplit=1)[-1] if who != "owner" else "student"
    if rule.only and role != rule.only:
        return 403
    if rule.sees:
        may_see = (
            published
            or who in ("owner", "admin")
            or (who == "its mentor")
            or (who == "other mentor" and state == "open")
        )
        return rule.success if may_see else 404
    if not (published or role in ("mentor", "admin") or who == "owner"):
        return 404
    if rule.action is None:
        return _of_condition(rule, who, state)
    return _of_action(rule, who, state)


def _of_condition(rule: Rule, who: str, state: str) -> int:
    is_party = who == "owner" or (who == "its mentor" and state != "open")
    allowed = is_party if rule.parties else who == "owner" if rule.owner else True
    if not allowed and not (rule.admins_too and who == "admin"):
        return 403
    return rule.success if state in rule.states else 409


def _of_action(rule: Rule, who: str, state: str) -> int:
    assert rule.action is not None
    transition = TRANSITIONS[rule.action]
    if transition.actor == Actor.OWNER and who != "owner":
        return 403
    if transition.actor == Actor.ITS_MENTOR and who != "its mentor" and state != Status.OPEN:
        return 403
    return rule.success if state == transition.source else 409


async def test_every_route_of_a_ticket_has_a_row(app: FastAPI) -> None:
    assert routes_of(app) - ELSEWHERE == set(RULES)
    plain = {route.path for route in app.routes if isinstance(route, APIRoute) and route.path.startswith(TICKET)}
    assert plain <= {path for _, path in RULES} | {path for _, path in ELSEWHERE}


@pytest.mark.parametrize("state", STATES)
async def test_every_route_answers_everybody_as_the_contract_says(
    state: str, student: Join, mentor: Join, database: Database
) -> None:
    owner, other_student = await student(), await student()
    its_mentor, other_mentor, leaver = await mentor(), await mentor(), await mentor()
    people: dict[str, Person] = {
        "owner": owner,
        "other student": other_student,
        "its mentor": its_mentor,
        "other mentor": other_mentor,
        "admin": await make_admin(database, student),
        "deleted": leaver,
    }
    assert (await leaver.request("DELETE", "/users/me", json={"password": PASSWORD})).status_code == 204
    wrong: list[str] = []
    for (method, route), rule in RULES.items():
        wanted_of = {who: wanted(method, route, rule, who, state) for who in WHO}
        ticket = await ready(state, route, method, owner, its_mentor)
        # Who is refused changes nothing, so they share a ticket; each of the others needs one of their own.
        for number, who in enumerate(sorted(WHO, key=lambda who: wanted_of[who] < 400)):
            if wanted_of[who] < 400 and number > 0 and method != "GET":
                ticket = await ready(state, route, method, owner, its_mentor)
            path = route.format(ticket_id=ticket["id"])
            ask = owner.client.request if who == "anonymous" else people[who].request
            answer = await ask(method, path, json=rule.body)
            if answer.status_code != wanted_of[who]:
                wrong.append(f"{who}: {method} {route} of an {state} one: {answer.status_code}, not {wanted_of[who]}")
            if answer.status_code == 401:
                assert answer.headers["WWW-Authenticate"] == "Bearer"
            if answer.status_code >= 400:
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(answer.json())
    assert wrong == []


async def ready(state: str, route: str, method: str, owner: Person, its_mentor: Person) -> dict[str, Any]:
    """A ticket in a state, with what the route is about."""
    ticket = await ticket_in(state, owner, its_mentor)
    path = f"/tickets/{ticket['id']}"
    if route.endswith("/draft") and state == "assigned":
        await its_mentor.expect(204, "PUT", f"{path}/draft", {"body": "So far"})
    if (method, route) == ("GET", f"{TICKET}/review") and state == "closed":
        await owner.expect(201, "POST", f"{path}/review", {"rating": 4})
    return ticket


def wanted(method: str, route: str, rule: Rule, who: str, state: str) -> int:
    """`expected`, but what is not there yet is not found."""
    status = expected(rule, who, state)
    if (method, route) == ("GET", f"{TICKET}/review") and state != "closed" and status == 200:
        return 404
    return status


async def test_what_does_not_exist_is_not_found_whoever_asks(student: Join, mentor: Join) -> None:
    for person in (await student(), await mentor()):
        for (method, route), rule in RULES.items():
            answer = await person.request(method, route.format(ticket_id=2**63 - 1), json=rule.body)
            is_mentor = person.username.startswith("mentor")
            assert answer.status_code == (403 if rule.only == "mentor" and not is_mentor else 404), (method, route)


async def test_an_id_out_of_range_is_never_an_error_of_ours(mentor: Join) -> None:
    ben = await mentor()
    for identity in (0, -1, 2**63, 10**30, "one", "1.5"):
        for (method, route), rule in RULES.items():
            answer = await ben.request(method, route.format(ticket_id=identity), json=rule.body)
            assert answer.status_code in (404, 422), (method, route, identity, answer.status_code)
