"""What tickets announce."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class TicketPosted:
    """A student asked."""

    ticket_id: int
    student_id: int


@dataclass(frozen=True)
class TicketEdited:
    """The owner changed an open ticket."""

    ticket_id: int


@dataclass(frozen=True)
class TicketDeleted:
    """The owner took an open ticket away."""

    ticket_id: int
    student_id: int


@dataclass(frozen=True)
class TicketAccepted:
    """A mentor took a ticket; `claim_no` counts how often that has happened to it."""

    ticket_id: int
    mentor_id: int
    claim_no: int = 0


@dataclass(frozen=True)
class TicketReleased:
    """It is back in the queue: given back, or its lease ran out (`expired`)."""

    ticket_id: int
    mentor_id: int
    expired: bool
    claim_no: int = 0


@dataclass(frozen=True)
class MentorResponded:
    """Its mentor said the first word, `seconds` after accepting; `claim_no` says which claim of the ticket it is."""

    ticket_id: int
    student_id: int
    mentor_id: int
    claim_no: int
    responded_at: datetime
    seconds: float


@dataclass(frozen=True)
class MessagePosted:
    """Somebody wrote in a ticket's conversation."""

    ticket_id: int
    message_id: int
    author_id: int


@dataclass(frozen=True)
class TicketResolved:
    """Its mentor posted the solution."""

    ticket_id: int
    student_id: int
    mentor_id: int
    resolved_at: datetime


@dataclass(frozen=True)
class SolutionEdited:
    """Its mentor changed the solution; `version` is the ticket's."""

    ticket_id: int
    mentor_id: int
    version: int = 0


@dataclass(frozen=True)
class TicketReopened:
    """The owner says that the solution did not help; `version` is the ticket's."""

    ticket_id: int
    student_id: int
    mentor_id: int
    version: int = 0


@dataclass(frozen=True)
class TicketClosed:
    """It is done, by its owner or by the clock (`automatic`)."""

    ticket_id: int
    student_id: int
    mentor_id: int
    automatic: bool = False
