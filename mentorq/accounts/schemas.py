"""Accounts on the wire."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import email_validator
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, TypeAdapter

from mentorq.accounts.models import Role
from mentorq.core.inputs import NOT_TEXT, Body, Flag, Line, Text
from mentorq.core.languages import LANGUAGES
from mentorq.tags.schemas import TagNames

DELETED_NAME = "deleted user"


# An intranet may have addresses that the Internet has not: of one name only, or in .local or .test.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def _email(value: str) -> str:
    try:
        found = email_validator.validate_email(value, check_deliverability=False, globally_deliverable=False)
    except email_validator.EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return found.normalized.lower()


def _password(value: str) -> str:
    if NOT_TEXT.search(value) or "\n" in value or "\t" in value:
        raise ValueError("Control characters are not allowed")
    return value


@functools.cache
def time_zones() -> frozenset[str]:
    """The names of all time zones, but for those that mean another one on each machine, or none."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _time_zone(value: str) -> str:
    if value not in time_zones():
        raise ValueError("This is not the name of a time zone, as in Europe/Lisbon")
    return value


def _language(value: str) -> str:
    if value not in LANGUAGES:
        raise ValueError(f"This is none of the languages that we speak: {', '.join(LANGUAGES)}")
    return value


def _link(value: str) -> str:
    TypeAdapter(HttpUrl).validate_python(value)
    try:
        host = urlsplit(value).netloc
    except ValueError:
        host = ""
    if not host or "@" in host or "\\" in value:  # whatever browsers would make of it
        raise ValueError("Please write a whole address, as in https://example.org.")
    return value


Username = Annotated[
    Line,
    AfterValidator(str.lower),
    StringConstraints(min_length=2, max_length=50, pattern=r"^[a-z0-9][a-z0-9._-]*$"),
    Field(description="Letters a–z, digits, dot, dash and underscore; case does not matter.", examples=["ana"]),
]
Email = Annotated[Line, AfterValidator(_email), Field(max_length=254, examples=["ana@example.org"])]
Password = Annotated[
    str, AfterValidator(_password), Field(description="8 characters to 72 bytes.", examples=["a-long-Passphrase-7"])
]
TimeZone = Annotated[Line, AfterValidator(_time_zone), Field(examples=["Europe/Lisbon"])]
Link = Annotated[Line, AfterValidator(_link), Field(max_length=200, examples=["https://ana.example.org"])]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. Everything that depends on the person asks this."""

    id: int
    role: str
    username: str
    sign_in_id: int
    time_zone: str = "UTC"
    is_available: bool = False
    avatar: str | None = None
    away_until: datetime | None = None
    capacity: int | None = None

    @property
    def is_anonymous(self) -> bool:
        """Nobody is signed in."""
        return self.id == 0

    @property
    def is_mentor(self) -> bool:
        """May accept tickets."""
        return self.role == Role.MENTOR

    @property
    def is_student(self) -> bool:
        """May post tickets."""
        return self.role == Role.STUDENT

    @property
    def is_admin(self) -> bool:
        """May see everything."""
        return self.role == Role.ADMIN


ANONYMOUS = Viewer(0, "anonymous", "", 0)


@dataclass(frozen=True, slots=True)
class Device:
    """Where a request comes from."""

    user_agent: str
    address: str


class SignUp(Body):
    """A new account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"username": "ana", "email": "ana@example.org", "password": "a-long-Passphrase-7", "role": "student"}
            ]
        }
    )

    username: Username
    email: Email
    password: Password
    role: Literal["student", "mentor"]


EXAMPLE_PERSON: dict[str, Any] = {
    "id": 7,
    "username": "ana",
    "role": "student",
    "bio": "Learning Python in the evenings.",
    "headline": "Career changer",
    "pronouns": "she/her",
    "links": ["https://ana.example.org"],
    "avatar": "/avatars/7-2fd4e1c67a2d28fced849ee1bb76e7391b93eb12/256.webp",
    "is_available": True,
    "created_at": "2026-01-05T08:00:00Z",
}


EXAMPLE_HONOUR: dict[str, Any] = {
    "key": "second_wind",
    "name": "Second wind",
    "description": "A ticket was opened again, and you brought it to a good end.",
    "icon": "refresh-cw",
    "role": "mentor",
    "tier": None,
}
EXAMPLE_EARNED = EXAMPLE_HONOUR | {
    "awarded_at": "2026-02-03T09:12:00Z",
    "ticket_id": 12,
    "ticket_title": "Why is my list None?",
}


