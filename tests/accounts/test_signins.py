"""Signing in and out, and the tokens that come of it."""

from asyncio import gather
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest
import sqlalchemy as sa
import time_machine

from mentorq.accounts.models import UserRow
from mentorq.core.clock import now
from mentorq.core.database import Database
from tests.support.life import everything, later, sign_in_again
from tests.support.people import PASSWORD, Join, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
def still_clock() -> Iterator[None]:
    """No second goes by, however slow the machine."""
    with time_machine.travel(now(), tick=False):
        yield


async def sign_in(person: Person, user_agent: str = "test") -> Person:
    """The same person on another device."""
    answer = await person.client.post(
        "/auth/signin",
        data={"username": person.username, "password": PASSWORD, "grant_type": "password"},
        headers={"User-Agent": user_agent},
    )
    assert answer.status_code == 200, answer.text
    return Person(person.client, person.id, person.username, person.email, answer.json())


async def refresh(person: Person, token: str | None = None, user_agent: str | None = None) -> httpx2.Response:
    """Spend the refresh token of a device."""
    headers = {"User-Agent": user_agent} if user_agent else {}
    body = {"refresh_token": token or person.tokens["refresh_token"]}
    return await person.client.post("/auth/refresh", json=body, headers=headers)


async def status_of(person: Person) -> int:
    """Whether the access token works."""
    return (await person.get("/auth/me")).status_code


@pytest.mark.usefixtures("still_clock")
async def test_signing_in_gives_a_pair_of_tokens(student: Join) -> None:
    ana = await student()
    tokens = (await sign_in(ana)).tokens
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 1800)
    assert (await ana.expect(200, "GET", "/auth/me"))["email"] == ana.email


async def test_wrong_names_and_wrong_passwords_are_answered_alike(student: Join) -> None:
    ana = await student()
    strangers = [(name, PASSWORD) for name in ("nobody", "nobody@example.org", "x" * 300, "' OR 1=1 --")]
    answers = [
        await ana.client.post("/auth/signin", data={"username": who, "password": password})
        for who, password in (*strangers, (ana.username, "wrong-Passphrase-7"), (ana.username, "x" * 900))
    ]
    assert [answer.status_code for answer in answers] == [401] * 6
    assert len({(answer.json()["code"], answer.json()["detail"]) for answer in answers}) == 1
    assert all(answer.headers["WWW-Authenticate"] == "Bearer" for answer in answers)


