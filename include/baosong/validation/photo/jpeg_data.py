"""Whether the compressed data of a JPEG is all there: Pillow draws a hole in it grey and says nothing.

libjpeg-turbo warns of such data, but also of what harms nobody, so its words are told apart here. Bytes behind the
picture, where telephones keep films and depth maps, are not looked at.
"""

from __future__ import annotations

import os
import re
from types import ModuleType
from typing import cast

from PIL import Image

from baosong.rules.errors import BaosongError

_DAMAGE = re.compile("premature end|Premature end|bad Huffman code|bad arithmetic code|instead of RST|No more bytes")
_SPARE = re.compile(r"(?<!\d)(\d++) extraneous bytes before marker 0x(\w+)")
_END, _PADDING = "d9", 512  # some cameras fill up their last block, before the marker that ends the picture
_MOST_SPARE = 16
_THREADS = "OPENBLAS_NUM_THREADS"


class Incomplete(BaosongError, ValueError):
    """A JPEG whose data is cut short or has a hole."""


def decoded(image: Image.Image, data: bytes, longest: int) -> Image.Image | None:
    """Decode the whole data of a JPEG once; return it at least `longest` pixels long if it is, None if we cannot.

    `image` is the same JPEG opened, not decoded; what it says of itself goes along. Raises `Incomplete`.
    """
    factor = next((f for f in (8, 4, 2) if max(image.size) >= f * longest), 1)  # those that are fast
    width, height = (-(-side // factor) for side in image.size)
    try:
        pixels = _decoder().decode_jpeg(data, "RGB", min_height=height, min_width=width, strict=True)
    except ValueError as e:
        if _tells_damage(str(e)):
            raise Incomplete from e
        return None
    drawn = Image.frombytes("RGB", (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    drawn.info = image.info  # which way is up
    return drawn


def _decoder() -> ModuleType:
    """Import simplejpeg late: numpy, which it needs, costs more than most checks, and its threads outlive no fork."""
    os.environ[_THREADS] = "1"
    import simplejpeg

    del os.environ[_THREADS]
    return cast(ModuleType, simplejpeg)


def _tells_damage(warning: str) -> bool:
    spare = _SPARE.search(warning)
    if spare:
        return int(spare[1]) > (_PADDING if spare[2] == _END else _MOST_SPARE)
    return _DAMAGE.search(warning) is not None
