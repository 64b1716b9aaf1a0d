"""Facts and standings, kept in the very transactions in which something happens: they never disagree with the tickets.

What one student adds to a mentor's standing depends on all that happened between the two, so it is worked out before
and after, and the difference is added. Whoever does that has locked the student, so that two at once see each other.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from mentorq.core.database import Write
from mentorq.core.events import within
from mentorq.insights import queries
from mentorq.insights.facts import Fact, Kind, whole_seconds
from mentorq.insights.leaderboard import NOTHING, Deed, Sums, of_pair, trust
from mentorq.reviews.events import ReviewGiven
from mentorq.tickets.events import MentorResponded, TicketReopened, TicketResolved

Key = tuple[int, str, int]
"""Mentor, period, tag."""


@within(MentorResponded)
async def note_response(db: Write, event: MentorResponded) -> None:
    """A first answer."""
    await queries.add_fact(
        db,
        Fact(
            event.ticket_id, Kind.RESPONDED, event.claim_no, event.mentor_id, event.student_id, event.responded_at,
            round(event.seconds),
        ),
    )  # fmt: skip


@within(TicketResolved)
async def note_solution(db: Write, event: TicketResolved) -> None:
    """A solution; a ticket is solved once, whoever did it before."""
    claim = await queries.claim(db, event.ticket_id)
    taken = whole_seconds(event.resolved_at - claim["assigned_at"])
    await queries.lock(db, event.mentor_id, event.student_id)
    before = await _standing(db, event.student_id, [event.mentor_id])
    await queries.add_fact(
        db,
        Fact(
            event.ticket_id, Kind.SOLVED, claim["claim_no"], event.mentor_id, event.student_id, event.resolved_at, taken
        ),
    )
    await _move(db, event.student_id, [event.mentor_id], before)


@within(TicketReopened)
async def take_back_solution(db: Write, event: TicketReopened) -> None:
    """It is not solved after all."""
    await queries.lock(db, event.mentor_id, event.student_id)
    before = await _standing(db, event.student_id, [event.mentor_id])
    await queries.drop_solution(db, event.ticket_id)
    await _move(db, event.student_id, [event.mentor_id], before)


@within(ReviewGiven)
async def note_review(db: Write, event: ReviewGiven) -> None:
    """A review; where its student is trusted more by it, all that this student has said counts more."""
    await queries.lock(db, event.mentor_id, event.student_id)
    known = set(await queries.reviewed_by(db, event.student_id))
    by_now = known | {event.mentor_id}
    concerned = [event.mentor_id] if trust(len(known)) == trust(len(by_now)) else sorted(by_now)
    before = await _standing(db, event.student_id, concerned, len(known))
    review = await queries.review(db, event.review_id)
    fact = (event.mentor_id, event.student_id, review["created_at"], event.rating)
    await queries.add_fact(db, Fact(event.ticket_id, Kind.RATED, review["claim_no"], *fact))
    await _move(db, event.student_id, concerned, before, len(by_now))


async def _standing(
    db: Write, student_id: int, mentor_ids: Collection[int], mentors_reviewed: int = 0
) -> dict[Key, Sums]:
    """What a student adds to the standings of these mentors now."""
    deeds: defaultdict[int, list[Deed]] = defaultdict(list)
    for row in await queries.deeds(db, student_id, mentor_ids):
        deeds[row["mentor_id"]].append(Deed(row["kind"], row["at"], row["value"], row["tag_ids"]))
    return standings_of(deeds, mentors_reviewed)


def standings_of(deeds: Mapping[int, Iterable[Deed]], mentors_reviewed: int) -> dict[Key, Sums]:
    """What one student adds to the standings of mentors, by what happened between each of them and the student."""
    return {
        (mentor_id, *place): sums
        for mentor_id, between in deeds.items()
        for place, sums in of_pair(between, mentors_reviewed).items()
    }


async def _move(
    db: Write, student_id: int, mentor_ids: Collection[int], before: dict[Key, Sums], mentors_reviewed: int = 0
) -> None:
    await queries.add_up(db, difference(before, await _standing(db, student_id, mentor_ids, mentors_reviewed)))


def difference(before: Mapping[Key, Sums], after: Mapping[Key, Sums]) -> dict[Key, Sums]:
    """What must be added; nothing where nothing changed."""
    moved: dict[Key, Sums] = {}
    for key in before.keys() | after.keys():
        was, is_now = before.get(key), after.get(key)
        change = [new - old for new, old in zip(is_now or NOTHING, was or NOTHING, strict=True)]
        if any(change):
            moved[key] = change
    return moved
