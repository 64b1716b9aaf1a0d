"""Following mentors: repeatable, counted, right when many do it at once, gone with the account."""

from asyncio import gather
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.core.database import Base, Database
from tests.support.life import everything, make_admin, statements_of
from tests.support.people import PASSWORD, Join, Person

pytestmark = pytest.mark.anyio


async def followers(person: Person) -> int:
    """How many follow a mentor."""
    found: int = (await person.expect(200, "GET", f"/mentors/{person.id}"))["followers"]
    return found


async def followed(person: Person) -> list[int]:
    """Whom somebody follows."""
    return [mentor["id"] for mentor in await everything(person, "/users/me/following", 2)]


async def test_following_is_repeatable_and_counted(student: Join, mentor: Join) -> None:
    ana, eve, ben, mia = await student(), await student(), await mentor(), await mentor()
    for method, count in (("PUT", 1), ("PUT", 1), ("DELETE", 0), ("DELETE", 0), ("PUT", 1)):
        await ana.expect(204, method, f"/mentors/{ben.id}/follow")
        assert await followers(ben) == count
    await eve.expect(204, "PUT", f"/mentors/{ben.id}/follow")
    await mia.expect(204, "PUT", f"/mentors/{ben.id}/follow")
    assert (await followers(ben), await followers(mia)) == (3, 0)
    listed = {item["id"]: item["followers"] for item in (await ana.client.get("/mentors")).json()["items"]}
    assert listed == {ben.id: 3, mia.id: 0}


async def test_whom_i_follow_last_followed_first(student: Join, mentor: Join) -> None:
    ana, mentors = await student(), [await mentor() for _ in range(5)]
    assert await followed(ana) == []
    for ben in mentors:
        await ana.expect(204, "PUT", f"/mentors/{ben.id}/follow")
    await ana.expect(204, "PUT", f"/mentors/{mentors[0].id}/follow")
    assert await followed(ana) == [ben.id for ben in reversed(mentors)]
    with statements_of("GET", "/users/me/following") as sent:
        page = await ana.expect(200, "GET", "/users/me/following")
    assert sent == [1]
    first = page["items"][0]
    assert first["username"] == mentors[-1].username
    assert first["since"].endswith("Z")
    assert "email" not in first
    assert (await ana.client.get("/users/me/following")).status_code == 401


async def test_who_cannot_be_followed(student: Join, mentor: Join, database: Database) -> None:
    ana, eve, ben, gone = await student(), await student(), await mentor(), await mentor()
    admin = await make_admin(database, student)
    await gone.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    for nobody in (eve.id, admin.id, gone.id, 999_999):
        for method in ("PUT", "DELETE"):
            problem = await ana.expect(404, method, f"/mentors/{nobody}/follow")
            assert problem["code"] == "mentor_not_found"
    assert (await ana.put(f"/mentors/{2**63}/follow")).status_code == 422
    assert (await ben.expect(422, "PUT", f"/mentors/{ben.id}/follow"))["code"] == "own_follower"
    await ben.expect(204, "DELETE", f"/mentors/{ben.id}/follow")
    assert (await ana.client.put(f"/mentors/{ben.id}/follow")).status_code == 401
    assert await followers(ben) == 0


async def test_many_at_once_count_once_each(student: Join, mentor: Join, database: Database) -> None:
    ben, fans = await mentor(), [await student() for _ in range(4)]
    path = f"/mentors/{ben.id}/follow"
    answers = await gather(*(fan.put(path) for fan in fans for _ in range(5)))
    assert {answer.status_code for answer in answers} == {204}
    assert await followers(ben) == 4
    answers = await gather(*(fan.request(method, path) for fan in fans for method in ("DELETE", "PUT", "DELETE")))
    assert {answer.status_code for answer in answers} == {204}
    follows = Base.metadata.tables["follows"]
    async with database.read() as db:
        left = await db.scalar(sa.select(sa.func.count()).select_from(follows))
    assert await followers(ben) == left


async def test_what_leaves_with_an_account(student: Join, mentor: Join) -> None:
    ana, eve, ben, mia = await student(), await student(), await mentor(), await mentor()
    for fan in (ana, eve, mia):
        await fan.expect(204, "PUT", f"/mentors/{ben.id}/follow")
    await ana.expect(204, "PUT", f"/mentors/{mia.id}/follow")
    export: dict[str, Any] = await ana.expect(200, "GET", "/users/me/export")
    assert [each["mentor_id"] for each in export["following"]] == [ben.id, mia.id]
    await ana.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    assert (await followers(ben), await followers(mia)) == (2, 0)
    await mia.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    assert await followers(ben) == 1
    await eve.expect(204, "DELETE", f"/mentors/{ben.id}/follow")


async def test_leaving_while_others_follow(student: Join, mentor: Join, database: Database) -> None:
    for _ in range(3):
        ben, fans = await mentor(), [await student() for _ in range(4)]
        answers = await gather(
            ben.delete("/users/me", json={"password": PASSWORD}),
            *(fan.put(f"/mentors/{ben.id}/follow") for fan in fans),
        )
        assert {answer.status_code for answer in answers} <= {204, 404}
    follows = Base.metadata.tables["follows"]
    async with database.read() as db:
        assert await db.rows(sa.select(follows)) == []
