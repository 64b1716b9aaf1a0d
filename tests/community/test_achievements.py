"""Achievements: earned by what happens, once, with the moment that earned them; the same for what lies in the past."""

from asyncio import gather
from collections.abc import Awaitable, Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from mentorq.community import awarding
from mentorq.community.catalogue import BY_KEY, CATALOGUE
from mentorq.community.models import AwardCountRow, AwardRow
from mentorq.core.database import Base, Database
from mentorq.core.events import emit
from mentorq.core.jobs import Worker
from mentorq.maintenance.verify import differences
from mentorq.reviews.events import ReviewGiven
from mentorq.sessions.events import SessionEnded
from tests.support.booking import book
from tests.support.life import SOLUTION, everything, later, statements_of, ticket_in
from tests.support.people import PASSWORD, Join, Person, solve

pytestmark = pytest.mark.anyio
GOOD = "I call it:\n```python\nx = x.sort()\n```\nand then there is an error."


async def has(person: Person) -> dict[str, dict[str, Any]]:
    """What somebody has earned, by key."""
    items = (await person.expect(200, "GET", "/achievements"))["items"]
    return {item["key"]: item for item in items if item["awarded_at"]}


async def review(student: Person, ticket: dict[str, Any], rating: int = 5, **fields: Any) -> dict[str, Any]:
    """Review a closed ticket."""
    path = f"/tickets/{ticket['id']}/review"
    found: dict[str, Any] = await student.expect(201, "POST", path, {"rating": rating} | fields)
    return found


async def praised(student: Person, mentor: Person, rating: int = 5, **fields: Any) -> dict[str, Any]:
    """A ticket that was asked, solved, closed, and reviewed."""
    ticket = await ticket_in("closed", student, mentor, **fields)
    await review(student, ticket, rating)
    return ticket


async def test_the_catalogue_is_for_everybody(student: Join, mentor: Join, worker: Worker) -> None:
    ana = await student()
    for ask in (ana.client.get, ana.get):
        page = (await ask("/achievements")).json()
        assert [item["key"] for item in page["items"]] == [achievement.key for achievement in CATALOGUE]
        assert {item["awarded_at"] for item in page["items"]} == {None}
        assert {item["awarded_to"] for item in page["items"]} == {0}
    await ana.ask()
    await worker.drain()
    (item,) = (await has(ana)).values()
    assert (item["key"], item["awarded_to"]) == ("first_question", 1)
    visitors = {item["key"]: item for item in (await ana.client.get("/achievements")).json()["items"]}
    assert visitors["first_question"] == item | {"awarded_at": None, "ticket_id": None}
    with statements_of("GET", "/achievements") as sent:
        await ana.get("/achievements")
    assert sent == [2]


