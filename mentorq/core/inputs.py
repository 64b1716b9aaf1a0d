"""Types of what clients may send: text without control characters, 64-bit ids, pages."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]")
"""C0 but tab and newline, and halves of surrogate pairs, which no database can store."""

LARGEST_ID = 2**63 - 1


def _clean(value: Any) -> Any:
    """Strip; Windows' line ends become newlines; other control characters are refused."""
    if not isinstance(value, str):
        return value
    value = value.replace("\r\n", "\n").strip(" \t\n")
    if NOT_TEXT.search(value):
        raise ValueError("Control characters other than tab and newline, and lone surrogates, are not allowed")
    return value


def _in_figures(value: Any) -> Any:
    """Pydantic would take seconds since 1970, too, also written as text."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not re.match(r"\d{4}-\d{2}-\d{2}", value.strip()):
        raise ValueError("Write it as RFC 3339 does, as in 2026-01-31T15:00:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("This is no time that every zone can show") from None


def _one_line(value: str) -> str:
    if "\n" in value or "\t" in value:
        raise ValueError("This must be a single line")
    return value


Text = Annotated[str, BeforeValidator(_clean)]
Line = Annotated[str, BeforeValidator(_clean), AfterValidator(_one_line)]
Flag = Annotated[bool, Field(strict=True)]
"""true or false, and not what Pydantic would take for it: "yes", 1."""

WrittenDate = BeforeValidator(_in_figures)
"""For what begins with a date: the date as RFC 3339 has it."""

Timestamp = Annotated[AwareDatetime, WrittenDate, AfterValidator(_in_utc), Field(examples=["2026-01-31T15:00:00Z"])]
RowId = Annotated[int, Path(ge=1, le=LARGEST_ID, examples=[12])]
Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[
    Line | None, Query(max_length=2500, description="`next_cursor` of the page before; only for the same filter.")
]
SearchText = Annotated[
    Annotated[Line, StringConstraints(max_length=200)] | None, Query(description="Words to look for.")
]


class Body(BaseModel):
    """A request's body: unknown fields are refused, so that a typo is not silently ignored."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)
