"""lib0's binary encoding, as Yjs and its protocols use it: numbers, bytes and texts, read with suspicion.

Whatever is read comes from somebody's program, so every length is held against what is really there before anything is
made of it, and whatever is not as it should be is `Garbage`.
"""

LARGEST_NUMBER = 2**53 - 1
"""JavaScript's largest whole number: no client can mean a larger one."""


class Garbage(ValueError):
    """These bytes are not what they claim to be."""


class TooLarge(ValueError):
    """It is well-formed, but more than one may send or keep."""


class Reader:
    """Reads from the front; every method raises `Garbage` where the bytes do not have what is asked for."""

    __slots__ = ("_at", "_bytes")

    def __init__(self, data: bytes) -> None:
        self._bytes, self._at = data, 0

    def byte(self) -> int:
        """One byte."""
        at = self._at
        if at >= len(self._bytes):
            raise Garbage("it ends too early")
        self._at = at + 1
        return self._bytes[at]

    def number(self) -> int:
        """A whole number of variable length."""
        value = self.byte()
        if value < 128:
            return value
        value &= 127
        for shift in range(7, 56, 7):
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                if value > LARGEST_NUMBER:
                    break
                return value
        raise Garbage("a number is too large")

    def count(self, at_least: int = 1) -> int:
        """How many things follow, each of which takes `at_least` so many bytes."""
        found = self.number()
        if found * at_least > len(self._bytes) - self._at:
            raise Garbage("it promises more than there is")
        return found

    def skip(self, length: int) -> None:
        """Go on behind the next `length` bytes."""
        if length > len(self._bytes) - self._at:
            raise Garbage("it ends too early")
        self._at += length

    def bytes(self) -> bytes:
        """Bytes, with their length before them."""
        length, at = self.count(), self._at
        self._at = at + length
        return self._bytes[at : at + length]

    def text(self) -> str:
        """UTF-8, with its length before it."""
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise Garbage("a text is not UTF-8") from None

    def end(self) -> None:
        """There is nothing more."""
        if self._at != len(self._bytes):
            raise Garbage("it goes on after its end")


def number(value: int) -> bytes:
    """A whole number of variable length."""
    if value < 128:
        return bytes((value,))
    encoded = bytearray()
    while value > 127:
        encoded.append(128 | value & 127)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def block(data: bytes) -> bytes:
    """Bytes, with their length before them."""
    return number(len(data)) + data
