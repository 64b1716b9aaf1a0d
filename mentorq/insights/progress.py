"""What a student has learned, by tag and by week: worked out of the student's own questions, nothing else is kept.

A week counts when something was learned in it: a question of one's own was solved, or the answer was found without
asking. The week that goes on breaks no streak.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from mentorq.insights.spans import week_of

WEEKS_SHOWN = 12
WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of one's own."""

    at: datetime
    solved_at: datetime | None
    tags: Sequence[str]


@dataclass(frozen=True)
class Path:
    """All that somebody asked, and when answers were found without asking; both oldest first."""

    asked: Sequence[Asked]
    found: Sequence[datetime]
    zone: ZoneInfo

    @property
    def solved(self) -> list[tuple[datetime, Asked]]:
        """What was solved, and when, in that order."""
        return sorted(((one.solved_at, one) for one in self.asked if one.solved_at), key=lambda pair: pair[0])

    @property
    def learned_at(self) -> list[datetime]:
        """When something was learned."""
        return sorted([*(at for at, _ in self.solved), *self.found])


@dataclass(frozen=True)
class Milestone:
    """Something that one gets to once: the moments that count towards it, of which `goal` are needed."""

    key: str
    title: str
    goal: int
    moments: Callable[[Path], Sequence[datetime]]


def _new_tags(path: Path) -> list[datetime]:
    """When something with a tag was solved for the first time."""
    first: dict[str, datetime] = {}
    for at, one in path.solved:
        for tag in one.tags:
            first.setdefault(tag, at)
    return sorted(first.values())


def _longest_row(path: Path) -> list[datetime]:
    """When each week of the longest streak began to count."""
    first: dict[date, datetime] = {}
    for at in path.learned_at:
        first.setdefault(week_of(at, path.zone), at)
    return [first[week] for week in max(_rows(first), key=len, default=[])]


MILESTONES = (
    Milestone("first_question", "First question", 1, lambda path: [one.at for one in path.asked]),
    Milestone("first_solved", "First question solved", 1, lambda path: [at for at, _ in path.solved]),
    Milestone("found_yourself", "Found an answer without asking", 1, lambda path: path.found),
    Milestone("three_tags", "Solved something in three fields", 3, _new_tags),
    Milestone("four_weeks", "Learned something four weeks in a row", 4, _longest_row),
    Milestone("ten_solved", "Ten questions solved", 10, lambda path: [at for at, _ in path.solved]),
    Milestone("ten_tags", "Solved something in ten fields", 10, _new_tags),
    Milestone("twelve_weeks", "Learned something twelve weeks in a row", 12, _longest_row),
)


def milestones(path: Path) -> list[dict[str, Any]]:
    """How far one is towards each, and when it was reached."""
    found = []
    for one in MILESTONES:
        moments = one.moments(path)
        reached = moments[one.goal - 1] if len(moments) >= one.goal else None
        found.append(
            {"key": one.key, "title": one.title, "goal": one.goal, "done": min(len(moments), one.goal),
             "reached_at": reached}
        )  # fmt: skip
    return found


def streak(path: Path, moment: datetime) -> dict[str, Any]:
    """How many weeks in a row something was learned, up to now and at most."""
    weeks = {week_of(at, path.zone) for at in path.learned_at}
    this_week = week_of(moment, path.zone)
    week = this_week if this_week in weeks else this_week - WEEK
    current = 0
    while week in weeks:
        current, week = current + 1, week - WEEK
    longest = max(map(len, _rows(weeks)), default=0)
    return {"weeks": current, "longest": longest, "this_week": this_week in weeks}


def _rows(weeks: Iterable[date]) -> list[list[date]]:
    """Weeks that follow on each other, together."""
    rows: list[list[date]] = []
    for week in sorted(weeks):
        if rows and week - rows[-1][-1] == WEEK:
            rows[-1].append(week)
        else:
            rows.append([week])
    return rows


def by_tag(path: Path) -> list[dict[str, Any]]:
    """Each tag that was asked about, most first."""
    of_tag: defaultdict[str, list[Asked]] = defaultdict(list)
    for one in path.asked:
        for tag in one.tags:
            of_tag[tag].append(one)
    ordered = sorted(of_tag.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return [{"tag": tag} | _summed(asked, [one for one in asked if one.solved_at]) for tag, asked in ordered]


def by_week(path: Path, moment: datetime) -> list[dict[str, Any]]:
    """The last weeks, oldest first: what was asked in each, and what was solved in it, whenever it was asked."""
    this_week = week_of(moment, path.zone)
    asked: defaultdict[date, list[Asked]] = defaultdict(list)
    solved: defaultdict[date, list[Asked]] = defaultdict(list)
    for one in path.asked:
        asked[week_of(one.at, path.zone)].append(one)
        if one.solved_at:
            solved[week_of(one.solved_at, path.zone)].append(one)
    found = Counter(week_of(at, path.zone) for at in path.found)
    weeks = [this_week - ago * WEEK for ago in range(WEEKS_SHOWN - 1, -1, -1)]
    return [{"week": week, "found": found[week]} | _summed(asked[week], solved[week]) for week in weeks]


def _summed(asked: Sequence[Asked], solved: Sequence[Asked]) -> dict[str, Any]:
    return {"asked": len(asked), "solved": len(solved), "median_seconds": median_seconds(solved)}


def median_seconds(solved: Iterable[Asked]) -> float | None:
    """How long half of these waited for their solution at most."""
    waits = [(one.solved_at - one.at).total_seconds() for one in solved if one.solved_at]
    return round(median(waits), 1) if waits else None
