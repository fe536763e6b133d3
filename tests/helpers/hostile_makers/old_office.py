"""Compound (OLE) files: old Word, WPS and Excel, macros and packed programs in them, and damaged directories."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from baosong.rules.findings import Kind
from hostile_makers.case import Case, case

SECTOR = 512
FREE, END, FAT = 0xFFFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFD
WORD = b"\xec\xa5\xc1\0".ljust(512, b"\0") + "乌鲁木齐市2023年科技活动周总结报告".encode("utf-16-le")


def compounds() -> Iterator[Case]:
    """Yield all cases."""
    for storage in ("Macros", "VBA", "_VBA_PROJECT_CUR"):
        data = compound({"WordDocument": WORD, storage: b"x"})
        yield case(f"doc with {storage}", "总结.doc", Kind.REPORT, data, "file.macros")
        yield case(f"wps with {storage}", "总结.wps", Kind.REPORT, data, "file.macros")
    packed = compound({"WordDocument": WORD, "\x01Ole10Native": _native("x.exe", b"MZ")})
    yield case("doc with a program", "总结.doc", Kind.REPORT, packed, "file.program")
    locked = compound({"WordDocument": WORD[:11] + b"\x01" + WORD[12:]})
    yield case("doc locked", "总结.doc", Kind.REPORT, locked, "file.encrypted")
    good = compound({"WordDocument": WORD})
    yield case("doc without its main stream", "总结.doc", Kind.REPORT, compound({"Other": WORD}), "file.unreadable")
    yield case("doc, an empty main stream", "总结.doc", Kind.REPORT, compound({"WordDocument": b""}))
    for title, at, value in (
        ("sectors of 2^31 bytes", 30, b"\x1f\0"),
        ("sectors of one byte", 30, b"\0\0"),
        ("four billion FAT sectors", 44, b"\xff\xff\xff\x7f"),
        ("a directory beyond the end", 48, b"\xff\xff\xff\x0f"),
        ("a mini FAT beyond the end", 60, b"\xff\xff\xff\x0f\xff\xff\xff\x0f"),
        ("a DIFAT in a circle", 68, b"\0\0\0\0\xff\xff\0\0"),
        ("a FAT in a circle", SECTOR + 8, struct.pack("<8L", *[2] * 8)),
        ("a directory in a circle", SECTOR + 4, struct.pack("<L", 1)),
        ("an entry that is its own child", 2 * SECTOR + 76, struct.pack("<L", 0)),
        ("siblings in a circle", 2 * SECTOR + 128 + 72, struct.pack("<L", 1)),
        ("a stream of four billion bytes", 2 * SECTOR + 128 + 120, b"\xff\xff\xff\xff"),
        ("a name of 65,535 bytes", 2 * SECTOR + 128 + 64, b"\xff\xff"),
    ):
        damaged = good[:at] + value + good[at + len(value) :]
        yield case(f"doc with {title}", "总结.doc", Kind.REPORT, damaged)
        yield case(f"doc with {title}, unnamed", "附件", None, damaged)


def compound(streams: Mapping[str, bytes]) -> bytes:
    """Return a compound file with these streams under its root, each padded to 4 KiB at least."""
    bodies = [data.ljust(max(4096, -(-len(data) // SECTOR) * SECTOR), b"\0") for data in streams.values()]
    slots = -(-(len(streams) + 1) // 4) * 4
    fat, entries, start = [FAT, *_chain(1, slots // 4)], [_entry("Root Entry", 5, FREE, 1, END, 0)], 1 + slots // 4
    for number, (name, body) in enumerate(zip(streams, bodies, strict=True), 1):
        right = number + 1 if number < len(streams) else FREE
        entries.append(_entry(name, 2, right, FREE, start, len(body)))
        fat += _chain(start, len(body) // SECTOR)
        start += len(body) // SECTOR
    entries += [_entry("", 0, FREE, FREE, 0, 0)] * (slots - len(entries))
    table = struct.pack("<128L", *(fat + [FREE] * (128 - len(fat))))
    return _header() + table + b"".join(entries) + b"".join(bodies)


def package_object(name: str, content: bytes) -> bytes:
    """Return an object as Word embeds a file that was dragged into it."""
    return compound({"\x01Ole10Native": _native(name, content)})


def _native(name: str, content: bytes) -> bytes:
    label = name.encode("gb18030") + b"\0"
    body = b"\x02\0" + label + b"C:\\" + label + b"\0\0\x03\0" + struct.pack("<L", len(label)) + label
    body += struct.pack("<L", len(content)) + content
    return struct.pack("<L", len(body)) + body


def _chain(start: int, count: int) -> list[int]:
    return [*range(start + 1, start + count), END]


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    raw = name.encode("utf-16-le").ljust(64, b"\0")
    length = (len(name) + 1) * 2 if name else 0
    links = struct.pack("<HBBLLL", length, kind, 1, FREE, right, child)
    return raw + links + bytes(36) + struct.pack("<LQ", start, size)


def _header() -> bytes:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    head += struct.pack("<9L", 1, 1, 0, 4096, END, 0, END, 0, 0)
    return head + struct.pack("<108L", *[FREE] * 108)
