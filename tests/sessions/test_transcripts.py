"""Transcripts: for the two people, and, where both agree, with the ticket."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from tests.support.booking import book
from tests.support.life import ticket_in
from tests.support.people import Join, Person
from tests.support.sockets import served, visit

pytestmark = pytest.mark.anyio

KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    """Where the application is served."""
    async with served(app) as url:
        yield url


async def held(url: str, ana: Person, ben: Person, *said: str, is_over: bool = True, **fields: Any) -> dict[str, Any]:
    """A session in which the student said something."""
    session = await book(ana, ben, **fields)
    async with visit(url, ana, session["id"]) as at_ana:
        for body in said:
            await at_ana.say(body)
            await at_ana.next("chat", body=body)
    if is_over:
        await ana.expect(200, "POST", f"/sessions/{session['id']}/end")
    return session


async def test_all_that_was_said_and_the_code(url: str, student: Join, mentor: Join) -> None:
    ana, ben, stranger = await student(), await mentor(), await mentor()
    ticket = await ana.ask(description="Why?\n\n```python\nprint('x')\n```\n")
    session = await held(url, ana, ben, "first", "second", ticket_id=ticket["id"])
    path = f"/sessions/{session['id']}/transcript"
    found = await ben.expect(200, "GET", path)
    assert [(each["seq"], each["by"], each["username"], each["body"]) for each in found["messages"]] == [
        (1, "student", ana.username, "first"),
        (2, "student", ana.username, "second"),
    ]
    assert (found["student_agrees"], found["mentor_agrees"], found["attached_at"]) == (False, False, None)
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.put(f"{path}/consent", {"agrees": True})).status_code == 404


async def test_it_goes_with_the_ticket_while_both_agree(url: str, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("resolved", ana, ben)
    session = await held(url, ana, ben, "what we found", ticket_id=ticket["id"])
    consent, listed = f"/sessions/{session['id']}/transcript/consent", f"/tickets/{ticket['id']}/transcripts"

    async def shown() -> list[str]:
        answer = await ana.client.get(listed)
        assert answer.status_code == 200
        return [message["body"] for each in answer.json()["items"] for message in each["messages"]]

    assert (await ana.expect(200, "PUT", consent, {"agrees": True}))["attached_at"] is None
    assert await shown() == []
    attached = await ben.expect(200, "PUT", consent, {"agrees": True})
    assert attached["attached_at"] is not None
    assert await shown() == ["what we found"]
    assert (await ben.expect(200, "PUT", consent, {"agrees": True}))["attached_at"] == attached["attached_at"]
    assert (await ana.expect(200, "PUT", consent, {"agrees": False}))["attached_at"] is None
    assert await shown() == []


async def test_who_asked_without_a_name_has_none_in_it(url: str, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("resolved", ana, ben, is_anonymous=True)
    session = await held(url, ana, ben, "it was me", ticket_id=ticket["id"])
    for person in (ana, ben):
        await person.expect(200, "PUT", f"/sessions/{session['id']}/transcript/consent", {"agrees": True})
    listed = f"/tickets/{ticket['id']}/transcripts"
    public = await ana.client.get(listed)
    assert [(each["user_id"], each["username"]) for each in public.json()["items"][0]["messages"]] == [(None, None)]
    assert ana.username not in public.text
    assert ana.username in (await ben.get(listed)).text


async def test_no_secrets_without_a_word(url: str, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("resolved", ana, ben)
    session = await held(url, ana, ben, f"my token is {KEY}", ticket_id=ticket["id"])
    consent = f"/sessions/{session['id']}/transcript/consent"
    refused = await ana.put(consent, {"agrees": True})
    assert (refused.status_code, refused.json()["code"]) == (422, "looks_like_secret")
    assert refused.json()["errors"][0]["pointer"] == "/messages/0/body"
    assert KEY not in refused.text
    assert (await ana.expect(200, "PUT", consent, {"agrees": True, "allow_secrets": True}))["student_agrees"] is True


async def test_nothing_goes_with_the_ticket_before_all_is_said(url: str, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("resolved", ana, ben)
    session = await held(url, ana, ben, "more is to come", ticket_id=ticket["id"], is_over=False)
    consent = f"/sessions/{session['id']}/transcript/consent"
    for person in (ana, ben):
        refused = await person.put(consent, {"agrees": True})
        assert (refused.status_code, refused.json()["code"]) == (409, "session_not_over")
        assert (await person.expect(200, "PUT", consent, {"agrees": False}))["attached_at"] is None
    assert (await ana.client.get(f"/tickets/{ticket['id']}/transcripts")).json()["items"] == []


async def test_without_a_ticket_it_stays_with_the_two(url: str, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    session = await held(url, ana, ben, "hello")
    refused = await ana.put(f"/sessions/{session['id']}/transcript/consent", {"agrees": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_ticket")


async def test_what_one_said_is_in_ones_export(url: str, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    await held(url, ana, ben, "mine")
    assert [each["body"] for each in (await ana.expect(200, "GET", "/users/me/export"))["room_messages"]] == ["mine"]
    assert (await ben.expect(200, "GET", "/users/me/export"))["room_messages"] == []
