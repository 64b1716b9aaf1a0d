"""Matching on real tickets: whom to suggest to a student, and in which order a mentor sees the queue.

Everything here reads indices of bounded length: no statement looks at all tickets or all mentors.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mentorq.accounts.availability import is_available
from mentorq.accounts.models import UserRow, UserTagRow
from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row
from mentorq.core.pagination import Keyset
from mentorq.mentors import matching, records
from mentorq.mentors.directory import is_present
from mentorq.mentors.matching import Asked, Candidate, Match, Record
from mentorq.mentors.models import AskedTermsRow, MentorStatsRow, MentorTagRecordRow, MentorTermRow
from mentorq.mentors.reasons import Say, sentence
from mentorq.mentors.terms import TERMS_OF_ASKED, counted, faded, rarity, telling
from mentorq.tags.models import TagRow
from mentorq.tickets import lists, queries, service
from mentorq.tickets.lists import Filter
from mentorq.tickets.models import TicketPassRow, TicketRow, TicketTagRow
from mentorq.tickets.states import PUBLISHED, Status

BEST_OF_TAG = 200
BEST_OF_TERM = 200
TERMS_OF_MENTOR = 2_000
QUEUE_RANKED = 250  # of the oldest, and as many of the newest
HELPED_LATELY = 300  # tickets of a mentor, whose students are remembered

U = UserRow.__table__
S = MentorStatsRow.__table__
R = MentorTagRecordRow.__table__
W = MentorTermRow.__table__
IS_AVAILABLE = is_available(U).label("is_available")


@dataclass(frozen=True)
class Knowledge:
    """What is known of words and tags in general, at one time."""

    documents: int
    last_solved_at: datetime
    frequencies: Mapping[str, int]
    at: datetime

    def rarity_of_tag(self, tag: str) -> float:
        """How much it tells that a ticket has the tag."""
        return rarity(self.documents, self.frequencies.get(records.tag_term(tag), 0))

    def now_worth(self, total: float) -> float:
        """A stored sum as it counts at this time."""
        return faded(total, self.at, self.last_solved_at)


async def _knowledge(db: Read, terms: Iterable[str], at: datetime) -> Knowledge:
    documents, last = await records.totals(db)
    return Knowledge(documents, last or at, await records.frequencies(db, terms), at)


# --- whom to suggest to a student


async def suggest(db: Read, ticket_id: int, owner: Viewer, limit: int) -> list[tuple[int, Match]]:
    """The mentors who suit a ticket best, best first, by id.

    Raises:
        TicketNotFound, NotYours: see `tickets.service.owned`.
    """
    ticket = await service.owned(db, owner, ticket_id)
    return await best_for(db, ticket, limit) if ticket["status"] == Status.OPEN else []


async def best_for(db: Read, ticket: Row, limit: int) -> list[tuple[int, Match]]:
    """The mentors who suit a ticket that waits best, best first, by id."""
    counts = counted(ticket["title"], ticket["description"])
    known = await _knowledge(db, [*counts, *map(records.tag_term, ticket["tags"])], now())
    terms = telling(counts, known.frequencies, known.documents, TERMS_OF_ASKED)
    candidates = await _candidates(db, ticket, terms, known)
    return [
        (mentor.id, match) for mentor, match in matching.best_mentors(_asked(ticket, terms, known), candidates, limit)
    ]


def _asked(ticket: Mapping[str, Any], terms: Mapping[str, float], known: Knowledge) -> Asked:
    return Asked(
        student_id=ticket["student_id"],
        tags={tag: known.rarity_of_tag(tag) for tag in ticket["tags"]},
        terms=terms,
        waited_seconds=max(0.0, (known.at - ticket["created_at"]).total_seconds()),
        is_anonymous=ticket["is_anonymous"],
    )


async def _candidates(db: Read, ticket: Row, terms: Mapping[str, float], known: Knowledge) -> list[Candidate]:
    ids = await _who(db, ticket, terms)
    if not ids:
        return []
    tag_names = {row["id"]: row["name"] for row in await _tags_of(db, ticket["id"])}
    rows = await db.rows(
        sa.select(
            S.c.mentor_id, S.c.tickets_resolved, S.c.tickets_active, S.c.rating_sum, S.c.rating_count,
            S.c.median_response_seconds, U.c.last_seen_at, IS_AVAILABLE, U.c.capacity,
        ).join(U, U.c.id == S.c.mentor_id).where(S.c.mentor_id.in_(ids), U.c.id != ticket["student_id"])
    )  # fmt: skip
    solved = await _records(db, ids, tag_names, known)
    words = await _solved_terms(db, ids, terms, known)
    declared = await _declared(db, ids, tag_names)
    helped = await _helped(db, ticket["student_id"], ids)
    passed = set(await db.scalars(sa.select(TicketPassRow.mentor_id).where(TicketPassRow.ticket_id == ticket["id"])))
    return [
        Candidate(
            id=row["mentor_id"],
            declared=declared.get(row["mentor_id"], frozenset()),
            records=solved.get(row["mentor_id"], {}),
            solved_terms=words.get(row["mentor_id"], {}),
            helped_student=helped.get(row["mentor_id"], 0),
            has_passed=row["mentor_id"] in passed,
            **_circumstances(db, row, known.at),
        )
        for row in rows
    ]


def _circumstances(db: Read, row: Row, at: datetime) -> dict[str, Any]:
    return {
        "tickets_resolved": row["tickets_resolved"],
        "rating_sum": row["rating_sum"],
        "rating_count": row["rating_count"],
        "median_response_seconds": row["median_response_seconds"],
        "seen_seconds_ago": max(0.0, (at - row["last_seen_at"]).total_seconds()),
        "open_tickets": row["tickets_active"],
        "capacity": row["capacity"] or db.settings.max_active_tickets,
        "is_available": row["is_available"],
    }


def everyone_for(db: Read, ticket: Row) -> sa.Select[Any]:
    """The ids of all mentors who are free and say that they know a tag of the ticket: a SELECT from `users`."""
    t, passed = UserTagRow.__table__, TicketPassRow.__table__
    tags = sa.select(TicketTagRow.tag_id).where(TicketTagRow.ticket_id == ticket["id"])
    return (
        sa.select(U.c.id)
        .select_from(U.join(S, S.c.mentor_id == U.c.id))
        .where(
            U.c.id.in_(sa.select(t.c.user_id).where(t.c.tag_id.in_(tags))),
            U.c.id.not_in(sa.select(passed.c.mentor_id).where(passed.c.ticket_id == ticket["id"])),
            U.c.id != ticket["student_id"],
            _is_free(db),
        )
    )


def _is_free(db: Read) -> sa.ColumnElement[bool]:
    return sa.and_(
        is_present(U),
        is_available(U),
        S.c.tickets_active < sa.func.coalesce(U.c.capacity, db.settings.max_active_tickets),
    )


async def is_free(db: Read, mentor_id: int) -> bool:
    """Whether a mentor may be offered a ticket at all: here, not away, and with a place left."""
    free = sa.select(U.c.id).select_from(U.join(S, S.c.mentor_id == U.c.id)).where(U.c.id == mentor_id, _is_free(db))
    return await db.scalar(free) is not None


async def _who(db: Read, ticket: Row, terms: Mapping[str, float]) -> list[int]:
    """Mentors who are free: the best of each tag, of each telling term, and those who say that they know a tag."""
    free = _is_free(db)
    parts: list[sa.Select[Any]] = []
    for tag_id in await queries.tag_ids(db, ticket["id"]):
        best = sa.select(R.c.mentor_id).where(R.c.tag_id == tag_id).order_by(R.c.total.desc()).limit(BEST_OF_TAG)
        parts.append(_among(free, best, R.c.mentor_id))
        t = UserTagRow.__table__
        parts.append(_among(free, sa.select(t.c.user_id).where(t.c.tag_id == tag_id).limit(BEST_OF_TAG), t.c.user_id))
    for term in terms:
        best = sa.select(W.c.mentor_id).where(W.c.term == term).order_by(W.c.total.desc()).limit(BEST_OF_TERM)
        parts.append(_among(free, best, W.c.mentor_id))
    if not parts:
        return []
    limited = [sa.select(part.subquery()) for part in parts]
    return await db.scalars(sa.union(*limited))


def _among(free: sa.ColumnElement[bool], best: sa.Select[Any], mentor_id: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Within the limit, so that it cannot fill up with people who are away."""
    return best.join(U, U.c.id == mentor_id).join(S, S.c.mentor_id == mentor_id).where(free)


