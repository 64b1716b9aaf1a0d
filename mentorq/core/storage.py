"""Files, by key: in a folder, or in a bucket of anything that speaks S3. What a key stands for never changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import structlog

from mentorq.settings import Settings
from mentorq.storage_settings import Bucket, Folder, place_of

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 10.0
RETRY_SECONDS = 5


class StorageFails(Exception):
    """The store did not do what it was asked, or not in time."""


async def put(settings: Settings, key: str, content: bytes, kind: str) -> None:
    """Keep a file of a media type; it is there in whole, or not at all.

    Raises:
        StorageFails: it is not certain that it is kept.
    """
    import obstore  # noqa: PLC0415

    async with _asking():
        # A folder has nowhere to note what a file is; whoever serves it knows.
        attributes = {"Content-Type": kind} if isinstance(place_of(settings.storage_url), Bucket) else None
        await obstore.put_async(_store(settings.storage_url), key, content, attributes=attributes)


async def get(settings: Settings, key: str) -> bytes | None:
    """A file; None: there is none.

    Raises:
        StorageFails: the store does not say.
    """
    import obstore  # noqa: PLC0415

    try:
        async with _asking(may_be_missing=True):
            found = await obstore.get_async(_store(settings.storage_url), key)
            return bytes(await found.bytes_async())
    except FileNotFoundError:
        return None


async def remove(settings: Settings, key: str) -> None:
    """Let a file be gone; whether it was there does not matter.

    Raises:
        StorageFails: it may still be there.
    """
    import obstore  # noqa: PLC0415

    try:
        async with _asking(may_be_missing=True):
            await obstore.delete_async(_store(settings.storage_url), key)
    except FileNotFoundError:
        return


@lru_cache(maxsize=16)
def _store(url: str) -> "LocalStore | S3Store":
    """The store at an address, with its connections."""
    from obstore.store import LocalStore, S3Store  # noqa: PLC0415

    place = place_of(url)
    if isinstance(place, Folder):
        return LocalStore(place.path, mkdir=True, automatic_cleanup=True)
    given = {
        "access_key_id": place.key,
        "secret_access_key": place.secret,
        "region": place.region,
        "endpoint": place.endpoint,
    }
    return S3Store(
        place.name,
        prefix=place.prefix or None,
        config={name: value for name, value in given.items() if value},  # type: ignore[arg-type]
        client_options={"timeout": timedelta(seconds=PATIENCE_SECONDS), "allow_http": True},
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
    )


@asynccontextmanager
async def _asking(*, may_be_missing: bool = False) -> AsyncIterator[None]:
    """Whatever a store raises, in one word; its first line says where and why, and nothing that is secret."""
    from obstore.exceptions import BaseError  # noqa: PLC0415

    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except (BaseError, OSError) as error:
        if may_be_missing and isinstance(error, FileNotFoundError):
            raise
        reason = str(error).partition("\n")[0] or type(error).__name__
        log.warning("the object store failed", error=reason)
        raise StorageFails(reason) from None
