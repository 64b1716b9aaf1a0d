"""What mentors announce."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AvailabilityChanged:
    """A mentor is available, or no longer."""

    mentor_id: int
    is_available: bool
