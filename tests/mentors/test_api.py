"""Mentors: expertise, availability, the directory, and who is suggested for what."""

from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from mentorq.core.database import Base, Database
from mentorq.core.jobs import Worker
from mentorq.mentors import handlers
from mentorq.tickets.events import TicketPosted, TicketResolved
from mentorq.tickets.models import TicketRow
from tests.support.life import everything, statements_of, ticket_in
from tests.support.people import Join, Person, solve

pytestmark = pytest.mark.anyio

PROFILE = {
    "id", "username", "role", "bio", "headline", "links", "avatar", "is_available", "created_at", "tags",
    "pronouns", "time_zone", "rating_average", "rating_count", "tickets_resolved", "median_response_seconds",
    "followers", "achievements", "away_until", "is_active", "last_active_at",
}  # fmt: skip


async def ids(person: Person, query: str, limit: int = 100) -> list[int]:
    """Who is listed in the directory."""
    return [profile["id"] for profile in await everything(person, f"/mentors{query}", limit)]


async def suggested(owner: Person, ticket: dict[str, Any]) -> list[dict[str, Any]]:
    """Who is suggested for a ticket."""
    page = await owner.expect(200, "GET", f"/tickets/{ticket['id']}/mentors")
    assert set(page) == {"items", "next_cursor"}
    items: list[dict[str, Any]] = page["items"]
    return items


class TestExpertise:
    async def test_it_is_added_once_and_taken_away_once_in_every_spelling(self, mentor: Join) -> None:
        ben = await mentor()
        for name, path in {
            "C++": "c%2B%2B",
            "c#": "C%23",
            ".NET": ".net",
            "Node.js": "nodejs",
            "ci/cd": "ci%2Fcd",
        }.items():
            if (await ben.post("/mentors/me/tags", {"name": name})).status_code == 422:
                assert name == "ci/cd"
                continue
            again = await ben.expect(409, "POST", "/mentors/me/tags", {"name": f" {name.lower()} "})
            assert again["code"] == "already_expert"
            assert (await ben.delete(f"/mentors/me/tags/{path}")).status_code == 204, name
            assert (await ben.delete(f"/mentors/me/tags/{path}")).json()["code"] == "not_expert"
        assert (await ben.delete("/mentors/me/tags/never-heard-of")).status_code == 404
        for bad in ("", "💥", "x" * 36, None, 7):
            assert (await ben.post("/mentors/me/tags", {"name": bad})).status_code == 422

    async def test_it_is_listed_by_name_and_counted(self, mentor: Join) -> None:
        ben, mia = await mentor(), await mentor(skills=["python"])
        for name in ("sql", "python", "go"):
            created = await ben.post("/mentors/me/tags", {"name": name})
            assert (created.status_code, created.json()["name"]) == (201, name)
        mine = await ben.expect(200, "GET", "/mentors/me/tags")
        assert [(tag["name"], tag["mentors"]) for tag in mine["items"]] == [("go", 1), ("python", 2), ("sql", 1)]
        assert (await ben.expect(200, "GET", "/auth/me"))["skills"] == ["go", "python", "sql"]
        assert (await ben.delete("/mentors/me/tags/py")).status_code == 204
        assert [tag["mentors"] for tag in (await mia.expect(200, "GET", "/mentors/me/tags"))["items"]] == [1]


