"""A ticket's page: who sees what, and what its people do there without a script."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from mentorq.core.database import Database
from mentorq.tickets import queries
from tests.support.life import SOLUTION, later, statements_of, ticket_in
from tests.support.people import Join, Person
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}
EVIL = '<img src=x onerror=alert(1)>"><script>alert(2)</script>'


def path_of(ticket: dict[str, Any]) -> str:
    """Where its page is."""
    return f"/app/tickets/{ticket['id']}"


async def now(person: Person, ticket: dict[str, Any]) -> dict[str, Any]:
    """What the API says of a ticket."""
    found: dict[str, Any] = await person.expect(200, "GET", f"/tickets/{ticket['id']}")
    return found


class TestWhoSeesWhat:
    async def test_visitors_see_a_ticket_once_it_is_solved(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        async with visiting(app) as visit:
            for state, status in (("open", 404), ("assigned", 404), ("resolved", 200), ("closed", 200)):
                ticket = await ticket_in(state, asker, helper, title=f"Title {state}")
                text = await visit.page(path_of(ticket), status)
                assert (f"Title {state}" in text) == (status == 200)

    async def test_the_conversation_is_for_its_two_people(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper, other = await student(), await mentor(), await student()
        ticket = await ticket_in("resolved", asker, helper)
        await asker.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "A private word"})
        for person, sees in ((asker, True), (helper, True), (other, False), (None, False)):
            async with visiting(app, person) as visit:
                text = await visit.page(path_of(ticket))
                assert ("A private word" in text) == sees
                assert ("Your text, in Markdown" in text) == sees
                assert "sorted(x)" in text

    async def test_an_anonymous_asker_is_hidden_from_others(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper, other = await student(), await mentor(), await mentor()
        ticket = await asker.ask(is_anonymous=True)
        async with visiting(app, other) as visit:
            text = await visit.page(path_of(ticket))
            assert asker.username not in text
            assert "Anonymous" in text
        await helper.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
        async with visiting(app, helper) as visit:
            assert asker.username in await visit.page(path_of(ticket))

    async def test_what_people_write_is_text(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await asker.ask(title=EVIL, description=EVIL)
        await helper.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
        await helper.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": EVIL})
        await helper.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": EVIL})
        await asker.expect(200, "POST", f"/tickets/{ticket['id']}/reopen", {"reason": EVIL})
        async with visiting(app, helper) as visit:
            for page in (path_of(ticket), f"{path_of(ticket)}/solution", f"{path_of(ticket)}/release"):
                text = await visit.page(page)
                assert "<img src=x" not in text
                assert "<script>alert" not in text

    async def test_the_draft_of_the_question_is_dropped_once_posted(self, app: FastAPI, student: Join) -> None:
        asker = await student()
        ticket = await asker.ask()
        async with visiting(app, asker) as visit:
            assert 'data-draft-clear="ask"' in await visit.page(f"{path_of(ticket)}?posted=1")
            assert "data-draft-clear" not in await visit.page(path_of(ticket))

    async def test_no_such_ticket(self, app: FastAPI) -> None:
        async with visiting(app) as visit:
            for path in ("/app/tickets/999999", "/app/tickets/0", f"/app/tickets/{2**63}", "/app/tickets/x"):
                await visit.page(path, 404)

    async def test_a_long_conversation_is_paged(
        self, app: FastAPI, database: Database, student: Join, mentor: Join
    ) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("resolved", asker, helper)
        async with database.write() as db:
            for number in range(104):
                await queries.add_message(db, ticket["id"], asker.id, f"word{number:03}", datetime.now(UTC))
        async with visiting(app, asker) as visit:
            text = await visit.page(path_of(ticket))
            assert [f"word{n:03}" in text for n in (3, 4, 103)] == [False, True, True]
            assert "sorted(x)" in text
            earlier = text.split("?cursor=")[1].split('"')[0]
            text = await visit.page(f"{path_of(ticket)}?cursor={earlier}")
            assert [f"word{n:03}" in text for n in (0, 3, 4)] == [True, True, False]
            assert "accepted" in text
            assert "Show earlier" not in text
            assert "Show the newest" in text
            await visit.page(f"{path_of(ticket)}?cursor=made-up", 422)

    async def test_few_statements_however_long_it_is(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        async with visiting(app, asker) as visit:
            await visit.page(path_of(ticket))
            with statements_of("GET", "/app/tickets/{ticket_id}") as few:
                await visit.page(path_of(ticket))
            for _ in range(20):
                await asker.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "word"})
            with statements_of("GET", "/app/tickets/{ticket_id}") as more:
                await visit.page(path_of(ticket))
        assert few == more
        assert more[0] <= 4


class TestTaking:
    async def test_a_mentor_accepts(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor(skills=["python"])
        ticket = await asker.ask()
        async with visiting(app, helper) as visit:
            text = await visit.page(path_of(ticket))
            assert "Take this ticket?" in text
            await visit.goes_to(path_of(ticket), f"{path_of(ticket)}/accept")
            text = await visit.page(path_of(ticket))
            assert "Yours until" in text
            assert "You accepted" in text
            await visit.goes_to(path_of(ticket), f"{path_of(ticket)}/accept")
        assert (await now(asker, ticket))["assigned_mentor_id"] == helper.id

    async def test_who_comes_too_late_is_shown_the_next_one(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, faster, slower = await student(), await mentor(), await mentor(skills=["python"])
        ticket, following = await asker.ask(), await asker.ask(title="The next one")
        await faster.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
        async with visiting(app, slower) as visit:
            answer = await visit.send(f"{path_of(ticket)}/accept")
            assert answer.status_code == 409
            assert "Someone was faster" in answer.text
            assert faster.username in answer.text
            assert path_of(following) in answer.text

    async def test_students_accept_nothing(self, app: FastAPI, student: Join) -> None:
        asker, other = await student(), await student()
        ticket = await asker.ask()
        for person in (asker, other):
            async with visiting(app, person) as visit:
                assert (await visit.send(f"{path_of(ticket)}/accept")).status_code == 403
        assert (await now(asker, ticket))["status"] == "open"

    async def test_pass_and_take_back(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await asker.ask()
        async with visiting(app, helper) as visit:
            await visit.goes_to("/app/queue", f"{path_of(ticket)}/pass", {"reason": "no_time"})
            assert (await helper.expect(200, "GET", "/tickets"))["items"] == []
            assert "You passed this ticket" in await visit.page(path_of(ticket))
            await visit.goes_to(path_of(ticket), f"{path_of(ticket)}/unpass", {"next": path_of(ticket)})
            assert "You passed this ticket" not in await visit.page(path_of(ticket))
            answer = await visit.send(f"{path_of(ticket)}/pass", headers=PART)
            assert answer.status_code == 204
            answer = await visit.send(f"{path_of(ticket)}/unpass", {"next": "https://evil.example"})
            assert answer.headers["location"] == "/app/queue"
        assert len((await helper.expect(200, "GET", "/tickets"))["items"]) == 1

    async def test_extend(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        async with visiting(app, helper) as visit:
            await visit.goes_to(path_of(ticket), f"{path_of(ticket)}/extend")
            answer = await visit.send(f"{path_of(ticket)}/extend", headers=PART)
            assert 'id="lease"' in answer.text
            assert "<html" not in answer.text
        assert (await now(helper, ticket))["respond_by"] > ticket["respond_by"]

    async def test_release_on_a_page_of_its_own(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        async with visiting(app, helper) as visit:
            assert "Release this ticket?" in await visit.page(f"{path_of(ticket)}/release")
            answer = await visit.send(f"{path_of(ticket)}/release", {"reason": "x" * 1001})
            assert answer.status_code == 422
            assert "At most 1000 characters" in answer.text
            await visit.goes_to("/app/queue", f"{path_of(ticket)}/release", {"reason": "Not my area"})
            await visit.page(f"{path_of(ticket)}/release", 409)
        assert (await now(asker, ticket))["status"] == "open"
        async with visiting(app, asker) as visit:
            text = await visit.page(path_of(ticket))
            assert "Not my area" in text
            assert f"{helper.username}</bdi> gave it back to the queue" in text

    async def test_only_its_mentor_extends_and_releases(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper, other = await student(), await mentor(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        for person in (asker, other):
            async with visiting(app, person) as visit:
                for act in ("extend", "release"):
                    assert (await visit.send(f"{path_of(ticket)}/{act}")).status_code == 403


class TestTalking:
    async def test_both_write(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        for person in (asker, helper):
            async with visiting(app, person) as visit:
                fields = {"kind": "message", "body": f"**From** {person.username}"}
                await visit.goes_to(path_of(ticket), f"{path_of(ticket)}/messages", fields)
                assert f"<strong>From</strong> {person.username}" in await visit.page(path_of(ticket))
        assert (await now(asker, ticket))["messages"] == 2

    async def test_others_do_not(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("resolved", asker, helper)
        for person in (await student(), await mentor()):
            async with visiting(app, person) as visit:
                answer = await visit.send(f"{path_of(ticket)}/messages", {"body": "Me too"})
                assert answer.status_code == 403
        async with visiting(app) as visit:
            await visit.goes_to("/signin?next=/app", f"{path_of(ticket)}/messages", {"body": "Me too"})

    @pytest.mark.parametrize("body", ["", "  \n ", "x" * 10_001])
    async def test_a_wrong_message_is_shown_again(self, app: FastAPI, student: Join, mentor: Join, body: str) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        async with visiting(app, asker) as visit:
            for headers in ({}, PART):
                answer = await visit.send(f"{path_of(ticket)}/messages", {"body": body}, headers=headers)
                assert answer.status_code == 422
                assert body in answer.text
                assert 'id="body-error"' in answer.text
                assert ("<html" in answer.text) == (not headers)
        assert (await now(asker, ticket))["messages"] == 0

    async def test_a_script_gets_the_message_and_an_empty_composer(
        self, app: FastAPI, student: Join, mentor: Join
    ) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        async with visiting(app, helper) as visit:
            fields = {"act": "message", "kind": "message", "body": "Which version?", "status": "assigned"}
            answer = await visit.send(f"{path_of(ticket)}/messages", fields, headers=PART)
            assert answer.status_code == 200
            composer, _, rest = answer.text.partition("</form>")
            assert "Which version?" not in composer
            assert "Which version?" in rest
            assert 'id="lease"' in rest
            assert "<html" not in answer.text

    async def test_news_arrive_once(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        async with visiting(app, asker) as visit:
            answer = await visit.get(f"{path_of(ticket)}/news?after=0")
            assert answer.headers["location"] == path_of(ticket)
            text = await visit.page(path_of(ticket))
            seen = _seen(text)
            news = f"{path_of(ticket)}/news"
            assert (await visit.get(news, params=seen, headers=PART)).status_code == 204
            await helper.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "Which version?"})
            answer = await visit.get(news, params=seen, headers=PART)
            assert "Which version?" in answer.text
            assert "1 new message" in answer.text
            assert "textarea" not in answer.text
            assert 'id="moved"' not in answer.text
            seen = _seen(answer.text)
            assert (await visit.get(news, params=seen, headers=PART)).status_code == 204
            await helper.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": "So."})
            answer = await visit.get(news, params=seen, headers=PART)
            assert "Something has changed here" in answer.text
            assert "<p>So.</p>" in answer.text

    async def test_no_news_for_others(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper, other = await student(), await mentor(), await student()
        ticket = await ticket_in("assigned", asker, helper)
        await asker.expect(201, "POST", f"/tickets/{ticket['id']}/messages", {"body": "A private word"})
        for person in (None, other):
            async with visiting(app, person) as visit:
                assert (await visit.get(f"{path_of(ticket)}/news", headers=PART)).status_code == 204
        await helper.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": "So."})
        async with visiting(app, other) as visit:
            assert (await visit.get(f"{path_of(ticket)}/news", headers=PART)).status_code == 204

    async def test_what_came_too_late_is_not_lost(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("resolved", asker, helper)
        async with visiting(app, helper) as visit:
            fields = {"act": "solution", "body": "A long solution"}
            answer = await visit.send(f"{path_of(ticket)}/messages", fields)
            assert answer.status_code == 409
            assert "A long solution" in answer.text
            await asker.expect(200, "POST", f"/tickets/{ticket['id']}/close")
            answer = await visit.send(f"{path_of(ticket)}/messages", {"body": "A long message"})
            assert answer.status_code == 409
            assert "A long message" in answer.text

    async def test_preview(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        async with visiting(app, helper) as visit:
            fields = {"act": "preview", "kind": "solution", "body": "**bold**"}
            for headers in ({}, PART):
                answer = await visit.send(f"{path_of(ticket)}/messages", fields, headers=headers)
                assert answer.status_code == 200
                assert "<strong>bold</strong>" in answer.text
                assert "\n**bold**</textarea>" in answer.text
        assert (await now(helper, ticket))["status"] == "assigned"


def _seen(text: str) -> dict[str, str]:
    return dict(re.findall(r'name="(after|event|status)" value="(\w+)"', text))


class TestSolving:
    async def test_the_draft_is_kept_and_comes_back(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        async with visiting(app, helper) as visit:
            fields = {"kind": "solution", "body": "So far"}
            answer = await visit.send(f"{path_of(ticket)}/draft", fields, headers=PART)
            assert "Draft saved on the server, " in answer.text
            answer = await visit.send(f"{path_of(ticket)}/draft", {"kind": "message", "body": "No"}, headers=PART)
            assert answer.status_code == 204
            assert (await helper.expect(200, "GET", f"/tickets/{ticket['id']}/draft"))["body"] == "So far"
            text = await visit.page(path_of(ticket))
            assert "So far</textarea>" in text
            assert 'value="solution" checked' in text
            fields |= {"act": "draft", "body": "Further"}
            await visit.goes_to(path_of(ticket), f"{path_of(ticket)}/messages", fields)
            text = await visit.page(path_of(ticket))
            assert "Further</textarea>" in text
            assert "Draft saved.</span>" in text
        async with visiting(app, asker) as visit:
            assert "Further" not in await visit.page(path_of(ticket))
            assert (await visit.send(f"{path_of(ticket)}/draft", {"body": "Mine"})).status_code == 403

    async def test_a_draft_that_comes_after_the_solution_is_no_error(
        self, app: FastAPI, student: Join, mentor: Join
    ) -> None:
        asker, helper = await student(), await mentor()
        ticket, given_back = [await ticket_in("assigned", asker, helper) for _ in range(2)]
        await helper.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": SOLUTION})
        await helper.expect(200, "POST", f"/tickets/{given_back['id']}/release")
        async with visiting(app, helper) as visit:
            fields = {"kind": "solution", "body": "So far"}
            for where, headers, status in ((ticket, PART, 204), (ticket, {}, 409), (given_back, PART, 409)):
                answer = await visit.send(f"{path_of(where)}/draft", fields, headers=headers)
                assert answer.status_code == status

    @pytest.mark.parametrize(
        ("where", "fields"),
        [
            ("messages", {"act": "solution", "kind": "message"}),
            ("messages", {"kind": "solution"}),
            ("resolve", {}),
        ],
    )
    async def test_the_solution_is_public(
        self, app: FastAPI, student: Join, mentor: Join, where: str, fields: dict[str, str]
    ) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        async with visiting(app, helper) as visit:
            answer = await visit.send(f"{path_of(ticket)}/{where}", fields | {"body": " "})
            assert answer.status_code == 422
            assert 'id="body-error"' in answer.text
            fields = fields | {"body": "Use `sorted`."}
            await visit.goes_to(path_of(ticket), f"{path_of(ticket)}/{where}", fields)
        assert (await now(asker, ticket))["solution"] == "Use `sorted`."
        async with visiting(app) as visit:
            assert "<code>sorted</code>" in await visit.page(path_of(ticket))

    async def test_the_owner_solves_nothing(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("assigned", asker, helper)
        async with visiting(app, asker) as visit:
            for act in ("solution", "draft"):
                answer = await visit.send(f"{path_of(ticket)}/messages", {"act": act, "body": "Mine"})
                assert answer.status_code == 403

    async def test_a_solution_has_versions(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper, other = await student(), await mentor(), await mentor()
        ticket = await ticket_in("resolved", asker, helper)
        path = f"{path_of(ticket)}/solution"
        async with visiting(app, helper) as visit:
            assert "Save solution" in await visit.page(path)
            assert (await visit.send(path, {"solution": ""})).status_code == 422
            answer = await visit.send(path, {"solution": "**Better**", "act": "preview"})
            assert "<strong>Better</strong>" in answer.text
            await visit.goes_to(path_of(ticket), path, {"solution": "Better"})
            assert "You improved the solution" in await visit.page(path_of(ticket))
        assert (await now(asker, ticket))["solution"] == "Better"
        async with visiting(app) as visit:
            text = await visit.page(path)
            assert "<p>Better</p>" in text
            assert "sorted(x)" in text
            assert "Save solution" not in text
        async with visiting(app, other) as visit:
            assert (await visit.send(path, {"solution": "Mine"})).status_code == 403

    async def test_without_a_solution_there_are_no_versions(self, app: FastAPI, student: Join) -> None:
        asker = await student()
        ticket = await asker.ask()
        async with visiting(app, asker) as visit:
            await visit.page(f"{path_of(ticket)}/solution", 404)


class TestTheOwnersWord:
    async def test_an_open_ticket_says_how_long_it_may_take(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor(skills=["python"])
        ticket = await asker.ask()
        async with visiting(app, asker) as visit:
            text = await visit.page(path_of(ticket))
            assert "How long it may take" in text
            assert f"/people/{helper.username}" in text
            assert f"{path_of(ticket)}/edit" in text
            assert f"{path_of(ticket)}/delete" in text

    async def test_reopen_needs_a_reason(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("resolved", asker, helper)
        async with visiting(app, asker) as visit:
            assert "Does it work?" in await visit.page(path_of(ticket))
            assert "What does not work?" in await visit.page(f"{path_of(ticket)}/reopen")
            answer = await visit.send(f"{path_of(ticket)}/reopen", {"reason": " "})
            assert answer.status_code == 422
            assert "Please fill this in." in answer.text
            await visit.goes_to(path_of(ticket), f"{path_of(ticket)}/reopen", {"reason": "Fails for []"})
            text = await visit.page(path_of(ticket))
            assert "You reopened it" in text
            assert "Fails for []" in text
        assert (await now(asker, ticket))["status"] == "assigned"

    async def test_close_and_review_once(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        ticket = await ticket_in("resolved", asker, helper)
        async with visiting(app, asker) as visit:
            assert (await visit.send(f"{path_of(ticket)}/review", {"rating": "5"})).status_code == 409
            await visit.goes_to(path_of(ticket), f"{path_of(ticket)}/close")
            assert "How was it?" in await visit.page(path_of(ticket))
            for rating in ("", "0", "6", "5.0", "x"):
                answer = await visit.send(f"{path_of(ticket)}/review", {"rating": rating, "comment": "Kept"})
                assert answer.status_code == 422
                assert "Choose one to five stars." in answer.text
                assert "Kept</textarea>" in answer.text
            fields = {"rating": "4", "comment": "Clear and patient."}
            for _ in range(2):
                await visit.goes_to(path_of(ticket), f"{path_of(ticket)}/review", fields)
            text = await visit.page(path_of(ticket))
            assert "How was it?" not in text
            assert "4 out of 5 stars" in text
        review = await asker.expect(200, "GET", f"/tickets/{ticket['id']}/review")
        assert (review["rating"], review["comment"]) == (4, "Clear and patient.")
        async with visiting(app) as visit:
            assert "Clear and patient." in await visit.page(path_of(ticket))

    async def test_nobody_else_closes_reopens_or_reviews(self, app: FastAPI, student: Join, mentor: Join) -> None:
        asker, helper = await student(), await mentor()
        solved = await ticket_in("resolved", asker, helper)
        closed = await ticket_in("closed", asker, helper)
        for person in (helper, await student()):
            async with visiting(app, person) as visit:
                assert (await visit.send(f"{path_of(solved)}/close")).status_code == 403
                assert (await visit.send(f"{path_of(solved)}/reopen", {"reason": "No"})).status_code == 403
                assert (await visit.send(f"{path_of(closed)}/review", {"rating": "1"})).status_code == 403
                assert "Does it work?" not in await visit.page(path_of(solved))
        async with visiting(app, asker) as visit:
            assert (await visit.send(f"{path_of(closed)}/reopen", {"reason": "No"})).status_code == 409


async def test_a_lease_that_has_run_out_is_shown_as_such(app: FastAPI, student: Join, mentor: Join) -> None:
    asker, helper = await student(), await mentor()
    ticket = await ticket_in("assigned", asker, helper)
    async with later(timedelta(hours=1), helper), visiting(app, helper) as visit:
        assert 'stroke-dasharray="0 100"' in await visit.page(path_of(ticket))
