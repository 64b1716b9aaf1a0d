"""One's own profile: reading, editing, taking it along, deleting it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from mentorq.accounts import avatars, queries, signins
from mentorq.accounts.errors import UserNotFound
from mentorq.accounts.events import ExpertiseChanged, UserDeleted
from mentorq.accounts.passwords import require_password
from mentorq.accounts.registration import account, as_user
from mentorq.accounts.schemas import PublicProfile, User, Viewer, public_user
from mentorq.core import mail
from mentorq.core.database import Read, Row, Write
from mentorq.core.errors import PreconditionFailed
from mentorq.core.events import emit
from mentorq.core.http import etag, require_match
from mentorq.tags import service as tags

Section = Callable[[Read, int], Awaitable[object]]
Honours = Callable[[Read, Sequence[int]], Awaitable[dict[int, list[dict[str, Any]]]]]

_sections: dict[str, Section] = {}
_honours: list[Honours] = []


def export_section(name: str) -> Callable[[Section], Section]:
    """Let a module add what it knows about a person to the export."""

    def register(section: Section) -> Section:
        _sections[name] = section
        return section

    return register


def honours(source: Honours) -> Honours:
    """Let a module say what everybody may know that people have achieved."""
    _honours.append(source)
    return source


async def honours_of(db: Read, user_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """What each of some people has achieved."""
    found: dict[int, list[dict[str, Any]]] = {user_id: [] for user_id in user_ids}
    for source in _honours if user_ids else ():
        for user_id, earned in (await source(db, user_ids)).items():
            found[user_id] += earned
    return found


async def own(db: Read, viewer: Viewer) -> tuple[User, str]:
    """The viewer's account, and its ETag."""
    row = await queries.user(db, viewer.id)
    if row is None:
        raise UserNotFound
    return as_user(row, list(await queries.skills(db, viewer.id))), etag(row["id"], row["version"])


async def role_of(db: Read, user_id: int) -> str:
    """What somebody is here.

    Raises:
        UserNotFound: there is no such person, or no longer.
    """
    row = await queries.user(db, user_id)
    if row is None:
        raise UserNotFound
    role: str = row["role"]
    return role


async def public(db: Read, user_id: int) -> PublicProfile:
    """Somebody's public page.

    Raises:
        UserNotFound: there is no such person, or no longer.
    """
    return await _public(db, await queries.public_person(db, user_id))


async def named(db: Read, username: str) -> PublicProfile:
    """The same by name; who is not let in here is not shown either.

    Raises:
        UserNotFound: there is no such person, or no longer.
    """
    return await _public(db, await queries.public_person(db, username=username.lower()))


async def _public(db: Read, row: Row | None) -> PublicProfile:
    if row is None:
        raise UserNotFound
    achievements = (await honours_of(db, [row["id"]]))[row["id"]]
    more = {"time_zone": row["time_zone"], "skills": sorted(row["skills"]), "achievements": achievements}
    return PublicProfile(**(public_user(row) or {}) | more)


async def change(db: Write, viewer: Viewer, changes: dict[str, Any], if_match: str | None) -> tuple[User, str]:
    """Change the viewer's profile. `skills` replaces all tags.

    Raises:
        PreconditionFailed: it is not the version that `if_match` names.
    """
    row = await queries.user(db, viewer.id)
    if row is None:
        raise UserNotFound
    require_match(if_match, etag(row["id"], row["version"]))
    skills: list[str] | None = changes.pop("skills", None)
    row = await queries.change_user(db, viewer.id, changes, row["version"] if if_match else None)
    if row is None:
        raise PreconditionFailed
    signins.announce_person(db, viewer.id)
    if skills is not None:
        await replace_skills(db, viewer, skills)
    return as_user(row, list(await queries.skills(db, viewer.id))), etag(row["id"], row["version"])


async def set_avatar(db: Write, reads: Read, viewer: Viewer, content: bytes) -> tuple[User, str]:
    """Let a picture stand for the viewer; the one before it is taken away.

    Raises:
        PictureTooLarge: it has too many bytes, or pixels.
        UnsupportedPicture: it is no picture of the formats that we read.
        PicturesUnavailable: it cannot be kept; the one before stays.
    """
    await reads.close()  # what follows takes its time, and nobody else waits for the connection meanwhile
    return await _show(db, viewer, await avatars.keep(db.database, viewer.id, content))


async def remove_avatar(db: Write, viewer: Viewer) -> None:
    """Let no picture stand for the viewer."""
    await _show(db, viewer, None)


async def _show(db: Write, viewer: Viewer, avatar: str | None) -> tuple[User, str]:
    await queries.hold(db, viewer.id)
    row = await queries.user(db, viewer.id)
    if row is None:
        raise UserNotFound
    await avatars.discard(db, viewer.id, row["avatar"])
    return await change(db, viewer, {"avatar": avatar}, None)


async def replace_skills(db: Write, viewer: Viewer, names: Sequence[str]) -> None:
    """Make `names` the viewer's tags."""
    before = await queries.skills(db, viewer.id)
    wanted = await tags.ensure(db, names)
    new, old = set(wanted.values()), set(before.values())
    await change_skills(db, viewer, add=new - old, remove=old - new)


async def change_skills(db: Write, viewer: Viewer, *, add: Collection[int] = (), remove: Collection[int] = ()) -> bool:
    """Add and remove tags; returns whether that changed anything."""
    added = await queries.add_skills(db, viewer.id, add) if add else []
    removed = await queries.remove_skills(db, viewer.id, remove) if remove else []
    if viewer.is_mentor and (added or removed):
        await tags.recount(db, "mentors", added=added, removed=removed)
        await emit(db, ExpertiseChanged(viewer.id))
    return bool(added or removed)


async def export(db: Read, viewer: Viewer) -> dict[str, object]:
    """Everything that is kept about the viewer."""
    whole: dict[str, object] = {
        "account": (await account(db, viewer.id)).model_dump(),
        "sign_ins": await queries.every_sign_in(db, viewer.id),
    }
    for name, section in _sections.items():
        whole[name] = await section(db, viewer.id)
    return whole


async def delete(db: Write, reads: Read, viewer: Viewer, password: str) -> None:
    """Delete the viewer's account; what was contributed stays under "deleted user".

    Raises:
        WrongPassword: it is not the viewer's.
    """
    user = await require_password(reads, viewer, password)
    await queries.hold(db, viewer.id)
    held = await queries.user(db, viewer.id) or user
    await avatars.discard(db, viewer.id, held["avatar"])
    await emit(db, UserDeleted(viewer.id, viewer.role))
    await replace_skills(db, viewer, [])
    await signins.end_all(db, viewer.id)
    await mail.forget(db, user["email"])
    await queries.anonymise(db, viewer.id)
