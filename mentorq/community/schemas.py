"""Follows, activities and achievements on the wire."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mentorq.accounts.schemas import EXAMPLE_HONOUR, EXAMPLE_PERSON, Honour, UserPublic
from mentorq.mentors.schemas import EXAMPLE_MENTOR

EXAMPLE_FOLLOWED = EXAMPLE_PERSON | {
    name: EXAMPLE_MENTOR[name] for name in ("id", "username", "role", "bio", "headline", "links")
}


class Followed(UserPublic):
    """A mentor whom one follows."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_FOLLOWED | {"since": "2026-02-01T18:30:00Z"}]})

    since: datetime


class SolvedTicket(BaseModel):
    """What was solved; everybody can read it."""

    id: int = Field(examples=[12])
    title: str = Field(examples=["Why is my list None?"])
    tags: list[str] = Field(examples=[["python"]])


class Badge(BaseModel):
    """An achievement, in a word."""

    key: str = Field(examples=["second_wind"])
    name: str = Field(examples=["Second wind"])


class Opening(BaseModel):
    """Time that a mentor has for sessions now, and had not before."""

    minutes: int = Field(examples=[120])
    first: datetime


class Activity(BaseModel):
    """What a mentor did whom one follows."""

    id: int
    type: Literal["resolved", "achievement", "available", "slots"]
    mentor: UserPublic
    ticket: SolvedTicket | None = Field(description="Where `type` is `resolved`.")
    achievement: Badge | None = Field(description="Where `type` is `achievement`.")
    slots: Opening | None = Field(description="Where `type` is `slots`.")
    created_at: datetime


class Achievement(Honour):
    """What can be achieved."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [EXAMPLE_HONOUR | {"awarded_to": 14, "awarded_at": "2026-02-03T09:12:00Z", "ticket_id": 12}]
        }
    )

    awarded_to: int = Field(description="How many have it.")
    awarded_at: datetime | None = Field(description="When you earned it; null: not yet, or nobody is signed in.")
    ticket_id: int | None = Field(description="The ticket by which you earned it.")
