"""`mentorq import` and `mentorq demo`: tickets, many at once."""

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mentorq.commands.setting_up import FAILED, WRONG_USE, fail, opened, run, settings

if TYPE_CHECKING:
    from rich.progress import Progress

    from mentorq.demo.loading import Size
    from mentorq.maintenance.imports import Outcome
    from mentorq.maintenance.lines import Refused
    from mentorq.settings import Settings


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl[.gz]", help="One solved ticket a line, as JSON.")],
) -> None:
    """Import solved tickets: {title, description, tags, solution, student, mentor, created_at, resolved_at} a line.

    The same file may be imported again: nothing comes in twice. Lines that cannot be imported are named, and left out.
    """
    known = settings()
    started = time.monotonic()
    size = file.stat().st_size if file.exists() else 0
    outcome = run(lambda: _import(known, file, size))
    typer.echo(
        f"{outcome.imported} tickets imported, {outcome.known} were here already, {outcome.refused} lines refused, "
        f"{outcome.dropped_tags} tags left out. {_speed(outcome.imported, started)}"
    )
    if outcome.refused:
        raise typer.Exit(FAILED)


async def _import(known: "Settings", file: Path, size: int) -> "Outcome":
    from mentorq.maintenance.imports import Watcher, import_file
    from mentorq.maintenance.lines import UnreadableFile

    with _progress() as progress:
        reading = progress.add_task("Reading", total=size)
        learning = progress.add_task("Learning", total=None)
        indexing = progress.add_task("Indexing", total=None)

        def refused(line: "Refused") -> None:
            typer.echo(f"line {line.number} refused: {line.reason}", err=True)

        watcher = Watcher(
            lambda place: progress.update(reading, completed=place),
            lambda count: progress.update(learning, advance=count),
            lambda count: progress.update(indexing, advance=count),
            refused,
        )
        try:
            async with opened(known) as database:
                return await import_file(database, file, watcher)
        except UnreadableFile as error:
            fail(str(error), WRONG_USE)


DEMO_NOTE = "demo-accounts.txt"


def demo(
    students: Annotated[int, typer.Option(min=1, help="How many students.")] = 40,
    mentors: Annotated[int, typer.Option(min=1, help="How many mentors.")] = 15,
    tickets: Annotated[int, typer.Option(min=0, help="How many tickets.")] = 240,
    random_seed: Annotated[int, typer.Option(help="The same seed makes the same community.")] = 1,
    password: Annotated[str, typer.Option(help="Everybody's password; made up and printed unless given.")] = "",
    if_empty: Annotated[bool, typer.Option("--if-empty", help="Do nothing where there are accounts already.")] = False,
) -> None:
    """Load an invented community: people, questions in every state, conversations, solutions, reviews."""
    from mentorq.demo.loading import Size

    known = settings()
    size = Size(students, mentors, tickets)
    secret = password or secrets.token_urlsafe(9)
    started = time.monotonic()
    note = known.mentorq_data_dir / DEMO_NOTE
    if not run(lambda: _demo(known, size, random_seed, secret, if_empty)):
        typer.echo(note.read_text() if note.exists() else "There are accounts already: nothing was loaded.")
        return
    typer.echo(f"{students} students, {mentors} mentors, {tickets} tickets. {_speed(tickets, started)}")
    typer.echo(_keep_note(note, secret))


def _keep_note(note: Path, password: str) -> str:
    """Whom to sign in as, said now and kept beside the data: the next start says it again."""
    from mentorq.demo.cast import MENTOR, STUDENT

    said = f"Demo community: sign in as the student {STUDENT} or the mentor {MENTOR}; the password is {password}"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.touch(mode=0o600)
    note.write_text(said)
    return said


async def _demo(known: "Settings", size: "Size", seed: int, password: str, if_empty: bool) -> bool:
    from mentorq.demo import loading

    async with opened(known) as database:
        if if_empty and not await loading.is_empty(database):
            return False
        with _progress() as progress:
            bar = progress.add_task("Loading", total=size.tickets)
            try:
                await loading.load(database, size, seed, password, lambda count: progress.update(bar, advance=count))
            except loading.NamesTaken as error:
                fail(str(error))
    return True


def _progress() -> "Progress":
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def _speed(tickets: int, started: float) -> str:
    seconds = time.monotonic() - started
    return f"{seconds:.1f} s, {tickets / seconds:,.0f} tickets/s."