async def test_the_form_is_a_form(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/auth/signin", json={"username": "a", "password": "b"})).status_code == 422
    assert (await client.post("/auth/signin", data={"username": "a"})).status_code == 422
    wrong_grant = {"username": "a", "password": "b", "grant_type": "implicit"}
    assert (await client.post("/auth/signin", data=wrong_grant)).status_code == 422


async def test_what_is_no_token_is_refused_even_where_none_is_needed(client: httpx2.AsyncClient) -> None:
    for token in ("", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."):
        for path in ("/auth/me", "/mentors"):
            answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, (token, path)


async def test_refreshing_rotates_the_token(student: Join) -> None:
    ana = await student()
    first = ana.tokens
    second = (await refresh(ana)).json()
    assert set(second) == set(first)
    assert second["refresh_token"] != first["refresh_token"]
    ana.tokens = second
    assert await status_of(ana) == 200
    assert (await refresh(ana)).status_code == 200


@pytest.mark.usefixtures("still_clock")
async def test_asking_twice_within_ten_seconds_from_the_same_client_revokes_nothing(student: Join) -> None:
    ana = await student()
    old = ana.tokens["refresh_token"]
    ana.tokens = (await refresh(ana)).json()
    again = await refresh(ana, old)
    assert (again.status_code, again.json()["code"]) == (401, "bad_refresh_token")
    assert await status_of(ana) == 200
    assert (await refresh(ana)).status_code == 200


@pytest.mark.usefixtures("still_clock")
async def test_a_spent_token_from_another_client_ends_the_sign_in(student: Join) -> None:
    ana = await student()
    other = await sign_in(ana)
    old = ana.tokens["refresh_token"]
    ana.tokens = (await refresh(ana)).json()
    stolen = await refresh(ana, old, user_agent="thief")
    assert (stolen.status_code, stolen.json()["code"]) == (401, "refresh_token_reused")
    assert await status_of(ana) == 401
    assert (await refresh(ana)).status_code == 401
    assert await status_of(other) == 200, "other devices are not touched"


async def test_a_spent_token_later_ends_the_sign_in(student: Join) -> None:
    ana = await student()
    old = ana.tokens["refresh_token"]
    ana.tokens = (await refresh(ana)).json()
    async with later(timedelta(seconds=11)):
        assert (await refresh(ana, old)).json()["code"] == "refresh_token_reused"
        assert (await refresh(ana)).status_code == 401
        assert await status_of(ana) == 401


@pytest.mark.usefixtures("still_clock")
async def test_who_moves_to_another_network_may_still_ask_twice(student: Join) -> None:
    ana = await student()
    ana.tokens = (await refresh(ana, user_agent="on the train")).json()
    old = ana.tokens["refresh_token"]
    ana.tokens = (await refresh(ana, user_agent="on the train")).json()
    assert (await refresh(ana, old, user_agent="on the train")).json()["code"] == "bad_refresh_token"
    assert await status_of(ana) == 200


@pytest.mark.usefixtures("still_clock")
async def test_of_two_who_refresh_at_once_one_gets_a_pair(student: Join) -> None:
    for _ in range(5):
        ana = await student()
        answers = await gather(*(refresh(ana) for _ in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
        ana.tokens = next(answer.json() for answer in answers if answer.status_code == 200)
        assert (await refresh(ana)).status_code == 200


async def test_unknown_refresh_tokens_are_refused(client: httpx2.AsyncClient) -> None:
    answers = [
        await client.post("/auth/refresh", json={"refresh_token": t}) for t in ("", "x" * 43, "x" * 201, 7, None)
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 422, 422, 422]


async def test_access_ends_after_half_an_hour_and_the_sign_in_after_a_month_without_use(student: Join) -> None:
    ana = await student()
    async with later(timedelta(minutes=29)):
        assert await status_of(ana) == 200
    async with later(timedelta(minutes=31)):
        assert await status_of(ana) == 401
    async with later(timedelta(days=29)):
        ana.tokens = (await refresh(ana)).json()
        assert await status_of(ana) == 200
    async with later(timedelta(days=60)):
        assert (await refresh(ana)).status_code == 401


async def test_signing_out_kills_the_tokens_at_once(student: Join) -> None:
    ana = await student()
    other = await sign_in(ana)
    assert await status_of(ana) == 200
    assert (await ana.post("/auth/signout")).status_code == 204
    assert await status_of(ana) == 401
    assert (await refresh(ana)).status_code == 401
    assert (await ana.post("/auth/signout")).status_code == 401
    assert await status_of(other) == 200


async def test_devices_are_listed_newest_first_and_ended_one_by_one(student: Join) -> None:
    ana, eve = await student(), await student()
    phone, laptop = await sign_in(ana, "phone"), await sign_in(ana, "laptop")
    page = await laptop.expect(200, "GET", "/auth/signins")
    assert set(page) == {"items", "next_cursor"}
    assert [device["user_agent"] for device in page["items"]][:2] == ["laptop", "phone"]
    assert [device["is_current"] for device in page["items"]] == [True, False, False]
    assert [item["id"] for item in await everything(laptop, "/auth/signins", 1)] == [i["id"] for i in page["items"]]
    of_phone = page["items"][1]["id"]
    assert (await eve.delete(f"/auth/signins/{of_phone}")).status_code == 404
    assert await status_of(phone) == 200
    assert (await laptop.delete(f"/auth/signins/{of_phone}")).status_code == 204
    assert await status_of(phone) == 401
    assert (await laptop.delete(f"/auth/signins/{of_phone}")).status_code == 404
    assert (await laptop.delete("/auth/signins")).status_code == 204
    assert (await status_of(ana), await status_of(laptop)) == (401, 200)
    left = await laptop.expect(200, "GET", "/auth/signins")
    assert [device["is_current"] for device in left["items"]] == [True]


async def test_a_disabled_account_is_shut_out_and_can_come_back(student: Join, database: Database) -> None:
    ana = await student()

    async def set_disabled(moment: object) -> None:
        async with database.write() as db:
            await db.execute(sa.update(UserRow).where(UserRow.id == ana.id).values(disabled_at=moment))

    await set_disabled(now())
    async with later(timedelta(seconds=0)):
        assert (await refresh(ana)).status_code == 401
    answer = await ana.client.post("/auth/signin", data={"username": ana.username, "password": PASSWORD})
    assert answer.status_code == 401
    await set_disabled(None)
    assert (await refresh(ana)).status_code == 200, "the refresh token was not spent by what was refused"
    await sign_in_again(ana)
    assert await status_of(ana) == 200


async def test_roles_decide_who_may_do_what(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    body = {"title": "Why?", "description": "Because."}
    assert (await ben.post("/tickets", body)).status_code == 403
    for method, path, json in (
        ("GET", "/mentors/me/tags", None),
        ("POST", "/mentors/me/tags", {"name": "python"}),
        ("DELETE", "/mentors/me/tags/python", None),
        ("PUT", "/mentors/me/availability", {"is_available": False}),
        ("GET", "/tickets?sort=match", None),
        ("GET", "/tickets?matching=true", None),
    ):
        refused = await ana.request(method, path, json=json)
        assert (refused.status_code, refused.json()["code"]) == (403, "wrong_role"), path
        assert (await ana.client.request(method, path, json=json)).status_code == 401, path
