"""Domain events: a module announces a fact once; others listen, and it knows nothing of them.

`@on(Fact)` listeners are durable: `emit` writes one job for each in the transaction that made the fact true, so each
runs at least once after the commit (as a transactional task, so exactly once to the eye). `@within(Fact)` listeners
run at once, in the same transaction: for counters that must never disagree with what they count. The same fact may
come true again (a ticket is accepted, released, accepted); `@each(Fact)` listeners are durable ones that are told
which time it is.
"""

import dataclasses
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import TypeAdapter

from mentorq.core.clock import now
from mentorq.core.database import Write
from mentorq.core.jobs import enqueue, task


class Event(Protocol):
    """A frozen dataclass of plain values that says what happened."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


E = TypeVar("E", bound=Event)
Handler = Callable[[Write, E], Awaitable[None]]


@dataclasses.dataclass(frozen=True)
class Occurrence:
    """One time that a fact came true: its `key` is the same however often a listener runs, and no other has it."""

    key: str
    at: datetime


EachHandler = Callable[[Write, E, Occurrence], Awaitable[None]]

OCCURRENCE = "occurrence"
_occurrences = TypeAdapter(Occurrence)
_durable: defaultdict[type, list[str]] = defaultdict(list)
_each: defaultdict[type, list[str]] = defaultdict(list)
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


def each(kind: type[E]) -> Callable[[EachHandler[E]], EachHandler[E]]:
    """The same for a handler that must tell one time from another, because it has no unique key of its own."""

    def register(handler: EachHandler[E]) -> EachHandler[E]:
        name = _name(handler)
        adapter = TypeAdapter(kind)

        async def run(db: Write, payload: dict[str, Any]) -> datetime | None:
            occurrence = _occurrences.validate_python(payload[OCCURRENCE])
            await handler(db, adapter.validate_python(payload), occurrence)
            return None

        task(name)(run)
        _each[kind].append(name)
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
    if _durable[kind] or _each[kind]:
        payload = TypeAdapter(kind).dump_python(event, mode="json")
        occurrence = _occurrences.dump_python(Occurrence(secrets.token_hex(16), now()), mode="json")
        jobs = [(name, payload) for name in _durable[kind]]
        jobs += [(name, payload | {OCCURRENCE: occurrence}) for name in _each[kind]]
        await enqueue(db, jobs)


def _name(handler: Callable[..., object]) -> str:
    return f"{handler.__module__.removeprefix('mentorq.')}.{handler.__qualname__}"
