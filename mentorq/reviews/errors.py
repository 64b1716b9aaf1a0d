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
