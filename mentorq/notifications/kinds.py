"""What people are told of, and how unless they say otherwise."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a notification is about."""

    TICKET_ACCEPTED = "ticket_accepted"
    TICKET_MATCHING = "ticket_matching"
    TICKET_RELEASED = "ticket_released"
    SOLUTION_POSTED = "solution_posted"
    TICKET_REOPENED = "ticket_reopened"
    TICKET_CLOSED = "ticket_closed"
    MESSAGE_POSTED = "message_posted"
    REVIEW_RECEIVED = "review_received"
    SESSION_REQUESTED = "session_requested"
    SESSION_ACCEPTED = "session_accepted"
    SESSION_DECLINED = "session_declined"
    SESSION_CANCELLED = "session_cancelled"
    SESSION_REMINDER = "session_reminder"
    FOLLOWED_MENTOR_ACTIVITY = "followed_mentor_activity"
    ACHIEVEMENT_AWARDED = "achievement_awarded"


class Email(StrEnum):
    """When a mail goes out."""

    OFF = "off"
    IMMEDIATE = "immediate"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Channels:
    """Where somebody is told of one kind of things."""

    in_app: bool = True
    email: Email = Email.IMMEDIATE
    push: bool = True

    @property
    def are_silent(self) -> bool:
        """Nobody would ever hear of it."""
        return not self.in_app and self.email == Email.OFF and not self.push


USUAL: dict[Kind, Channels] = {kind: Channels() for kind in Kind} | {
    Kind.TICKET_MATCHING: Channels(email=Email.DAILY),
    Kind.TICKET_CLOSED: Channels(email=Email.OFF, push=False),
    Kind.FOLLOWED_MENTOR_ACTIVITY: Channels(in_app=False, email=Email.DAILY, push=False),
    Kind.ACHIEVEMENT_AWARDED: Channels(email=Email.OFF, push=False),
}
"""What somebody is told who has not said anything: what one waits for at once, the rest without noise."""
