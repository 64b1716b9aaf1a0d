"""Hours and live sessions of a demonstration community: some that were, some to come, some that await an answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from mentorq.core import bulk
from mentorq.core.database import Write
from mentorq.demo.cast import Cast
from mentorq.demo.content import Content
from mentorq.demo.plot import TALKING, Life
from mentorq.demo.script import People
from mentorq.sessions.lifecycle import ANSWER_BEFORE, REMINDERS
from mentorq.sessions.models import ScheduleRow, SessionRow
from mentorq.sessions.states import Status

WITH_HOURS = 0.6
WEEKS = (
    {0: ("17:00", "21:00"), 2: ("17:00", "21:00"), 4: ("16:00", "19:00")},
    dict.fromkeys(range(5), ("09:00", "12:00")),
    {5: ("10:00", "16:00"), 6: ("14:00", "18:00")},
    {1: ("08:00", "10:30"), 3: ("18:00", "22:00"), 5: ("09:00", "11:00")},
)
OF_THE_FIRST = dict.fromkeys(range(5), ("09:00", "12:00")) | {5: ("10:00", "13:00")}
EVENINGS = dict.fromkeys((0, 1, 3), ("17:00", "20:00"))
SCHEDULE = ("mentor_id", "time_zone", "weekly", "exceptions", "minimum_notice_minutes", "buffer_minutes",
            "daily_maximum", "updated_at")  # fmt: skip
SESSION = (
    "id", "student_id", "mentor_id", "ticket_id", "topic", "status", "is_now", "awaits", "starts_at", "ends_at",
    "duration_minutes", "expires_at", "reason", "sequence", "version", "reminded", "created_at", "updated_at",
    "answered_at", "started_at", "ended_at",
)  # fmt: skip
ASKED_BEFORE, ANSWERED_AFTER = timedelta(days=2), timedelta(hours=3)
JUST_BEGUN = timedelta(minutes=10)


@dataclass(frozen=True)
class Scene:
    """A session of two people, given by their places: on which day from now on, at what time of the mentor's day, how
    long, and what has become of it."""

    student: int
    mentor: int
    day: int
    hour: int
    minutes: int
    status: Status
    is_offer: bool = False


SCENES = (
    Scene(0, 0, -23, 18, 30, Status.ENDED),
    Scene(0, 1, -16, 17, 15, Status.ENDED),
    Scene(0, 2, -12, 10, 15, Status.DECLINED),
    Scene(1, 0, -9, 18, 45, Status.ENDED),
    Scene(0, 0, -6, 11, 15, Status.ENDED),
    Scene(0, 1, -4, 19, 30, Status.CANCELLED),
    Scene(2, 0, -3, 10, 15, Status.EXPIRED),
    Scene(1, 0, 0, 0, 60, Status.LIVE),
    Scene(0, 1, 1, 18, 15, Status.ACCEPTED),
    Scene(0, 2, 2, 10, 30, Status.REQUESTED, is_offer=True),
    Scene(0, 0, 3, 17, 30, Status.ACCEPTED),
    Scene(2, 0, 3, 19, 15, Status.REQUESTED),
    Scene(0, 0, 5, 11, 45, Status.REQUESTED),
    Scene(1, 0, 6, 18, 15, Status.ACCEPTED),
)


async def add(
    db: Write, known: Content, everybody: Cast, people: People, lives: Sequence[tuple[int, Life]], at: datetime,
    random: Random,
) -> None:  # fmt: skip
    """Give some mentors hours, and the two whom a visitor signs in as something in their lists."""
    await bulk.insert(db, ScheduleRow, SCHEDULE, _schedules(everybody, people, at, random))
    scenes = [each for each in SCENES if each.student < len(people.students) and each.mentor < len(people.mentors)]
    ids = await bulk.reserve_ids(db, SessionRow, len(scenes))
    in_hand = next((n for n, life in lives if (life.state, life.student, life.mentor) == (TALKING, 0, 0)), None)
    rows = []
    for number, (session_id, scene) in enumerate(zip(ids, scenes, strict=True)):
        is_about_it = scene.status == Status.ACCEPTED and (scene.student, scene.mentor) == (0, 0)
        topic = known.people.session_topics[number % len(known.people.session_topics)]
        zone = everybody.mentors[scene.mentor].time_zone
        row = _session(scene, _begin(scene, at, zone), at, random.choice(known.people.session_reasons))
        whose = {"student_id": people.students[scene.student], "mentor_id": people.mentors[scene.mentor]}
        row |= whose | {"id": session_id, "topic": topic, "ticket_id": in_hand if is_about_it else None}
        rows.append(tuple(row[column] for column in SESSION))
    await bulk.insert(db, SessionRow, SESSION, rows)


def _schedules(everybody: Cast, people: People, at: datetime, random: Random) -> Iterator[tuple[Any, ...]]:
    """The first mentor has hours on most days, so that there is something to choose from."""
    for place, (mentor_id, person) in enumerate(zip(people.mentors, everybody.mentors, strict=True)):
        if place and random.random() > WITH_HOURS:
            continue
        week = random.choice(WEEKS) if place else OF_THE_FIRST
        hours = [*week.items(), *(() if place else EVENINGS.items())]
        weekly = [{"weekday": day, "start": start, "end": end} for day, (start, end) in hours]
        away = (at + timedelta(days=random.randint(8, 20))).date().isoformat()
        off = [] if place else [{"date": away, "hours": []}]
        limits = random.choice((0, 60, 240)), random.choice((0, 5, 15)), random.choice((None, 3, 6))
        yield (mentor_id, person.time_zone, weekly, off, *limits, at)


def _begin(scene: Scene, at: datetime, zone: str) -> datetime:
    """The one that goes on began a few minutes ago; the others are where the mentor's clock says so."""
    if scene.status == Status.LIVE:
        return at - JUST_BEGUN
    day = at.astimezone(ZoneInfo(zone)).date() + timedelta(days=scene.day)
    return datetime.combine(day, time(scene.hour), ZoneInfo(zone)).astimezone(UTC)


def _session(scene: Scene, begin: datetime, at: datetime, reason: str) -> dict[str, Any]:
    end = begin + timedelta(minutes=scene.minutes)
    asked = min(begin, at) - ASKED_BEFORE
    answered = None if scene.status in (Status.REQUESTED, Status.EXPIRED) else asked + ANSWERED_AFTER
    changes = {Status.REQUESTED: scene.is_offer, Status.CANCELLED: 2, Status.EXPIRED: 1}.get(scene.status, 1)
    has_begun = scene.status in (Status.LIVE, Status.ENDED)
    is_over = scene.status == Status.ENDED
    return {
        "status": scene.status.value,
        "is_now": False,
        "awaits": "student" if scene.is_offer else "mentor",
        "starts_at": begin,
        "ends_at": end,
        "duration_minutes": scene.minutes,
        "expires_at": begin - ANSWER_BEFORE,
        "reason": reason if scene.status in (Status.DECLINED, Status.CANCELLED) else None,
        "sequence": int(changes),
        "version": int(changes) + 1 + has_begun + is_over,
        "reminded": sum(begin - at <= before for before in REMINDERS),
        "created_at": asked,
        "updated_at": end if is_over else answered or asked,
        "answered_at": answered,
        "started_at": begin if has_begun else None,
        "ended_at": end if is_over else None,
    }
