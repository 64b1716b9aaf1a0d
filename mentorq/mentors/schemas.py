"""Mentors on the wire."""

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from mentorq.accounts.models import MOST_AT_ONCE
from mentorq.accounts.schemas import EXAMPLE_EARNED, EXAMPLE_PERSON, EarnedAchievement, UserPublic
from mentorq.core.inputs import Body, Flag, Timestamp
from mentorq.reviews.schemas import EXAMPLE_TESTIMONIAL, Testimonial
from mentorq.tags.schemas import TagName
from mentorq.tickets.schemas import Match

EXAMPLE_MENTOR: dict[str, Any] = EXAMPLE_PERSON | {
    "id": 9,
    "username": "ben",
    "role": "mentor",
    "bio": "Ten years of Python, still curious.",
    "headline": "Backend engineer",
    "links": [],
    "avatar": None,
    "time_zone": "Europe/Lisbon",
    "tags": ["python", "sql"],
    "rating_average": 4.8,
    "rating_count": 21,
    "tickets_resolved": 34,
    "median_response_seconds": 640,
    "followers": 12,
    "achievements": [EXAMPLE_EARNED],
    "away_until": None,
    "is_active": False,
    "last_active_at": "2026-01-31T14:00:00Z",
}
EXAMPLE_MATCH = {"score": 0.71, "matched_tags": ["python"], "reasons": ["Solved 12 tickets tagged python"]}


class MentorProfile(UserPublic):
    """A mentor's public page."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_MENTOR]})

    time_zone: str = Field(examples=["Europe/Lisbon"])
    tags: list[str] = Field(description="Expertise.", examples=[["python", "sql"]])
    rating_average: float | None = Field(description="null: no reviews yet.", examples=[4.8])
    rating_count: int
    tickets_resolved: int
    median_response_seconds: int | None = Field(description="From accepting to the first word; null: none yet.")
    followers: int
    achievements: list[EarnedAchievement]
    away_until: datetime | None = Field(description="Available again from then on; null: not away, or without an end.")
    is_active: bool = Field(description="Here within the last minutes, whether or not available.")
    last_active_at: datetime = Field(description="About when: to ten minutes, later to an hour, then to a day.")


class MentorPage(MentorProfile):
    """A mentor's public page, with what students let it say."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [EXAMPLE_MENTOR | {"testimonials": [EXAMPLE_TESTIMONIAL]}]}
    )

    testimonials: list[Testimonial] = Field(description="What the mentor shows of it, last shown first; at most 12.")


class SuggestedMentor(MentorProfile):
    """A mentor who suits a ticket."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_MENTOR | {"match": EXAMPLE_MATCH}]})

    match: Match


class Capacity(Body):
    """How many tickets at once."""

    capacity: int | None = Field(
        None,
        ge=1,
        le=MOST_AT_ONCE,
        strict=True,
        description="With so many tickets in hand one is offered no more, though one may take them; null: as usual.",
    )


class Availability(Capacity):
    """Whether tickets are welcome."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"is_available": True},
                {"is_available": False, "away_until": "2026-02-02T09:00:00+01:00"},
                {"is_available": True, "capacity": 2},
            ]
        }
    )

    is_available: Flag
    away_until: Timestamp | None = Field(
        None, description="Available again from then on, by itself; null: not before one says so."
    )


class NewExpertise(Body):
    """A tag to be an expert in."""

    name: TagName
