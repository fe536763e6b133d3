"""All words of an Office package or an open document: one walk over every part, whatever it is called.

Content types say what belongs to the text; all else that holds words stands in the margins. Documents within the
document are opened as well, a few deep. What cannot be looked into is noted as missed, never passed over.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import olefile  # type: ignore[import-untyped]

from baosong.store.source import Source
from baosong.validation.common import markup_text, ole_text, opc, xml_text, zip_guard
from baosong.validation.common.filetypes import OLE_ERRORS, is_text
from baosong.validation.common.words import DEEPEST, MAX_MEMBER, Place, Words

_TEXT_TYPES = frozenset(
    f"{family}.{part}"
    for family, parts in {
        "wordprocessingml": "document.main template.main footnotes endnotes",
        "ms-word": "document.macroenabled.main template.macroenabledtemplate.main",
        "spreadsheetml": "sharedstrings worksheet chartsheet dialogsheet",
        "presentationml": "slide",
    }.items()
    for part in parts.split()
)
_TEXT_NAMES = re.compile(
    r"(word/)?(document|footnotes|endnotes)\.xml|(xl/)?(sharedstrings|worksheets/[^/]+)\.xml|content\.xml"
)
_WITHOUT_WORDS = re.compile(
    r".*\.(png|jpe?g|jfif|gif|bmp|tiff?|webp|wdp|ico|svgz|ttf|otf|odttf|fntdata|mp[34]|m4[av]|wav|wma|wmv|avi|mov"
    r"|sig|vml\.rels)|(.*/)?(printersettings|vbaproject|vbadata|activex|layout-cache)[^/]*|thumbnails/.*|mimetype"
)
_PICTURES = re.compile(r"(word|xl|ppt)/media/.+|(xl/)?media/.+|pictures/.+")
_FRAME = re.compile(  # parts whose words no reader sees: searched for marks, not read
    r"(?:.*/)?+(?:theme\d*|settings|websettings|fonttable|numbering|calcchain|tablestyles|presprops|viewprops|metadata"
    r"|\[content_types\]|manifest)\.xml|.+/styles(?:witheffects)?\.xml|.*\.rels"
)
_MARKUP = re.compile(
    rb"\s{0,99}(?:\xef\xbb\xbf)?\s{0,99}<(?:!doctype\s+html|html|head|body|meta|p|div|table)\b", re.IGNORECASE
)
_MHT = re.compile(
    rb"(?:[\w-]{1,40}+:[^\n]{0,999}+\n(?:[ \t][^\n]{0,999}+\n){0,20}+){0,40}?Content-Type:\s{0,9}multipart",
    re.IGNORECASE,
)
_XML = (b"<?xml", b"\xef\xbb\xbf<?xml", b"\xff\xfe<\0", b"\xfe\xff\0<")
_PACKED = (b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b\x08", b"MSCF")
_LETTER = "密"
_LONGEST_REFERENCE = 16  # bytes of the letter as &#…;, which may lie across two pieces
DAMAGE = (
    *zip_guard.ERRORS, *OLE_ERRORS, zlib.error, ArithmeticError, AssertionError, SyntaxError,
)  # fmt: skip


def read(archive: zipfile.ZipFile, words: Words, depth: int = 0) -> opc.Package:
    """Add the words of all parts of a package, those of its main part first; return the package."""
    package = opc.Package(archive)
    chunks = {
        opc.Package.resolved(package.main, r.target) for r in package.relations(package.main) if r.kind == "afchunk"
    }
    for part in sorted(package.members, key=lambda name: name != package.main):
        words.pictures += _PICTURES.fullmatch(part) is not None
        if part.endswith("/") or _WITHOUT_WORDS.fullmatch(part):
            continue
        data = _content(archive, package.members[part], words)
        if data is None:
            if part == package.main or not _is_without_marks(archive, package.members[part], words):
                words.miss(part)
        else:
            _add(part, data, package, chunks, words, depth)
    return package


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, words: Words) -> bytes | None:
    """Return what a part holds, None where it is damaged or too large to be searched."""
    if member.file_size > min(MAX_MEMBER, words.left):
        return None
    try:
        data = archive.read(member)
    except DAMAGE:
        return None
    words.left -= len(data)
    return data


def _is_without_marks(archive: zipfile.ZipFile, member: zipfile.ZipInfo, words: Words) -> bool:
    """Return whether a part that is too large to be searched has no mark: the letter of each occurs nowhere in it.

    A list of 100,000 activities is such a part.
    """
    before = b""
    try:
        with archive.open(member) as part:
            while chunk := part.read(1 << 20):
                if words.may_hold(before + chunk, _LETTER):
                    return False
                before = chunk[-_LONGEST_REFERENCE:]
    except DAMAGE:
        return False
    return True


def _add(part: str, data: bytes, package: opc.Package, chunks: set[str], words: Words, depth: int) -> None:
    is_xml = data.startswith(_XML) or (data[:64].lstrip().startswith(b"<") and not _is_html(part, data))
    if part.endswith(".rels"):
        words.targets += [r.target for r in _relations_of(part, package) if r.target.lower().startswith("http")]
    if is_xml and (words.only_with or _FRAME.fullmatch(part)) and not words.may_hold(data, words.only_with or _LETTER):
        return
    if is_xml:
        place: Place = "traces" if _FRAME.fullmatch(part) else "text" if _is_text(part, package) else "margins"
        sheet = package.type_of(part) == "spreadsheetml.worksheet"
        sound = xml_text.read_sheet(data, words) if sheet else xml_text.read(data, words, place)
        words.broken |= part == package.main and not sound
    else:
        embedded(
            part,
            data,
            words,
            "text" if part in chunks else "margins",
            depth,
            must=part in chunks or _holds_object(part),
        )


def _relations_of(part: str, package: opc.Package) -> list[opc.Relation]:
    return package.relations(part.replace("_rels/", "", 1).removesuffix(".rels"))


def _is_text(part: str, package: opc.Package) -> bool:
    kind = package.type_of(part)
    return kind in _TEXT_TYPES or (kind in ("", "xml", "text/xml") and _TEXT_NAMES.fullmatch(part) is not None)


def is_locked(archive: zipfile.ZipFile) -> bool:
    """Return whether an open document is behind a password, as its manifest says."""
    try:
        with archive.open("META-INF/manifest.xml") as manifest:
            return b"encryption-data" in manifest.read(1 << 20)
    except DAMAGE:
        return False


def _holds_object(part: str) -> bool:
    return "embeddings/" in part or part.startswith("object ")


def _is_html(part: str, data: bytes) -> bool:
    return part.endswith((".htm", ".html")) or _MARKUP.match(data) is not None


def embedded(name: str, data: bytes, words: Words, place: Place, depth: int = 0, *, must: bool = True) -> None:
    """Add the words of a file within a file; one of unknown kind is noted as missed where it `must` be searched."""
    if depth >= DEEPEST:
        words.miss(name)
        return
    try:
        searched = _opened(name, data, words, place, depth)
        if searched is False or (searched is None and must):
            words.miss(name)
    except DAMAGE:
        words.miss(name)


def _opened(name: str, data: bytes, words: Words, place: Place, depth: int) -> bool | None:
    """Open a file by what it is; return whether its words were searched, None where it is of no known kind."""
    if data.startswith(b"PK\x03\x04"):
        return _zip(data, words, place, depth)
    if data.startswith(olefile.MAGIC):
        return _ole(data, words, place, depth)
    if data.startswith(b"%PDF-") and words.foreign:
        found = words.foreign(data)
        words.add(place, found)
        return not (not found or found.isspace())
    if text_reader := _text_reader(name.lower(), data):
        text_reader(data, words, place)
        return True
    for piece in ole_text.near_marks(data):
        words.add("traces", piece)
    return False if data.startswith(_PACKED) else None if data.strip(b"\0") else True


def _text_reader(name: str, data: bytes) -> Callable[[bytes, Words, Place], object] | None:
    """Return what reads a text of this kind, None where it is no text."""
    if data.startswith(b"{\\rtf"):
        return markup_text.read_rtf
    if _is_html(name, data):
        return markup_text.read_html
    if name.endswith((".mht", ".mhtml")) or _MHT.match(data[:8192]):
        return markup_text.read_mht
    if data[:5].lstrip().startswith(b"<"):
        return xml_text.read
    return markup_text.read_plain if is_text(data[:4096]) else None


def _zip(data: bytes, words: Words, place: Place, depth: int) -> bool:
    inner = Words(only_with=words.only_with, foreign=words.foreign, left=words.left)
    with zip_guard.guarded(Source("", len(data), lambda: io.BytesIO(data))) as archive:
        read(archive, inner, depth + 1)
    _join(inner, words, place)
    return True


def _ole(data: bytes, words: Words, place: Place, depth: int) -> bool:
    inner = Words(only_with=words.only_with, foreign=words.foreign, left=words.left)
    with ole_text.opened(data) as ole:
        if ole.exists("EncryptedPackage"):
            return False
        read_ole(ole, inner, depth + 1)
    _join(inner, words, place)
    return True


def read_ole(ole: Any, words: Words, depth: int = 0) -> bool:
    """Add the words of a compound file; return whether its text could be read, not just searched for marks."""
    read_well = True
    if ole.exists("WordDocument"):
        read_well = ole_text.read_word(ole, ole.openstream("WordDocument").read(), words)
    ole_text.read(ole, words, lambda name, data: embedded(name, data, words, "margins", depth, must=False))
    return read_well


def _join(inner: Words, words: Words, place: Place) -> None:
    for part in inner.text:
        words.add(place, part)
    words.margins += inner.margins
    words.traces += inner.traces
    words.targets += inner.targets
    words.missed += [name for name in inner.missed if name not in words.missed]
    words.left = inner.left
