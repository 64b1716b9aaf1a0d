"""Asking: what a question may be, and how it is changed and taken away."""

from typing import Any

import pytest

from tests.support.life import everything, ticket_in
from tests.support.people import Join

pytestmark = pytest.mark.anyio

TICKET = {
    "id", "title", "description", "tags", "status", "student_id", "assigned_mentor_id", "solution", "created_at",
    "updated_at", "assigned_at", "respond_by", "resolved_at", "closed_at", "is_anonymous", "student", "mentor",
}  # fmt: skip

IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "/title"),
    ({"title": "   "}, "/title"),
    ({"title": "x" * 201}, "/title"),
    ({"title": "two\nlines"}, "/title"),
    ({"title": None}, "/title"),
    ({"description": "\n\n"}, "/description"),
    ({"description": "x" * 20_001}, "/description"),
    ({"description": "nul \x00"}, "/description"),
    ({"tags": [f"tag{n}" for n in range(11)]}, "/tags"),
    ({"tags": ["python", "💥"]}, "/tags/1"),
    ({"tags": ["x" * 36]}, "/tags/0"),
    ({"tags": "python"}, "/tags"),
    ({"is_anonymous": "perhaps"}, "/is_anonymous"),
    ({"status": "closed"}, "/status"),
    ({"student_id": 1}, "/student_id"),
]


async def test_a_question_is_answered_whole_with_its_place_and_version(student: Join) -> None:
    ana = await student()
    body = {
        "title": "  Why? ",
        "description": " a\r\nb ",
        "tags": ["JS", "javascript", " C++ ", "Node.js", "c#", ".NET"],
    }
    answer = await ana.post("/tickets", body)
    ticket = answer.json()
    assert answer.status_code == 201
    assert set(ticket) >= TICKET
    assert answer.headers["Location"] == f"/tickets/{ticket['id']}"
    assert (ticket["title"], ticket["description"], ticket["status"]) == ("Why?", "a\nb", "open")
    assert ticket["tags"] == ["javascript", "c++", "node.js", "c#", ".net"]
    assert (ticket["student_id"], ticket["student"]["username"]) == (ana.id, ana.username)
    assert "email" not in ticket["student"]
    for field in ("assigned_mentor_id", "mentor", "solution", "assigned_at", "respond_by", "resolved_at", "closed_at"):
        assert ticket[field] is None, field
    assert ticket["created_at"].endswith("Z")
    got = await ana.get(f"/tickets/{ticket['id']}")
    assert (got.json(), got.headers["ETag"]) == (ticket, answer.headers["ETag"])


async def test_limits_are_reached_exactly_and_tags_may_be_none(student: Join) -> None:
    ana = await student()
    longest = await ana.ask("x" * 200, description="ä" * 20_000, tags=[f"tag{n}" for n in range(10)])
    assert len(longest["description"]) == 20_000
    assert (await ana.ask(tags=[]))["tags"] == []
    assert (await ana.ask(tags=["js", "JavaScript", *(f"tag{n}" for n in range(9))]))["tags"][0] == "javascript"


async def test_what_cannot_be_asked_is_named_and_changes_nothing(student: Join) -> None:
    ana = await student()
    ticket = await ana.ask()
    for change, pointer in IMPOSSIBLE:
        body = {"title": "Why?", "description": "Because.", "tags": []} | change
        for method, path, sent in (("POST", "/tickets", body), ("PATCH", f"/tickets/{ticket['id']}", change)):
            if method == "PATCH" and change == {"title": None}:
                continue
            problem = await ana.expect(422, method, path, sent)
            assert pointer in [error["pointer"] for error in problem["errors"]], (method, change)
    assert await everything(ana, "/tickets/me") == [ticket]
    tags = await ana.expect(200, "GET", "/tags")
    assert [tag["name"] for tag in tags["items"]] == ["python"]


async def test_each_field_can_be_edited_and_the_others_stay(student: Join) -> None:
    ana = await student()
    ticket = await ana.ask()
    path = f"/tickets/{ticket['id']}"
    changes: list[dict[str, Any]] = [
        {"title": "New"},
        {"description": "Other words"},
        {"tags": ["go"]},
        {"tags": []},
        {},
    ]
    for change in changes:
        changed = await ana.expect(200, "PATCH", path, change)
        expected = ticket | change | {"updated_at": changed["updated_at"]}
        assert changed == expected
        assert changed["updated_at"] > ticket["updated_at"]
        ticket = changed
    history = await everything(ana, f"{path}/events")
    assert [event["action"] for event in history] == ["create"] + ["edit"] * 5


async def test_if_match_guards_an_edit(student: Join) -> None:
    ana = await student()
    path = f"/tickets/{(await ana.ask())['id']}"
    seen = (await ana.get(path)).headers["ETag"]
    first = await ana.patch(path, {"title": "One"}, headers={"If-Match": seen})
    assert (first.status_code, first.headers["ETag"] == seen) == (200, False)
    late = await ana.patch(path, {"title": "Two"}, headers={"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert (
        await ana.patch(path, {"title": "Two"}, headers={"If-Match": f'"x", {first.headers["ETag"]}'})
    ).status_code == 200


async def test_a_deleted_question_leaves_nothing_but_its_number(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("assigned", ana, ben, tags=["python", "sql"])
    path = f"/tickets/{ticket['id']}"
    await ben.expect(201, "POST", f"{path}/messages", {"body": "Which?"})
    await ben.expect(204, "PUT", f"{path}/draft", {"body": "Use"})
    await ben.expect(200, "POST", f"{path}/release")
    assert (await ana.delete(path)).status_code == 204
    assert (await ana.delete(path)).status_code == 404
    assert await everything(ben, "/tickets") == []
    tags = await ana.expect(200, "GET", "/tags")
    assert {tag["tickets"] for tag in tags["items"]} == {0}
    assert (await ana.ask())["id"] > ticket["id"], "numbers are not given twice"
