"""Who is told of a ticket that waits, and when: the best at once, all in the end, nobody twice, nobody too often."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from mentorq.core.clock import now
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from mentorq.notifications import waves
from mentorq.notifications.models import NotificationRow
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.life import sign_in_again
from tests.support.people import Join, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Two at once, four after five minutes, all after fifteen; three notices a day."""
    return settings_for(database_url, tmp_path).model_copy(
        update={"matching_waves": "2/5, 4/15", "matching_notices_a_day": 3}
    )


async def told(database: Database, ticket_id: int) -> set[int]:
    """Who was told of a ticket."""
    async with database.read() as db:
        n = NotificationRow
        return set(await db.scalars(sa.select(n.user_id).where(n.ticket_id == ticket_id, n.kind == "ticket_matching")))


async def mentors(mentor: Join, count: int, skills: tuple[str, ...] = ("python",)) -> list[Person]:
    """So many mentors who know these things."""
    return [await mentor(skills=list(skills)) for _ in range(count)]


async def test_more_are_told_the_longer_it_waits(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    people = await mentors(mentor, 6)
    stranger = (await mentors(mentor, 1, ("rust",)))[0]
    ana = await student()
    with time_machine.travel(now(), tick=True) as clock:
        ticket = await ana.ask()
        numbers = []
        for minutes in (0, 4, 2, 10, 2):
            clock.shift(timedelta(minutes=minutes))
            await worker.drain()
            numbers.append(len(await told(database, ticket["id"])))
    assert numbers == [2, 2, 4, 6, 6]
    assert stranger.id not in await told(database, ticket["id"])
    assert await told(database, ticket["id"]) == {person.id for person in people}


async def test_the_best_are_told_first(student: Join, mentor: Join, worker: Worker, database: Database) -> None:
    people = await mentors(mentor, 4)
    ana = await student()
    for person in people[2:]:
        ticket = await ana.ask()
        await person.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
        await person.expect(200, "POST", f"/tickets/{ticket['id']}/resolve", {"solution": "Use `sorted(x)`."})
        await worker.drain()
    ticket = await ana.ask()
    await worker.drain()
    assert await told(database, ticket["id"]) == {person.id for person in people[2:]}


async def test_who_is_away_busy_or_has_passed_is_not_told(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    away, passed, here = await mentors(mentor, 3)
    await away.expect(200, "PUT", "/mentors/me/availability", {"is_available": False})
    ana = await student()
    with time_machine.travel(now(), tick=True) as clock:
        ticket = await ana.ask()
        await passed.expect(204, "POST", f"/tickets/{ticket['id']}/pass", {"reason": "not_my_area"})
        clock.shift(timedelta(minutes=20))
        await worker.drain()
    assert await told(database, ticket["id"]) == {here.id}


async def test_nobody_is_told_of_too_many_tickets_a_day(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    (bo,) = await mentors(mentor, 1)
    ana = await student()
    with time_machine.travel(now().replace(hour=9) + timedelta(days=1), tick=True) as clock:
        await sign_in_again(ana)
        await sign_in_again(bo)
        for _ in range(5):
            await ana.ask()
        await worker.drain()
        assert (await bo.get("/notifications/unread-count")).json() == {"unread": 3}
        clock.shift(timedelta(minutes=20))
        await worker.drain()
        assert (await bo.get("/notifications/unread-count")).json() == {"unread": 3}
        clock.shift(timedelta(hours=16))
        await sign_in_again(ana)
        ticket = await ana.ask()
        await worker.drain()
    assert await told(database, ticket["id"]) == {bo.id}


async def test_who_wants_to_hear_nothing_hears_nothing(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    bo, cy = await mentors(mentor, 2)
    silence = {"in_app": False, "email": "off", "push": False}
    await bo.expect(200, "PUT", "/notifications/preferences", {"ticket_matching": silence})
    await cy.expect(200, "PUT", "/notifications/preferences", {"ticket_matching": {"in_app": False}})
    ticket = await (await student()).ask()
    await worker.drain()
    assert await told(database, ticket["id"]) == {cy.id}  # for the digest
    assert (await cy.get("/notifications")).json()["items"] == []


async def test_told_twice_is_told_once(student: Join, mentor: Join, worker: Worker, database: Database) -> None:
    await mentors(mentor, 6)
    ticket = await (await student()).ask()
    for _ in range(3):
        async with database.write() as db:
            await waves.begin(db, ticket["id"])
    await worker.drain()
    assert len(await told(database, ticket["id"])) == 2


async def test_mentors_who_were_told_while_it_was_taken_are_told_so(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    bo, cy = await mentors(mentor, 2)
    ticket = await (await student()).ask()
    await worker.drain()
    await bo.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
    async with database.write() as db:  # as if it had been taken while they were told
        await db.execute(sa.text("DELETE FROM jobs WHERE task LIKE 'notifications.handlers.%'"))
    with time_machine.travel(now() + timedelta(minutes=6)):
        await worker.drain()
    assert (await cy.get("/notifications/unread-count")).json() == {"unread": 0}