async def _tags_of(db: Read, ticket_id: int) -> list[Row]:
    ids = await queries.tag_ids(db, ticket_id)
    return await db.rows(sa.select(TagRow.id, TagRow.name).where(TagRow.id.in_(ids)))


async def _records(
    db: Read, mentor_ids: Sequence[int], tag_names: Mapping[int, str], known: Knowledge
) -> dict[int, dict[str, Record]]:
    rows = await db.rows(sa.select(R).where(R.c.mentor_id.in_(mentor_ids), R.c.tag_id.in_(list(tag_names))))
    found: dict[int, dict[str, Record]] = {}
    for row in rows:
        found.setdefault(row["mentor_id"], {})[tag_names[row["tag_id"]]] = _record(row, known)
    return found


def _record(row: Row, known: Knowledge) -> Record:
    return Record(known.now_worth(row["total"]), row["solved"], row["rating_sum"], row["rating_count"])


async def _solved_terms(
    db: Read, mentor_ids: Sequence[int], terms: Iterable[str], known: Knowledge
) -> dict[int, dict[str, float]]:
    rows = await db.rows(
        sa.select(W.c.mentor_id, W.c.term, W.c.total).where(W.c.mentor_id.in_(mentor_ids), W.c.term.in_(list(terms)))
    )
    found: dict[int, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["mentor_id"], {})[row["term"]] = known.now_worth(row["total"])
    return found


