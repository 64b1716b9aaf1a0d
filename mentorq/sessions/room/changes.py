"""What a Yjs update (version 1) says, found out before a document sees it.

The library that keeps documents trusts what it is given: 60 kB of nested lists end its process, and some updates that
do not fit leave half of themselves behind. So an update is read here first, whole, and only what a document of texts,
lists and maps is made of gets through. Along the way is found what the update is about: which changes of which clients
it brings, and which others it builds on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mentorq.sessions.room.encoding import Garbage, Reader

EMPTY = b"\0\0"
"""The update that changes nothing."""

DEEPEST = 16
LARGEST_CLOCK = 2**31 - 1
_ROOT_BY_NAME = 1
_MOST_VARINT_BYTES = 9

_KIND, _HAS_KEY, _HAS_RIGHT, _HAS_LEFT = 31, 32, 64, 128
_REMOVED, _SKIPPED = 0, 10
_ARRAY, _MAP, _TEXT = 0, 1, 2


@dataclass(slots=True)
class Change:
    """What an update brings and needs; clients are Yjs' numbers for them, clocks count what each of them has done.

    `ends`: up to which clock it brings changes of a client. `begins`: from which clock on, for good: what is before
    must be there already. `needs`: up to which clock it speaks of a client's changes, be they there or brought.
    """

    ends: dict[int, int] = field(default_factory=dict)
    begins: dict[int, int] = field(default_factory=dict)
    needs: dict[int, int] = field(default_factory=dict)

    def fits(self, known: Mapping[int, int]) -> bool:
        """Whether a document with the changes `known` can take it whole."""
        return all(clock <= known.get(client, 0) for client, clock in self.begins.items()) and all(
            clock <= max(known.get(client, 0), self.ends.get(client, 0)) for client, clock in self.needs.items()
        )

    def is_within(self, known: Mapping[int, int]) -> bool:
        """Whether all that it brings is there."""
        return all(end <= known.get(client, 0) for client, end in self.ends.items())

    def need(self, client: int, clock: int) -> None:
        """It speaks of a client's changes up to `clock`."""
        if clock > self.needs.get(client, 0):
            self.needs[client] = clock


def read_state(data: bytes) -> dict[int, int]:
    """Which changes somebody has: a state vector.

    Raises:
        Garbage: it is none.
    """
    reader = Reader(data)
    state = {reader.number(): _clock(reader) for _ in range(reader.count(2))}
    reader.end()
    return state


def read_change(update: bytes) -> Change:
    """Read an update from its beginning to its end.

    Raises:
        Garbage: it is none, or has something in it that no document here is made of.
    """
    change, reader = Change(), Reader(update)
    for _ in range(reader.count(3)):
        _read_changes_of_client(reader, change)
    _read_removals(reader, change)
    reader.end()
    return change


def _read_changes_of_client(reader: Reader, change: Change) -> None:
    count, client, clock = reader.count(2), reader.number(), _clock(reader)
    if count == 0 or client in change.ends:
        raise Garbage("a client's changes are not in one piece")
    change.begins[client] = clock
    for _ in range(count):
        info = reader.byte()
        kind = info & _KIND
        if kind in (_REMOVED, _SKIPPED):
            length = reader.number()
        else:
            _read_place(reader, info, change)
            length = _read_content(reader, kind)
        clock += length
        if length == 0 or clock > LARGEST_CLOCK:
            raise Garbage("a change has no length")
        if kind == _SKIPPED:
            change.begins[client] = clock
    change.ends[client] = clock


def _read_place(reader: Reader, info: int, change: Change) -> None:
    """Where something is put: beside others, or into a list, map or text."""
    if info & _HAS_LEFT:
        _read_reference(reader, change)
    if info & _HAS_RIGHT:
        _read_reference(reader, change)
    if not info & (_HAS_LEFT | _HAS_RIGHT):
        if reader.number() == _ROOT_BY_NAME:
            reader.text()
        else:
            _read_reference(reader, change)
        if info & _HAS_KEY:
            reader.text()


def _read_reference(reader: Reader, change: Change) -> None:
    client = reader.number()
    change.need(client, _clock(reader) + 1)


def _clock(reader: Reader) -> int:
    clock = reader.number()
    if clock > LARGEST_CLOCK:
        raise Garbage("a clock is too large")
    return clock


def _read_removals(reader: Reader, change: Change) -> None:
    for _ in range(reader.count(2)):
        client = reader.number()
        for _ in range(reader.count(2)):
            clock = _clock(reader)
            change.need(client, clock + _clock(reader))


# --- contents: each returns by how much the client's clock goes on


def _read_content(reader: Reader, kind: int) -> int:
    read = _CONTENTS.get(kind)
    if read is None:
        raise Garbage(f"contents of kind {kind} are not for this document")
    return read(reader)


def _read_text(reader: Reader) -> int:
    text = reader.text()
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2  # JavaScript counts its characters so


def _read_bytes(reader: Reader) -> int:
    reader.bytes()
    return 1


def _read_type(reader: Reader) -> int:
    if reader.number() not in (_ARRAY, _MAP, _TEXT):
        raise Garbage("only lists, maps and texts are for this document")
    return 1


def _read_values(reader: Reader) -> int:
    count = reader.count()
    for _ in range(count):
        _read_value(reader, DEEPEST)
    return count


_CONTENTS: dict[int, Callable[[Reader], int]] = {
    1: Reader.number,  # removed
    3: _read_bytes,
    4: _read_text,
    7: _read_type,
    8: _read_values,
}
"""What a document of files is made of; formatted and embedded things, sub-documents and old JSON are not."""


def _read_value(reader: Reader, deep: int) -> None:
    if deep == 0:
        raise Garbage("values are nested too deeply")
    kind = reader.byte()
    if kind in _SIZES:
        reader.skip(_SIZES[kind])
    elif kind == 125:
        _read_varint(reader)
    elif kind == 119:
        reader.text()
    elif kind == 116:
        reader.bytes()
    elif kind == 117:
        for _ in range(reader.count()):
            _read_value(reader, deep - 1)
    elif kind == 118:
        for _ in range(reader.count(2)):
            reader.text()
            _read_value(reader, deep - 1)
    else:
        raise Garbage("a value is of no kind")


_SIZES = {127: 0, 126: 0, 124: 4, 123: 8, 122: 8, 121: 0, 120: 0}
"""Undefined, null, numbers of fixed size, false and true: how many bytes follow."""


def _read_varint(reader: Reader) -> None:
    for _ in range(_MOST_VARINT_BYTES):
        if reader.byte() < 128:
            return
    raise Garbage("a number is too large")
