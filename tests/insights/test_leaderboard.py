"""Who helped most: the formula, and the list."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
import time_machine

from mentorq.core.database import Database
from mentorq.insights import leaderboard as formula
from mentorq.insights import queries
from mentorq.insights.facts import Kind
from mentorq.insights.leaderboard import ALL_TAGS, SUMS, Deed, of_pair, ranks, repeated
from mentorq.insights.models import StandingRow
from mentorq.maintenance.standings import count_again
from mentorq.maintenance.verify import differences
from tests.support.life import sign_in_again, statements_of
from tests.support.people import PASSWORD, Join, Person, solve

pytestmark = pytest.mark.anyio

DAY = datetime(2026, 3, 18, 12, tzinfo=UTC)


async def board(client: httpx2.AsyncClient | Person, query: str = "?period=all") -> list[dict[str, Any]]:
    """The items of a leaderboard."""
    answer = await client.get(f"/mentors/leaderboard{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def help_each(mentor: Person, students: list[Person], rating: int | None = None, **fields: Any) -> None:
    """Solve a ticket of each."""
    for student in students:
        ticket = await solve(student, mentor, close=rating is not None, **fields)
        if rating is not None:
            await student.expect(201, "POST", f"/tickets/{ticket['id']}/review", {"rating": rating})


def deeds(kind: str, *values: int, tags: tuple[int, ...] = ()) -> list[Deed]:
    """Things that happened on one day."""
    return [Deed(kind, DAY, value, tags) for value in values]


def sums_of(*pairs: tuple[list[Deed], int]) -> list[int]:
    """A mentor's sums, of all time and tags, by what happened with each student."""
    found = [of_pair(between, reviewed)["all", ALL_TAGS] for between, reviewed in pairs]
    return [sum(column) for column in zip(*found, strict=True)]


def named(sums: list[int]) -> dict[str, int]:
    """The same by name."""
    return dict(zip(SUMS, sums, strict=True))


class TestFormula:
    def test_the_same_student_again_and_again_counts_less_each_time(self) -> None:
        worth = [repeated(n) for n in range(6)]
        assert worth == [0, 1000, 1500, 1833, 2083, 2283]
        gains = [later - sooner for sooner, later in pairwise(repeated(n) for n in range(200))]
        assert gains == sorted(gains, reverse=True)
        assert repeated(100) < 5_200

    def test_strangers_beat_a_friend(self) -> None:
        friend = sums_of((deeds(Kind.SOLVED, *[60] * 100) + deeds(Kind.RATED, *[5] * 100), 1))
        strangers = sums_of(*((deeds(Kind.SOLVED, 60) + deeds(Kind.RATED, 4), 3) for _ in range(6)))
        assert formula.score(strangers) > formula.score(friend)
        assert named(friend)["students"] < formula.FEWEST_STUDENTS

    def test_who_only_ever_reviews_one_mentor_counts_little(self) -> None:
        weights = [named(sums_of((deeds(Kind.RATED, 1), reviewed)))["trusted"] for reviewed in (1, 2, 3, 9)]
        assert weights == [250, 500, 1000, 1000]

    def test_one_five_does_not_beat_ninety(self) -> None:
        def rating(sums: list[int]) -> float:
            return (formula.PRIOR_STARS + named(sums)["stars"]) / (formula.PRIOR + named(sums)["trusted"])

        one = sums_of((deeds(Kind.RATED, 5), 3))
        ninety = sums_of(*((deeds(Kind.RATED, 5 if n % 10 else 4), 3) for n in range(90)))
        assert 4.3 < rating(one) < rating(ninety) < 5

    def test_the_example_of_the_documentation(self) -> None:
        sums = sums_of(
            (deeds(Kind.SOLVED, 1, 1, 1) + deeds(Kind.RATED, 5, 4), 3),
            (deeds(Kind.SOLVED, 1) + deeds(Kind.RATED, 5), 1),
            (deeds(Kind.SOLVED, 1), 0),
        )
        assert named(sums) | {"seconds": 0} == {
            "solved": 5, "students": 3, "seconds": 0, "helped": 3_833, "rating_count": 3, "rating_sum": 14,
            "trusted": 1_750, "stars": 8_000,
        }  # fmt: skip
        assert formula.score(sums) == 34

    def test_it_does_not_matter_in_which_order_things_happen(self) -> None:
        mixed = deeds(Kind.SOLVED, 5, 9, tags=(1, 2)) + deeds(Kind.RATED, 4, 2, tags=(2,)) + deeds(Kind.SOLVED, 7)
        assert of_pair(mixed, 2) == of_pair(mixed[::-1], 2)
        assert {place[1] for place in of_pair(mixed, 2)} == {ALL_TAGS, 1, 2}

    def test_equal_scores_share_a_rank(self) -> None:
        assert ranks([9, 7, 7, 3]) == [1, 2, 2, 4]
        assert ranks([7, 3, 3], before=(7, 2, 3)) == [2, 5, 5]
        assert ranks([]) == []

    def test_weeks_begin_on_monday_and_months_on_the_first(self) -> None:
        assert formula.periods_of(date(2027, 1, 3)) == ("all", "2027-01", "2026-W53")
        assert formula.periods_of(date(2027, 1, 4)) == ("all", "2027-01", "2027-W01")
        assert formula.first_day("week", date(2027, 1, 3)) == date(2026, 12, 28)
        assert formula.first_day("month", date(2027, 1, 3)) == date(2027, 1, 1)
        assert formula.first_day("all", date(2027, 1, 3)) is None
        assert formula.earlier("month", date(2027, 1, 31), 2) == date(2026, 11, 1)
        assert formula.earlier("week", date(2027, 1, 3), 1) == date(2026, 12, 27)


