"""Webhooks that go to loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine

from mentorq.core.clock import now
from mentorq.core.database import Database, Row
from mentorq.core.jobs import Worker
from mentorq.settings import Settings
from mentorq.webhooks import service
from mentorq.webhooks.models import EventName, WebhookDeliveryRow, WebhookRow
from tests.support.databases import settings_for
from tests.support.receiver import Receiver

Register = Callable[..., Awaitable[int]]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Of an installation that may talk to loopback."""
    return settings_for(database_url, tmp_path, allow_private_addresses=True, log_level="info")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A program that wants to know."""
    async with Receiver() as running:
        yield running


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that the test moves."""
    with time_machine.travel(now(), tick=True) as traveller:
        yield traveller


@pytest.fixture
def register(database: Database, receiver: Receiver) -> Register:
    """`await register("ticket.posted")`: let the receiver know of it; of everything, unless told otherwise."""

    async def registered(*events: str, url: str | None = None) -> int:
        async with database.write() as db:
            wanted = [EventName(event) for event in events] or list(EventName)
            webhook_id, _ = await service.add(db, url or receiver.url, wanted)
        return webhook_id

    return registered


async def deliveries(database: Database) -> list[Row]:
    """Everything that was to be told, oldest first."""
    async with database.read() as db:
        return await db.rows(sa.select(WebhookDeliveryRow.__table__).order_by(WebhookDeliveryRow.id))


async def webhook(database: Database, webhook_id: int) -> Row:
    """What is known of a webhook."""
    async with database.read() as db:
        found = await db.row(sa.select(WebhookRow.__table__).where(WebhookRow.id == webhook_id))
    assert found is not None
    return found


async def work_for(worker: Worker, clock: time_machine.Traveller, duration: timedelta) -> None:
    """Do whatever is due in this time, when it is due to the minute."""
    for _ in range(int(duration / timedelta(minutes=10))):
        await worker.drain()
        clock.shift(timedelta(minutes=10))
    await worker.drain()
