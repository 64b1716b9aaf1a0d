"""What can be wrong with a ticket."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from mentorq.core.errors import DomainError, FieldError, Forbidden, InvalidInput, NotFound
from mentorq.core.secrets import Finding


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


class LooksLikeSecret(InvalidInput):
    """What is about to become public looks like a secret; with `allow_secrets` it is published all the same."""

    code = "looks_like_secret"
    detail = (
        "This looks as if it held a secret, and everyone will be able to read it. Take the secret out, or send "
        "`allow_secrets: true` if it is none."
    )
    example: ClassVar[list[FieldError]] = [
        {"pointer": "/description", "detail": "line 4, column 9: looks like a GitHub token"},
    ]
    MOST = 50
    """More places than these are not told."""

    def __init__(self, found: Mapping[str, list[Finding]] = MappingProxyType({})) -> None:
        self.found = found
        """The places in each field; what is there is not kept."""
        places = [(field, place) for field, places in found.items() for place in places]
        super().__init__(errors=[_told(field, place) for field, place in places[: self.MOST]])


def _told(field: str, place: Finding) -> FieldError:
    return {
        "pointer": f"/{field}",
        "detail": f"line {place.line}, column {place.column}: looks like {place.kind}",
    }
