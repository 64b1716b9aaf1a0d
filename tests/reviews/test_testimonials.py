"""Testimonials: on the profile for as long as both want it, and with a name only where there is one to tell."""

from asyncio import gather
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.core.database import Base, Database
from mentorq.core.jobs import Worker
from tests.support.life import statements_of, ticket_in
from tests.support.people import PASSWORD, Join, Person

pytestmark = pytest.mark.anyio


async def reviewed(student: Person, mentor: Person, comment: str = "Patient.", **fields: Any) -> dict[str, Any]:
    """A review, with the ticket's path as `path`."""
    allowed = fields.pop("may_be_shown", True)
    path = f"/tickets/{(await ticket_in('closed', student, mentor, **fields))['id']}/review"
    body = {"rating": 5, "comment": comment, "may_be_shown": allowed}
    found: dict[str, Any] = await student.expect(201, "POST", path, body)
    return found | {"path": path, "show": f"/reviews/{found['id']}/testimonial"}


async def shown(mentor: Person) -> list[dict[str, Any]]:
    """What stands on a mentor's profile, as visitors see it."""
    profile = (await mentor.client.get(f"/mentors/{mentor.id}")).json()
    found: list[dict[str, Any]] = profile["testimonials"]
    return found


async def test_it_takes_both(student: Join, mentor: Join) -> None:
    ana, ben, mia, eve = await student(), await mentor(), await mentor(), await student()
    review = await reviewed(ana, ben, may_be_shown=False)
    assert (review["may_be_shown"], review["is_shown"]) == (False, False)
    assert (await ben.expect(409, "PUT", review["show"]))["code"] == "not_allowed_to_show"
    changed = await ana.expect(200, "PATCH", review["path"], {"may_be_shown": True})
    assert (changed["may_be_shown"], changed["is_shown"]) == (True, False)
    assert await shown(ben) == []
    assert (await mia.expect(403, "PUT", review["show"]))["code"] == "not_yours"
    assert (await ana.expect(403, "PUT", review["show"]))["code"] == "wrong_role"
    assert (await eve.expect(403, "PATCH", review["path"], {"may_be_shown": True}))["code"] == "not_yours"
    for _ in range(2):
        await ben.expect(204, "PUT", review["show"])
    (found,) = await shown(ben)
    assert (found["review_id"], found["comment"], found["student"]["username"]) == (
        review["id"], "Patient.", ana.username
    )  # fmt: skip
    assert "email" not in found["student"]
    assert (await ana.expect(200, "GET", review["path"]))["is_shown"] is True
    with statements_of("GET", "/mentors/{mentor_id}") as sent:
        await ana.client.get(f"/mentors/{ben.id}")
    assert sent[0] <= 3


@pytest.mark.parametrize("who", ["student", "mentor"])
async def test_either_may_withdraw_at_once(student: Join, mentor: Join, who: str) -> None:
    ana, ben = await student(), await mentor()
    review = await reviewed(ana, ben)
    await ben.expect(204, "PUT", review["show"])
    assert len(await shown(ben)) == 1
    if who == "student":
        await ana.expect(200, "PATCH", review["path"], {"may_be_shown": False})
        await ben.expect(409, "PUT", review["show"])
        await ana.expect(200, "PATCH", review["path"], {"may_be_shown": True})
    else:
        for _ in range(2):
            await ben.expect(204, "DELETE", review["show"])
    assert await shown(ben) == [], "and it does not come back by itself"
    await ben.expect(204, "PUT", review["show"])
    assert len(await shown(ben)) == 1


async def test_an_anonymous_asker_is_never_named(student: Join, mentor: Join) -> None:
    ana, ben = await student("secretive-ana"), await mentor()
    review = await reviewed(ana, ben, is_anonymous=True)
    await ben.expect(204, "PUT", review["show"])
    for person in (ana, ben):
        answer = await person.get(f"/mentors/{ben.id}")
        assert "secretive" not in answer.text
        assert answer.json()["testimonials"][0]["student"] is None


async def test_what_cannot_be_shown(student: Join, mentor: Join, database: Database) -> None:
    ana, ben = await student(), await mentor()
    review = await reviewed(ana, ben, comment="")
    assert (await ben.expect(409, "PUT", review["show"]))["code"] == "nothing_to_show"
    for method in ("PUT", "DELETE"):
        assert (await ben.expect(404, method, "/reviews/999999/testimonial"))["code"] == "review_not_found"
        assert (await ben.client.request(method, review["show"])).status_code == 401
    assert (await ana.patch(review["path"], {"may_be_shown": "yes"})).status_code == 422
    assert (await ana.patch(review["path"], {"rating": 1})).status_code == 422
    assert (await ana.patch("/tickets/999999/review", {"may_be_shown": True})).status_code == 404


async def test_who_changes_what_has_changed_is_told(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    review = await reviewed(ana, ben)
    version = (await ana.get(review["path"])).headers["ETag"]
    changed = await ana.patch(review["path"], {"may_be_shown": False}, headers={"If-Match": version})
    assert changed.status_code == 200
    late = await ana.patch(review["path"], {"may_be_shown": True}, headers={"If-Match": version})
    assert late.status_code == 412
    again = await ana.patch(review["path"], {"may_be_shown": True}, headers={"If-Match": changed.headers["ETag"]})
    assert again.status_code == 200


async def test_nothing_is_shown_without_consent_whoever_is_faster(
    student: Join, mentor: Join, database: Database
) -> None:
    ana, ben = await student(), await mentor()
    review = await reviewed(ana, ben)
    reviews = Base.metadata.tables["reviews"]
    for _ in range(6):
        await ana.expect(200, "PATCH", review["path"], {"may_be_shown": True})
        answers = await gather(
            ben.put(review["show"]), ana.patch(review["path"], {"may_be_shown": False}), ben.put(review["show"])
        )
        assert {answer.status_code for answer in answers} <= {200, 204, 409}
        async with database.read() as db:
            row = await db.row(sa.select(reviews.c.may_be_shown, reviews.c.shown_at))
        assert row == {"may_be_shown": False, "shown_at": None}


async def test_whoever_leaves_allows_nothing_any_longer(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    review = await reviewed(ana, ben)
    await ben.expect(204, "PUT", review["show"])
    await ana.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    assert await shown(ben) == []
    assert (await ben.put(review["show"])).status_code == 409


async def test_thanks_are_an_achievement_of_both(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    review = await reviewed(ana, ben)
    await ben.expect(204, "PUT", review["show"])
    await worker.drain()
    for person, key in ((ana, "good_words"), (ben, "appreciated")):
        items = (await person.expect(200, "GET", "/achievements"))["items"]
        assert {item["key"]: item["awarded_at"] for item in items}[key]
