"""The statements that move a mail from state to state. Each is conditional: of two workers, one goes on."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.jobs import JobRow, enqueue
from mentorq.core.mail.letters import Letter, Thread
from mentorq.core.mail.models import LONGEST_REASON, EventTokenRow, MailRow, State
from mentorq.core.mail.suppressions import address_hash

DELIVER = "core.mail.deliver"
KEPT = timedelta(days=30)
EVENTS_KEPT = timedelta(days=1)
NO_TEXT = {"recipient": None, "content": None}
WORKER_DIED = "its worker ended while it was being sent"
JOB_DIED = "its job failed too often; see the log"
FORGOTTEN = "its recipient has left"


async def send(
    db: Write,
    to: str,
    letter: Letter,
    *,
    thread: Thread | None = None,
    unsubscribe_url: str | None = None,
    still_wanted: tuple[str, dict[str, Any]] | None = None,
    run_at: datetime | None = None,
) -> int:
    """Queue a mail: it goes out if and only if this transaction commits. Returns its id.

    `still_wanted` names a `condition` and what it is asked with before each attempt; where it says no, nothing is sent.
    """
    moment = now()
    due = run_at or moment
    content = {
        "letter": letter.as_json(),
        "thread": thread.as_json() if thread else None,
        "unsubscribe_url": unsubscribe_url,
        "still_wanted": list(still_wanted) if still_wanted else None,
    }
    mail_id: int = await db.scalar(
        sa.insert(MailRow)
        .values(
            state=State.WAITING,
            recipient=to,
            recipient_hash=address_hash(db.settings, to),
            content=content,
            attempts=0,
            tries=0,
            due_at=due,
            reason="",
            created_at=moment,
            changed_at=moment,
        )
        .returning(MailRow.id)
    )
    await _enqueue(db, mail_id, 0, due)
    return mail_id


async def _enqueue(db: Write, mail_id: int, attempt: int, due: datetime) -> None:
    await enqueue(db, [(DELIVER, {"mail_id": mail_id, "attempt": attempt})], run_at=due)


async def forget(db: Write, address: str) -> int:
    """Delete whom and what mails to this address are about, and send none that waits; returns how many that were."""
    forgotten = await db.execute(
        sa.update(MailRow)
        .where(MailRow.recipient_hash == address_hash(db.settings, address), MailRow.recipient.is_not(None))
        .values(
            **NO_TEXT,
            state=sa.case((MailRow.state == State.WAITING, State.SUPPRESSED), else_=MailRow.state),
            reason=sa.case((MailRow.state == State.WAITING, FORGOTTEN), else_=MailRow.reason),
            changed_at=now(),
        )
    )
    return forgotten.rowcount


async def begin(db: Write, mail_id: int, attempt: int) -> Row | None:
    """Mark a mail as being sent; None where this job has nothing (more) to do with it.

    One that bears this job's own mark is one whose worker died: nobody knows whether the provider has it.
    """
    mail = await db.row(
        sa.update(MailRow)
        .where(MailRow.id == mail_id, MailRow.state == State.WAITING, MailRow.attempts == attempt)
        .values(state=State.SENDING, attempts=attempt + 1, tries=MailRow.tries + 1, changed_at=now())
        .returning(MailRow)
    )
    if mail is None:
        await db.execute(
            sa.update(MailRow)
            .where(MailRow.id == mail_id, MailRow.state == State.SENDING, MailRow.attempts == attempt + 1)
            .values(state=State.UNKNOWN, reason=WORKER_DIED, changed_at=now())
        )
    return mail


async def end(db: Write, mail: Row, state: State, reason: str = "") -> bool:
    """Note what became of a mail that `begin` gave; whether it was still this attempt's to say.

    An attempt that was given up for dead may speak after all, and knows better.
    """
    keeps_text = state in (State.FAILED, State.UNKNOWN)  # so that a person can have it sent again
    ended = await db.execute(
        _of_attempt(mail).values(
            state=state, reason=reason[:LONGEST_REASON], changed_at=now(), **({} if keeps_text else NO_TEXT)
        )
    )
    return ended.rowcount == 1


async def put_back(db: Write, mail: Row, reason: str, due: datetime, *, counts: bool = True) -> bool:
    """Try a mail that `begin` gave again later; whether it was still this attempt's to say."""
    waiting = await db.execute(
        _of_attempt(mail).values(
            state=State.WAITING,
            reason=reason[:LONGEST_REASON],
            due_at=due,
            tries=mail["tries"] - (0 if counts else 1),
            changed_at=now(),
        )
    )
    if waiting.rowcount:
        await _enqueue(db, mail["id"], mail["attempts"], due)
    return waiting.rowcount == 1


def _of_attempt(mail: Row) -> sa.Update:
    return sa.update(MailRow).where(
        MailRow.id == mail["id"],
        MailRow.attempts == mail["attempts"],
        MailRow.state.in_([State.SENDING, State.UNKNOWN]),
    )


async def retry(db: Write, mail_id: int) -> bool:
    """Send a failed or unknown mail (again); False where there is none with its text left."""
    attempts: int | None = await db.scalar(
        sa.update(MailRow)
        .where(
            MailRow.id == mail_id,
            MailRow.state.in_([State.FAILED, State.UNKNOWN]),
            MailRow.recipient.is_not(None),
        )
        .values(state=State.WAITING, tries=0, due_at=now(), reason="", changed_at=now())
        .returning(MailRow.attempts)
    )
    if attempts is not None:
        await _enqueue(db, mail_id, attempts, now())
    return attempts is not None


async def newest(db: Read, states: Sequence[State], limit: int) -> list[Row]:
    """The newest mails in these states, without what they say."""
    columns = (MailRow.id, MailRow.state, MailRow.tries, MailRow.due_at, MailRow.reason, MailRow.created_at)
    statement = sa.select(*columns).where(MailRow.state.in_(states)).order_by(MailRow.id.desc()).limit(limit)
    return await db.rows(statement)


async def close_dead(db: Write) -> int:
    """Mails whose job is dead will not be sent by itself any more: say so; returns how many there were."""
    payloads = await db.scalars(
        sa.select(JobRow.payload).where(JobRow.task == DELIVER, JobRow.dead_at.is_not(None)).limit(10_000)
    )
    closed = 0
    for payload in payloads:
        began = MailRow.state == State.SENDING
        ended = await db.execute(
            sa.update(MailRow)
            .where(
                MailRow.id == payload["mail_id"],
                sa.or_(
                    sa.and_(MailRow.state == State.WAITING, MailRow.attempts == payload["attempt"]),
                    sa.and_(began, MailRow.attempts == payload["attempt"] + 1),
                ),
            )
            .values(
                state=sa.case((began, State.UNKNOWN), else_=State.FAILED),
                reason=sa.case((began, WORKER_DIED), else_=JOB_DIED),
                changed_at=now(),
            )
        )
        closed += ended.rowcount
    return closed


async def prune(db: Write) -> int:
    """Delete what is older than a month, and old reports of providers; returns how many mails that were."""
    await db.execute(sa.delete(EventTokenRow).where(EventTokenRow.created_at < now() - EVENTS_KEPT))
    old = await db.execute(
        sa.delete(MailRow).where(
            MailRow.created_at < now() - KEPT, MailRow.state.not_in([State.WAITING, State.SENDING])
        )
    )
    return old.rowcount
