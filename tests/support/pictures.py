"""Pictures to send: those that people have, and those that somebody made to do harm."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

RED, BLUE = (255, 0, 0), (0, 0, 255)


def encoded(image: Image.Image, kind: str, **how: Any) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def plain(kind: str = "PNG", size: tuple[int, int] = (120, 80), colour: tuple[int, int, int] = RED) -> bytes:
    """A picture of one colour."""
    return encoded(Image.new("RGB", size, colour), kind)


def halves(kind: str = "PNG", **how: Any) -> bytes:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (80, 80), RED)
    image.paste(BLUE, (40, 0, 80, 80))
    return encoded(image, kind, **how)


def opened(content: bytes) -> Image.Image:
    """What a file shows."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _gif(width: int, height: int) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHH", 0, 0, width, height) + b"\0\x02\x02\x4c\x01\0"
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0" * 6 + frame + b"\x3b"


def _jpeg(width: int, height: int) -> bytes:
    small = plain("JPEG", (16, 16))
    at = small.index(b"\xff\xc0") + 5
    return small[:at] + struct.pack(">HH", height, width) + small[at + 4 :]


def _webp(width: int, height: int) -> bytes:
    header = b"\0" * 4 + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    small = plain("WEBP", (16, 16))[12:]
    body = b"WEBPVP8X" + struct.pack("<I", len(header)) + header + small
    return b"RIFF" + struct.pack("<I", len(body)) + body


BOMBS = {
    "png": _png(60_000, 60_000),
    "png, a hundred million": _png(10_000, 10_000),
    "gif": _gif(60_000, 60_000),
    "jpeg": _jpeg(60_000, 60_000),
    "webp": _webp(1 << 20, 1 << 20),
    "just over": _png(5001, 5000),
}
"""Small files that claim to be huge."""

MANY_SCANS = plain("JPEG", (16, 16))[:-2] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00" * 1000 + b"\xff\xd9"

NO_PICTURES = {
    "nothing": b"",
    "garbage": bytes(range(256)) * 20,
    "text": b"Hello, I am no picture.",
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "zeros": b"\0" * 5000,
    "half a png": plain()[: len(plain()) // 2],
    "half a jpeg header": plain("JPEG")[:20],
    "half a gif": halves("GIF")[:30],
    "half a webp": plain("WEBP")[:40],
    "a png's first bytes": b"\x89PNG\r\n\x1a\n",
    "a webp's first bytes": b"RIFF\0\0\0\0WEBP",
    "tiff": plain("TIFF"),
    "bmp": plain("BMP"),
    "ico": plain("ICO"),
    "pdf": plain("PDF"),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n",
    "a jpeg of a thousand scans": MANY_SCANS,
}
