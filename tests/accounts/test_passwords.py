"""Changing a password, and the way back in without it."""

from asyncio import gather
from datetime import timedelta

import httpx2
import pytest

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from tests.support.life import later, sign_in_again
from tests.support.mails import decide_whom_to_mail, mailed_tokens
from tests.support.people import PASSWORD, Join, Person

pytestmark = pytest.mark.anyio

NEW = "another-Passphrase-9"


async def forget(worker: Worker, person: Person) -> str:
    """Ask for a way back in; returns the token that is mailed."""
    answer = await person.client.post("/auth/password/forgot", json={"email": person.email.upper()})
    assert answer.status_code == 202, answer.text
    await decide_whom_to_mail(worker)
    return (await mailed_tokens(worker.database, person.email, "reset"))[-1]


async def reset(client: httpx2.AsyncClient, token: str, new: str = NEW) -> httpx2.Response:
    """Set a new password by a token."""
    return await client.post("/auth/password/reset", json={"token": token, "new_password": new})


async def test_a_changed_password_ends_the_other_sign_ins(student: Join) -> None:
    ana = await student()
    other = Person(ana.client, ana.id, ana.username, ana.email, ana.tokens)
    await sign_in_again(other)
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert (await ana.post("/auth/password/change", body)).status_code == 204
    assert [(await person.get("/auth/me")).status_code for person in (ana, other)] == [200, 401]
    answers = [
        await ana.client.post("/auth/signin", data={"username": ana.username, "password": password})
        for password in (PASSWORD, NEW)
    ]
    assert [answer.status_code for answer in answers] == [401, 200]


async def test_the_current_password_must_be_right_and_the_new_one_good(student: Join) -> None:
    ana = await student()
    wrong = await ana.post("/auth/password/change", {"current_password": "x", "new_password": NEW})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "wrong_password")
    for bad in ("short", "x" * 73, "password123", ana.email):
        answer = await ana.post("/auth/password/change", {"current_password": PASSWORD, "new_password": bad})
        assert answer.status_code == 422, bad
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/new_password"]
    await sign_in_again(ana)


async def test_a_mailed_token_sets_a_password_once_and_ends_every_sign_in(
    student: Join, worker: Worker, client: httpx2.AsyncClient
) -> None:
    ana = await student()
    token = await forget(worker, ana)
    bad = await reset(client, token, "short")
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/new_password")
    assert (await reset(client, token)).status_code == 204
    assert (await ana.get("/auth/me")).status_code == 401
    assert (await client.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})).status_code == 401
    again = await reset(client, token, "yet-another-Passphrase-3")
    assert (again.status_code, again.json()["code"]) == (422, "bad_token")
    await sign_in_again(ana, NEW)
    assert (await ana.expect(200, "GET", "/auth/me"))["email_verified"] is True, "who got the mail has the address"


async def test_of_many_uses_at_once_one_counts(student: Join, worker: Worker, client: httpx2.AsyncClient) -> None:
    token = await forget(worker, await student())
    answers = await gather(*(reset(client, token, f"{NEW}-{n}") for n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204] + [422] * 4


async def test_a_token_lives_half_an_hour(student: Join, worker: Worker, client: httpx2.AsyncClient) -> None:
    ana = await student()
    token = await forget(worker, ana)
    async with later(timedelta(minutes=31)):
        assert (await reset(client, token)).status_code == 422
    async with later(timedelta(minutes=29)):
        assert (await reset(client, token)).status_code == 204


async def test_a_new_password_voids_every_other_mailed_token(
    student: Join, worker: Worker, client: httpx2.AsyncClient
) -> None:
    ana = await student()
    first, second = await forget(worker, ana), await forget(worker, ana)
    assert (await reset(client, second)).status_code == 204
    assert (await reset(client, first)).status_code == 422
    await sign_in_again(ana, NEW)
    third = await forget(worker, ana)
    body = {"current_password": NEW, "new_password": PASSWORD}
    assert (await ana.post("/auth/password/change", body)).status_code == 204
    assert (await reset(client, third)).status_code == 422


async def test_nobody_learns_who_has_an_account(
    student: Join, worker: Worker, client: httpx2.AsyncClient, database: Database
) -> None:
    ana = await student()
    answers = [
        await client.post("/auth/password/forgot", json={"email": email}) for email in (ana.email, "nobody@example.org")
    ]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, answers[0].content)] * 2
    await decide_whom_to_mail(worker)
    assert await mailed_tokens(database, "nobody@example.org", "reset") == []
    assert len(await mailed_tokens(database, ana.email, "reset")) == 1


async def test_no_token_of_ours(client: httpx2.AsyncClient) -> None:
    assert [(await reset(client, token)).status_code for token in ("x", "", "x" * 201)] == [422] * 3
