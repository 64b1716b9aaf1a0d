"""What can be achieved: each achievement is data, and a rule that finds the moment at which somebody had earned it.

Rules are pure: they get the facts of one person in the order of time, and return the fact that completed it, or None.
So whoever has earned something today, and whoever did so long before the achievement was thought of, gets it by the
same rule and with the same moment. None of them counts mere volume: what counts is what was good for somebody else.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

GOOD = 4
"""From how many stars on somebody was helped well."""

SWIFT = timedelta(minutes=5)
LONG_WAIT = timedelta(days=1)


class About(StrEnum):
    """Which facts a rule is about; `facts.py` reads them."""

    HELPED = "helped"
    READERS = "readers"
    CONFIRMED = "confirmed"
    SPARED = "spared"
    ASKED = "asked"
    WELL_PUT = "well put"
    OWN_READERS = "own readers"
    FOUND = "found"
    CHECKED = "checked"
    MET = "met"
    THANKED = "thanked"
    GAVE_THANKS = "gave thanks"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened at a time, mostly to a ticket."""

    at: datetime
    ticket_id: int | None


@dataclass(frozen=True, slots=True)
class Helped(Fact):
    """A student reviewed a ticket that one had solved."""

    student_id: int
    rating: int
    tags: tuple[str, ...] = ()
    waited: timedelta = timedelta(0)
    answered_in: timedelta | None = None
    was_first_question: bool = False
    was_reopened: bool = False
    was_taken_over: bool = False

    @property
    def was_good(self) -> bool:
        """Whether the student says so."""
        return self.rating >= GOOD


@dataclass(frozen=True, slots=True)
class Asked(Fact):
    """A question of one's own."""

    closed_at: datetime | None = None
    is_closed_by_owner: bool = False
    was_reopened: bool = False
    reviewed_at: datetime | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WellPut(Fact):
    """A question of one's own that was solved in one go, with what it said."""

    description: str


Rule = Callable[[Sequence[Any]], Fact | None]
Condition = Callable[[Any], bool]


def always(_: Any) -> bool:
    """Every fact counts."""
    return True


def nth(n: int, where: Condition = always) -> Rule:
    """The nth fact of a kind."""

    def rule(facts: Sequence[Fact]) -> Fact | None:
        counting = [fact for fact in facts if where(fact)]
        return counting[n - 1] if len(counting) >= n else None

    return rule


def nth_of_one_ticket(n: int) -> Rule:
    """The nth fact about the same ticket."""

    def rule(facts: Sequence[Fact]) -> Fact | None:
        times: defaultdict[int | None, int] = defaultdict(int)
        for fact in facts:
            times[fact.ticket_id] += 1
            if times[fact.ticket_id] == n:
                return fact
        return None

    return rule


def different(n: int, of: Callable[[Any], Sequence[Hashable]], where: Condition = always) -> Rule:
    """The fact that brings the nth different thing."""

    def rule(facts: Sequence[Fact]) -> Fact | None:
        seen: set[Hashable] = set()
        for fact in facts:
            if where(fact):
                seen.update(of(fact))
                if len(seen) >= n:
                    return fact
        return None

    return rule


def trusted(students: int, average: float) -> Rule:
    """Reviews of so many different students, which are so good on the average of all."""

    def rule(facts: Sequence[Helped]) -> Helped | None:
        who: set[int] = set()
        stars = 0
        for number, fact in enumerate(facts, 1):
            who.add(fact.student_id)
            stars += fact.rating
            if len(who) >= students and stars >= average * number:
                return fact
        return None

    return rule


def in_a_row(n: int, where: Condition) -> Rule:
    """So many facts of a kind, and none of another kind between them."""

    def rule(facts: Sequence[Fact]) -> Fact | None:
        length = 0
        for fact in facts:
            length = length + 1 if where(fact) else 0
            if length == n:
                return fact
        return None

    return rule


def closed(rule: Rule, where: Condition = always) -> Rule:
    """The same of one's questions as they were closed, in that order."""

    def of_closed(facts: Sequence[Asked]) -> Fact | None:
        done = [fact for fact in facts if fact.closed_at is not None and where(fact)]
        found = rule(sorted(done, key=lambda fact: (fact.closed_at, fact.ticket_id)))
        return Fact(found.closed_at, found.ticket_id) if isinstance(found, Asked) and found.closed_at else None

    return of_closed


