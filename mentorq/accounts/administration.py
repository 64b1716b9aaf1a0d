"""What whoever runs the installation does to accounts: on the command line only."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from mentorq.accounts import queries, signins
from mentorq.accounts.errors import UserNotFound
from mentorq.accounts.events import UserJoined
from mentorq.accounts.models import Role, TokenPurpose
from mentorq.accounts.registration import ACCOUNT_TOKEN_LIFE, sign_up
from mentorq.accounts.schemas import Email, Username
from mentorq.core.clock import now
from mentorq.core.database import Row, Write
from mentorq.core.errors import InvalidInput
from mentorq.core.events import emit
from mentorq.core.security import random_token, token_hash
from mentorq.tags import service as tags


async def create(db: Write, name: str, email: str, role: str, password: str) -> tuple[str, int]:
    """Make an account of any role; returns its username and id.

    Raises:
        InvalidInput: name, address or password are not such.
        UsernameTaken, EmailTaken: somebody has them.
    """
    username, address = _valid("name", Username, name), _valid("e-mail address", Email, email)
    user = await sign_up(db, username, address, password, Role(role))
    return user.username, user.id


def _valid(what: str, kind: Any, value: str) -> str:
    try:
        valid: str = TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InvalidInput(f"{value!r} cannot be a {what}: {message}") from error
    return valid


async def change_role(db: Write, name: str, role: str) -> Row:
    """Change what an account may do; its sign-ins end.

    Raises:
        UserNotFound: there is none.
    """
    user = await _user(db, name)
    if user["role"] == role:
        return user
    await queries.change_user(db, user["id"], {"role": role})
    tag_ids = (await queries.skills(db, user["id"])).values()
    if role == Role.MENTOR:
        await emit(db, UserJoined(user["id"], role))
    await signins.end_all(db, user["id"])
    if Role.MENTOR in (role, user["role"]):  # what was learnt is expertise now, or the other way round
        is_mentor = role == Role.MENTOR
        await tags.recount(db, "mentors", added=tag_ids if is_mentor else (), removed=() if is_mentor else tag_ids)
    return user


async def disable(db: Write, name: str) -> Row:
    """Refuse an account from now on; its sign-ins end.

    Raises:
        UserNotFound: there is none.
    """
    user = await _user(db, name)
    if user["disabled_at"] is None:
        await queries.change_user(db, user["id"], {"disabled_at": now()})
    await signins.end_all(db, user["id"])
    return user


async def enable(db: Write, name: str) -> Row:
    """Let a disabled account in again.

    Raises:
        UserNotFound: there is none.
    """
    user = await _user(db, name)
    await queries.change_user(db, user["id"], {"disabled_at": None})
    return user


async def reset_link(db: Write, name: str) -> tuple[str, str]:
    """A link by which somebody can set a new password, and the token in it.

    Raises:
        UserNotFound: there is no such account.
    """
    user = await _user(db, name)
    token = random_token()
    expires = now() + ACCOUNT_TOKEN_LIFE
    await queries.add_account_token(
        db, token_hash(token), user["id"], TokenPurpose.RESET_PASSWORD, user["email"], expires
    )
    return f"{db.settings.public_url}/reset?token={token}", token


async def _user(db: Write, name: str) -> Row:
    user = await queries.user_by_name_or_email(db, name.strip().lower())
    if user is None:
        raise UserNotFound(f"Nobody here is called {name}.")
    return user
