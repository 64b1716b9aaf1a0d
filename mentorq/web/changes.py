"""What changed between two texts, line by line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

CONTEXT = 2
MOST_COMPARED = 200
"""Lines on either side that are compared with each other; more than these take too long, and are shown as replaced."""


@dataclass(frozen=True)
class Line:
    """A line that stayed, came or went; or the place of lines that stayed and are not shown."""

    kind: Literal["same", "added", "removed", "gap"]
    text: str = ""


def changes(before: str, after: str) -> list[Line]:
    """The lines that came and went, each with some around it that stayed."""
    old, new = before.splitlines(), after.splitlines()
    return list(_with_gaps(list(_compared(old, new))))


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    gone, come = old[head : len(old) - tail], new[head : len(new) - tail]
    yield from (Line("same", text) for text in old[:head])
    for tag, i1, i2, j1, j2 in _steps(gone, come):
        if tag == "equal":
            yield from (Line("same", text) for text in gone[i1:i2])
        else:
            yield from (Line("removed", text) for text in gone[i1:i2])
            yield from (Line("added", text) for text in come[j1:j2])
    yield from (Line("same", text) for text in old[len(old) - tail :])


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many lines at the beginning are the same."""
    for number, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return number
    return min(len(one), len(other))


def _steps(gone: Sequence[str], come: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if max(len(gone), len(come)) > MOST_COMPARED:
        return [("replace", 0, len(gone), 0, len(come))]
    return SequenceMatcher(None, gone, come, autojunk=False).get_opcodes()


def _with_gaps(lines: Sequence[Line]) -> Iterator[Line]:
    changed = [number for number, line in enumerate(lines) if line.kind != "same"]
    near = {number + by for number in changed for by in range(-CONTEXT, CONTEXT + 1)}
    is_gap = False
    for number, line in enumerate(lines):
        if number in near:
            yield line
        elif not is_gap and changed:
            yield Line("gap")
        is_gap = number not in near
