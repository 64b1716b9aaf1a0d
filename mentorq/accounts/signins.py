"""Signing in and out: sign-ins, their access tokens, and refresh tokens that are used once."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from mentorq.accounts import queries
from mentorq.accounts.errors import BadRefreshToken, ReusedRefreshToken, SignInNotFound, WrongCredentials
from mentorq.accounts.schemas import Device, SignIn, Tokens, Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.errors import TooManyRequests
from mentorq.core.jobs import task
from mentorq.core.pagination import Keyset
from mentorq.core.ratelimit import RateLimiter
from mentorq.core.security import access_token, random_token, token_hash, verify_password

CHANNEL = "sign_ins"
"""Hints on the bus: of a sign-in that ended, or of a person who changed, as `names_of` writes them."""

REPEAT_GRACE = timedelta(seconds=10)
FAILURES_OF_ACCOUNT = "10/15 minute"  # for one address: a stranger elsewhere cannot lock anybody out
FAILURES_OF_ADDRESS = "100/15 minute"  # a whole classroom may share an address
FAILURES_ANYWHERE = "1000/15 minute"
FAILURES_BEFORE_DELAY = 10
LONGEST_DELAY_SECONDS = 4.0
KEPT_AFTER_END = timedelta(days=30)


async def sign_in(db: Write, reads: Read, limiter: RateLimiter, name: str, password: str, device: Device) -> Tokens:
    """Check a password and open a sign-in. Takes as long for names that do not exist.

    Raises:
        WrongCredentials: name and password do not belong together.
        TooManyRequests: it failed too often lately.
    """
    user = await queries.user_by_name_or_email(reads, name)
    await reads.close()  # what follows may take seconds, in which others can use the connection
    account = name if user is None else f"user {user['id']}"  # by name or by e-mail, it is one account
    here = f"{account} {device.address}"
    await limiter.check("sign_in", FAILURES_OF_ACCOUNT, here)
    await limiter.check("sign_in_address", FAILURES_OF_ADDRESS, device.address)
    await _slow_down(limiter, account)
    fits = await verify_password(password, user["password_hash"] if user else None, db.settings.bcrypt_rounds)
    if user is None or not fits:
        await _count_failure(limiter, account, here, device.address)
        raise WrongCredentials
    return await open_for(db, user["id"], device)


async def open_for(db: Write, user_id: int, device: Device) -> Tokens:
    """Open a sign-in for somebody who has proved who it is.

    Raises:
        WrongCredentials: the account is disabled.
    """
    sign_in_id = await queries.add_sign_in(db, user_id, device.user_agent, device.address, _end(db))
    if sign_in_id is None:
        raise WrongCredentials("This account is disabled. Ask whoever runs this community.")
    return await _issue(db, user_id, sign_in_id)


async def _slow_down(limiter: RateLimiter, account: str) -> None:
    """Many failures from many addresses make an account slow to guess at, but never lock its owner out."""
    if limiter.enabled:
        failures = await limiter.used("sign_in_anywhere", FAILURES_ANYWHERE, account)
        if failures > FAILURES_BEFORE_DELAY:
            await asyncio.sleep(min(LONGEST_DELAY_SECONDS, 0.1 * (failures - FAILURES_BEFORE_DELAY)))


async def _count_failure(limiter: RateLimiter, account: str, here: str, address: str) -> None:
    for kind, rate, key in (
        ("sign_in", FAILURES_OF_ACCOUNT, here),
        ("sign_in_address", FAILURES_OF_ADDRESS, address),
        ("sign_in_anywhere", FAILURES_ANYWHERE, account),
    ):
        try:
            await limiter.hit(kind, rate, key)
        except TooManyRequests:  # this failure is answered as what it is; the next attempt meets the limit
            continue


def _end(db: Read) -> datetime:
    return now() + timedelta(days=db.settings.refresh_token_expire_days)


async def _issue(db: Write, user_id: int, sign_in_id: int) -> Tokens:
    refresh = random_token()
    await queries.add_refresh_token(db, sign_in_id, token_hash(refresh))
    access, expires = access_token(db.settings, user_id, sign_in_id)
    return Tokens(access_token=access, expires_in=round((expires - now()).total_seconds()), refresh_token=refresh)


async def refresh(db: Write, token: str, device: Device) -> Tokens:
    """Spend a refresh token for a new pair.

    Raises:
        BadRefreshToken: it is unknown or its sign-in has ended.
        ReusedRefreshToken: it was spent before; the sign-in is ended by this.
    """
    digest = token_hash(token)
    sign_in_id = await queries.spend_refresh_token(db, digest)
    if sign_in_id is None:
        raise await _why_not(db, digest, device)
    user_id = await queries.prolong_sign_in(db, sign_in_id, device.user_agent, device.address, _end(db))
    if user_id is None:
        raise BadRefreshToken
    return await _issue(db, user_id, sign_in_id)


async def _why_not(db: Write, digest: str, device: Device) -> BadRefreshToken:
    spent = await queries.spent_refresh_token(db, digest)
    if spent is None:
        return BadRefreshToken()
    if _is_repetition(spent, device):
        return BadRefreshToken()  # the client asked twice: two tabs, or an answer that got lost
    await queries.end_sign_in(db, spent["id"])
    announce(db, [spent["id"]])
    return ReusedRefreshToken()


def _is_repetition(spent: Row, device: Device) -> bool:
    same_device = (spent["user_agent"], spent["address"]) == (device.user_agent, device.address)
    return same_device and now() - spent["spent_at"] < REPEAT_GRACE


async def just_refreshed(db: Read, token: str, device: Device) -> tuple[int, int] | None:
    """User and sign-in of a refresh token that the same device spent a moment ago: in a browser, another tab did."""
    spent = await queries.spent_refresh_token(db, token_hash(token))
    return (spent["user_id"], spent["id"]) if spent is not None and _is_repetition(spent, device) else None


async def sign_out(db: Write, viewer: Viewer) -> None:
    """End the viewer's own sign-in; its tokens stop working at once."""
    announce(db, await queries.end_sign_ins(db, viewer.id, only=viewer.sign_in_id))


