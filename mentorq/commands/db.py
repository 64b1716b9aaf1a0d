"""`mentorq db`: the schema, and whether what is kept twice agrees."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from mentorq.commands.setting_up import FAILED, opened, run, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from mentorq.settings import Settings

app = typer.Typer(help="The database: its schema, and whether it is sound.", no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Wait for the database, then bring its schema up to date."""
    known = settings()
    run(lambda: _upgrade(known))


async def _upgrade(known: "Settings") -> None:
    from mentorq.core.database import Database, until_available
    from mentorq.core.telemetry import configure_logging
    from mentorq.migrations import WAIT_FOR_DATABASE_SECONDS, newest, revision
    from mentorq.migrations import upgrade as migrate

    configure_logging(known.model_copy(update={"log_level": "warning"}))
    database = Database(known)
    try:
        await until_available(database, WAIT_FOR_DATABASE_SECONDS)
        before = await revision(database)
        await migrate(database)
    finally:
        await database.stop()
    was = "It was already." if before == newest() else f"It was at {before}." if before else "It was empty."
    typer.echo(f"The schema is at {newest()}. {was}")


@app.command()
def verify() -> None:
    """Compare counters and copies with what they are made of; prints each difference, exit code 1 if there is any."""
    known = settings()
    found = run(lambda: _verify(known))
    typer.echo("Everything agrees." if not found else f"{found} differences. `mentorq db rebuild` repairs them.")
    if found:
        raise typer.Exit(FAILED)


async def _verify(known: "Settings") -> int:
    from mentorq.maintenance.verify import differences

    found = 0
    async with opened(known) as database:
        async for difference in differences(database):
            typer.echo(str(difference))
            found += 1
    return found


@app.command()
def rebuild(
    search: Annotated[
        bool, typer.Option("--search", help="Only index all articles anew, while everybody goes on working.")
    ] = False,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Only work out mentors' statistics and leaderboards anew.")
    ] = False,
    achievements: Annotated[
        bool,
        typer.Option(
            "--achievements", help="Only award what people have earned in the past, while everybody goes on working."
        ),
    ] = False,
) -> None:
    """Repair what `verify` finds, and work out anew what matching knows. Changes to tickets wait meanwhile."""
    known = settings()
    if search:
        _timed(lambda: _rebuild_search(known), "articles indexed anew")
    if statistics:
        _timed(lambda: _rebuild_statistics(known), "facts counted anew")
    if achievements:
        _timed(lambda: _rebuild_achievements(known), "achievements awarded that were earned before")
    if search or statistics or achievements:
        return
    found = run(lambda: _rebuild(known))
    typer.echo(f"{found} differences repaired, and what matching knows is worked out anew.")


def _timed(work: "Callable[[], Coroutine[None, None, int]]", done: str) -> None:
    started = time.monotonic()
    number = run(work)
    seconds = time.monotonic() - started
    typer.echo(f"{number} {done}. {seconds:.1f} s, {number / seconds:,.0f} a second.")


async def _rebuild(known: "Settings") -> int:
    from mentorq.maintenance.rebuild import rebuild as repair

    async with opened(known) as database:
        return await repair(database, lambda difference: typer.echo(str(difference)))


async def _rebuild_search(known: "Settings") -> int:
    from mentorq.knowledge import index

    async with opened(known) as database:
        return sum([indexed async for indexed in index.rebuild(database)])


async def _rebuild_statistics(known: "Settings") -> int:
    from mentorq.maintenance.standings import count_again

    async with opened(known) as database:
        return await count_again(database)


async def _rebuild_achievements(known: "Settings") -> int:
    from mentorq.community.awarding import award_past

    async with opened(known) as database:
        return await award_past(database)
