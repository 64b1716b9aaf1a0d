"""Domain events: a module announces a fact once; others listen, and it knows nothing of them.

`@on(Fact)` listeners are durable: `emit` writes one job for each in the transaction that made the fact true, so each
runs at least once after the commit (as a transactional task, so exactly once to the eye). `@within(Fact)` listeners
run at once, in the same transaction: for counters that must never disagree with what they count.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import TypeAdapter

from mentorq.core.database import Write
from mentorq.core.jobs import enqueue, task


class Event(Protocol):
    """A frozen dataclass of plain values that says what happened."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


E = TypeVar("E", bound=Event)
Handler = Callable[[Write, E], Awaitable[None]]

_durable: defaultdict[type, list[str]] = defaultdict(list)
_within: defaultdict[type, list[Handler[Any]]] = defaultdict(list)


def on(kind: type[E]) -> Callable[[Handler[E]], Handler[E]]:
    """Run the handler as a job of its own, after the fact is committed."""

    def register(handler: Handler[E]) -> Handler[E]:
        name = _name(handler)
        adapter = TypeAdapter(kind)

        async def run(db: Write, payload: dict[str, Any]) -> datetime | None:
            await handler(db, adapter.validate_python(payload))
            return None

        task(name)(run)
        _durable[kind].append(name)
        return handler

    return register


def within(kind: type[E]) -> Callable[[Handler[E]], Handler[E]]:
    """Run the handler in the transaction that announces the fact."""

    def register(handler: Handler[E]) -> Handler[E]:
        _within[kind].append(handler)
        return handler

    return register


async def emit(db: Write, event: Event) -> None:
    """Announce a fact: it reaches every listener if and only if this transaction commits."""
    kind = type(event)
    for handler in _within[kind]:
        await handler(db, event)
    if names := _durable[kind]:
        payload = TypeAdapter(kind).dump_python(event, mode="json")
        await enqueue(db, [(name, payload) for name in names])


def _name(handler: Callable[..., object]) -> str:
    return f"{handler.__module__.removeprefix('mentorq.')}.{handler.__qualname__}"
