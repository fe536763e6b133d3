"""Holes in a WebP: it has no checksum, and its decoder draws something out of any bytes."""

from __future__ import annotations

import struct

HOLE = bytes(
    4096
)  # as a copy with lost blocks has; no arithmetic or prefix code of a picture is as long a row of zeros
_PICTURES = (b"VP8 ", b"VP8L")
_FRAME, _FRAME_HEAD = b"ANMF", 16


def has_hole(data: bytes) -> bool:
    """Return whether the compressed pictures of a WebP hold a row of zeros that no encoder writes."""
    waiting = [(12, len(data))]
    while waiting:
        at, end = waiting.pop()
        while at + 8 <= end:
            name, length = struct.unpack_from("<4sL", data, at)
            at, following = at + 8, at + 8 + length + length % 2
            if name == _FRAME:
                waiting.append((at + _FRAME_HEAD, min(following, end)))
            elif name in _PICTURES and data.find(HOLE, at, at + length) >= 0:
                return True
            at = following
    return False
