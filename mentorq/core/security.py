"""Passwords and tokens: how they are made, kept and checked. What they allow is decided elsewhere."""

import asyncio
import functools
import gzip
import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, TypeVar

import jwt
from pwdlib.hashers.bcrypt import BcryptHasher

from mentorq.core.clock import now
from mentorq.core.errors import InvalidInput
from mentorq.core.inputs import LARGEST_ID
from mentorq.settings import Settings

LONGEST_PASSWORD_BYTES = 72  # bcrypt reads no further
SHORTEST_PASSWORD = 8
ISSUER = AUDIENCE = "mentorq"
LEEWAY = timedelta(seconds=30)

T = TypeVar("T")

# Hashing burns a core for a quarter of a second: in threads of its own, it cannot starve what else runs in threads.
_hashing = ThreadPoolExecutor(max_workers=2, thread_name_prefix="bcrypt")


@functools.cache
def common_passwords() -> frozenset[str]:
    """The passwords that attackers try first; see `data/SOURCES.md` for where the list is from."""
    packed = resources.files("mentorq.core").joinpath("data/common_passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n"))


def check_password(password: str, *own_names: str, field: str = "password") -> None:
    """Refuse passwords that others would guess first.

    Raises:
        InvalidInput: too short, too long, common, or equal to the account's own name or e-mail.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput.of(f"/{field}", f"A password needs at least {SHORTEST_PASSWORD} characters.")
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD_BYTES:
        raise InvalidInput.of(f"/{field}", f"A password may have at most {LONGEST_PASSWORD_BYTES} bytes.")
    lowered = password.lower()
    if lowered in common_passwords():
        raise InvalidInput.of(f"/{field}", "This is one of the commonest passwords. Choose another one.")
    if lowered in {name.lower() for name in own_names} | {name.lower().partition("@")[0] for name in own_names}:
        raise InvalidInput.of(f"/{field}", "A password must not be your own name or e-mail address.")


@functools.lru_cache(maxsize=4)
def _hasher(rounds: int) -> BcryptHasher:
    return BcryptHasher(rounds=rounds)


@functools.lru_cache(maxsize=4)
def _decoy(rounds: int) -> str:
    return _hasher(rounds).hash(secrets.token_urlsafe(16))


async def hash_password(password: str, rounds: int) -> str:
    """A bcrypt hash, made outside the event loop."""
    return await _in_thread(lambda: _hasher(rounds).hash(password))


async def verify_password(password: str, password_hash: str | None, rounds: int) -> bool:
    """Whether the password fits; takes as long for an account that does not exist (`None`)."""
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD_BYTES:
        return False
    known = password_hash is not None
    return await _in_thread(lambda: _hasher(rounds).verify(password, password_hash or _decoy(rounds))) and known


async def _in_thread(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_hashing, work)


def random_token() -> str:
    """256 bits that nobody guesses."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored of a random token: enough to recognise it, too little to use it."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def access_token(settings: Settings, user_id: int, sign_in_id: int) -> tuple[str, datetime]:
    """A signed access token of a sign-in, and when it expires."""
    issued = now()
    expires = issued + timedelta(minutes=settings.access_token_expire_minutes)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(user_id),
        "sid": sign_in_id,
        "jti": secrets.token_urlsafe(9),
        "iat": issued,
        "exp": expires,
        "typ": "access",
    }
    return jwt.encode(claims, settings.secret_key, algorithm=settings.algorithm), expires


def cookie_name(settings: Settings, name: str) -> str:
    """What browsers call a cookie of ours: over https, no other host of the domain can have set it."""
    return f"__Host-{name}" if settings.is_https else name


def read_access_token(settings: Settings, token: str) -> tuple[int, int, datetime] | None:
    """User, sign-in and end of a valid access token; None if it is not one of ours or has expired."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            settings.secret_key,
            algorithms=[settings.algorithm],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY,
            options={"require": ["sub", "sid", "jti", "iat", "exp", "typ"]},
        )
        if claims["typ"] != "access":
            return None
        user_id, sign_in_id = int(claims["sub"]), int(claims["sid"])
        if not (0 < user_id <= LARGEST_ID and 0 < sign_in_id <= LARGEST_ID):
            return None
        return user_id, sign_in_id, datetime.fromtimestamp(claims["exp"], tz=now().tzinfo)
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
        return None
