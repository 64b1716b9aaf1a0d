"""What a student has learned: by tag and week, in a row, and in milestones."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
import time_machine

from mentorq.core.database import Database
from mentorq.insights.progress import MILESTONES, Asked, Path, by_tag, by_week, milestones, streak
from tests.support.life import make_admin, sign_in_again, statements_of
from tests.support.people import Join, solve

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)  # a Wednesday
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)


def path_of(*asked: Asked, found: tuple[datetime, ...] = (), zone: str = "UTC") -> Path:
    """Somebody's path."""
    return Path(sorted(asked, key=lambda one: one.at), sorted(found), ZoneInfo(zone))


def solved(ago: timedelta, *tags: str, took: timedelta = HOUR) -> Asked:
    """A question that was solved so long ago."""
    return Asked(NOW - ago - took, NOW - ago, tags or ("python",))


class TestStreak:
    @pytest.mark.parametrize(
        ("weeks_ago", "expected"),
        [
            ((), (0, 0, False)),
            ((0,), (1, 1, True)),
            ((1,), (1, 1, False)),  # this week is not over
            ((2, 3), (0, 2, False)),
            ((0, 1, 2, 4, 5, 6, 7), (3, 4, True)),
            ((1, 2, 2, 2, 3), (3, 3, False)),
        ],
    )
    def test_weeks_in_a_row_up_to_now(self, weeks_ago: tuple[int, ...], expected: tuple[int, int, bool]) -> None:
        path = path_of(*(solved(ago * WEEK) for ago in weeks_ago))
        assert tuple(streak(path, NOW).values()) == expected

    def test_an_answer_that_was_found_counts_too(self) -> None:
        path = path_of(solved(2 * WEEK), found=(NOW - WEEK, NOW))
        assert streak(path, NOW) == {"weeks": 3, "longest": 3, "this_week": True}

    def test_weeks_are_those_of_the_readers_clocks(self) -> None:
        monday = datetime(2026, 3, 16, 2, tzinfo=UTC)  # still Sunday in New York
        asked = Asked(monday - HOUR, monday, ("python",))
        assert streak(path_of(asked), NOW)["this_week"] is True
        assert streak(path_of(asked, zone="America/New_York"), NOW)["this_week"] is False

    def test_what_waits_for_its_answer_does_not_count(self) -> None:
        assert streak(path_of(Asked(NOW, None, ())), NOW)["weeks"] == 0


def test_each_tag_has_its_numbers() -> None:
    path = path_of(
        solved(HOUR, "python", "sql", took=HOUR), solved(HOUR, "python", took=4 * HOUR), Asked(NOW, None, ("python",))
    )
    assert by_tag(path) == [
        {"tag": "python", "asked": 3, "solved": 2, "median_seconds": 9_000.0},
        {"tag": "sql", "asked": 1, "solved": 1, "median_seconds": 3_600.0},
    ]


def test_each_week_has_what_was_asked_and_what_was_solved_in_it() -> None:
    path = path_of(solved(timedelta(0), took=WEEK), solved(20 * WEEK), Asked(NOW - WEEK, None, ()))
    weeks = by_week(path, NOW)
    assert [week["week"] for week in weeks] == [date(2026, 3, 16) - n * WEEK for n in range(11, -1, -1)]
    assert [(week["asked"], week["solved"]) for week in weeks] == [(0, 0)] * 10 + [(2, 0), (0, 1)]
    assert weeks[-1]["median_seconds"] == WEEK.total_seconds()


