"""Every statement about accounts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mentorq.accounts import availability
from mentorq.accounts.models import AccountTokenRow, RefreshTokenRow, SignInRow, TokenPurpose, UserRow, UserTagRow
from mentorq.accounts.schemas import PUBLIC_FIELDS
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.pagination import Keyset
from mentorq.tags.models import TagRow

USERS = UserRow.__table__
PERSON = availability.as_seen(USERS)
"""An account: everything that is kept, and whether it is available now."""
EXISTING = UserRow.deleted_at.is_(None)
ENABLED = UserRow.disabled_at.is_(None)


def public_columns(users: sa.FromClause, prefix: str) -> list[sa.Label[Any]]:
    """What `schemas.public_user` needs, for the page of another module that joins `users`."""
    is_available = availability.is_available(users)
    return [
        (is_available if field == "is_available" else users.c[field]).label(prefix + field) for field in PUBLIC_FIELDS
    ]


def skill_names(db: Read, users: sa.FromClause) -> sa.ColumnElement[Any]:
    """The names of somebody's tags as a list, in no order: a column of a statement about `users`."""
    names = sa.select(TagRow.name).join(UserTagRow, UserTagRow.tag_id == TagRow.id)
    return db.listed(names.where(UserTagRow.user_id == users.c.id).correlate(users))


# --- people


async def add_user(db: Write, values: dict[str, Any]) -> int | None:
    """None where the name or the address is taken."""
    created: int | None = await db.scalar(
        db.insert(UserRow).values(**values).on_conflict_do_nothing().returning(UserRow.id)
    )
    return created


async def is_username_taken(db: Read, username: str) -> bool:
    return await db.scalar(sa.select(UserRow.id).where(UserRow.username == username)) is not None


async def user(db: Read, user_id: int) -> Row | None:
    """An account that exists."""
    return await db.row(sa.select(*PERSON).where(UserRow.id == user_id, EXISTING))


async def public_person(db: Read, user_id: int | None = None, username: str | None = None) -> Row | None:
    """Somebody as everybody may see them, with the names of their tags; by id or by name."""
    shown = sa.select(*public_columns(USERS, ""), UserRow.time_zone, skill_names(db, USERS).label("skills"))
    who = UserRow.id == user_id if user_id is not None else UserRow.username == username
    return await db.row(shown.where(who, EXISTING, ENABLED))


async def user_by_name_or_email(db: Read, name: str) -> Row | None:
    """Usernames have no @, addresses have one, so that no name can stand for two accounts."""
    column = UserRow.email if "@" in name else UserRow.username
    return await db.row(sa.select(*PERSON).where(column == name, EXISTING))


async def change_user(db: Write, user_id: int, changes: dict[str, Any], version: int | None = None) -> Row | None:
    """None where the account is gone, or has another version by now."""
    statement = sa.update(UserRow).where(UserRow.id == user_id, EXISTING)
    if version is not None:
        statement = statement.where(UserRow.version == version)
    return await db.row(statement.values(**changes, version=UserRow.version + 1).returning(*PERSON))


async def end_absence(db: Write, user_id: int) -> bool:
    """Forget until when somebody was away, once that is over; whether there was something to forget."""
    over = sa.update(UserRow).where(UserRow.id == user_id, EXISTING, UserRow.away_until <= now())
    return (await db.execute(over.values(away_until=None, version=UserRow.version + 1))).rowcount > 0


async def shows(db: Read, user_id: int, avatar: str) -> bool:
    """Whether somebody's account names this picture."""
    named = sa.select(UserRow.id).where(UserRow.id == user_id, UserRow.avatar == avatar)
    return await db.scalar(named) is not None


async def hold(db: Write, user_id: int) -> None:
    """Nobody who needs this account to stay goes on before this transaction ends."""
    await db.scalar(sa.select(UserRow.id).where(UserRow.id == user_id).with_for_update(key_share=True))


async def anonymise(db: Write, user_id: int) -> None:
    """Take everything personal off a row that contributions still point to."""
    moment = now()
    await db.execute(
        sa.update(UserRow)
        .where(UserRow.id == user_id)
        .values(
            username=None,
            email=None,
            email_verified_at=None,
            password_hash=None,
            bio="",
            headline="",
            pronouns="",
            time_zone="UTC",
            language="en",
            links=[],
            avatar=None,
            is_available=False,
            away_until=None,
            capacity=None,
            deleted_at=moment,
            last_seen_at=moment,
        )
    )
    for table in (SignInRow, AccountTokenRow, UserTagRow):
        await db.execute(sa.delete(table).where(table.user_id == user_id))


# --- expertise


