"""What stays of a session: all that was said, and the code as it was at the end.

It is its two people's. Where both agree it goes with the session's ticket: whoever may see the ticket may read it, and
either of the two may change their mind at any time.
"""

from mentorq.accounts.schemas import Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read, Row, Write
from mentorq.core.secrets import find_secrets
from mentorq.sessions import queries as sessions
from mentorq.sessions import service
from mentorq.sessions.errors import NoTicket, SessionNotFound, SessionNotOver
from mentorq.sessions.room import queries, seeds
from mentorq.sessions.room.attendance import party_of
from mentorq.sessions.room.schemas import Transcript, TranscriptFile, TranscriptMessage
from mentorq.sessions.states import Status
from mentorq.tickets import service as tickets
from mentorq.tickets.errors import LooksLikeSecret


async def of_session(db: Read, session_id: int, viewer: Viewer) -> Transcript:
    """A session's transcript, for its two people.

    Raises:
        SessionNotFound: there is none, or it is of others.
    """
    await service.one(db, viewer, session_id)
    room = await queries.state(db, session_id)
    assert room is not None
    return await _transcript(db, room)


async def of_ticket(db: Read, ticket_id: int, viewer: Viewer) -> list[Transcript]:
    """The transcripts that go with a ticket, the oldest first. Who asked without a name has none here either.

    Raises:
        TicketNotFound: there is none that `viewer` may see.
    """
    ticket = await tickets.one(db, viewer, ticket_id)
    knows = viewer.is_admin or viewer.id in (ticket["student_id"], ticket["assigned_mentor_id"])
    found = []
    for room in await queries.attached(db, ticket_id):
        transcript = await _transcript(db, room)
        if ticket["is_anonymous"] and not (knows or viewer.id == room["mentor_id"]):
            for message in transcript.messages:
                if message.by == "student":
                    message.user_id = message.username = None
        found.append(transcript)
    return found


async def _transcript(db: Read, room: Row) -> Transcript:
    messages = [
        TranscriptMessage(
            seq=row["seq"], by=party_of(room, row["user_id"]), user_id=row["user_id"], username=row["username"],
            body=row["body"], at=row["created_at"],
        )
        for row in await queries.transcript(db, room["id"])
    ]  # fmt: skip
    return Transcript(
        session_id=room["id"],
        ticket_id=room["ticket_id"],
        messages=messages,
        files=[TranscriptFile(**file) for file in await seeds.texts(db, room["id"])],
        student_agrees=bool(room["student_agrees"]),
        mentor_agrees=bool(room["mentor_agrees"]),
        attached_at=room["attached_at"],
    )


async def consent(db: Write, session_id: int, viewer: Viewer, *, agrees: bool, allow_secrets: bool) -> Transcript:
    """Say whether the transcript may go with the ticket; when both do, it does. Again changes nothing.

    Raises:
        SessionNotFound: there is none, or it is of others.
        NoTicket: the session is about no ticket.
        SessionNotOver: more may still be said.
        LooksLikeSecret: it holds what looks like a secret, unless `allow_secrets`.
    """
    if await sessions.one(db, viewer, session_id) is None:
        raise SessionNotFound
    await queries.open_room(db, session_id)
    room = await queries.hold_room(db, session_id)
    assert room is not None
    if room["ticket_id"] is None:
        raise NoTicket
    if agrees and room["status"] != Status.ENDED:
        raise SessionNotOver
    transcript = await _transcript(db, room)
    if agrees and not allow_secrets:
        _refuse_secrets(transcript)
    party = party_of(room, viewer.id)
    other = "student" if party == "mentor" else "mentor"
    is_attached = agrees and room[f"{other}_agrees"]
    attached_at = (room["attached_at"] or now()) if is_attached else None
    await queries.change_room(db, session_id, {f"{party}_agrees": agrees, "attached_at": attached_at})
    sessions.tell_rooms(db, session_id)
    setattr(transcript, f"{party}_agrees", agrees)
    transcript.attached_at = attached_at
    return transcript


def _refuse_secrets(transcript: Transcript) -> None:
    texts = {f"messages/{index}/body": message.body for index, message in enumerate(transcript.messages)}
    texts |= {f"files/{index}/text": file.text for index, file in enumerate(transcript.files)}
    found = {name: places for name, text in texts.items() if (places := find_secrets(text))}
    if found:
        raise LooksLikeSecret(found)
