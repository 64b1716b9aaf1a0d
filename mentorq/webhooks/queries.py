"""Every statement about webhooks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.sessions.models import SessionRow
from mentorq.tickets.models import TicketRow
from mentorq.webhooks.models import EventName, State, WebhookDeliveryRow, WebhookRow

W, D = WebhookRow.__table__.c, WebhookDeliveryRow.__table__.c
SHOWN = (W.id, W.url, W.events, W.is_enabled, W.created_at, W.disabled_reason, W.failing_since)
"""All but the secret."""


async def add(db: Write, url: str, secret: str, events: Sequence[EventName]) -> int:
    """A new webhook; returns its id."""
    values = {"url": url, "secret": secret, "events": list(events), "is_enabled": True, "created_at": now()}
    added: int = await db.scalar(sa.insert(WebhookRow).values(values).returning(W.id))
    return added


async def everything(db: Read) -> list[Row]:
    """All webhooks, without their secrets."""
    return await db.rows(sa.select(*SHOWN).order_by(W.id))


async def one(db: Read, webhook_id: int) -> Row | None:
    """A webhook, with its secret: for sending."""
    return await db.row(sa.select(WebhookRow.__table__).where(W.id == webhook_id))


async def remove(db: Write, webhook_id: int) -> bool:
    """A webhook and its deliveries go; returns whether there was one."""
    return bool((await db.execute(sa.delete(WebhookRow).where(W.id == webhook_id))).rowcount)


async def enable(db: Write, webhook_id: int) -> bool:
    """It is told again, as if nothing had ever failed; returns whether there is one."""
    fresh = {"is_enabled": True, "disabled_reason": None, "failing_since": None, "paused_until": None}
    return bool((await db.execute(sa.update(WebhookRow).where(W.id == webhook_id).values(fresh))).rowcount)


async def disable(db: Write, webhook_id: int, reason: str, *conditions: sa.ColumnElement[bool]) -> bool:
    """It is told nothing from now on; returns whether there is one that fulfils the conditions."""
    statement = sa.update(WebhookRow).where(W.id == webhook_id, *conditions)
    return bool((await db.execute(statement.values(is_enabled=False, disabled_reason=reason))).rowcount)


async def that_want(db: Read, event: EventName) -> list[int]:
    """The webhooks that are to be told of an event. There are few, so each is looked at."""
    enabled = await db.rows(sa.select(W.id, W.events).where(W.is_enabled).order_by(W.id))
    return [webhook["id"] for webhook in enabled if event in webhook["events"]]


async def add_deliveries(
    db: Write, webhook_ids: Sequence[int], event: EventName, event_key: str, payload: dict[str, Any]
) -> list[int]:
    """An event for each webhook that has not got it yet; returns the new deliveries' ids."""
    shared = {"event": event, "event_key": event_key, "payload": payload, "state": State.WAITING, "attempts": 0}
    rows = [{"webhook_id": webhook_id, "created_at": now()} | shared for webhook_id in webhook_ids]
    return await db.scalars(
        db.insert(WebhookDeliveryRow).values(rows).on_conflict_do_nothing().returning(D.id),
    )


async def due(db: Read, delivery_id: int, attempt: int) -> Row | None:
    """A delivery with its webhook, if it still waits for this very attempt."""
    return await db.row(
        sa.select(D.id, D.webhook_id, D.event_key, D.payload, D.attempts, W.url, W.secret, W.is_enabled, W.paused_until)
        .join_from(WebhookDeliveryRow, WebhookRow, W.id == D.webhook_id)
        .where(D.id == delivery_id, D.state == State.WAITING, D.attempts == attempt)
    )


async def note(db: Write, delivery: Row, values: dict[str, Any]) -> bool:
    """What became of an attempt; returns False if it was not the latest any more."""
    mine = (D.id == delivery["id"], D.state == State.WAITING, D.attempts == delivery["attempts"])
    statement = sa.update(WebhookDeliveryRow).where(*mine)
    return bool((await db.execute(statement.values(attempts=delivery["attempts"] + 1, **values))).rowcount)


async def note_success(db: Write, webhook_id: int) -> None:
    """It works, or does so again."""
    troubled = sa.or_(W.failing_since.is_not(None), W.paused_until.is_not(None))
    well = sa.update(WebhookRow).where(W.id == webhook_id, troubled)
    await db.execute(well.values(failing_since=None, paused_until=None))


async def note_failure(db: Write, webhook_id: int, pause: timedelta | None) -> None:
    """It does not work: since now, or since whenever it was that it first did not."""
    values: dict[str, Any] = {
        "failing_since": sa.func.coalesce(W.failing_since, sa.literal(now(), W.failing_since.type))
    }
    if pause is not None:
        values["paused_until"] = now() + pause
    await db.execute(sa.update(WebhookRow).where(W.id == webhook_id).values(values))


async def give_up(db: Write, webhook_id: int, failing_for: timedelta, reason: str) -> bool:
    """Disable a webhook that has failed for so long; returns whether it has."""
    return await disable(db, webhook_id, reason, W.is_enabled, W.failing_since <= now() - failing_for)


async def deliveries(db: Read, webhook_id: int, limit: int, *, only_failed: bool) -> list[Row]:
    """What a webhook was told, newest first."""
    columns = (D.id, D.event, D.state, D.attempts, D.last_status, D.last_error, D.created_at, D.delivered_at)
    statement = sa.select(*columns).where(D.webhook_id == webhook_id)
    if only_failed:
        statement = statement.where(D.state == State.FAILED)
    return await db.rows(statement.order_by(D.id.desc()).limit(limit))


async def delivery(db: Read, delivery_id: int) -> Row | None:
    """A delivery's state, and whether its webhook is enabled."""
    return await db.row(
        sa.select(D.id, D.state, W.is_enabled)
        .join_from(WebhookDeliveryRow, WebhookRow, W.id == D.webhook_id)
        .where(D.id == delivery_id)
    )


async def wait_again(db: Write, delivery_id: int) -> bool:
    """A delivery begins anew; returns False if it waits already."""
    statement = sa.update(WebhookDeliveryRow).where(D.id == delivery_id, D.state != State.WAITING)
    fresh = {"state": State.WAITING, "attempts": 0, "last_status": None, "last_error": None, "delivered_at": None}
    return bool((await db.execute(statement.values(fresh))).rowcount)


async def forget(db: Write, before: datetime, limit: int) -> int:
    """Delete some deliveries of before a moment; returns how many."""
    old = sa.select(D.id).where(D.created_at < before).order_by(D.created_at).limit(limit)
    return (await db.execute(sa.delete(WebhookDeliveryRow).where(D.id.in_(old)))).rowcount


async def ticket(db: Read, ticket_id: int) -> Row | None:
    """What payloads say of a ticket, or need to know to stay silent."""
    t = TicketRow.__table__.c
    columns = (t.id, t.tags, t.status, t.title, t.is_anonymous, t.student_id, t.assigned_mentor_id)
    return await db.row(sa.select(*columns).where(t.id == ticket_id))


async def session(db: Read, session_id: int) -> Row | None:
    """What payloads say of a live session, and whether its ticket's asker is anonymous."""
    s, t = SessionRow.__table__, TicketRow.__table__
    columns = (s.c.student_id, s.c.mentor_id, s.c.ticket_id, s.c.starts_at, s.c.duration_minutes, s.c.is_now)
    joined = s.outerjoin(t, t.c.id == s.c.ticket_id)
    return await db.row(sa.select(*columns, t.c.is_anonymous).select_from(joined).where(s.c.id == session_id))
