"""What changed between two texts."""

import time

from mentorq.web.changes import CONTEXT, MOST_COMPARED, Line, changes


def told(before: str, after: str) -> list[str]:
    """The changes, as one reads them."""
    signs = {"same": " ", "added": "+", "removed": "-", "gap": "~"}
    return [f"{signs[line.kind]}{line.text}" for line in changes(before, after)]


def test_lines_come_and_go() -> None:
    assert told("a\nb\nc", "a\nx\nc\nd") == [" a", "-b", "+x", " c", "+d"]
    assert told("", "a") == ["+a"]
    assert told("a", "") == ["-a"]
    assert told("a", "a") == []


def test_what_stayed_is_shown_around_changes_only() -> None:
    many = [str(n) for n in range(30)]
    after = [*many[:15], "new", *many[15:]]
    shown = told("\n".join(many), "\n".join(after))
    assert shown == ["~", *(f" {n}" for n in many[15 - CONTEXT : 15]), "+new", *(f" {n}" for n in many[15:17]), "~"]


def test_very_long_texts_are_shown_as_replaced() -> None:
    before = [f"{n}" for n in range(MOST_COMPARED * 2)]
    after = [f"{n + 1}" for n in range(MOST_COMPARED * 2)]
    shown = changes("\n".join(["head", *before, "tail"]), "\n".join(["head", *after, "tail"]))
    assert shown[0] == Line("same", "head")
    assert shown[-1] == Line("same", "tail")
    assert sum(line.kind == "removed" for line in shown) == len(before)


def test_no_text_takes_long() -> None:
    one = "\n".join("ab"[n % 2] for n in range(MOST_COMPARED - 1))
    other = "\n".join("ba"[n % 3 == 0] for n in range(MOST_COMPARED - 1))
    started = time.process_time()
    changes(one, other)
    assert time.process_time() - started < 20
