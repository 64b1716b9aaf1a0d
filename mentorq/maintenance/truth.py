"""What counters and copies must be, worked out anew from the rows and events that they are made of.

`verify` compares with this, `rebuild` puts it in place: there is one account of what is right. Tickets and mentors
are looked at some thousand at a time.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from reprlib import repr as brief
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.models import Role, UserRow, UserTagRow
from mentorq.community.models import ActivityRow, AwardCountRow, AwardRow, FollowRow, LatestRow
from mentorq.core.database import Read, Row
from mentorq.mentors.models import MentorStatsRow, MentorTagRecordRow, SolvedTicketRow
from mentorq.mentors.records import rating_rank
from mentorq.reviews.models import ReviewRow
from mentorq.tags.models import TagRow
from mentorq.tickets.models import SolutionVersionRow, TicketEventRow, TicketMessageRow, TicketRow, TicketTagRow
from mentorq.tickets.states import PUBLISHED, Action, Status

TICKETS_AT_ONCE = 5_000
MENTORS_AT_ONCE = 500
HAIR = 1e-9
"""By how much sums of floating-point numbers may differ."""
MOMENT = timedelta(minutes=1)
"""Within which the time of an event and that on its ticket's row may lie apart: two looks at the clock."""

Found = dict[str, Any]
"""Columns of one row, by name."""


@dataclass(frozen=True)
class Difference:
    """A row that is not what it must be."""

    what: str
    key: tuple[int | str, ...]
    is_now: Found
    must_be: Found

    def __str__(self) -> str:
        key = " ".join(map(str, self.key))
        parts = [f"{name} is {brief(self.is_now.get(name))}, must be {brief(to)}" for name, to in self.must_be.items()]
        return f"{self.what} {key}: {'; '.join(parts)}"


@dataclass
class _Life:
    """Where a ticket stands, by its events."""

    status: str | None = None
    times: Found = field(default_factory=dict)
    mentor_id: int | None = None

    def add(self, event: Row) -> None:
        action, at = event["action"], event["created_at"]
        self.status = event["to_status"]
        if action == Action.ACCEPT:
            self.mentor_id, self.times["assigned_at"] = event["actor_id"], at
        elif action in (Action.RELEASE, Action.EXPIRE):
            self.mentor_id = self.times["assigned_at"] = None
        elif action == Action.RESOLVE:
            self.times["resolved_at"] = at
        elif action == Action.REOPEN:
            self.times["resolved_at"] = None
        elif action in (Action.CLOSE, Action.AUTO_CLOSE):
            self.times["closed_at"] = at


async def tickets(db: Read) -> AsyncIterator[list[Difference]]:
    """Tickets whose state, mentor, solution, messages or tags are not what events and rows say; a batch at a time."""
    t = TicketRow.__table__
    columns = (
        t.c.id, t.c.status, t.c.assigned_mentor_id, t.c.messages, t.c.tags, t.c.solution, t.c.assigned_at,
        t.c.resolved_at, t.c.closed_at, t.c.created_at,
    )  # fmt: skip
    last = 0
    while rows := await db.rows(sa.select(*columns).where(t.c.id > last).order_by(t.c.id).limit(TICKETS_AT_ONCE)):
        first, last = rows[0]["id"], rows[-1]["id"]
        yield await _of_batch(db, rows, first, last)


async def _of_batch(db: Read, rows: Sequence[Row], first: int, last: int) -> list[Difference]:
    lives = await _lives(db, first, last)
    messages = await _messages(db, first, last)
    solutions = await _solutions(db, first, last)
    tags = await _tags(db, first, last)
    differences: list[Difference] = []
    for row in rows:
        must_be = _state(row, lives.get(row["id"], _Life()), solutions.get(row["id"]))
        must_be["messages"] = messages[row["id"]]
        must_be["tags"] = _ordered(row["tags"], [tag["name"] for tag in tags.get(row["id"], [])])
        differences += compared("ticket", (row["id"],), row, must_be)
        in_queue = {"is_open": must_be["status"] == Status.OPEN, "created_at": row["created_at"]}
        for tag in tags.get(row["id"], []):
            differences += compared("tag on ticket", (row["id"], tag["tag_id"]), tag, in_queue)
    differences += await _solved(
        db, rows, first, last, {int(d.key[0]): d.must_be for d in differences if d.what == "ticket"}
    )
    return differences