async def skills(db: Read, user_id: int) -> dict[str, int]:
    """Names and ids of somebody's tags, by name."""
    rows = await db.rows(
        sa.select(TagRow.name, TagRow.id)
        .join(UserTagRow, UserTagRow.tag_id == TagRow.id)
        .where(UserTagRow.user_id == user_id)
        .order_by(TagRow.name)
    )
    return {row["name"]: row["id"] for row in rows}


async def add_skills(db: Write, user_id: int, tag_ids: Collection[int]) -> list[int]:
    """Those that were not there before."""
    rows = [{"user_id": user_id, "tag_id": tag_id, "created_at": now()} for tag_id in sorted(tag_ids)]
    return await db.scalars(db.insert(UserTagRow).values(rows).on_conflict_do_nothing().returning(UserTagRow.tag_id))


async def remove_skills(db: Write, user_id: int, tag_ids: Collection[int]) -> list[int]:
    """Those that were there."""
    return await db.scalars(
        sa.delete(UserTagRow)
        .where(UserTagRow.user_id == user_id, UserTagRow.tag_id.in_(tag_ids))
        .returning(UserTagRow.tag_id)
    )


# --- sign-ins

VIEWER_OF_SIGN_IN = (
    sa.select(
        UserRow.id,
        UserRow.role,
        UserRow.username,
        UserRow.time_zone,
        UserRow.avatar,
        availability.is_available(USERS).label("is_available"),
        availability.away_until(USERS).label("away_until"),
        UserRow.capacity,
        UserRow.last_seen_at,
        SignInRow.id.label("sign_in_id"),
    )
    .join(SignInRow, SignInRow.user_id == UserRow.id)
    .where(
        SignInRow.id == sa.bindparam("sign_in_id", type_=sa.BigInteger),
        SignInRow.user_id == sa.bindparam("user_id", type_=sa.BigInteger),
        SignInRow.ended_at.is_(None),
        UserRow.disabled_at.is_(None),
        EXISTING,
    )
)


async def viewer_of_sign_in(db: Read, user_id: int, sign_in_id: int) -> Row | None:
    """The person behind a live sign-in: the one statement of every authenticated request."""
    rows = await db.fetch(VIEWER_OF_SIGN_IN, user_id=user_id, sign_in_id=sign_in_id)
    return rows[0] if rows else None


async def touch(db: Write, user_id: int, sign_in_id: int) -> None:
    """Note that somebody is here."""
    moment = now()
    await db.execute(sa.update(UserRow).where(UserRow.id == user_id, EXISTING).values(last_seen_at=moment))
    await db.execute(sa.update(SignInRow).where(SignInRow.id == sign_in_id).values(last_used_at=moment))


async def add_sign_in(db: Write, user_id: int, user_agent: str, address: str, expires_at: datetime) -> int | None:
    """None where the account was disabled or deleted in the meantime."""
    moment = now()
    source = sa.select(
        UserRow.id,
        sa.literal(user_agent),
        sa.literal(address),
        sa.literal(moment, type_=SignInRow.created_at.type),
        sa.literal(moment, type_=SignInRow.created_at.type),
        sa.literal(expires_at, type_=SignInRow.created_at.type),
    ).where(UserRow.id == user_id, UserRow.disabled_at.is_(None), EXISTING)
    columns = ["user_id", "user_agent", "address", "created_at", "last_used_at", "expires_at"]
    created: int | None = await db.scalar(sa.insert(SignInRow).from_select(columns, source).returning(SignInRow.id))
    return created


async def add_refresh_token(db: Write, sign_in_id: int, token_hash: str) -> None:
    await db.execute(sa.insert(RefreshTokenRow).values(token_hash=token_hash, sign_in_id=sign_in_id, created_at=now()))


async def spend_refresh_token(db: Write, token_hash: str) -> int | None:
    """One conditional UPDATE decides who may refresh; None where the token is spent or unknown."""
    sign_in_id: int | None = await db.scalar(
        sa.update(RefreshTokenRow)
        .where(RefreshTokenRow.token_hash == token_hash, RefreshTokenRow.spent_at.is_(None))
        .values(spent_at=now())
        .returning(RefreshTokenRow.sign_in_id)
    )
    return sign_in_id


async def prolong_sign_in(
    db: Write, sign_in_id: int, user_agent: str, address: str, expires_at: datetime
) -> int | None:
    """The user of a sign-in that still lives and now lives longer, on the device as it is now."""
    living = sa.select(UserRow.id).where(UserRow.disabled_at.is_(None), EXISTING)
    moment = now()
    user_id: int | None = await db.scalar(
        sa.update(SignInRow)
        .where(
            SignInRow.id == sign_in_id,
            SignInRow.ended_at.is_(None),
            SignInRow.expires_at > moment,
            SignInRow.user_id.in_(living),
        )
        .values(expires_at=expires_at, last_used_at=moment, user_agent=user_agent, address=address)
        .returning(SignInRow.user_id)
    )
    return user_id


