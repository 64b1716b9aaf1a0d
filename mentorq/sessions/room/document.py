"""One room's shared code in memory: takes changes whole or not at all, and stays within its bounds."""

from collections.abc import Iterable

import structlog
from pycrdt import Doc, TransactionEvent

from mentorq.sessions.room.changes import Change, read_change, read_state
from mentorq.sessions.room.encoding import Garbage, TooLarge

log = structlog.get_logger(__name__)

LARGEST = 1 << 20
"""Bytes of a document, as it is sent to whoever comes."""


class Lacking(Exception):
    """A change builds on others that are not there."""


class Spoilt(Exception):
    """A change went in by half: the document is worth nothing any more, and has to be read again."""


class Document:
    """A Yjs document, of which is known at any time what it has, so that nothing waits in it for what never comes.

    `size` is at least the number of its bytes; what it really is, is measured when it comes near the limit.
    """

    def __init__(self, updates: Iterable[bytes] = ()) -> None:
        self._doc: Doc[object] = Doc()  # type: ignore[type-var]
        self._news: bytes | None = None
        self._watching = self._doc.observe(self._notice)
        self._known: dict[int, int] = {}
        self.size = 0
        for update in updates:
            try:
                self._apply(update)
            except Spoilt:
                log.exception("a stored change cannot be read")  # the others can: better than no document
        self._measure()

    def close(self) -> None:
        """Let go: whoever watches a document keeps it in memory."""
        self._doc.unobserve(self._watching)

    def take(self, update: bytes) -> bytes | None:
        """Take a client's change; returns what is new in it, None if nothing is.

        Raises:
            Garbage: it is no change of such a document.
            Lacking: others have to be there first.
            TooLarge: the document would be larger than it may.
            Spoilt: see there.
        """
        change = read_change(update)
        if not change.fits(self._known):
            raise Lacking
        if self.size + len(update) > LARGEST:
            self._find_room(update, change)
        news = self._apply(update)
        if news is not None:
            self._learn(news)
        if not change.is_within(self._known):
            raise Spoilt("it builds on itself")
        return news

    def absorb(self, update: bytes) -> bytes | None:
        """Take a change that another process has stored; returns what is new in it, None if nothing is.

        Raises:
            Spoilt: see there.
        """
        news = self._apply(update)
        if news is not None:
            self._learn(news)
        return news

    def _apply(self, update: bytes) -> bytes | None:
        self._news = None
        try:
            self._doc.apply_update(update)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the library is no Exception
            raise Spoilt(repr(error)) from None
        return self._news

    def _notice(self, event: TransactionEvent) -> None:
        self._news = event.update

    def _learn(self, news: bytes) -> None:
        """What is new goes to others as it is: it must get through where everything else has to."""
        try:
            change = read_change(news)
        except Garbage as error:
            raise Spoilt(str(error)) from None
        self._known.update(change.ends)
        self.size += len(news)

    def _find_room(self, update: bytes, change: Change) -> None:
        """Try a change on a copy: one that takes away more than it brings is welcome.

        What only takes away may leave more behind than was there, for a while: marks of what is gone.
        """
        self._measure()
        if self.size + len(update) <= LARGEST:
            return
        trial = Document([self.whole(), update])
        trial.close()
        if trial.size > (LARGEST if change.ends else 2 * LARGEST):
            raise TooLarge(f"a document has at most {LARGEST} bytes")

    def _measure(self) -> None:
        self.size = len(self.whole())
        self._known = read_state(self.state())

    def state(self) -> bytes:
        """Which changes it has."""
        return self._doc.get_state()

    def whole(self) -> bytes:
        """All of it, as one update."""
        return self._doc.get_update()

    def since(self, state: bytes) -> bytes:
        """What somebody lacks who has what `state` says.

        Raises:
            Garbage: it says nothing.
        """
        read_state(state)
        return self._doc.get_update(state)
