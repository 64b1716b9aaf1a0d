"""What mentors and students see of what they have done, and who helped most."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mentorq.accounts.schemas import Viewer, public_user
from mentorq.core.clock import now
from mentorq.core.database import Read, Row
from mentorq.core.pagination import Keyset
from mentorq.insights import leaderboard as formula
from mentorq.insights import progress, queries
from mentorq.insights.facts import Kind
from mentorq.insights.leaderboard import Period
from mentorq.insights.spans import EVER, Span, span_of
from mentorq.knowledge.schemas import url as article_url
from mentorq.reviews.service import REMINDED_WITHIN
from mentorq.sessions.schemas import as_session
from mentorq.tickets import service as tickets
from mentorq.tickets.states import Status

SESSIONS_SHOWN = 5
LEARNED_SHOWN = 20
WEEKS_OF_RUN = 8
NEEDS = ("solution", "message", "review")
STATES = (Status.OPEN, Status.ASSIGNED, Status.RESOLVED, Status.CLOSED)

# --- a mentor's statistics


async def statistics(db: Read, mentor: Viewer, period: Period) -> dict[str, Any]:
    """A mentor's numbers in a period, in the mentor's own days, beside those of the period before."""
    span = span_of(period, mentor.time_zone, now())
    rows = await queries.numbers(db, mentor.id, span.begin, span.earlier or (EVER, EVER))
    tags = await (queries.by_tag(db, mentor.id) if period == "all" else queries.by_tag_since(db, mentor.id, span.begin))
    solved = span.per_day(await queries.solved_since(db, mentor.id, span.starts[0]))
    return {
        "period": period,
        "since": None if period == "all" else span.begin,
        "time_zone": mentor.time_zone,
        "tickets_active": rows[0]["tickets_active"] if rows else 0,
        **_figures(rows, 0),
        "by_tag": _by_tag(tags),
        "by_day": [
            {"date": day, "tickets_resolved": count} for day, count in zip(span.days, solved, strict=True)
        ],
        "previous": _figures(rows, 1) | _limits(span) if span.earlier else None,
    }  # fmt: skip


def _limits(span: Span) -> dict[str, datetime]:
    assert span.earlier is not None
    return dict(zip(("since", "until"), span.earlier, strict=True))


def _figures(rows: Sequence[Row], span: int) -> dict[str, Any]:
    of_kind = {row["kind"]: row for row in rows if row["span"] == span}
    rated = of_kind.get(Kind.RATED)
    figures: dict[str, Any] = {
        "tickets_resolved": of_kind[Kind.SOLVED]["times"] if Kind.SOLVED in of_kind else 0,
        "rating_count": rated["times"] if rated else 0,
        "rating_average": round(int(rated["total"]) / rated["times"], 2) if rated else None,
        "rating_distribution": {str(n): int(rated[f"rated_{n}"]) if rated else 0 for n in range(5, 0, -1)},
    }
    for kind, name in ((Kind.RESPONDED, "response"), (Kind.SOLVED, "resolution")):
        row = of_kind.get(kind)
        figures[f"average_{name}_seconds"] = round(int(row["total"]) / row["times"], 2) if row else None
        figures[f"median_{name}_seconds"] = (row["lower"] + row["upper"]) / 2 if row else None
    return figures


def _by_tag(rows: Iterable[Row]) -> list[dict[str, Any]]:
    tags = []
    for row in sorted(rows, key=lambda row: (-int(row["solved"]), row["name"])):
        solved, rated = int(row["solved"]), int(row["rating_count"])
        tags.append(
            {
                "tag": row["name"],
                "tickets_resolved": solved,
                "average_resolution_seconds": round(int(row["seconds"]) / solved, 2) if solved else None,
                "rating_average": round(int(row["rating_sum"]) / rated, 2) if rated else None,
                "rating_count": rated,
            }
        )
    return tags


COLUMNS = ("ticket_id", "title", "tags", "solved_at", "response_seconds", "resolution_seconds", "rating")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the beginning of a formula: https://owasp.org/www-community/attacks/CSV_Injection"""


