"""What a ticket's history says of its mentors: who answered first after how long, who solved it, how it was rated.

`rollups` notes the same as it happens. This reads it from the log, so that the two can be held against each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mentorq.core.database import Row
from mentorq.tickets.states import Action


class Kind(StrEnum):
    """What is said of a mentor, and what its value is."""

    RESPONDED = "responded"
    """The first word of a claim; seconds since the mentor took the ticket."""
    SOLVED = "solved"
    """The solution that stands; seconds since its mentor took the ticket."""
    RATED = "rated"
    """The review; one to five."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened between a mentor and a student."""

    ticket_id: int
    kind: str
    claim_no: int
    mentor_id: int
    student_id: int
    at: datetime
    value: int


@dataclass
class _Claim:
    """One mentor's time with a ticket."""

    no: int
    mentor_id: int
    since: datetime
    until: datetime | None = None
    resolved_first: datetime | None = None


def whole_seconds(taken: timedelta) -> int:
    """How long something took; clocks that go back make it nothing."""
    return max(0, round(taken.total_seconds()))


def of_ticket(
    ticket_id: int, student_id: int, events: Sequence[Row], messages: Sequence[Row], review: Row | None
) -> list[Fact]:
    """The facts of one ticket out of its transitions and messages, both oldest first, and its review."""
    claims: list[_Claim] = []
    solved: Fact | None = None
    for event in events:
        action, at = event["action"], event["created_at"]
        if action == Action.ACCEPT:
            claims.append(_Claim(len(claims) + 1, event["actor_id"], at))
        elif action in (Action.RELEASE, Action.EXPIRE):
            claims[-1].until = at
        elif action == Action.RESOLVE:
            claim = claims[-1]
            claim.resolved_first = claim.resolved_first or at
            taken = whole_seconds(at - claim.since)
            solved = Fact(ticket_id, Kind.SOLVED, claim.no, claim.mentor_id, student_id, at, taken)
        elif action == Action.REOPEN:
            solved = None
    facts = []
    for claim in claims:
        if (at := _first_word(claim, messages)) is not None:
            taken = whole_seconds(at - claim.since)
            facts.append(Fact(ticket_id, Kind.RESPONDED, claim.no, claim.mentor_id, student_id, at, taken))
    if solved is not None:
        facts.append(solved)
    if review is not None:
        rated = review["created_at"], review["rating"]
        facts.append(Fact(ticket_id, Kind.RATED, len(claims), review["mentor_id"], student_id, *rated))
    return facts


def _first_word(claim: _Claim, messages: Sequence[Row]) -> datetime | None:
    """When its mentor wrote first, or solved it without a word."""
    for message in messages:
        at: datetime = message["created_at"]
        is_theirs = message["author_id"] == claim.mentor_id and at >= claim.since
        if is_theirs and (claim.until is None or at <= claim.until):
            return at if claim.resolved_first is None else min(at, claim.resolved_first)
    return claim.resolved_first
