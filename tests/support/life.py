"""Tickets in every state, people in every role, and the clock, for tests of the domain."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from mentorq.accounts import access
from mentorq.accounts.models import UserRow
from mentorq.core.database import Base, Database
from mentorq.core.jobs import Worker
from mentorq.core.telemetry import REQUEST_STATEMENTS
from tests.support.people import PASSWORD, Join, Person

STATES = ("open", "assigned", "resolved", "closed")
SOLUTION = "Use `sorted(x)`."


async def make_admin(database: Database, student: Join) -> Person:
    """Somebody who runs the community: no route makes one."""
    person = await student()
    async with database.write() as db:
        await db.execute(sa.update(UserRow).where(UserRow.id == person.id).values(role="admin"))
    await sign_in_again(person)
    return person


async def sign_in_again(person: Person, password: str = PASSWORD) -> None:
    """Give somebody fresh tokens."""
    answer = await person.client.post("/auth/signin", data={"username": person.username, "password": password})
    assert answer.status_code == 200, answer.text
    person.tokens = answer.json()


async def ticket_in(state: str, owner: Person, its_mentor: Person, **fields: Any) -> dict[str, Any]:
    """A ticket that has come as far as `state`."""
    ticket = await owner.ask(**fields)
    path = f"/tickets/{ticket['id']}"
    if state != "open":
        ticket = await its_mentor.expect(200, "POST", f"{path}/accept")
    if state in ("resolved", "closed"):
        ticket = await its_mentor.expect(200, "POST", f"{path}/resolve", {"solution": SOLUTION})
    if state == "closed":
        ticket = await owner.expect(200, "POST", f"{path}/close")
    return ticket


@asynccontextmanager
async def later(after: timedelta, *people: Person) -> AsyncIterator[datetime]:
    """As if `after` had passed; `people` sign in anew, because their tokens have expired."""
    with time_machine.travel(datetime.now(UTC) + after):
        for person in people:
            await sign_in_again(person)
        yield datetime.now(UTC)


async def let_the_clock_work(worker: Worker) -> None:
    """Do the scheduled jobs that are due, and all that follows from them."""
    async with worker.database.write() as db:
        jobs = Base.metadata.tables["jobs"]
        await db.execute(sa.delete(jobs).where(jobs.c.unique_key == "tickets.sweep"))
    await worker._schedule()
    await worker.drain()


@contextmanager
def statements_of(method: str, route: str) -> Iterator[list[float]]:
    """How many statements the one request in this block sent: `[n]` afterwards. Who has asked before is known."""

    def total(name: str) -> float:
        (metric,) = REQUEST_STATEMENTS.labels(method, route).collect()
        return next(sample.value for sample in metric.samples if sample.name.endswith(name))

    before, requests, sent = total("_sum"), total("_count"), list[float]()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(access, "CACHE_SECONDS", 3600.0)
        yield sent
    assert total("_count") == requests + 1, "count one request"
    sent.append(total("_sum") - before)


async def everything(person: Person, path: str, limit: int = 100) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        parameters: dict[str, Any] = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = await person.get(
            f"{path}{'&' if '?' in path else '?'}" + "&".join(f"{k}={v}" for k, v in parameters.items())
        )
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(page) == {"items", "next_cursor"}
        assert (page["next_cursor"] is not None) == ("link" in answer.headers)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items
        assert page["items"], "a page that promises more has something itself"
