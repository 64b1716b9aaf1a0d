"""How long tests wait for what must come: as long as a machine may need that is slow, and busy with other things."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE_SECONDS = 120.0


async def until(holds: Callable[[], Awaitable[bool]] | Callable[[], bool], what: str = "") -> None:
    """Wait until it holds; `what` says what did not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found if isinstance(found := holds(), bool) else await found):
        assert time.monotonic() < deadline, what or "it did not come"
        await asyncio.sleep(0.02)


def wait_until(holds: Callable[[], bool], what: str = "") -> None:
    """The same, where there is no event loop."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what or "it did not come"
        time.sleep(0.05)