async def test_what_one_ticket_can_earn(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("closed", ana, ben, description=GOOD)
    await worker.drain()
    assert set(await has(ana)) == {"first_question", "well_asked", "closed_loop"}
    assert await has(ben) == {}
    given = await review(ana, ticket)
    await worker.drain()
    assert set(await has(ben)) == {"first_light", "first_steps"}
    earned = (await has(ben))["first_light"]
    assert (earned["ticket_id"], earned["awarded_at"]) == (ticket["id"], given["created_at"])
    closed = (await has(ana))["closed_loop"]
    whole = await ana.expect(200, "GET", f"/tickets/{ticket['id']}")
    assert (closed["ticket_id"], closed["awarded_at"]) == (ticket["id"], whole["closed_at"])
    profile = await eve_sees(ana, f"/mentors/{ben.id}")
    assert {each["key"] for each in profile["achievements"]} == {"first_light", "first_steps"}
    assert {(each["ticket_id"], each["ticket_title"]) for each in profile["achievements"]} == {
        (ticket["id"], ticket["title"])
    }
    assert {each["key"] for each in (await eve_sees(ana, f"/users/{ana.id}"))["achievements"]} == set(await has(ana))
    with statements_of("GET", "/mentors/{mentor_id}") as sent:
        await ana.client.get(f"/mentors/{ben.id}")
    assert sent[0] <= 3
    with statements_of("GET", "/mentors") as sent:
        listed = (await ana.client.get("/mentors")).json()["items"]
    assert sent[0] <= 2
    assert listed[0]["achievements"] == profile["achievements"]


async def eve_sees(person: Person, path: str) -> dict[str, Any]:
    """What a visitor gets."""
    found: dict[str, Any] = (await person.client.get(path)).json()
    return found


async def test_a_review_that_is_not_good_earns_nothing(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    await praised(ana, ben, 3)
    await worker.drain()
    assert await has(ben) == {}


async def test_second_wind_safe_hands_and_coming_back(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben, mia = await student(), await mentor(), await mentor()
    ticket = await ana.ask()
    path = f"/tickets/{ticket['id']}"
    await mia.expect(200, "POST", f"{path}/accept")
    await mia.expect(200, "POST", f"{path}/release")
    await ben.expect(200, "POST", f"{path}/accept")
    await ben.expect(200, "POST", f"{path}/resolve", {"solution": SOLUTION})
    await ana.expect(200, "POST", f"{path}/reopen", {"reason": "It fails."})
    await ben.expect(200, "POST", f"{path}/resolve", {"solution": SOLUTION})
    await ana.expect(200, "POST", f"{path}/close")
    await review(ana, ticket)
    await worker.drain()
    assert {"second_wind", "safe_hands", "first_light"} <= set(await has(ben))
    assert await has(mia) == {}
    assert "came_back" in await has(ana)
    assert "well_asked" not in await has(ana)


async def test_swift_wide_and_long_awaited(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    waiting = [await ana.ask(tags=[f"tag-{n}", f"other-{n}"]) for n in range(5)]
    async with later(timedelta(days=1, minutes=1), ana, ben):
        for ticket in waiting:
            path = f"/tickets/{ticket['id']}"
            await ben.expect(200, "POST", f"{path}/accept")
            await ben.expect(200, "POST", f"{path}/resolve", {"solution": SOLUTION})
            await ana.expect(200, "POST", f"{path}/close")
            assert {"swift", "long_wait", "range"}.isdisjoint(await has(ben))
            await review(ana, ticket, 4)
            await worker.drain()
        earned = await has(ben)
        assert {earned[key]["ticket_id"] for key in ("swift", "long_wait", "range")} == {waiting[4]["id"]}
        assert (await has(ana))["gave_back"]["ticket_id"] == waiting[4]["id"]
        assert (await has(ana))["curious"]["ticket_id"] == waiting[4]["id"]


async def test_readers_earn_and_let_others_earn(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    readers = [await student() for _ in range(10)]
    tickets = [await solve(ana, ben, title=f"Question {n}") for n in range(3)]
    path = f"/knowledge/{tickets[0]['id']}"
    await ben.expect(200, "PUT", f"{path}/upvote")
    await ana.expect(200, "PUT", f"{path}/upvote")
    for number, reader in enumerate(readers):
        await reader.expect(200, "PUT", f"{path}/upvote")
        await worker.drain()
        assert ("useful_question" in await has(ana)) == (number >= 3), "ben, and four readers"
        assert ("explained_10" in await has(ben)) == (number >= 8), "ana, and nine readers"
    for reader in readers[:5]:
        await reader.expect(200, "PUT", f"{path}/check", {"works": True})
        await reader.expect(200, "PUT", f"{path}/deflection")
    await worker.drain()
    assert {"evergreen", "spared"} <= set(await has(ben))
    assert set(await has(readers[0])) == {"found_it"}
    for ticket in tickets[1:]:
        await readers[0].expect(200, "PUT", f"/knowledge/{ticket['id']}/check", {"works": False})
    await worker.drain()
    assert set(await has(readers[0])) == {"found_it", "kept_honest"}


async def test_meeting_counts_for_both(student: Join, mentor: Join, worker: Worker, database: Database) -> None:
    ana, ben = await student(), await mentor()
    rooms, sessions = Base.metadata.tables["rooms"], Base.metadata.tables["sessions"]
    for both_came in (False, True):
        booked = await book(ana, ben)
        async with database.write() as db:
            now = sa.func.current_timestamp()
            await db.execute(
                sa.update(sessions).where(sessions.c.id == booked["id"]).values(status="ended", ended_at=now)
            )
            await db.execute(
                sa.insert(rooms).values(
                    session_id=booked["id"], message_seq=0, update_seq=0, document_bytes=0, student_agrees=False,
                    mentor_agrees=False, opened_at=now, student_came_at=now, mentor_came_at=now if both_came else None,
                )
            )  # fmt: skip
            await emit(db, SessionEnded(booked["id"], ana.id, ben.id))
        await worker.drain()
        for person in (ana, ben):
            assert ("face_to_face" in await has(person)) is both_came


async def test_the_same_fact_ten_times_is_one_award(
    student: Join, mentor: Join, worker: Worker, database: Database
) -> None:
    ana, ben, fan = await student(), await mentor(), await student()
    await fan.expect(204, "PUT", f"/mentors/{ben.id}/follow")
    ticket = await ticket_in("closed", ana, ben)
    given = await review(ana, ticket)
    async with database.write() as db:
        for _ in range(10):
            await emit(db, ReviewGiven(given["id"], ticket["id"], ana.id, ben.id, 5))

    async def look() -> None:
        async with database.write() as db:
            await awarding.consider(db, ben.id, BY_KEY)

    await gather(worker.drain(), *(look() for _ in range(10)))
    await worker.drain()
    async with database.read() as reads:
        awarded = await reads.rows(sa.select(AwardRow.achievement).where(AwardRow.user_id == ben.id))
        counts = await reads.rows(sa.select(AwardCountRow))
    assert sorted(row["achievement"] for row in awarded) == ["first_light", "first_steps"]
    assert {row["achievement"]: row["awarded_to"] for row in counts}["first_light"] == 1
    lines = await everything(fan, "/feed")
    assert sorted(line["achievement"]["key"] for line in lines if line["type"] == "achievement") == [
        "first_light", "first_steps"
    ]  # fmt: skip


async def test_who_asked_anonymously_is_not_given_away(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben = await student(), await mentor()
    ticket = await praised(ana, ben, is_anonymous=True, description=GOOD)
    await worker.drain()
    assert {"first_question", "well_asked", "closed_loop"} <= set(await has(ana)), "it is earned all the same"
    for person in (ben, ana):
        assert (await person.expect(200, "GET", f"/users/{ana.id}"))["achievements"] == []
    shown = (await eve_sees(ana, f"/mentors/{ben.id}"))["achievements"]
    assert [(each["key"], each["ticket_id"]) for each in shown] == [("first_light", ticket["id"])]
    assert "first_steps" not in await has(ben), "that it was a first question says something of who asked"


async def test_what_others_read_is_nobodys_business(student: Join, mentor: Join, worker: Worker) -> None:
    ana, ben, eve = await student(), await mentor(), await student()
    ticket = await solve(ana, ben)
    await eve.expect(200, "PUT", f"/knowledge/{ticket['id']}/deflection")
    await worker.drain()
    assert (await has(eve))["found_it"]["ticket_id"] == ticket["id"]
    (shown,) = (await eve_sees(ana, f"/users/{eve.id}"))["achievements"]
    assert (shown["key"], shown["ticket_id"], shown["ticket_title"]) == ("found_it", None, None)


async def test_what_leaves_with_an_account(student: Join, mentor: Join, worker: Worker, database: Database) -> None:
    ana, ben, eve = await student(), await mentor(), await student()
    await praised(ana, ben)
    await eve.ask()
    await worker.drain()
    export = await ana.expect(200, "GET", "/users/me/export")
    assert {each["achievement"] for each in export["achievements"]} == {"first_question", "closed_loop"}
    await ana.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    await ben.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    async with database.write() as db:
        for person in (ana, ben):
            await awarding.consider(db, person.id, BY_KEY)
    counts = {item["key"]: item["awarded_to"] for item in (await eve.expect(200, "GET", "/achievements"))["items"]}
    assert {key: count for key, count in counts.items() if count} == {"first_question": 1}
    assert [str(difference) async for difference in differences(database)] == []


class Life:
    """A few people who do this and that."""

    def __init__(self, students: list[Person], mentors: list[Person], random: Random) -> None:
        self.students, self.mentors, self.random = students, mentors, random
        self.tickets: list[dict[str, Any]] = []

    async def act(self) -> None:
        """Do something."""
        acts: list[Callable[[], Awaitable[None]]] = [self.ask, self.go_on, self.go_on, self.go_on, self.read]
        await self.random.choice(acts)()

    async def ask(self) -> None:
        """Ask a question; some in one go up to the review."""
        ana, ben = self.random.choice(self.students), self.random.choice(self.mentors)
        tags = [f"tag-{self.random.randrange(14)}" for _ in range(2)]
        about = {"description": self.random.choice((GOOD, "Why?")), "is_anonymous": self.random.random() < 0.2}
        ticket = await ticket_in(self.random.choice(("open", "assigned", "resolved", "closed")), ana, ben,
                                 tags=sorted(set(tags)), **about)  # fmt: skip
        self.tickets.append({"id": ticket["id"], "ana": ana, "ben": ben, "status": ticket["status"]})

    async def go_on(self) -> None:
        """Bring a ticket further, or back."""
        if not self.tickets:
            return
        ticket = self.random.choice(self.tickets)
        path, ana, ben = f"/tickets/{ticket['id']}", ticket["ana"], ticket["ben"]
        match ticket["status"]:
            case "open":
                await ben.expect(200, "POST", f"{path}/accept")
                ticket["status"] = "assigned"
            case "assigned" if self.random.random() < 0.2:
                await ben.expect(200, "POST", f"{path}/release")
                ticket |= {"status": "open", "ben": self.random.choice(self.mentors)}
            case "assigned":
                await ben.expect(200, "POST", f"{path}/resolve", {"solution": SOLUTION})
                ticket["status"] = "resolved"
            case "resolved" if self.random.random() < 0.3:
                await ana.expect(200, "POST", f"{path}/reopen", {"reason": "It fails."})
                ticket["status"] = "assigned"
            case "resolved":
                await ana.expect(200, "POST", f"{path}/close")
                ticket["status"] = "closed"
            case _:
                await ana.post(f"{path}/review", {"rating": self.random.choice((3, 4, 5, 5, 5))})

    async def read(self) -> None:
        """Say something of an article."""
        if not self.tickets:
            return
        path = f"/knowledge/{self.random.choice(self.tickets)['id']}"
        reader = self.random.choice([*self.students, *self.mentors])
        await reader.put(f"{path}/upvote")
        await reader.put(f"{path}/check", {"works": True})
        await reader.put(f"{path}/deflection")


async def awards(database: Database) -> list[tuple[Any, ...]]:
    """Every award, with its moment."""
    w = AwardRow.__table__.c
    async with database.read() as db:
        rows = await db.rows(sa.select(w.user_id, w.achievement, w.ticket_id, w.awarded_at).order_by(w.user_id))
    return sorted(tuple(row.values()) for row in rows)


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_past_earns_what_the_present_does(
    student: Join, mentor: Join, worker: Worker, database: Database, seed: int
) -> None:
    life = Life([await student() for _ in range(3)], [await mentor() for _ in range(2)], Random(seed))
    for _ in range(90):
        await life.act()
        await worker.drain()
    live = await awards(database)
    assert len({row[1] for row in live}) >= 7
    assert await awarding.award_past(database) == 0, "nothing was missed"
    async with database.write() as db:
        await db.execute(sa.delete(AwardRow))
        await db.execute(sa.delete(AwardCountRow))
    assert await awarding.award_past(database) == len(live)
    past = {row[:2]: row[2:] for row in await awards(database)}
    assert set(past) == {row[:2] for row in live}
    # A solution that is edited forgets what was said of it, and a ticket is opened again: what was earned is earned.
    for user_id, key, ticket_id, at in live:
        assert past[user_id, key] == (ticket_id, at), key
    await worker.drain()
    assert [str(difference) async for difference in differences(database)] == []
