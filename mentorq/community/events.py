"""What the community announces."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class MentorFollowed:
    """Somebody follows a mentor."""

    follower_id: int
    mentor_id: int


@dataclass(frozen=True)
class MentorActed:
    """A mentor did something that followers may want to hear of; `deed` is one of `models.Deed`."""

    activity_id: int
    mentor_id: int
    deed: str


@dataclass(frozen=True)
class AchievementAwarded:
    """Somebody has earned an achievement, which happens once."""

    user_id: int
    achievement: str
    ticket_id: int | None
    awarded_at: datetime
