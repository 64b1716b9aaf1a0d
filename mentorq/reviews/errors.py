"""What can be wrong with a review."""

from mentorq.core.errors import DomainError, NotFound


class TicketNotClosed(DomainError):
    """It can be reviewed when it is closed."""

    status = 409
    code = "ticket_not_closed"
    detail = "Close the ticket first, then review it."


class AlreadyReviewed(DomainError):
    """A ticket is reviewed once."""

    status = 409
    code = "already_reviewed"
    detail = "You have reviewed this ticket already."


class ReviewNotFound(NotFound):
    """There is no review, or none that you may see."""

    code = "review_not_found"
    detail = "This ticket has no review."


class NotAllowedToShow(DomainError):
    """Its student has not said that it may be shown."""

    status = 409
    code = "not_allowed_to_show"
    detail = "The student has not said that this may be shown on your profile."


class NothingToShow(DomainError):
    """It has stars, but no words."""

    status = 409
    code = "nothing_to_show"
    detail = "This review has no words that could be shown."
