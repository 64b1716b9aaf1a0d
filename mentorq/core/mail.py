"""E-mail: queued in the transaction that decides on it. Until a provider is configured, it is shown in the log."""

from typing import Any

import structlog

from mentorq.core.database import Database, Write
from mentorq.core.jobs import enqueue, external_task

log = structlog.get_logger(__name__)

DELIVER = "core.mail.deliver"


async def send(db: Write, to: str, subject: str, text: str) -> None:
    """Queue a mail: it goes out if and only if this transaction commits."""
    await enqueue(db, [(DELIVER, {"to": to, "subject": subject, "text": text})])


@external_task(DELIVER)
async def deliver(database: Database, payload: dict[str, Any]) -> None:
    """Show a mail in the log, where whoever runs this installation can read it."""
    log.info("mail", to=payload["to"], subject=payload["subject"], text=payload["text"])
