"""Statistics and standings worked out anew from the log of tickets, in the plainest way: what the kept ones must be."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from statistics import mean, median
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mentorq.core.database import Base, Database

TABLES = Base.metadata.tables
DAYS = {"week": 7, "month": 30, "all": 10**5}


@dataclass(frozen=True)
class Told:
    """Something that the log tells of a mentor and a student."""

    kind: str
    mentor: int
    student: int
    at: datetime
    value: int
    ticket: int


@dataclass(frozen=True)
class Log:
    """What it tells, and the tags of its tickets."""

    told: list[Told]
    tags: dict[int, set[str]]
    active: Counter[int]

    def of(self, mentor: int, kind: str) -> list[Told]:
        """What is told of one mentor."""
        return [one for one in self.told if one.mentor == mentor and one.kind == kind]


async def read_log(database: Database) -> Log:
    """Replay transitions, messages and reviews."""
    async with database.read() as db:
        rows = {name: await db.rows(sa.select(TABLES[name])) for name in (
            "tickets", "ticket_events", "ticket_messages", "reviews", "ticket_tags", "tags",
        )}  # fmt: skip
    names = {tag["id"]: tag["name"] for tag in rows["tags"]}
    tags: defaultdict[int, set[str]] = defaultdict(set)
    for link in rows["ticket_tags"]:
        tags[link["ticket_id"]].add(names[link["tag_id"]])
    told: list[Told] = []
    active: Counter[int] = Counter()
    for ticket in rows["tickets"]:
        lines = [row for name in ("ticket_events", "ticket_messages") for row in rows[name]
                 if row["ticket_id"] == ticket["id"]]  # fmt: skip
        lines.sort(key=lambda line: (line["created_at"], line["id"]))
        told += _replayed(ticket, lines)
        if ticket["status"] == "assigned":
            active[ticket["assigned_mentor_id"]] += 1
    told += [
        Told("rated", review["mentor_id"], review["student_id"], review["created_at"], review["rating"],
             review["ticket_id"])
        for review in rows["reviews"]
    ]  # fmt: skip
    return Log(told, tags, active)


def _replayed(ticket: dict[str, Any], lines: Sequence[dict[str, Any]]) -> list[Told]:
    told: list[Told] = []
    mentor, since, is_silent = 0, ticket["created_at"], False
    for line in lines:
        at, action, said = line["created_at"], line.get("action"), []
        if action == "accept":
            mentor, since, is_silent = line["actor_id"], at, True
        elif action in ("release", "expire"):
            mentor, is_silent = 0, False
        elif action == "resolve":
            said = ["responded", "solved"] if is_silent else ["solved"]
        elif action == "reopen":
            told = [one for one in told if one.kind != "solved"]
        elif action is None and line["author_id"] == mentor and is_silent:
            said = ["responded"]
        taken = round((at - since).total_seconds())
        told += [Told(kind, mentor, ticket["student_id"], at, taken, ticket["id"]) for kind in said]
        is_silent = is_silent and not said
    return told


def statistics(log: Log, mentor: int, period: str, time_zone: str, moment: datetime) -> dict[str, Any]:
    """What a mentor must be told, but for the span's limits."""
    zone, length = ZoneInfo(time_zone), DAYS[period]
    local_now = moment.astimezone(zone)

    def days_ago(one: Told) -> int:
        return (local_now.date() - one.at.astimezone(zone).date()).days

    def is_now(one: Told) -> bool:
        return days_ago(one) < length

    def was_then(one: Told) -> bool:
        return days_ago(one) < 2 * length and one.at.astimezone(zone).replace(tzinfo=None) < local_now.replace(
            tzinfo=None
        ) - timedelta(days=length)

    by_tag = []
    solved = [one for one in log.of(mentor, "solved") if is_now(one)]
    rated = [one for one in log.of(mentor, "rated") if is_now(one)]
    for tag in {tag for one in solved + rated for tag in log.tags[one.ticket]}:
        in_tag = [one.value for one in solved if tag in log.tags[one.ticket]]
        stars = [one.value for one in rated if tag in log.tags[one.ticket]]
        by_tag.append(
            {"tag": tag, "tickets_resolved": len(in_tag), "average_resolution_seconds": _average(in_tag),
             "rating_average": _average(stars), "rating_count": len(stars)}
        )  # fmt: skip
    per_day = Counter(one.at.astimezone(zone).date().isoformat() for one in log.of(mentor, "solved"))
    shown = min(length, 365)
    dates = [(local_now.date() - timedelta(days=ago)).isoformat() for ago in range(shown - 1, -1, -1)]
    return {
        "tickets_active": log.active[mentor],
        **_figures(log, mentor, is_now),
        "by_tag": sorted(by_tag, key=lambda row: (-row["tickets_resolved"], row["tag"])),
        "by_day": [{"date": date, "tickets_resolved": per_day[date]} for date in dates],
        "previous": None if period == "all" else _figures(log, mentor, was_then),
    }


