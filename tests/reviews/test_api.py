"""Reviews."""

from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.core.database import Base, Database
from tests.support.life import STATES, everything, statements_of, ticket_in
from tests.support.people import Join

pytestmark = pytest.mark.anyio

REVIEW = {"id", "ticket_id", "student_id", "mentor_id", "rating", "comment", "created_at", "may_be_shown", "is_shown"}


async def test_the_owner_reviews_a_closed_ticket_once(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    for state in STATES[:-1]:
        path = f"/tickets/{(await ticket_in(state, ana, ben))['id']}/review"
        early = await ana.expect(409, "POST", path, {"rating": 5})
        assert early["code"] == "ticket_not_closed"
        missing = await ana.expect(404, "GET", path)
        assert missing["code"] == "review_not_found"
    path = f"/tickets/{(await ticket_in('closed', ana, ben))['id']}/review"
    answer = await ana.post(path, {"rating": 4, "comment": " Clear. "})
    assert (answer.status_code, set(answer.json())) == (201, REVIEW)
    assert (answer.json()["rating"], answer.json()["comment"]) == (4, "Clear.")
    assert (answer.json()["student_id"], answer.json()["mentor_id"]) == (ana.id, ben.id)
    again = await ana.expect(409, "POST", path, {"rating": 1})
    assert again["code"] == "already_reviewed"
    assert (await ana.client.get(path)).json() == answer.json()


async def test_a_rating_is_a_whole_number_from_1_to_5(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    path = f"/tickets/{(await ticket_in('closed', ana, ben))['id']}/review"
    ratings: list[dict[str, Any]] = [{}, *({"rating": bad} for bad in (0, 6, 4.5, "5", True, None))]
    others: list[dict[str, Any]] = [{"comment": "x" * 2001}, {"comment": "\x00"}, {"mentor_id": 1}]
    for body in [*ratings, *({"rating": 5} | other for other in others)]:
        assert (await ana.post(path, body)).status_code == 422, body
    assert (await ana.post(path, {"rating": 5, "comment": "x" * 2000})).status_code == 201


async def test_a_review_counts_for_the_mentor_and_under_each_tag(
    student: Join, mentor: Join, database: Database
) -> None:
    ana, ben = await student(), await mentor()
    for rating, tags in ((5, ["python"]), (2, ["python", "sql"]), (4, [])):
        ticket = await ticket_in("closed", ana, ben, tags=tags)
        await ana.expect(201, "POST", f"/tickets/{ticket['id']}/review", {"rating": rating})
    profile = await ana.expect(200, "GET", f"/mentors/{ben.id}")
    assert (profile["rating_count"], profile["rating_average"]) == (3, 3.67)
    records, tags_table = Base.metadata.tables["mentor_tag_records"], Base.metadata.tables["tags"]
    async with database.read() as db:
        rows = await db.rows(
            sa.select(tags_table.c.name, records.c.rating_count, records.c.rating_sum)
            .join(tags_table, tags_table.c.id == records.c.tag_id)
            .order_by(tags_table.c.name)
        )
    assert [tuple(row.values()) for row in rows] == [("python", 2, 7), ("sql", 1, 2)]


async def test_a_mentors_reviews_are_listed_newest_first(student: Join, mentor: Join) -> None:
    ana, ben, mia = await student(), await mentor(), await mentor()
    for rating in (1, 2, 3, 4, 5):
        ticket = await ticket_in("closed", ana, ben)
        await ana.expect(201, "POST", f"/tickets/{ticket['id']}/review", {"rating": rating})
    path = f"/mentors/{ben.id}/reviews"
    for limit in (1, 2, 5, 100):
        assert [review["rating"] for review in await everything(ana, path, limit)] == [5, 4, 3, 2, 1]
    with statements_of("GET", "/mentors/{mentor_id}/reviews") as counts:
        await ana.client.get(f"{path}?limit=100")
    assert counts[0] <= 2
    assert await everything(ana, f"/mentors/{mia.id}/reviews") == []
    for nobody in (999_999, ana.id):
        assert (await ana.get(f"/mentors/{nobody}/reviews")).status_code == 404
