"""A mentor's own settings: expertise and availability."""

from mentorq.accounts import profile, signins
from mentorq.accounts import queries as accounts
from mentorq.accounts.errors import UserNotFound
from mentorq.accounts.registration import as_user
from mentorq.accounts.schemas import User, Viewer
from mentorq.core.database import Read, Row, Write
from mentorq.core.events import emit
from mentorq.mentors.errors import AlreadyExpert, NotExpert
from mentorq.mentors.events import AvailabilityChanged
from mentorq.tags import service as tags


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


async def set_availability(db: Write, mentor: Viewer, is_available: bool) -> User:
    """Say whether tickets are welcome."""
    row = await accounts.change_user(db, mentor.id, {"is_available": is_available})
    if row is None:
        raise UserNotFound
    signins.announce_person(db, mentor.id)
    await emit(db, AvailabilityChanged(mentor.id, is_available))
    return as_user(row, list(await accounts.skills(db, mentor.id)))
