"""Sending a delivery, and what follows from the answer.

At least once: if this process dies between the answer and the note of it, the same message is sent again, with the
same `webhook-id`. Each attempt has a job of its own, which names the attempt: one that is not the latest does nothing.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import orjson
import structlog

from mentorq.core import outgoing
from mentorq.core.clock import now
from mentorq.core.database import Database, Row, Write
from mentorq.core.jobs import LONGEST_RETRY_SECONDS, MAX_ATTEMPTS, enqueue, external_task, retry_delay, task
from mentorq.settings import Settings
from mentorq.webhooks import queries, signing
from mentorq.webhooks.models import LONGEST_ERROR, State

log = structlog.get_logger(__name__)

DELIVER = "webhooks.deliver"
TIMEOUT_SECONDS = 10.0
SLOW_SECONDS = 3.0
PAUSE = timedelta(seconds=30)
FAILING_FOR = timedelta(days=3)
KEPT_FOR = timedelta(days=30)
FORGOTTEN_AT_ONCE = 5_000

NOT_ASKED = "not asked: it failed slowly a moment ago"
FAILED_TOO_LONG = "Nothing was delivered for three days."
GONE = "It answered 410: it is gone for good."
DISABLED = "the webhook is disabled"


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt. `blames` is False where it says nothing about the receiver."""

    status: int | None = None
    error: str | None = None
    is_final: bool = False
    blames: bool = True
    seconds: float = 0.0
    retry_after: timedelta = timedelta(0)

    @property
    def is_success(self) -> bool:
        """The receiver has it."""
        return self.error is None


def next_attempt(delivery_id: int, attempts: int) -> dict[str, Any]:
    """The payload of the job that makes an attempt, after so many that were made."""
    return {"delivery_id": delivery_id, "attempts": attempts}


@external_task(DELIVER)
async def deliver(database: Database, payload: dict[str, Any]) -> None:
    """Make one attempt, unless it is not wanted any more."""
    async with database.read() as reads:
        delivery = await queries.due(reads, payload["delivery_id"], payload["attempts"])
    if delivery is None:
        return
    outcome = await _attempt(delivery, database.settings)
    async with database.write() as db:
        await note(db, delivery, outcome)


async def _attempt(delivery: Row, settings: Settings) -> Outcome:
    if not delivery["is_enabled"]:
        return Outcome(error=DISABLED, is_final=True, blames=False)
    if delivery["paused_until"] is not None and delivery["paused_until"] > now():
        return Outcome(error=NOT_ASKED, blames=False)
    return await send(
        delivery["url"], delivery["secret"], f"msg_{delivery['event_key']}", delivery["payload"], settings
    )


async def send(url: str, secret: str, message_id: str, payload: dict[str, Any], settings: Settings) -> Outcome:
    """Send a message once, and say in words what came of it."""
    body = orjson.dumps(payload)
    began = time.monotonic()
    try:
        answer = await outgoing.post(
            url,
            content=body,
            headers=signing.headers(secret, message_id, int(now().timestamp()), body),
            timeout_seconds=TIMEOUT_SECONDS,
            allow_private=settings.allow_private_addresses,
        )
    except outgoing.AddressRefused as refused:
        return Outcome(error=refused.detail, is_final=True)
    except outgoing.NotReached as failure:
        return Outcome(error=str(failure), seconds=time.monotonic() - began)
    return _judged(answer, time.monotonic() - began)


def _judged(answer: outgoing.Answer, seconds: float) -> Outcome:
    if answer.is_success:
        return Outcome(answer.status, seconds=seconds)
    said = f"it answered {answer.status}"
    if 300 <= answer.status < 400:
        said += ": redirects are not followed, so register the address where it ends"
    wish = timedelta(seconds=min(answer.retry_after_seconds or 0, LONGEST_RETRY_SECONDS))
    return Outcome(answer.status, said, is_final=answer.status == HTTPStatus.GONE, seconds=seconds, retry_after=wish)


async def note(db: Write, delivery: Row, outcome: Outcome) -> None:
    """Write down what came of an attempt; let the next one follow, or nothing."""
    made = delivery["attempts"] + 1
    state = _state_after(outcome, made)
    values: dict[str, Any] = {"state": state, "last_status": outcome.status, "last_error": _shortened(outcome.error)}
    if state == State.DELIVERED:
        values["delivered_at"] = now()
    if not await queries.note(db, delivery, values):
        return
    if state == State.WAITING:
        later = now() + max(retry_delay(made), outcome.retry_after)
        await enqueue(db, [(DELIVER, next_attempt(delivery["id"], made))], run_at=later)
    names = {"webhook": delivery["webhook_id"], "delivery": delivery["id"]}
    if not outcome.is_success:
        log.warning("webhook not delivered", **names, attempts=made, state=state, error=outcome.error)
    if outcome.blames:
        await _note_receiver(db, delivery["webhook_id"], outcome)


def _state_after(outcome: Outcome, attempts: int) -> State:
    if outcome.is_success:
        return State.DELIVERED
    return State.FAILED if outcome.is_final or attempts >= MAX_ATTEMPTS else State.WAITING


def _shortened(error: str | None) -> str | None:
    return error[:LONGEST_ERROR] if error else None


async def _note_receiver(db: Write, webhook_id: int, outcome: Outcome) -> None:
    """Who fails slowly is left alone for a moment, so that jobs of others do not wait for it again and again."""
    if outcome.is_success:
        await queries.note_success(db, webhook_id)
        return
    await queries.note_failure(db, webhook_id, PAUSE if outcome.seconds >= SLOW_SECONDS else None)
    if outcome.status == HTTPStatus.GONE:
        await queries.disable(db, webhook_id, GONE)
        log.error("webhook disabled", webhook=webhook_id, reason=GONE)
    elif await queries.give_up(db, webhook_id, FAILING_FOR, FAILED_TOO_LONG):
        log.error("webhook disabled", webhook=webhook_id, reason=FAILED_TOO_LONG)


@task("webhooks.forget", every=timedelta(days=1))
async def forget(db: Write, _: dict[str, Any]) -> datetime | None:
    """Delete what was delivered, or not, a month ago."""
    forgotten = await queries.forget(db, now() - KEPT_FOR, FORGOTTEN_AT_ONCE)
    return now() if forgotten == FORGOTTEN_AT_ONCE else None
