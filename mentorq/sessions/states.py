"""A live session's life as one table, as `tickets.states` has one: code, tests and documentation are made from it."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Where a session stands."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LIVE = "live"
    ENDED = "ended"


BOOKED = (Status.ACCEPTED, Status.LIVE)
"""What takes a person's time: two of these never overlap."""

HELD = (*BOOKED, Status.ENDED)
"""What counts for the most sessions that a mentor wants on a day."""


OVER = (Status.DECLINED, Status.CANCELLED, Status.EXPIRED, Status.ENDED)
"""What nothing more happens to."""


class Actor(StrEnum):
    """Who does something to a session."""

    STUDENT = "its student"
    MENTOR = "its mentor"
    ASKED = "whoever was asked last"
    EITHER = "either of the two"
    CLOCK = "the clock"


class Action(StrEnum):
    """What may happen to a session."""

    REQUEST = "request"
    OFFER = "offer"
    ACCEPT = "accept"
    DECLINE = "decline"
    EXPIRE = "expire"
    CANCEL = "cancel"
    BEGIN = "begin"
    END = "end"
    FINISH = "finish"


@dataclass(frozen=True)
class Transition:
    """One row of the table."""

    action: Action
    actor: Actor
    sources: tuple[Status, ...]
    target: Status
    effect: str


LIFE = (
    Transition(Action.REQUEST, Actor.STUDENT, (), Status.REQUESTED, "a wish: it takes nobody's time yet"),
    Transition(Action.OFFER, Actor.MENTOR, (Status.REQUESTED,), Status.REQUESTED, "another time; the student is asked"),
    Transition(Action.ACCEPT, Actor.ASKED, (Status.REQUESTED,), Status.ACCEPTED, "it is booked for both"),
    Transition(Action.DECLINE, Actor.MENTOR, (Status.REQUESTED,), Status.DECLINED, "it is not to be"),
    Transition(Action.EXPIRE, Actor.CLOCK, (Status.REQUESTED,), Status.EXPIRED, "nobody answered in time"),
    Transition(
        Action.CANCEL, Actor.EITHER, (Status.REQUESTED, Status.ACCEPTED), Status.CANCELLED, "time is free again"
    ),
    Transition(Action.BEGIN, Actor.CLOCK, (Status.ACCEPTED,), Status.LIVE, "its time has come"),
    Transition(
        Action.END, Actor.EITHER, (Status.ACCEPTED, Status.LIVE), Status.ENDED, "earlier, but not before it began"
    ),
    Transition(Action.FINISH, Actor.CLOCK, (Status.LIVE,), Status.ENDED, "its time is over"),
)

TRANSITIONS = {transition.action: transition for transition in LIFE}
