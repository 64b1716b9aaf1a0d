"""Which mentor suits which ticket: one score for suggestions, queues and who is told first.

    record    = Σ rarity(t) · ln(1 + quality(t) · (recent(t) + declared(t))) / √Σ rarity(t)²   over the ticket's tags t
    text      = Σ asked(w) · solved(w)                                                          over its telling terms w
    evidence  = record + 2 · text + ½ · helped / (helped + 1)
    fit       = evidence / (evidence + 1)
    suits     = fit · Π (1 - weight · (1 - term))       for responsiveness, free capacity, hours, presence
    score     = suits · (1 + ¼ · urgency · (1 - suits)) urgency = waited / (waited + 4 h)

`recent(t)` is the number of tickets solved under a tag, each halved every 90 days; `declared(t)` is a quarter of a
ticket for a tag that the mentor says to know, so that newcomers are found but do not crowd out those who have shown
it. `quality(t)` is the rating under the tag, smoothed towards the mentor's, which is smoothed towards the usual one.
The logarithm says that the tenth ticket proves less than the first. The text term is the candidate model of Balog et
al. (SIGIR 2006), see `mentorq.mentors.terms`: the faded sum of the cosines of this ticket with all that the mentor
solved.

Every term raises the score or leaves it, never lowers it. Who is unavailable, full, has passed, or asked it has no
score.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from math import log1p, sqrt
from typing import Literal

TEXT = 2.0
CONTINUITY = 0.5
DECLARED = 0.25  # of a solved ticket

RESPONSIVENESS = 0.1
FREE_CAPACITY = 0.2
HOURS = 0.2
PRESENCE = 0.1
URGENCY = 0.25

QUICK = 2 * 3600.0  # seconds: who answers in this time is halfway between at once and never
SEEN = 7 * 86_400.0
PATIENCE = 4 * 3600.0
USUAL_RATING = 4.3
RATINGS_OF_PRIOR = 5.0
ANSWERS_OF_PRIOR = 5.0
READS_ALIKE = 0.1  # below this, likeness is not worth a sentence

Reader = Literal["student", "mentor"]
Kind = Literal["helped", "solved", "knows", "alike", "rated", "answers", "present", "outside_hours", "waited"]


@dataclass(frozen=True, slots=True)
class Record:
    """What a mentor has done under one tag; `recent` is the faded number of solved tickets."""

    recent: float = 0.0
    solved: int = 0
    rating_sum: int = 0
    rating_count: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A ticket that needs a mentor: its tags with their rarity, its telling terms with their weight."""

    student_id: int
    tags: Mapping[str, float]
    terms: Mapping[str, float] = field(default_factory=dict)
    waited_seconds: float = 0.0
    is_anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mentor as matching sees one. `solved_terms` are faded sums; what is None is not known."""

    id: int
    declared: frozenset[str] = frozenset()
    records: Mapping[str, Record] = field(default_factory=dict)
    solved_terms: Mapping[str, float] = field(default_factory=dict)
    tickets_resolved: int = 0
    rating_sum: int = 0
    rating_count: int = 0
    median_response_seconds: float | None = None
    seen_seconds_ago: float | None = None
    open_tickets: int = 0
    capacity: int = 3
    is_available: bool = True
    within_hours: bool = True
    helped_student: int = 0
    has_passed: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """What speaks for a match, or against it, with its figures; `mentorq.mentors.reasons` puts it in words."""

    kind: Kind
    reader: Reader
    tags: tuple[str, ...] = ()
    count: int = 0
    seconds: float = 0.0
    rating: float = 0.0


@dataclass(frozen=True, slots=True)
class Match:
    """How well a mentor and a ticket suit each other, from 0 to 1, and why."""

    score: float
    matched_tags: tuple[str, ...]
    reasons: tuple[Reason, ...]


def match(asked: Asked, mentor: Candidate, reader: Reader = "student") -> Match | None:
    """Return how `mentor` suits the ticket, said to `reader`; None where it may not be offered or nothing is for it."""
    if not may_be_offered(asked, mentor):
        return None
    score = score_of(asked, mentor)
    if score <= 0:
        return None
    return Match(score, matched_tags(asked, mentor), reasons(asked, mentor, reader))


def best_mentors(asked: Asked, mentors: Iterable[Candidate], limit: int) -> list[tuple[Candidate, Match]]:
    """Return the `limit` mentors who suit the ticket best, best first; equals by id. Only they are given reasons."""
    scored = ((score_of(asked, mentor), mentor) for mentor in mentors if may_be_offered(asked, mentor))
    ranked = nsmallest(limit, (pair for pair in scored if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].id))
    return [(mentor, Match(score, matched_tags(asked, mentor), reasons(asked, mentor))) for score, mentor in ranked]


def may_be_offered(asked: Asked, mentor: Candidate) -> bool:
    """Return whether the mentor could take the ticket at all."""
    is_free = mentor.is_available and mentor.open_tickets < mentor.capacity
    return is_free and not mentor.has_passed and mentor.id != asked.student_id


def score_of(asked: Asked, mentor: Candidate) -> float:
    """Return the score, from 0 to 1, without asking whether the ticket may be offered."""
    suits = fit(asked, mentor)
    for weight, term in _CIRCUMSTANCES:
        suits *= 1 - weight * (1 - term(mentor))
    return min(1.0, suits * (1 + URGENCY * urgency(asked) * (1 - suits)))


def fit(asked: Asked, mentor: Candidate) -> float:
    """Return what the mentor has shown to know of what is asked, from 0 to 1, whatever the circumstances."""
    evidence = record(asked, mentor) + TEXT * text(asked, mentor) + CONTINUITY * continuity(asked, mentor)
    return evidence / (evidence + 1)


def record(asked: Asked, mentor: Candidate) -> float:
    """Return what speaks for the mentor under the ticket's tags: ln 2 for one ticket solved now under its one tag."""
    length = sqrt(sum(rarity * rarity for rarity in asked.tags.values()))
    return sum(_under(tag, asked, mentor) for tag in asked.tags) / length if length > 0 else 0.0


