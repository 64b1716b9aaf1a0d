"""The rules of achievements, as pure functions of facts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mentorq.community.catalogue import BY_KEY, CATALOGUE, LONG_WAIT, SWIFT, Asked, Fact, Helped, WellPut, about
from mentorq.community.facts import READERS
from mentorq.community.models import LONGEST_KEY
from mentorq.web import assets

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(number: int) -> datetime:
    """The time of the nth fact."""
    return START + timedelta(minutes=number)


def helped(number: int, rating: int = 5, **fields: Any) -> Helped:
    """The nth review."""
    student_id = fields.pop("student_id", 100 + number)
    return Helped(at(number), number, student_id=student_id, rating=rating, **fields)


def asked(number: int, **fields: Any) -> Asked:
    """The nth question."""
    return Asked(at(number), number, **fields)


def ticket_of(key: str, facts: list[Any]) -> int | None:
    """The ticket by which an achievement is earned."""
    found = BY_KEY[key].rule(facts)
    return found.ticket_id if found else None


def test_the_catalogue_is_whole() -> None:
    assert 20 <= len(CATALOGUE) <= 30
    assert len(BY_KEY) == len(CATALOGUE)
    assert {achievement.role for achievement in CATALOGUE} == {"student", "mentor", None}
    for achievement in CATALOGUE:
        assert len(achievement.key) <= LONGEST_KEY
        assert achievement.description.endswith(".")
        assert achievement.about in READERS
        assert achievement.rule([]) is None
        assert achievement.key in about(achievement.about)
    assert len({achievement.name for achievement in CATALOGUE}) == len(CATALOGUE)
    assert len({achievement.description for achievement in CATALOGUE}) == len(CATALOGUE)


def test_every_achievement_has_an_icon() -> None:
    sprite = (assets.HOME / "app" / "sprite.svg").read_text()
    assert [each.icon for each in CATALOGUE if f'id="{each.icon}"' not in sprite] == []


def test_help_counts_only_if_it_was_good() -> None:
    assert ticket_of("first_light", [helped(1, 3), helped(2, 4), helped(3, 5)]) == 2
    poor = [helped(n, 3, answered_in=timedelta(0), was_first_question=True, was_reopened=True, was_taken_over=True,
                   waited=LONG_WAIT, tags=(f"tag{n}",)) for n in range(30)]  # fmt: skip
    for key in about(BY_KEY["first_light"].about):
        assert ticket_of(key, poor) is None, key


def test_trust_needs_many_students_and_good_reviews() -> None:
    ten = [helped(n) for n in range(1, 11)]
    assert ticket_of("trusted_10", ten[:9]) is None
    assert ticket_of("trusted_10", ten) == 10
    assert ticket_of("trusted_10", [helped(n, student_id=7) for n in range(1, 40)]) is None, "one friend is one"
    one_bad = [helped(0, 1), *ten]
    assert ticket_of("trusted_10", one_bad) == 9  # (1 + 45) / 10 is over 4.5
    assert ticket_of("trusted_10", [helped(0, 1), helped(-1, 1), *ten]) is None
    assert ticket_of("trusted_10", [helped(-n, 1) for n in range(2)] + [helped(n) for n in range(1, 20)]) == 14
    assert ticket_of("trusted_50", [helped(n) for n in range(1, 60)]) == 50


def test_ten_in_a_row_are_in_a_row() -> None:
    nine = [helped(n) for n in range(1, 10)]
    assert ticket_of("ten_in_a_row", [*nine, helped(10, 4), *(helped(n) for n in range(11, 20))]) is None
    assert ticket_of("ten_in_a_row", [*nine, helped(10, 4), *(helped(n) for n in range(11, 30))]) == 20


@pytest.mark.parametrize(
    ("key", "times", "fields", "not_quite"),
    [
        ("swift", 5, {"answered_in": SWIFT}, {"answered_in": SWIFT + timedelta(seconds=1)}),
        ("first_steps", 1, {"was_first_question": True}, {}),
        ("guide", 10, {"was_first_question": True}, {}),
        ("second_wind", 1, {"was_reopened": True}, {}),
        ("safe_hands", 1, {"was_taken_over": True}, {}),
        ("long_wait", 5, {"waited": LONG_WAIT}, {"waited": LONG_WAIT - timedelta(seconds=1)}),
    ],
)
def test_what_was_special_counts(key: str, times: int, fields: dict[str, Any], not_quite: dict[str, Any]) -> None:
    facts = [helped(n, 4, **(not_quite if n % 2 else fields)) for n in range(2, 60)]
    assert ticket_of(key, facts) == 2 * times
    assert ticket_of(key, [helped(n, **not_quite) for n in range(60)]) is None


def test_width_and_steadiness() -> None:
    tags = [helped(n, tags=(f"tag{n % 12}", "python")) for n in range(30)]
    assert ticket_of("range", tags) == 8
    assert ticket_of("range", [helped(n, tags=("python",)) for n in range(30)]) is None
    weeks = [Helped(START + timedelta(days=5 * n), n, student_id=n, rating=4) for n in range(30)]
    assert ticket_of("steady", weeks) == 10  # 50 days after a Monday is in the eighth week
    assert ticket_of("steady", [helped(n) for n in range(500)]) is None


def test_readers_count_on_one_ticket() -> None:
    reads = [Fact(at(n), n % 2) for n in range(30)]
    assert BY_KEY["explained_10"].rule(reads) == reads[18]
    assert BY_KEY["explained_50"].rule(reads) is None
    assert BY_KEY["evergreen"].rule(reads) == reads[8]
    assert BY_KEY["useful_question"].rule([Fact(at(n), n) for n in range(30)]) is None


def test_questions_that_came_to_an_end() -> None:
    first = asked(1, closed_at=at(50))
    second = asked(2, closed_at=at(40), is_closed_by_owner=True)
    third = asked(3, closed_at=at(60), is_closed_by_owner=True, was_reopened=True)
    questions = [first, second, third, asked(4)]
    assert BY_KEY["first_question"].rule(questions) == first
    assert BY_KEY["closed_loop"].rule(questions) == Fact(at(40), 2)
    assert BY_KEY["came_back"].rule(questions) == Fact(at(60), 3)
    assert ticket_of("came_back", [asked(1, was_reopened=True)]) is None
    wide = [asked(n, tags=(f"tag{n}",), closed_at=at(100 - n)) for n in range(12)]
    assert BY_KEY["curious"].rule(wide) == Fact(at(98), 2)
    assert ticket_of("curious", [asked(n, tags=(f"tag{n}",)) for n in range(12)]) is None


def test_giving_back_leaves_nothing_out() -> None:
    four = [asked(n, closed_at=at(n), reviewed_at=at(100 + n)) for n in range(4)]
    late = asked(4, closed_at=at(4), reviewed_at=at(200))
    assert ticket_of("gave_back", four) is None
    assert BY_KEY["gave_back"].rule([*four, late, asked(5)]) == Fact(at(200), 4)
    missing = asked(6, closed_at=at(150))
    assert ticket_of("gave_back", [*four, late, missing]) is None
    assert BY_KEY["gave_back"].rule([*four, late, asked(6, closed_at=at(150), reviewed_at=at(210))]) == Fact(at(210), 6)
    assert BY_KEY["gave_back"].rule([*four, late, asked(7, closed_at=at(300))]) == Fact(at(200), 4), "it was so then"


@pytest.mark.parametrize(
    ("description", "is_well_put"),
    [
        ("I do this:\n```python\nx.sort()\n```\nand get `TypeError: 'NoneType'`", True),
        ("```\npanic: runtime\n```", True),
        ("```\nx = 1\n```\nPlease help", False),
        ("I get a TypeError", False),
    ],
)
def test_a_good_question_shows_code_and_what_went_wrong(description: str, is_well_put: bool) -> None:
    assert (ticket_of("well_asked", [WellPut(START, 1, description=description)]) == 1) is is_well_put
