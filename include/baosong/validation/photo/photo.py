"""The photo check: does the picture decode to its last line, is it large enough, does it carry a position."""

from __future__ import annotations

import struct
import warnings
import zlib
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import pillow_heif
from PIL import ExifTags, Image, JpegImagePlugin, UnidentifiedImageError

from baosong.campaign import PhotoProfile
from baosong.rules.catalogue import finding, phrase
from baosong.rules.errors import BaosongError
from baosong.rules.findings import Checked, Finding
from baosong.store.source import Source
from baosong.validation.common.reader import plain
from baosong.validation.photo import jpeg_data, perceptual_hash, preview, webp_data

FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "HEIF")  # never those that call other programs
DECODED = frozenset({"jpg", "png", "tif", "webp", "bmp", "gif", "avif", "heic"})
_NEW_SUBFILE_TYPE, _COMPRESSION, _OLD_JPEG = 254, 259, 6  # tags of TIFF 6.0
pillow_heif.register_heif_opener()
DECODE_ERRORS = (
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
)


class PixelLimitExceeded(BaosongError, ValueError):
    """A picture with more pixels than anybody photographs."""


class Damaged(BaosongError, ValueError):
    """A picture that does not decode to its end."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that decoded: its size in pixels, its format, when it was taken, whether it says where.

    `fingerprint` is `likeness.fingerprint`; `preview` a small JPEG in Base64. Both are empty if they cannot be drawn.
    """

    width: int
    height: int
    format: str
    taken: str
    position: bool
    fingerprint: str
    preview: str


def check(source: Source, actual: str | None, profile: PhotoProfile) -> Checked:
    """Judge a photograph."""
    if actual is not None and actual not in DECODED:
        return Checked(findings=[finding("photo.not_decoded", actual=actual)], held=True)
    try:
        picture = decode(source, profile.max_pixels)
    except PixelLimitExceeded as e:
        return Checked(findings=[flood(str(e), profile)])
    except Damaged:
        return Checked(findings=[finding("photo.damaged")])
    found = [*_too_small(picture, profile), *([finding("photo.position")] if picture.position else [])]
    return Checked(found, facts(picture), preview=picture.preview)


def decode(source: Source, max_pixels: int) -> Picture:
    """Decode a picture in full; raises `PixelLimitExceeded` from its header alone, or `Damaged`."""
    Image.init()  # a format outside Pillow's first few is unknown to `open` until then
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of bombs and odd tags; the limit below is ours
        try:
            with Image.open(source.open(), formats=FORMATS) as image:
                width, height = image.size
                _guard_pixels(image, max_pixels)
                drawn = _decoded(image, source)
                taken, position = _from_exif(image)
                picture = Picture(width, height, image.format or "", taken, position, *_drawn(drawn))
            _decode_others(source, max_pixels)
            return picture
        except (PixelLimitExceeded, Damaged):
            raise
        except Image.DecompressionBombError as e:
            raise PixelLimitExceeded(phrase("pixels.beyond")) from e
        except (UnidentifiedImageError, *DECODE_ERRORS) as e:
            raise Damaged from e


def _guard_pixels(image: Image.Image, most: int) -> None:
    if image.width * image.height > most:
        raise PixelLimitExceeded(f"{image.width}×{image.height}")


def _decoded(image: Image.Image, source: Source) -> Image.Image:
    """Return a picture decoded, or the first of several; of a JPEG a smaller copy, if all of its data is there."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        if small := jpeg_data.decoded(image, source.read(), 2 * preview.LONGEST):
            return small
    elif image.format == "WEBP" and webp_data.has_hole(source.read()):
        raise Damaged
    image.load()
    return image


def _decode_others(source: Source, most: int) -> None:
    """Decode the other pages or pictures too, as many as hold `most` pixels together; those of an MPO are its maker's.

    Where a file is cut short, they are what is missing. It is opened anew: the first picture has been made smaller.
    """
    with Image.open(source.open(), formats=FORMATS) as image:
        left = 0 if isinstance(image, JpegImagePlugin.JpegImageFile) else most
        for number in count(1):
            try:
                image.seek(number)
                _guard_pixels(image, most)
                left -= image.width * image.height
                if left < 0:
                    return
                image.load()
            except EOFError:
                return
            except DECODE_ERRORS:
                if _is_thumbnail(image):
                    return
                raise


def _is_thumbnail(image: Image.Image) -> bool:
    """Return whether a page of a TIFF is its small copy, which cameras store in ways that TIFF has given up."""
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(_NEW_SUBFILE_TYPE, 0) & 1) or tags.get(_COMPRESSION) == _OLD_JPEG


def _from_exif(image: Image.Image) -> tuple[str, bool]:
    """Return when a picture was taken and whether it says where; nothing where its EXIF is damaged."""
    with suppress(*DECODE_ERRORS):
        exif = image.getexif()
        taken = str(exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal, ""))
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
        return plain(taken, 19), ExifTags.GPS.GPSLatitude in place or ExifTags.GPS.GPSLongitude in place
    return "", False


def _drawn(image: Image.Image) -> tuple[str, str]:
    """Return the fingerprint and the preview of a decoded picture, which shrinks; a picture is good without them."""
    with suppress(*DECODE_ERRORS):
        small = preview.shrunk(image)
        return perceptual_hash.fingerprint(small), b64encode(preview.jpeg(small)).decode()
    return "", ""


def facts(picture: Picture) -> dict[str, object]:
    """Return what is worth keeping of a picture, as JSON values."""
    found: dict[str, object] = {"width": picture.width, "height": picture.height, "format": picture.format}
    more = {"taken": picture.taken, "fingerprint": picture.fingerprint}
    return found | {name: value for name, value in more.items() if value}


def flood(size: str, profile: PhotoProfile) -> Finding:
    """Return the finding for a picture that would fill the memory."""
    return finding("photo.pixels", pixels=size, limit=profile.max_pixels / 1e8)


def _too_small(picture: Picture, profile: PhotoProfile) -> list[Finding]:
    long, short = max(picture.width, picture.height), min(picture.width, picture.height)
    if long >= max(profile.min_width, profile.min_height) and short >= min(profile.min_width, profile.min_height):
        return []
    return [
        finding(
            "photo.size",
            width=picture.width,
            height=picture.height,
            min_width=profile.min_width,
            min_height=profile.min_height,
        )
    ]
