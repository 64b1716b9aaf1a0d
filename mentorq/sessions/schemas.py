"""Live sessions on the wire."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mentorq.accounts.schemas import EXAMPLE_PERSON, TimeZone, UserPublic, public_user
from mentorq.core.inputs import LARGEST_ID, Body, Line, Text, Timestamp, WrittenDate
from mentorq.core.pagination import Page
from mentorq.sessions import hours
from mentorq.sessions.models import LONGEST_MINUTES, LONGEST_REASON, LONGEST_TOPIC, SHORTEST_MINUTES
from mentorq.sessions.states import Status

T = TypeVar("T", bound=date)

Clock = Annotated[Line, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["09:00"])]
ClockOrMidnight = Annotated[Line, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$", examples=["12:00"])]


def _minute(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


class Hours(Body):
    """Some hours of a day."""

    start: Clock
    end: ClockOrMidnight = Field(description="After `start`; at the latest 24:00.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if _minute(self.start) >= _minute(self.end):
            raise ValueError("`end` must be after `start`: hours that span midnight are two, one on each day")
        return self

    @property
    def minutes(self) -> hours.Hours:
        """From and until which minute of the day."""
        return _minute(self.start), _minute(self.end)


class WeeklyHours(Hours):
    """Some hours of every week."""

    weekday: int = Field(ge=0, le=6, strict=True, description="Monday is 0.", examples=[0])


def _in_our_time(value: T) -> T:
    if not 2000 <= value.year < 2200:
        raise ValueError("The year must be between 2000 and 2199")
    return value


Moment = Annotated[Timestamp, AfterValidator(_in_our_time)]
"""A time of our days: every zone can show it."""


class DayException(Body):
    """Other hours on one day."""

    date: Annotated[date, WrittenDate, AfterValidator(_in_our_time), Field(examples=["2026-12-24"])]
    hours: list[Hours] = Field(default_factory=list, max_length=20, description="None: a day off.")


EXAMPLE_SCHEDULE: dict[str, Any] = {
    "time_zone": "Europe/Lisbon",
    "weekly": [{"weekday": 0, "start": "09:00", "end": "12:00"}],
    "exceptions": [{"date": "2026-12-24", "hours": []}],
    "minimum_notice_minutes": 60,
    "buffer_minutes": 5,
    "daily_maximum": 4,
}


class ScheduleChange(Body):
    """A mentor's hours."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_SCHEDULE]})

    time_zone: TimeZone
    weekly: list[WeeklyHours] = Field(max_length=200)
    exceptions: list[DayException] = Field(default_factory=list, max_length=400, description="One for a day.")
    minimum_notice_minutes: int = Field(
        0, ge=0, le=7 * 24 * 60, strict=True, description="How long before a session one must ask."
    )
    buffer_minutes: int = Field(0, ge=0, le=120, strict=True, description="The pause between two sessions.")
    daily_maximum: int | None = Field(
        None, ge=1, le=100, strict=True, description="The most sessions on a day; null: any number."
    )

    @model_validator(mode="after")
    def _one_for_a_day(self) -> Self:
        days = [exception.date for exception in self.exceptions]
        if len(days) > len(set(days)):
            raise ValueError("There may be one exception for a day, with all of its hours")
        return self


class Schedule(BaseModel):
    """A mentor's hours, and whether there are any: who has none may be asked for any time."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_SCHEDULE | {"is_set": True}]})

    is_set: bool
    time_zone: str
    weekly: list[WeeklyHours]
    exceptions: list[DayException]
    minimum_notice_minutes: int
    buffer_minutes: int
    daily_maximum: int | None


def as_hours(row: Mapping[str, Any]) -> hours.Schedule:
    """What is computed with, out of a row of `schedules`."""
    weekly: dict[int, list[hours.Hours]] = {}
    for each in row["weekly"]:
        weekly.setdefault(each["weekday"], []).append((_minute(each["start"]), _minute(each["end"])))
    return hours.Schedule(
        time_zone=row["time_zone"],
        weekly=weekly,
        exceptions={
            date.fromisoformat(each["date"]): [(_minute(part["start"]), _minute(part["end"])) for part in each["hours"]]
            for each in row["exceptions"]
        },
        minimum_notice=timedelta(minutes=row["minimum_notice_minutes"]),
        buffer=timedelta(minutes=row["buffer_minutes"]),
        daily_maximum=row["daily_maximum"],
    )


class Slot(BaseModel):
    """A time that can be booked."""

    starts_at: datetime
    ends_at: datetime


class Slots(Page[Slot]):
    """The free slots of a mentor."""

    has_schedule: bool = Field(description="False: the mentor has no hours, and may be asked for any time.")
    time_zone: str = Field(description="Where the mentor is.", examples=["Europe/Lisbon"])


def as_slots(spans: Sequence[hours.Span]) -> list[dict[str, datetime]]:
    """Slots."""
    return [{"starts_at": begin, "ends_at": end} for begin, end in spans]


Minutes = Annotated[int, Field(ge=SHORTEST_MINUTES, le=LONGEST_MINUTES, strict=True, examples=[15])]
Topic = Annotated[Line, Field(max_length=LONGEST_TOPIC, examples=["asyncio.gather and exceptions"])]
Reason = Annotated[Text, Field(max_length=LONGEST_REASON, examples=["I am away this week."])]


class NewSession(Body):
    """A wish for some minutes of a mentor's time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"mentor_id": 9, "topic": "asyncio.gather and exceptions", "starts_at": "2026-01-31T15:00:00Z"}
            ]
        }
    )

    mentor_id: int = Field(ge=1, le=LARGEST_ID, strict=True, examples=[9])
    ticket_id: int | None = Field(
        None,
        ge=1,
        le=LARGEST_ID,
        strict=True,
        description="A ticket of one's own. The mentor then knows whose it is, also where it was asked anonymously.",
        examples=[12],
    )
    topic: Topic | None = None
    starts_at: Moment | None = Field(None, description="Null: now.")
    duration_minutes: Minutes | None = Field(None, description=f"Null: {SHORTEST_MINUTES}.")


