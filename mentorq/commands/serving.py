"""`mentorq serve` and `mentorq worker`: the processes that run all the time."""

import socket
from typing import TYPE_CHECKING, Annotated

import typer

from mentorq.commands.setting_up import WRONG_USE, fail, leave_on_signals, run, settings

if TYPE_CHECKING:
    import uvicorn

    from mentorq.settings import Settings

KEEP_ALIVE_SECONDS = 65  # longer than load balancers keep a connection, or they send requests into a closed one
GRACE_SECONDS = 10
LONGEST_HEADERS = 64 * 1024
BACKLOG = 2048


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes; more than one need REDIS_URL.")] = 1,
) -> None:
    """Serve the application."""
    leave_on_signals()
    known = settings()
    if workers > 1 and not known.redis_url:
        fail(
            "Several workers must hear of each other: set REDIS_URL, or leave --workers at 1. "
            "Without it, limits would be counted for each worker, and news would arrive late.",
            WRONG_USE,
        )
    entrance = _bound(host, port)
    run(lambda: _prepare(known))
    leave_on_signals()
    try:
        entrance.listen(BACKLOG)
    except OSError as error:
        fail(_why_not(host, port, error))
    _announce(host, entrance.getsockname()[1])
    _serve(_configuration(known, host, port, workers), entrance)


def _bound(host: str, port: int) -> socket.socket:
    """A socket of our own, so that a busy port is a sentence and not the server's traceback."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        entrance = socket.socket(family, kind)
        entrance.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        entrance.bind(address)
    except OSError as error:
        fail(_why_not(host, port, error))
    entrance.set_inheritable(True)
    return entrance


def _why_not(host: str, port: int, error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"Cannot listen on {host} port {port}: {reason}. Choose another one with --port."


async def _prepare(known: "Settings") -> None:
    """Whatever stops the start is found here, where it is one sentence."""
    from mentorq.core.database import Database
    from mentorq.core.telemetry import configure_logging
    from mentorq.migrations import bring_up_to_date

    configure_logging(known)
    database = Database(known)
    try:
        await bring_up_to_date(database)
    finally:
        await database.stop()


def _announce(host: str, port: int) -> None:
    shown = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1", "::1") else host  # noqa: S104
    typer.echo(f"MentorQ is at http://{shown}:{port} and its API's documentation at http://{shown}:{port}/docs")
    typer.echo("Press Ctrl-C to stop.")


def _configuration(known: "Settings", host: str, port: int, workers: int) -> "uvicorn.Config":
    import uvicorn

    from mentorq.core.sockets import LONGEST_MESSAGE

    return uvicorn.Config(
        "mentorq.main:app",
        host=host,
        port=port,
        workers=workers,
        lifespan="on",
        server_header=False,
        access_log=False,
        log_config=None,
        proxy_headers=bool(known.trusted_proxies),
        forwarded_allow_ips=known.trusted_proxies,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=LONGEST_HEADERS,
        backlog=BACKLOG,
        ws="websockets-sansio",
        ws_max_size=LONGEST_MESSAGE,
        ws_per_message_deflate=False,
    )


def _serve(configuration: "uvicorn.Config", entrance: socket.socket) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    if configuration.workers > 1:
        Multiprocess(configuration, sockets=[entrance]).run()
        return
    server = uvicorn.Server(configuration)
    server.run(sockets=[entrance])  # ends by the signal that it got: see `leave_on_signals`
    if not server.started:
        raise typer.Exit(1)


def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Jobs that may run at the same time.")] = 4,
) -> None:
    """Do the jobs, beside any number of servers with EMBEDDED_WORKER=off."""
    leave_on_signals()
    known = settings()
    run(lambda: _work(known, concurrency))


async def _work(known: "Settings", concurrency: int) -> None:
    import asyncio
    import signal

    from mentorq.core.bus import make_bus
    from mentorq.core.database import Database
    from mentorq.core.jobs import Worker
    from mentorq.core.telemetry import configure_logging
    from mentorq.main import running  # which knows every module, so that every task is known, too

    configure_logging(known)
    database = Database(known, make_bus(known.redis_url))
    async with running(database):
        work = asyncio.create_task(Worker(database, concurrency=concurrency).run(), name="worker")
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        typer.echo(f"The worker does up to {concurrency} jobs at a time. Press Ctrl-C to stop.")
        await asyncio.wait([work])
        if not work.cancelled():
            work.result()
