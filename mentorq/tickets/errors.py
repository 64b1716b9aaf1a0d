"""What can be wrong with a ticket."""

from mentorq.core.errors import DomainError, Forbidden, NotFound


class TicketNotFound(NotFound):
    """There is none, or none that you may see."""

    code = "ticket_not_found"
    detail = "There is no such ticket, or none that you may see."


class NotYours(Forbidden):
    """Only its owner or its mentor may do this."""

    code = "not_yours"
    detail = "This is not your ticket."


class TicketNotOpen(DomainError):
    """It is no longer open: somebody was faster, or it is answered already."""

    status = 409
    code = "ticket_not_open"
    detail = "This ticket is no longer open."


class TicketNotAssigned(DomainError):
    """Nobody is working on it now."""

    status = 409
    code = "ticket_not_assigned"
    detail = "Nobody is working on this ticket now, so this is not possible."


class TicketNotResolved(DomainError):
    """It has no solution yet, or is closed already."""

    status = 409
    code = "ticket_not_resolved"
    detail = "This is only possible while the ticket is resolved and not yet closed."


class TicketClosed(DomainError):
    """It is closed: the conversation is over."""

    status = 409
    code = "ticket_closed"
    detail = "This ticket is closed. Ask a new question instead."


class TicketMoved(DomainError):
    """It changed hands or state at this very moment."""

    status = 409
    code = "ticket_moved"
    detail = "This ticket has just changed hands or state. Look at it again, then repeat what you did."


class NoDraft(NotFound):
    """Nothing has been written yet."""

    code = "no_draft"
    detail = "There is no draft for this ticket."
