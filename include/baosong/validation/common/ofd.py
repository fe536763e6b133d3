"""An OFD (GB/T 33190) taken apart: the text of its pages in order, and every other word in its package.

The format's own words for its parts are used: OFD.xml names documents, a document pages, a page text objects whose
TextCode is the text. Remarks, stamps, bookmarks, properties and names of attachments stand in further XML parts, and
one walk over all of them finds their words, whatever the part is called.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from baosong.validation.common import zip_guard
from baosong.validation.common.filetypes import PARSER_ERRORS, decode_text
from baosong.validation.common.words import Content

MAX_PART = 32 << 20  # bytes read of a part
MAX_WORDS = 96 << 20  # and of all parts together
MOST_OF_A_BLANK = 2000  # characters of strokes on a page that is empty but for a frame or a rule
PAGE_END = "\f"
START = "ofd.xml"  # as names are compared
UNKNOWN = "¤"  # what GB/T 33190 puts where a glyph has no character
FEWEST_UNKNOWN = 3
SAME_LINE = 1.0  # millimetres between the base lines of pieces of one line

_NO_WORDS = frozenset({
    "AbbreviatedData", "Glyphs", "PhysicalBox", "ApplicationBox", "ContentBox", "BleedBox", "MaxUnitID", "DocID",
    "CreationDate", "ModDate", "FileLoc", "BaseLoc", "DocRoot", "PageRes", "PublicRes", "DocumentRes", "MediaFile",
    "CheckValue", "SignatureDateTime", "SignedValue", "Signatures", "Annotations", "Attachments", "Annotation",
    "CustomTags", "Extensions", "FontFile", "ColorSpace", "Bookmark", "Version", "StartDate", "EndDate",
})  # fmt: skip
_NAMING = frozenset(
    {"Title", "Name", "Creator", "Company", "ProviderName", "Value", "Author", "URI", "Subtype", "Label"}
)
_CHINESE = re.compile(r"[\u2600-\u27bf\u3000-\u9fff\w]{2,}")
_DECLARED = re.compile(r"^\s*<\?xml[^>]*\?>")


def is_locked(archive: zipfile.ZipFile) -> bool:
    """Return whether a package is behind a password or a certificate."""
    return any(i.flag_bits & 1 or zip_guard.plain_name(i.filename) == "Encryptions.xml" for i in archive.infolist())


def content(archive: zipfile.ZipFile) -> Content:
    """Read an OFD; raises ValueError where its OFD.xml or a document's root is missing or damaged."""
    parts = _Parts(archive)
    start = parts.required(START)
    pages: list[str] = []
    pictures = 0
    for root in _named(start, "DocRoot"):
        document = parts.place("", root.text)
        for page in _named(parts.required(document), "Page"):
            shown = parts.taken(parts.place(document, page.get("BaseLoc")))
            pages.append("".join(_lines(shown)))
            pictures += sum(1 for _ in _named(shown, "ImageObject")) + _is_drawn(shown)
    around = ["".join([*_lines(part), *_words(part)]) for part in parts.rest()]
    text, margins = PAGE_END.join(pages), "\n".join(dict.fromkeys([*around, *parts.seals()]))
    title = next((e.text for e in _named(start, "Title") if e.text), "").strip()
    illegible = (text + margins).count(UNKNOWN) >= FEWEST_UNKNOWN
    return Content(text, margins, title, len(pages), pictures, illegible, parts.complete)


def attachments(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes | None]]:
    """Yield the name and the content of every attachment; None where the package does not have it."""
    parts = _Parts(archive)
    for name, part in parts.all():
        for attachment in _named(part, "Attachment"):
            place = next((e.text for e in _named(attachment, "FileLoc")), "")
            yield attachment.get("Name") or posixpath.basename(place or ""), parts.bytes_of(parts.place(name, place))