def reviewed_all(n: int) -> Rule:
    """A review after which none of n closed questions or more is without one."""

    def rule(facts: Sequence[Asked]) -> Fact | None:
        reviewed = sorted(
            (fact.reviewed_at, fact.ticket_id, fact) for fact in facts if fact.reviewed_at and fact.closed_at
        )
        for number, (at, ticket_id, _) in enumerate(reviewed, 1):
            if number >= n and sum(1 for fact in facts if fact.closed_at and fact.closed_at <= at) == number:
                return Fact(at, ticket_id)
        return None

    return rule


def _was_good(fact: Helped) -> bool:
    return fact.was_good


def _was_swift(fact: Helped) -> bool:
    return fact.was_good and fact.answered_in is not None and fact.answered_in <= SWIFT


def _was_first_question(fact: Helped) -> bool:
    return fact.was_good and fact.was_first_question


def _was_second_attempt(fact: Helped) -> bool:
    return fact.was_good and fact.was_reopened


def _was_taken_over(fact: Helped) -> bool:
    return fact.was_good and fact.was_taken_over


def _waited_long(fact: Helped) -> bool:
    return fact.was_good and fact.waited >= LONG_WAIT


def _is_perfect(fact: Helped) -> bool:
    return fact.rating > GOOD


def _tags(fact: Helped | Asked) -> tuple[str, ...]:
    return fact.tags


def _week(fact: Fact) -> tuple[tuple[int, int]]:
    year, week, _ = fact.at.isocalendar()
    return ((year, week),)


def _by_owner(fact: Asked) -> bool:
    return fact.is_closed_by_owner


def _came_back(fact: Asked) -> bool:
    return fact.is_closed_by_owner and fact.was_reopened


SAYS_WHAT_WENT_WRONG = ("error", "exception", "traceback", "panic", "warning", "undefined", "expected", "failed")


def is_well_put(fact: WellPut) -> bool:
    """Whether a question shows the code, and says what went wrong or what was expected."""
    text = fact.description.casefold()
    return text.count("```") > 1 and any(word in text for word in SAYS_WHAT_WENT_WRONG)


Role = Literal["student", "mentor"]
Tier = Literal["bronze", "silver", "gold"]


@dataclass(frozen=True)
class Achievement:
    """One that can be earned; `role` says by whom, None: by both. The texts are English, and translated when shown."""

    key: str
    name: str
    description: str
    icon: str
    role: Role | None
    about: About
    rule: Rule
    tier: Tier | None = None


MENTORS = (
    Achievement(
        "first_light", "First light", "The first student whom you helped well: four stars or five.",
        "sunrise", "mentor", About.HELPED, nth(1, _was_good),
    ),
    Achievement(
        "trusted_10", "Trusted", "Ten different students gave you 4.5 stars or more on average.",
        "badge-check", "mentor", About.HELPED, trusted(10, 4.5), "bronze",
    ),
    Achievement(
        "trusted_50", "Trusted by many", "Fifty different students gave you 4.5 stars or more on average.",
        "badge-check", "mentor", About.HELPED, trusted(50, 4.5), "silver",
    ),
    Achievement(
        "ten_in_a_row", "Ten in a row", "Ten reviews one after the other, each with five stars.",
        "sparkles", "mentor", About.HELPED, in_a_row(10, _is_perfect),
    ),
    Achievement(
        "swift", "Swift and kind", "Five times your first word came within five minutes, and the help was good.",
        "zap", "mentor", About.HELPED, nth(5, _was_swift),
    ),
    Achievement(
        "first_steps", "First steps together", "You helped a newcomer well with the very first question.",
        "footprints", "mentor", About.HELPED, nth(1, _was_first_question), "bronze",
    ),
    Achievement(
        "guide", "Guide", "Ten newcomers had their first question answered well by you.",
        "compass", "mentor", About.HELPED, nth(10, _was_first_question), "gold",
    ),
    Achievement(
        "second_wind", "Second wind", "A ticket was opened again, and you brought it to a good end.",
        "refresh-cw", "mentor", About.HELPED, nth(1, _was_second_attempt),
    ),
    Achievement(
        "safe_hands", "Safe hands", "You took over a ticket that another mentor had given back, and solved it well.",
        "hand-helping", "mentor", About.HELPED, nth(1, _was_taken_over),
    ),
    Achievement(
        "long_wait", "Nobody left behind", "Five times you helped well where a question had waited for a day or more.",
        "hourglass", "mentor", About.HELPED, nth(5, _waited_long),
    ),
    Achievement(
        "range", "Wide range", "You helped well with questions under ten different tags.",
        "layers", "mentor", About.HELPED, different(10, _tags, _was_good),
    ),
    Achievement(
        "steady", "Steady light", "You helped well in eight different weeks: no hurry, no streak to keep.",
        "calendar-check", "mentor", About.HELPED, different(8, _week, _was_good),
    ),
    Achievement(
        "explained_10", "Well explained", "Ten readers found the same solution of yours good.",
        "lightbulb", "mentor", About.READERS, nth_of_one_ticket(10), "bronze",
    ),
    Achievement(
        "explained_50", "A classic", "Fifty readers found the same solution of yours good.",
        "book-open", "mentor", About.READERS, nth_of_one_ticket(50), "gold",
    ),
    Achievement(
        "evergreen", "Evergreen", "Five readers said of the same solution of yours that it still works.",
        "leaf", "mentor", About.CONFIRMED, nth_of_one_ticket(5),
    ),
    Achievement(
        "spared", "Answered before it was asked", "One solution of yours spared five people their question.",
        "shield-check", "mentor", About.SPARED, nth_of_one_ticket(5),
    ),
    Achievement(
        "appreciated", "In their own words", "A student lets you show a review on your profile, and you do.",
        "quote", "mentor", About.THANKED, nth(1),
    ),
)  # fmt: skip

