"""How handing a mail over can end: taken, or one of three errors. Their texts are for operators and name nobody."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from mentorq.core.mail.message import Mail


class Refused(Exception):
    """The provider will not take this mail, now or later."""


class Postponed(Exception):
    """The provider did not take it, and may later: not before `after`, where it said so."""

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Doubtful(Exception):
    """It went out, and no answer came that says what became of it."""


@dataclass
class Progress:
    """How far an attempt has come, for whoever must end it from outside."""

    has_left: bool = False
    """Whether the provider may have the mail."""


class Provider(Protocol):
    """Takes mail from us."""

    async def hand_over(self, mail: Mail, progress: Progress) -> None:
        """Give it the mail; returns when it has taken it.

        Raises:
            Refused, Postponed, Doubtful: it did not, or nobody knows.
        """
        ...
