"""Addresses that get no mail: those that bounced, and those whose owners complained. Only hashes of them are kept."""

import hashlib
import hmac

import sqlalchemy as sa

from mentorq.core.clock import now
from mentorq.core.database import Read, Write
from mentorq.core.mail.models import SuppressionReason, SuppressionRow
from mentorq.settings import Settings


def address_hash(settings: Settings, address: str) -> str:
    """What is kept of an address: keyed, since addresses are easily guessed."""
    key = f"mail address {settings.secret_key}".encode()
    return hmac.digest(key, address.strip().lower().encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


async def suppress(db: Write, address: str, reason: SuppressionReason) -> bool:
    """Send nothing to an address any more; whether that is new."""
    values = {"address_hash": address_hash(db.settings, address), "reason": reason, "created_at": now()}
    added = await db.execute(db.insert(SuppressionRow).values(values).on_conflict_do_nothing())
    return added.rowcount == 1


async def why_suppressed(db: Read, hashed: str) -> str | None:
    """Why an address gets no mail; None where it does."""
    reason: str | None = await db.scalar(sa.select(SuppressionRow.reason).where(SuppressionRow.address_hash == hashed))
    return reason


async def allow(db: Write, address: str) -> bool:
    """Send to an address again; whether it had been suppressed."""
    hashed = address_hash(db.settings, address)
    gone = await db.execute(sa.delete(SuppressionRow).where(SuppressionRow.address_hash == hashed))
    return gone.rowcount == 1
