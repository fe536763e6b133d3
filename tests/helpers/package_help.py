"""Zips as programs of all kinds write them, and as nobody should; how they are sent, and what must be true then."""

from __future__ import annotations

import bz2
import io
import itertools
import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import inflate64

from baosong.ledger import Submission
from baosong.ledger.services import Services
from intake_run import AREA, audit, finished, piece, rows

_numbers = itertools.count(1)
Entry = tuple["str | zipfile.ZipInfo", bytes]


class Raw(zipfile.ZipInfo):
    """A member whose name is written as these very bytes, with no flag that says what they mean."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes, extra: bytes = b"") -> None:
        super().__init__(f"x{next(_numbers)}", (2023, 5, 20, 12, 0, 0))
        self.raw, self.extra = raw, extra
        self.compress_type = zipfile.ZIP_DEFLATED

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.raw, self.flag_bits & ~0x800


def gbk(name: str) -> Raw:
    """Return a member as Windows, WinRAR and WPS name it."""
    return Raw(name.encode("gbk"))


def mac(name: str) -> Raw:
    """Return a member as macOS names it: UTF-8, and no flag to say so."""
    return Raw(name.encode())


def info_zip(name: str, raw: bytes, of: bytes | None = None) -> Raw:
    """Return a member with Info-ZIP's Unicode path beside a name in an older code, made for the name `of`."""
    field = struct.pack("<BL", 1, zlib.crc32(raw if of is None else of)) + name.encode()
    return Raw(raw, struct.pack("<HH", 0x7075, len(field)) + field)


def link(name: str) -> zipfile.ZipInfo:
    """Return a member that is a symbolic link."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def packed(entries: Iterable[Entry] | dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of these members, in this order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries.items() if isinstance(entries, dict) else entries:
            archive.writestr(_dated(name), data, method)
    return out.getvalue()


def packed_by(method: int, entries: dict[str, bytes]) -> bytes:
    """Return a zip whose members are packed by a method that zipfile may not know, by its number in the format."""
    stored = packed({name: _by(method, data) for name, data in entries.items()}, zipfile.ZIP_STORED)
    for number, data in enumerate(entries.values()):
        for offset, form, value in ((10, "<H", method), (16, "<L", zlib.crc32(data)), (24, "<L", len(data))):
            stored = patched(stored, offset, form, value, number)
    return stored


def _by(method: int, data: bytes) -> bytes:
    if method == 9:
        deflater = inflate64.Deflater()
        return bytes(deflater.deflate(data) + deflater.flush())
    if method == 95:
        return lzma.compress(data)
    packer = bz2.BZ2Compressor() if method == 12 else zipfile.LZMACompressor()  # type: ignore[attr-defined]
    return bytes(packer.compress(data) + packer.flush())


def _dated(name: str | zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Return a member of a fixed date: the same files make the same zip."""
    return name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name, (2023, 5, 20, 12, 0, 0))


def patched(data: bytes, offset: int, form: str, value: Any, member: int | None = None) -> bytes:
    """Return a zip with a field of its directory's entries overwritten, of all or of the `member`-th."""
    out = bytearray(data)
    for number, found in enumerate(re.finditer(b"PK\x01\x02", data)):
        if member in (None, number):
            struct.pack_into(form, out, found.start() + offset, value)
    return bytes(out)


def locked(data: bytes, member: int | None = None) -> bytes:
    """Return a zip that says its members are encrypted."""
    return patched(data, 8, "<H", 1, member)


def claiming(data: bytes, size: int, member: int | None = None) -> bytes:
    """Return a zip whose directory claims another unpacked size."""
    return patched(data, 24, "<L", size, member)


SMALL = {
    "媒体报道/一.txt": piece("一"),
    "媒体报道/二.txt": piece("二"),
    "媒体报道/空.txt": b"",
    "说明.bin": b"\x00\x01",
}
OF_SMALL = Counter(accepted=3, rejected=2)  # the zip itself is one of the accepted


def send(services: Services, data: bytes, name: str = "材料.zip", folder: str = "") -> str:
    key = "/".join(part for part in (AREA, folder, name) if part)
    services.storage.put("intake", key, data)
    return key


def members(services: Services) -> list[Submission]:
    return [row for row in rows(services) if row.member]


def by_path(services: Services) -> dict[str, str]:
    """Return the state of each file of a zip, the newest of its path."""
    return {row.member["path"]: row.state for row in members(services) if row.member}


def rules(row: Submission) -> list[str]:
    return [finding["rule"] for finding in row.findings if finding["rule"] != "file.late"]


def whole(services: Services) -> None:
    """Hold that nothing is left to do, that nothing lies about, and that all adds up from the bytes."""
    assert finished(services)
    assert not list(services.settings.home.glob("tmp/*"))
    audit(services)
