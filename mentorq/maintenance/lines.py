"""Lines of an import: title, description, tags, solution, student, mentor, created_at, resolved_at, as JSON."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, BinaryIO, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from mentorq.core.clock import now
from mentorq.core.inputs import Line, Text
from mentorq.tags.names import InvalidTagName, normalise
from mentorq.tickets.models import LONGEST_DESCRIPTION, LONGEST_SOLUTION, LONGEST_TITLE

MOST_TAGS = 10
GZIP_MAGIC = b"\x1f\x8b"
LONGEST_NAME = 200

Name = Annotated[Line, StringConstraints(min_length=1, max_length=LONGEST_NAME)]


class SolvedTicket(BaseModel):
    """A question with its answer, and who gave it when. What else the line says is not read."""

    model_config = ConfigDict(extra="ignore")

    title: Annotated[Line, StringConstraints(min_length=1, max_length=LONGEST_TITLE)]
    description: Annotated[Text, StringConstraints(min_length=1, max_length=LONGEST_DESCRIPTION)]
    tags: list[str] = []
    solution: Annotated[Text, StringConstraints(min_length=1, max_length=LONGEST_SOLUTION)]
    student: Name
    mentor: Name
    created_at: AwareDatetime
    resolved_at: AwareDatetime

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.student == self.mentor:
            raise ValueError("student and mentor must be two people")
        if not self.created_at <= self.resolved_at <= now():
            raise ValueError("created_at must not be after resolved_at, nor resolved_at in the future")
        self.created_at, self.resolved_at = self.created_at.astimezone(UTC), self.resolved_at.astimezone(UTC)
        return self


@dataclass(frozen=True)
class Parsed:
    """A line that can be imported; `dropped` tags were none, or too many."""

    digest: str
    ticket: SolvedTicket
    tags: tuple[str, ...]
    dropped: int


@dataclass(frozen=True)
class Refused:
    """A line that cannot be imported, and why."""

    number: int
    reason: str


class UnreadableFile(Exception):
    """The file cannot be read; the text is a sentence that says why."""


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, Iterable[bytes]]]:
    """The file as it is on disk, and its lines: unpacked where it is packed.

    Raises:
        UnreadableFile: it is not there, or damaged.
    """
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == GZIP_MAGIC
            file.seek(0)
            yield file, gzip.GzipFile(fileobj=file) if is_packed else file
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFile(f"{path} cannot be read: {error}") from error


def parse(number: int, line: bytes) -> Parsed | Refused:
    """Read one line."""
    try:
        ticket = SolvedTicket.model_validate_json(line)
    except ValidationError as error:
        return Refused(number, _reason(error))
    names = _normalised(ticket.tags)
    kept = tuple(dict.fromkeys(name for name in names if name))[:MOST_TAGS]
    dropped = len(names) - sum(name in kept for name in names)
    return Parsed(blake2b(line.strip(), digest_size=16).hexdigest(), ticket, kept, dropped)


def _normalised(tags: list[str]) -> list[str]:
    names = []
    for tag in tags:
        try:
            names.append(normalise(tag))
        except InvalidTagName:
            names.append("")
    return names


def _reason(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
