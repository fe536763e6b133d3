"""What a file really is: its signature, then the directory of a zip or OLE container, never its name.

A type is written as the suffix it would honestly bear (`jpg`, `docx`, `mov`), in one spelling: `jpeg` is `jpg`, a WPS
document is the OLE `doc` it is inside. `encrypted` is an Office file behind a password.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from contextlib import suppress
from typing import BinaryIO

import filetype
import olefile  # type: ignore[import-untyped]

from baosong.store.source import Source
from baosong.validation.common import camera_raw, zip_guard

HEAD = 4096
SAME = {
    "jpeg": "jpg",
    "jpe": "jpg",
    "tiff": "tif",
    "heif": "heic",
    "mpeg": "mpg",
    "m2p": "mpg",
    "vob": "mpg",
    "m2t": "ts",
    "m2ts": "ts",
    "mts": "ts",
    "qt": "mov",
    "m4v": "mp4",
    "3gp": "mp4",
    "wps": "doc",
    "wpt": "doc",
    "dot": "doc",
    "et": "xls",
    "ett": "xls",
    "xlt": "xls",
    "xlsm": "xlsx",
    "xltx": "xlsx",
    "xltm": "xlsx",
    "docm": "docx",
    "dotx": "docx",
    "dotm": "docx",
    "ott": "odt",
    "ots": "ods",
    "pages": "iwork",
    "numbers": "iwork",
    "key": "iwork",
    "oxps": "xps",
    "htm": "html",
    "xhtml": "html",
    "mhtml": "mht",
    "text": "txt",
    "csv": "txt",
}
VIDEOS = frozenset({"mov", "mp4", "mpg", "mpv", "ts", "mxf", "avi", "mkv", "webm", "wmv", "flv"})
PICTURES = frozenset({"jpg", "png", "gif", "bmp", "tif", "webp", "heic", "avif", "jxr", "psd"}) | camera_raw.RAWS
DOCUMENTS = frozenset({"docx", "doc", "pdf", "ofd", "odt", "rtf"})
SHEETS = frozenset({"xlsx", "xls", "ods"})
ARCHIVES = frozenset({"zip", "rar", "7z", "tar", "gz", "bz2", "xz", "zst", "lz4", "cab"})
ZIPPED = frozenset(
    {"zip", "docx", "xlsx", "xlsb", "pptx", "vsdx", "xps", "ofd", "odt", "ods", "odp", "odg", "epub", "iwork", "uof"}
)
TEXTS = frozenset(
    {"txt", "html", "mht", "xml", "wordxml", "excelxml", "uof", "fodt"}
)  # told apart by their first words
KNOWN = VIDEOS | PICTURES | DOCUMENTS | SHEETS | ARCHIVES | ZIPPED | TEXTS
ENCRYPTED = "encrypted"

_OLE_STREAMS = (
    ("EncryptedPackage", ENCRYPTED),
    ("WordDocument", "doc"),
    ("Workbook", "xls"),
    ("Book", "xls"),
    ("PowerPoint Document", "ppt"),
    ("Quill", "pub"),
    ("MatOST", "works"),
    ("MM", "works"),
    ("MN0", "works"),
    ("CONTENTS", "works"),
    ("VisioDocument", "vsd"),
    ("__properties_version1.0", "msg"),
    ("HwpSummaryInformation", "hwp"),
)
# What the types are called that no deliverable collects and that no suffix tells to everybody
NAMED = frozenset({"ofd", "works", "iwork", "wordxml", "excelxml", "html", "mht", "rtf", "odt", "uof", "fodt", "xml"})
_FILE_PASS = 0x2F
PARSER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
OLE_ERRORS = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, RecursionError)
_BIG_TIFF = (b"II\x2b\0\x08\0\0\0", b"MM\0\x2b\0\x08\0\0")
_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_MP4_BRANDS = (
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"dash",
    b"M4V ",
    b"MSNV",
    b"3gp",
)
_TEXTS = (  # XHTML begins as XML does
    (
        "html",
        re.compile(
            rb"(?is)\A(?:<\?xml[^<>]*+>\s*+|<!--(?:(?!-->).){0,999}+-->\s*+)*+"
            rb"<(?:!doctype\s++html|html|head|body|meta)\b"
        ),
    ),
    (
        "wordxml",
        re.compile(
            rb"(?is)\A<\?xml[^<>]*+>\s*+(?:<\?mso-application[^<>]*word\.document|.{0,2000}?<\w{1,9}:(?:wordDocument|package)\b)"
        ),
    ),
    (
        "excelxml",
        re.compile(
            rb"(?is)\A<\?xml[^<>]*+>\s*+(?:<\?mso-application[^<>]*excel\.sheet|.{0,2000}?<(?:\w{1,9}:)?workbook\b)"
        ),
    ),
    ("uof", re.compile(rb"(?is)\A<\?xml[^<>]*+>.{0,2000}?<uof:uof\b")),
    ("fodt", re.compile(rb"(?is)\A<\?xml[^<>]*+>.{0,2000}?<office:document\b")),
    ("xml", re.compile(rb"<\?xml\b")),
    (
        "mht",
        re.compile(
            rb"(?is)\A(?:from|mime-version|subject|date|x-[\w-]{1,40}|content-\w{1,40}|message-id):.{0,3000}?content-type:\s{0,9}(?:multipart/related|multipart/mixed|text/html)"
        ),
    ),
)
_BRANDS = dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "heic") | {
    b"avif": "avif",
    b"avis": "avif",
}
_OTHERS = {"m4v": "mp4", "3gp": "mp4", "tiff": "tif", "apng": "png"}


def canonical(suffix: str) -> str:
    """Return the one spelling of a suffix: `JPEG` -> `jpg`, `wps` -> `doc`."""
    lower = suffix.lower().lstrip(".")
    return SAME.get(lower, lower)


def identify(source: Source) -> str | None:
    """Return the true type of a file by its content, or None when nothing known fits."""
    head = source.head(HEAD)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return zip_guard.office_type(source)
    if head.startswith(olefile.MAGIC):
        return _ole_type(source)
    if head.startswith(_BIG_TIFF):
        return "tif"
    return video_type(head) or camera_raw.raw_type(source, head) or _other_type(head) or _text_type(head)


def _text_type(head: bytes) -> str | None:
    """Return what a text is: a page of the web, one saved as a single file, an XML document, or plain."""
    if not is_text(head):
        return None
    plain = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return next((kind for kind, pattern in _TEXTS if pattern.match(plain)), "txt")


def is_text(head: bytes) -> bool:
    """Return whether the first bytes of a file read as text in a code that our prefectures use."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if not head or any(b < 32 and b not in b"\t\n\r\f" for b in head):
        return False
    return any(_decodes(head, code) for code in ("utf-8", "gb18030"))