def _figures(log: Log, mentor: int, counts: Any) -> dict[str, Any]:
    values = {
        kind: [one.value for one in log.of(mentor, kind) if counts(one)] for kind in ("responded", "solved", "rated")
    }
    return {
        "tickets_resolved": len(values["solved"]),
        "average_response_seconds": _average(values["responded"]),
        "median_response_seconds": median(values["responded"]) if values["responded"] else None,
        "average_resolution_seconds": _average(values["solved"]),
        "median_resolution_seconds": median(values["solved"]) if values["solved"] else None,
        "rating_average": _average(values["rated"]),
        "rating_count": len(values["rated"]),
        "rating_distribution": {str(n): values["rated"].count(n) for n in range(5, 0, -1)},
    }


def _average(values: Sequence[int]) -> float | None:
    return round(mean(values), 2) if values else None


def standings(log: Log, period: str, tag: str | None, moment: datetime) -> dict[int, dict[str, Any]]:
    """The mentors of a leaderboard with their numbers, by the formula as it is written down."""
    form = {"all": "", "month": "%Y-%m", "week": "%G-W%V"}[period]
    reviewed: defaultdict[int, set[int]] = defaultdict(set)
    for one in log.told:
        if one.kind == "rated":
            reviewed[one.student].add(one.mentor)
    between: defaultdict[tuple[int, int, str], list[int]] = defaultdict(list)
    for one in log.told:
        is_meant = one.at.strftime(form) == moment.strftime(form) and (tag is None or tag in log.tags[one.ticket])
        if is_meant and one.kind != "responded":
            between[one.mentor, one.student, one.kind].append(one.value)
    found: dict[int, dict[str, Any]] = {}
    for mentor in {mentor for mentor, _, _ in between}:
        pairs = {key[1:]: values for key, values in between.items() if key[0] == mentor}
        solved = [values for (_, kind), values in pairs.items() if kind == "solved"]
        rated = {student: values for (student, kind), values in pairs.items() if kind == "rated"}
        helped = sum(sum(1000 // k for k in range(1, len(values) + 1)) for values in solved)
        weights = {
            student: {1: 250, 2: 500}.get(len(reviewed[student]), 1000)
            * sum(1000 // k for k in range(1, len(values) + 1)) // 1000
            for student, values in rated.items()
        }  # fmt: skip
        stars = sum(weights[student] * sum(values) // len(values) for student, values in rated.items())
        rating = Fraction(21_500 + stars, 5_000 + sum(weights.values()))
        if sum(map(len, solved)) >= 3 and len(solved) >= 2:
            stated = [star for values in rated.values() for star in values]
            found[mentor] = {
                "score": int(Fraction(helped, 1000) * rating / 5 * 10 + Fraction(1, 2)) / 10,
                "tickets_resolved": sum(map(len, solved)),
                "students_helped": len(solved),
                "rating_average": _average(stated),
                "rating_count": len(stated),
            }
    return found
