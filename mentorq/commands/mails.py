"""`mentorq mail`: what became of mails. Nothing here shows whom they are to, or what they say."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mentorq.commands.setting_up import FAILED, opened, run, settings

if TYPE_CHECKING:
    from mentorq.core.database import Row
    from mentorq.settings import Settings

app = typer.Typer(help="Mail: what was not sent, and why.", no_args_is_help=True)


class StateName(StrEnum):
    """What became of a mail."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"


@app.command("list")
def list_(
    state: Annotated[list[StateName] | None, typer.Option(help="Only these; may be given several times.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
) -> None:
    """List mails, newest first: by default all but those that were sent."""
    known = settings()
    wanted = state or [name for name in StateName if name != StateName.SENT]
    mails = run(lambda: _list(known, wanted, limit))
    for mail in mails:
        typer.echo(_line(mail))
    if not mails:
        typer.echo("There are none.")


async def _list(known: "Settings", states: list[StateName], limit: int) -> "list[Row]":
    from mentorq.core.mail import outbox
    from mentorq.core.mail.models import State

    async with opened(known) as database, database.read() as db:
        return await outbox.newest(db, [State(name) for name in states], limit)


def _line(mail: "Row") -> str:
    line = f"{mail['id']:>8}  {mail['state']:<10}  {mail['created_at']:%Y-%m-%d %H:%M:%S}Z  attempts: {mail['tries']}"
    if mail["state"] == StateName.WAITING:
        line += f"  next: {mail['due_at']:%Y-%m-%d %H:%M:%S}Z"
    return f"{line}  {mail['reason']}".rstrip()


@app.command()
def retry(ids: Annotated[list[int], typer.Argument(metavar="ID...", min=1, help="As `mail list` shows them.")]) -> None:
    """Send failed mails again. With `unknown` ones that is your decision: their readers may get them twice."""
    known = settings()
    left = run(lambda: _retry(known, ids))
    if retried := [number for number in ids if number not in left]:
        typer.echo(f"Queued again: {', '.join(map(str, retried))}.")
    if left:
        typer.echo(f"No failed or unknown mail whose text is still there: {', '.join(map(str, left))}.", err=True)
        raise typer.Exit(FAILED)


async def _retry(known: "Settings", ids: list[int]) -> list[int]:
    from mentorq.core.mail import outbox

    async with opened(known) as database, database.write() as db:
        return [mail_id for mail_id in ids if not await outbox.retry(db, mail_id)]


@app.command()
def allow(address: Annotated[str, typer.Argument(metavar="ADDRESS")]) -> None:
    """Send to an address again that had bounced or complained."""
    known = settings()
    was_suppressed = run(lambda: _allow(known, address))
    typer.echo("Mail is sent to it again." if was_suppressed else "It was not suppressed.")


async def _allow(known: "Settings", address: str) -> bool:
    from mentorq.core.mail import suppressions

    async with opened(known) as database, database.write() as db:
        return await suppressions.allow(db, address)