class _Parts:
    """The XML parts of a package by name, read within limits; a part that cannot be read is noted, not told."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.complete = True
        self._archive = archive
        self._left = MAX_WORDS
        self._members = {_plain(i.filename): i for i in archive.infolist() if not i.is_dir()}
        self._parts = {name: self._parsed(name) for name in self._members if name.endswith(".xml")}
        self._pages: set[str] = set()

    def place(self, base: str, location: str | None) -> str:
        """Return the member that a part names: from the part's own folder or, as some write it, from the root."""
        named = (location or "").strip().replace("\\", "/")
        places = [posixpath.join("/", posixpath.dirname(base), named), posixpath.join("/", named)]
        plain = [_plain(posixpath.normpath(place)) for place in places]
        return next((place for place in plain if place in self._members), plain[0])

    def required(self, name: str) -> Element:
        """Return a part, or raise ValueError."""
        part = self._parts.get(name)
        if part is None:
            raise ValueError(name)
        return part

    def taken(self, name: str) -> Element:
        """Return a page's part, which is then none of the rest; an empty one where it is missing or damaged."""
        self._pages.add(name)
        part = self._parts.get(name)
        self.complete &= part is not None
        return Element("Page") if part is None else part

    def all(self) -> Iterator[tuple[str, Element]]:
        """Yield all parts with their names."""
        yield from ((name, part) for name, part in self._parts.items() if part is not None)

    def bytes_of(self, name: str) -> bytes | None:
        """Return what a member holds, or None where there is none."""
        return self._data(name) if name in self._members else None

    def rest(self) -> Iterator[Element]:
        """Yield the parts that are no pages."""
        yield from (part for name, part in self.all() if name not in self._pages)

    def seals(self) -> Iterator[str]:
        """Yield the Chinese words in seals and signatures, whose binary form has them in UTF-8."""
        for name in self._members:
            if name.endswith((".esl", ".dat")):
                yield "\n".join(_CHINESE.findall(self._data(name).decode("utf-8", "ignore")))

    def _parsed(self, name: str) -> Element | None:
        data = self._data(name)
        try:
            return _parse(data)
        except (ParseError, DefusedXmlException, ValueError, LookupError):
            self.complete = False
            return None

    def _data(self, name: str) -> bytes:
        most = min(MAX_PART, self._left)
        try:
            with self._archive.open(self._members[name]) as member:
                data = member.read(most)
        except PARSER_ERRORS:
            data = b""
        self._left -= len(data)
        self.complete &= len(data) == self._members[name].file_size
        return data


def _parse(data: bytes) -> Element:
    """Return the root of a part; one that says GB2312 or GBK, which the parser does not know, is decoded for it."""
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, ValueError, LookupError):
        root = fromstring(_DECLARED.sub("", decode_text(data) or "", count=1), forbid_dtd=True)
    return root


def _plain(name: str) -> str:
    return zip_guard.plain_name(name).lower().lstrip("/").removeprefix("./")


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _named(root: Element, name: str) -> Iterator[Element]:
    return (element for element in root.iter() if _local(element) == name)


def _lines(root: Element) -> Iterator[str]:
    """Yield the text objects of a part; pieces whose base lines are as high as each other are of one line."""
    last: float | None = None
    for piece in _named(root, "TextObject"):
        codes = list(_named(piece, "TextCode"))
        text = "".join(code.text or "" for code in codes)
        height = _number(piece.get("Boundary", "").split()[1:2]) + _number([c.get("Y", "") for c in codes[:1]])
        if last is not None and abs(height - last) > SAME_LINE:
            yield "\n"
        yield text.replace(PAGE_END, " ")
        last = height
    if last is not None:
        yield "\n"


def _number(words: list[str]) -> float:
    try:
        return float(words[0]) if words else 0.0
    except ValueError:
        return 0.0


def _words(root: Element) -> Iterator[str]:
    """Yield what else a part says, a word a line: properties, remarks, names."""
    for element in root.iter():
        name = _local(element)
        if name not in _NO_WORDS and name != "TextCode" and (element.text or "").strip():
            yield f"{element.text}\n"
        yield from (f"{value}\n" for key, value in element.items() if key.rpartition("}")[2] in _NAMING)


def _is_drawn(root: Element) -> bool:
    """Return whether a page is drawn with many strokes, as letters turned into outlines are."""
    return sum(len(e.text or "") for e in _named(root, "AbbreviatedData")) > MOST_OF_A_BLANK
