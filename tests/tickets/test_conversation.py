"""What owner and mentor say, the history, drafts and the versions of a solution."""

import pytest

from tests.support.life import everything, ticket_in
from tests.support.people import Join

pytestmark = pytest.mark.anyio


async def test_the_conversation_is_read_oldest_first_page_by_page(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ticket_in('assigned', ana, ben))['id']}"
    for number in range(7):
        message = await (ben if number % 2 else ana).expect(
            201, "POST", f"{path}/messages", {"body": f" Nr {number}\r\n"}
        )
        assert (message["body"], message["author"]["id"]) == (f"Nr {number}", (ben if number % 2 else ana).id)
    for limit in (1, 3, 7, 100):
        said = await everything(ana, f"{path}/messages", limit)
        assert [message["body"] for message in said] == [f"Nr {number}" for number in range(7)]
    assert (await ana.expect(200, "GET", path))["messages"] == 7
    for body in ("", "  ", "x" * 10_001, "\x1b[31m", None):
        assert (await ana.post(f"{path}/messages", {"body": body})).status_code == 422
    assert (await ana.get(f"{path}/messages?limit=0")).status_code == 422
    assert (await ana.get(f"{path}/messages?limit=101")).status_code == 422


async def test_a_cursor_is_for_one_list_and_one_person_only(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ticket_in('closed', ana, ben))['id']}"
    cursor = (await ana.expect(200, "GET", f"{path}/events?limit=1"))["next_cursor"]
    for person, other in ((ben, f"{path}/events"), (ana, f"{path}/messages"), (ana, "/tickets/me"), (ana, "/tickets")):
        problem = await person.expect(422, "GET", f"{other}?cursor={cursor}")
        assert problem["code"] == "bad_cursor"
    for bad in ("x", cursor[:-2], "A" * 40, "%00"):
        assert (await ana.get(f"{path}/events?cursor={bad}")).status_code == 422


async def test_who_took_it_over_reads_on_and_who_gave_it_back_does_not(student: Join, mentor: Join) -> None:
    ana, ben, mia = await student(), await mentor(), await mentor()
    path = f"/tickets/{(await ticket_in('assigned', ana, ben))['id']}"
    await ben.expect(201, "POST", f"{path}/messages", {"body": "Which version?"})
    await ben.expect(200, "POST", f"{path}/release")
    await mia.expect(200, "POST", f"{path}/accept")
    assert len(await everything(mia, f"{path}/messages")) == 1
    assert (await ben.get(f"{path}/messages")).status_code == 403
    assert (await ben.get(f"{path}/events")).status_code == 403


async def test_the_history_says_who_when_from_to_and_why(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ticket_in('resolved', ana, ben))['id']}"
    await ben.expect(200, "PATCH", f"{path}/solution", {"solution": "Better."})
    await ana.expect(200, "POST", f"{path}/reopen", {"reason": "It fails."})
    await ben.expect(200, "POST", f"{path}/extend")
    await ben.expect(200, "POST", f"{path}/resolve", {"solution": "Best."})
    await ana.expect(200, "POST", f"{path}/close")
    events = await everything(ana, f"{path}/events", 2)
    assert [(e["action"], e["actor_id"], e["from"], e["to"], e["reason"]) for e in events] == [
        ("create", ana.id, None, "open", None),
        ("accept", ben.id, "open", "assigned", None),
        ("resolve", ben.id, "assigned", "resolved", None),
        ("edit_solution", ben.id, "resolved", "resolved", None),
        ("reopen", ana.id, "resolved", "assigned", "It fails."),
        ("extend", ben.id, "assigned", "assigned", None),
        ("resolve", ben.id, "assigned", "resolved", None),
        ("close", ana.id, "resolved", "closed", None),
    ]
    times = [event["created_at"] for event in events]
    assert times == sorted(times)


async def test_every_version_of_a_solution_is_kept(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ticket_in('resolved', ana, ben))['id']}"
    changed = await ben.expect(200, "PATCH", f"{path}/solution", {"solution": " Better. "})
    assert changed["solution"] == "Better."
    page = await ana.expect(200, "GET", f"{path}/solution/versions")
    assert set(page) == {"items", "next_cursor"}
    assert [version["body"] for version in page["items"]] == ["Use `sorted(x)`.", "Better."]
    assert await everything(ana, f"{path}/solution/versions", 1) == page["items"]
    anyone = await ana.client.get(f"{path}/solution/versions")
    assert anyone.json() == page
    seen = (await ben.get(path)).headers["ETag"]
    for version, status in ((seen, 200), (seen, 412), ("*", 200)):
        answer = await ben.patch(f"{path}/solution", {"solution": "Better."}, headers={"If-Match": version})
        assert answer.status_code == status
    stranger = await (await mentor()).patch(f"{path}/solution", {"solution": "Mine."}, headers={"If-Match": seen})
    assert stranger.status_code == 403
    for solution in ("", "x" * 40_001, "\x00"):
        assert (await ben.patch(f"{path}/solution", {"solution": solution})).status_code == 422
    assert (await ben.patch(f"{path}/solution", {"solution": "x" * 40_000})).status_code == 200


async def test_a_draft_is_its_mentors_own_and_goes_with_the_solution(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ticket_in('assigned', ana, ben))['id']}"
    assert (await ben.get(f"{path}/draft")).json()["code"] == "no_draft"
    for body in ("So", "So far", ""):
        assert (await ben.put(f"{path}/draft", {"body": body})).status_code == 204
        assert (await ben.expect(200, "GET", f"{path}/draft"))["body"] == body
    assert (await ben.put(f"{path}/draft", {"body": "x" * 40_001})).status_code == 422
    for _ in range(2):
        assert (await ben.delete(f"{path}/draft")).status_code == 204
    assert (await ben.get(f"{path}/draft")).status_code == 404
    await ben.expect(204, "PUT", f"{path}/draft", {"body": "So far"})
    assert "So far" not in (await ana.get(path)).text
    await ben.expect(200, "POST", f"{path}/resolve", {"solution": "Done."})
    await ana.expect(200, "POST", f"{path}/reopen", {"reason": "It fails."})
    assert (await ben.get(f"{path}/draft")).status_code == 404
