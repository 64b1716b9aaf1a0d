"""After a long random history all that is kept is what the log gives, to the last digit."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from mentorq.accounts import profile
from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Database, Read, Row, Write
from mentorq.core.errors import DomainError
from mentorq.core.pagination import Keyset
from mentorq.insights import service
from mentorq.maintenance.verify import differences
from mentorq.reviews import service as reviews
from mentorq.tickets import conversation, lifecycle
from mentorq.tickets.errors import TicketNotFound
from tests.insights import recount
from tests.support.people import PASSWORD, Join

pytestmark = pytest.mark.anyio

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
STEPS = 450
TAGS: tuple[list[str], ...] = (["python"], ["sql"], ["python", "sql"], ["git"], [])
ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia")


class Walk:
    """People who do whatever comes to mind, most of it allowed."""

    def __init__(self, database: Database, students: list[Viewer], mentors: list[Viewer], seed: int) -> None:
        self.database = database
        self.students, self.mentors = students, mentors
        self.random = Random(seed)
        self.happened: set[str] = set()

    async def step(self) -> None:
        """One of them."""
        acts: dict[str, int] = {
            "ask": 4, "accept": 6, "say": 5, "resolve": 5, "reopen": 2, "close": 4, "review": 5, "release": 1,
            "edit": 1, "delete": 1, "let_leases_run_out": 1,
        }  # fmt: skip
        (name,) = self.random.choices(list(acts), list(acts.values()))
        act: Callable[[Write], Awaitable[object]] = getattr(self, name)
        try:
            async with self.database.write() as db:
                await act(db)
        except DomainError:
            return
        self.happened.add(name)

    async def ticket_in(self, db: Read, *states: str) -> Row:
        """A ticket in one of some states, or now and then in any: it is refused then."""
        t = recount.TABLES["tickets"]
        known = await db.rows(sa.select(t).where(t.c.id > 0).order_by(t.c.id.desc()).limit(40))
        if not known:
            raise TicketNotFound
        fitting = [ticket for ticket in known if ticket["status"] in states]
        return self.random.choice(fitting if fitting and self.random.random() < 0.9 else known)

    @property
    def student(self) -> Viewer:
        """Some ask more than others."""
        return self.students[min(len(self.students) - 1, int(self.random.expovariate(0.5)))]

    def owner(self, ticket: Row) -> tuple[int, Viewer]:
        """A ticket and whose it is."""
        return ticket["id"], Viewer(ticket["student_id"], "student", "", 0)

    def its_mentor(self, ticket: Row) -> tuple[int, Viewer]:
        """A ticket and who has it, or somebody."""
        return ticket["id"], Viewer(ticket["assigned_mentor_id"] or self.mentors[0].id, "mentor", "", 0)

    async def ask(self, db: Write) -> None:
        """Somebody is stuck."""
        tags = self.random.choice(TAGS)
        flags = {"is_anonymous": False, "allow_secrets": True}
        await lifecycle.post(db, self.student, "Why?", "So.", tags, **flags)

    async def edit(self, db: Write) -> None:
        """It is about something else."""
        await lifecycle.edit(
            db,
            *self.owner(await self.ticket_in(db, "open")),
            {"tags": self.random.choice(TAGS)},
            None,
            allow_secrets=True,
        )

    async def delete(self, db: Write) -> None:
        """It is not needed after all, perhaps after somebody had it and gave it back."""
        await lifecycle.delete(db, *self.owner(await self.ticket_in(db, "open")))

    async def accept(self, db: Write) -> None:
        """A mentor takes one."""
        await lifecycle.accept(db, (await self.ticket_in(db, "open"))["id"], self.random.choice(self.mentors))

    async def release(self, db: Write) -> None:
        """A mentor gives one back."""
        await lifecycle.release(db, *self.its_mentor(await self.ticket_in(db, "assigned")), None)

    async def say(self, db: Write) -> None:
        """One of the two writes."""
        speaker = self.random.choice((self.owner, self.its_mentor, self.its_mentor))
        await conversation.say(db, *speaker(await self.ticket_in(db, "assigned", "resolved")), "Hello.")

    async def resolve(self, db: Write) -> None:
        """Its mentor solves it."""
        await lifecycle.resolve(db, *self.its_mentor(await self.ticket_in(db, "assigned")), "So.", allow_secrets=True)

    async def reopen(self, db: Write) -> None:
        """It did not help."""
        await lifecycle.reopen(db, *self.owner(await self.ticket_in(db, "resolved")), "It fails.")

    async def close(self, db: Write) -> None:
        """It helped."""
        await lifecycle.close(db, *self.owner(await self.ticket_in(db, "resolved")))

    async def review(self, db: Write) -> None:
        """And how."""
        await reviews.review(db, *self.owner(await self.ticket_in(db, "closed")), self.random.randint(1, 5), "")

    async def let_leases_run_out(self, db: Write) -> None:
        """The clock's part."""
        await lifecycle.sweep(db, {})

    async def leave(self, person: Viewer) -> None:
        """Somebody deletes the account."""
        async with self.database.read() as reads, self.database.write() as db:
            await profile.delete(db, reads, person, PASSWORD)


