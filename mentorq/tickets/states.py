"""A ticket's life as one table: code, tests, documentation and the diagram are made from it."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    CLOSED = "closed"


PUBLISHED = (Status.RESOLVED, Status.CLOSED)
"""What anyone may read."""


class Actor(StrEnum):
    """Who does something to a ticket."""

    OWNER = "owner"
    ANY_MENTOR = "any mentor"
    ITS_MENTOR = "its mentor"
    CLOCK = "the clock"


class Action(StrEnum):
    """What may happen to a ticket; the events' log uses these words."""

    CREATE = "create"
    EDIT = "edit"
    ACCEPT = "accept"
    EXTEND = "extend"
    RELEASE = "release"
    EXPIRE = "expire"
    RESOLVE = "resolve"
    EDIT_SOLUTION = "edit_solution"
    REOPEN = "reopen"
    CLOSE = "close"
    AUTO_CLOSE = "auto_close"


@dataclass(frozen=True)
class Transition:
    """One row of the table."""

    action: Action
    actor: Actor
    source: Status | None
    target: Status
    effect: str


LIFE = (
    Transition(Action.CREATE, Actor.OWNER, None, Status.OPEN, "it joins the queue"),
    Transition(Action.EDIT, Actor.OWNER, Status.OPEN, Status.OPEN, "title, text or tags change"),
    Transition(Action.ACCEPT, Actor.ANY_MENTOR, Status.OPEN, Status.ASSIGNED, "a lease begins: respond_by"),
    Transition(Action.EXTEND, Actor.ITS_MENTOR, Status.ASSIGNED, Status.ASSIGNED, "respond_by moves on"),
    Transition(Action.RELEASE, Actor.ITS_MENTOR, Status.ASSIGNED, Status.OPEN, "it keeps its place in the queue"),
    Transition(Action.EXPIRE, Actor.CLOCK, Status.ASSIGNED, Status.OPEN, "respond_by passed without an answer"),
    Transition(Action.RESOLVE, Actor.ITS_MENTOR, Status.ASSIGNED, Status.RESOLVED, "the solution is published"),
    Transition(Action.EDIT_SOLUTION, Actor.ITS_MENTOR, Status.RESOLVED, Status.RESOLVED, "earlier versions are kept"),
    Transition(Action.REOPEN, Actor.OWNER, Status.RESOLVED, Status.ASSIGNED, "its mentor tries again"),
    Transition(Action.CLOSE, Actor.OWNER, Status.RESOLVED, Status.CLOSED, "it may be reviewed"),
    Transition(Action.AUTO_CLOSE, Actor.CLOCK, Status.RESOLVED, Status.CLOSED, "nobody did for 14 days"),
)

TRANSITIONS = {transition.action: transition for transition in LIFE}
