"""Camera raw: what the sensor saw, in each maker's own TIFF or ISO base media file; no picture until it is developed.

Tags after TIFF 6.0, TIFF/EP (ISO 12234-2) and Adobe's DNG specification.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import BinaryIO

from baosong.store.source import Source

_SIGNATURES = (
    (0, b"FUJIFILMCCD-RAW", "raf"),
    (0, b"IIU\0", "rw2"),
    (0, b"IIRO", "orf"),
    (0, b"IIRS", "orf"),
    (0, b"MMOR", "orf"),
    (0, b"FOVb", "x3f"),
    (0, b"\0MRM", "mrw"),
    (4, b"ftypcrx ", "cr3"),
    (6, b"HEAPCCDR", "crw"),
    (8, b"CR\x02", "cr2"),
    (8, b"IIII", "iiq"),
)
_MAKERS = {
    b"NIKON": "nef",
    b"SONY": "arw",
    b"CANON": "cr2",
    b"PENTAX": "pef",
    b"RICOH": "pef",
    b"SAMSUNG": "srw",
    b"HASSELBLAD": "3fr",
    b"LEICA": "rwl",
    b"PHASE": "iiq",
    b"EASTMAN": "dcr",
    b"KODAK": "dcr",
}
RAWS = frozenset({*_MAKERS.values(), *(kind for *_, kind in _SIGNATURES), "dng", "nrw", "kdc", "sr2", "srf", "raw"})
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG_VERSION = 262, 271, 330, 50706
_SENSOR = (32803, 34892)  # colour filter array, linear raw
_MOST_IFDS, _MOST_TAGS = 12, 400
_Tags = dict[int, tuple[int, bytes]]


def raw_type(source: Source, head: bytes) -> str | None:
    """Return which raw format a file is in, as its suffix; None for a picture that anybody can show."""
    for at, signature, kind in _SIGNATURES:
        if head.startswith(signature, at):
            return kind
    order = _ORDERS.get(head[:4])
    if order is None:
        return None
    with suppress(struct.error, OSError), source.open() as f:
        return _of_tiff(f, order)
    return None


def _of_tiff(f: BinaryIO, order: str) -> str | None:
    maker, waiting, seen = b"", [_number(f, order, 4)], set[int]()
    while waiting and len(seen) < _MOST_IFDS:
        at = waiting.pop(0)
        if not at or at in seen:
            continue
        seen.add(at)
        tags, following = _directory(f, order, at)
        maker = maker or _bytes(f, order, tags.get(_MAKE))
        if _DNG_VERSION in tags:
            return "dng"
        if _PHOTOMETRIC in tags and struct.unpack_from(f"{order}H", tags[_PHOTOMETRIC][1])[0] in _SENSOR:
            return next((kind for name, kind in _MAKERS.items() if maker.upper().startswith(name)), "raw")
        inside = _bytes(f, order, tags.get(_SUB_IFDS), width=4)
        waiting += [*struct.unpack(f"{order}{len(inside) // 4}L", inside[: len(inside) // 4 * 4]), following]
    return None


def _directory(f: BinaryIO, order: str, at: int) -> tuple[_Tags, int]:
    """Return the tags of a directory, each with its count and its four bytes of value or place; and the next one."""
    f.seek(at)
    (count,) = struct.unpack(f"{order}H", f.read(2))
    data = f.read(12 * min(count, _MOST_TAGS))
    rows = struct.iter_unpack(f"{order}HHL4s", data[: len(data) // 12 * 12])
    tags = {tag: (number, value) for tag, _, number, value in rows}
    return tags, _number(f, order, at + 2 + 12 * count) if count <= _MOST_TAGS else 0


def _bytes(f: BinaryIO, order: str, tag: tuple[int, bytes] | None, width: int = 1) -> bytes:
    """Return a tag's value: four bytes stand in the directory, more elsewhere; at most 64 bytes."""
    if tag is None:
        return b""
    size = min(tag[0] * width, 64)
    if size <= 4:
        return tag[1][:size]
    f.seek(struct.unpack(f"{order}L", tag[1])[0])
    return f.read(size)


def _number(f: BinaryIO, order: str, at: int) -> int:
    f.seek(at)
    return int(struct.unpack(f"{order}L", f.read(4).ljust(4, b"\0"))[0])