async def listing(db: Read, viewer: Viewer, keyset: Keyset) -> tuple[list[SignIn], str | None]:
    """The viewer's devices, newest first."""
    rows, next_cursor = keyset.cut(await queries.sign_ins(db, viewer.id, keyset), lambda row: (row["id"],))
    return [SignIn(**row, is_current=row["id"] == viewer.sign_in_id) for row in rows], next_cursor


async def end_one(db: Write, viewer: Viewer, sign_in_id: int) -> None:
    """End one of the viewer's sign-ins.

    Raises:
        SignInNotFound: it is not one of them, or ended already.
    """
    ended = await queries.end_sign_ins(db, viewer.id, only=sign_in_id)
    if not ended:
        raise SignInNotFound
    announce(db, ended)


async def end_all(db: Write, user_id: int, *, but: int | None = None) -> None:
    """End all of somebody's sign-ins, or all but one."""
    announce(db, await queries.end_sign_ins(db, user_id, but=but))


def announce(db: Write, sign_in_ids: list[int]) -> None:
    """After the commit, let every process forget what it knows of these sign-ins."""
    _tell(db, [str(sign_in_id) for sign_in_id in sign_in_ids])


def announce_person(db: Write, user_id: int) -> None:
    """After the commit, let every process forget what it knows of somebody."""
    _tell(db, [f"user {user_id}"])


def names_of(viewer: Viewer) -> tuple[str, str]:
    """What hints call a viewer: the sign-in, and the person."""
    return str(viewer.sign_in_id), f"user {viewer.id}"


def _tell(db: Write, messages: list[str]) -> None:
    async def tell() -> None:
        for message in messages:
            await db.database.bus.publish(CHANNEL, message)

    db.after_commit(tell)


@task("accounts.forget_expired", every=timedelta(hours=6))
async def forget_expired(db: Write, _: dict[str, Any]) -> datetime | None:
    """Delete what ended long ago, with the addresses and devices in it."""
    await queries.forget_expired(db, now() - KEPT_AFTER_END)
    return None
