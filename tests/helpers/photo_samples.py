"""Photographs that are one picture, or none at all."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

from PIL import Image

from baosong_local.samples.media import make_photo


def flooding_png(width: int, height: int) -> bytes:
    """Return a PNG of a few hundred bytes whose header promises a huge picture."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


Change = Callable[[Image.Image], Image.Image]


@cache
def shot(seed: int) -> bytes:
    return make_photo(seed, "乌鲁木齐市", (1600, 1200))


def again(data: bytes, change: Change, form: str = "JPEG", **how: Any) -> bytes:
    """Return a picture opened, changed and saved again, as an editor or a messenger does; its EXIF is lost."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        change(image.convert("RGB")).save(out, form, **how)
    return out.getvalue()


def scaled(share: float) -> Change:
    return lambda image: image.resize((int(image.width * share), int(image.height * share)))
