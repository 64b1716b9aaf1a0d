"""Reviews on the wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mentorq.accounts.schemas import EXAMPLE_PERSON, UserPublic
from mentorq.core.inputs import Body, Flag, Text
from mentorq.reviews.models import LONGEST_COMMENT


class NewReview(Body):
    """How it was."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rating": 5, "comment": "Clear and patient."}]})

    rating: int = Field(ge=1, le=5, strict=True)
    comment: Annotated[Text, StringConstraints(max_length=LONGEST_COMMENT)] | None = None
    may_be_shown: Flag = Field(
        False,
        description="The mentor may show it on the profile, with my name, unless I asked anonymously.",
    )


class ReviewChange(Body):
    """What can be changed of a review: whether the mentor may show it."""

    may_be_shown: Flag


class Review(BaseModel):
    """What the owner of a closed ticket says of its mentor."""

    id: int
    ticket_id: int
    student_id: int | None = Field(description="null: the asker is anonymous.")
    mentor_id: int
    rating: int = Field(examples=[5])
    comment: str = Field(examples=["Clear and patient."])
    created_at: datetime
    may_be_shown: bool = Field(description="Its student lets the mentor show it on the profile.")
    is_shown: bool = Field(description="The mentor does so: it is a testimonial.")


EXAMPLE_TESTIMONIAL: dict[str, Any] = {
    "review_id": 31,
    "ticket_id": 12,
    "ticket_title": "Why is my list None?",
    "rating": 5,
    "comment": "Clear and patient.",
    "student": EXAMPLE_PERSON,
    "created_at": "2026-02-03T09:12:00Z",
}


class Testimonial(BaseModel):
    """A review that stands on a mentor's profile, because both want it."""

    review_id: int
    ticket_id: int
    ticket_title: str
    rating: int
    comment: str
    student: UserPublic | None = Field(description="null: the asker is anonymous.")
    created_at: datetime
