"""Notifications leave the house: by mail once they stayed unread for a while, by push at once; never in quiet hours.

What was read in the meantime, or is needed no longer, goes nowhere. A mail is written in the transaction that decides
on it, so a notification has one at most; whether it arrives is the business of `core.mail`.
"""

from datetime import datetime
from typing import Any

import orjson
import structlog

from mentorq.core import mail, outgoing, web_push
from mentorq.core.clock import now
from mentorq.core.database import Database, Read, Row, Write
from mentorq.core.jobs import enqueue, external_task, task
from mentorq.core.languages import Tongue
from mentorq.notifications import letters, queries, wording
from mentorq.notifications.hours import quiet_until
from mentorq.notifications.telling import MAIL, PUSH

log = structlog.get_logger(__name__)

STILL_UNREAD = "notifications.still_unread"
PUSH_TO = "notifications.push_to"


@task(MAIL)
async def send_mail(db: Write, payload: dict[str, Any]) -> datetime | None:
    """Write the mail, unless it was read by now; in quiet hours, come back when they end."""
    told = await queries.to_deliver(db, payload["notification_id"])
    if told is None or not may_be_mailed(told):
        return None
    if again := _quiet_until(told):
        return again
    settings = db.settings
    await mail.send(
        db,
        told["email"],
        letters.letter(settings, told, told["language"], await letters.excerpt(db, told)),
        thread=letters.thread(settings, told),
        unsubscribe_url=letters.unsubscribe_url(settings, told["user_id"], told["kind"]),
        still_wanted=(STILL_UNREAD, payload),
    )
    return None


@mail.condition(STILL_UNREAD)
async def still_unread(db: Write, payload: dict[str, Any]) -> bool:
    """Whether the mail that waits is of any use still."""
    return await queries.to_deliver(db, payload["notification_id"]) is not None


@task(PUSH)
async def push_everywhere(db: Write, payload: dict[str, Any]) -> datetime | None:
    """One job for each browser, so that one that fails is no reason to disturb the others again."""
    told = await queries.to_deliver(db, payload["notification_id"])
    if told is None or is_paused(told):
        return None
    if again := _quiet_until(told):
        return again
    browsers = await queries.subscriptions(db, told["user_id"])
    await enqueue(db, [(PUSH_TO, payload | {"subscription_id": row["id"]}) for row in browsers])
    return None


@external_task(PUSH_TO)
async def push_to(database: Database, payload: dict[str, Any]) -> None:
    """Show it in one browser. A worker that dies afterwards does it again: the browser shows the same one once.

    Raises:
        NotReached: the push service cannot take it now.
    """
    async with database.read() as db:
        told = await queries.to_deliver(db, payload["notification_id"])
        subscription = await queries.subscription(db, payload["subscription_id"])
        message = await _message(db, told) if told else b""
    if told is None or subscription is None:
        return
    where = web_push.Subscription(subscription["endpoint"], subscription["p256dh"], subscription["auth"])
    try:
        pushed = await web_push.push(database, where, message, urgency="high", topic=f"n{told['id']}")
    except (web_push.WrongSubscription, outgoing.AddressRefused) as error:
        log.warning("browser forgotten", subscription=subscription["id"], error=error.code)
        await _forget(database, where.endpoint)
        return
    if pushed.is_gone:
        await _forget(database, where.endpoint)
    elif pushed.may_pass:
        raise outgoing.NotReached(f"the push service says {pushed.status}")
    elif not pushed.is_accepted:
        log.warning("push refused", subscription=subscription["id"], status=pushed.status)


async def _message(db: Read, told: Row) -> bytes:
    """What the service worker gets."""
    tongue = Tongue(told["language"])
    return orjson.dumps(
        {
            "id": told["id"],
            "title": wording.title(told, tongue),
            "body": wording.body(told, tongue),
            "path": f"/app/notifications/{told['id']}",
            "unread": await queries.count_unread(db, told["user_id"]),
        }
    )


async def _forget(database: Database, endpoint: str) -> None:
    async with database.write() as db:
        await queries.unsubscribe(db, endpoint)


def may_be_mailed(reader: Row) -> bool:
    """Whether somebody has an address of the own, and wants to be disturbed at all."""
    return bool(reader["email"]) and reader["email_verified_at"] is not None and not is_paused(reader)


def is_paused(reader: Row) -> bool:
    """Whether somebody wants neither mail nor push for a while."""
    return reader["paused_until"] is not None and reader["paused_until"] > now()


def _quiet_until(reader: Row) -> datetime | None:
    return quiet_until(now(), reader["time_zone"], reader["quiet_from"], reader["quiet_until"])
