"""Limits by sliding windows, in memory or, for many processes, in Redis. Without it, each process counts alone."""

import asyncio
import functools
import math
import time
from typing import TYPE_CHECKING, Any

import structlog
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from mentorq.core.errors import TooManyRequests
from mentorq.settings import Settings

if TYPE_CHECKING:
    import redis.asyncio as redis

log = structlog.get_logger(__name__)

REDIS_SECONDS = 0.5
AGAIN_SECONDS = 2.0
"""How long Redis is left alone after it did not answer, so that not every request waits for it."""


@functools.cache
def _parsed(rate: str) -> RateLimitItem:
    return parse(rate)


class RateLimiter:
    """Counts who did what how often."""

    def __init__(self, settings: Settings) -> None:
        self.enabled = settings.rate_limits
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._shared: MovingWindowRateLimiter | None = None
        self._redis: redis.Redis | None = None
        self._shared_again = 0.0
        self._faults: tuple[type[Exception], ...] = (OSError, TimeoutError)
        if settings.redis_url:
            self._share(settings.redis_url)

    def _share(self, redis_url: str) -> None:
        """Count in Redis; what that takes, an installation without it does not load."""
        import redis.asyncio as redis  # noqa: PLC0415
        from limits.aio.storage import RedisStorage  # noqa: PLC0415
        from redis.exceptions import RedisError  # noqa: PLC0415

        self._faults = (RedisError, *self._faults)
        self._redis = redis.from_url(redis_url, socket_connect_timeout=REDIS_SECONDS)
        ours: dict[str, Any] = {"connection_pool": self._redis.connection_pool}
        storage = RedisStorage("async+redis://", implementation="redispy", **ours)
        self._shared = MovingWindowRateLimiter(storage)

    async def hit(self, name: str, rate: str, key: str) -> dict[str, str]:
        """Count one use of `name` by `key`; returns the `RateLimit-*` headers.

        Raises:
            TooManyRequests: `rate` (as in "20/hour") is used up; it says when to come back.
        """
        if not self.enabled:
            return {}
        item = _parsed(rate)
        allowed, reset, remaining = await self._count(item, name, key, hit=True)
        headers = _headers(item, reset, remaining)
        if not allowed:
            raise TooManyRequests(headers=headers | {"Retry-After": headers["RateLimit-Reset"]})
        return headers

    async def check(self, name: str, rate: str, key: str) -> None:
        """Like `hit`, but counts nothing: for limits on failures, which are counted when they have happened."""
        if not self.enabled:
            return
        item = _parsed(rate)
        allowed, reset, remaining = await self._count(item, name, key, hit=False)
        if not allowed:
            headers = _headers(item, reset, remaining)
            raise TooManyRequests(headers=headers | {"Retry-After": headers["RateLimit-Reset"]})

    async def used(self, name: str, rate: str, key: str) -> int:
        """How much of the limit is used."""
        item = _parsed(rate)
        _, _, remaining = await self._count(item, name, key, hit=False)
        return item.amount - remaining

    async def stop(self) -> None:
        """Disconnect."""
        if self._redis is not None:
            await self._redis.aclose(close_connection_pool=True)

    async def _count(self, item: RateLimitItem, name: str, key: str, *, hit: bool) -> tuple[bool, float, int]:
        if self._shared is not None and time.monotonic() >= self._shared_again:
            try:
                async with asyncio.timeout(REDIS_SECONDS):
                    return await _ask(self._shared, item, name, key, hit=hit)
            except self._faults as error:
                self._shared_again = time.monotonic() + AGAIN_SECONDS
                log.warning("limits are counted locally", error=str(error))
        return await _ask(self._local, item, name, key, hit=hit)


async def _ask(
    limiter: MovingWindowRateLimiter, item: RateLimitItem, name: str, key: str, *, hit: bool
) -> tuple[bool, float, int]:
    allowed = await (limiter.hit if hit else limiter.test)(item, name, key)
    window = await limiter.get_window_stats(item, name, key)
    return allowed, window.reset_time, window.remaining


def _headers(item: RateLimitItem, reset: float, remaining: int) -> dict[str, str]:
    seconds = max(1, math.ceil(reset - time.time()))
    return {
        "RateLimit-Limit": str(item.amount),
        "RateLimit-Remaining": str(max(0, remaining)),
        "RateLimit-Reset": str(seconds),
    }
