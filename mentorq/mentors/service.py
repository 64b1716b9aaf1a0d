"""A mentor's own settings: expertise, availability, and how many tickets at once."""

from datetime import datetime, timedelta
from typing import Any

from mentorq.accounts import profile, signins
from mentorq.accounts import queries as accounts
from mentorq.accounts.errors import UserNotFound
from mentorq.accounts.registration import as_user
from mentorq.accounts.schemas import User, Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.errors import InvalidInput
from mentorq.core.events import emit
from mentorq.core.jobs import enqueue, task
from mentorq.mentors.errors import AlreadyExpert, NotExpert
from mentorq.mentors.events import AvailabilityChanged
from mentorq.tags import service as tags

COME_BACK = "mentors.come_back"
LONGEST_AWAY = timedelta(days=366)


async def expertise(db: Read, mentor: Viewer) -> list[Row]:
    """The mentor's tags, by name."""
    names = await accounts.skills(db, mentor.id)
    return await tags.several(db, list(names.values()))


async def add_expertise(db: Write, mentor: Viewer, name: str) -> Row:
    """Become an expert in a tag.

    Raises:
        AlreadyExpert: for the second time.
    """
    await _new_version(db, mentor)
    tag_id = (await tags.ensure(db, [name]))[name]
    if not await profile.change_skills(db, mentor, add=[tag_id]):
        raise AlreadyExpert
    return (await tags.several(db, [tag_id]))[0]


async def remove_expertise(db: Write, mentor: Viewer, name: str) -> None:
    """Be no expert in a tag any more.

    Raises:
        NotExpert: it was none.
    """
    await _new_version(db, mentor)
    known = await tags.known(db, [name])
    if not await profile.change_skills(db, mentor, remove=list(known.values())):
        raise NotExpert


async def _new_version(db: Write, mentor: Viewer) -> None:
    """The account shows its expertise, so its ETag changes; and as everywhere, its row is locked before any tag's."""
    if await accounts.change_user(db, mentor.id, {}) is None:
        raise UserNotFound


async def set_availability(
    db: Write, mentor: Viewer, is_available: bool, away_until: datetime | None = None, **other: Any
) -> User:
    """Say whether tickets are welcome, or from when on they are again; and, with `capacity`, how many at once.

    Raises:
        InvalidInput: one cannot be here and away, nor be back before one has left.
    """
    if away_until is not None and is_available:
        raise InvalidInput.of("/away_until", "Who is available is not away: leave this out, or say that you are not.")
    if away_until is not None and not now() < away_until <= now() + LONGEST_AWAY:
        raise InvalidInput.of("/away_until", f"Choose a time within the next {LONGEST_AWAY.days} days.")
    changes = {"is_available": is_available or away_until is not None, "away_until": away_until}
    user = await _change(db, mentor, changes | other)
    if away_until is not None:
        unique_key = f"{COME_BACK} {mentor.id} {away_until.timestamp()}"
        await enqueue(db, [(COME_BACK, {"mentor_id": mentor.id})], run_at=away_until, unique_key=unique_key)
    await emit(db, AvailabilityChanged(mentor.id, is_available))
    return user


async def set_capacity(db: Write, mentor: Viewer, capacity: int | None) -> User:
    """Say with how many tickets in hand one is offered no more of them."""
    return await _change(db, mentor, {"capacity": capacity})


async def _change(db: Write, mentor: Viewer, changes: dict[str, Any]) -> User:
    row = await accounts.change_user(db, mentor.id, changes)
    if row is None:
        raise UserNotFound
    signins.announce_person(db, mentor.id)
    return as_user(row, list(await accounts.skills(db, mentor.id)))


@task(COME_BACK)
async def come_back(db: Write, payload: dict[str, Any]) -> datetime | None:
    """A mentor who was away until now is back: whoever follows hears of it once, however often this runs."""
    if await accounts.end_absence(db, payload["mentor_id"]):
        signins.announce_person(db, payload["mentor_id"])
        await emit(db, AvailabilityChanged(payload["mentor_id"], is_available=True))
    return None