def _state(row: Row, life: _Life, solution: str | None) -> Found:
    if life.status is None:  # a row without any event: nothing is known that would be righter
        return {name: row[name] for name in ("status", "assigned_mentor_id", "solution")}
    deleted = row["assigned_mentor_id"] if life.mentor_id is None and life.status != Status.OPEN else life.mentor_id
    return {"status": life.status, "assigned_mentor_id": deleted, "solution": solution, **life.times}


def _ordered(on_row: Sequence[str], real: Sequence[str]) -> list[str]:
    """The real tags, in the order in which the row has them."""
    kept = [name for name in dict.fromkeys(on_row) if name in real]
    return [*kept, *sorted(set(real) - set(kept))]


async def _lives(db: Read, first: int, last: int) -> dict[int, _Life]:
    e = TicketEventRow.__table__
    rows = await db.rows(
        sa.select(e.c.ticket_id, e.c.action, e.c.actor_id, e.c.to_status, e.c.created_at)
        .where(e.c.ticket_id.between(first, last))
        .order_by(e.c.ticket_id, e.c.id)
    )
    lives: defaultdict[int, _Life] = defaultdict(_Life)
    for event in rows:
        lives[event["ticket_id"]].add(event)
    return lives


async def _messages(db: Read, first: int, last: int) -> Counter[int]:
    m = TicketMessageRow.__table__
    counted = sa.select(m.c.ticket_id, sa.func.count().label("count")).where(m.c.ticket_id.between(first, last))
    return Counter({row["ticket_id"]: row["count"] for row in await db.rows(counted.group_by(m.c.ticket_id))})


async def _solutions(db: Read, first: int, last: int) -> dict[int, str]:
    v = SolutionVersionRow.__table__
    newest = sa.select(sa.func.max(v.c.id)).where(v.c.ticket_id.between(first, last)).group_by(v.c.ticket_id)
    rows = await db.rows(sa.select(v.c.ticket_id, v.c.body).where(v.c.id.in_(newest)))
    return {row["ticket_id"]: row["body"] for row in rows}


async def _tags(db: Read, first: int, last: int) -> dict[int, list[Row]]:
    tt = TicketTagRow.__table__
    rows = await db.rows(
        sa.select(tt.c.ticket_id, tt.c.tag_id, tt.c.is_open, tt.c.created_at, TagRow.name)
        .join(TagRow, TagRow.id == tt.c.tag_id)
        .where(tt.c.ticket_id.between(first, last))
    )
    tags: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        tags[row["ticket_id"]].append(row)
    return tags


async def _solved(db: Read, rows: Sequence[Row], first: int, last: int, wrong: dict[int, Found]) -> list[Difference]:
    """What matching has noted of solved tickets, beside which are solved, by whom and when."""
    s = SolvedTicketRow.__table__
    noted = {
        row["ticket_id"]: row
        for row in await db.rows(
            sa.select(s.c.ticket_id, s.c.mentor_id, s.c.solved_at).where(s.c.ticket_id.between(first, last))
        )
    }
    differences: list[Difference] = []
    for row in rows:
        ticket = row | wrong.get(row["id"], {})
        is_solved = ticket["status"] in PUBLISHED
        names = ("mentor_id", "solved_at")
        must_be = (ticket["assigned_mentor_id"], ticket["resolved_at"]) if is_solved else (None, None)
        is_now = noted.get(row["id"], dict.fromkeys(names))
        differences += compared("solved ticket", (row["id"],), is_now, dict(zip(names, must_be, strict=True)))
    return differences