def _under(tag: str, asked: Asked, mentor: Candidate) -> float:
    under = mentor.records.get(tag, _NOTHING)
    known = under.recent + (DECLARED if tag in mentor.declared else 0.0)
    return asked.tags[tag] * log1p(quality(mentor, under) * known)


def quality(mentor: Candidate, under: Record) -> float:
    """Return the mentor's rating under a tag by the usual one: 1 for the unrated."""
    overall = _smoothed(mentor.rating_sum, mentor.rating_count, USUAL_RATING)
    return _smoothed(under.rating_sum, under.rating_count, overall) / USUAL_RATING


def _smoothed(total: int, count: int, prior: float) -> float:
    """Start from `prior` as if so many had given it: one bad day, or one friend, does not make a rating."""
    return (total + RATINGS_OF_PRIOR * prior) / (count + RATINGS_OF_PRIOR)


def text(asked: Asked, mentor: Candidate) -> float:
    """Return how much of what the mentor solved reads like this ticket."""
    return sum(weight * mentor.solved_terms.get(term, 0.0) for term, weight in asked.terms.items())


def continuity(asked: Asked, mentor: Candidate) -> float:
    """Return how well the two know each other, from 0 to 1; 0 where the student is anonymous: the score would tell."""
    return 0.0 if asked.is_anonymous else mentor.helped_student / (mentor.helped_student + 1)


def responsiveness(mentor: Candidate) -> float:
    """Return how soon the mentor usually answers, from 0 to 1; ½ for the unknown, and near it while answers are few."""
    if mentor.median_response_seconds is None:
        return 0.5
    trust = mentor.tickets_resolved / (mentor.tickets_resolved + ANSWERS_OF_PRIOR)
    return 0.5 + trust * (QUICK / (QUICK + mentor.median_response_seconds) - 0.5)


def free_capacity(mentor: Candidate) -> float:
    """Return the share of the mentor's places that is free."""
    return max(0.0, 1 - mentor.open_tickets / mentor.capacity) if mentor.capacity > 0 else 0.0


