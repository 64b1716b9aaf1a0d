"""What an installation costs before anybody asks for anything: `python -m benchmarks.footprint [--starts 5]`.

For both databases: seconds from the start of `mentorq serve` to a /readyz that says yes, on a database that is there
already; the memory of the idle process; and statements per request of the hot reads, out of /metrics.
"""

import argparse
import asyncio
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx2

from benchmarks.stage import SignedIn, Size, cpu_seconds, filled_postgresql, resident_megabytes, sign_up
from mentorq.core.database import Database
from mentorq.migrations import upgrade
from mentorq.settings import Settings
from tests.support.databases import settings_for
from tests.support.processes import RealServer

MOST_SECONDS, MOST_MEGABYTES, MOST_STATEMENTS = 2.0, 120.0, 2.0
SETTLED_SECONDS = 2.0
ASKED = 50
COUNTED = r'^mentorq_request_statements_(sum|count)\{method="GET",route="(/tickets[^"]*)"\} (\S+)'


@contextmanager
def embedded() -> Iterator[Settings]:
    """Settings for a SQLite that has its schema."""
    with tempfile.TemporaryDirectory(prefix="mentorq-bench-") as home:
        settings = settings_for(f"sqlite:///{home}/mentorq.db", Path(home), log_level="warning", embedded_worker=True)
        asyncio.run(_migrate(settings))
        yield settings


async def _migrate(settings: Settings) -> None:
    database = Database(settings)
    await upgrade(database)
    await database.stop()


@dataclass(frozen=True, order=True)
class Start:
    """One start; on a machine that does other things, too, the processor's time says more."""

    seconds: float
    cpu_seconds: float


def start(settings: Settings) -> Start:
    """Start once and stop again."""
    server = RealServer(settings)
    began = time.perf_counter()
    server.start()
    measured = Start(time.perf_counter() - began, cpu_seconds(server.process.pid))
    server.stop()
    return measured


def idle_megabytes(server: RealServer) -> float:
    """The memory of a server that nobody asks."""
    time.sleep(SETTLED_SECONDS)
    return resident_megabytes(server.process.pid)


def statements(server: RealServer) -> dict[str, float]:
    """Statements per request of the hot reads, by route."""
    student, mentor = sign_up(server, "student"), sign_up(server, "mentor")
    with httpx2.Client(base_url=server.url) as client:
        ticket = {"title": "Why?", "description": "It says no.", "tags": ["python"]}
        created = client.post("/tickets", json=ticket, headers=_of(student)).raise_for_status().json()
        for who, path in (
            (student, f"/tickets/{created['id']}"),
            (student, "/tickets/me"),
            (mentor, "/tickets?tag=python&limit=20"),
        ):
            for _ in range(ASKED):
                client.get(path, headers=_of(who)).raise_for_status()
        found = re.findall(COUNTED, client.get("/metrics").text, re.MULTILINE)
    numbers = {(route, kind): float(value) for kind, route, value in found}
    return {route: numbers[route, "sum"] / numbers[route, "count"] for route, _ in numbers}


def _of(who: SignedIn) -> dict[str, str]:
    return {"Authorization": f"Bearer {who.token}"}


def report(name: str, settings: Settings, starts: int) -> None:
    """Print the figures of one database."""
    done = sorted(start(settings) for _ in range(starts))
    with RealServer(settings) as server:
        memory = idle_megabytes(server)
        asked = statements(server)
    print(f"{name}")
    seconds, cpu = median(s.seconds for s in done), median(s.cpu_seconds for s in done)
    print(
        f"  start until ready  {seconds:.2f} s, fastest {done[0].seconds:.2f} s, "
        f"CPU {cpu:.2f} s (at most {MOST_SECONDS} s)"
    )
    print(f"  idle memory        {memory:.0f} MB (at most {MOST_MEGABYTES:.0f} MB)")
    for route, count in asked.items():
        print(f"  GET {route:22} {count:.2f} statements (at most {MOST_STATEMENTS:.0f})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args()
    with embedded() as settings:
        report("SQLite", settings, options.starts)
    with filled_postgresql(Size()) as settings:
        report("PostgreSQL", settings.model_copy(update={"embedded_worker": True}), options.starts)


if __name__ == "__main__":
    main()
