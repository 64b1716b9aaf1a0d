"""What goes over the editor's socket: Yjs' sync and awareness protocols, as y-websocket speaks them, a message a frame.

Besides those, a client that asks for it is told how many of its changes are stored (`stored`).
"""

from enum import IntEnum

from mentorq.sessions.room.encoding import Garbage, Reader, block, number


class Kind(IntEnum):
    """What a frame begins with."""

    SYNC = 0
    AWARENESS = 1
    QUERY_AWARENESS = 3
    STORED = 100


class Step(IntEnum):
    """What a frame of the sync protocol is: a question for what one lacks, the answer, or a change."""

    ASK = 0
    ANSWER = 1
    CHANGE = 2


def read_frame(frame: bytes) -> tuple[Kind | Step, bytes]:
    """What kind of message it is, and what it carries.

    Raises:
        Garbage: it is none that a client sends.
    """
    reader = Reader(frame)
    kind: Kind | Step
    match reader.number():
        case Kind.SYNC:
            step = reader.number()
            if step > Step.CHANGE:
                raise Garbage("no such message")
            kind, carried = Step(step), reader.bytes()
        case Kind.AWARENESS:
            kind, carried = Kind.AWARENESS, reader.bytes()
        case Kind.QUERY_AWARENESS:
            kind, carried = Kind.QUERY_AWARENESS, b""
        case _:
            raise Garbage("no such message")
    reader.end()
    return kind, carried


def sync(step: Step, carried: bytes) -> bytes:
    """A frame of the sync protocol."""
    return bytes((Kind.SYNC, step)) + block(carried)


def awareness(update: bytes) -> bytes:
    """A frame that says who is where."""
    return bytes((Kind.AWARENESS,)) + block(update)


def stored(changes: int) -> bytes:
    """A frame that says: so many of this connection's changes are on disk by now."""
    return bytes((Kind.STORED,)) + number(changes)
