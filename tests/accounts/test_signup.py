"""Becoming somebody."""

from asyncio import gather
from typing import Any

import httpx2
import pytest

from mentorq.core.database import Database
from tests.support.mails import mailed_tokens
from tests.support.people import PASSWORD, Join

pytestmark = pytest.mark.anyio

ANA = {"username": "ana", "email": "ana@example.org", "password": PASSWORD, "role": "student"}
USER = {"id", "username", "email", "role", "bio", "avatar", "is_available", "created_at"}


async def sign_up(client: httpx2.AsyncClient, **changes: Any) -> httpx2.Response:
    """Sign Ana up, or somebody who differs from her."""
    return await client.post("/auth/signup", json=ANA | changes)


@pytest.mark.parametrize("role", ["student", "mentor"])
async def test_who_signs_up_is_answered_the_account(client: httpx2.AsyncClient, role: str) -> None:
    answer = await sign_up(client, role=role)
    assert answer.status_code == 201
    user = answer.json()
    assert set(user) >= USER
    assert (user["username"], user["email"], user["role"]) == ("ana", "ana@example.org", role)
    assert user["created_at"].endswith("Z")
    assert "password" not in answer.text
    assert answer.headers["Location"] == f"/users/{user['id']}"


async def test_names_and_addresses_are_stripped_and_case_does_not_matter(client: httpx2.AsyncClient) -> None:
    user = (await sign_up(client, username="  ANA ", email=" Ana@Example.ORG ")).json()
    assert (user["username"], user["email"]) == ("ana", "ana@example.org")
    for number, host in enumerate(("intranet", "corp.local", "school.test", "localhost", "münchen.example")):
        user = await sign_up(client, username=f"at{number}", email=f"ana@{host}")
        assert (user.status_code, user.json().get("email")) == (201, f"ana@{host}")
    taken = await sign_up(client, username="Ana", email="other@example.org")
    assert (taken.status_code, taken.json()["code"]) == (409, "username_taken")
    taken = await sign_up(client, username="other", email="ANA@example.org ")
    assert (taken.status_code, taken.json()["code"]) == (409, "email_taken")
    for name in ("ana", " ANA", "ana@example.org", " ANA@EXAMPLE.ORG "):
        answer = await client.post("/auth/signin", data={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, name


async def test_of_twenty_who_want_a_name_at_once_one_gets_it(client: httpx2.AsyncClient) -> None:
    answers = await gather(*(sign_up(client, email=f"ana{n}@example.org") for n in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"username_taken"}


async def test_of_ten_who_want_an_address_at_once_one_gets_it(client: httpx2.AsyncClient) -> None:
    answers = await gather(*(sign_up(client, username=f"ana{n}") for n in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"email_taken"}


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"role": "admin"}, "/role"),
    ({"role": "Student"}, "/role"),
    ({"username": "a"}, "/username"),
    ({"username": "x" * 51}, "/username"),
    ({"username": "two words"}, "/username"),
    ({"username": "ana@home"}, "/username"),
    ({"username": "deleted user"}, "/username"),
    ({"username": "a\x00b"}, "/username"),
    ({"username": 7}, "/username"),
    ({"email": "no address"}, "/email"),
    ({"email": "a@b@c"}, "/email"),
    ({"email": f"{'x' * 250}@example.org"}, "/email"),
    ({"password": "short-7"}, "/password"),
    ({"password": "ä" * 37}, "/password"),
    ({"password": "tab\tin-the-middle"}, "/password"),
    ({"password": "password123"}, "/password"),
    ({"username": "anastasia", "password": "Anastasia"}, "/password"),
    ({"password": "ana@example.org"}, "/password"),
    ({"is_admin": True}, "/is_admin"),
]


async def test_what_cannot_be_is_named(client: httpx2.AsyncClient) -> None:
    for changes, pointer in IMPOSSIBLE:
        answer = await sign_up(client, **changes)
        assert answer.status_code == 422, (changes, answer.text)
        assert pointer in [error["pointer"] for error in answer.json()["errors"]], changes
        assert PASSWORD not in answer.text
    assert (await sign_up(client)).status_code == 201, "nothing was taken by what was refused"


@pytest.mark.parametrize("password", ["12-Chars-ok!", "ä" * 36, "x1" * 36, " spaces at both ends "])
async def test_passwords_from_8_characters_to_72_bytes_are_taken_as_they_are(
    client: httpx2.AsyncClient, password: str
) -> None:
    assert (await sign_up(client, password=password)).status_code == 201
    right = await client.post("/auth/signin", data={"username": "ana", "password": password})
    wrong = await client.post("/auth/signin", data={"username": "ana", "password": password.strip() + "x"})
    assert (right.status_code, wrong.status_code) == (200, 401)


async def test_every_field_is_needed(client: httpx2.AsyncClient) -> None:
    for field in ANA:
        body = {name: value for name, value in ANA.items() if name != field}
        answer = await client.post("/auth/signup", json=body)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{field}"]


async def test_a_mailed_token_proves_the_address_once(
    client: httpx2.AsyncClient, database: Database, student: Join
) -> None:
    ana = await student()
    [token] = await mailed_tokens(database, ana.email, "verify")
    assert (await ana.expect(200, "GET", "/auth/me"))["email_verified"] is False
    assert (await client.post("/auth/email/verify", json={"token": token})).status_code == 204
    assert (await ana.expect(200, "GET", "/auth/me"))["email_verified"] is True
    again = await client.post("/auth/email/verify", json={"token": token})
    assert (again.status_code, again.json()["code"]) == (422, "bad_token")
    assert (await ana.post("/auth/email/verification")).status_code == 202
    assert len(await mailed_tokens(database, ana.email, "verify")) == 1, "nothing is left to prove"


async def test_the_proof_is_mailed_again_on_demand(
    client: httpx2.AsyncClient, database: Database, student: Join
) -> None:
    ana = await student()
    assert (await client.post("/auth/email/verification")).status_code == 401
    assert (await ana.post("/auth/email/verification")).status_code == 202
    first, second = await mailed_tokens(database, ana.email, "verify")
    assert first != second
    assert (await client.post("/auth/email/verify", json={"token": second})).status_code == 204
    reset = await client.post("/auth/password/reset", json={"token": first, "new_password": "another-Passphrase-9"})
    assert reset.status_code == 422, "a token is for one purpose"
