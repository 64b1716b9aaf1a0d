"""What accounts announce."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UserJoined:
    """Somebody has an account now."""

    user_id: int
    role: str


@dataclass(frozen=True)
class UserDeleted:
    """Somebody deleted the account. In the same transaction, everybody lets go of what was personal."""

    user_id: int
    role: str


@dataclass(frozen=True)
class ExpertiseChanged:
    """A mentor's expertise tags are others now."""

    user_id: int