async def statistics_as_csv(db: Read, mentor: Viewer, period: Period) -> str:
    """Each ticket that a mentor solved in a period, newest first (RFC 4180)."""
    begin = span_of(period, mentor.time_zone, now()).begin
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for row in await queries.solutions(db, mentor.id, begin):
        writer.writerow(
            [
                row["id"],
                _plain(row["title"]),
                _plain(" ".join(row["tags"])),
                row["at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
                row["response_seconds"],
                row["resolution_seconds"],
                row["rating"],
            ]
        )
    return table.getvalue()


def _plain(text: str) -> str:
    """A text that no spreadsheet calculates."""
    return f"'{text}" if text.startswith(FORMULA) else text


# --- leaderboards


async def leaderboard(
    db: Read, period: Period, tag: str | None, keyset: Keyset, ago: int = 0
) -> tuple[list[dict[str, Any]], str | None]:
    """Mentors by what they did in the week or month that is, or was so many `ago`, or ever; best first."""
    rows = await queries.best(db, key_of(period, ago), tag, keyset)
    after = keyset.after
    ranks = formula.ranks([row["score"] for row in rows], (after[0], after[2], after[3]) if after else None)
    listed = after[3] if after else 0
    placed = [
        row | {"rank": rank, "listed": place}
        for place, (row, rank) in enumerate(zip(rows, ranks, strict=True), listed + 1)
    ]
    shown, next_cursor = keyset.cut(placed, lambda row: (row["score"], row["id"], row["rank"], row["listed"]))
    return [_as_standing(row) for row in shown], next_cursor


async def own_place(db: Read, viewer: Viewer, period: Period, tag: str | None, ago: int = 0) -> dict[str, Any] | None:
    """The viewer's own place, wherever the list ends; None for who has none."""
    row = await queries.own_place(db, key_of(period, ago), tag, viewer.id) if viewer.is_mentor else None
    return None if row is None else _as_standing(row)


def key_of(period: Period, ago: int = 0) -> str:
    """Under what the period is kept that is now, or was so many ago."""
    return formula.period_key(period, formula.earlier(period, now().date(), ago))


def _as_standing(row: Row) -> dict[str, Any]:
    return {
        "rank": row["rank"],
        "mentor": public_user(row),
        "score": row["score"] / 10,
        "tickets_resolved": row["solved"],
        "students_helped": row["students"],
        "rating_average": round(row["rating_sum"] / row["rating_count"], 2) if row["rating_count"] else None,
        "rating_count": row["rating_count"],
        "median_response_seconds": row["median_response_seconds"],
    }


async def runs(db: Read, mentor_ids: Sequence[int], tag: str | None) -> dict[int, list[int]]:
    """How many tickets each of these mentors solved in each of the last weeks, oldest first."""
    weeks = [key_of("week", ago) for ago in range(WEEKS_OF_RUN - 1, -1, -1)]
    found: dict[int, dict[str, int]] = {mentor_id: {} for mentor_id in mentor_ids}
    for row in await queries.solved_in(db, mentor_ids, weeks, tag) if mentor_ids else []:
        found[row["mentor_id"]][row["period"]] = row["solved"]
    return {mentor_id: [solved.get(week, 0) for week in weeks] for mentor_id, solved in found.items()}


# --- what a student sees


async def dashboard(db: Read, student: Viewer) -> dict[str, Any]:
    """What waits for a student, what happened lately, and what is to come."""
    moment = now()
    counts = await tickets.asked_by_state(db, student)
    rows = await queries.waiting_and_happened(db, student.id, moment - REMINDED_WITHIN)
    sessions = await queries.upcoming(db, student.id, moment, SESSIONS_SHOWN)
    newest_first = sorted(rows, key=lambda row: row["at"], reverse=True)
    waiting = [row for kind in NEEDS for row in newest_first if row["what"] == kind]
    happened = [row for row in newest_first if row["what"] not in NEEDS]
    return {
        "counts": {state: counts.get(state, 0) for state in STATES},
        "needs": [{"kind": row["what"]} | _about(row) for row in waiting],
        "activity": [{"action": row["what"]} | _about(row) for row in happened[: queries.HAPPENED]],
        "sessions": [as_session(row) for row in sessions],
    }


def _about(row: Row) -> dict[str, Any]:
    return {
        "at": row["at"],
        "ticket": {"id": row["ticket_id"], "title": row["title"], "status": row["status"]},
        "person": public_user(row, "who_"),
        "text": row["text"] or None,
    }


async def learned(db: Read, student: Viewer) -> dict[str, Any]:
    """How far a student has come: see `progress`."""
    rows = await queries.asked(db, student.id)
    asked = [progress.Asked(row["created_at"], row["resolved_at"], row["tags"]) for row in rows]
    zone, moment = ZoneInfo(student.time_zone), now()
    path = progress.Path(asked, await queries.found(db, student.id), zone)
    articles = sorted((row for row in rows if row["article_id"]), key=lambda row: row["resolved_at"], reverse=True)
    return {
        "asked": len(asked),
        "solved": len(path.solved),
        "found": len(path.found),
        "median_seconds": progress.median_seconds(one for _, one in path.solved),
        "by_tag": progress.by_tag(path),
        "by_week": progress.by_week(path, moment),
        "streak": progress.streak(path, moment),
        "milestones": progress.milestones(path),
        "learned": [_as_learned(row) for row in articles[:LEARNED_SHOWN]],
    }


def _as_learned(row: Row) -> dict[str, Any]:
    return {
        "ticket_id": row["id"], "title": row["title"], "url": article_url(row["id"], row["title"]),
        "tags": row["tags"], "solved_at": row["resolved_at"], "upvotes": row["upvotes"], "deflected": row["deflected"],
    }  # fmt: skip
