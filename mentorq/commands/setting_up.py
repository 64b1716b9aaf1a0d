"""What commands share: settings, a database, and sentences instead of tracebacks."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from mentorq.core.database import Database
    from mentorq.settings import Settings

WRONG_USE, FAILED = 2, 1

T = TypeVar("T")


def fail(sentence: str, code: int = FAILED) -> NoReturn:
    """End with one sentence on stderr."""
    typer.echo(sentence, err=True)
    raise typer.Exit(code)


def settings() -> "Settings":
    """The settings, or the end: what is wrong with them in one sentence, exit code 2."""
    from mentorq.settings import WrongSetting, load_settings

    try:
        return load_settings()
    except WrongSetting as error:
        fail(str(error), WRONG_USE)


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Do asynchronous work; whatever hosts must know of ends in a sentence.

    A signal to stop cancels the work, so that what it has begun is rolled back.
    """
    from mentorq.core.errors import DomainError, Unavailable
    from mentorq.migrations import MigrationsPending

    try:
        return asyncio.run(_until_told_to_stop(work))
    except MigrationsPending as error:
        fail(str(error))
    except Unavailable:
        fail("The database does not answer. Check DATABASE_URL, and that it is running.")
    except DomainError as error:
        fail(error.detail)
    except asyncio.CancelledError:
        fail("Stopped.", 128 + signal.SIGINT)


async def _until_told_to_stop(work: Callable[[], Awaitable[T]]) -> T:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await work()


@asynccontextmanager
async def opened(settings: "Settings") -> AsyncIterator["Database"]:
    """A database whose schema is the one that this version needs; what is committed is told to other processes."""
    from mentorq.core.bus import make_bus
    from mentorq.core.database import Database
    from mentorq.core.telemetry import configure_logging
    from mentorq.migrations import bring_up_to_date

    configure_logging(settings.model_copy(update={"log_level": "warning"}))
    database = Database(settings, make_bus(settings.redis_url))
    try:
        await bring_up_to_date(database)
        await database.follow_clock()
        yield database
    finally:
        await database.bus.stop()
        await database.stop()


def leave_on_signals() -> None:
    """Let SIGTERM and Ctrl-C end this process with exit code 0, wherever it is."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
