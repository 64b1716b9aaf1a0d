"""Workers that are killed: `python -m tests.support.killed_workers DATABASE_URL KILLS SEED`.

Everything is imported once; then one process after the other is forked, works, and is killed at any moment, as a power
cut would do it. At the end, when stdin says so, one works until nothing is left. Leases are short, so that what a
killed worker had taken is soon taken again.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from random import Random

import mentorq.main  # noqa: F401 (every task)
from mentorq.core import jobs
from mentorq.core.database import Database
from mentorq.core.jobs import Worker
from tests.support.databases import settings_for

LEASE = timedelta(milliseconds=400)
LONG_LEASE = timedelta(seconds=60)
LONGEST_LIFE_SECONDS = 0.25


async def work(url: str, home: Path, tell: int) -> None:
    """Work until killed; say so when that begins."""
    database = Database(settings_for(url, home))
    await database.start()
    os.write(tell, b"!")
    await Worker(database).run()


def main() -> None:
    """Kill, kill, kill; say so; then let one live until told to stop."""
    url, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    jobs.LEASE, jobs.POLL_SECONDS = LEASE, 0.05
    jobs.MOST_CLAIMS = 1000 * kills  # these jobs do not kill their workers
    random = Random(seed)
    with tempfile.TemporaryDirectory() as home:
        for number in range(kills + 1):
            told, tell = os.pipe()
            child = os.fork()
            if child == 0:
                for output in (1, 2):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
                jobs.LEASE = LONG_LEASE if number == kills else LEASE
                asyncio.run(work(url, Path(home), tell))
                os._exit(0)
            os.close(tell)
            if number == kills:
                print("killed", flush=True)
                sys.stdin.readline()
            else:
                if number % 2:  # the others are killed while they start, too
                    os.read(told, 1)
                time.sleep(random.uniform(0.02, LONGEST_LIFE_SECONDS))
            os.close(told)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


if __name__ == "__main__":
    main()
