"""Turning a browser's notifications on and off, and the worker that shows them."""

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from mentorq.core.database import Database
from mentorq.core.web_push import _encoded
from mentorq.notifications.models import PushSubscriptionRow
from tests.support.people import Join
from tests.support.visits import visiting

pytestmark = pytest.mark.anyio
POINT = ec.generate_private_key(ec.SECP256R1()).public_key()
FIELDS = {
    "endpoint": "https://push.example.org/one",
    "p256dh": _encoded(POINT.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)),
    "auth": _encoded(b"0123456789abcdef"),
}


async def kept(database: Database) -> list[tuple[int, str]]:
    """Whose browsers are known."""
    async with database.read() as db:
        rows = await db.rows(sa.select(PushSubscriptionRow.user_id, PushSubscriptionRow.endpoint))
    return [(row["user_id"], row["endpoint"]) for row in rows]


async def test_a_browser_belongs_to_whoever_used_it_last(app: FastAPI, student: Join, database: Database) -> None:
    ana, bo = await student(), await student()
    for person in (ana, bo, bo):
        async with visiting(app, person) as visit:
            assert len((await visit.get("/app/browsers/key")).text) == 87
            assert (await visit.send("/app/browsers", FIELDS)).status_code == 204
    assert await kept(database) == [(bo.id, FIELDS["endpoint"])]
    async with visiting(app, ana) as visit:
        assert (await visit.send("/app/browsers/end", FIELDS)).status_code == 204
    assert await kept(database) == [(bo.id, FIELDS["endpoint"])]
    async with visiting(app, bo) as visit:
        assert (await visit.send("/app/browsers/end", FIELDS)).status_code == 204
    assert await kept(database) == []


@pytest.mark.parametrize(
    "change", [{"endpoint": "javascript:x"}, {"p256dh": "x"}, {"auth": ""}, {"endpoint": "http://push.example.org/"}]
)
async def test_what_no_browser_would_say_is_refused(
    app: FastAPI, student: Join, database: Database, change: dict[str, str]
) -> None:
    async with visiting(app, await student()) as visit:
        assert (await visit.send("/app/browsers", FIELDS | change)).status_code == 422
    assert await kept(database) == []


async def test_another_site_cannot_turn_it_on(app: FastAPI, student: Join, database: Database) -> None:
    async with visiting(app, await student()) as visit:
        answer = await visit.send("/app/browsers", FIELDS, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert await kept(database) == []


async def test_the_worker_is_at_the_root_and_never_stale(app: FastAPI) -> None:
    async with visiting(app) as visit:
        answer = await visit.get("/sw.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    assert "showNotification" in answer.text
