"""E-mail: queued in the transaction that decides on it, handed over by a job, at most once wherever that can be.

    await mail.send(db, address, Letter(subject, paragraphs))

What a mail says is a `Letter`; what became of it is a row of `mails`. `docs/mail.md` tells operators the rest.
"""

from mentorq.core.mail.delivery import condition
from mentorq.core.mail.letters import Letter, Thread
from mentorq.core.mail.message import message_id
from mentorq.core.mail.outbox import forget, send

__all__ = ["Letter", "Thread", "condition", "forget", "message_id", "send"]
