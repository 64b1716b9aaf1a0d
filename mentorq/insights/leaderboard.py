"""How mentors are ranked: a formula that friends alone cannot move far. docs/leaderboard.md has an example.

    score    = helped · rating / 5
    helped   = Σ H(solved(s))                                   over the students s whom the mentor helped
    rating   = (5 · 4.3 + Σ weight(s) · mean(s)) / (5 + Σ weight(s))    over those who reviewed the mentor
    weight(s) = trust(s) · H(reviews(s))
    H(n)     = 1 + ½ + ⅓ + … + 1/n

So the second ticket for the same student counts half, the third a third: a hundred for a friend are worth five for
strangers. `trust(s)` is ¼ for a student who has only ever reviewed one mentor, ½ for one who reviewed two, then 1.
Whoever solved fewer than three tickets, or helped only one person, is not ranked.

The rating starts from the usual one and moves with what is said: the smoothing ("Bayesian average") that keeps one five
from beating ninety. That new names are free, so that praise counts by who gives it, is Douceur, "The Sybil Attack"
(IPTPS 2002); that repeated praise of the same two adds less is how eBay counted feedback, once a week for each pair.

All numbers are whole (thousandths, tenths of the score), so sums are the same in whatever order they were added up, and
equal scores are equal. Weeks begin on Monday, months on the first, both in UTC.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from mentorq.insights.facts import Kind
from mentorq.mentors.matching import RATINGS_OF_PRIOR, USUAL_RATING

WHOLE = 1_000
TRUST = (WHOLE // 4, WHOLE // 4, WHOLE // 2, WHOLE)
"""By how many mentors a student has reviewed; nobody who has not is asked."""

FEWEST_SOLVED = 3
FEWEST_STUDENTS = 2
ALL_TAGS = 0
"""Where a tag's id stands: whatever the tags."""
ALL_TIME = "all"

PRIOR = round(RATINGS_OF_PRIOR * WHOLE)
PRIOR_STARS = round(RATINGS_OF_PRIOR * USUAL_RATING * WHOLE)

Period = Literal["week", "month", "all"]
Place = tuple[str, int]
"""A period and a tag."""
SUMS = ("solved", "students", "seconds", "helped", "rating_count", "rating_sum", "trusted", "stars")
Sums = list[int]
"""What is added up for a mentor in one place, in the order of `SUMS`. Weights are thousandths."""
NOTHING: Sums = [0] * len(SUMS)

SCORE = f"(2 * helped * ({PRIOR_STARS} + stars) + 500 * ({PRIOR} + trusted)) / (1000 * ({PRIOR} + trusted))"  # rounded
"""`score` in SQL: the database itself keeps it beside the sums."""
QUALIFIES = f"solved >= {FEWEST_SOLVED} AND students >= {FEWEST_STUDENTS}"


@dataclass(frozen=True, slots=True)
class Deed:
    """A ticket that was solved, or rated, between one mentor and one student."""

    kind: str
    at: datetime
    value: int
    tag_ids: tuple[int, ...]


_harmonic = [0]


def repeated(n: int) -> int:
    """H(n) in thousandths: what n times with the same person are worth."""
    while len(_harmonic) <= n:
        _harmonic.append(_harmonic[-1] + WHOLE // len(_harmonic))
    return _harmonic[n]


def trust(mentors_reviewed: int) -> int:
    """What a review counts, in thousandths, by how many mentors its student has ever reviewed."""
    return TRUST[min(mentors_reviewed, len(TRUST) - 1)]


def score(sums: Sequence[int]) -> int:
    """The score in tenths, rounded; the same as `SCORE`."""
    of = dict(zip(SUMS, sums, strict=True))
    weight = PRIOR + of["trusted"]
    return (2 * of["helped"] * (PRIOR_STARS + of["stars"]) + 500 * weight) // (1000 * weight)


def of_pair(deeds: Iterable[Deed], mentors_reviewed: int) -> dict[Place, Sums]:
    """What one mentor and one student add to the mentor's sums in each period and tag."""
    times: Counter[tuple[str, str, int]] = Counter()
    totals: Counter[tuple[str, str, int]] = Counter()
    for deed in deeds:
        for period in periods_of(deed.at.date()):
            for tag_id in (ALL_TAGS, *deed.tag_ids):
                key = (deed.kind, period, tag_id)
                times[key] += 1
                totals[key] += deed.value
    trusted = trust(mentors_reviewed)
    found: dict[Place, Sums] = {}
    for (kind, period, tag_id), n in times.items():
        total = totals[kind, period, tag_id]
        sums = found.setdefault((period, tag_id), [*NOTHING])
        if kind == Kind.SOLVED:
            sums[:4] = n, 1, total, repeated(n)
        else:
            weight = trusted * repeated(n) // WHOLE
            sums[4:] = n, total, weight, weight * total // n
    return found


@lru_cache(maxsize=4096)
def periods_of(day: date) -> tuple[str, str, str]:
    """All time, the month and the week of a day (in UTC)."""
    week = day.isocalendar()
    return ALL_TIME, f"{day.year:04}-{day.month:02}", f"{week.year:04}-W{week.week:02}"


def period_key(period: Period, day: date) -> str:
    """Under what a period that has `day` in it is kept."""
    return periods_of(day)[("all", "month", "week").index(period)]


def first_day(period: Period, day: date) -> date | None:
    """When a period that has `day` in it began."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == "month" else None


def ranks(scores: Sequence[int], before: tuple[int, int, int] | None = None) -> list[int]:
    """The rank of each score, best first; equal ones share it, and the next has as many before it: 1, 2, 2, 4.

    `before` is the last one of the page before: its score, its rank, and how many were listed by then.
    """
    last, rank, listed = before or (None, 0, 0)
    found = []
    for place, one in enumerate(scores, listed + 1):
        if one != last:
            last, rank = one, place
        found.append(rank)
    return found


def earlier(period: Period, day: date, ago: int) -> date:
    """A day of the week or month that was so many before that of `day`."""
    if period == "week":
        return day - timedelta(weeks=ago)
    months = day.year * 12 + day.month - 1 - ago
    return date(months // 12, months % 12 + 1, 1) if period == "month" else day
