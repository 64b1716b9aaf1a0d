"""What is solved already, offered while one asks."""

from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.people import Join, Person, solve
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio

PART = {"HX-Request": "true"}


@pytest.fixture
async def solved(student: Join, mentor: Join) -> dict[str, Any]:
    """An article about decorators."""
    ana, ben = await student(), await mentor()
    await solve(ana, ben, title="Flexbox does not wrap", description="My cards stay in a row.", tags=["css"])
    return await solve(ana, ben, title="Decorator loses its arguments", description="I wrap it.", tags=["python"])


@pytest.fixture
async def asker(student: Join) -> Person:
    """Somebody who is about to ask."""
    return await student()


async def test_what_is_like_it_is_offered_as_one_types(app: FastAPI, solved: dict[str, Any], asker: Person) -> None:
    draft = {"title": "My decorator loses arguments", "description": "", "tags": "python", "shown": "0"}
    async with visiting(app, asker) as visit:
        answer = await visit.send("/app/ask/similar", draft, headers=PART)
        assert answer.status_code == 200
        assert "1 person solved something like this." in answer.text
        assert "Decorator loses its arguments" in answer.text
        assert "Flexbox" not in answer.text
        assert f'action="/solved/{solved["id"]}/deflect"' in answer.text
        assert 'id="say"' in answer.text
        again = await visit.send("/app/ask/similar", draft | {"shown": "1"}, headers=PART)
        assert 'id="say"' not in again.text, "nobody wants to hear the same with every word"
        none = await visit.send("/app/ask/similar", {"title": "Quicksilver thermometers"}, headers=PART)
        assert "Nothing like it is solved yet." in none.text
        little = await visit.send("/app/ask/similar", {"title": "deco"}, headers=PART)
        assert "As you write, solved tickets like yours appear here." in little.text


async def test_without_scripts_a_button_looks(app: FastAPI, solved: dict[str, Any], asker: Person) -> None:
    async with visiting(app, asker) as visit:
        assert 'name="similar" value="1" formaction="/app/ask"' in await visit.page("/app/ask")
        fields = {"title": "Decorator arguments", "description": "Mine", "tags": "go", "similar": "1"}
        answer = await visit.send("/app/ask", fields)
        assert answer.status_code == 200
        assert "Decorator loses its arguments" in answer.text
        assert 'value="Decorator arguments"' in answer.text
        assert ">\nMine</textarea>" in answer.text
        assert 'role="alert"' not in answer.text
    assert (await asker.expect(200, "GET", "/tickets/me"))["items"] == []


async def test_a_search_becomes_a_first_draft(app: FastAPI, solved: dict[str, Any], asker: Person) -> None:
    async with visiting(app, asker) as visit:
        page = await visit.page(f"/app/ask?title=decorator+arguments{'!' * 300}&tags=python")
    assert f'value="decorator arguments{"!" * 181}"' in page
    assert "Decorator loses its arguments" in page


async def test_an_answer_that_helps_is_counted_and_ends_the_draft(
    app: FastAPI, solved: dict[str, Any], asker: Person
) -> None:
    path = (await asker.expect(200, "GET", f"/knowledge/{solved['id']}"))["url"]
    async with visiting(app, asker) as visit:
        for _ in range(2):
            await visit.goes_to(path, f"/solved/{solved['id']}/deflect")
        page = await visit.page(path)
        assert 'data-draft-clear="ask"' in page
        assert "we count this as a question answered" in page
        assert "spared 1 question" in page
        assert "data-draft-clear" not in await visit.page(path), "another draft is another question"
    assert (await asker.expect(200, "GET", f"/knowledge/{solved['id']}"))["deflected"] == 1


async def test_who_may_not_ask_is_offered_nothing(app: FastAPI, solved: dict[str, Any], mentor: Join) -> None:
    async with visiting(app) as visit:
        await visit.goes_to("/signin?next=/app", f"/solved/{solved['id']}/deflect")
        assert (await visit.send("/app/ask/similar", {"title": "x" * 20})).status_code == 303
    async with visiting(app, await mentor()) as visit:
        assert (await visit.send("/app/ask/similar", {"title": "x" * 20}, headers=PART)).status_code == 403
