"""A mentor's own statistics, and their export."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
import time_machine

from mentorq.core.database import Database
from mentorq.insights.models import MentorFactRow
from tests.support.life import later, make_admin, sign_in_again, statements_of, ticket_in
from tests.support.people import Join, Person, solve

pytestmark = pytest.mark.anyio

NOTHING = {
    "tickets_resolved": 0,
    "average_response_seconds": None,
    "median_response_seconds": None,
    "average_resolution_seconds": None,
    "median_resolution_seconds": None,
    "rating_average": None,
    "rating_count": 0,
    "rating_distribution": {"5": 0, "4": 0, "3": 0, "2": 0, "1": 0},
}
NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)


async def stats(mentor: Person, period: str = "week") -> dict[str, Any]:
    """What the API says."""
    found: dict[str, Any] = await mentor.expect(200, "GET", f"/mentors/me/stats?period={period}")
    return found


async def solve_in(
    traveller: time_machine.Traveller,
    owner: Person,
    mentor: Person,
    answer_after: int,
    solve_after: int,
    rating: int | None = None,
    **fields: Any,
) -> int:
    """A ticket that is answered and solved so many seconds after it was taken, and perhaps rated."""
    for person in (owner, mentor):
        await sign_in_again(person)
    ticket = await owner.ask(**fields)
    path = f"/tickets/{ticket['id']}"
    taken = datetime.now(UTC)
    await mentor.expect(200, "POST", f"{path}/accept")
    traveller.move_to(taken + timedelta(seconds=answer_after))
    await mentor.expect(201, "POST", f"{path}/messages", {"body": "What does it print?"})
    traveller.move_to(taken + timedelta(seconds=solve_after))
    await mentor.expect(200, "POST", f"{path}/resolve", {"solution": "So."})
    if rating:
        await owner.expect(200, "POST", f"{path}/close")
        await owner.expect(201, "POST", f"{path}/review", {"rating": rating})
    return int(ticket["id"])


async def test_who_has_done_nothing_is_told_so(mentor: Join) -> None:
    ben = await mentor()
    for period, days in (("week", 7), ("month", 30), ("all", 365)):
        found = await stats(ben, period)
        assert {name: found[name] for name in NOTHING} == NOTHING
        assert (found["tickets_active"], found["by_tag"], found["period"]) == (0, [], period)
        assert [day["tickets_resolved"] for day in found["by_day"]] == [0] * days
        previous = found["previous"]
        assert previous is None if period == "all" else {name: previous[name] for name in NOTHING} == NOTHING


async def test_it_says_what_one_did_and_how_long_it_took(student: Join, mentor: Join) -> None:
    ana, ben, eve = await student(), await mentor(), await mentor()
    with time_machine.travel(NOON, tick=False) as traveller:
        for times in ((60, 600, 5), (180, 1200, 4), (61, 601, 5), (90, 900, None)):
            await solve_in(traveller, ana, ben, *times, tags=["python", "sql"] if times[2] == 4 else ["python"])
        await sign_in_again(eve)
        await ticket_in("assigned", ana, ben)
        await solve(ana, eve)
        found = await stats(ben)
    assert found["tickets_resolved"] == 4
    assert found["tickets_active"] == 1
    assert found["average_response_seconds"] == 97.75
    assert found["median_response_seconds"] == 75.5
    assert found["average_resolution_seconds"] == 825.25
    assert found["median_resolution_seconds"] == 750.5
    assert found["rating_average"] == 4.67
    assert found["rating_distribution"] == {"5": 2, "4": 1, "3": 0, "2": 0, "1": 0}
    assert found["by_tag"] == [
        {"tag": "python", "tickets_resolved": 4, "average_resolution_seconds": 825.25, "rating_average": 4.67,
         "rating_count": 3},
        {"tag": "sql", "tickets_resolved": 1, "average_resolution_seconds": 1200.0, "rating_average": 4.0,
         "rating_count": 1},
    ]  # fmt: skip
    assert found["by_day"][-1] == {"date": "2026-03-18", "tickets_resolved": 4}
    assert found["since"] == "2026-03-12T00:00:00Z"
    assert found["previous"]["since"] == "2026-03-05T00:00:00Z"


async def test_days_are_those_of_the_mentors_clocks(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    days = {}
    with time_machine.travel(NOON.replace(hour=22), tick=False) as traveller:
        for zone in ("UTC", "Asia/Kolkata", "America/Los_Angeles", "Pacific/Apia"):
            for person in (ana, ben):
                await sign_in_again(person)
            await ben.expect(200, "PATCH", "/users/me", {"time_zone": zone})
            if zone == "UTC":
                await solve_in(traveller, ana, ben, 60, 600)
            found = await stats(ben)
            assert found["time_zone"] == zone
            days[zone] = [day["date"] for day in found["by_day"] if day["tickets_resolved"]]
    assert days == {
        "UTC": ["2026-03-18"],
        "Asia/Kolkata": ["2026-03-19"],
        "America/Los_Angeles": ["2026-03-18"],
        "Pacific/Apia": ["2026-03-19"],
    }


async def test_a_period_is_held_against_as_much_of_the_one_before(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    moments = (
        NOON - timedelta(days=14, hours=1),  # two weeks ago: in neither
        NOON - timedelta(days=7, hours=1),  # by this time a week ago
        NOON - timedelta(days=7, hours=-1),  # later on that day: in neither
        NOON - timedelta(days=6, hours=-1),
        NOON - timedelta(hours=1),
    )
    for moment in moments:
        with time_machine.travel(moment, tick=False) as traveller:
            await solve_in(traveller, ana, ben, 60, 120)
    with time_machine.travel(NOON, tick=False):
        await sign_in_again(ben)
        week, month, ever = await stats(ben), await stats(ben, "month"), await stats(ben, "all")
    assert (week["tickets_resolved"], week["previous"]["tickets_resolved"]) == (2, 1)
    assert (month["tickets_resolved"], month["previous"]["tickets_resolved"]) == (5, 0)
    assert ever["tickets_resolved"] == 5
    assert [day["tickets_resolved"] for day in week["by_day"]] == [1, 0, 0, 0, 0, 0, 1]
    assert sum(day["tickets_resolved"] for day in ever["by_day"]) == 5


async def test_what_is_reopened_is_not_solved_until_it_is(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await solve(ana, ben)
    path = f"/tickets/{ticket['id']}"
    assert (await stats(ben, "all"))["tickets_resolved"] == 1
    await ana.expect(200, "POST", f"{path}/reopen", {"reason": "It fails."})
    found = await stats(ben, "all")
    assert (found["tickets_resolved"], found["tickets_active"], found["by_tag"]) == (0, 1, [])
    assert found["median_response_seconds"] is not None
    async with later(timedelta(hours=2), ana, ben):
        await ben.expect(200, "POST", f"{path}/resolve", {"solution": "Better."})
        found = await stats(ben, "all")
    assert (found["tickets_resolved"], found["tickets_active"]) == (1, 0)
    assert found["median_resolution_seconds"] >= 7_200


async def test_the_export_has_each_ticket_and_no_formula(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    titles = ['=HYPERLINK("https://evil.example.org")', "+1", "-1", "@SUM(A1)", 'Why "this", and that?', "Plain"]
    with time_machine.travel(NOON, tick=False) as traveller:
        ids = [await solve_in(traveller, ana, ben, 60, 600, 5, title=title) for title in titles]
        answer = await ben.get("/mentors/me/stats.csv?period=all")
        nothing = await ben.get("/mentors/me/stats.csv?period=week")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="mentorq-all.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [int(row["ticket_id"]) for row in rows] == ids[::-1]
    expected = [f"'{title}" for title in titles[:4]] + titles[4:]
    assert [row["title"] for row in rows] == expected[::-1]
    assert {name: rows[-1][name] for name in ("tags", "response_seconds", "resolution_seconds", "rating")} == {
        "tags": "python", "response_seconds": "60", "resolution_seconds": "600", "rating": "5",
    }  # fmt: skip
    assert rows[-1]["solved_at"] == "2026-03-18T12:10:00Z"
    assert nothing.text == answer.text


async def test_only_mentors_have_them(
    client: httpx2.AsyncClient, database: Database, student: Join, mentor: Join
) -> None:
    ana, ben, admin = await student(), await mentor(), await make_admin(database, student)
    for path in ("/mentors/me/stats", "/mentors/me/stats.csv"):
        assert (await client.get(path)).status_code == 401
        for person in (ana, admin):
            assert (await person.get(path)).status_code == 403
        for period in ("year", "", "WEEK"):
            answer = await ben.get(f"{path}?period={period}")
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["pointer"] == "/period"


@pytest.mark.parametrize("period", ["week", "month", "all"])
async def test_they_take_three_statements(student: Join, mentor: Join, period: str) -> None:
    ana, ben = await student(), await mentor()
    for _ in range(3):
        await solve(ana, ben, close=True)
    await stats(ben, period)
    with statements_of("GET", "/mentors/me/stats") as sent:
        await stats(ben, period)
    assert sent[0] <= 3


async def test_a_question_that_is_withdrawn_takes_its_answers_along(
    database: Database, student: Join, mentor: Join
) -> None:
    ana, ben = await student(), await mentor()
    ticket = await ticket_in("assigned", ana, ben)
    path = f"/tickets/{ticket['id']}"
    await ben.expect(201, "POST", f"{path}/messages", {"body": "Which version?"})
    await ben.expect(200, "POST", f"{path}/release", {})
    assert (await stats(ben))["median_response_seconds"] is not None
    await ana.expect(204, "DELETE", path)
    async with database.read() as db:
        assert await db.scalars(sa.select(MentorFactRow.ticket_id)) == []
    assert (await stats(ben))["median_response_seconds"] is None
