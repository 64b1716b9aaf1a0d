"""What happens in a demonstration community: for each ticket who asks what, who answers, and when.

Times are seconds after the question, so that a whole life can be moved to where it belongs: some must have ended by
now, others must be under way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, chain, islice
from random import Random

from mentorq.demo.cast import Cast, technologies, zipf
from mentorq.demo.content import Content, Question

DAYS = 120
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
HOURS_OF_DAY = list(accumulate((2, 1, 1, 1, 1, 2, 3, 5, 8, 10, 10, 9, 8, 9, 10, 10, 9, 9, 10, 12, 12, 10, 7, 4)))
LEASE = 30 * MINUTE
AUTO_CLOSE = 14 * DAY

SILENT, TALKING = "silent", "talking"
"""Two ways of being assigned: its mentor has just taken it, or the two are talking."""
OPEN, RESOLVED, CLOSED = "open", "resolved", "closed"

ANONYMOUS, GIVEN_BACK, REOPENED, EDITED, REVIEWED, PASSED, DRAFTED = 0.08, 0.05, 0.03, 0.03, 0.7, 0.2, 0.6
RATINGS = list(accumulate((2, 3, 8, 27, 60)))
MOST_IN_HAND = 3  # fewer than a mentor may have, so that all of them can still be suggested


@dataclass(slots=True)
class Life:
    """One ticket. Places say which question, student and mentor; times are seconds after `asked_at`."""

    state: str
    question: int
    student: int
    mentor: int = -1
    asked_at: float = 0.0
    is_anonymous: bool = False
    earlier: tuple[int, float, float, bool] | None = None
    """Somebody had it before: who, from when to when, and whether the lease ran out."""
    accepted: float = 0.0
    messages: tuple[float, ...] = ()
    resolved: tuple[float, ...] = ()
    """Twice where it was reopened in between."""
    reopened: float = 0.0
    edited: float = 0.0
    closed: float = 0.0
    closed_by_clock: bool = False
    rating: int = 0
    reviewed: float = 0.0
    passed: tuple[int, ...] = ()
    has_draft: bool = False

    @property
    def is_solved(self) -> bool:
        """Whether its solution is published."""
        return self.state in (RESOLVED, CLOSED)

    @property
    def answered(self) -> float:
        """When its mentor said the first word."""
        first = [self.messages[0]] if self.messages else []
        return min([*first, *self.resolved[:1]])


class Plot:
    """Makes lives up."""

    def __init__(self, content: Content, cast: Cast, at: datetime, random: Random) -> None:
        self.random = random
        self._since_midnight = at.hour * HOUR + at.minute * MINUTE + at.second
        self.questions: Sequence[Question] = content.questions
        self.cast = cast
        self._places = {name: place for place, name in enumerate(technologies(self.questions))}
        by_technology: dict[str, list[int]] = {name: [] for name in self._places}
        for number, question in enumerate(self.questions):
            by_technology[question.technology].append(number)
        self._of_technology = list(by_technology.values())
        self._technology_weights = zipf(len(self._of_technology))
        self._student_weights = zipf(len(cast.students), 0.6)
        self._expert_weights = [zipf(len(who)) for who in cast.experts]
        self._talked_about = [number for number, question in enumerate(self.questions) if question.conversation]
        self._in_hand = [0] * len(cast.mentors)

    def lives(self, number: int) -> list[Life]:
        """So many tickets, the first asked first; times are seconds before (negative) now."""
        told = islice(chain(self._scenes(), self._crowd(number)), number)
        return sorted(told, key=lambda life: life.asked_at)

    def _scenes(self) -> Iterator[Life]:
        """What the two whom a visitor signs in as find in their lists."""
        yield self._life(OPEN, student=0)
        yield self._life(TALKING, student=0, mentor=0)
        yield self._life(RESOLVED, student=0, mentor=0)
        unreviewed = self._life(CLOSED, student=0, mentor=0)
        unreviewed.rating = 0
        yield unreviewed
        yield self._life(CLOSED, student=0, mentor=0)
        anonymous = self._life(OPEN, student=0)
        anonymous.is_anonymous = True
        yield anonymous
        if len(self.cast.students) > 1:
            yield self._life(TALKING, student=1, mentor=0)
            yield self._life(RESOLVED, student=1, mentor=0)

    def _crowd(self, number: int) -> Iterator[Life]:
        waiting = min(number // 8, 30 + number // 50)
        in_hand = min(number // 12, MOST_IN_HAND * len(self.cast.mentors) // 2)
        fresh = min(number // 8, 40 + number // 10)
        for state, count in ((OPEN, waiting), (TALKING, in_hand * 2 // 3), (SILENT, in_hand // 3), (RESOLVED, fresh)):
            for _ in range(count):
                yield self._life(state)
        while True:
            yield self._life(CLOSED)

    def _life(self, state: str, student: int | None = None, mentor: int | None = None) -> Life:
        random = self.random
        question = self._question(state, mentor)
        if student is None:
            student = random.choices(range(len(self._student_weights)), cum_weights=self._student_weights)[0]
        life = Life(state, question, student, is_anonymous=random.random() < ANONYMOUS)
        if state == OPEN:
            self._wait(life)
            return life
        life.mentor = self._mentor(life) if mentor is None else mentor
        if state in (TALKING, SILENT):
            if self._in_hand[life.mentor] >= MOST_IN_HAND:
                life.state, life.mentor = OPEN, -1
                self._wait(life)
                return life
            self._in_hand[life.mentor] += 1
        self._take(life)
        if life.is_solved:
            self._solve(life)
        life.asked_at = self._beginning(life)
        return life

    def _question(self, state: str, mentor: int | None) -> int:
        random = self.random
        if state == TALKING:
            return random.choice(self._talked_about)
        wanted = range(len(self._of_technology))
        if mentor is not None:
            mine = [place for place in wanted if mentor in self.cast.experts[place]]
            return random.choice(self._of_technology[random.choice(mine)])
        return random.choice(self._of_technology[random.choices(wanted, cum_weights=self._technology_weights)[0]])

    def _mentor(self, life: Life) -> int:
        place = self._places[self.questions[life.question].technology]
        return self.random.choices(self.cast.experts[place], cum_weights=self._expert_weights[place])[0]

    def _wait(self, life: Life) -> None:
        life.asked_at = -min(20 * DAY, self.random.expovariate(1 / (1.5 * DAY))) - 2 * MINUTE
        if self.random.random() < PASSED:
            others = range(len(self.cast.mentors))
            life.passed = tuple(sorted(self.random.sample(others, min(len(others), self.random.randint(1, 2)))))

    def _take(self, life: Life) -> None:
        random = self.random
        life.accepted = MINUTE + random.expovariate(1 / (2 * HOUR))
        if random.random() < GIVEN_BACK and len(self.cast.mentors) > 1:
            other = random.randrange(len(self.cast.mentors) - 1)
            other += other >= life.mentor
            expired = random.random() < 0.3
            until = life.accepted + (LEASE if expired else random.uniform(MINUTE, LEASE))
            life.earlier = (other, life.accepted, until, expired)
            life.accepted = until + random.expovariate(1 / HOUR)
        said = len(self.questions[life.question].conversation) if life.state != SILENT else 0
        if life.state == TALKING:
            said = random.randint(1, said)
            life.has_draft = random.random() < DRAFTED
        at, times = life.accepted, []
        for _ in range(said):
            at += random.uniform(MINUTE, 20 * MINUTE)
            times.append(at)
        life.messages = tuple(times)

    def _solve(self, life: Life) -> None:
        random = self.random
        last = life.messages[-1] if life.messages else life.accepted
        resolved = last + random.uniform(4 * MINUTE, 25 * MINUTE)
        life.resolved = (resolved,)
        if random.random() < REOPENED:
            life.reopened = resolved + random.uniform(10 * MINUTE, 10 * HOUR)
            resolved = life.reopened + random.uniform(10 * MINUTE, 6 * HOUR)
            life.resolved = (life.resolved[0], resolved)
        if random.random() < EDITED:
            life.edited = resolved + random.uniform(MINUTE, 5 * MINUTE)
        if life.state != CLOSED:
            return
        late = random.expovariate(1 / (1.5 * DAY)) + 6 * MINUTE
        life.closed_by_clock = late >= AUTO_CLOSE
        life.closed = resolved + min(late, AUTO_CLOSE)
        if not life.closed_by_clock and random.random() < REVIEWED:
            life.rating = random.choices(range(1, 6), cum_weights=RATINGS)[0]
            life.reviewed = life.closed + random.uniform(MINUTE, 10 * MINUTE)

    def _beginning(self, life: Life) -> float:
        """When it was asked, in seconds after now: early enough for all that has happened to it."""
        random = self.random
        if life.state == SILENT:
            return -life.accepted - random.uniform(MINUTE, LEASE / 2)
        if life.state == TALKING:
            return -life.messages[-1] - random.uniform(MINUTE, 10 * HOUR)
        if life.state == RESOLVED:
            last = max(life.resolved[-1], life.edited)
            return -last - random.uniform(MINUTE, 12 * DAY)
        end = max(life.closed, life.reviewed) + MINUTE
        day = int(random.random() ** 1.2 * DAYS) * DAY  # a community grows
        hour = random.choices(range(24), cum_weights=HOURS_OF_DAY)[0]
        return min(-end, (hour + random.random()) * HOUR - day - self._since_midnight)


def moment(at: datetime, life: Life, seconds: float) -> datetime:
    """A time of a life on the calendar."""
    return at + timedelta(seconds=life.asked_at + seconds)
