"""`mentorq` as processes that start quickly: forked from one that has imported beforehand what takes long.

Importing takes longer than most commands do, and servers to start. The first run of each command is forked from a
process that knows other people's libraries only, so that a command that forgets to import what it needs still fails.
What follows, and servers and workers, which need all of MentorQ, are forked from one that has imported it.
`PROGRAM` in `tests.support.processes` is the real start.
"""

import multiprocessing
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from threading import Lock
from unittest.mock import patch

import coverage

from tests.support.patience import PATIENCE_SECONDS

LONGEST_SECONDS = 3 * PATIENCE_SECONDS
MEASURED = "COVERAGE_PROCESS_CONFIG"
LIBRARIES = (
    "__main__", "alembic.command", "asyncpg", "coverage", "email_validator", "fastapi", "limits", "prometheus_client",
    "pwdlib.hashers.bcrypt", "pydantic_settings", "redis.asyncio", "rich.progress", "snowballstemmer",
    "sqlalchemy.dialects.postgresql.asyncpg", "sqlalchemy.dialects.sqlite.aiosqlite", "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm", "structlog", "typer.rich_utils", "uvicorn",
)  # fmt: skip
EVERYTHING = (
    *LIBRARIES, "uvicorn.lifespan.on", "uvicorn.loops.auto", "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.websockets_sansio_impl", "mentorq.cli", "mentorq.main", "mentorq.migrations.steps",
)  # fmt: skip

_context = multiprocessing.get_context("forkserver")
_one_at_a_time = Lock()
_known: set[tuple[str, ...]] = set()


class Running:
    """A process of `mentorq`, with what `subprocess.Popen` has for it."""

    def __init__(self, process: ForkServerProcess) -> None:
        assert process.pid
        self._process, self.pid = process, process.pid

    def poll(self) -> int | None:
        """Its exit code, if it has ended: that of a signal is negative."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Its exit code, when it has ended.

        Raises:
            TimeoutExpired: it has not.
        """
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it, as a power cut would."""
        self.send_signal(signal.SIGKILL)


def command(arguments: Sequence[str], environment: Mapping[str, str], home: Path) -> "subprocess.CompletedProcess[str]":
    """Run `mentorq` with these arguments to its end, in the folder `home`."""
    with tempfile.TemporaryDirectory() as folder:
        out, errors = Path(folder, "out"), Path(folder, "errors")
        name = tuple(arguments[:2])
        running = _forked(EVERYTHING if name in _known else LIBRARIES, arguments, environment, home, (out, errors))
        _known.add(name)
        try:
            code = running.wait(LONGEST_SECONDS)
        finally:
            running.kill()
        return subprocess.CompletedProcess(arguments, code, out.read_text(), errors.read_text())


def serving(arguments: Sequence[str], environment: Mapping[str, str], home: Path, log: Path) -> Running:
    """Start `mentorq serve` or `mentorq worker`, in the folder `home`; what it says is added to `log`."""
    return _forked(EVERYTHING, arguments, environment, home, (log, log))


def _forked(
    imported: tuple[str, ...],
    arguments: Sequence[str],
    environment: Mapping[str, str],
    home: Path,
    outputs: tuple[Path, Path],
) -> Running:
    server = _forkserver(imported)
    given = (list(arguments), dict(environment), home, outputs)
    process = _context.Process(target=_become, args=given, name=" ".join(arguments), daemon=True)
    with _one_at_a_time, patch.object(forkserver, "connect_to_new_process", server.connect_to_new_process):
        process.start()
    return Running(process)


@cache
def _forkserver(imported: tuple[str, ...]) -> forkserver.ForkServer:
    """It is not measured itself; what it forks is."""
    server = forkserver.ForkServer()
    server.set_forkserver_preload(list(imported))
    with patch.dict(os.environ):
        os.environ.pop(MEASURED, None)
        server.ensure_running()
    return server


def _become(arguments: list[str], environment: dict[str, str], home: Path, outputs: tuple[Path, Path]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(home)
    for number, file in enumerate(outputs, 1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    measured = coverage.process_startup()
    try:
        from mentorq.cli import app

        app(arguments, prog_name="mentorq")
    finally:
        if measured:
            measured.stop()
            measured.save()
