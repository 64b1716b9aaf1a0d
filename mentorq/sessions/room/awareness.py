"""Who is where in a room's code: cursors, selections, names. Of the moment, never stored.

Each open page has a number of its own under which it says where it is, counting up as it does. y-websocket sends on
what it hears of others, too, so a number belongs to the socket that brought it first, and what others say of it is no
news.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson

from mentorq.sessions.room.encoding import Garbage, Reader, TooLarge, block, number

MOST_NUMBERS = 4
LONGEST_STATE = 4096
MOST_GONE = 64
FADES_SECONDS = 20.0
"""Processes say every five seconds where those are who are there; of whom nothing is heard for longer is gone."""

NOWHERE = b"null"
Entry = tuple[int, int, bytes]
"""A page's number, how often it has spoken, and what it says, as JSON."""


@dataclass(eq=False)
class Voice:
    """Whose pages they are: a socket's, or those of another process (`user_id` is 0)."""

    user_id: int
    numbers: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Whereabouts:
    """What a page said last."""

    clock: int
    state: bytes
    voice: Voice
    heard_at: float


def read_entries(update: bytes) -> list[Entry]:
    """What an awareness update says.

    Raises:
        Garbage: it is none.
        TooLarge: it says too much.
    """
    reader = Reader(update)
    entries = [(reader.number(), reader.number(), reader.bytes()) for _ in range(reader.count(3))]
    reader.end()
    for _, _, state in entries:
        if len(state) > LONGEST_STATE:
            raise TooLarge(f"a page says at most {LONGEST_STATE} bytes of itself")
        try:
            said = orjson.loads(state)
        except orjson.JSONDecodeError:
            raise Garbage("a state is not JSON") from None
        if said is not None and not isinstance(said, dict):
            raise Garbage("a state is no object")
    return entries


def write_entries(entries: Iterable[Entry]) -> bytes:
    """The update that says this."""
    written = [number(page) + number(clock) + block(state) for page, clock, state in entries]
    return number(len(written)) + b"".join(written)


class Awareness:
    """Where everybody is in one room."""

    def __init__(self) -> None:
        self._there: dict[int, Whereabouts] = {}
        self._gone: dict[int, tuple[int, int]] = {}

    def hear(self, voice: Voice, entries: Iterable[Entry]) -> list[Entry]:
        """Note what somebody says; returns what of it is news to others, or a sign of life.

        Raises:
            TooLarge: a socket speaks for more pages than it can have.
        """
        return [entry for entry in entries if self._is_news(voice, *entry)]

    def _is_news(self, voice: Voice, page: int, clock: int, state: bytes) -> bool:
        known = self._there.get(page)
        if known is None:
            if state == NOWHERE or self._was_before(voice, page, clock):
                return False
        elif clock < known.clock or not self._may_speak(voice, known, clock, state):
            return False
        if state == NOWHERE:
            self._forget(page, clock)
            return True
        if page not in voice.numbers:
            if voice.user_id and len(voice.numbers) >= MOST_NUMBERS:
                raise TooLarge(f"a socket speaks for at most {MOST_NUMBERS} pages")
            voice.numbers.add(page)
            if known is not None:
                known.voice.numbers.discard(page)
        self._there[page] = Whereabouts(clock, state, voice, time.monotonic())
        return True

    def _was_before(self, voice: Voice, page: int, clock: int) -> bool:
        """Whether it is an echo of somebody who has left. The one who left may come back where it was."""
        gone_at, user_id = self._gone.get(page, (-1, 0))
        return clock < gone_at or (clock == gone_at and user_id != voice.user_id)

    @staticmethod
    def _may_speak(voice: Voice, known: Whereabouts, clock: int, state: bytes) -> bool:
        """Whose page it is; or it comes back by another socket, before it was noticed that the one before is dead."""
        if known.voice is voice:
            return True
        if known.voice.user_id and voice.user_id:
            return known.voice.user_id == voice.user_id
        return clock > known.clock and state != NOWHERE

    def _forget(self, page: int, clock: int) -> None:
        known = self._there.pop(page)
        known.voice.numbers.discard(page)
        self._gone.pop(page, None)
        self._gone[page] = clock, known.voice.user_id
        if len(self._gone) > MOST_GONE:
            del self._gone[next(iter(self._gone))]

    def leave(self, voice: Voice) -> list[Entry]:
        """Somebody is gone: what to tell the others."""
        return self._drop(sorted(voice.numbers))

    def fade(self) -> list[Entry]:
        """Those in other processes of whom nothing was heard for long: what to tell the others."""
        before = time.monotonic() - FADES_SECONDS
        return self._drop(
            [p for p, known in self._there.items() if not known.voice.user_id and known.heard_at < before]
        )

    def _drop(self, pages: list[int]) -> list[Entry]:
        told = [(page, self._there[page].clock, NOWHERE) for page in pages]
        for page, clock, _ in told:
            self._forget(page, clock)
        return told

    def everybody(self) -> list[Entry]:
        """Where all are: for who comes."""
        return [(page, known.clock, known.state) for page, known in self._there.items()]

    def here(self) -> list[Entry]:
        """Where those are whose sockets are in this process."""
        return [(page, known.clock, known.state) for page, known in self._there.items() if known.voice.user_id]
