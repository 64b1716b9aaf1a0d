"""Becoming somebody: sign-up and the proof that an e-mail address is one's own."""

from datetime import timedelta

from mentorq.accounts import queries
from mentorq.accounts.errors import BadAccountToken, EmailTaken, UsernameTaken, UserNotFound
from mentorq.accounts.events import UserJoined
from mentorq.accounts.models import Role, TokenPurpose
from mentorq.accounts.schemas import User, Viewer, public_user
from mentorq.core import mail
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.events import emit
from mentorq.core.languages import Tongue
from mentorq.core.security import check_password, hash_password, random_token, token_hash

ACCOUNT_TOKEN_LIFE = timedelta(minutes=30)
TOKEN_IS_GOOD = "accounts.token_is_good"  # noqa: S105 (a name)


async def sign_up(db: Write, username: str, email: str, password: str, role: Role, language: str = "en") -> User:
    """Make an account, and mail the link that verifies its address, in the language of who signs up.

    Raises:
        InvalidInput: the password is one that others would guess.
        UsernameTaken: somebody else has the name.
        EmailTaken: there is an account with this address.
    """
    check_password(password, username, email)
    hashed = await hash_password(password, db.settings.bcrypt_rounds)
    moment = now()
    user_id = await queries.add_user(
        db,
        {
            "username": username,
            "email": email,
            "password_hash": hashed,
            "role": role,
            "language": language,
            "created_at": moment,
            "last_seen_at": moment,
        },
    )
    if user_id is None:
        raise UsernameTaken if await queries.is_username_taken(db, username) else EmailTaken
    await emit(db, UserJoined(user_id, role))
    await mail_verification(db, user_id, email, language)
    return await account(db, user_id)


async def account(db: Read, user_id: int) -> User:
    """Everything about an account that its owner may see.

    Raises:
        UserNotFound: it is gone.
    """
    row = await queries.user(db, user_id)
    if row is None:
        raise UserNotFound
    return as_user(row, list(await queries.skills(db, user_id)))


def as_user(row: Row, skills: list[str]) -> User:
    """A row of `users` as its owner sees it."""
    return User(
        **(public_user(row) or {}),
        email=row["email"],
        email_verified=row["email_verified_at"] is not None,
        time_zone=row["time_zone"],
        language=row["language"],
        skills=skills,
        on_leaderboard=row["on_leaderboard"],
        away_until=row["away_until"],
        capacity=row["capacity"],
    )


async def mail_verification(db: Write, user_id: int, email: str, language: str = "en") -> None:
    """Mail a link that proves the address."""
    token = random_token()
    expires = now() + ACCOUNT_TOKEN_LIFE
    await queries.add_account_token(db, token_hash(token), user_id, TokenPurpose.VERIFY_EMAIL, email, expires)
    gettext = Tongue(language).gettext
    letter = mail.Letter(
        gettext("Confirm your e-mail address"),
        [gettext("Somebody signed up to MentorQ with this address. If that was you, confirm it within 30 minutes.")],
        (gettext("Confirm the address"), f"{db.settings.public_url}/verify?token={token}"),
        [gettext("If it was not you, ignore this mail.")],
        language,
    )
    await mail.send(db, email, letter, still_wanted=while_good(token, TokenPurpose.VERIFY_EMAIL))


def while_good(token: str, purpose: TokenPurpose) -> tuple[str, dict[str, str]]:
    """The condition under which a mail with this token is still wanted."""
    return TOKEN_IS_GOOD, {"token_hash": token_hash(token), "purpose": purpose}


@mail.condition(TOKEN_IS_GOOD)
async def token_is_good(db: Write, payload: dict[str, str]) -> bool:
    """Whether a link that waits to be mailed still leads somewhere."""
    owner = await queries.owner_of_account_token(db, payload["token_hash"], TokenPurpose(payload["purpose"]))
    return owner is not None


async def resend_verification(db: Write, viewer: Viewer, language: str = "en") -> None:
    """Mail the link again, unless the address is proven already."""
    row = await queries.user(db, viewer.id)
    if row is not None and row["email_verified_at"] is None:
        await mail_verification(db, viewer.id, row["email"], language)


async def verify_email(db: Write, token: str) -> None:
    """Note that an address is its account's own.

    Raises:
        BadAccountToken: the token has expired or was used.
    """
    digest = token_hash(token)
    owner = await queries.owner_of_account_token(db, digest, TokenPurpose.VERIFY_EMAIL)
    if owner is None or await queries.use_account_token(db, digest, TokenPurpose.VERIFY_EMAIL) is None:
        raise BadAccountToken
    await queries.change_user(db, owner["id"], {"email_verified_at": now()})
