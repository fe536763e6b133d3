"""Good files damaged by a seeded die: cut short, bytes turned, heads exchanged, parts doubled or swapped."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from baosong.rules.findings import Kind
from hostile_makers.case import Case, case, good
from hostile_makers.old_office import WORD, compound

CUTS = (0.001, 0.02, 0.3, 0.7, 0.95, 0.999)
TURNS = (1, 10, 100, 1000)
SENT = {
    "docx": ("总结.docx", Kind.REPORT),
    "pdf": ("总结.pdf", Kind.REPORT),
    "scan": ("扫描.pdf", Kind.REPORT),
    "doc": ("总结.doc", Kind.REPORT),
    "press": ("报道.docx", Kind.PRESS),
    "txt": ("链接.txt", Kind.PRESS),
    "jpg": ("照片.jpg", Kind.PHOTO),
    "png": ("照片.png", Kind.PHOTO),
    "tif": ("照片.tif", Kind.PHOTO),
    "mov": ("片花.mov", Kind.VIDEO),
    "mpg": ("片花.mpg", Kind.VIDEO),
    "ts": ("片花.mpg", Kind.VIDEO),
    "xlsx": ("统计表.xlsx", Kind.STATISTICS),
}
FILMS = {
    "mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  \0\0\0\x08wide\0\0\x10\0mdat" + bytes(5000),
    "mpg": (b"\0\0\x01\xba\x44\0\4\0\4\1\1\x89\xc3\xf8\0\0\x01\xe0\7\xec" + bytes(2028)) * 4,
    "ts": (b"\x47\x40\0\x10" + bytes(184)) * 30,
}


def damaged() -> Iterator[Case]:
    """Yield all cases."""
    for what, (name, kind) in SENT.items():
        for title, make in _damages(what):
            yield case(f"{what} {title}", name, kind, make)
    for what, (name, kind) in SENT.items():
        for other in ("docx", "pdf", "jpg"):
            if other != what:
                make = lambda w=what, o=other: _content(o)[:64] + _content(w)[64:]  # noqa: E731
                yield case(f"{what} under the head of {other}", name, kind, make)


def _content(what: str) -> bytes:
    if what == "doc":
        return compound({"WordDocument": WORD})
    return FILMS[what] if what in FILMS else good(what)


def _damages(what: str) -> Iterator[tuple[str, Callable[[], bytes]]]:
    few = what == "xlsx"  # a sheet's check costs ten times as much, and has a corpus of its own
    for share in CUTS[2:4] if few else CUTS:
        yield f"cut at {share:g}", lambda s=share: _content(what)[: int(len(_content(what)) * s)]
    for count in TURNS[2:3] if few else TURNS:
        yield f"with {count} bytes turned", lambda n=count: _turned(_content(what), f"{what}/{n}", n)
    if not few:
        yield "with its middle doubled", lambda: _doubled(_content(what))
        yield "with its halves exchanged", lambda: _exchanged(_content(what))
        yield "with a hole", lambda: _holed(_content(what))


def _turned(data: bytes, seed: str, count: int) -> bytes:
    rng, out = random.Random(seed), bytearray(data)
    for _ in range(count):
        out[rng.randrange(16, len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _doubled(data: bytes) -> bytes:
    third = len(data) // 3
    return data[: 2 * third] + data[third:]


def _exchanged(data: bytes) -> bytes:
    half = len(data) // 2
    return data[:16] + data[half:] + data[16:half]


def _holed(data: bytes) -> bytes:
    third = len(data) // 3
    return data[:third] + bytes(third) + data[2 * third :]
