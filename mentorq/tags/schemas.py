"""Tags on the wire."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, BaseModel, Field

from mentorq.core.inputs import Line
from mentorq.tags.names import normalise

TagName = Annotated[Line, AfterValidator(normalise), Field(max_length=35, examples=["python"])]


def _distinct(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


TagNames = Annotated[list[TagName], AfterValidator(_distinct)]
TagFilter = Annotated[TagNames, Query(alias="tag", max_length=10, description="Repeatable; any spelling of the tag.")]


class Tag(BaseModel):
    """A technology, with how many tickets and mentors have it."""

    id: int = Field(examples=[3])
    name: str = Field(examples=["python"])
    tickets: int = Field(description="Tickets that have it, in any state.", examples=[42])
    mentors: int = Field(description="Mentors who are experts in it.", examples=[7])
