"""Bounces and complaints, as SendGrid and Mailgun report them: proven by a signature, or refused."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI

from mentorq.core.database import Base, Database
from mentorq.core.mail.reports import require_sendgrid_signature
from mentorq.core.mail.suppressions import address_hash, why_suppressed
from mentorq.settings import Settings
from tests.support.databases import settings_for

pytestmark = pytest.mark.anyio

SENDGRID, MAILGUN = "/mail/events/sendgrid", "/mail/events/mailgun"
SIGNING_KEY = "signing-key-of-mailgun"
PRIVATE = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(
    PRIVATE.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
KNOWN = {"sendgrid": ("sendgrid://key@default", PUBLIC), "mailgun": ("mailgun://key@mg.example.org", SIGNING_KEY)}


@pytest.fixture
def provider(request: pytest.FixtureRequest) -> str:
    """Whom this installation sends mail with."""
    return str(getattr(request, "param", "sendgrid"))


@pytest.fixture
def settings(database_url: str, tmp_path: Path, provider: str) -> Settings:
    """Settings of an installation that takes a provider's reports."""
    url, key = KNOWN.get(provider, ("log://", ""))
    return settings_for(database_url, tmp_path, mail_url=url, mail_webhook_key=key)


def signed(body: bytes, timestamp: str = "1600112502", key: ec.EllipticCurvePrivateKey = PRIVATE) -> dict[str, str]:
    """The headers of SendGrid's report."""
    signature = base64.b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    return {
        "X-Twilio-Email-Event-Webhook-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        "Content-Type": "application/json",
    }


def report(event: dict[str, Any], token: str = "t" * 50, age: float = 0, key: str = SIGNING_KEY) -> dict[str, Any]:
    """Mailgun's report."""
    timestamp = str(int(time.time() - age))
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"signature": {"timestamp": timestamp, "token": token, "signature": signature}, "event-data": event}


async def reasons(database: Database, *addresses: str) -> list[str | None]:
    """Why addresses get no mail."""
    async with database.read() as db:
        return [await why_suppressed(db, address_hash(db.settings, address)) for address in addresses]


def test_the_signature_is_the_one_that_sendgrid_makes() -> None:
    """The example of SendGrid's own libraries."""
    key = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dA"
        "fSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
    )
    signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
    body = (
        '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
        '"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
        '"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
        '"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
    )
    require_sendgrid_signature(key, "1600112502", signature, body.encode())


async def test_sendgrid_reports_what_is_not_to_be_mailed(client: httpx2.AsyncClient, database: Database) -> None:
    events = [
        {"event": "bounce", "type": "bounce", "email": "Hard@example.org", "sg_event_id": "1", "more": {"a": 1}},
        {"event": "bounce", "type": "blocked", "email": "soft@example.org"},
        {"event": "spamreport", "email": "angry@example.org"},
        {"event": "dropped", "reason": "Bounced Address", "email": "dropped@example.org"},
        {"event": "dropped", "reason": "Invalid SMTPAPI header", "email": "kept@example.org"},
        {"event": "deferred", "email": "later@example.org"},
        {"event": "delivered", "email": "fine@example.org"},
        {"event": "bounce"},
        {},
    ]
    body = json.dumps(events).encode() + b"\r\n"
    answer = await client.post(SENDGRID, content=body, headers=signed(body))
    assert (answer.status_code, answer.json()) == (200, {"suppressed": 3})
    names = ("hard", "soft", "angry", "dropped", "kept", "later", "fine")
    assert await reasons(database, *(f"{name}@example.org" for name in names)) == [
        "bounce", None, "complaint", "bounce", None, None, None,
    ]  # fmt: skip
    again = await client.post(SENDGRID, content=body, headers=signed(body))
    assert (again.status_code, again.json()) == (200, {"suppressed": 0})
    async with database.read() as db:
        kept = await db.rows(sa.select(Base.metadata.tables["mail_suppressions"]))
    assert "example.org" not in str(kept), "only hashes are kept"


