"""What becomes of a picture that somebody sends."""

from typing import Any

import pytest
from PIL import Image

from mentorq.accounts.errors import PictureTooLarge, UnsupportedPicture
from mentorq.accounts.pictures import FORMATS, SIZES, squares
from tests.support.pictures import BLUE, BOMBS, NO_PICTURES, RED, encoded, halves, opened, plain


def is_like(image: Image.Image, at: tuple[int, int], colour: tuple[int, ...]) -> bool:
    """Whether a picture has about this colour somewhere."""
    found = image.convert("RGBA").getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(one - other) < 30 for one, other in zip(found, colour, strict=False))


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format_becomes_squares(kind: str) -> None:
    made = squares(plain(kind))
    assert set(made) == set(SIZES)
    for size, content in made.items():
        image = opened(content)
        assert (image.format, image.size) == ("WEBP", (size, size))
        assert is_like(image, (size // 2, size // 2), RED)


def test_it_is_the_middle_that_is_kept() -> None:
    wide = Image.new("RGB", (300, 100), BLUE)
    wide.paste(RED, (100, 0, 200, 100))
    for image in (wide, wide.rotate(90, expand=True)):
        shown = opened(squares(encoded(image, "PNG"))[96])
        for at in ((3, 3), (92, 3), (3, 92), (92, 92), (48, 48)):
            assert is_like(shown, at, RED)


TURNED = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}


@pytest.mark.parametrize(("orientation", "red_is"), TURNED.items())
def test_it_stands_upright(orientation: int, red_is: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = opened(squares(halves("JPEG", exif=exif, quality=95))[96])
    places = {"left": (10, 48), "right": (86, 48), "top": (48, 10), "bottom": (48, 86)}
    opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
    assert is_like(shown, places[red_is], RED)
    assert is_like(shown, places[opposite[red_is]], BLUE)


def test_of_an_animation_the_first_frame_stands() -> None:
    frames = [Image.new("RGB", (50, 50), colour) for colour in (RED, BLUE, BLUE)]
    for kind in ("GIF", "WEBP", "PNG"):
        moving = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        shown = opened(squares(moving)[96])
        assert getattr(shown, "n_frames", 1) == 1
        assert is_like(shown, (48, 48), RED), kind


def test_nothing_of_the_file_is_kept_but_what_it_shows() -> None:
    secret = b"38.7223 N, 9.1393 W"
    exif = Image.Exif()
    exif[0x010E] = secret.decode()
    exif.get_ifd(0x8825)[29] = "2026:01:05"
    with_all: list[tuple[str, dict[str, Any]]] = [
        ("JPEG", {"exif": exif, "comment": secret, "icc_profile": secret}),
        ("WEBP", {"exif": exif, "xmp": secret, "icc_profile": secret}),
        ("PNG", {"exif": exif, "icc_profile": secret}),
        ("GIF", {"comment": secret}),
    ]
    for kind, metadata in with_all:
        sent = encoded(Image.new("RGB", (60, 60), RED), kind, **metadata)
        for content in squares(sent + b"<script>alert(1)</script>" + secret).values():
            assert secret not in content
            assert b"script" not in content
            assert content[12:16] == b"VP8 ", "a picture alone: no chunk for anything else"
            image = opened(content)
            assert not image.getexif()
            assert not {"exif", "xmp", "icc_profile", "comment"} & image.info.keys()


ODD: dict[str, tuple[Image.Image, str, tuple[int, ...]]] = {
    "cmyk": (Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG", RED),
    "grey": (Image.new("L", (40, 40), 128), "JPEG", (128, 128, 128)),
    "16 bits": (Image.new("I;16", (40, 40), 0x8000), "PNG", (128, 128, 128)),
    "one bit": (Image.new("1", (40, 40), 1), "PNG", (255, 255, 255)),
    "palette": (Image.new("RGB", (40, 40), RED).quantize(), "PNG", RED),
    "one pixel": (Image.new("RGB", (1, 1), RED), "PNG", RED),
    "a line": (Image.new("RGB", (1, 3000), RED), "PNG", RED),
    "grey and clear": (Image.new("LA", (40, 40), (0, 0)), "PNG", (0, 0, 0, 0)),
    "clear": (Image.new("RGBA", (40, 40), (0, 0, 0, 0)), "PNG", (0, 0, 0, 0)),
    "half clear": (Image.new("RGBA", (40, 40), (255, 0, 0, 128)), "WEBP", (255, 0, 0, 128)),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pictures_are_shown_as_they_are(name: str) -> None:
    image, kind, colour = ODD[name]
    assert is_like(opened(squares(encoded(image, kind))[96]), (48, 48), colour)


def test_a_palette_may_let_the_page_through() -> None:
    shown = opened(squares(encoded(Image.new("P", (40, 40), 0), "PNG", transparency=0))[96])
    assert is_like(shown, (48, 48), (0, 0, 0, 0))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_metadata_does_no_harm() -> None:
    sent = bytearray(halves("JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\xff" * 50))
    assert is_like(opened(squares(bytes(sent))[96]), (10, 48), RED)


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_huge_is_refused_before_it_is_decoded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", no)
    assert len(BOMBS[name]) < 2000
    with pytest.raises(PictureTooLarge):
        squares(BOMBS[name])


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedPicture):
        squares(NO_PICTURES[name])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_may_be_cut_anywhere(kind: str) -> None:
    whole = halves(kind)
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        try:
            squares(whole[:length])
        except UnsupportedPicture:
            continue


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_may_be_wrong_anywhere(kind: str) -> None:
    whole = halves(kind)
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        for wrong in (0, 0xFF):
            try:
                squares(whole[:place] + bytes([wrong]) + whole[place + 1 :])
            except (UnsupportedPicture, PictureTooLarge):
                continue