async def spent_refresh_token(db: Read, token_hash: str) -> Row | None:
    """A token that was spent, with the device as it was last seen."""
    return await db.row(
        sa.select(RefreshTokenRow.spent_at, SignInRow.id, SignInRow.user_id, SignInRow.user_agent, SignInRow.address)
        .join(SignInRow, SignInRow.id == RefreshTokenRow.sign_in_id)
        .where(RefreshTokenRow.token_hash == token_hash, RefreshTokenRow.spent_at.is_not(None))
    )


async def sign_ins(db: Read, user_id: int, keyset: Keyset) -> list[Row]:
    """Devices that are signed in, newest first."""
    living = sa.select(SignInRow.__table__).where(
        SignInRow.user_id == user_id, SignInRow.ended_at.is_(None), SignInRow.expires_at > now()
    )
    if keyset.after:
        living = living.where(SignInRow.id < keyset.after[0])
    return await db.rows(living.order_by(SignInRow.id.desc()).limit(keyset.limit + 1))


async def every_sign_in(db: Read, user_id: int) -> list[Row]:
    """All that is kept of somebody's devices."""
    return await db.rows(sa.select(SignInRow.__table__).where(SignInRow.user_id == user_id).order_by(SignInRow.id))


async def ended_sign_ins(db: Read, sign_in_ids: Collection[int]) -> set[int]:
    """Those of them that are over."""
    ended = sa.select(SignInRow.id).where(SignInRow.id.in_(sign_in_ids), SignInRow.ended_at.is_not(None))
    return set(await db.scalars(ended))


async def end_sign_ins(db: Write, user_id: int, *, only: int | None = None, but: int | None = None) -> list[int]:
    """End one, all, or all but one; returns which."""
    statement = sa.update(SignInRow).where(SignInRow.user_id == user_id, SignInRow.ended_at.is_(None))
    if only is not None:
        statement = statement.where(SignInRow.id == only)
    if but is not None:
        statement = statement.where(SignInRow.id != but)
    return await db.scalars(statement.values(ended_at=now()).returning(SignInRow.id))


async def end_sign_in(db: Write, sign_in_id: int) -> None:
    await db.execute(
        sa.update(SignInRow).where(SignInRow.id == sign_in_id, SignInRow.ended_at.is_(None)).values(ended_at=now())
    )


async def forget_expired(db: Write, before: datetime) -> None:
    """Delete sign-ins and mailed tokens that ended long ago."""
    await db.execute(sa.delete(SignInRow).where(SignInRow.expires_at < before))
    await db.execute(sa.delete(AccountTokenRow).where(AccountTokenRow.expires_at < before))


# --- mailed tokens


async def add_account_token(
    db: Write, token_hash: str, user_id: int, purpose: TokenPurpose, email: str, expires_at: datetime
) -> None:
    await db.execute(
        sa.insert(AccountTokenRow).values(
            token_hash=token_hash, user_id=user_id, purpose=purpose, email=email, expires_at=expires_at
        )
    )


def _usable(token_hash: str, purpose: TokenPurpose) -> Sequence[sa.ColumnElement[bool]]:
    return (
        AccountTokenRow.token_hash == token_hash,
        AccountTokenRow.purpose == purpose,
        AccountTokenRow.used_at.is_(None),
        AccountTokenRow.expires_at > now(),
    )


async def void_account_tokens(db: Write, user_id: int, purpose: TokenPurpose) -> None:
    """Nothing that was mailed for `purpose` works any longer."""
    await db.execute(
        sa.update(AccountTokenRow)
        .where(
            AccountTokenRow.user_id == user_id, AccountTokenRow.purpose == purpose, AccountTokenRow.used_at.is_(None)
        )
        .values(used_at=now())
    )


async def owner_of_account_token(db: Read, token_hash: str, purpose: TokenPurpose) -> Row | None:
    """The account that a mailed token is for, if it can still be used and the address is still the account's."""
    return await db.row(
        sa.select(*PERSON)
        .join(AccountTokenRow, sa.and_(AccountTokenRow.user_id == UserRow.id, AccountTokenRow.email == UserRow.email))
        .where(*_usable(token_hash, purpose), EXISTING)
    )


async def use_account_token(db: Write, token_hash: str, purpose: TokenPurpose) -> int | None:
    """Spend a mailed token; None where somebody was faster."""
    user_id: int | None = await db.scalar(
        sa.update(AccountTokenRow)
        .where(*_usable(token_hash, purpose))
        .values(used_at=now())
        .returning(AccountTokenRow.user_id)
    )
    return user_id
