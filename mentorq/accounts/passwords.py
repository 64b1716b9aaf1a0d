"""Changing a password, and the way back in without it."""

from datetime import datetime
from typing import Any

from mentorq.accounts import queries, signins
from mentorq.accounts.errors import BadAccountToken, WrongPassword
from mentorq.accounts.models import TokenPurpose
from mentorq.accounts.registration import ACCOUNT_TOKEN_LIFE, while_good
from mentorq.accounts.schemas import Viewer
from mentorq.core import mail
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.jobs import enqueue, task
from mentorq.core.languages import Tongue
from mentorq.core.security import check_password, hash_password, random_token, token_hash, verify_password


async def change(db: Write, reads: Read, viewer: Viewer, current: str, new: str) -> None:
    """Set a new password; all other sign-ins end.

    Raises:
        WrongPassword: the current one is not right.
        InvalidInput: the new one is one that others would guess.
    """
    user = await require_password(reads, viewer, current)
    check_password(new, user["username"], user["email"], field="new_password")
    hashed = await hash_password(new, db.settings.bcrypt_rounds)
    await queries.change_user(db, viewer.id, {"password_hash": hashed})
    await queries.void_account_tokens(db, viewer.id, TokenPurpose.RESET_PASSWORD)
    await signins.end_all(db, viewer.id, but=viewer.sign_in_id)


async def require_password(reads: Read, viewer: Viewer, password: str) -> Row:
    """The viewer's own row, if the password is theirs.

    Raises:
        WrongPassword: it is not.
    """
    user = await queries.user(reads, viewer.id)
    await reads.close()  # hashing takes long: meanwhile others can use the connection
    fits = await verify_password(password, user["password_hash"] if user else None, reads.settings.bcrypt_rounds)
    if user is None or not fits:
        raise WrongPassword
    return user


MAIL_RESET = "accounts.mail_reset"


async def forget(db: Write, email: str, language: str = "en") -> None:
    """Mail a link to set a new password, in the language of who asks.

    Whether there is such an account is looked up by a job, so that the answer takes the same time either way.
    """
    await enqueue(db, [(MAIL_RESET, {"email": email, "language": language})])


@task(MAIL_RESET)
async def mail_reset(db: Write, payload: dict[str, Any]) -> datetime | None:
    """Mail the link, if there is an account with this address."""
    user = await queries.user_by_name_or_email(db, payload["email"])
    if user is None or user["disabled_at"] is not None:
        return None
    token = random_token()
    expires = now() + ACCOUNT_TOKEN_LIFE
    await queries.add_account_token(
        db, token_hash(token), user["id"], TokenPurpose.RESET_PASSWORD, user["email"], expires
    )
    gettext = Tongue(payload.get("language", "en")).gettext
    letter = mail.Letter(
        gettext("Set a new password"),
        [
            gettext(
                "Somebody asked for a new password for your account at MentorQ. The link works for 30 minutes, once."
            )
        ],
        (gettext("Set a new password"), f"{db.settings.public_url}/reset?token={token}"),
        [gettext("If it was not you, ignore this mail: your password stays as it is.")],
        payload.get("language", "en"),
    )
    await mail.send(db, user["email"], letter, still_wanted=while_good(token, TokenPurpose.RESET_PASSWORD))
    return None


async def reset(db: Write, reads: Read, token: str, new: str) -> None:
    """Set a new password by a mailed token; all sign-ins end.

    Raises:
        BadAccountToken: the token has expired or was used.
        InvalidInput: the password is one that others would guess.
    """
    digest = token_hash(token)
    user = await queries.owner_of_account_token(reads, digest, TokenPurpose.RESET_PASSWORD)
    await reads.close()
    if user is None:
        raise BadAccountToken
    check_password(new, user["username"], user["email"], field="new_password")
    hashed = await hash_password(new, db.settings.bcrypt_rounds)
    if await queries.use_account_token(db, digest, TokenPurpose.RESET_PASSWORD) is None:
        raise BadAccountToken
    proven = {"email_verified_at": user["email_verified_at"] or now()}
    await queries.change_user(db, user["id"], {"password_hash": hashed} | proven)
    await queries.void_account_tokens(db, user["id"], TokenPurpose.RESET_PASSWORD)
    await signins.end_all(db, user["id"])
