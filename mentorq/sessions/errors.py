"""What can be wrong with a live session."""

from mentorq.core.errors import DomainError, Forbidden, NotFound


class MentorUnavailable(DomainError):
    """Busy, away, or outside the hours that the mentor has."""

    status = 409
    code = "mentor_unavailable"
    detail = "The mentor is not available then. Choose one of the free slots, or ask somebody else."


class DayFull(MentorUnavailable):
    """The mentor wants no more sessions on that day."""

    detail = "The mentor has as many sessions on that day as there should be. Choose another day."


class SlotTaken(DomainError):
    """An accepted session lies there."""

    status = 409
    code = "slot_taken"
    detail = "A session is booked at that time already. Choose another one."


class SessionNotFound(NotFound):
    """There is none, or it is of others."""

    code = "session_not_found"
    detail = "There is no such session, or none that you may see."


class NotYourTurn(Forbidden):
    """Only the other one may do this."""

    code = "not_yours_to_do"
    detail = "Only the other one of this session may do this."


class SessionNotRequested(DomainError):
    """It is answered already, or nobody answered in time."""

    status = 409
    code = "session_not_requested"
    detail = "This request no longer waits for an answer."


class AnsweredTooLate(SessionNotRequested):
    """Its time to be answered is over, though the clock has not noted it yet."""

    detail = "Nobody answered this request in time."


class AwaitsTheOther(DomainError):
    """The other one has been asked, and has not answered yet."""

    status = 409
    code = "awaits_the_other"
    detail = "The other one has to answer first."


class SessionOver(DomainError):
    """It is going on or over: there is nothing to cancel."""

    status = 409
    code = "session_not_cancellable"
    detail = "This session can no longer be cancelled: it is going on, or over."


class SessionNotLive(DomainError):
    """It has not begun, or is over."""

    status = 409
    code = "session_not_live"
    detail = "This session is not going on now."


class RoomNotOpen(Forbidden):
    """It is not booked: not yet, or not any longer."""

    code = "room_not_open"
    detail = "This session is not booked, so there is no room to enter."


class NoTicket(DomainError):
    """The session is about no ticket, so there is nothing that its transcript could go with."""

    status = 409
    code = "no_ticket"
    detail = "This session is about no ticket, so its transcript stays with the two of you."


class SessionNotOver(DomainError):
    """What it leaves is not whole yet."""

    status = 409
    code = "session_not_over"
    detail = "This session is not over. When it has ended, its transcript may go with the ticket."


class ExtensionTooLong(DomainError):
    """It would go on for longer than a session may."""

    status = 409
    code = "extension_too_long"
    detail = "A session takes two hours at most, with all extensions. Book another one."


class SessionNotBegun(SessionNotLive):
    """Its time is still to come."""

    detail = "This session has not begun. Cancel it instead."


class SessionMoved(DomainError):
    """Its time or state has changed at this very moment."""

    status = 409
    code = "session_moved"
    detail = "This session has just changed. Look at it again, then repeat what you did."


class CalendarNotFound(NotFound):
    """Nobody has a calendar at this address, or not any longer."""

    code = "calendar_not_found"
    detail = "There is no calendar at this address, or no longer. Make a new address in MentorQ."
