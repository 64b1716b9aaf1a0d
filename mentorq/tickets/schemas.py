"""Tickets on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mentorq.accounts.schemas import EXAMPLE_PERSON, UserPublic, Viewer, public_user
from mentorq.core.inputs import Body, Flag, Line, Text
from mentorq.tags.schemas import TagNames
from mentorq.tickets.models import (
    LONGEST_DESCRIPTION,
    LONGEST_MESSAGE,
    LONGEST_REASON,
    LONGEST_SOLUTION,
    LONGEST_TITLE,
)
from mentorq.tickets.states import Action, Status

Title = Annotated[
    Line, StringConstraints(min_length=1, max_length=LONGEST_TITLE), Field(examples=["Why is my list None?"])
]
Description = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=LONGEST_DESCRIPTION),
    Field(description="Markdown.", examples=["I call `x = x.sort()` and then `x` is `None`."]),
]
Solution = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=LONGEST_SOLUTION),
    Field(description="Markdown.", examples=["`list.sort()` sorts in place and gives `None`. Use `sorted(x)`."]),
]
Tags = Annotated[TagNames, Field(max_length=10, examples=[["python", "lists"]])]
Reason = Annotated[Text, StringConstraints(max_length=LONGEST_REASON)]

AllowSecrets = Annotated[
    Flag, Field(description="Publish it even if it looks as if it held a secret; else that is 422 `looks_like_secret`.")
]


class NewTicket(Body):
    """A question."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Why is my list None?",
                    "description": "I call `x = x.sort()` and then `x` is `None`.",
                    "tags": ["python", "lists"],
                }
            ]
        }
    )

    title: Title
    description: Description
    tags: Tags = Field(default_factory=list)
    is_anonymous: Flag = Field(False, description="Show the asker to nobody but the mentor who takes it.")
    allow_secrets: AllowSecrets = False


class TicketChange(Body):
    """What to change of an open ticket; what is left out stays."""

    title: Title | None = None
    description: Description | None = None
    tags: Tags | None = None
    allow_secrets: AllowSecrets = False


class Release(Body):
    """Why it is given back."""

    reason: Reason | None = None


class Pass(Body):
    """Why it is not for me."""

    reason: Literal["not_my_area", "unclear", "no_time", "other"] | None = Field(None, description="Null: `other`.")


class Resolution(Body):
    """The answer."""

    solution: Solution
    allow_secrets: AllowSecrets = False


class Draft(Body):
    """The answer so far."""

    body: Annotated[Text, StringConstraints(max_length=LONGEST_SOLUTION)]


class Reopening(Body):
    """What is still wrong."""

    reason: Annotated[Reason, StringConstraints(min_length=1), Field(examples=["It fails for an empty list."])]


class NewMessage(Body):
    """A message to the other one."""

    body: Annotated[
        Text, StringConstraints(min_length=1, max_length=LONGEST_MESSAGE), Field(examples=["Which version is it?"])
    ]


class Match(BaseModel):
    """How well a mentor and a ticket go together."""

    score: float = Field(ge=0, le=1, examples=[0.71])
    matched_tags: list[str] = Field(examples=[["python"]])
    reasons: list[str] = Field(description="Why, best reason first.", examples=[["Solved 12 tickets tagged python"]])


EXAMPLE_TICKET: dict[str, Any] = {
    "id": 12,
    "title": "Why is my list None?",
    "description": "I call `x = x.sort()` and then `x` is `None`.",
    "tags": ["python", "lists"],
    "status": "open",
    "student_id": 7,
    "assigned_mentor_id": None,
    "solution": None,
    "created_at": "2026-01-31T09:30:00Z",
    "updated_at": "2026-01-31T09:30:00Z",
    "assigned_at": None,
    "respond_by": None,
    "resolved_at": None,
    "closed_at": None,
    "is_anonymous": False,
    "messages": 0,
    "student": EXAMPLE_PERSON,
    "mentor": None,
}


class Ticket(BaseModel):
    """A question, with its answer once there is one."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_TICKET]})

    id: int = Field(examples=[12])
    title: str = Field(examples=["Why is my list None?"])
    description: str
    tags: list[str] = Field(examples=[["python", "lists"]])
    status: Status
    student_id: int | None
    assigned_mentor_id: int | None
    solution: str | None
    created_at: datetime
    updated_at: datetime
    assigned_at: datetime | None
    respond_by: datetime | None = Field(description="When it goes back to the queue unless its mentor answers.")
    resolved_at: datetime | None
    closed_at: datetime | None
    is_anonymous: bool
    messages: int = Field(description="How many messages its conversation has.")
    student: UserPublic | None
    mentor: UserPublic | None


class TicketInQueue(Ticket):
    """A ticket of a list."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                EXAMPLE_TICKET
                | {
                    "match": {
                        "score": 0.71,
                        "matched_tags": ["python"],
                        "reasons": ["You solved 12 tickets tagged python"],
                    }
                }
            ]
        }
    )

    match: Match | None = Field(None, description="With `sort=match`: why it is shown to you at this place.")


class Message(BaseModel):
    """A message of a ticket's conversation."""

    id: int
    ticket_id: int
    author_id: int
    author: UserPublic
    body: str
    created_at: datetime


class TicketEvent(BaseModel):
    """A transition of a ticket."""

    id: int
    action: Action
    actor_id: int | None = Field(description="null: the clock.")
    actor: UserPublic | None
    from_: Status | None = Field(alias="from")
    to: Status
    reason: str | None
    created_at: datetime


class SolutionDraft(BaseModel):
    """The answer that is being written."""

    body: str
    updated_at: datetime


class SolutionVersion(BaseModel):
    """What the solution said at some time."""

    id: int
    mentor_id: int
    body: str
    created_at: datetime


class Estimate(BaseModel):
    """Between which times it will probably be taken."""

    low: int = Field(examples=[300])
    high: int = Field(examples=[1500])


class Wait(BaseModel):
    """Where a ticket stands in the queue, and what may honestly be said about how long that takes."""

    position: int = Field(description="1: it is next.", examples=[3])
    ahead_with_same_tags: int = Field(examples=[1])
    estimate_seconds: Estimate | None = Field(description="From what such tickets took lately; null: too few of them.")
    active_mentors: int = Field(description="Available mentors of its tags who were here in the last 24 hours.")


TICKET_FIELDS = tuple(name for name in Ticket.model_fields if name not in ("student", "mentor"))


def as_ticket(row: Mapping[str, Any], viewer: Viewer) -> dict[str, Any]:
    """Ticket out of a row of `queries.TICKETS`, as `viewer` may see it: an anonymous asker is known to few."""
    ticket = {field: row[field] for field in TICKET_FIELDS}
    ticket["student"] = public_user(row, "student_")
    ticket["mentor"] = public_user(row, "mentor_")
    knows = viewer.is_admin or viewer.id in (row["student_id"], row["assigned_mentor_id"])
    if row["is_anonymous"] and not knows:
        ticket["student"] = ticket["student_id"] = None
    return ticket
