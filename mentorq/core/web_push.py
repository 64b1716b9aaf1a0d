"""Web push: messages to browsers that are not open, by the push services of those who make the browsers.

The message is encrypted for the one browser that subscribed (RFC 8291), so that the service learns its size and time,
nothing else; and signed by the installation's key pair (RFC 8292), which the browser was told when it subscribed.
"""

import base64
import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mentorq.core import outgoing, server_keys
from mentorq.core.clock import now
from mentorq.core.database import Database, Read, Write
from mentorq.core.errors import DomainError
from mentorq.settings import Settings

LONGEST_MESSAGE = 3_072
RECORD_BYTES = 4_096
TIMEOUT_SECONDS = 10.0
SIGNATURE_LIFE = timedelta(hours=12)
CURVE = ec.SECP256R1()
KEY = "web_push"
AUTH_BYTES = 16

Urgency = Literal["very-low", "low", "normal", "high"]


class WrongSubscription(DomainError):
    """What a browser gave as its subscription is none."""

    status = 422
    code = "wrong_subscription"
    detail = "This is not a push subscription as browsers make them."


@dataclass(frozen=True)
class Subscription:
    """What a browser said of itself: where its push service takes messages, and the keys to encrypt them for it."""

    endpoint: str
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)


@dataclass(frozen=True)
class Pushed:
    """What the push service said."""

    status: int
    retry_after_seconds: int | None = None

    @property
    def is_accepted(self) -> bool:
        """The service has it, and passes it on when it can."""
        return 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """The subscription exists no longer: forget it."""
        return self.status in (404, 410)

    @property
    def may_pass(self) -> bool:
        """Not now; try again, after `retry_after_seconds` where it is said."""
        return self.status in (408, 429) or self.status >= 500


async def public_key(db: Write, reads: Read) -> str:
    """What browsers need to subscribe: `applicationServerKey`. Writes when it is asked for the very first time only."""
    kept = await server_keys.find(reads, KEY) or await server_keys.ensure(db, KEY, _make)
    return _encoded(_point(_read(kept).public_key()))


async def push(
    database: Database,
    subscription: Subscription,
    message: bytes,
    *,
    ttl: timedelta = timedelta(days=1),
    urgency: Urgency = "normal",
    topic: str | None = None,
) -> Pushed:
    """Send a message to one browser. Of several with the same `topic` (32 characters of base64url), it shows the last.

    Raises:
        ValueError: the message is longer than `LONGEST_MESSAGE`.
        WrongSubscription: it has not the form of one; for good.
        outgoing.AddressRefused: its endpoint is nowhere we send anything; for good.
        outgoing.NotReached: the push service did not answer; it may pass.
    """
    body = encrypt(message, subscription)
    headers = vapid(subscription.endpoint, await _key(database), _subject(database.settings))
    headers |= {"TTL": str(int(ttl.total_seconds())), "Urgency": urgency, "Content-Encoding": "aes128gcm"}
    headers |= {"Content-Type": "application/octet-stream"} | ({"Topic": topic} if topic else {})
    answer = await outgoing.post(
        subscription.endpoint,
        content=body,
        headers=headers,
        timeout_seconds=TIMEOUT_SECONDS,
        allow_private=database.settings.allow_private_addresses,
    )
    return Pushed(answer.status, answer.retry_after_seconds)


def require_valid(subscription: Subscription, settings: Settings) -> None:
    """Look at a subscription before it is kept; who answers there, only sending shows.

    Raises:
        WrongSubscription: its keys are none.
        AddressRefused: its endpoint is no address that we send to.
    """
    outgoing.parse(subscription.endpoint, allow_private=settings.allow_private_addresses)
    _browser(subscription)


def encrypt(message: bytes, subscription: Subscription) -> bytes:
    """RFC 8291, with a fresh key for every message.

    Raises:
        WrongSubscription: its keys are none.
        ValueError: the message is longer than `LONGEST_MESSAGE`: push services take 4 kB, encrypted.
    """
    if len(message) > LONGEST_MESSAGE:
        raise ValueError(f"a push message has at most {LONGEST_MESSAGE} bytes, not {len(message)}")
    browser, secret = _browser(subscription)
    ours, salt = ec.generate_private_key(CURVE), os.urandom(16)
    theirs, sender = _point(browser), _point(ours.public_key())
    shared = _derived(secret, ours.exchange(ec.ECDH(), browser), b"WebPush: info\0" + theirs + sender, 32)
    key = _derived(salt, shared, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, shared, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(sender)]) + sender
    return head + AESGCM(key).encrypt(nonce, message + b"\2", None)  # 2 marks the last record


def vapid(endpoint: str, key: ec.EllipticCurvePrivateKey, subject: str) -> dict[str, str]:
    """RFC 8292: who sends, signed for the one push service that `endpoint` belongs to."""
    to = urlsplit(endpoint)
    claims = {"aud": f"{to.scheme}://{to.netloc}", "exp": now() + SIGNATURE_LIFE, "sub": subject}
    token = jwt.encode(claims, key, algorithm="ES256")
    return {"Authorization": f"vapid t={token}, k={_encoded(_point(key.public_key()))}"}


def _subject(settings: Settings) -> str:
    """Whom the push service may write to when something goes wrong: an https address or a mailbox."""
    if settings.is_https:
        return settings.public_url
    return f"mailto:webmaster@{urlsplit(settings.public_url).hostname}"


async def _key(database: Database) -> ec.EllipticCurvePrivateKey:
    async with database.read() as reads:
        kept = await server_keys.find(reads, KEY)
    if kept is None:
        async with database.write() as db:
            kept = await server_keys.ensure(db, KEY, _make)
    return _read(kept)


def _make() -> str:
    number = ec.generate_private_key(CURVE).private_numbers().private_value
    return _encoded(number.to_bytes(32, "big"))


def _read(kept: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(_decoded(kept), "big"), CURVE)


def _browser(subscription: Subscription) -> tuple[ec.EllipticCurvePublicKey, bytes]:
    try:
        secret = _decoded(subscription.auth)
        key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, _decoded(subscription.p256dh))
    except ValueError as error:
        raise WrongSubscription from error
    if len(secret) != AUTH_BYTES:
        raise WrongSubscription
    return key, secret


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derived(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(material)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
