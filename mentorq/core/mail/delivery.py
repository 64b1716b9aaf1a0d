"""Handing mails over to the provider: at most once wherever nobody can know whether it was done.

The mark `sending` is committed before the provider is asked. A worker that dies after that leaves a mail that its job
finds marked: it is never sent again by itself, but shown to operators as `unknown`.
"""

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from mentorq.core.clock import now
from mentorq.core.database import Database, Row, Write
from mentorq.core.errors import Unavailable
from mentorq.core.jobs import external_task, task
from mentorq.core.mail import outbox
from mentorq.core.mail.message import Mail, NoAddress, compose
from mentorq.core.mail.models import State
from mentorq.core.mail.outbox import DELIVER
from mentorq.core.mail.outcomes import Doubtful, Postponed, Progress, Provider, Refused
from mentorq.core.mail.suppressions import why_suppressed
from mentorq.core.telemetry import MAILS
from mentorq.mail_settings import MailProvider, provider_of

log = structlog.get_logger(__name__)

WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360, 900, 1440))
"""Between the attempts: eight in two days."""
LONGEST_WAIT = timedelta(days=1)
PERSISTENCE_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""How long a database that does not answer is asked again, when what became of a mail is to be written down."""

Condition = Callable[[Write, dict[str, Any]], Awaitable[bool]]
_conditions: dict[str, Condition] = {}


def condition(name: str) -> Callable[[Condition], Condition]:
    """Register what decides right before a mail is sent whether it is still wanted."""

    def register(holds: Condition) -> Condition:
        _conditions[name] = holds
        return holds

    return register


class LogProvider:
    """Shows mails in the log, where whoever runs this installation can read them."""

    async def hand_over(self, mail: Mail, progress: Progress) -> None:
        """Show the mail."""
        log.info("mail", to=mail.recipient, subject=mail.subject, text=mail.text)


def provider_for(known: MailProvider) -> Provider:
    """Who takes our mail."""
    if known.kind == "log":
        return LogProvider()
    if known.kind in ("smtp", "smtps"):
        from mentorq.core.mail.smtp import SmtpServer  # noqa: PLC0415 (only the worker writes mail)

        return SmtpServer(known)
    from mentorq.core.mail import http_providers  # noqa: PLC0415

    return http_providers.SendGrid(known) if known.kind == "sendgrid" else http_providers.Mailgun(known)


@external_task(DELIVER)
async def deliver(database: Database, payload: dict[str, Any]) -> None:
    """Hand one mail over, and write down what became of it."""
    async with database.write() as db:
        mail = await _begun(db, payload["mail_id"], payload["attempt"])
    if mail is None:
        return
    progress = Progress()
    try:
        provider = provider_for(provider_of(database.settings.mail_url))
        await provider.hand_over(compose(mail, database.settings), progress)
    except asyncio.CancelledError:
        if not progress.has_left:  # this worker stops: another one goes on at once
            async with database.write() as db:
                await outbox.put_back(db, mail, "", now(), counts=False)
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, its text may quote an address: it goes no further)
        outcome = _judged(error, progress)
        await _persist(database, lambda db: _note(db, mail, outcome))
    else:
        await _persist(database, lambda db: _ended(db, mail, State.SENT))


async def _begun(db: Write, mail_id: int, attempt: int) -> Row | None:
    """The mail, marked; None where it is not to be sent (any more)."""
    mail = await outbox.begin(db, mail_id, attempt)
    if mail is None:
        return None
    reason = await why_suppressed(db, mail["recipient_hash"])
    if mail["content"] is None:
        reason = outbox.FORGOTTEN
    elif reason is None and not await _is_wanted(db, mail["content"]["still_wanted"]):
        reason = "nobody wants it any more"
    if reason is None:
        return mail
    await _ended(db, mail, State.SUPPRESSED, reason)
    return None


async def _is_wanted(db: Write, asked: tuple[str, dict[str, Any]] | None) -> bool:
    if asked is None:
        return True
    name, payload = asked
    return await _conditions[name](db, payload)


def _judged(error: Exception, progress: Progress) -> Exception:
    """What an error says about the mail; one that nobody foresaw is noted down without its text."""
    if isinstance(error, (Refused, Postponed, Doubtful)):
        return error
    if isinstance(error, NoAddress):
        return Refused(str(error))
    where = "".join(traceback.format_tb(error.__traceback__)[-3:])
    log.error("handing a mail over went wrong", error=type(error).__name__, where=where)
    return (Doubtful if progress.has_left else Postponed)(type(error).__name__)


async def _note(db: Write, mail: Row, error: Exception) -> None:
    reason = str(error)
    if isinstance(error, Doubtful):
        await _ended(db, mail, State.UNKNOWN, reason)
    elif isinstance(error, Postponed) and mail["tries"] <= len(WAITS):
        due = now() + _wait(mail["tries"], error.after)
        if await outbox.put_back(db, mail, reason, due):
            log.warning("mail will be tried again", mail=mail["id"], reason=reason, due=due.isoformat())
    else:
        await _ended(db, mail, State.FAILED, reason)


def _wait(tries: int, wish: timedelta | None) -> timedelta:
    usual = WAITS[tries - 1] * random.uniform(0.9, 1.1)
    return min(max(usual, wish or timedelta()), LONGEST_WAIT * 1.1)


async def _ended(db: Write, mail: Row, state: State, reason: str = "") -> None:
    async def tell() -> None:
        is_bad = state in (State.FAILED, State.UNKNOWN)
        (log.error if is_bad else log.debug)("mail ended", mail=mail["id"], state=str(state), reason=reason)
        MAILS.labels(str(state)).inc()

    if await outbox.end(db, mail, state, reason):
        db.after_commit(tell)


async def _persist(database: Database, write: Callable[[Write], Awaitable[None]]) -> None:
    """Write down what became of a mail, also where the database pauses just now: else it would be `unknown`."""
    for seconds in (*PERSISTENCE_SECONDS, None):
        try:
            async with database.write() as db:
                await write(db)
        except Unavailable:
            if seconds is None:
                raise
            await asyncio.sleep(seconds)
        else:
            return


@task("core.mail.tend", every=timedelta(hours=1))
async def tend(db: Write, payload: dict[str, Any]) -> datetime | None:
    """Say of mails whose job is dead that they failed, and delete old ones."""
    if closed := await outbox.close_dead(db):
        log.error("jobs of mails had died", mails=closed)
    await outbox.prune(db)
    return None
