"""Being away until a time, wanting so many tickets at once, and how active somebody looks."""

from asyncio import gather
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.accounts import availability
from mentorq.accounts import queries as accounts
from mentorq.accounts.models import UserRow
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.jobs import JobRow, Worker
from mentorq.mentors import service, suggestions
from mentorq.notifications.models import NotificationRow
from tests.community.test_feed import feed_of, follow
from tests.support.life import later
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio

AVAILABILITY = "/mentors/me/availability"


async def leave(person: Person, hours: float = 2) -> str:
    """Go away for some hours; returns until when."""
    until = (now() + timedelta(hours=hours)).isoformat()
    user = await person.expect(200, "PUT", AVAILABILITY, {"is_available": False, "away_until": until})
    assert user["is_available"] is False
    assert datetime.fromisoformat(user["away_until"]) == datetime.fromisoformat(until)
    return until


async def offered(owner: Person, ticket: dict[str, Any]) -> list[int]:
    """To whom a ticket is offered."""
    return [one["id"] for one in (await owner.expect(200, "GET", f"/tickets/{ticket['id']}/mentors"))["items"]]


async def listed(person: Person, available: str) -> list[int]:
    """Who is in the directory."""
    return [one["id"] for one in (await person.expect(200, "GET", f"/mentors?available={available}"))["items"]]


class TestAway:
    async def test_until_then_a_mentor_is_nowhere_available_and_afterwards_everywhere(
        self, student: Join, mentor: Join, database: Database
    ) -> None:
        ana, ben = await student(), await mentor(skills=["python"])
        ticket = await ana.ask()
        wish = {"mentor_id": ben.id, "topic": "Lists", "duration_minutes": 15}
        until = await leave(ben)
        profile = await ana.expect(200, "GET", f"/mentors/{ben.id}")
        assert (profile["is_available"], datetime.fromisoformat(profile["away_until"])) == (
            False, datetime.fromisoformat(until),
        )  # fmt: skip
        assert (await ana.expect(200, "GET", f"/users/{ben.id}"))["is_available"] is False
        assert (await listed(ana, "true"), await listed(ana, "false")) == ([], [ben.id])
        assert await offered(ana, ticket) == []
        assert (await ana.expect(200, "GET", f"/tickets/{ticket['id']}/wait"))["active_mentors"] == 0
        assert (await ana.post("/sessions", wish)).json()["code"] == "mentor_unavailable"
        async with database.read() as db:
            assert not await suggestions.is_free(db, ben.id)
        async with later(timedelta(hours=2), ana, ben):  # no job has run
            profile = await ana.expect(200, "GET", f"/mentors/{ben.id}")
            assert (profile["is_available"], profile["away_until"]) == (True, None)
            me = await ben.expect(200, "GET", "/auth/me")
            assert (me["is_available"], me["away_until"]) == (True, None)
            assert (await listed(ana, "true"), await listed(ana, "false")) == ([ben.id], [])
            assert await offered(ana, ticket) == [ben.id]
            assert (await ana.expect(200, "GET", f"/tickets/{ticket['id']}/wait"))["active_mentors"] == 1
            assert (await ana.post("/sessions", wish)).status_code == 201

    async def test_nobody_is_told_of_tickets_who_is_away_or_has_enough(
        self, student: Join, mentor: Join, worker: Worker, database: Database
    ) -> None:
        ana = await student()
        away, full, here = [await mentor(skills=["python"]) for _ in range(3)]
        await full.expect(200, "PUT", AVAILABILITY, {"is_available": True, "capacity": 1})
        first = await ana.ask()
        await full.expect(200, "POST", f"/tickets/{first['id']}/accept")
        await leave(away)
        ticket = await ana.ask()
        async with later(timedelta(minutes=30)):
            await worker.drain()
        n = NotificationRow.__table__
        async with database.read() as db:
            told = await db.scalars(
                sa.select(n.c.user_id).where(n.c.ticket_id == ticket["id"], n.c.kind == "ticket_matching")
            )
        assert set(told) == {here.id}

    async def test_coming_back_is_told_once_however_often_the_job_runs(
        self, student: Join, mentor: Join, worker: Worker, database: Database
    ) -> None:
        ana, ben = await student(), await mentor()
        await follow(ana, ben)
        await leave(ben)
        await worker.drain()
        async with database.write() as db:
            await service.come_back(db, {"mentor_id": ben.id})  # too early
        await worker.drain()
        assert await feed_of(ana) == []
        async with later(timedelta(hours=3), ana, ben):
            await worker.drain()
            assert await feed_of(ana) == [("available", ben.id, None)]
            events = await told_of(database)
            for _ in range(10):
                async with database.write() as db:
                    await service.come_back(db, {"mentor_id": ben.id})
            assert await told_of(database) == events
            await worker.drain()
            assert await feed_of(ana) == [("available", ben.id, None)]

    async def test_the_last_word_counts_and_earlier_times_bring_nobody_back(
        self, student: Join, mentor: Join, worker: Worker
    ) -> None:
        ana, ben, eve, kim = await student(), await mentor(), await mentor(), await mentor()
        for person in (ben, eve, kim):
            await leave(person, 2)
        await leave(ben, 4)
        await eve.expect(200, "PUT", AVAILABILITY, {"is_available": False})
        back = await kim.expect(200, "PUT", AVAILABILITY, {"is_available": True})
        assert (back["is_available"], back["away_until"]) == (True, None)
        async with later(timedelta(hours=3), ana):
            await worker.drain()
            assert await listed(ana, "true") == [kim.id]
        async with later(timedelta(hours=5), ana):
            await worker.drain()
            assert set(await listed(ana, "true")) == {kim.id, ben.id}

    async def test_who_goes_while_coming_back_is_gone(self, mentor: Join, worker: Worker, database: Database) -> None:
        ben = await mentor()
        me = Viewer(ben.id, "mentor", ben.username, 1)

        async def go() -> None:
            async with database.write() as db:
                await service.set_availability(db, me, False)

        async def come() -> None:
            async with database.write() as db:
                await service.come_back(db, {"mentor_id": ben.id})

        for _ in range(4):
            await leave(ben)
            async with later(timedelta(hours=3)):
                await gather(come(), go(), come())
                async with database.read() as db:
                    row = await accounts.user(db, ben.id)
                assert row is not None
                assert (row["is_available"], row["away_until"]) == (False, None)
            await worker.drain()

    async def test_what_makes_no_sense_is_refused(self, mentor: Join) -> None:
        ben = await mentor()
        soon = (now() + timedelta(hours=1)).isoformat()
        for bad in (
            {"is_available": True, "away_until": soon},
            {"is_available": False, "away_until": (now() - timedelta(seconds=1)).isoformat()},
            {"is_available": False, "away_until": (now() + timedelta(days=367)).isoformat()},
            {"is_available": False, "away_until": "2026-01-05T08:00:00"},
            {"is_available": False, "away_until": "9999-12-31T23:59:59-12:00"},
            {"is_available": False, "away_until": "on Monday"},
            {"away_until": soon},
            *({"is_available": True, "capacity": capacity} for capacity in (0, -1, 51, 2.5, "3", True)),
        ):
            answer = await ben.put(AVAILABILITY, bad)
            assert answer.status_code == 422, bad
            assert answer.headers["content-type"] == "application/problem+json"
        me = await ben.expect(200, "GET", "/auth/me")
        assert (me["is_available"], me["away_until"], me["capacity"]) == (True, None, None)