async def test_mentors_are_listed_by_whom_they_helped(
    client: httpx2.AsyncClient, database: Database, student: Join, mentor: Join
) -> None:
    ana, bob, cem = await student(), await student(), await student()
    ben, eve, kim = await mentor(), await mentor(), await mentor()
    await help_each(ben, [ana, bob, cem], 5)
    await help_each(eve, [ana, bob, cem, ana], 4, tags=["sql"])
    await help_each(kim, [ana, ana, ana], 5)
    items = await board(client)
    assert [(item["rank"], item["mentor"]["username"]) for item in items] == [(1, eve.username), (2, ben.username)]
    assert items[1] | {"mentor": None, "score": 0} == {
        "rank": 2, "mentor": None, "score": 0, "tickets_resolved": 3, "students_helped": 3, "rating_average": 5.0,
        "rating_count": 3, "median_response_seconds": 0,
    }  # fmt: skip
    assert "email" not in items[0]["mentor"]
    for period in ("week", "month"):
        assert [item["mentor"]["id"] for item in await board(client, f"?period={period}")] == [eve.id, ben.id]
    assert [item["mentor"]["id"] for item in await board(client, "?period=all&tag=SQL")] == [eve.id]
    assert [item["mentor"]["id"] for item in await board(client, "?period=all&tag=py")] == [ben.id]
    assert await board(client, "?period=all&tag=nobody-asked-this") == []
    async with database.read() as db:
        rows = await db.rows(sa.select(StandingRow.__table__))
    assert rows
    assert all(row["score"] == formula.score([row[name] for name in SUMS]) for row in rows)


async def test_a_period_has_its_own(client: httpx2.AsyncClient, student: Join, mentor: Join) -> None:
    ana, bob, ben = await student(), await student(), await mentor()
    for moment in (DAY - timedelta(days=7), DAY - timedelta(days=35), DAY):
        with time_machine.travel(moment):
            for person in (ana, bob, ben):
                await sign_in_again(person)
            await help_each(ben, [ana, bob, ana])
    with time_machine.travel(DAY, tick=False):
        found = {}
        for query in ("period=week", "period=week&ago=1", "period=week&ago=2", "period=month", "period=month&ago=1",
                      "period=all", "period=all&ago=1"):  # fmt: skip
            answer = (await client.get(f"/mentors/leaderboard?{query}")).json()
            found[query] = (answer["since"], [item["tickets_resolved"] for item in answer["items"]])
    assert found == {
        "period=week": ("2026-03-16", [3]),
        "period=week&ago=1": ("2026-03-09", [3]),
        "period=week&ago=2": ("2026-03-02", []),
        "period=month": ("2026-03-01", [6]),
        "period=month&ago=1": ("2026-02-01", [3]),
        "period=all": (None, [9]),
        "period=all&ago=1": (None, [9]),
    }


async def test_who_does_not_want_to_be_there_is_gone_at_once(
    client: httpx2.AsyncClient, student: Join, mentor: Join
) -> None:
    students = [await student() for _ in range(3)]
    mentors = [await mentor() for _ in range(4)]
    for one in mentors:
        await help_each(one, students, tags=["python"])
    ben, eve, kim, leo = mentors
    assert {item["rank"] for item in await board(client)} == {1}
    assert (await ben.expect(200, "GET", "/auth/me"))["on_leaderboard"] is True
    user = await ben.expect(200, "PATCH", "/users/me", {"on_leaderboard": False})
    assert user["on_leaderboard"] is False
    await eve.expect(204, "DELETE", "/users/me", {"password": PASSWORD})
    for query in ("?period=week", "?period=month", "?period=all", "?period=all&tag=python"):
        assert {item["mentor"]["id"] for item in await board(client, query)} == {kim.id, leo.id}
        assert ben.id not in {item["mentor"]["id"] for item in await board(ben, query)}
    await ben.expect(200, "PATCH", "/users/me", {"on_leaderboard": True})
    assert len(await board(client)) == 3
    for wrong in ("no", 0, 1):
        await ben.expect(422, "PATCH", "/users/me", {"on_leaderboard": wrong})


