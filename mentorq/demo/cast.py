"""Who lives in a demonstration community. The same seed gives the same people."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, count
from random import Random

from mentorq.demo.content import Content, Question

STUDENT, MENTOR = "ana", "ben"
"""The two whom a visitor signs in as."""

DOMAIN = "demo.invalid"
TIME_ZONES = (
    "Europe/Lisbon", "Europe/Berlin", "Europe/Warsaw", "Africa/Lagos", "Africa/Nairobi", "Asia/Kolkata", "Asia/Tokyo",
    "Asia/Jakarta", "America/Sao_Paulo", "America/New_York", "America/Los_Angeles", "Pacific/Auckland",
)  # fmt: skip
UNAVAILABLE = 0.1
RETURNING = 0.5  # of those who are away, who said when they are back
AWAY_HOURS = (12, 240)
TECHNOLOGIES_OF_MENTOR = (2, 4)
JOINED_BEFORE_DAYS = (121, 400)


@dataclass(frozen=True, slots=True)
class Person:
    """An account; `skills` are tags, declared by a mentor, or learnt by a student."""

    username: str
    headline: str
    bio: str
    time_zone: str
    skills: tuple[str, ...]
    created_at: datetime
    last_seen_at: datetime
    is_available: bool
    away_until: datetime | None


@dataclass(frozen=True)
class Cast:
    """Everybody, by place; and whom to ask about what."""

    students: tuple[Person, ...]
    mentors: tuple[Person, ...]
    experts: tuple[tuple[int, ...], ...]
    """Places of mentors for each technology, those who answer most of it first."""


def technologies(questions: Sequence[Question]) -> list[str]:
    """Names, those with the most questions first."""
    return [name for name, _ in Counter(question.technology for question in questions).most_common()]


def zipf(number: int, exponent: float = 1.0) -> list[float]:
    """Cumulated weights by which the first is chosen twice as often as the second, and so on."""
    return list(accumulate(1 / place**exponent for place in range(1, number + 1)))


def make(content: Content, students: int, mentors: int, at: datetime, random: Random) -> Cast:
    """Invent so many people."""
    names = _names(content.people.first_names, random)
    known = technologies(content.questions)
    experts, of_mentor = _expertise(known, mentors, random)
    common = _common_tags(content.questions)
    return Cast(
        tuple(_student(content, name, at, random) for name in _with_first(STUDENT, names, students)),
        tuple(
            _mentor(content, name, [tag for place in of_mentor[number] for tag in common[known[place]]], at, random)
            for number, name in enumerate(_with_first(MENTOR, names, mentors))
        ),
        experts,
    )


def _names(first_names: Sequence[str], random: Random) -> Iterator[str]:
    mixed = sorted({name.lower() for name in first_names} - {STUDENT, MENTOR})
    random.shuffle(mixed)
    yield from mixed
    for number in count(2):
        yield from (f"{name}{number}" for name in mixed)


def _with_first(first: str, names: Iterator[str], number: int) -> Iterator[str]:
    yield first
    for _ in range(number - 1):
        yield next(names)


def _expertise(known: list[str], mentors: int, random: Random) -> tuple[tuple[tuple[int, ...], ...], list[list[int]]]:
    """Places of mentors by technology, and of technologies by mentor. The first mentor knows what is asked most."""
    weights = zipf(len(known))
    of_mentor: list[list[int]] = [list(range(min(3, len(known))))]
    for _ in range(mentors - 1):
        wanted = random.randint(*TECHNOLOGIES_OF_MENTOR)
        of_mentor.append(list(dict.fromkeys(random.choices(range(len(known)), cum_weights=weights, k=wanted))))
    experts: list[list[int]] = [[] for _ in known]
    for mentor, places in enumerate(of_mentor):
        for place in places:
            experts[place].append(mentor)
    for place, who in enumerate(experts):
        if not who:  # somebody has to know it
            mentor = random.randrange(mentors)
            who.append(mentor)
            of_mentor[mentor].append(place)
    return tuple(map(tuple, experts)), of_mentor


def _common_tags(questions: Sequence[Question]) -> dict[str, list[str]]:
    """The two commonest tags of each technology's questions."""
    tags: dict[str, Counter[str]] = {}
    for question in questions:
        tags.setdefault(question.technology, Counter()).update(question.tags)
    return {name: [tag for tag, _ in counts.most_common(2)] for name, counts in tags.items()}


def _student(content: Content, name: str, at: datetime, random: Random) -> Person:
    question = random.choice(content.questions)
    return _person(name, "", random.choice(content.people.student_bios), question.tags[:2], at, random, away=0.0)


def _mentor(content: Content, name: str, skills: list[str], at: datetime, random: Random) -> Person:
    profile = random.choice(content.people.mentor_profiles)
    distinct = tuple(dict.fromkeys(skills))
    words = ", ".join(distinct[:-1]) + f" and {distinct[-1]}" if len(distinct) > 1 else distinct[0]
    headline, bio = (
        text.replace("{first_skill}", distinct[0]).replace("{skills}", words)
        for text in (profile.headline, profile.bio)
    )
    away = 0.0 if name == MENTOR else UNAVAILABLE
    return _person(name, headline[:120], bio[:2000], distinct[:50], at, random, away=away)


def _person(
    name: str, headline: str, bio: str, skills: tuple[str, ...], at: datetime, random: Random, *, away: float
) -> Person:
    is_away = random.random() < away
    returns = is_away and random.random() < RETURNING
    return Person(
        username=name,
        headline=headline,
        bio=bio,
        time_zone=random.choice(TIME_ZONES),
        skills=skills,
        created_at=at - timedelta(days=random.uniform(*JOINED_BEFORE_DAYS)),
        last_seen_at=at - timedelta(hours=min(2_000, random.expovariate(1 / 18))),
        is_available=returns or not is_away,
        away_until=at + timedelta(hours=round(random.uniform(*AWAY_HOURS))) if returns else None,
    )
