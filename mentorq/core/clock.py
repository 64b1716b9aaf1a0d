"""One clock for deadlines: the wall clock, corrected to the database's, so that all machines agree."""

from datetime import UTC, datetime, timedelta

_offset = timedelta(0)


def now() -> datetime:
    """The time by the database's clock, in UTC."""
    return datetime.now(UTC) + _offset


def synchronise(database_time: datetime) -> timedelta:
    """Follow the database's clock from here on; returns by how much this machine's was off.

    Below a second nothing is corrected: that is within what a round trip costs.
    """
    global _offset  # noqa: PLW0603 (the process has one clock)
    measured = database_time - datetime.now(UTC)
    _offset = measured if abs(measured) >= timedelta(seconds=1) else timedelta(0)
    return measured
