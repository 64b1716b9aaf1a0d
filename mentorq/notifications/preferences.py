"""How somebody wants to be told."""

from dataclasses import replace
from typing import Any

from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Read, Write
from mentorq.core.errors import InvalidInput
from mentorq.notifications import queries
from mentorq.notifications.kinds import USUAL, Channels, Email, Kind
from mentorq.notifications.letters import DIGEST
from mentorq.notifications.schemas import as_choice


async def of(db: Read, user_id: int) -> dict[str, Any]:
    """Preferences without the time zone, which is the profile's."""
    own, inbox = await queries.preferences(db, user_id), await queries.inbox(db, user_id) or {}
    start, end = inbox.get("quiet_from"), inbox.get("quiet_until")
    return {
        **{kind.value: as_choice(own.get(kind, usual)) for kind, usual in USUAL.items()},
        "quiet_hours": None if start is None else {"start": start, "end": end},
        "paused_until": inbox.get("paused_until"),
    }


async def change(db: Write, viewer: Viewer, changes: dict[str, Any]) -> dict[str, Any]:
    """Change some; returns all.

    Raises:
        InvalidInput: quiet hours that never end, or a time without its zone.
    """
    own = await queries.preferences(db, viewer.id)
    chosen: dict[Kind, Channels] = {}
    for kind in Kind:
        given = {name: value for name, value in (changes.get(kind) or {}).items() if value is not None}
        if given:
            chosen[kind] = Channels(**(as_choice(own.get(kind, USUAL[kind])) | given))
    if chosen:
        await queries.put_preferences(db, viewer.id, chosen)
    if delivery := _delivery(changes):
        await queries.put_inbox(db, viewer.id, delivery)
    return await of(db, viewer.id)


async def unsubscribe(db: Write, user_id: int, what: str) -> None:
    """No more mails of a kind, or, with `letters.DIGEST`, none in the morning."""
    own = await queries.preferences(db, user_id)
    now = {kind: own.get(kind, usual) for kind, usual in USUAL.items()}
    ended = [kind for kind, each in now.items() if kind == what or (what == DIGEST and each.email == Email.DAILY)]
    await queries.put_preferences(db, user_id, {kind: replace(now[kind], email=Email.OFF) for kind in ended})


def _delivery(changes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "quiet_hours" in changes:
        hours = changes["quiet_hours"] or {"start": None, "end": None}
        if hours["start"] is not None and hours["start"] == hours["end"]:
            raise InvalidInput.of("/quiet_hours/end", "Quiet hours must end at another time than they begin")
        found |= {"quiet_from": hours["start"], "quiet_until": hours["end"]}
    if "paused_until" in changes:
        found["paused_until"] = changes["paused_until"]
    return found
