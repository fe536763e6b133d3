"""Zip containers judged from their directory, before a byte of content is unpacked."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from baosong.rules.catalogue import phrase
from baosong.rules.errors import BaosongError
from baosong.store.source import Source
from baosong.validation.common import opc

MAX_DIRECTORY = 4 << 20
MAX_MEMBERS = 10_000
MAX_TOTAL = 512 << 20
MAX_RATIO = 200
SMALL = 32 << 20  # below this, no ratio is a danger
ERRORS = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    EOFError,
    ValueError,
    LookupError,
    NotImplementedError,
    RuntimeError,
)

_MOST_32 = 0xFFFF_FFFF
_TAIL = 22 + 65_535 + 20  # end record, its longest comment, the zip64 locator before it
_MEMBERS = (  # what tells a package that has no list of its content types
    ("word/document.xml", "docx"),
    ("xl/workbook.xml", "xlsx"),
    ("xl/workbook.bin", "xlsb"),
    ("ppt/presentation.xml", "pptx"),
    ("Index/Document.iwa", "iwork"),
    ("index.apxl", "iwork"),
    ("buildVersionHistory.plist", "iwork"),
    ("uof.xml", "uof"),
    ("OFD.xml", "ofd"),  # GB/T 33190
)
_MIME_TYPES = {
    b"application/vnd.oasis.opendocument.text": "odt",
    b"application/vnd.oasis.opendocument.text-template": "odt",
    b"application/vnd.oasis.opendocument.spreadsheet": "ods",
    b"application/vnd.oasis.opendocument.spreadsheet-template": "ods",
    b"application/vnd.oasis.opendocument.presentation": "odp",
    b"application/vnd.oasis.opendocument.graphics": "odg",
    b"application/epub+zip": "epub",
}


class Bomb(BaosongError, ValueError):
    """A zip that would grow beyond our limits; the text says which, in Chinese."""


class Broken(BaosongError, ValueError):
    """A zip whose directory cannot be read: cut short or damaged."""


@contextmanager
def opened(source: Source) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose directory is of moderate size; raises `Bomb` or `Broken`, and looks at no member."""
    with source.open() as f:
        _guard_directory(f.seek(0, 2), _tail(source))
        try:
            archive = zipfile.ZipFile(f)
        except (*ERRORS, struct.error, OverflowError) as e:
            raise Broken(phrase("unreadable.zip")) from e
        with archive:
            yield archive


@contextmanager
def guarded(source: Source) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose directory promises to stay within the limits; raises `Bomb` or `Broken` before unpacking.

    zipfile never gives out more of a member than the directory says, so the promise binds.
    """
    with opened(source) as archive:
        _guard_members(archive, source.size)
        yield archive


def office_type(source: Source) -> str:
    """Return `docx`, `xlsx`, `odt` ... for a zip that is an office file, `zip` for any other, also a broken one."""
    try:
        with guarded(source) as archive:
            return _office_type(archive)
    except (Bomb, Broken):
        return "zip"


def span(data: bytes) -> tuple[int, int, int] | None:
    """Return where the zip that unpacking programs find in these bytes begins, where its records end, and its comment.

    They look for the last end record and believe its directory, whatever lies before and behind.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            first = min(member.header_offset for member in archive.infolist())
            end = data.rfind(b"PK\x05\x06")
            (comment,) = struct.unpack_from("<H", data, end + 20)
            signed = data[first : first + 4] == b"PK\x03\x04"
            return (first, end + 22, min(len(data), end + 22 + comment)) if signed else None
    except (*ERRORS, struct.error, OverflowError, OSError):
        return None


def has_wrapped(source: Source, directory: int) -> bool:
    """Return whether a zip goes beyond 4 GB without the fields that hold such numbers: then its sizes and places lie.

    macOS's Archive Utility writes these; `directory` is where its directory really begins.
    """
    if directory <= _MOST_32:
        return False
    tail = _tail(source)
    at = tail.rfind(b"PK\x05\x06")
    return tail[max(at - 20, 0) : max(at - 16, 0)] != b"PK\x06\x07"


def plain_name(name: str) -> str:
    """Return a member's name with the slashes it should have: some programs on Windows write backslashes."""
    return name.replace("\\", "/")


def _office_type(archive: zipfile.ZipFile) -> str:
    if kind := opc.Package(archive).kind:
        return kind
    names = {plain_name(name) for name in archive.namelist()}
    for member, kind in _MEMBERS:
        if member in names:
            return kind
    return _by_mime_type(archive) if "mimetype" in names else "zip"


def _by_mime_type(archive: zipfile.ZipFile) -> str:
    try:
        with archive.open("mimetype") as f:
            mime = f.read(100).strip()
    except (*ERRORS, OSError):
        return "zip"
    return _MIME_TYPES.get(mime, "zip")


def _tail(source: Source) -> bytes:
    with source.open() as f:
        f.seek(max(0, source.size - _TAIL))
        return f.read(_TAIL)


def _guard_directory(size: int, tail: bytes) -> None:
    """Refuse a directory too large to be read at all; the figures come from the end records."""
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise Broken(phrase("unreadable.zip_end"))
    (directory,) = struct.unpack_from("<L", tail, at + 12)
    if at >= 20 and tail[at - 20 : at - 16] == b"PK\x06\x07":  # zip64: its record holds the true size
        record = tail.rfind(b"PK\x06\x06", 0, at)
        if record < 0 or at - record < 56:
            raise Broken(phrase("unreadable.zip"))
        (directory,) = struct.unpack_from("<Q", tail, record + 40)
    if directory > size:
        raise Broken(phrase("unreadable.zip"))
    if directory > MAX_DIRECTORY:
        raise Bomb(phrase("bomb.directory", size=directory))


def _guard_members(archive: zipfile.ZipFile, size: int) -> None:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise Bomb(phrase("bomb.members", members=len(members)))
    total = sum(m.file_size for m in members)
    if total > MAX_TOTAL:
        raise Bomb(phrase("bomb.total", size=total))
    if total > SMALL and total > MAX_RATIO * size:
        raise Bomb(phrase("bomb.ratio", times=total // size))