def decode_text(data: bytes) -> str | None:
    """Return a plain text, decoded from one of the codes that are in use here; None if it is in none of them."""
    for code in text_codes(data):
        with suppress(UnicodeDecodeError):
            return data.decode(code)
    return None


def text_codes(data: bytes) -> list[str]:
    """Return the codes that a plain text may be in: by its first bytes one, else two."""
    return ["utf-16"] if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "gb18030"]


def _decodes(head: bytes, code: str) -> bool:
    for cut in range(4):  # the head may end inside a character
        try:
            head[: len(head) - cut].decode(code)
        except UnicodeDecodeError:
            continue
        return True
    return False


def video_type(head: bytes) -> str | None:
    """Return the type of the containers that broadcast work uses, which general libraries muddle; else None."""
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand == b"qt  ":
            return "mov"
        return "mp4" if brand.startswith(_MP4_BRANDS) else None
    if head[4:8] in _ATOMS:
        return "mov"  # QuickTime from before the ftyp atom
    if head.startswith(b"\x00\x00\x01\xba"):
        return "mpg"
    if head.startswith(b"\x00\x00\x01\xb3"):
        return "mpv"  # a bare elementary stream
    if head.startswith(b"\x06\x0e\x2b\x34\x02\x05\x01\x01"):
        return "mxf"
    return "ts" if _is_transport_stream(head) else None


def _is_transport_stream(head: bytes) -> bool:
    for first, step in ((0, 188), (4, 192), (0, 204)):
        marks = head[first : first + 8 * step : step]
        if len(marks) >= 4 and marks.strip(b"\x47") == b"":
            return True
    return False


def _other_type(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":  # its own brand first, then those that it is compatible with
        brands = struct.iter_unpack("4s", head[8 : min(int.from_bytes(head[:4], "big"), 128) // 4 * 4])
        if found := next((_BRANDS[brand] for (brand,) in brands if brand in _BRANDS), None):
            return found
    kind = filetype.guess(head)
    return None if kind is None else _OTHERS.get(kind.extension, kind.extension)


def _ole_type(source: Source) -> str:
    """Return what an OLE container holds; `ole` when it is damaged or holds nothing we know."""
    try:
        with source.open() as f, olefile.OleFileIO(f) as ole:
            stream, kind = next(((s, k) for s, k in _OLE_STREAMS if ole.exists(s)), ("", "ole"))
            return ENCRYPTED if kind == "xls" and _has_password(ole.openstream(stream)) else kind
    except OLE_ERRORS:
        return "ole"


def _has_password(workbook: BinaryIO) -> bool:
    """Return whether an old workbook says that it is encrypted, which it does in one of its first records."""
    for _ in range(4):
        head = workbook.read(4)
        if len(head) < 4:
            return False
        record, length = struct.unpack("<HH", head)
        if record == _FILE_PASS:
            return True
        workbook.read(length)
    return False
