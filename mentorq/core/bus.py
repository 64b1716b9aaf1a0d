"""Hints between processes: "something happened on channel X". Never data that would be missed.

A lost hint costs latency, because whoever listens reads the database from where it was. Listeners in this process are
told at once; those in others by Redis, if there is one.
"""

from collections import defaultdict
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

Listener = Callable[[str], None]
GAP = ""
"""The message that says: hints may have been missed, look for yourself."""


class Bus:
    """Hints within one process."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)

    def listen(self, channel: str, listener: Listener) -> None:
        """Call `listener` with each message of `channel`, and with `GAP` after some may have been lost."""
        self._listeners[channel].append(listener)

    async def publish(self, channel: str, message: str) -> None:
        """Tell whoever listens. Does not fail: a hint may be lost."""
        self._tell(channel, message)

    def _tell(self, channel: str, message: str) -> None:
        for listener in self._listeners.get(channel, ()):
            try:
                listener(message)
            except Exception:  # what one listener cannot take is no reason not to tell the others
                log.exception("listener failed", channel=channel)

    async def start(self) -> None:
        """Begin to hear other processes."""

    async def stop(self) -> None:
        """Stop to hear other processes."""

    async def ping(self) -> None:
        """Raises `Unavailable` when other processes cannot be reached."""


def make_bus(redis_url: str) -> Bus:
    """The bus that this installation is configured for."""
    if not redis_url:
        return Bus()
    from mentorq.core.redis_bus import RedisBus  # noqa: PLC0415 (a laptop saves the memory)

    return RedisBus(redis_url)
