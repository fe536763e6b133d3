"""Small copies of pictures for operators and report: the decoded pixels only, without the file's metadata."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

LONGEST = 320  # pixels
_SMOOTH = ("L", "RGB", "YCbCr", "CMYK")  # modes that shrink smoothly without a second copy in full size


def shrunk(image: Image.Image, longest: int = LONGEST) -> Image.Image:
    """Return a picture upright, in RGB on white, at most `longest` pixels long; the picture itself shrinks too."""
    if image.mode in _SMOOTH:
        image.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=2.0)
    else:
        image.thumbnail((4 * longest, 4 * longest), Image.Resampling.NEAREST)
    small = ImageOps.exif_transpose(_in_rgb(image))
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return small


def jpeg(small: Image.Image) -> bytes:
    """Return a picture as JPEG, with no word of what the file said of itself: no EXIF, no comment, no profile."""
    bare, out = Image.frombytes(small.mode, small.size, small.tobytes()), io.BytesIO()
    bare.save(out, "JPEG", quality=80)
    return out.getvalue()


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel, where plain conversion cuts off at 255
        image = image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen, white = image.convert("RGBA"), Image.new("RGB", image.size, "white")
    white.paste(seen, mask=seen.getchannel("A"))
    white.info = image.info  # which way is up
    return white
