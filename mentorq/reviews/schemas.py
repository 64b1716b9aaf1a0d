"""Reviews on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mentorq.core.inputs import Body, Text
from mentorq.reviews.models import LONGEST_COMMENT


class NewReview(Body):
    """How it was."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rating": 5, "comment": "Clear and patient."}]})

    rating: int = Field(ge=1, le=5, strict=True)
    comment: Annotated[Text, StringConstraints(max_length=LONGEST_COMMENT)] = ""


class Review(BaseModel):
    """What the owner of a closed ticket says of its mentor."""

    id: int
    ticket_id: int
    student_id: int | None = Field(description="null: the asker is anonymous.")
    mentor_id: int
    rating: int = Field(examples=[5])
    comment: str = Field(examples=["Clear and patient."])
    created_at: datetime