async def tag_counts(db: Read) -> list[Difference]:
    """Tags whose counters are not the number of their tickets and of mentors who declare them."""
    tt, ut = TicketTagRow.__table__, UserTagRow.__table__
    tickets_of = await db.rows(sa.select(tt.c.tag_id, sa.func.count().label("count")).group_by(tt.c.tag_id))
    experts = sa.select(ut.c.tag_id, sa.func.count().label("count")).join(UserRow, UserRow.id == ut.c.user_id)
    mentors_of = await db.rows(experts.where(UserRow.role == Role.MENTOR).group_by(ut.c.tag_id))
    count = [Counter({row["tag_id"]: row["count"] for row in rows}) for rows in (tickets_of, mentors_of)]
    differences: list[Difference] = []
    for tag in await db.rows(sa.select(TagRow.id, TagRow.tickets, TagRow.mentors).order_by(TagRow.id)):
        must_be = {"tickets": count[0][tag["id"]], "mentors": count[1][tag["id"]]}
        differences += compared("tag", (tag["id"],), tag, must_be)
    return differences


async def reviews(db: Read) -> list[Difference]:
    """Reviews that are not of the people of their ticket."""
    r, t = ReviewRow.__table__, TicketRow.__table__
    wrong = await db.rows(
        sa.select(
            r.c.id, r.c.student_id, r.c.mentor_id,
            t.c.student_id.label("owner"), t.c.assigned_mentor_id.label("mentor"),
        )
        .join(t, t.c.id == r.c.ticket_id)
        .where(sa.or_(r.c.student_id != t.c.student_id, r.c.mentor_id.is_distinct_from(t.c.assigned_mentor_id)))
        .order_by(r.c.id)
    )  # fmt: skip
    return [
        difference
        for row in wrong
        for difference in compared(
            "review", (row["id"],), row, {"student_id": row["owner"], "mentor_id": row["mentor"]}
        )
    ]


async def latest_activities(db: Read) -> list[Difference]:
    """Mentors of whose activities another one is the newest."""
    a, noted = ActivityRow.__table__, LatestRow.__table__
    newest = sa.select(a.c.mentor_id, sa.func.max(a.c.id).label("newest")).where(a.c.hidden_at.is_(None))
    must_be = {row["mentor_id"]: row["newest"] for row in await db.rows(newest.group_by(a.c.mentor_id))}
    is_now = {row["mentor_id"]: row["activity_id"] for row in await db.rows(sa.select(noted))}
    return [
        difference
        for mentor_id in sorted({*must_be, *is_now})
        for difference in compared(
            "newest activity",
            (mentor_id,),
            {"activity_id": is_now.get(mentor_id, 0)},
            {"activity_id": must_be.get(mentor_id, 0)},
        )
    ]


async def achievements(db: Read) -> list[Difference]:
    """Achievements whose counters are not the number of people who have them."""
    w, c = AwardRow.__table__, AwardCountRow.__table__
    counted = await db.rows(sa.select(w.c.achievement, sa.func.count().label("count")).group_by(w.c.achievement))
    must_be = {row["achievement"]: row["count"] for row in counted}
    is_now = {row["achievement"]: row["awarded_to"] for row in await db.rows(sa.select(c))}
    return [
        difference
        for key in sorted({*must_be, *is_now})
        for difference in compared(
            "achievement", (key,), {"awarded_to": is_now.get(key, 0)}, {"awarded_to": must_be.get(key, 0)}
        )
    ]


async def mentors(db: Read) -> AsyncIterator[list[Difference]]:
    """Mentors whose numbers are not what their tickets and reviews give; a batch at a time."""
    s, last = MentorStatsRow.__table__, 0
    has_numbers = sa.select(s.c.mentor_id)
    everyone = sa.select(UserRow.id).where(sa.or_(UserRow.role == Role.MENTOR, UserRow.id.in_(has_numbers)))
    while ids := await db.scalars(everyone.where(UserRow.id > last).order_by(UserRow.id).limit(MENTORS_AT_ONCE)):
        last = ids[-1]
        rows = await db.rows(sa.select(s).where(s.c.mentor_id.in_(ids)))
        stats = {row["mentor_id"]: row for row in rows}
        must_be = await _stats(db, ids)
        differences: list[Difference] = []
        for mentor_id in ids:
            differences += compared("mentor", (mentor_id,), stats.get(mentor_id, {}), must_be[mentor_id])
        yield differences + await _records(db, ids)