async def told_of(database: Database) -> int:
    """How many jobs wait to be done."""
    async with database.read() as db:
        waiting: int = await db.scalar(sa.select(sa.func.count()).select_from(JobRow))
    return waiting


class TestCapacity:
    async def test_a_full_mentor_is_not_matched_but_may_take_more(self, student: Join, mentor: Join) -> None:
        ana, ben = await student(), await mentor(skills=["python"])
        assert (await ben.expect(200, "PUT", AVAILABILITY, {"is_available": True, "capacity": 1}))["capacity"] == 1
        first, second, third = [await ana.ask() for _ in range(3)]
        assert await offered(ana, first) == [ben.id]
        await ben.expect(200, "POST", f"/tickets/{first['id']}/accept")
        assert await offered(ana, second) == []
        await ben.expect(200, "POST", f"/tickets/{second['id']}/accept")
        kept = await ben.expect(200, "PUT", AVAILABILITY, {"is_available": True})
        assert kept["capacity"] == 1, "what is left out stays"
        assert await offered(ana, third) == []
        for capacity in (3, None):
            await ben.expect(200, "PUT", AVAILABILITY, {"is_available": True, "capacity": capacity})
            assert await offered(ana, third) == [ben.id]

    async def test_it_may_be_more_than_is_usual(self, student: Join, mentor: Join, database: Database) -> None:
        ana, ben = await student(), await mentor(skills=["python"])
        for _ in range(database.settings.max_active_tickets):
            ticket = await ana.ask()
            await ben.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
        ticket = await ana.ask()
        assert await offered(ana, ticket) == []
        await ben.expect(200, "PUT", AVAILABILITY, {"is_available": True, "capacity": 50})
        assert await offered(ana, ticket) == [ben.id]


class TestActive:
    async def test_it_comes_from_when_somebody_was_seen(self, student: Join, mentor: Join, database: Database) -> None:
        ana, ben = await student(), await mentor()
        await ben.expect(200, "PUT", AVAILABILITY, {"is_available": False})
        assert (await ana.expect(200, "GET", f"/mentors/{ben.id}"))["is_active"] is True, "away, but here"
        await ben.expect(200, "PUT", AVAILABILITY, {"is_available": True})
        for ago, unit in ((23, 600), (60 * 5 + 12, 3_600), (60 * 24 * 3 + 100, 86_400)):
            seen = now() - timedelta(minutes=ago)
            async with database.write() as db:
                await db.execute(sa.update(UserRow).where(UserRow.id == ben.id).values(last_seen_at=seen))
            profile = await ana.expect(200, "GET", f"/mentors/{ben.id}")
            at = datetime.fromisoformat(profile["last_active_at"])
            assert (profile["is_available"], profile["is_active"]) == (True, False)
            assert at <= seen < at + timedelta(seconds=unit)
            assert at.timestamp() % unit == 0
            assert "last_seen_at" not in profile

    def test_rounding_is_that_of_the_clock_and_not_of_who_looks(self) -> None:
        seen = now() - timedelta(minutes=30)
        assert {availability.roughly(seen) for _ in range(100)} == {
            datetime.fromtimestamp(seen.timestamp() // 600 * 600, UTC)
        }