async def test_what_sendgrid_did_not_sign_changes_nothing(client: httpx2.AsyncClient, database: Database) -> None:
    body = json.dumps([{"event": "bounce", "email": "ana@example.org"}]).encode()
    right = signed(body)
    wrong: list[tuple[bytes, dict[str, str]]] = [
        (body, {}),
        (body + b" ", right),
        (body, right | {"X-Twilio-Email-Event-Webhook-Timestamp": "1600112503"}),
        (body, right | {"X-Twilio-Email-Event-Webhook-Signature": "no base64!"}),
        (body, right | {"X-Twilio-Email-Event-Webhook-Signature": ""}),
        (body, signed(body, key=ec.generate_private_key(ec.SECP256R1()))),
    ]
    for content, headers in wrong:
        answer = await client.post(SENDGRID, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "bad_signature")
    assert await reasons(database, "ana@example.org") == [None]


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"not json", b'[{"email": 5}]', b"\xff"])
async def test_a_signed_body_that_is_no_report_is_422(body: bytes, client: httpx2.AsyncClient) -> None:
    answer = await client.post(SENDGRID, content=body, headers=signed(body))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


@pytest.mark.parametrize("provider", ["mailgun"], indirect=True)
async def test_mailgun_reports_what_is_not_to_be_mailed(client: httpx2.AsyncClient, database: Database) -> None:
    cases: list[tuple[dict[str, Any], str | None]] = [
        ({"event": "failed", "severity": "permanent", "reason": "bounce"}, "bounce"),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-bounce"}, "bounce"),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-complaint"}, "complaint"),
        ({"event": "failed", "severity": "permanent", "reason": "old"}, None),
        ({"event": "failed", "severity": "temporary", "reason": "bounce"}, None),
        ({"event": "complained"}, "complaint"),
        ({"event": "delivered"}, None),
    ]
    for number, (event, _) in enumerate(cases):
        about = event | {"recipient": f"p{number}@example.org", "id": "x", "delivery-status": {"code": 550}}
        answer = await client.post(MAILGUN, json=report(about, token=f"token-{number}"))
        assert answer.status_code == 200, answer.text
    found = await reasons(database, *(f"p{number}@example.org" for number in range(len(cases))))
    assert found == [reason for _, reason in cases]


@pytest.mark.parametrize("provider", ["mailgun"], indirect=True)
async def test_what_mailgun_did_not_sign_just_now_changes_nothing(
    client: httpx2.AsyncClient, database: Database
) -> None:
    event = {"event": "complained", "recipient": "ana@example.org"}
    wrong = [
        report(event, key="another key"),
        report(event, age=301),
        report(event, age=-301),
        report(event) | {"signature": report(event)["signature"] | {"token": "u" * 50}},
        report(event) | {"signature": report(event)["signature"] | {"signature": "é"}},
    ]
    for body in wrong:
        answer = await client.post(MAILGUN, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "bad_signature")
    assert await reasons(database, "ana@example.org") == [None]
    assert (await client.post(MAILGUN, json={"event-data": event})).status_code == 422
    assert (await client.post(MAILGUN, json=report(event))).status_code == 200
    assert (await client.post(MAILGUN, json=report(event))).status_code == 403, "a token counts once"
    assert await reasons(database, "ana@example.org") == ["complaint"]


@pytest.mark.parametrize("provider", ["sendgrid", "mailgun", "none"], indirect=True)
async def test_there_is_a_door_only_for_the_provider_that_is_configured(
    provider: str, client: httpx2.AsyncClient
) -> None:
    body = b"[]"
    sendgrid = await client.post(SENDGRID, content=body, headers=signed(body))
    mailgun = await client.post(MAILGUN, json=report({"event": "delivered"}))
    assert [sendgrid.status_code, mailgun.status_code] == [
        200 if provider == "sendgrid" else 404,
        200 if provider == "mailgun" else 404,
    ]


async def test_every_route_of_mail_is_proven_by_a_signature(app: FastAPI) -> None:
    paths = {path for path in app.openapi()["paths"] if path.startswith("/mail")}
    assert paths == {SENDGRID, MAILGUN}, "a new route needs a test of who may use it"