async def _declared(db: Read, mentor_ids: Sequence[int], tag_names: Mapping[int, str]) -> dict[int, frozenset[str]]:
    t = UserTagRow.__table__
    rows = await db.rows(sa.select(t).where(t.c.user_id.in_(mentor_ids), t.c.tag_id.in_(list(tag_names))))
    found: dict[int, set[str]] = {}
    for row in rows:
        found.setdefault(row["user_id"], set()).add(tag_names[row["tag_id"]])
    return {mentor_id: frozenset(names) for mentor_id, names in found.items()}


async def _helped(db: Read, student_id: int, mentor_ids: Sequence[int]) -> dict[int, int]:
    rows = await db.rows(
        sa.select(TicketRow.assigned_mentor_id, sa.func.count().label("times"))
        .where(
            TicketRow.student_id == student_id,
            TicketRow.assigned_mentor_id.in_(mentor_ids),
            TicketRow.status.in_(PUBLISHED),
        )
        .group_by(TicketRow.assigned_mentor_id)
    )
    return {row["assigned_mentor_id"]: row["times"] for row in rows}


# --- in which order a mentor sees the queue


@dataclass(frozen=True, slots=True)
class _Suiting:
    """A ticket of the queue, and how it suits the mentor who looks, also when away or full."""

    ticket: Mapping[str, Any]
    asked: Asked
    me: Candidate
    score: float

    def match(self) -> Match:
        """With the reasons, which only what is shown needs."""
        asked, me = self.asked, self.me
        return Match(self.score, matching.matched_tags(asked, me), matching.reasons(asked, me, "mentor"))


async def rank(
    db: Read, mentor: Viewer, wanted: Filter, keyset: Keyset, say: Say = sentence
) -> tuple[list[tuple[Row, dict[str, Any]]], str | None]:
    """One page of the queue, best match first, with the reasons as `say` says them.

    The order is that of the time when paging began: the cursor carries it. Ranked are the tickets that wait longest
    and the newest ones, 500 at most; who reads that far has another problem than their order.
    """
    at: datetime = keyset.after[0] if keyset.after else now()
    waiting = [row for row in await lists.waiting(db, mentor, wanted, QUEUE_RANKED) if row["created_at"] <= at]
    ranked = await _ranked(db, mentor, waiting, at)
    if keyset.after:
        _, score, ticket_id = keyset.after
        ranked = [each for each in ranked if (-each.score, each.ticket["id"]) > (-score, ticket_id)]
    shown, next_cursor = keyset.cut(ranked[: keyset.limit + 1], lambda each: (at, each.score, each.ticket["id"]))
    rows = await lists.by_id(db, mentor, [each.ticket["id"] for each in shown])
    page = [(rows[each.ticket["id"]], as_match(each.match(), say)) for each in shown if each.ticket["id"] in rows]
    return page, next_cursor