class TestMilestones:
    def test_none_is_reached_by_who_has_just_come(self) -> None:
        found = milestones(path_of())
        assert [one["key"] for one in found] == [one.key for one in MILESTONES]
        assert not any(one["done"] or one["reached_at"] for one in found)

    def test_they_are_reached_by_what_counts_and_stay_so(self) -> None:
        path = path_of(*(solved(ago * WEEK, f"tag{ago % 4}") for ago in range(20, 10, -1)), found=(NOW - HOUR,))
        found = {one["key"]: one for one in milestones(path)}
        first, last = NOW - 20 * WEEK, NOW - 11 * WEEK
        assert {key: one["reached_at"] for key, one in found.items()} == {
            "first_question": first - HOUR,
            "first_solved": first,
            "found_yourself": NOW - HOUR,
            "three_tags": NOW - 18 * WEEK,
            "four_weeks": NOW - 17 * WEEK,
            "ten_solved": last,
            "ten_tags": None,
            "twelve_weeks": None,
        }
        assert (found["ten_tags"]["done"], found["twelve_weeks"]["done"]) == (4, 10)
        assert all(one["done"] <= one["goal"] for one in found.values())


async def progress_of(person: Any) -> dict[str, Any]:
    """What the API says."""
    found: dict[str, Any] = await person.expect(200, "GET", "/students/me/progress")
    return found


async def test_a_student_sees_what_became_of_the_questions(student: Join, mentor: Join) -> None:
    ana, bob, ben = await student(), await student(), await mentor()
    with time_machine.travel(NOW, tick=False) as traveller:
        for person in (ana, bob, ben):
            await sign_in_again(person)
        await ana.expect(200, "PATCH", "/users/me", {"time_zone": "Asia/Tokyo"})
        asked = await ana.ask(title="How do I sort?", tags=["python", "sql"])
        traveller.shift(1_200)
        await ben.expect(200, "POST", f"/tickets/{asked['id']}/accept")
        await ben.expect(200, "POST", f"/tickets/{asked['id']}/resolve", {"solution": "So."})
        await ana.ask(title="Why?", tags=["git"])
        others = await solve(bob, ben, title="How do I look?")
        await bob.expect(200, "PUT", f"/knowledge/{asked['id']}/upvote")
        await ana.expect(200, "PUT", f"/knowledge/{others['id']}/deflection")
        found = await progress_of(ana)
    assert (found["asked"], found["solved"], found["found"], found["median_seconds"]) == (2, 1, 1, 1200.0)
    assert {row["tag"]: (row["asked"], row["solved"]) for row in found["by_tag"]} == {
        "python": (1, 1), "sql": (1, 1), "git": (1, 0),
    }  # fmt: skip
    assert found["by_week"][-1] == {
        "week": "2026-03-16", "asked": 2, "solved": 1, "found": 1, "median_seconds": 1200.0,
    }  # fmt: skip
    assert found["streak"] == {"weeks": 1, "longest": 1, "this_week": True}
    reached = {one["key"] for one in found["milestones"] if one["reached_at"]}
    assert reached == {"first_question", "first_solved", "found_yourself"}
    (article,) = found["learned"]
    assert article == {
        "ticket_id": asked["id"], "title": "How do I sort?", "url": f"/solved/{asked['id']}-how-do-i-sort",
        "tags": ["python", "sql"], "solved_at": "2026-03-18T12:20:00Z", "upvotes": 1, "deflected": 0,
    }  # fmt: skip


async def test_a_question_that_is_reopened_is_learned_no_more(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    ticket = await solve(ana, ben)
    assert (await progress_of(ana))["solved"] == 1
    await ana.expect(200, "POST", f"/tickets/{ticket['id']}/reopen", {"reason": "It fails."})
    found = await progress_of(ana)
    assert (found["solved"], found["learned"], found["streak"]["weeks"]) == (0, [], 0)


async def test_only_students_have_it(
    client: httpx2.AsyncClient, database: Database, student: Join, mentor: Join
) -> None:
    ben, admin = await mentor(), await make_admin(database, student)
    for path in ("/students/me/progress", "/students/me/dashboard"):
        assert (await client.get(path)).status_code == 401
        for person in (ben, admin):
            assert (await person.get(path)).status_code == 403


async def test_it_takes_two_statements(student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor()
    for _ in range(3):
        await solve(ana, ben, close=True)
    await progress_of(ana)
    with statements_of("GET", "/students/me/progress") as sent:
        await progress_of(ana)
    assert sent == [2]
