"""A POST that creates, sent again with its key: the first answer again, and no second thing."""

from asyncio import gather
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest
import sqlalchemy as sa
import time_machine

from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.idempotency import IdempotencyRow, forget
from tests.support.people import PASSWORD, Join, Person
from tests.support.problems import fields, problem

pytestmark = pytest.mark.anyio

QUESTION = {"title": "Why is my list None?", "description": "I call `x = x.sort()`."}


async def ask(person: Person, key: str, **changes: object) -> httpx2.Response:
    """Ask with a key."""
    return await person.post("/tickets", QUESTION | changes, headers={"Idempotency-Key": key})


async def count(person: Person) -> int:
    """How many tickets somebody has."""
    return len((await person.expect(200, "GET", "/tickets/me?limit=100"))["items"])


async def test_the_same_request_again_gives_the_first_answer_again(student: Join) -> None:
    ana = await student()
    first = await ask(ana, "one")
    again = await ask(ana, "one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    for name in ("Location", "ETag", "Content-Type", "Cache-Control", "X-Content-Type-Options"):
        assert again.headers[name] == first.headers[name]
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert await count(ana) == 1


async def test_the_first_answer_comes_again_although_the_ticket_has_changed(student: Join) -> None:
    ana = await student()
    first = await ask(ana, "one")
    await ana.expect(200, "PATCH", first.headers["Location"], {"title": "Another title"})
    assert (await ask(ana, "one")).json()["title"] == QUESTION["title"]
    await ana.expect(204, "DELETE", first.headers["Location"])
    assert (await ask(ana, "one")).content == first.content
    assert await count(ana) == 0


async def test_another_body_with_the_same_key_is_refused(student: Join) -> None:
    ana = await student()
    await ask(ana, "one")
    answer = await ask(ana, "one", title="Something else")
    assert fields(answer) == {"/Idempotency-Key"}
    problem(answer, 422, "idempotency_key_reused")
    assert await count(ana) == 1


async def test_keys_belong_to_one_person_and_one_path(student: Join, mentor: Join) -> None:
    ana, eve, ben = await student(), await student(), await mentor()
    mine, hers = (await ask(ana, "one")).json(), (await ask(eve, "one")).json()
    assert mine["id"] != hers["id"]
    for ticket, person in ((mine, ana), (hers, eve)):
        path = f"/tickets/{ticket['id']}"
        await ben.expect(200, "POST", f"{path}/accept")
        answer = await person.post(f"{path}/messages", {"body": "Hello"}, headers={"Idempotency-Key": "one"})
        assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (201, False)
    answers = [
        await ben.post(f"/tickets/{ticket['id']}/messages", {"body": "Hello"}, headers={"Idempotency-Key": "one"})
        for ticket in (mine, hers)
    ]
    assert [answer.json()["ticket_id"] for answer in answers] == [mine["id"], hers["id"]]


async def test_twenty_at_once_have_one_effect(student: Join, database_url: str) -> None:
    ana = await student()
    answers = await gather(*(ask(ana, "one") for _ in range(20)))
    created = {answer.content for answer in answers if answer.status_code == 201}
    assert len(created) == 1
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 409, "idempotency_in_flight")
    if database_url.startswith("sqlite"):
        assert {answer.status_code for answer in answers} == {201}
    assert await count(ana) == 1
    assert (await ask(ana, "one")).content in created


async def test_twenty_at_once_with_two_bodies_have_one_effect(student: Join) -> None:
    ana = await student()
    answers = await gather(*(ask(ana, "one", title=f"Title {number % 2}") for number in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409, 422}
    assert len({answer.json()["title"] for answer in answers if answer.status_code == 201}) == 1
    assert await count(ana) == 1


async def test_a_sign_up_sent_twice_makes_one_account(client: httpx2.AsyncClient) -> None:
    body = {"username": "zoe", "email": "zoe@example.org", "password": PASSWORD, "role": "student"}
    answers = await gather(
        *(client.post("/auth/signup", json=body, headers={"Idempotency-Key": "sign-up"}) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency_in_flight"}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1


async def test_a_request_that_failed_does_not_burn_its_key(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    problem(await ask(ana, "one", title=""), 422)
    problem(await ask(ben, "one"), 403)
    path = f"/tickets/{(await ana.ask())['id']}"
    review = {"headers": {"Idempotency-Key": "review"}, "json": {"rating": 5}}
    problem(await ana.post(f"{path}/review", **review), 409)  # in the transaction, after the key was written
    await ben.expect(200, "POST", f"{path}/accept")
    await ben.expect(200, "POST", f"{path}/resolve", {"solution": "Use `sorted(x)`."})
    await ana.expect(200, "POST", f"{path}/close")
    answer = await ana.post(f"{path}/review", **review)
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (201, False)
    assert (await ask(ana, "one")).status_code == 201


@pytest.mark.parametrize(
    "key", ["a" * 256, "é".encode(), b"tab\there", b"\x7f"], ids=["long", "accent", "tab", "delete"]
)
async def test_keys_are_at_most_255_printable_characters(key: str | bytes, student: Join) -> None:
    ana = await student()
    raw = key.encode() if isinstance(key, str) else key
    answer = await ana.post("/tickets", QUESTION, headers={b"Idempotency-Key": raw})
    assert fields(answer) == {"/Idempotency-Key"}
    assert await count(ana) == 0


async def test_any_printable_key_will_do(student: Join) -> None:
    ana = await student()
    for key in ("a" * 255, "'; DROP TABLE users; --", '{"a": "b"}', "%00", "\\", "~ !"):
        first, again = await ask(ana, key), await ask(ana, key)
        assert (first.status_code, again.content) == (201, first.content), key


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that the test moves; it goes on by itself, as clocks do."""
    with time_machine.travel(now(), tick=True) as traveller:
        yield traveller


async def test_keys_are_kept_for_a_day(student: Join, database: Database, clock: time_machine.Traveller) -> None:
    ana = await student()
    first = (await ask(ana, "one")).json()
    clock.shift(timedelta(hours=23, minutes=59))
    await refresh(ana)
    assert (await ask(ana, "one")).json() == first
    clock.shift(timedelta(minutes=2))
    await refresh(ana)
    second = await ask(ana, "one", title="Now it may be another one")
    assert second.status_code == 201
    assert second.json()["id"] != first["id"]
    assert (await ask(ana, "one", title="Now it may be another one")).json() == second.json()
    clock.shift(timedelta(hours=25))
    async with database.write() as db:
        await forget(db, {})
        assert await db.scalar(sa.select(sa.func.count()).select_from(IdempotencyRow)) == 0


async def refresh(person: Person) -> None:
    """A new access token; the old one has expired."""
    answer = await person.client.post("/auth/refresh", json={"refresh_token": person.tokens["refresh_token"]})
    assert answer.status_code == 200, answer.text
    person.tokens = answer.json()