def presence(mentor: Candidate) -> float:
    """Return how lately the mentor was here, from 0 to 1; ½ for the unknown."""
    return 0.5 if mentor.seen_seconds_ago is None else SEEN / (SEEN + mentor.seen_seconds_ago)


def hours(mentor: Candidate) -> float:
    """Return 1 within the mentor's hours, or where there are none, else 0."""
    return 1.0 if mentor.within_hours else 0.0


def urgency(asked: Asked) -> float:
    """Return how long the ticket waits, from 0 to 1: it moves the ticket up in its mentors' queues."""
    return asked.waited_seconds / (asked.waited_seconds + PATIENCE)


def matched_tags(asked: Asked, mentor: Candidate) -> tuple[str, ...]:
    """Return the ticket's tags that the mentor has solved or declared, those that speak most for them first."""
    weights = {tag: _under(tag, asked, mentor) for tag in asked.tags if tag in mentor.records or tag in mentor.declared}
    return tuple(sorted(weights, key=lambda tag: (-weights[tag], tag)))


def reasons(asked: Asked, mentor: Candidate, reader: Reader = "student") -> tuple[Reason, ...]:
    """Return what `reader` should know of the match, the weightiest first."""
    return tuple(reason for term in _TOLD for reason in term(asked, mentor, reader))


def _tell_record(asked: Asked, mentor: Candidate, reader: Reader) -> Iterator[Reason]:
    tags = matched_tags(asked, mentor)
    proven = [tag for tag in tags if mentor.records.get(tag, _NOTHING).solved > 0]
    for tag in proven[:2]:
        yield Reason("solved", reader, (tag,), mentor.records[tag].solved)
    claimed = [tag for tag in tags if tag not in proven and tag in mentor.declared]
    if claimed:
        yield Reason("knows", reader, tuple(claimed[:3]))


def _tell_text(asked: Asked, mentor: Candidate, reader: Reader) -> Iterator[Reason]:
    if text(asked, mentor) >= READS_ALIKE:
        yield Reason("alike", reader)


def _tell_continuity(asked: Asked, mentor: Candidate, reader: Reader) -> Iterator[Reason]:
    if continuity(asked, mentor) > 0:
        yield Reason("helped", reader, count=mentor.helped_student)


def _tell_rating(_asked: Asked, mentor: Candidate, reader: Reader) -> Iterator[Reason]:
    if reader == "student" and mentor.rating_count >= 3 and mentor.rating_sum >= 4 * mentor.rating_count:
        yield Reason("rated", reader, count=mentor.rating_count, rating=mentor.rating_sum / mentor.rating_count)


def _tell_circumstances(_asked: Asked, mentor: Candidate, reader: Reader) -> Iterator[Reason]:
    if reader == "mentor":
        return
    if mentor.median_response_seconds is not None and mentor.median_response_seconds <= 86_400:
        yield Reason("answers", reader, seconds=mentor.median_response_seconds)
    if mentor.seen_seconds_ago is not None and mentor.seen_seconds_ago < 300:
        yield Reason("present", reader)
    if not mentor.within_hours:
        yield Reason("outside_hours", reader)


def _tell_urgency(asked: Asked, _mentor: Candidate, reader: Reader) -> Iterator[Reason]:
    if reader == "mentor" and asked.waited_seconds >= 3600:
        yield Reason("waited", reader, seconds=asked.waited_seconds)


_NOTHING = Record()
_CIRCUMSTANCES: tuple[tuple[float, Callable[[Candidate], float]], ...] = (
    (RESPONSIVENESS, responsiveness),
    (FREE_CAPACITY, free_capacity),
    (HOURS, hours),
    (PRESENCE, presence),
)
_TOLD: tuple[Callable[[Asked, Candidate, Reader], Iterator[Reason]], ...] = (
    _tell_continuity,
    _tell_record,
    _tell_text,
    _tell_rating,
    _tell_circumstances,
    _tell_urgency,
)
