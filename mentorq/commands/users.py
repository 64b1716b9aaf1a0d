"""`mentorq user`: what whoever runs an installation does to accounts. Admins are made only here."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mentorq.commands.setting_up import WRONG_USE, fail, opened, run, settings

if TYPE_CHECKING:
    from mentorq.core.database import Write

app = typer.Typer(help="Accounts.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The username, or the e-mail address.")]


class RoleName(StrEnum):
    """What an account may do."""

    STUDENT = "student"
    MENTOR = "mentor"
    ADMIN = "admin"


Wanted = Annotated[RoleName, typer.Option(help="What the account may do.")]
Secret = Annotated[
    str,
    typer.Option(prompt=True, confirmation_prompt=True, hide_input=True, help="Asked for unless it is given."),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    email: Annotated[str, typer.Argument(metavar="EMAIL")],
    role: Wanted,
    password: Secret,
) -> None:
    """Make an account."""
    _do(lambda db: _create(db, name, email, role, password))


async def _create(db: "Write", name: str, email: str, role: RoleName, password: str) -> str:
    from mentorq.accounts import administration

    username, user_id = await administration.create(db, name, email, role, password)
    return f"{username} is a {role} now (id {user_id})."


@app.command("role")
def change_role(name: Name, role: Annotated[RoleName, typer.Argument(metavar="ROLE")]) -> None:
    """Let an account be student, mentor or admin. Its sign-ins end."""
    _do(lambda db: _change_role(db, name, role))


async def _change_role(db: "Write", name: str, role: RoleName) -> str:
    from mentorq.accounts import administration
    from mentorq.sessions import lifecycle as sessions
    from mentorq.tickets import lifecycle

    user = await administration.change_role(db, name, role)
    if user["role"] != role:
        await sessions.let_go(db, user["id"])
    returned = await lifecycle.hand_back(db, user["id"], "is no mentor any more") if role != RoleName.MENTOR else 0
    return f"{user['username']} is a {role} now.{_returned(returned)}"


@app.command()
def disable(name: Name) -> None:
    """Refuse an account: its sign-ins end, and nobody can sign in with it."""
    _do(lambda db: _disable(db, name))


async def _disable(db: "Write", name: str) -> str:
    from mentorq.accounts import administration
    from mentorq.sessions import lifecycle as sessions
    from mentorq.tickets import lifecycle

    user = await administration.disable(db, name)
    await sessions.let_go(db, user["id"])
    returned = await lifecycle.hand_back(db, user["id"], "left MentorQ")
    return f"{user['username']} is disabled.{_returned(returned)}"


@app.command()
def enable(name: Name) -> None:
    """Let a disabled account in again."""
    _do(lambda db: _enable(db, name))


async def _enable(db: "Write", name: str) -> str:
    from mentorq.accounts import administration

    user = await administration.enable(db, name)
    return f"{user['username']} may sign in."


@app.command()
def reset_password(name: Name) -> None:
    """Print a link by which somebody sets a new password."""
    _do(lambda db: _reset_password(db, name))


async def _reset_password(db: "Write", name: str) -> str:
    from mentorq.accounts import administration

    link, token = await administration.reset_link(db, name)
    return f"Within 30 minutes, once: {link}\nThe token alone: {token}"


def _returned(tickets: int) -> str:
    return f" Tickets back in the queue: {tickets}." if tickets else ""


def _do(change: Callable[["Write"], Awaitable[str]]) -> None:
    """One transaction, then the sentence that says what was done."""
    known = settings()

    async def work() -> str:
        import mentorq.main  # noqa: F401  so that whoever listens to accounts hears of it

        async with opened(known) as database, database.write() as db:
            return await change(db)

    try:
        typer.echo(run(work))
    except ValueError as error:
        fail(str(error), WRONG_USE)