class Offer(Body):
    """Another time."""

    starts_at: Moment
    duration_minutes: Minutes | None = Field(None, description="Null: as long as before.")


class Refusal(Body):
    """Why not."""

    reason: Reason | None = None


EXAMPLE_SESSION: dict[str, Any] = {
    "id": 5,
    "student_id": 7,
    "mentor_id": 9,
    "ticket_id": None,
    "topic": "asyncio.gather and exceptions",
    "status": "requested",
    "is_now": False,
    "awaits": "mentor",
    "starts_at": "2026-01-31T15:00:00Z",
    "ends_at": "2026-01-31T15:15:00Z",
    "duration_minutes": 15,
    "expires_at": "2026-01-31T14:00:00Z",
    "reason": None,
    "created_at": "2026-01-30T09:30:00Z",
    "updated_at": "2026-01-30T09:30:00Z",
    "answered_at": None,
    "started_at": None,
    "ended_at": None,
    "missed_by": None,
    "extension": None,
    "student": EXAMPLE_PERSON,
    "mentor": EXAMPLE_PERSON | {"id": 9, "username": "ben", "role": "mentor"},
}


class Extension(BaseModel):
    """Somebody asks for more time."""

    asked_by: int = Field(description="Whose question it is; the other may agree.", examples=[7])
    minutes: int = Field(examples=[10])


def as_extension(row: Mapping[str, Any]) -> dict[str, int] | None:
    """The open question for more time, out of a row that has the columns of a session and of its room."""
    if row["asked_by"] is None:
        return None
    return {"asked_by": row[f"{row['asked_by']}_id"], "minutes": row["asked_minutes"]}


class Session(BaseModel):
    """A live session: wished for, booked, going on, or over."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_SESSION]})

    id: int = Field(examples=[5])
    student_id: int
    mentor_id: int
    ticket_id: int | None
    topic: str
    status: Status
    is_now: bool = Field(description="It was asked for at once: it begins when it is accepted.")
    awaits: Literal["mentor", "student"] | None = Field(description="While requested: who is to answer.")
    starts_at: datetime
    ends_at: datetime = Field(description="When its time is over; `ended_at` says when it really ended.")
    duration_minutes: int
    expires_at: datetime | None = Field(description="While requested: until when it may be accepted.")
    reason: str | None = Field(description="Why it was declined or cancelled.")
    created_at: datetime
    updated_at: datetime
    answered_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    missed_by: Literal["student", "mentor", "both"] | None = Field(
        description="Who had not come ten minutes after the beginning."
    )
    extension: Extension | None = Field(description="While it goes on: who asks for more time.")
    student: UserPublic
    mentor: UserPublic


SESSION_FIELDS = tuple(name for name in Session.model_fields if name not in ("student", "mentor", "extension"))


def as_session(row: Mapping[str, Any]) -> dict[str, Any]:
    """Session out of a row of `queries.SESSIONS`."""
    session = {name: row[name] for name in SESSION_FIELDS}
    if row["status"] != Status.REQUESTED:
        session["awaits"] = session["expires_at"] = None
    session["extension"] = as_extension(row)
    return session | {"student": public_user(row, "student_"), "mentor": public_user(row, "mentor_")}


class CalendarUrl(BaseModel):
    """Where a calendar program finds one's sessions. Whoever knows it can read them."""

    url: str = Field(examples=["https://mentorq.example.org/calendar/Zk3v9yQ0cXb1uQm5.ics"])