class TestDirectory:
    async def test_a_profile_has_what_the_contract_says_and_no_address(self, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor(skills=["python", "sql"])
        await solve(ana, ben)
        answer = await ana.client.get(f"/mentors/{ben.id}")
        profile = answer.json()
        assert set(profile) == PROFILE | {"testimonials"}
        assert profile.pop("testimonials") == []
        assert ben.email not in answer.text
        assert (profile["tags"], profile["tickets_resolved"], profile["followers"]) == (["python", "sql"], 1, 0)
        assert (profile["rating_average"], profile["rating_count"], profile["achievements"]) == (None, 0, [])
        assert 0 <= profile["median_response_seconds"] < 3600
        listed = (await ana.client.get("/mentors")).json()
        assert listed["items"] == [profile]
        for nobody in (ana.id, 999_999):
            assert (await ana.get(f"/mentors/{nobody}")).status_code == 404
        for path in (f"/mentors/{ben.id}", f"/users/{ben.id}"):
            before, again = (await ana.get(path)).headers["ETag"], (await ana.get(path)).headers["ETag"]
            await ben.expect(200, "PATCH", "/users/me", {"headline": path})
            assert (before == again, before == (await ana.get(path)).headers["ETag"]) == (True, False)
        assert (await ana.get(f"/mentors/{2**63}")).status_code == 422

    async def test_it_is_sorted_filtered_and_paged(self, student: Join, mentor: Join) -> None:
        ana = await student()
        ben, mia, leo = await mentor(skills=["python"]), await mentor(skills=["python", "go"]), await mentor("leo_x")
        for person, rating in ((mia, 5), (ben, 1)):
            ticket = await ticket_in("closed", ana, person)
            await ana.expect(201, "POST", f"/tickets/{ticket['id']}/review", {"rating": rating})
        await solve(ana, mia)
        await leo.expect(200, "PATCH", "/users/me", {"headline": "Knows 100% of Go", "bio": "Also snakes."})
        await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
        expected = {
            "": [mia.id, leo.id, ben.id],
            "?sort=rating": [mia.id, leo.id, ben.id],
            "?sort=resolved": [mia.id, ben.id, leo.id],
            "?sort=newest": [leo.id, mia.id, ben.id],
            "?tag=py&sort=newest": [mia.id, ben.id],
            "?tag=go&tag=python&sort=newest": [mia.id, ben.id],
            "?tag=unknown": [],
            "?available=true&sort=newest": [leo.id, mia.id],
            "?available=false": [ben.id],
            "?q=LEO": [leo.id],
            "?q=leo_x": [leo.id],
            "?q=100%25": [leo.id],
            "?q=%25_": [],
            "?q=snakes+go": [leo.id],
            "?q=snakes+python": [],
        }
        for query, found in expected.items():
            for limit in (1, 2, 100):
                assert await ids(ana, query, limit) == found, query
        for bad in ("?sort=best", "?available=perhaps", "?tag=!!!", "?limit=0", "?cursor=x"):
            assert (await ana.get(f"/mentors{bad}")).status_code == 422, bad
        for limit in (1, 100):
            with statements_of("GET", "/mentors") as counts:
                await ana.client.get(f"/mentors?limit={limit}")
            assert counts == [2]

    async def test_words_are_found_in_all_letters(self, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor()
        await ben.expect(200, "PATCH", "/users/me", {"headline": "ИНЖЕНЕР", "bio": "Élodie aus Österreich"})
        for word in ("Élodie", "éLODIE", "österreich", "инженер", "ИНЖЕНЕР"):
            assert await ids(ana, f"?q={quote(word)}") == [ben.id], word

    async def test_availability_is_said_by_the_mentor(self, mentor: Join, student: Join) -> None:
        ben = await mentor()
        for is_available in (False, True):
            user = await ben.expect(200, "PUT", "/mentors/me/availability", {"is_available": is_available})
            assert (user["id"], user["is_available"], user["email"]) == (ben.id, is_available, ben.email)
            assert (await ben.expect(200, "GET", f"/mentors/{ben.id}"))["is_available"] is is_available
        for bad in ({}, {"is_available": "maybe"}, {"is_available": None}):
            assert (await ben.put("/mentors/me/availability", bad)).status_code == 422


class TestSuggestions:
    async def test_each_comes_with_its_profile_and_reasons(self, student: Join, mentor: Join, worker: Worker) -> None:
        ana, ben, mia = await student(), await mentor(), await mentor(skills=["python"])
        await solve(ana, ben)
        await worker.drain()
        found = await suggested(ana, await ana.ask())
        assert [item["id"] for item in found] == [ben.id, mia.id], "who has shown it before who says it"
        for item in found:
            assert set(item) == PROFILE | {"match"}
            assert set(item["match"]) == {"score", "matched_tags", "reasons"}
            assert 0 < item["match"]["score"] <= 1
            assert item["match"]["matched_tags"] == ["python"]
            assert item["match"]["reasons"]
            assert all(isinstance(reason, str) and reason for reason in item["match"]["reasons"])
        assert found[0]["match"]["score"] > found[1]["match"]["score"]
        page = await ana.expect(200, "GET", f"/tickets/{(await ana.ask())['id']}/mentors?limit=1")
        assert [item["id"] for item in page["items"]] == [ben.id]

    async def test_who_is_busy_full_or_has_passed_is_not_suggested(
        self, student: Join, mentor: Join, database: Database
    ) -> None:
        ana, eve = await student(), await student()
        free, busy = await mentor(skills=["python"]), await mentor(skills=["python"])
        full, passed, late = [await mentor(skills=["python"]) for _ in range(3)]
        ticket = await ana.ask()
        await busy.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
        for _ in range(5):
            await ticket_in("assigned", eve, full)
        await passed.expect(204, "POST", f"/tickets/{ticket['id']}/pass")
        await late.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
        await late.expect(200, "POST", f"/tickets/{ticket['id']}/release")
        assert [item["id"] for item in await suggested(ana, ticket)] == [free.id]
        await busy.expect(200, "PUT", "/mentors/me/availability", {"is_available": True})
        assert (await passed.delete(f"/tickets/{ticket['id']}/pass")).status_code == 204
        taken = (await everything(full, "/tickets/me"))[0]
        await full.expect(200, "POST", f"/tickets/{taken['id']}/release")
        assert {item["id"] for item in await suggested(ana, ticket)} == {free.id, busy.id, passed.id, full.id}

    async def test_nobody_is_suggested_once_it_is_taken(self, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor(skills=["python"])
        for state in ("assigned", "resolved", "closed"):
            assert await suggested(ana, await ticket_in(state, ana, ben)) == []


async def totals(database: Database) -> dict[tuple[str, int, Any], float]:
    """What matching knows of mentors."""
    found: dict[tuple[str, int, Any], float] = {}
    async with database.read() as db:
        for name, key in (("mentor_tag_records", "tag_id"), ("mentor_terms", "term")):
            for row in await db.rows(sa.select(Base.metadata.tables[name])):
                if row["total"]:
                    found[name, row["mentor_id"], row[key]] = row["total"]
    return found


async def test_a_reopened_ticket_takes_back_exactly_what_it_gave(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben = await student(), await mentor()
    await solve(ana, ben, title="How do generators end?", tags=["python"])
    await worker.drain()
    before = await totals(database)
    assert before
    ticket = await solve(ana, ben, title="Why do generators end early?", tags=["python", "sql"])
    await worker.drain()
    assert (await totals(database)).keys() > before.keys()
    await ana.expect(200, "POST", f"/tickets/{ticket['id']}/reopen", {"reason": "It fails."})
    await worker.drain()
    after = await totals(database)
    scale = max(before.values())
    assert {key: total for key, total in after.items() if total > scale * 1e-9} == pytest.approx(before, rel=1e-9)
    profile = await ana.expect(200, "GET", f"/mentors/{ben.id}")
    assert profile["tickets_resolved"] == 1
    await ben.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": "So."})
    await worker.drain()
    assert sum((await totals(database)).values()) > sum(before.values())


async def test_a_ticket_reopened_before_its_text_was_read_leaves_nothing(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben = await student(), await mentor()
    ticket = await solve(ana, ben)
    await ana.expect(200, "POST", f"/tickets/{ticket['id']}/reopen", {"reason": "It fails."})
    await worker.drain()
    assert await totals(database) == {}


async def test_what_listens_to_tickets_has_one_effect_however_often_it_runs(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben = await student(), await mentor()
    ticket = await solve(ana, ben)
    await worker.drain()
    asked = Base.metadata.tables["asked_terms"]

    async def all_that_is_known() -> list[Any]:
        async with database.read() as db:
            tables = ("mentor_stats", "mentor_tag_records", "mentor_terms", "term_frequencies", "matching_totals")
            return [await db.rows(sa.select(Base.metadata.tables[name])) for name in tables] + [
                await db.rows(sa.select(asked))
            ]

    before = await all_that_is_known()
    async with database.read() as db:
        row = await db.row(sa.select(TicketRow.__table__).where(TicketRow.id == ticket["id"]))
    assert row is not None
    for _ in range(2):
        async with database.write() as db:
            await handlers.read_new(db, TicketPosted(ticket["id"], ana.id))
        async with database.write() as db:
            await handlers.learn(db, TicketResolved(ticket["id"], ana.id, ben.id, row["resolved_at"]))
    after = await all_that_is_known()
    assert after[:-1] == before[:-1]
    assert len(after[-1]) == len(before[-1]) == 1


async def test_handlers_of_what_is_gone_do_nothing(student: Join, worker: Worker, database: Database) -> None:
    ana = await student()
    ticket = await ana.ask()
    assert (await ana.delete(f"/tickets/{ticket['id']}")).status_code == 204
    await worker.drain()
    async with database.read() as db:
        jobs = Base.metadata.tables["jobs"]
        assert await db.scalars(sa.select(jobs.c.last_error).where(jobs.c.last_error.is_not(None))) == []
