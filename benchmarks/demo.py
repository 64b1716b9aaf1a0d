"""How fast a demonstration community loads: `python -m benchmarks.demo [--tickets N]`.

Measured is the whole of `mentorq demo` within the process: inventing, loading, indexing, counting, on an empty
and migrated database of each kind.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from mentorq.core.database import Database
from mentorq.demo.loading import Size, load
from mentorq.migrations import upgrade
from tests.support.databases import settings_for
from tests.support.servers import ServerMissing, postgresql

PASSWORD = "a-long-Passphrase-7"


async def measure(url: str, home: Path, size: Size) -> tuple[float, float]:
    """Seconds that loading takes, and how many of them this process computes."""
    database = Database(settings_for(url, home))
    await upgrade(database)
    started, computed = time.perf_counter(), time.process_time()
    await load(database, size, 1, PASSWORD, lambda _: None)
    taken = time.perf_counter() - started, time.process_time() - computed
    await database.stop()
    return taken


def report(name: str, size: Size, taken: tuple[float, float]) -> None:
    """Print one line."""
    seconds, computed = taken
    print(f"{name:12} {size.tickets / seconds:10,.0f} tickets/s   {seconds:6.1f} s, {computed:.1f} s of them in Python")


def main() -> None:
    """Both databases, one after the other."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    for name, usual in (("tickets", 100_000), ("students", 5_000), ("mentors", 500)):
        options.add_argument(f"--{name}", type=int, default=usual)
    given = options.parse_args()
    size = Size(given.students, given.mentors, given.tickets)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            with postgresql() as url:
                report("PostgreSQL", size, asyncio.run(measure(url, home, size)))
        except ServerMissing as error:
            print(f"PostgreSQL: not measured, {error}")
        report("SQLite", size, asyncio.run(measure(f"sqlite:///{home / 'mentorq.db'}", home, size)))


if __name__ == "__main__":
    main()
