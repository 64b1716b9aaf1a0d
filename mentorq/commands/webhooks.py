"""`mentorq webhook`: other programs that are told what happens here."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mentorq.commands.setting_up import WRONG_USE, fail, opened, run, settings

if TYPE_CHECKING:
    from mentorq.core.database import Database, Read, Row, Write
    from mentorq.webhooks.delivery import Outcome
    from mentorq.webhooks.models import EventName

app = typer.Typer(help="Webhooks: other programs that are told what happens.", no_args_is_help=True)

LARGEST_ID = 2**63 - 1
Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=LARGEST_ID, help="As `mentorq webhook list` shows it.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to send events: https://…")],
    event: Annotated[
        list[str] | None, typer.Option(help="What it wants to know; may be repeated. Default: all.")
    ] = None,
) -> None:
    """Tell an address of what happens from now on. Prints the secret of its signatures, this once."""
    _do(lambda db: _add(db, url, _events(event or [])))


def _events(names: list[str]) -> "list[EventName]":
    from mentorq.webhooks.models import EventName

    for name in names:
        if name not in list(EventName):
            fail(f"There is no event {name!r}. Events: {', '.join(EventName)}.", WRONG_USE)
    return [EventName(name) for name in names] or list(EventName)


async def _add(db: "Write", url: str, events: "list[EventName]") -> str:
    from mentorq.webhooks import service

    webhook_id, secret = await service.add(db, url, events)
    return f"Webhook {webhook_id} is told of {', '.join(sorted(events))}.\nIts secret, shown this once: {secret}"


@app.command("list")
def show() -> None:
    """Show all webhooks."""
    _show(_listed)


async def _listed(db: "Read") -> list[str]:
    from mentorq.webhooks import service

    return [_webhook_line(webhook) for webhook in await service.everything(db)] or ["There are no webhooks."]


def _webhook_line(webhook: "Row") -> str:
    state = "enabled" if webhook["is_enabled"] else f"disabled ({webhook['disabled_reason']})"
    if webhook["is_enabled"] and webhook["failing_since"]:
        state = f"failing since {webhook['failing_since']:%Y-%m-%d %H:%M} UTC"
    return f"{webhook['id']}  {state}  {webhook['url']}  {','.join(webhook['events'])}"


@app.command()
def remove(webhook_id: Id) -> None:
    """Forget a webhook, and what it was told."""
    _do(lambda db: _changed(db, "remove", webhook_id, "is gone"))


@app.command()
def enable(webhook_id: Id) -> None:
    """Tell a webhook again; what happened meanwhile it is not told."""
    _do(lambda db: _changed(db, "enable", webhook_id, "is enabled"))


@app.command()
def disable(webhook_id: Id) -> None:
    """Tell a webhook nothing until it is enabled."""
    _do(lambda db: _changed(db, "disable", webhook_id, "is disabled"))


async def _changed(db: "Write", change: str, webhook_id: int, now: str) -> str:
    from mentorq.webhooks import service

    await {"remove": service.remove, "enable": service.enable, "disable": service.disable}[change](db, webhook_id)
    return f"Webhook {webhook_id} {now}."


@app.command()
def test(webhook_id: Id) -> None:
    """Send a signed test message now, and print what comes back."""
    outcome: Outcome = _open(lambda database: _test(database, webhook_id))
    if not outcome.is_success:
        fail(f"Not delivered: {outcome.error} ({outcome.seconds:.1f} s).")
    typer.echo(f"Delivered: it answered {outcome.status} ({outcome.seconds:.1f} s).")


async def _test(database: "Database", webhook_id: int) -> "Outcome":
    from mentorq.webhooks import service

    return await service.test(database, webhook_id)


@app.command()
def deliveries(
    webhook_id: Id,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that were given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
) -> None:
    """Show what a webhook was told, newest first."""
    _show(lambda db: _delivered(db, webhook_id, limit, failed))


async def _delivered(db: "Read", webhook_id: int, limit: int, only_failed: bool) -> list[str]:
    from mentorq.webhooks import service

    found = await service.deliveries(db, webhook_id, limit, only_failed=only_failed)
    return [_delivery_line(delivery) for delivery in found] or ["There are none."]


def _delivery_line(delivery: "Row") -> str:
    attempts = f"{delivery['attempts']} attempt{'' if delivery['attempts'] == 1 else 's'}"
    said = delivery["last_error"] or (f"it answered {delivery['last_status']}" if delivery["last_status"] else "")
    when = f"{delivery['created_at']:%Y-%m-%d %H:%M:%S} UTC"
    return f"{delivery['id']}  {when}  {delivery['event']}  {delivery['state']}  {attempts}  {said}".rstrip()


@app.command()
def replay(
    delivery_id: Annotated[
        int, typer.Argument(metavar="DELIVERY", min=1, max=LARGEST_ID, help="As `deliveries` shows it.")
    ],
) -> None:
    """Send a delivery again: the worker does, as often as it takes."""
    _do(lambda db: _replay(db, delivery_id))


async def _replay(db: "Write", delivery_id: int) -> str:
    from mentorq.webhooks import service

    await service.replay(db, delivery_id)
    return f"Delivery {delivery_id} is sent again."


def _do(change: Callable[["Write"], Awaitable[str]]) -> None:
    """One transaction, then the sentence that says what was done."""

    async def work(database: "Database") -> str:
        async with database.write() as db:
            return await change(db)

    typer.echo(_open(work))


def _show(look: Callable[["Read"], Awaitable[list[str]]]) -> None:
    async def work(database: "Database") -> list[str]:
        async with database.read() as db:
            return await look(db)

    typer.echo("\n".join(_open(work)))


def _open(work: Callable[["Database"], Awaitable[Any]]) -> Any:
    known = settings()

    async def within() -> Any:
        async with opened(known) as database:
            return await work(database)

    return run(within)
