"""Pictures of people: kept in the object store under names that are used once, and taken away when nobody shows them.

A picture is in the store before an account names it, and stays until none does, so no page ever names one that is not
there. Whatever is kept has a job that will look at it later: it takes away what no account names.
"""

import asyncio
import hashlib
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Any

from mentorq.accounts import pictures, queries
from mentorq.accounts.errors import PictureNotFound, PicturesUnavailable, PictureTooLarge
from mentorq.core import storage
from mentorq.core.clock import now
from mentorq.core.database import Database, Read, Write
from mentorq.core.inputs import LARGEST_ID
from mentorq.core.jobs import enqueue, external_task
from mentorq.core.storage import StorageFails

LARGEST_FILE = 2 << 20
LARGEST_BODY = LARGEST_FILE + (64 << 10)
"""A form with the largest file in it."""

LIMIT = "30/hour"
AT_ONCE = 1
"""One after the other: the largest picture takes 400 MB for a moment, most take a few."""

REMOVAL = "accounts.remove_avatar"
UNLESS_NAMED_AFTER = timedelta(hours=1)
ADDRESS = re.compile(
    rf"/avatars/(?P<user_id>[1-9][0-9]{{0,18}})-[0-9a-f]{{40}}/({'|'.join(map(str, pictures.SIZES))})\.webp"
)
HUES = (172, 60, 250, 20, 130, 310)
"""As `.hue-0` to `.hue-5` of the style sheet."""

_decoders = ThreadPoolExecutor(AT_ONCE, "pictures")


@dataclass(frozen=True)
class Picture:
    """What is shown. It `lasts` if its address will never show anything else."""

    content: bytes
    kind: str
    lasts: bool


async def keep(database: Database, user_id: int, content: bytes) -> str:
    """Make pictures of what somebody sent, and keep them; returns their address. No account names it yet.

    Raises:
        PictureTooLarge: it has too many bytes, or pixels.
        UnsupportedPicture: it is no picture of the formats that we read.
        PicturesUnavailable: the object store does not take it.
    """
    if len(content) > LARGEST_FILE:
        raise PictureTooLarge
    made = await asyncio.get_running_loop().run_in_executor(_decoders, pictures.squares, content)
    digest = hashlib.sha256(secrets.token_bytes(16) + made[pictures.LARGEST]).hexdigest()[:40]
    address = f"/avatars/{user_id}-{digest}/{pictures.LARGEST}.webp"
    async with database.write() as db:
        await discard(db, user_id, address, after=UNLESS_NAMED_AFTER)
    try:
        for size, picture in made.items():
            await storage.put(database.settings, _key(address, size), picture, "image/webp")
    except StorageFails:
        raise PicturesUnavailable from None
    return address


async def discard(db: Write, user_id: int, address: str | None, *, after: timedelta = timedelta(0)) -> None:
    """Have pictures taken away, unless the account names them when it is time."""
    if address is not None:
        await enqueue(db, [(REMOVAL, {"user_id": user_id, "avatar": address})], run_at=now() + after)


@external_task(REMOVAL)
async def _remove(database: Database, payload: dict[str, Any]) -> None:
    async with database.read() as db:
        if await queries.shows(db, payload["user_id"], payload["avatar"]):
            return
    for size in pictures.SIZES:
        await storage.remove(database.settings, _key(payload["avatar"], size))


async def shown(db: Read, address: str) -> Picture:
    """What an address shows; a default picture where the store does not give what an account names.

    Raises:
        PictureNotFound: nobody shows this, or nobody any longer.
    """
    known = ADDRESS.fullmatch(address)
    if known is None or (user_id := int(known["user_id"])) > LARGEST_ID:
        raise PictureNotFound
    try:
        content = await storage.get(db.settings, address.lstrip("/"))
    except StorageFails:
        content = None
    if content is not None:
        return Picture(content, "image/webp", lasts=True)
    row = await queries.user(db, user_id)
    if row is None or row["avatar"] is None or not _is_same(row["avatar"], address):
        raise PictureNotFound
    return Picture(default(row["username"], user_id).encode(), "image/svg+xml", lasts=False)


def initials(username: str) -> str:
    """What stands for somebody who has no picture."""
    return username[:2].upper() or "?"


def default(username: str, user_id: int) -> str:
    """The picture of somebody who has none, as an SVG: initials on a colour of their own."""
    hue = HUES[user_id % len(HUES)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256" viewBox="0 0 100 100">'
        f'<rect width="100" height="100" fill="oklch(92% 0.045 {hue})"/>'
        f'<text x="50" y="50" dy="0.36em" text-anchor="middle" font-family="system-ui, sans-serif" font-size="38" '
        f'font-weight="650" fill="oklch(34% 0.07 {hue})">{escape(initials(username))}</text></svg>'
    )


def _key(address: str, size: int) -> str:
    return f"{address.strip('/').rpartition('/')[0]}/{size}.webp"


def _is_same(one: str, other: str) -> bool:
    return one.rpartition("/")[0] == other.rpartition("/")[0]