async def suits(
    db: Read, mentor: Viewer, tickets: Sequence[Mapping[str, Any]], say: Say = sentence
) -> dict[int, dict[str, Any]]:
    """How some tickets of the queue suit a mentor, by id: for lists in another order than `rank` gives."""
    if not tickets:
        return {}
    return {each.ticket["id"]: as_match(each.match(), say) for each in await _ranked(db, mentor, tickets, now())}


def as_match(match: Match, say: Say = sentence) -> dict[str, Any]:
    """A match on the wire."""
    reasons = [said for reason in match.reasons if (said := say(reason))]
    return {"score": round(match.score, 4), "matched_tags": list(match.matched_tags), "reasons": reasons}


async def _ranked(db: Read, mentor: Viewer, waiting: Sequence[Mapping[str, Any]], at: datetime) -> list[_Suiting]:
    tags = sorted({tag for row in waiting for tag in row["tags"]})
    known = await _knowledge(db, map(records.tag_term, tags), at)
    terms = await _asked_terms(db, [row["id"] for row in waiting])
    me = await _myself(db, mentor, known)
    students = {row["student_id"] for row in waiting}
    helped = await _helped_by(db, mentor)
    as_helper = {student: replace(me, helped_student=helped[student]) for student in students & helped.keys()}
    found = []
    for row in waiting:
        asked, candidate = _asked(row, terms.get(row["id"], {}), known), as_helper.get(row["student_id"], me)
        found.append(_Suiting(row, asked, candidate, matching.score_of(asked, candidate)))
    return sorted(found, key=lambda each: (-each.score, each.ticket["id"]))


async def _helped_by(db: Read, mentor: Viewer) -> dict[int, int]:
    """How often the mentor has helped each of the students of late."""
    t = TicketRow.__table__
    lately = (
        sa.select(t.c.student_id)
        .where(t.c.assigned_mentor_id == mentor.id, t.c.status.in_(PUBLISHED))
        .order_by(t.c.created_at.desc(), t.c.id.desc())
        .limit(HELPED_LATELY)
        .subquery()
    )
    rows = await db.rows(sa.select(lately.c.student_id, sa.func.count().label("times")).group_by(lately.c.student_id))
    return {row["student_id"]: row["times"] for row in rows}


async def _myself(db: Read, mentor: Viewer, known: Knowledge) -> Candidate:
    row = await db.row(
        sa.select(S, U.c.last_seen_at, IS_AVAILABLE, U.c.capacity)
        .join(U, U.c.id == S.c.mentor_id)
        .where(S.c.mentor_id == mentor.id)
    )
    solved = await db.rows(
        sa.select(R, TagRow.name).join(TagRow, TagRow.id == R.c.tag_id).where(R.c.mentor_id == mentor.id)
    )
    t = UserTagRow.__table__
    declared = await db.scalars(sa.select(TagRow.name).join(t, t.c.tag_id == TagRow.id).where(t.c.user_id == mentor.id))
    words = await db.rows(
        sa.select(W.c.term, W.c.total)
        .where(W.c.mentor_id == mentor.id)
        .order_by(W.c.total.desc())
        .limit(TERMS_OF_MENTOR)
    )
    return Candidate(
        id=mentor.id,
        declared=frozenset(declared),
        records={record["name"]: _record(record, known) for record in solved},
        solved_terms={word["term"]: known.now_worth(word["total"]) for word in words},
        **(_circumstances(db, row, known.at) if row else {}),
    )


async def _asked_terms(db: Read, ticket_ids: Sequence[int]) -> dict[int, dict[str, float]]:
    rows = await db.rows(
        sa.select(AskedTermsRow.ticket_id, AskedTermsRow.terms).where(AskedTermsRow.ticket_id.in_(ticket_ids))
    )
    return {row["ticket_id"]: row["terms"] for row in rows}
