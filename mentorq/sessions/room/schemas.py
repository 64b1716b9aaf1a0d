"""What is said over a room's socket: JSON, one message in each frame."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, Field, TypeAdapter

from mentorq.core.inputs import Body, Flag, Text
from mentorq.sessions.room.models import LONGEST_MESSAGE
from mentorq.sessions.schemas import as_extension


class Chat(Body):
    """Something to say. `client_id` is the writer's own name for it: sent again, it is there once all the same."""

    type: Literal["chat"]
    client_id: UUID
    body: Annotated[Text, Field(min_length=1, max_length=LONGEST_MESSAGE)]


class Typing(Body):
    """Somebody is writing, or no longer."""

    type: Literal["typing"]
    on: Flag


class Ping(Body):
    """Is anybody there?"""

    type: Literal["ping"]


Said = Annotated[Chat | Typing | Ping, Field(discriminator="type")]
SAID: TypeAdapter[Chat | Typing | Ping] = TypeAdapter(Said)


def frame(kind: str, **fields: Any) -> str:
    """One message as text: encoded once for everybody who gets it."""
    return orjson.dumps({"type": kind} | fields, option=orjson.OPT_UTC_Z).decode()


def chat_frame(row: Mapping[str, Any]) -> str:
    """A message that is stored."""
    return frame(
        "chat",
        seq=row["seq"],
        client_id=row["client_id"],
        user_id=row["user_id"],
        body=row["body"],
        at=row["created_at"],
    )


class MoreTime(Body):
    """More time, please."""

    minutes: int = Field(10, ge=5, le=30, examples=[10])


def clock_fields(row: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """What time it is, and until when a session goes."""
    return {
        "status": row["status"],
        "starts_at": row["starts_at"],
        "ends_at": row["ends_at"],
        "now": moment,
        "extension": as_extension(row),
    }


class TranscriptMessage(BaseModel):
    """Something that was said."""

    seq: int
    by: Literal["student", "mentor"]
    user_id: int | None = Field(description="Null where the asker is not named.")
    username: str | None
    body: str
    at: datetime


class TranscriptFile(BaseModel):
    """A file as it was at the end."""

    id: str
    name: str = Field(examples=["main.py"])
    language: str = Field(examples=["python"])
    text: str


class Transcript(BaseModel):
    """What stays of a session."""

    session_id: int
    ticket_id: int | None
    messages: list[TranscriptMessage]
    files: list[TranscriptFile]
    student_agrees: bool
    mentor_agrees: bool
    attached_at: datetime | None = Field(description="Since when it goes with the ticket; null: it does not.")


class Transcripts(BaseModel):
    """The transcripts that go with a ticket."""

    items: list[Transcript]


class Consent(Body):
    """Whether the transcript may go with the ticket."""

    agrees: Flag
    allow_secrets: Flag = Field(False, description="What looks like a secret in it is none.")
