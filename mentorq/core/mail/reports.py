"""What providers report of mails that they took: bounces and complaints, each proven by a signature."""

import base64
import binascii
import hashlib
import hmac
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from mentorq.core.clock import now
from mentorq.core.database import Write
from mentorq.core.errors import Forbidden, InvalidInput
from mentorq.core.mail.models import EventTokenRow, SuppressionReason
from mentorq.core.mail.suppressions import suppress
from mentorq.mail_settings import public_key

OLDEST = timedelta(minutes=5)
SENDGRID_DROPS = {
    "Bounced Address": SuppressionReason.BOUNCE,
    "Spam Reporting Address": SuppressionReason.COMPLAINT,
}
MAILGUN_HARD = {"bounce", "suppress-bounce"}


class NotSigned(Forbidden):
    """The signature is missing or wrong, too old, or was used before."""

    code = "bad_signature"
    detail = "This report is not signed with MAIL_WEBHOOK_KEY, is too old, or came before."


class SendGridEvent(BaseModel):
    """One event of SendGrid's; of the many fields only what decides."""

    model_config = ConfigDict(extra="ignore")

    event: str = Field("", examples=["bounce"])
    email: str = Field("", examples=["nobody@example.org"])
    type: str = Field("", examples=["bounce"])
    reason: str = Field("", examples=["550 5.1.1 unknown user"])

    @property
    def suppresses(self) -> SuppressionReason | None:
        """Why the address gets no mail any more, if that is what the event says. `blocked` passes."""
        if self.event == "bounce":
            return SuppressionReason.BOUNCE if self.type in ("", "bounce") else None
        if self.event == "spamreport":
            return SuppressionReason.COMPLAINT
        return SENDGRID_DROPS.get(self.reason) if self.event == "dropped" else None


class MailgunSignature(BaseModel):
    """What proves a report of Mailgun's."""

    timestamp: str = Field(max_length=20, examples=["1770920772"])
    token: str = Field(max_length=200, examples=["e0b5477167110d68991efc6b9f89f0a11066af27834600e123"])
    signature: str = Field(
        max_length=200, examples=["12d99f5a15355c180971bed7494d578b093c958f57766f3fe750761baed12345"]
    )


class MailgunEvent(BaseModel):
    """One event of Mailgun's."""

    model_config = ConfigDict(extra="ignore")

    event: str = Field("", examples=["failed"])
    recipient: str = Field("", examples=["nobody@example.org"])
    severity: str = Field("", examples=["permanent"])
    reason: str = Field("", examples=["bounce"])

    @property
    def suppresses(self) -> SuppressionReason | None:
        """Why the address gets no mail any more, if that is what the event says."""
        if self.event == "complained" or (self.event == "failed" and self.reason == "suppress-complaint"):
            return SuppressionReason.COMPLAINT
        is_hard = self.event == "failed" and self.severity == "permanent" and self.reason in MAILGUN_HARD
        return SuppressionReason.BOUNCE if is_hard else None


class MailgunReport(BaseModel):
    """A report of Mailgun's."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    signature: MailgunSignature
    event_data: MailgunEvent = Field(alias="event-data")


class Taken(BaseModel):
    """What a report changed."""

    suppressed: int = Field(description="Addresses that get no mail from now on.", examples=[1])


EVENTS: TypeAdapter[list[SendGridEvent]] = TypeAdapter(list[SendGridEvent])


def require_sendgrid_signature(key: str, timestamp: str, signature: str, body: bytes) -> None:
    """SendGrid signs time and body with ECDSA; MAIL_WEBHOOK_KEY is the public key.

    Raises:
        NotSigned: the signature does not fit.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 (few installations are ever asked)
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415

    loaded = load_der_public_key(public_key(key))
    assert isinstance(loaded, EllipticCurvePublicKey)
    try:
        signed = base64.b64decode(signature, validate=True)
        loaded.verify(signed, timestamp.encode() + body, ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError):
        raise NotSigned from None


async def require_mailgun_signature(db: Write, key: str, given: MailgunSignature) -> None:
    """Mailgun signs time and a token with MAIL_WEBHOOK_KEY; each token counts once.

    Raises:
        NotSigned: the signature does not fit, is too old, or was used before.
    """
    proper = hmac.digest(key.encode(), _bytes(f"{given.timestamp}{given.token}"), hashlib.sha256).hex()
    if not hmac.compare_digest(proper.encode(), _bytes(given.signature)) or not given.timestamp.isdecimal():
        raise NotSigned
    if abs(now().timestamp() - int(given.timestamp)) > OLDEST.total_seconds():
        raise NotSigned
    values = {"token_hash": hashlib.sha256(_bytes(given.token)).hexdigest(), "created_at": now()}
    kept = await db.execute(db.insert(EventTokenRow).values(values).on_conflict_do_nothing())
    if kept.rowcount == 0:
        raise NotSigned


def _bytes(text: str) -> bytes:
    """Whatever JSON can hold."""
    return text.encode("utf-8", "surrogatepass")


def events_of(body: bytes) -> list[SendGridEvent]:
    """SendGrid's events.

    Raises:
        InvalidInput: the body is not what SendGrid sends.
    """
    try:
        return EVENTS.validate_json(body)
    except ValidationError:
        raise InvalidInput("The body is not a list of SendGrid's events.") from None


async def take(db: Write, events: list[SendGridEvent] | list[MailgunEvent]) -> int:
    """Suppress the addresses that bounced or complained; returns how many are new."""
    new = 0
    for event in events:
        address: Any = event.email if isinstance(event, SendGridEvent) else event.recipient
        if event.suppresses is not None and address:
            new += await suppress(db, address, event.suppresses)
    return new