async def test_pages_go_on_with_the_ranks(student: Join, mentor: Join) -> None:
    students = [await student() for _ in range(4)]
    mentors = [await mentor() for _ in range(5)]
    for number, one in enumerate(mentors):
        await help_each(one, students[: 4 if number < 2 else 3])
    whole = await board(students[0])
    assert [item["rank"] for item in whole] == [1, 1, 3, 3, 3]
    items: list[dict[str, Any]] = []
    path = "/mentors/leaderboard?period=all&limit=2"
    cursor = ""
    while cursor is not None:
        page = (await students[0].get(path + (f"&cursor={cursor}" if cursor else ""))).json()
        items += page["items"]
        cursor = page["next_cursor"]
    assert items == whole
    first = (await students[0].get(path)).json()["next_cursor"]
    for other in ("?period=week&limit=2", "?period=all&limit=2&tag=python"):
        assert (await students[0].get(f"/mentors/leaderboard{other}&cursor={first}")).status_code == 422


async def test_what_is_asked_wrongly_is_refused(client: httpx2.AsyncClient, mentor: Join) -> None:
    ben = await mentor()
    for query, pointer in (
        ("?period=year", "/period"), ("?limit=0", "/limit"), ("?cursor=x", "/cursor"), ("?ago=-1", "/ago"),
        ("?ago=1000", "/ago"), ("?tag=", "/tag"), (f"?tag={'x' * 40}", "/tag"),
    ):  # fmt: skip
        for who in (client, ben):
            answer = await who.get(f"/mentors/leaderboard{query}")
            assert answer.status_code == 422, query
            assert answer.json()["errors"][0]["pointer"] == pointer


async def test_it_takes_one_statement(client: httpx2.AsyncClient, student: Join, mentor: Join) -> None:
    students, ben = [await student() for _ in range(3)], await mentor()
    await help_each(ben, students)
    for query in ("", "?period=all&tag=python"):
        with statements_of("GET", "/mentors/leaderboard") as sent:
            await board(client, query)
        assert sent == [1]


async def test_ones_own_place_is_told_wherever_the_page_ends(
    monkeypatch: pytest.MonkeyPatch, student: Join, mentor: Join
) -> None:
    students = [await student() for _ in range(4)]
    best, second, third, idle = [await mentor() for _ in range(4)]
    for one, helped in ((best, 4), (second, 3), (third, 3)):
        await help_each(one, students[:helped])

    async def own(who: Person | httpx2.AsyncClient, query: str = "?period=all&limit=1") -> Any:
        return (await who.get(f"/mentors/leaderboard{query}")).json()["me"]

    assert [(await own(one))["rank"] for one in (best, second, third)] == [1, 2, 2]
    whole = await board(best, "?period=all")
    for one in (best, second, third):
        assert [item for item in whole if item["mentor"]["id"] == one.id] == [await own(one)]
        assert await own(one, "?period=all&tag=python") == await own(one)
        assert await own(one, "?period=week&ago=2") is None
    assert [await own(who) for who in (idle, students[0], students[0].client)] == [None] * 3
    with statements_of("GET", "/mentors/leaderboard") as sent:
        await own(third)
    assert sent == [2]
    await best.expect(200, "PATCH", "/users/me", {"on_leaderboard": False})
    assert (await own(best), (await own(third))["rank"]) == (None, 1), "who is not ranked is before nobody"
    await best.expect(200, "PATCH", "/users/me", {"on_leaderboard": True})
    monkeypatch.setattr(queries, "MOST_PLACES", 0)
    assert (await own(third))["rank"] == 1, "so far and no further"


async def test_what_happens_at_once_is_counted_as_if_one_after_the_other(
    database: Database, student: Join, mentor: Join
) -> None:
    ana, mentors = await student(), [await mentor() for _ in range(4)]
    tickets = [await solve(ana, one, close=True, tags=["python"]) for one in mentors for _ in range(2)]
    waiting = []
    for one in mentors:
        for _ in range(3):
            ticket = await ana.ask(tags=["python", "sql"])
            await one.expect(200, "POST", f"/tickets/{ticket['id']}/accept")
            waiting.append((one, ticket["id"]))
    reviews = (ana.post(f"/tickets/{ticket['id']}/review", {"rating": 4}) for ticket in tickets)
    solutions = (one.post(f"/tickets/{ticket_id}/resolve", {"solution": "So."}) for one, ticket_id in waiting)
    answers = await asyncio.gather(*reviews, *solutions)
    assert {answer.status_code for answer in answers} == {200, 201}
    assert [str(difference) async for difference in differences(database)] == []


async def test_counting_again_gives_the_same(database: Database, student: Join, mentor: Join) -> None:
    students, mentors = [await student() for _ in range(3)], [await mentor() for _ in range(2)]
    for one in mentors:
        await help_each(one, students, 4, tags=["python"])

    async def kept() -> list[list[tuple[object, ...]]]:
        async with database.read() as db:
            tables = ("mentor_facts ORDER BY ticket_id, kind", "standings ORDER BY mentor_id, period, tag_id")
            return [[tuple(row.values()) for row in await db.rows(sa.text(f"SELECT * FROM {t}"))] for t in tables]

    before = await kept()
    assert await count_again(database) == len(before[0]) == 18
    assert await kept() == before
