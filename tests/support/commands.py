"""`mentorq` commands as processes that start quickly: forked from one that has imported other people's libraries.

Importing those takes four times as long as most commands do. Of MentorQ itself nothing is imported beforehand, so that
a command that forgets to import what it needs still fails. `PROGRAM` in `tests.support.processes` is the real start.
"""

import multiprocessing
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from unittest.mock import patch

import coverage

from tests.support.patience import PATIENCE_SECONDS

LONGEST_SECONDS = 3 * PATIENCE_SECONDS
MEASURED = "COVERAGE_PROCESS_CONFIG"
PRELOADED = [
    "__main__", "alembic.command", "asyncpg", "coverage", "email_validator", "fastapi", "limits", "prometheus_client",
    "pwdlib.hashers.bcrypt", "pydantic_settings", "redis.asyncio", "rich.progress", "snowballstemmer",
    "sqlalchemy.dialects.postgresql.asyncpg", "sqlalchemy.dialects.sqlite.aiosqlite", "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm", "structlog", "typer.rich_utils", "uvicorn",
]  # fmt: skip

_context = multiprocessing.get_context("forkserver")


def command(arguments: Sequence[str], environment: Mapping[str, str], home: Path) -> "subprocess.CompletedProcess[str]":
    """Run `mentorq` with these arguments to its end, in the folder `home`."""
    _start_forkserver()
    with tempfile.TemporaryDirectory() as folder:
        out, errors = Path(folder, "out"), Path(folder, "errors")
        process = _context.Process(target=_become, args=(arguments, dict(environment), home, out, errors))
        process.start()
        process.join(LONGEST_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(list(arguments), LONGEST_SECONDS)
        return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), errors.read_text())


def _start_forkserver() -> None:
    """It is not measured itself; what it forks is."""
    _context.set_forkserver_preload(PRELOADED)
    with patch.dict(os.environ):
        os.environ.pop(MEASURED, None)
        forkserver.ensure_running()


def _become(arguments: Sequence[str], environment: dict[str, str], home: Path, out: Path, errors: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(home)
    for number, file in ((1, out), (2, errors)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    measured = coverage.process_startup()
    try:
        from mentorq.cli import app

        app(list(arguments), prog_name="mentorq")
    finally:
        if measured:
            measured.stop()
            measured.save()
