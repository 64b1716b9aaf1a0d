"""What a demonstration community is made of: questions with answers, and the small texts of its people.

Questions are Markdown, one file for each technology in `questions/`:

    ---
    technology: python
    ---

    # The title of a question
    tags: python, lists

    What the student wrote.

    ## Conversation

    - mentor: A question back, on one line.
    - student: The reply.

    ## Solution

    What the mentor wrote.

Any number of questions follow each other in a file; `## Conversation` may be left out.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from mentorq.tags.names import InvalidTagName, normalise

Speaker = Literal["student", "mentor"]
PassReason = Literal["not_my_area", "unclear", "no_time", "other"]

_FRONT_MATTER = re.compile(r"---\ntechnology: (\S+)\n---\n")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_MESSAGE = re.compile(r"- (student|mentor): (.+)")


class ContentError(ValueError):
    """A file of the demonstration's content is not written as it must be; the message says which and where."""


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the conversation on a ticket."""

    speaker: Speaker
    body: str


@dataclass(frozen=True, slots=True)
class Question:
    """A solved ticket: what was asked, said and answered. Texts are Markdown."""

    technology: str
    title: str
    tags: tuple[str, ...]
    description: str
    conversation: tuple[Message, ...]
    solution: str


@dataclass(frozen=True, slots=True)
class MentorProfile:
    """What mentors say about themselves; `{skills}` and `{first_skill}` stand for their expertise."""

    headline: str
    bio: str


@dataclass(frozen=True, slots=True)
class People:
    """The small texts of students and mentors; `review_comments` by rating."""

    first_names: tuple[str, ...]
    mentor_profiles: tuple[MentorProfile, ...]
    student_bios: tuple[str, ...]
    review_comments: Mapping[int, tuple[str, ...]]
    release_reasons: tuple[str, ...]
    pass_reasons: tuple[PassReason, ...]
    reopen_reasons: tuple[str, ...]
    session_topics: tuple[str, ...]
    session_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """All of it, read and checked."""

    questions: tuple[Question, ...]
    people: People


@cache
def load() -> Content:
    """Return the content that is shipped with the package; read once, then kept.

    Raises:
        ContentError: a file is malformed, or a tag is not in its normal form.
    """
    here = resources.files(__package__)
    return Content(questions=_read_questions(here / "questions"), people=_read_people(here / "people.toml"))


def parse_questions(text: str, source: str) -> tuple[Question, ...]:
    """Return the questions in one Markdown file; `source` names it in errors.

    Raises:
        ContentError: the file is malformed, or a tag is not in its normal form.
    """
    front_matter = _FRONT_MATTER.match(text)
    if front_matter is None:
        raise ContentError(f"{source} must begin with front matter that names its technology.")
    before, *parts = _split(text[front_matter.end() :], "# ")
    if before[1] or not parts:
        raise ContentError(f"{source} must have a '# Title' before the text of each question.")
    return tuple(_question(front_matter[1], title, body, source) for title, body in parts)


def _read_people(file: Traversable) -> People:
    try:
        return TypeAdapter(People).validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ContentError(f"{file.name}: {error}") from error


def _read_questions(folder: Traversable) -> tuple[Question, ...]:
    # Sorted, because the order of a folder differs between machines and a seeded demonstration must not.
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".md")), key=lambda file: file.name)
    return tuple(
        question for file in files for question in parse_questions(file.read_text(encoding="utf-8"), file.name)
    )


def _question(technology: str, title: str, body: str, source: str) -> Question:
    where = f"{source}, “{title}”"
    (_, asked), *parts = _split(body, "## ")
    sections = dict(parts)
    if len(sections) != len(parts) or not {"Solution"} <= sections.keys() <= {"Conversation", "Solution"}:
        raise ContentError(
            f"{where} must have one '## Solution', and at most one '## Conversation', and no other '##'."
        )
    tag_line, _, description = asked.partition("\n")
    tags = _tags(tag_line, where)
    if not description.strip() or not sections["Solution"]:
        raise ContentError(f"{where} must have a text and a solution.")
    return Question(
        technology=technology,
        title=title,
        tags=tags,
        description=description.strip(),
        conversation=tuple(_messages(sections.get("Conversation", ""), where)),
        solution=sections["Solution"],
    )


def _tags(line: str, where: str) -> tuple[str, ...]:
    if not line.startswith("tags: "):
        raise ContentError(f"{where} must have a line 'tags: …' under its title.")
    tags = tuple(tag.strip() for tag in line.removeprefix("tags: ").split(","))
    for tag in tags:
        _check_tag(tag, where)
    return tags


def _check_tag(tag: str, where: str) -> None:
    try:
        canonical = normalise(tag)
    except InvalidTagName as error:
        raise ContentError(f"{where}: {error}") from error
    if canonical != tag:
        raise ContentError(f"{where} has the tag “{tag}”, whose normal form is “{canonical}”.")


def _messages(section: str, where: str) -> Iterator[Message]:
    for line in filter(None, section.splitlines()):
        message = _MESSAGE.fullmatch(line)
        if message is None:
            raise ContentError(f"{where}: each line of a conversation begins with '- mentor: ' or '- student: '.")
        speaker: Speaker = "mentor" if message[1] == "mentor" else "student"
        yield Message(speaker, message[2])


def _split(text: str, marker: str) -> list[tuple[str, str]]:
    """Cut `text` at the headings that begin with `marker`; what comes before the first one has the heading ""."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for line, is_code in _lines(text):
        if line.startswith(marker) and not is_code:
            parts.append((line.removeprefix(marker).strip(), []))
        else:
            parts[-1][1].append(line)
    return [(heading, "\n".join(lines).strip()) for heading, lines in parts]


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Give each line, and whether it is in a fenced block, where `#` begins a comment and not a heading."""
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.fullmatch(line)
        yield line, bool(fence or mark)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not mark[2].strip():
            fence = ""
