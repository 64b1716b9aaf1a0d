"""The bus between processes, by Redis' pub/sub."""

import asyncio
import contextlib
import secrets
import time

import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from mentorq.core.bus import GAP, Bus
from mentorq.core.errors import Unavailable

log = structlog.get_logger(__name__)

RECONNECT_SECONDS = 1.0
PUBLISH_SECONDS = 0.8
TOPIC = "mentorq:hints"


class RedisBus(Bus):
    """Hints between processes, by Redis' pub/sub."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._redis = redis.from_url(url, socket_timeout=None, socket_connect_timeout=2, decode_responses=True)
        self._me = secrets.token_hex(8)
        self._again = 0.0
        self._task: asyncio.Task[None] | None = None

    async def publish(self, channel: str, message: str) -> None:
        """Tell this process at once, then the others; without Redis, they find out by looking."""
        self._tell(channel, message)
        if time.monotonic() < self._again:
            return  # Redis did not answer just now: many hints must not wait one after the other
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self._redis.publish(TOPIC, f"{self._me} {channel} {message}")
        except (RedisError, OSError, TimeoutError) as error:
            self._again = time.monotonic() + RECONNECT_SECONDS
            log.warning("hint not sent", channel=channel, error=str(error))

    async def start(self) -> None:
        """Subscribe, and stay subscribed."""
        self._task = asyncio.create_task(self._follow(), name="bus")

    async def stop(self) -> None:
        """Unsubscribe and disconnect."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._redis.aclose()

    async def ping(self) -> None:
        """Raises `Unavailable` when Redis does not answer."""
        try:
            async with asyncio.timeout(2):
                await self._redis.execute_command("PING")  # type: ignore[no-untyped-call]
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable from error

    async def _follow(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.subscribe(TOPIC)
                    self._tell_of_gap()
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            self._receive(message["data"])
            except (RedisError, OSError, UnicodeDecodeError) as error:
                log.warning("bus lost, polling goes on", error=str(error))
            await asyncio.sleep(RECONNECT_SECONDS)

    def _receive(self, line: str) -> None:
        sender, *hint = line.split(" ", 2)
        if sender != self._me and len(hint) == 2:
            self._tell(hint[0], hint[1])

    def _tell_of_gap(self) -> None:
        for channel in list(self._listeners):
            self._tell(channel, GAP)
