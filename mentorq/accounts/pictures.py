"""Small square pictures out of whatever somebody sends: nothing of the file itself is kept."""

import io
import struct
from typing import TYPE_CHECKING

from mentorq.accounts.errors import PictureTooLarge, UnsupportedPicture

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SIZES = (48, 96, 256)
LARGEST = max(SIZES)
MOST_PIXELS = 25_000_000
MOST_SCANS = 64
"""A progressive JPEG has about ten; each more makes its decoder go over the whole picture once again."""

QUALITY = 82
ORIENTATION = 0x0112
DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def squares(content: bytes) -> dict[int, bytes]:
    """WebP pictures by their size: the middle of the first frame, upright, without metadata.

    How large a picture is, is read from its header and judged before anything is decoded.

    Raises:
        PictureTooLarge: it has more pixels than anybody needs.
        UnsupportedPicture: it is no picture of the formats that we read, or is damaged.
    """
    from PIL import Image  # noqa: PLC0415

    _judge(_webp_size(content))
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _judge(image.size)
            if image.format == "JPEG" and content.count(b"\xff\xda") > MOST_SCANS:
                raise UnsupportedPicture
            square = _square(image)
            return {size: _webp(square, size) for size in SIZES}
    except (PictureTooLarge, UnsupportedPicture, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureTooLarge from None
    except Exception as error:  # whatever a decoder stumbles over: what it was given is no picture
        raise UnsupportedPicture from error


def _judge(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise PictureTooLarge


def _webp_size(content: bytes) -> tuple[int, int]:
    """What a WebP's header says; nothing where it is none. Its decoder takes memory for all of it on opening."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        return 0, 0
    match content[12:16]:
        case b"VP8X":
            width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
        case b"VP8L":
            bits = int.from_bytes(content[21:25], "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case _:
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, 26))
    return width, height


def _square(image: "Image.Image") -> "Image.Image":
    """The middle of a picture, in the largest size and upright."""
    from PIL import Image  # noqa: PLC0415

    orientation = _orientation(image)
    image.draft("", (2 * LARGEST, 2 * LARGEST))  # a JPEG is decoded no larger than needed
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    box = (left, top, left + side, top + side)
    small = _plain(image).resize((LARGEST, LARGEST), Image.Resampling.LANCZOS, box=box, reducing_gap=3)
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    upright = small.transpose(turns[orientation]) if orientation in turns else small
    upright.info = {}
    return upright


def _orientation(image: "Image.Image") -> object:
    try:
        return image.getexif().get(ORIENTATION)
    except Exception:  # noqa: BLE001 (metadata may be damaged as it likes: it is the picture that counts)
        return None


def _plain(image: "Image.Image") -> "Image.Image":
    """The same in red, green and blue, and with what lets the page through, if anything does."""
    if image.mode in DEEP:
        return image.convert("I").point(lambda level: level * (1 / 256)).convert("L").convert("RGB")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _webp(square: "Image.Image", size: int) -> bytes:
    from PIL import Image  # noqa: PLC0415

    kept = io.BytesIO()
    square.resize((size, size), Image.Resampling.LANCZOS).save(kept, "WEBP", quality=QUALITY, method=4)
    return kept.getvalue()
