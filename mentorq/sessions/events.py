"""What live sessions announce. `sequence` tells one change of a session from another."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SessionRequested:
    """A student asks a mentor, or a mentor offers another time (`is_offer`): `asked_id` is to answer."""

    session_id: int
    actor_id: int
    asked_id: int
    starts_at: datetime
    sequence: int
    is_offer: bool = False


@dataclass(frozen=True)
class SessionAccepted:
    """It is booked: `actor_id` accepted what `asker_id` wished or offered."""

    session_id: int
    actor_id: int
    asker_id: int
    starts_at: datetime
    sequence: int


@dataclass(frozen=True)
class SessionDeclined:
    """It is not to be: the mentor declined, or nobody answered in time (`is_expired`)."""

    session_id: int
    student_id: int
    mentor_id: int
    starts_at: datetime
    is_expired: bool = False


@dataclass(frozen=True)
class SessionCancelled:
    """`actor_id` cancelled it, and `other_id` may have counted on it; `was_booked` if it was accepted."""

    session_id: int
    actor_id: int
    other_id: int
    starts_at: datetime
    was_booked: bool = True


@dataclass(frozen=True)
class SessionReminder:
    """It begins soon: in a day, or in `minutes`."""

    session_id: int
    student_id: int
    mentor_id: int
    starts_at: datetime
    minutes: int


@dataclass(frozen=True)
class SessionMissed:
    """Ten minutes after the beginning somebody is not there: `missed_by` is `student`, `mentor` or `both`."""

    session_id: int
    student_id: int
    mentor_id: int
    starts_at: datetime
    missed_by: str


@dataclass(frozen=True)
class SessionEnded:
    """It is over."""

    session_id: int
    student_id: int
    mentor_id: int


@dataclass(frozen=True)
class ScheduleChanged:
    """A mentor has other hours now; `opened_minutes` that nobody could book before are free, the first `opened_at`."""

    mentor_id: int
    opened_minutes: int
    opened_at: datetime | None