class UserPublic(BaseModel):
    """A person, as others see them."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_PERSON]})

    id: int = Field(examples=[7])
    username: str = Field(examples=["ana"])
    role: str = Field(examples=["student"])
    bio: str
    headline: str
    pronouns: str = Field(description="In their own words; empty where nothing is said.")
    links: list[str]
    avatar: str | None = Field(
        description="The path of a square WebP of 256 pixels; there are /96.webp and /48.webp beside it. null: none."
    )
    is_available: bool
    created_at: datetime


class Honour(BaseModel):
    """What can be achieved, in the words of the catalogue."""

    key: str
    name: str
    description: str
    icon: str = Field(description="The name of an icon of Lucide.")
    role: Literal["student", "mentor"] | None = Field(description="Who can earn it; null: both.")
    tier: Literal["bronze", "silver", "gold"] | None


class EarnedAchievement(Honour):
    """What somebody has achieved, and by which ticket, where that is public."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_EARNED]})

    awarded_at: datetime
    ticket_id: int | None
    ticket_title: str | None


class PublicProfile(UserPublic):
    """A person's public page."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                EXAMPLE_PERSON | {"time_zone": "Europe/Lisbon", "skills": ["python"], "achievements": [EXAMPLE_EARNED]}
            ]
        }
    )

    time_zone: str = Field(examples=["Europe/Lisbon"])
    skills: list[str] = Field(description="A mentor's expertise, or what a student learns.", examples=[["python"]])
    achievements: list[EarnedAchievement]


class User(UserPublic):
    """An account, as its owner sees it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                EXAMPLE_PERSON
                | {
                    "email": "ana@example.org",
                    "email_verified": True,
                    "time_zone": "Europe/Lisbon",
                    "language": "en",
                    "skills": ["python"],
                    "on_leaderboard": True,
                    "away_until": None,
                    "capacity": None,
                }
            ]
        }
    )

    email: str = Field(examples=["ana@example.org"])
    email_verified: bool
    time_zone: str = Field(examples=["Europe/Lisbon"])
    language: str = Field(description="Of mails and of what browsers show.", examples=["en"])
    skills: list[str] = Field(description="A mentor's expertise, or what a student learns.", examples=[["python"]])
    on_leaderboard: bool = Field(description="Whether a mentor may be ranked where others see it.")
    away_until: datetime | None = Field(description="Available again from then on; null: not away, or without an end.")
    capacity: int | None = Field(description="With so many tickets in hand a mentor is offered none; null: as usual.")


class Tokens(BaseModel):
    """What a sign-in gives."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds until the access token expires.", examples=[1800])
    refresh_token: str


class RefreshRequest(Body):
    """The current refresh token; it is spent by this."""

    refresh_token: Annotated[Line, Field(max_length=200)]


class SignIn(BaseModel):
    """A device that is signed in."""

    id: int
    user_agent: str
    address: str
    created_at: datetime
    last_used_at: datetime
    is_current: bool = Field(description="It is the one that asks.")


class PasswordChange(Body):
    """Both passwords."""

    current_password: Password
    new_password: Password


class PasswordForgot(Body):
    """Where to send the way back in."""

    email: Email


class PasswordReset(Body):
    """The mailed token and the new password."""

    token: Annotated[Line, Field(max_length=200)]
    new_password: Password


class EmailVerification(Body):
    """The mailed token."""

    token: Annotated[Line, Field(max_length=200)]


class ProfileChange(Body):
    """What to change of one's profile; what is left out stays."""

    bio: Annotated[Text, Field(max_length=2000)] | None = None
    headline: Annotated[Line, Field(max_length=120)] | None = None
    pronouns: Annotated[Line, Field(max_length=40, examples=["she/her"])] | None = None
    time_zone: TimeZone | None = None
    language: Annotated[Line, AfterValidator(_language), Field(examples=["es"])] | None = None
    links: Annotated[list[Link], Field(max_length=8)] | None = None
    skills: Annotated[TagNames, Field(max_length=50)] | None = None
    on_leaderboard: Flag | None = Field(None, description="False: ranked nowhere, from this very moment.")


class AccountDeletion(Body):
    """The password, so that nobody deletes an account from a screen left open."""

    password: Password


PUBLIC_FIELDS = (
    "id", "username", "role", "bio", "headline", "pronouns", "links", "avatar", "is_available", "created_at",
)  # fmt: skip


@functools.cache
def _public_columns(prefix: str) -> tuple[tuple[str, str], ...]:
    return tuple((field, prefix + field) for field in PUBLIC_FIELDS)


def public_user(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any] | None:
    """UserPublic out of a row that carries it in columns that begin with `prefix`; None if there is no such person."""
    if row[prefix + "id"] is None:
        return None
    user = {field: row[column] for field, column in _public_columns(prefix)}
    user["username"] = user["username"] or DELETED_NAME
    return user
