"""Likely secrets are told before they are published, and nothing has changed by then."""

from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI

from mentorq.tickets.errors import LooksLikeSecret
from tests.support.life import ticket_in
from tests.support.people import Join, Person
from tests.support.problems import problem
from tests.support.secrets import github_token

pytestmark = pytest.mark.anyio

TOKEN = github_token()
TOLD = "looks like a GitHub token"


def told(answer: httpx2.Response) -> list[tuple[str, str]]:
    """The places that an answer names; it says nothing of what stands there."""
    document = problem(answer, 422, "looks_like_secret")
    assert TOKEN[4:] not in answer.text
    assert "allow_secrets" in document["detail"]
    return [(error["pointer"], error["detail"]) for error in document["errors"]]


async def titles(person: Person) -> list[str]:
    """What somebody has asked."""
    return [item["title"] for item in (await person.expect(200, "GET", "/tickets"))["items"]]


async def test_a_question_with_a_secret_is_not_posted(student: Join) -> None:
    ana = await student()
    body = {
        "title": f"Why is {TOKEN} refused?",
        "description": f"I ran\n\n    git push\n    https://{TOKEN}@a.b\n{TOKEN}",
    }
    with structlog.testing.capture_logs() as log:
        places = told(await ana.post("/tickets", body))
    assert places == [
        ("/title", f"line 1, column 8: {TOLD}"),
        ("/description", f"line 4, column 13: {TOLD}"),
        ("/description", f"line 5, column 1: {TOLD}"),
    ]
    assert TOKEN[4:] not in str(log)
    assert await titles(ana) == []
    ticket = await ana.ask(**body, allow_secrets=True)
    assert (ticket["description"], "allow_secrets" in ticket) == (body["description"], False)


async def test_many_places_are_not_all_told(student: Join) -> None:
    ana = await student()
    answer = await ana.post("/tickets", {"title": "A", "description": f"{TOKEN}\n" * 60})
    assert len(told(answer)) == LooksLikeSecret.MOST


async def test_an_edit_with_a_secret_changes_nothing(student: Join, mentor: Join) -> None:
    ana, eve, ben = await student(), await student(), await mentor()
    path = f"/tickets/{(await ana.ask())['id']}"
    before = await ana.get(path)
    match = {"If-Match": before.headers["ETag"]}
    change = {"description": TOKEN, "tags": ["rust"]}
    assert told(await ana.patch(path, change, headers=match)) == [("/description", f"line 1, column 1: {TOLD}")]
    assert told(await ana.patch(path, {"title": f"My {TOKEN}"})) == [("/title", f"line 1, column 4: {TOLD}")]
    after = await ana.get(path)
    assert (after.headers["ETag"], after.json()) == (before.headers["ETag"], before.json())
    assert len((await ana.expect(200, "GET", f"{path}/events"))["items"]) == 1
    problem(await ana.patch(path, change, headers={"If-Match": '"0-0"'}), 412, "precondition_failed")
    problem(await eve.patch(path, change), 404, "ticket_not_found")
    problem(await ben.patch(path, change), 403, "not_yours")
    changed = await ana.patch(path, change | {"allow_secrets": True}, headers=match)
    assert (changed.status_code, changed.json()["description"], changed.json()["tags"]) == (200, TOKEN, ["rust"])


async def test_what_was_allowed_before_is_not_asked_again(student: Join) -> None:
    ana = await student()
    path = f"/tickets/{(await ana.ask(description=TOKEN, allow_secrets=True))['id']}"
    assert (await ana.expect(200, "PATCH", path, {"title": "New", "description": TOKEN}))["title"] == "New"
    told(await ana.patch(path, {"description": f"{TOKEN} {github_token(8)}"}))
    unchanged = await ana.expect(200, "PATCH", path, {"allow_secrets": True})
    assert (unchanged["title"], unchanged["description"]) == ("New", TOKEN)


@pytest.mark.parametrize(
    ("state", "method", "act"), [("assigned", "POST", "resolve"), ("resolved", "PATCH", "solution")]
)
async def test_a_solution_with_a_secret_is_not_published(
    student: Join, mentor: Join, state: str, method: str, act: str
) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ticket_in(state, ana, ben))['id']}"
    before = await ben.get(path)
    body: dict[str, Any] = {"solution": f"Use\n  {TOKEN}"}
    assert told(await ben.request(method, f"{path}/{act}", json=body)) == [("/solution", f"line 2, column 3: {TOLD}")]
    after = await ben.get(path)
    assert (after.headers["ETag"], after.json()) == (before.headers["ETag"], before.json())
    solved = await ben.expect(200, method, f"{path}/{act}", body | {"allow_secrets": True})
    assert (solved["status"], solved["solution"]) == ("resolved", body["solution"])


async def test_a_draft_and_a_message_are_not_public(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ticket_in('assigned', ana, ben))['id']}"
    await ben.expect(204, "PUT", f"{path}/draft", {"body": TOKEN})
    await ben.expect(201, "POST", f"{path}/messages", {"body": TOKEN})


async def test_a_key_is_not_used_up_by_a_refusal(student: Join) -> None:
    ana = await student()
    key = {"Idempotency-Key": "one"}
    body = {"title": "A", "description": TOKEN}
    for _ in range(2):
        told(await ana.post("/tickets", body, headers=key))
    first = await ana.post("/tickets", body | {"allow_secrets": True}, headers=key)
    again = await ana.post("/tickets", body | {"allow_secrets": True}, headers=key)
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.content == first.content
    assert await titles(ana) == ["A"]


async def test_the_document_tells_it(app: FastAPI) -> None:
    document = app.openapi()
    for path, method in (
        ("/tickets", "post"),
        ("/tickets/{ticket_id}", "patch"),
        ("/tickets/{ticket_id}/resolve", "post"),
        ("/tickets/{ticket_id}/solution", "patch"),
    ):
        examples = document["paths"][path][method]["responses"]["422"]["content"]["application/problem+json"][
            "examples"
        ]
        assert {"invalid_input", "looks_like_secret"} <= set(examples)
        assert examples["looks_like_secret"]["value"]["errors"][0]["pointer"] == "/description"
    for name in ("NewTicket", "TicketChange", "Resolution"):
        schema = document["components"]["schemas"][name]
        assert schema["properties"]["allow_secrets"]["default"] is False
        assert "allow_secrets" not in schema.get("required", [])
