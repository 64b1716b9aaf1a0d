"""What reviews announce."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ReviewGiven:
    """The owner of a closed ticket reviewed its mentor."""

    review_id: int
    ticket_id: int
    student_id: int
    mentor_id: int
    rating: int


@dataclass(frozen=True)
class TestimonialShown:
    """A mentor shows a review on the profile, as its student allows."""

    review_id: int
    ticket_id: int
    student_id: int
    mentor_id: int
