"""Tokens that are not ours, passwords that others would guess, and names that do not exist."""

import base64
import json
import time
from datetime import timedelta
from typing import Any

import httpx2
import jwt
import pytest
import sqlalchemy as sa
import time_machine
from fastapi import FastAPI

from mentorq.accounts.models import UserRow
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.errors import InvalidInput
from mentorq.core.security import access_token, check_password, hash_password, read_access_token, verify_password
from mentorq.settings import Settings
from tests.support.people import PASSWORD, Join, Person
from tests.support.problems import fields, problem

pytestmark = pytest.mark.anyio


def claims_of(person: Person) -> dict[str, Any]:
    """What a person's own token says."""
    claims: dict[str, Any] = jwt.decode(person.tokens["access_token"], options={"verify_signature": False})
    return claims


def part(value: object) -> str:
    """One part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    """A token that nobody signed."""
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


async def refuse(client: httpx2.AsyncClient, token: str) -> None:
    """A token opens nothing: neither what needs one nor what needs none."""
    headers = {b"Authorization": b"Bearer " + token.encode("utf-8", "surrogatepass")}
    for path in ("/auth/me", "/tags", "/mentors"):
        answer = await client.get(path, headers=headers)
        if path != "/tags":
            problem(answer, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.status_code < 500


ACCEPTABLE = {"iss", "aud", "sub", "sid", "jti", "iat", "exp", "typ"}


async def test_a_token_that_we_made_is_accepted(student: Join) -> None:
    ana = await student()
    assert set(claims_of(ana)) == ACCEPTABLE
    assert (await ana.expect(200, "GET", "/auth/me"))["id"] == ana.id


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_tokens_of_other_algorithms_and_keys_are_refused(
    student: Join, client: httpx2.AsyncClient, settings: Settings
) -> None:
    claims, key = claims_of(await student()), settings.secret_key
    tokens = [unsigned(claims, name) for name in ("none", "None", "NONE", "HS256", "RS256", "ES256", "EdDSA", "")]
    tokens += [jwt.encode(claims, key, algorithm=name) for name in ("HS384", "HS512")]
    tokens += [jwt.encode(claims, other, algorithm="HS256") for other in (key + "x", key[:-1] + "_", "x" * 32)]
    tokens += [sign(f"{part({'alg': 'none'})}.{part(claims)}", key)]
    for token in tokens:
        await refuse(client, token)


async def test_every_claim_is_checked(student: Join, client: httpx2.AsyncClient, settings: Settings) -> None:
    claims = claims_of(await student())
    wrong: dict[str, list[Any]] = {
        "iss": ["", "other", None, 7],
        "aud": ["", "other", ["other"], None, 7],
        "typ": ["refresh", "", None, 7],
        "exp": [int(time.time()) - 60, 0, -1, "soon", None, 10**30, float("inf")],
        "iat": [int(time.time()) + 3600, "then", 10**30],
        "sub": ["", "x", None, 7, "0", "-1", str(10**30), str(claims["sub"]) + ".5", ["1"]],
        "sid": ["x", None, 10**30, -1, 0, [], {}, "1e3"],
        "jti": [None, 7, []],
        "nbf": [int(time.time()) + 3600],
    }
    for name, values in wrong.items():
        for value in values:
            try:
                token = jwt.encode(claims | {name: value}, settings.secret_key, algorithm="HS256")
            except (TypeError, jwt.PyJWTError):  # the library makes no such token; somebody else's might
                signing = f"{part({'alg': 'HS256'})}.{part(claims | {name: value})}"
                token = sign(signing, settings.secret_key)
            await refuse(client, token)
    for name in ACCEPTABLE:
        rest = {key: value for key, value in claims.items() if key != name}
        await refuse(client, jwt.encode(rest, settings.secret_key, algorithm="HS256"))


def sign(signing: str, key: str) -> str:
    """A token made by hand."""
    mac = jwt.get_algorithm_by_name("HS256").sign(signing.encode(), key.encode())
    return f"{signing}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


async def test_garbage_is_401_and_never_more(client: httpx2.AsyncClient, settings: Settings) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
    deep_claims = base64.urlsafe_b64encode(b'{"sub":' + b"[" * 100_000).decode().rstrip("=")
    header = part({"alg": "HS256"})
    garbage = ["x", ".", "..", "...", "a.b.c", "é.ü.ö", "\0", " ", "null", deep, f"{deep}.e30.x", f"{header}.{deep}.x"]
    garbage += [sign(f"{header}.{deep_claims}", settings.secret_key), sign(f"{header}.{part([])}", settings.secret_key)]
    garbage += [
        sign(f"{part({'alg': 'HS256', 'kid': {}})}.{part({})}", settings.secret_key),
        "a" * 100_000,
        "." * 10_000,
    ]
    garbage += [sign(f"{part({'alg': 'HS256', 'b64': False, 'crit': ['b64']})}.{part({})}", settings.secret_key)]
    garbage += [f"{header}.{part({})}.{'A' * length}" for length in (1, 2, 3, 43)]
    for token in garbage:
        await refuse(client, token)
    for header_value in ("Bearer", "Bearer ", "Basic YTpi", "bearer", "Token x", "Bearer a b", ""):
        answer = await client.get("/auth/me", headers={"Authorization": header_value})
        problem(answer, 401)


async def test_a_token_lives_half_an_hour_and_thirty_seconds_of_leeway(student: Join, app: FastAPI) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        ana = await student()
        assert ana.tokens["expires_in"] == 1800
        clock.shift(timedelta(minutes=30, seconds=20))
        app.state.sign_ins._known.clear()
        assert (await ana.get("/auth/me")).status_code == 200
        clock.shift(timedelta(seconds=15))
        problem(await ana.get("/auth/me"), 401)


Change = dict[str, Any]


@pytest.mark.parametrize("change", [{"disabled_at": "now"}, {"deleted_at": "now"}], ids=["disabled", "deleted"])
async def test_an_account_that_is_gone_or_disabled_is_nobody(
    change: Change, student: Join, database: Database, app: FastAPI
) -> None:
    ana = await student()
    assert (await ana.get("/auth/me")).status_code == 200
    async with database.write() as db:
        await db.execute(sa.update(UserRow).where(UserRow.id == ana.id).values(dict.fromkeys(change, now())))
    app.state.sign_ins._known.clear()
    problem(await ana.get("/auth/me"), 401)
    problem(await ana.client.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]}), 401)
    problem(await ana.client.post("/auth/signin", data={"username": ana.username, "password": PASSWORD}), 401)


async def test_who_deletes_the_account_is_signed_out_at_once(student: Join) -> None:
    ana = await student()
    await ana.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    problem(await ana.get("/auth/me"), 401)
    problem(await ana.get("/mentors"), 401)


def test_a_token_says_who_and_until_when(settings: Settings) -> None:
    token, expires = access_token(settings, 2**63 - 1, 7)
    found = read_access_token(settings, token)
    assert found is not None
    assert found[:2] == (2**63 - 1, 7)
    assert abs(found[2] - expires) < timedelta(seconds=1)


# --- passwords


@pytest.mark.parametrize(
    "password",
    [
        "1234567",
        "short",
        "password",
        "PASSWORD",
        "12345678",
        "qwertyuiop",
        "é" * 37,
        "a" * 73,
        "ana-the-first",
        "Ana-The-First",
        "ana@example.org",
    ],
)
def test_passwords_that_others_would_guess_are_refused(password: str) -> None:
    with pytest.raises(InvalidInput):
        check_password(password, "ana-the-first", "ana@example.org")


@pytest.mark.parametrize(
    "password", ["a-long-Passphrase-7", "é" * 36, "a" * 72, "        x", "correct horse battery", "🦆🦆🦆🦆🦆🦆🦆🦆"]
)
def test_any_other_password_will_do(password: str) -> None:
    check_password(password, "ana-the-first", "ana@example.org")


async def test_all_72_bytes_count_and_more_are_never_cut() -> None:
    longest = "a" * 71 + "b"
    hashed = await hash_password(longest, 4)
    assert await verify_password(longest, hashed, 4)
    assert not await verify_password("a" * 71 + "c", hashed, 4)
    assert not await verify_password(longest + "c", hashed, 4)
    assert not await verify_password(longest, None, 4)


async def test_a_long_password_is_refused_and_not_cut_at_sign_up(client: httpx2.AsyncClient) -> None:
    body = {"username": "zoe", "email": "zoe@example.org", "password": "é" * 37, "role": "student"}
    assert fields(await client.post("/auth/signup", json=body)) == {"/password"}
    created = await client.post("/auth/signup", json=body | {"password": "é" * 36})
    assert created.status_code == 201
    for password, status in (("é" * 36, 200), ("é" * 35 + "è", 401), ("é" * 37, 401), ("é" * 36 + "a", 401)):
        answer = await client.post("/auth/signin", data={"username": "zoe", "password": password})
        assert answer.status_code == status


async def test_every_way_to_set_a_password_holds_to_the_rules(student: Join) -> None:
    ana = await student()
    for password in ("password", "short", "a" * 73, ana.username + "", ana.email):
        change = {"current_password": PASSWORD, "new_password": password}
        answer = await ana.post("/auth/password/change", change)
        problem(answer, 422)
        assert fields(answer) == {"/new_password"}, password


async def test_unknown_names_and_wrong_passwords_have_the_same_answer(student: Join) -> None:
    ana = await student()
    documents = []
    for name in (ana.username, ana.email, "nobody", "nobody@example.org"):
        answer = await ana.client.post("/auth/signin", data={"username": name, "password": "wrong-password"})
        document = problem(answer, 401, "wrong_credentials")
        documents.append({key: value for key, value in document.items() if key != "request_id"})
    assert all(document == documents[0] for document in documents)
    answers = [
        await ana.client.post("/auth/password/forgot", json={"email": email})
        for email in (ana.email, "nobody@example.org")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"null")}


async def test_unknown_names_take_as_long(student: Join, database: Database) -> None:
    hashed = await hash_password(PASSWORD, 9)

    async def seconds(password_hash: str | None) -> float:
        started = time.process_time()
        await verify_password("wrong-password", password_hash, 9)
        return time.process_time() - started

    await seconds(None)  # the decoy is made once
    pairs = [(await seconds(hashed), await seconds(None)) for _ in range(7)]
    known, unknown = (min(times) for times in zip(*pairs, strict=True))
    assert 0.5 < unknown / known < 2
