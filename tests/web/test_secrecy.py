"""What looks like a secret is said at the text, with the choice to post it all the same; nothing is lost."""

from html import unescape

import pytest
from fastapi import FastAPI

from tests.support.life import ticket_in
from tests.support.people import Join
from tests.support.secrets import github_token
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}
TOKEN = github_token()
CHOICE = 'name="allow_secrets"'
ADVICE = "Everyone will be able to read it. Remove it, or tick “It is no secret, post it”."
QUESTION = {"title": "Why?", "description": f"I ran\r\n\r\n  git push\r\n{TOKEN}", "tags": "git", "is_anonymous": "on"}
ALLOWED = {"allow_secrets": "on"}


async def test_a_question_is_shown_again_with_the_choice(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        assert CHOICE not in await visit.page("/app/ask")
        refused = await visit.send("/app/ask", QUESTION)
        page = unescape(refused.text)
        assert refused.status_code == 422
        assert 'id="text-error"' in page
        assert page.count(f"Line 4 looks like a GitHub token. {ADVICE}") == 2  # above the form, and at the text
        assert f"{CHOICE}>" in page
        assert "It is no secret, post it" in page
        assert f">\n{QUESTION['description']}</textarea>" in page.replace("\n  git", "\r\n  git").replace("\r\r", "\r")
        assert 'name="is_anonymous" checked' in page
        assert (await ana.expect(200, "GET", "/tickets"))["items"] == []
        # ticked, but something else is wrong: it stays ticked
        untitled = await visit.send("/app/ask", QUESTION | ALLOWED | {"title": ""})
        assert (untitled.status_code, f"{CHOICE} checked" in untitled.text) == (422, True)
        previewed = await visit.send("/app/ask", QUESTION | ALLOWED | {"preview": "1"})
        assert f"{CHOICE} checked" in previewed.text
        posted = await visit.send("/app/ask", QUESTION | ALLOWED)
        assert posted.status_code == 303
    (ticket,) = (await ana.expect(200, "GET", "/tickets"))["items"]
    assert TOKEN in ticket["description"]


async def test_lines_are_those_of_the_form(app: FastAPI, student: Join) -> None:
    """What stands above the first word is cut off when it is posted, but it is there in the form."""
    ana = await student()
    async with visiting(app, ana) as visit:
        answer = await visit.send("/app/ask", QUESTION | {"description": f"\r\n \r\n  {TOKEN}"})
    assert "Line 3 looks like a GitHub token." in answer.text


async def test_several_places_are_told_and_the_rest_counted(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        given = {"title": TOKEN, "description": f"{TOKEN}\n" * 6}
        page = unescape((await visit.send("/app/ask", QUESTION | given)).text)
        assert f"This looks like a GitHub token. {ADVICE}" in page
        told = [f"Line {line} looks like a GitHub token." for line in range(1, 6)]
        assert f"{' '.join(told)} 1 more place looks like a secret. {ADVICE}" in page
        given["description"] += TOKEN
        assert "2 more places look like a secret." in (await visit.send("/app/ask", QUESTION | given)).text


async def test_in_spanish(app: FastAPI, student: Join) -> None:
    ana = await student()
    async with visiting(app, ana) as visit:
        answer = await visit.send("/app/ask", QUESTION, headers={"Accept-Language": "es"})
    page = unescape(answer.text)
    assert "La línea 4 parece contener un token de GitHub." in page
    assert "No es un secreto, publícalo" in page


async def test_an_edit(app: FastAPI, student: Join) -> None:
    ana = await student()
    ticket = await ana.ask()
    path = f"/app/tickets/{ticket['id']}/edit"
    given = {"title": "New", "description": TOKEN, "tags": "git", "version": "1"}
    async with visiting(app, ana) as visit:
        assert CHOICE not in await visit.page(path)
        refused = await visit.send(path, given)
        assert (refused.status_code, f"{CHOICE}>" in refused.text) == (422, True)
        assert "Line 1 looks like a GitHub token." in refused.text
        assert 'name="version" value="1"' in refused.text
        assert (await ana.expect(200, "GET", f"/tickets/{ticket['id']}")) == ticket
        await visit.goes_to(f"/app/tickets/{ticket['id']}", path, given | ALLOWED)
        # what was allowed is not asked again
        await visit.goes_to(f"/app/tickets/{ticket['id']}", path, given | {"title": "Newer", "version": "2"})
    assert (await ana.expect(200, "GET", f"/tickets/{ticket['id']}"))["title"] == "Newer"


@pytest.mark.parametrize("headers", [{}, PART], ids=["page", "part"])
async def test_the_composer(app: FastAPI, student: Join, mentor: Join, headers: dict[str, str]) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("assigned", ana, ben)
    path = f"/app/tickets/{ticket['id']}"
    given = {"kind": "solution", "act": "solution", "body": f"Use\n{TOKEN}"}
    async with visiting(app, ben) as visit:
        assert CHOICE not in await visit.page(path)
        refused = await visit.send(f"{path}/messages", given, headers=headers)
        page = unescape(refused.text)
        assert (refused.status_code, "<html" in page) == (422, not headers)
        assert page.count(f"Line 2 looks like a GitHub token. {ADVICE}") == 2
        assert 'id="body-error"' in page
        assert f"{CHOICE}>" in page
        assert 'value="solution" checked' in page
        assert f">\nUse\n{TOKEN}</textarea>" in page
        assert (await ben.expect(200, "GET", f"/tickets/{ticket['id']}"))["status"] == "assigned"
        saved = await visit.send(f"{path}/messages", given | {"act": "draft"})
        assert saved.status_code == 303
        posted = await visit.send(f"{path}/messages", given | ALLOWED, headers=headers)
        assert posted.headers.get("HX-Redirect", posted.headers.get("location")) == path
    assert TOKEN in (await ben.expect(200, "GET", f"/tickets/{ticket['id']}"))["solution"]


async def test_a_solution_by_its_own_address(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    path = f"/app/tickets/{(await ticket_in('assigned', ana, ben))['id']}"
    async with visiting(app, ben) as visit:
        refused = await visit.send(f"{path}/resolve", {"solution": f"Use {TOKEN}"})
        assert (refused.status_code, f"Use {TOKEN}</textarea>" in refused.text) == (422, True)


async def test_a_better_solution(app: FastAPI, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("resolved", ana, ben)
    path = f"/app/tickets/{ticket['id']}"
    given = {"solution": f"Use\n{TOKEN}"}
    async with visiting(app, ben) as visit:
        assert CHOICE not in await visit.page(f"{path}/solution")
        refused = await visit.send(f"{path}/solution", given)
        page = unescape(refused.text)
        assert (refused.status_code, f"{CHOICE}>" in page, 'id="solution-error"' in page) == (422, True, True)
        assert f">\nUse\n{TOKEN}</textarea>" in page
        assert (await ben.expect(200, "GET", f"/tickets/{ticket['id']}")) == ticket
        await visit.goes_to(path, f"{path}/solution", given | ALLOWED)
