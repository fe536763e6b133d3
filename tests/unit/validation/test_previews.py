"""The preview of a picture: small, upright, in its colours, and nothing of what the file says of itself."""

from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Callable

import pytest
from PIL import Image, ImageCms

import document_samples as p
from baosong.rules.findings import Kind
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.photo import photo, preview
from sheet_help import CAMPAIGN

RED, BLUE = (200, 30, 30), (30, 30, 200)


def drawn(data: bytes, name: str = "照片.jpg", kind: Kind = Kind.PHOTO) -> Image.Image:
    checked = check(Source(name, len(data), lambda: io.BytesIO(data)), kind, CAMPAIGN, p.HOME)
    return Image.open(io.BytesIO(b64decode(checked.preview)))


def halves(mode: str = "RGB", form: str = "JPEG", **how: object) -> bytes:
    """A picture red on the left and blue on the right."""
    image, out = Image.new("RGB", (1600, 1200), RED), io.BytesIO()
    image.paste(BLUE, (800, 0, 1600, 1200))
    image.convert(mode).save(out, form, **how)
    return out.getvalue()


def is_near(pixel: object, colour: tuple[int, int, int], spare: int = 40) -> bool:
    return isinstance(pixel, tuple) and all(abs(a - b) <= spare for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: halves(), "1.jpg"),
        (lambda: halves("CMYK"), "1.jpg"),
        (lambda: halves("P", "PNG"), "1.png"),
        (lambda: halves("RGBA", "PNG"), "1.png"),
        (lambda: halves("CMYK", "TIFF"), "1.tif"),
    ],
)
def test_a_preview_is_a_small_jpeg_in_the_same_colours(make: Callable[[], bytes], name: str) -> None:
    small = drawn(make(), name)
    assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (320, 240))
    assert is_near(small.getpixel((20, 120)), RED)
    assert is_near(small.getpixel((300, 120)), BLUE)


def test_a_preview_stands_upright() -> None:
    small = drawn(halves(exif=p.turned(6)))
    assert small.size == (240, 320)
    assert is_near(small.getpixel((120, 20)), RED)
    assert is_near(small.getpixel((120, 300)), BLUE)


def test_sixteen_bits_do_not_turn_white_and_glass_stands_on_white() -> None:
    grey = drawn(p.picture("PNG", "I;16"), "1.png").convert("L").getextrema()
    assert isinstance(grey[1], int)
    assert grey[1] > grey[0] > 0
    assert drawn(p.picture("PNG", "1"), "1.png").size == (320, 240)
    clear, out = Image.new("RGBA", (1600, 1200), (0, 0, 0, 0)), io.BytesIO()
    clear.save(out, "PNG")
    assert is_near(drawn(out.getvalue(), "1.png").getpixel((5, 5)), (255, 255, 255), 3)


def test_nothing_that_a_file_says_of_itself_is_in_its_preview() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = p.placed()
    exif[0x010E] = "SECRET"
    image, out = p.scene(), io.BytesIO()
    image.save(out, "JPEG", exif=exif, comment=b"SECRET", icc_profile=profile, xmp=b"SECRET")
    assert out.getvalue().count(b"SECRET") == 3
    small = drawn(out.getvalue())
    assert set(small.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not small.getexif()


def test_a_picture_is_good_also_where_no_preview_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "shrunk", lambda _: 1 / 0)
    data = p.picture("JPEG")
    checked = photo.check(Source("1.jpg", len(data), lambda: io.BytesIO(data)), "jpg", CAMPAIGN.photo)
    assert (checked.verdict, checked.findings, checked.preview) == ("accepted", [], "")