async def _stats(db: Read, mentor_ids: Sequence[int]) -> dict[int, Found]:
    t, r = TicketRow.__table__, ReviewRow.__table__
    of_status = await db.rows(
        sa.select(t.c.assigned_mentor_id, t.c.status, sa.func.count().label("count"))
        .where(t.c.assigned_mentor_id.in_(mentor_ids))
        .group_by(t.c.assigned_mentor_id, t.c.status)
    )
    count = Counter[tuple[int, str]]()
    for row in of_status:
        count[row["assigned_mentor_id"], row["status"]] = row["count"]
    rated = await db.rows(
        sa.select(r.c.mentor_id, sa.func.sum(r.c.rating).label("sum"), sa.func.count().label("count"))
        .where(r.c.mentor_id.in_(mentor_ids))
        .group_by(r.c.mentor_id)
    )
    ratings = {row["mentor_id"]: (int(row["sum"]), row["count"]) for row in rated}
    f = FollowRow.__table__
    followed = await db.rows(
        sa.select(f.c.mentor_id, sa.func.count().label("count"))
        .where(f.c.mentor_id.in_(mentor_ids))
        .group_by(f.c.mentor_id)
    )
    followers = {row["mentor_id"]: row["count"] for row in followed}
    found: dict[int, Found] = {}
    for mentor_id in mentor_ids:
        rating_sum, rating_count = ratings.get(mentor_id, (0, 0))
        found[mentor_id] = {
            "tickets_resolved": sum(count[mentor_id, status] for status in PUBLISHED),
            "tickets_active": count[mentor_id, Status.ASSIGNED],
            "rating_sum": rating_sum,
            "rating_count": rating_count,
            "rating_rank": rating_rank(rating_sum, rating_count),
            "followers": followers.get(mentor_id, 0),
        }
    return found


async def _records(db: Read, mentor_ids: Sequence[int]) -> list[Difference]:
    rec = MentorTagRecordRow.__table__
    noted = await db.rows(sa.select(rec).where(rec.c.mentor_id.in_(mentor_ids)))
    is_now = {(row["mentor_id"], row["tag_id"]): row for row in noted}
    must_be = await records_of(db, mentor_ids)
    nothing = {"solved": 0, "rating_sum": 0, "rating_count": 0}
    differences: list[Difference] = []
    for key in sorted({*is_now, *must_be}):
        differences += compared("record", key, is_now.get(key, nothing), must_be.get(key, nothing))
    return differences


async def records_of(db: Read, mentor_ids: Sequence[int]) -> dict[tuple[int, int], Found]:
    """What these mentors have solved under each tag, and how that was rated."""
    t, tt, r = TicketRow.__table__, TicketTagRow.__table__, ReviewRow.__table__
    rows = await db.rows(
        sa.select(
            t.c.assigned_mentor_id.label("mentor_id"),
            tt.c.tag_id,
            sa.func.count().label("solved"),
            sa.func.coalesce(sa.func.sum(r.c.rating), 0).label("rating_sum"),
            sa.func.count(r.c.id).label("rating_count"),
        )
        .select_from(t.join(tt, tt.c.ticket_id == t.c.id).outerjoin(r, r.c.ticket_id == t.c.id))
        .where(t.c.assigned_mentor_id.in_(mentor_ids), t.c.status.in_(PUBLISHED))
        .group_by(t.c.assigned_mentor_id, tt.c.tag_id)
    )
    return {
        (row["mentor_id"], row["tag_id"]): {
            "solved": row["solved"], "rating_sum": int(row["rating_sum"]), "rating_count": row["rating_count"],
        }
        for row in rows
    }  # fmt: skip


def compared(what: str, key: tuple[int | str, ...], is_now: Found, must_be: Found) -> list[Difference]:
    """Nothing, or the difference with the columns that differ."""
    wrong = {name: wanted for name, wanted in must_be.items() if not _same(is_now.get(name), wanted)}
    return [Difference(what, key, {name: is_now.get(name) for name in wrong}, wrong)] if wrong else []


def _same(found: object, wanted: object) -> bool:
    if isinstance(found, float) and isinstance(wanted, float):
        return abs(found - wanted) <= HAIR * max(1.0, abs(wanted))
    if isinstance(found, datetime) and isinstance(wanted, datetime):
        return abs(found - wanted) <= MOMENT
    return found == wanted
