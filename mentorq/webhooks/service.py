"""What whoever runs the installation does to webhooks: on the command line only."""

import secrets
from collections.abc import Sequence

from mentorq.core import outgoing
from mentorq.core.clock import now
from mentorq.core.database import Database, Read, Row, Write
from mentorq.core.jobs import enqueue
from mentorq.webhooks import queries, signing
from mentorq.webhooks.delivery import DELIVER, Outcome, next_attempt, send
from mentorq.webhooks.errors import DeliveryNotFound, DeliveryWaits, WebhookDisabled, WebhookNotFound
from mentorq.webhooks.models import EventName, State

BY_HAND = "Disabled on the command line."


async def add(db: Write, url: str, events: Sequence[EventName]) -> tuple[int, str]:
    """Tell an address of these events from now on; returns the webhook's id and secret.

    Raises:
        AddressRefused: it is no address, or a private one.
    """
    await _require_sendable(url, allow_private=db.settings.allow_private_addresses)
    secret = signing.new_secret()
    return await queries.add(db, url, secret, sorted(set(events))), secret


async def _require_sendable(url: str, *, allow_private: bool) -> None:
    """A name that nobody knows yet is no reason to refuse: it is looked up with each delivery anyway."""
    try:
        await outgoing.look_up(url, allow_private=allow_private)
    except outgoing.NotReached:
        return


async def everything(db: Read) -> list[Row]:
    """All webhooks, without their secrets."""
    return await queries.everything(db)


async def remove(db: Write, webhook_id: int) -> None:
    """Forget a webhook and what it was told.

    Raises:
        WebhookNotFound: there is none.
    """
    if not await queries.remove(db, webhook_id):
        raise WebhookNotFound


async def enable(db: Write, webhook_id: int) -> None:
    """Tell it again.

    Raises:
        WebhookNotFound: there is none.
    """
    if not await queries.enable(db, webhook_id):
        raise WebhookNotFound


async def disable(db: Write, webhook_id: int) -> None:
    """Tell it nothing until it is enabled.

    Raises:
        WebhookNotFound: there is none.
    """
    if not await queries.disable(db, webhook_id, BY_HAND):
        raise WebhookNotFound


async def test(database: Database, webhook_id: int) -> Outcome:
    """Send it a message of type `test` now, enabled or not, and say what comes of it.

    Raises:
        WebhookNotFound: there is none.
    """
    async with database.read() as reads:
        webhook = await queries.one(reads, webhook_id)
    if webhook is None:
        raise WebhookNotFound
    payload = {"type": "test", "timestamp": now().isoformat(), "data": {"webhook_id": webhook_id}}
    message_id = f"msg_{secrets.token_hex(16)}"
    return await send(webhook["url"], webhook["secret"], message_id, payload, database.settings)


async def deliveries(db: Read, webhook_id: int, limit: int, *, only_failed: bool = False) -> list[Row]:
    """What a webhook was told, newest first.

    Raises:
        WebhookNotFound: there is none.
    """
    if await queries.one(db, webhook_id) is None:
        raise WebhookNotFound
    return await queries.deliveries(db, webhook_id, limit, only_failed=only_failed)


async def replay(db: Write, delivery_id: int) -> None:
    """Send a delivery anew, as often as it takes, with the same `webhook-id` as before.

    Raises:
        DeliveryNotFound: there is none.
        DeliveryWaits: it is being sent.
        WebhookDisabled: nothing is sent to its webhook.
    """
    delivery = await queries.delivery(db, delivery_id)
    if delivery is None:
        raise DeliveryNotFound
    if not delivery["is_enabled"]:
        raise WebhookDisabled
    if delivery["state"] == State.WAITING or not await queries.wait_again(db, delivery_id):
        raise DeliveryWaits
    await enqueue(db, [(DELIVER, next_attempt(delivery_id, 0))])
