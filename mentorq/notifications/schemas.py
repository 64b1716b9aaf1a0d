"""Notifications on the wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from mentorq.accounts.schemas import TimeZone
from mentorq.core.inputs import Body, Flag, Line, Timestamp
from mentorq.core.languages import ENGLISH, Tongue
from mentorq.notifications import wording
from mentorq.notifications.kinds import USUAL, Channels, Email, Kind

EXAMPLE_NOTIFICATION: dict[str, Any] = {
    "id": 31,
    "type": "message_posted",
    "title": "2 new messages from ana",
    "body": "Why is my list None?",
    "link": "/app/tickets/12",
    "data": {"ticket_id": 12, "actor_id": 9, "times": 2, "message_id": 44},
    "read_at": None,
    "created_at": "2026-01-31T09:30:00Z",
}


class Notification(BaseModel):
    """One thing that somebody was told."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_NOTIFICATION]})

    id: int
    type: Kind
    title: str = Field(description="What has happened, in a line.")
    body: str = Field(description="What it is about: a ticket's title, a session's time and topic.")
    link: str = Field(description="The page that it leads to, a path of this installation.")
    data: dict[str, Any] = Field(
        description="For programs: `ticket_id`, `actor_id` (null where a student asked anonymously), `times` "
        "(how many things this line stands for), and what the type has of its own: sessions `session_id`, `starts_at`."
    )
    read_at: datetime | None
    created_at: datetime


class UnreadCount(BaseModel):
    """How many notifications nobody has looked at."""

    unread: int = Field(examples=[3])


class MarkedRead(BaseModel):
    """How many were unread before."""

    read: int = Field(examples=[3])


class Choice(BaseModel):
    """Where somebody is told of one type of things."""

    in_app: bool
    email: Email
    push: bool


class ChoiceChange(Body):
    """Where to be told of one type of things; what is left out stays."""

    in_app: Flag | None = None
    email: Email | None = None
    push: Flag | None = None


TimeOfDay = Annotated[Line, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["22:00"])]


class QuietHours(Body):
    """When neither mail nor push comes, in one's own time zone; it comes when they end. They may span midnight."""

    start: TimeOfDay
    end: Annotated[TimeOfDay, Field(examples=["07:00"])]


def _usual(kind: Kind) -> dict[str, Any]:
    usual = USUAL[kind]
    return {"in_app": usual.in_app, "email": usual.email, "push": usual.push}


class _Delivery(BaseModel):
    quiet_hours: QuietHours | None = Field(description="Null: none.")
    paused_until: datetime | None = Field(description="Until then, neither mail nor push comes. Null: not paused.")
    time_zone: str = Field(description="That of the quiet hours and the digest; part of the profile.", examples=["UTC"])


Preferences = create_model(
    "Preferences",
    __base__=_Delivery,
    __doc__="How somebody wants to be told: for each type, and when not to be disturbed.",
    **{kind.value: (Choice, Field(examples=[_usual(kind)])) for kind in Kind},
)  # type: ignore[call-overload]


class _DeliveryChange(Body):
    quiet_hours: QuietHours | None = None
    paused_until: Timestamp | None = None
    time_zone: TimeZone | None = Field(None, description="That of the profile: changed there, too.")


PreferencesChange = create_model(
    "PreferencesChange",
    __base__=_DeliveryChange,
    __doc__="What to change; what is left out stays.",
    **{kind.value: (ChoiceChange | None, Field(None, examples=[_usual(kind)])) for kind in Kind},
)  # type: ignore[call-overload]


class PushKey(BaseModel):
    """What a browser needs to subscribe."""

    public_key: str = Field(description="The installation's VAPID key, base64url.", examples=["BNcRdreALRFXTk"])


class PushKeys(Body):
    """The keys of a browser's subscription."""

    p256dh: Annotated[Line, Field(min_length=1, max_length=100)]
    auth: Annotated[Line, Field(min_length=1, max_length=40)]


class PushSubscription(Body):
    """What `PushManager.subscribe()` gave, as JSON."""

    endpoint: Annotated[Line, Field(max_length=1000, pattern="^https?://")]
    keys: PushKeys


class PushEnd(Body):
    """Which browser no longer wants to show anything."""

    endpoint: Annotated[Line, Field(max_length=1000)]


def as_notification(told: wording.Told, tongue: Tongue = ENGLISH) -> dict[str, Any]:
    """Notification out of a row of `queries.WHOLE`."""
    own = {"ticket_id": told["ticket_id"], "actor_id": told["actor_id"], "times": told["times"]}
    return {
        "id": told["id"],
        "type": told["kind"],
        "title": wording.title(told, tongue),
        "body": wording.body(told, tongue),
        "link": wording.link(told),
        "data": own | told["data"],
        "read_at": told["read_at"],
        "created_at": told["created_at"],
    }


def as_choice(channels: Channels) -> dict[str, Any]:
    """Choice."""
    return {"in_app": channels.in_app, "email": channels.email, "push": channels.push}
