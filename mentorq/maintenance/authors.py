"""Accounts of those whom an import names.

An account is found again by a digest of the name, kept as its e-mail address. So a name in a file never becomes
somebody who signed up here, two names never become one account, and nobody can sign in until whoever runs the
installation hands the account over by `mentorq user reset-password`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from unicodedata import normalize

import sqlalchemy as sa

from mentorq.accounts.models import Role, UserRow
from mentorq.core import bulk
from mentorq.core.database import Row, Write
from mentorq.mentors.models import MentorStatsRow
from mentorq.mentors.records import rating_rank

DOMAIN = "import.invalid"
LONGEST_USERNAME = 50
SUFFIX_CHARACTERS = 8
CHUNK_OF_KEYS = 500
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When somebody was here who is known from a file only: those who really are here come first, the others are equal."""


def digest_of(name: str) -> str:
    """What tells one name from all others."""
    return blake2b(name.encode(), digest_size=10).hexdigest()


def username_of(name: str, *, suffix: str = "") -> str:
    """The name as usernames are written: `"Ana Sá"` → `"ana-sa"`."""
    plain = normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    clean = re.sub(r"[^a-z0-9._-]+", "-", plain).strip("._-") or "somebody"
    ending = f"-{suffix}" if suffix or len(clean) > 1 else "-x"
    return clean[: LONGEST_USERNAME - len(ending)] + (ending if suffix or len(clean) == 1 else "")


async def ensure(db: Write, since: Mapping[str, datetime], mentors: Iterable[str]) -> dict[str, int]:
    """Ids of accounts by name, made where they are new; `since` says of each name when it is first heard of.

    Those in `mentors` are mentors from now on, whatever they were.
    """
    experts = set(mentors)
    known = await _known(db, since)
    missing = sorted(name for name in since if name not in known)
    if missing:
        await _add(db, missing, since, experts)
        known |= await _known(db, missing)
    ids = {name: row["id"] for name, row in known.items()}
    promoted = [row["id"] for name, row in known.items() if name in experts and row["role"] == Role.STUDENT]
    if promoted:
        await db.execute(sa.update(UserRow).where(UserRow.id.in_(promoted)).values(role=Role.MENTOR))
    await _begin(db, [ids[name] for name in sorted(experts)])
    return ids


async def _known(db: Write, names: Iterable[str]) -> dict[str, Row]:
    by_address = {f"{digest_of(name)}@{DOMAIN}": name for name in names}
    u = UserRow.__table__
    found: dict[str, Row] = {}
    for part in bulk.chunks(sorted(by_address), CHUNK_OF_KEYS):
        columns = (u.c.id, u.c.email, u.c.role)
        for row in await db.rows(sa.select(*columns).where(u.c.email.in_(part))):
            found[by_address[row["email"]]] = row
    return found


async def _add(db: Write, names: Sequence[str], since: Mapping[str, datetime], mentors: set[str]) -> None:
    taken = await _taken(db, [username_of(name) for name in names])
    rows: list[dict[str, Any]] = []
    for name in names:
        digest, username = digest_of(name), username_of(name)
        if username in taken:
            username = username_of(name, suffix=digest[:SUFFIX_CHARACTERS])
        taken.add(username)
        role = Role.MENTOR if name in mentors else Role.STUDENT
        rows.append(
            {"username": username, "email": f"{digest}@{DOMAIN}", "role": role,
             "created_at": since[name], "last_seen_at": NEVER}
        )  # fmt: skip
    for part in bulk.chunks(rows, CHUNK_OF_KEYS):
        await db.execute(sa.insert(UserRow).values(part))


async def _taken(db: Write, usernames: Sequence[str]) -> set[str]:
    taken: set[str] = set()
    for part in bulk.chunks(usernames, CHUNK_OF_KEYS):
        taken |= set(await db.scalars(sa.select(UserRow.username).where(UserRow.username.in_(part))))
    return taken


async def _begin(db: Write, mentor_ids: Sequence[int]) -> None:
    """What `UserJoined` does for a mentor, for many at once."""
    for part in bulk.chunks(mentor_ids, CHUNK_OF_KEYS):
        rows = [{"mentor_id": mentor_id, "rating_rank": rating_rank(0, 0)} for mentor_id in part]
        await db.execute(db.insert(MentorStatsRow).values(rows).on_conflict_do_nothing())