STUDENTS = (
    Achievement(
        "first_question", "First question", "You asked your first question. That is often the hardest one.",
        "message-circle-question-mark", "student", About.ASKED, nth(1),
    ),
    Achievement(
        "well_asked", "Well asked", "Your question had the code and what went wrong in it, and was solved in one go.",
        "crosshair", "student", About.WELL_PUT, nth(1, is_well_put),
    ),
    Achievement(
        "closed_loop", "Said so", "You closed a solved ticket yourself, so that everybody knows that it helped.",
        "circle-check", "student", About.ASKED, closed(nth(1), _by_owner),
    ),
    Achievement(
        "came_back", "Did not give up", "A solution did not help, you said why, and in the end it was solved.",
        "mountain", "student", About.ASKED, closed(nth(1), _came_back),
    ),
    Achievement(
        "gave_back", "Gave back", "You reviewed all of your closed tickets, five or more.",
        "heart-handshake", "student", About.ASKED, reviewed_all(5),
    ),
    Achievement(
        "curious", "Curious", "You had questions solved under ten different tags.",
        "telescope", "student", About.ASKED, closed(different(10, _tags)),
    ),
    Achievement(
        "found_it", "Found it", "You were about to ask, and found the answer in the knowledge base.",
        "book-search", "student", About.FOUND, nth(1),
    ),
    Achievement(
        "kept_honest", "Kept it honest", "You said of three solutions whether they still work for you.",
        "list-checks", "student", About.CHECKED, nth(3),
    ),
    Achievement(
        "useful_question", "A question for many", "Five others found the answer to one of your questions good.",
        "users", "student", About.OWN_READERS, nth_of_one_ticket(5),
    ),
    Achievement(
        "good_words", "Good words", "A review of yours stands on a mentor's profile.",
        "quote", "student", About.GAVE_THANKS, nth(1),
    ),
)  # fmt: skip

BOTH = (
    Achievement(
        "face_to_face", "Face to face", "You held a live session, and both of you were there.",
        "video", None, About.MET, nth(1),
    ),
)  # fmt: skip

CATALOGUE = (*MENTORS, *STUDENTS, *BOTH)
BY_KEY = {achievement.key: achievement for achievement in CATALOGUE}


def about(*kinds: About) -> tuple[str, ...]:
    """The keys of those whose rules are about some kinds of facts."""
    return tuple(achievement.key for achievement in CATALOGUE if achievement.about in kinds)


def named(key: str) -> dict[str, str] | None:
    """What an achievement is called; None where it is in the catalogue no longer."""
    achievement = BY_KEY.get(key)
    return {"key": key, "name": achievement.name} if achievement else None