async def walked(database: Database, student: Join, mentor: Join, seed: int) -> Walk:
    """Some months of it; on the way a mentor and a student leave for good."""
    students = [Viewer(person.id, "student", person.username, 0) for person in [await student() for _ in range(6)]]
    mentors = [Viewer(person.id, "mentor", person.username, 0) for person in [await mentor() for _ in range(4)]]
    walk = Walk(database, students, mentors, seed)
    with time_machine.travel(START) as traveller:
        for number in range(STEPS):
            traveller.shift(timedelta(seconds=walk.random.expovariate(1 / 9_000)))
            await walk.step()
            if number == STEPS // 2:
                await walk.leave(mentors.pop())
            if number == STEPS * 2 // 3:
                await walk.leave(students.pop())
    return walk


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_is_kept_is_what_the_log_gives(database: Database, student: Join, mentor: Join, seed: int) -> None:
    walk = await walked(database, student, mentor, seed)
    assert walk.happened >= {"ask", "accept", "say", "resolve", "reopen", "close", "review", "release", "delete"}
    log = await recount.read_log(database)
    everybody = {one.mentor for one in log.told}
    assert len(everybody) == 4
    assert min(len(log.of(mentor_id, kind)) for mentor_id in everybody for kind in ("responded", "solved", "rated")) > 1
    last = max(one.at for one in log.told)
    for moment in (last + timedelta(minutes=1), last + timedelta(days=8, hours=7)):
        with time_machine.travel(moment, tick=False):
            await check_statistics(database, log, everybody, moment)
            await check_leaderboards(database, log, moment)
    assert [str(difference) async for difference in differences(database)] == []


async def check_statistics(database: Database, log: recount.Log, mentors: set[int], moment: datetime) -> None:
    """Each mentor's, in each period, in days that begin at different times."""
    for mentor_id, zone in ((mentor_id, zone) for mentor_id in mentors for zone in ZONES):
        viewer = Viewer(mentor_id, "mentor", "", 0, time_zone=zone)
        for period in recount.DAYS:
            async with database.read() as db:
                found = await service.statistics(db, viewer, period)  # type: ignore[arg-type]
            for day in found["by_day"]:
                day["date"] = day["date"].isoformat()
            for limits in (found, found["previous"] or {}):
                for name in ("since", "until", "period", "time_zone"):
                    limits.pop(name, None)
            assert found == recount.statistics(log, mentor_id, period, zone, moment)


async def check_leaderboards(database: Database, log: recount.Log, moment: datetime) -> None:
    """All periods and tags."""
    users = recount.TABLES["users"].c
    async with database.read() as db:
        gone = set(await db.scalars(sa.select(users.id).where(users.deleted_at.is_not(None))))
    for period in recount.DAYS:
        for tag in (None, "python", "sql", "git"):
            async with database.read() as db:
                items, _ = await service.leaderboard(db, period, tag, Keyset(None, 100, "", b""))  # type: ignore[arg-type]
            must_be = recount.standings(log, period, tag, moment)
            found: dict[int, dict[str, Any]] = {}
            for item in items:
                names = ("score", "tickets_resolved", "students_helped", "rating_average", "rating_count")
                found[item["mentor"]["id"]] = {name: item[name] for name in names}
                assert item["rank"] == 1 + sum(other["score"] > item["score"] for other in items)
            assert found == {mentor_id: row for mentor_id, row in must_be.items() if mentor_id not in gone}
