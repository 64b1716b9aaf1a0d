"""Statistics, leaderboards and progress on the wire."""

import datetime as dt
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from mentorq.accounts.schemas import EXAMPLE_PERSON, UserPublic
from mentorq.core.pagination import Page
from mentorq.insights.leaderboard import Period
from mentorq.sessions.schemas import Session
from mentorq.tags.schemas import TagName

OwnPeriod = Annotated[
    Period, Query(description="Today and the 6 or 29 days before, in your own time zone; or all of it.")
]
BoardPeriod = Annotated[Period, Query(description="The week since Monday, the month since the first, in UTC; or all.")]
Ago = Annotated[int, Query(ge=0, le=120, description="So many weeks or months before that; nothing with `all`.")]
OneTag = Annotated[TagName | None, Query(alias="tag", description="Any spelling of the tag.")]

Seconds = Annotated[float | None, Field(description="null: there is none yet.", examples=[640.0])]


class Figures(BaseModel):
    """What a mentor did in some time."""

    tickets_resolved: int = Field(description="Solved then, and solved to this day.", examples=[12])
    average_response_seconds: Seconds
    median_response_seconds: Seconds = Field(description="From accepting to the first word.")
    average_resolution_seconds: Seconds
    median_resolution_seconds: Seconds = Field(description="From accepting to the solution.")
    rating_average: float | None = Field(description="Of reviews given then; null: none.", examples=[4.8])
    rating_count: int = Field(examples=[9])
    rating_distribution: dict[str, int] = Field(examples=[{"5": 8, "4": 0, "3": 1, "2": 0, "1": 0}])


class EarlierFigures(Figures):
    """The same of the period before, as far as this one has come."""

    since: dt.datetime
    until: dt.datetime


class TagFigures(BaseModel):
    """A mentor under one tag."""

    tag: str = Field(examples=["python"])
    tickets_resolved: int = Field(examples=[7])
    average_resolution_seconds: Seconds
    rating_average: float | None = Field(examples=[4.9])
    rating_count: int = Field(examples=[5])


class DayFigures(BaseModel):
    """A day of one's own time zone."""

    date: dt.date = Field(examples=["2026-01-31"])
    tickets_resolved: int = Field(examples=[3])


class Statistics(Figures):
    """A mentor in numbers."""

    period: Period
    since: dt.datetime | None = Field(description="When the period began; null: of all time.")
    time_zone: str = Field(description="Whose days they are.", examples=["Europe/Lisbon"])
    tickets_active: int = Field(description="In hand now.", examples=[2])
    by_tag: list[TagFigures] = Field(description="Most solved first.")
    by_day: list[DayFigures] = Field(description="Each day of the period, oldest first; of all time the last 365.")
    previous: EarlierFigures | None = Field(description="null with `all`.")


class Standing(BaseModel):
    """A mentor's place."""

    rank: int = Field(description="Equal scores share it; the next has as many before it: 1, 2, 2, 4.", examples=[1])
    mentor: UserPublic
    score: float = Field(description="See docs/leaderboard.md.", examples=[36.3])
    tickets_resolved: int = Field(examples=[41])
    students_helped: int = Field(examples=[35])
    rating_average: float | None = Field(examples=[4.8])
    rating_count: int = Field(examples=[29])
    median_response_seconds: int | None = Field(description="Lately, in whatever period.", examples=[640])


EXAMPLE_STANDING: dict[str, Any] = {
    "rank": 1,
    "mentor": EXAMPLE_PERSON | {"id": 9, "username": "ben", "role": "mentor"},
    "score": 36.3,
    "tickets_resolved": 41,
    "students_helped": 35,
    "rating_average": 4.8,
    "rating_count": 29,
    "median_response_seconds": 640,
}


class Leaderboard(Page[Standing]):
    """Mentors, best first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [EXAMPLE_STANDING],
                    "next_cursor": None,
                    "period": "month",
                    "since": "2026-01-01",
                    "tag": None,
                    "me": EXAMPLE_STANDING,
                }
            ]
        }
    )

    period: Period
    since: dt.date | None = Field(description="The first day, in UTC; null: of all time.")
    tag: str | None
    me: Standing | None = Field(description="One's own place, on whatever page; rank 1001: after the first thousand.")


class TicketBrief(BaseModel):
    """A question of one's own, in short."""

    id: int = Field(examples=[12])
    title: str = Field(examples=["Why is my list None?"])
    status: str = Field(examples=["resolved"])


class Happening(BaseModel):
    """Something about a question of one's own."""

    at: dt.datetime
    ticket: TicketBrief
    person: UserPublic | None = Field(description="Who; null: the clock.")
    text: str | None = Field(description="What was said.", examples=["What does it print?"])


class Need(Happening):
    """Something that waits for one: a solution to try, a message to answer, a mentor to review."""

    kind: Literal["solution", "message", "review"]


class Activity(Happening):
    """Something that somebody else did; `say`: a message."""

    action: str = Field(examples=["accept"])


class Counts(BaseModel):
    """One's questions by state."""

    open: int
    assigned: int
    resolved: int
    closed: int


class Dashboard(BaseModel):
    """Where a student begins."""

    counts: Counts
    needs: list[Need] = Field(description="By kind, each newest first; at most 10 of a kind.")
    activity: list[Activity] = Field(description="What others did lately, newest first.")
    sessions: list[Session] = Field(description="Those to come, first first.")


class Learned(BaseModel):
    """Something that was asked, and its answer."""

    asked: int = Field(examples=[4])
    solved: int = Field(examples=[3])
    median_seconds: float | None = Field(description="From asking to the solution.", examples=[5400.0])


class LearnedTag(Learned):
    """The same of one tag."""

    tag: str = Field(examples=["python"])


class LearnedWeek(Learned):
    """The same of one week: asked in it, solved in it."""

    week: dt.date = Field(description="Its Monday, in your own time zone.", examples=["2026-01-26"])
    found: int = Field(description="Answers found without asking.", examples=[1])


class Streak(BaseModel):
    """Weeks in a row in which something was learned."""

    weeks: int = Field(description="Up to now. The week that goes on breaks none.", examples=[6])
    longest: int = Field(examples=[9])
    this_week: bool = Field(description="This week counts already.")


class MilestoneReached(BaseModel):
    """Something that one gets to once."""

    key: str = Field(examples=["ten_solved"])
    title: str = Field(examples=["Ten questions solved"])
    goal: int = Field(examples=[10])
    done: int = Field(examples=[7])
    reached_at: dt.datetime | None


class LearnedArticle(BaseModel):
    """What became of a question of one's own."""

    ticket_id: int = Field(examples=[12])
    title: str = Field(examples=["Why is my list None?"])
    url: str = Field(examples=["/solved/12-why-is-my-list-none"])
    tags: list[str] = Field(examples=[["python"]])
    solved_at: dt.datetime
    upvotes: int = Field(examples=[4])
    deflected: int = Field(description="How many found their answer here instead of asking.", examples=[1])


class Progress(Learned):
    """What a student has learned."""

    found: int = Field(description="Answers found without asking.", examples=[2])
    by_tag: list[LearnedTag] = Field(description="Most asked first.")
    by_week: list[LearnedWeek] = Field(description="The last 12 weeks, oldest first.")
    streak: Streak
    milestones: list[MilestoneReached]
    learned: list[LearnedArticle] = Field(description="Articles made of one's own questions, newest first; at most 20.")
