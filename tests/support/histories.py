"""Random histories: state machines of hypothesis that live through an application, on either database."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from tests.support.applications import made
from tests.support.databases import settings_for


class Home:
    """One application for all histories: each begins with people and tickets of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.app = made(settings_for(url, folder))
        self.run(self.stack.enter_async_context(self.app.router.lifespan_context(self.app)))
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        self.client = self.run(
            self.stack.enter_async_context(httpx2.AsyncClient(transport=transport, base_url="http://test"))
        )
        self.database: Database = self.app.state.database
        self.worker = Worker(self.database)

    def run(self, work: Any) -> Any:
        """Do something in the application's loop."""
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        """Stop it."""
        self.run(self.stack.aclose())
        self.loop.close()

    def live_through(self, machine: type[RuleBasedStateMachine], *, examples: int, steps: int) -> None:
        """So many random histories of so many steps."""
        run_state_machine_as_test(
            type("LifeHere", (machine,), {"home": self}),
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
