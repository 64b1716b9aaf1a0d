"""A ticket's life through the API."""

from asyncio import gather

import pytest

from tests.support.people import Join, solve

pytestmark = pytest.mark.anyio


async def test_a_ticket_lives_from_question_to_review(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    ticket = await ana.ask(tags=["py", " Lists "])
    assert (ticket["status"], ticket["tags"], ticket["student"]["id"]) == ("open", ["python", "lists"], ana.id)
    path = f"/tickets/{ticket['id']}"
    taken = await ben.expect(200, "POST", f"{path}/accept")
    assert (taken["status"], taken["mentor"]["username"]) == ("assigned", ben.username)
    message = await ben.expect(201, "POST", f"{path}/messages", {"body": "Which version?"})
    assert message["author"]["id"] == ben.id
    await ben.expect(204, "PUT", f"{path}/draft", {"body": "Use"})
    solved = await ben.expect(200, "POST", f"{path}/resolve", {"solution": "Use `sorted(x)`."})
    assert (solved["status"], solved["solution"]) == ("resolved", "Use `sorted(x)`.")
    await ana.expect(200, "POST", f"{path}/close")
    review = await ana.expect(201, "POST", f"{path}/review", {"rating": 5, "comment": "Clear."})
    assert (review["mentor_id"], review["rating"]) == (ben.id, 5)
    history = await ana.expect(200, "GET", f"{path}/events")
    assert [event["action"] for event in history["items"]] == ["create", "accept", "resolve", "close"]


async def test_of_many_mentors_exactly_one_gets_the_ticket(student: Join, mentor: Join) -> None:
    ticket = await (await student()).ask()
    mentors = [await mentor() for _ in range(30)]
    answers = await gather(*(each.post(f"/tickets/{ticket['id']}/accept") for each in mentors))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 29
    winner = next(answer.json()["assigned_mentor_id"] for answer in answers if answer.status_code == 200)
    losers = [answer.json() for answer in answers if answer.status_code == 409]
    assert {(loser["code"], loser["holder"]["id"]) for loser in losers} == {("ticket_not_open", winner)}


async def test_a_mentor_is_suggested_for_what_was_solved_before(student: Join, mentor: Join, worker) -> None:  # type: ignore[no-untyped-def]
    ana, ben = await student(), await mentor()
    await solve(ana, ben, tags=["python"])
    await worker.drain()
    ticket = await ana.ask(tags=["python"])
    best = await ana.expect(200, "GET", f"/tickets/{ticket['id']}/mentors")
    assert [item["id"] for item in best["items"]] == [ben.id]
    queue = await ben.expect(200, "GET", "/tickets?sort=match")
    assert queue["items"][0]["match"]["matched_tags"] == ["python"]
