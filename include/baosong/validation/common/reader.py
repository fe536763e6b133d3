"""Word and PDF documents read for what checks ask of them: do they open, how many pages, which words.

Everything is parsed from memory and behind the zip guard, so an exception in here is a parser's word on the bytes.
"""

from __future__ import annotations

import html
import io
import logging
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import olefile  # type: ignore[import-untyped]

from baosong.rules.catalogue import phrase
from baosong.rules.errors import BaosongError
from baosong.rules.findings import Finding
from baosong.rules.words import alike
from baosong.store.source import Source
from baosong.validation.common import personal_data, zip_guard
from baosong.validation.common.filetypes import OLE_ERRORS, PARSER_ERRORS, PICTURES, decode_text, identify, text_codes

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it logs each damaged object, in the sender's words
MAX_MEMBER = 32 << 20  # bytes of XML read for words, a member
MAX_WORDS = 96 << 20  # and of all members together: a page of headers is not behind that much

_BODY = re.compile(r"(word/(document|footnotes|endnotes)|xl/sharedStrings|xl/worksheets/[^/]+|content)\.xml")
_MARGINS = re.compile(
    r"(word/(header\d*|footer\d*|comments)|xl/(comments\d*|(comments|threadedComments|drawings)/[^/]+|workbook)"
    r"|docProps/(core|app|custom)|meta|styles)\.xml"
)
_PARAGRAPH = re.compile(
    r"</(?:w:p|si|is|v|text:p|text:h|oddHeader|oddFooter|(?:dc|cp|dcterms):\w+)>|<w:(?:br|tab|cr)\b[^<>]*>"
)
_HEADERS = re.compile(r"<(?:odd|even|first)(?:Header|Footer)>[^<]*</\w+>")
_SHEET_NAMES = re.compile(r"""<(?:\w+:)?sheet\s[^<>]*?\bname=["']([^"'<>]*)""")
_TAG = re.compile(r"<[^<>]*>")  # no "[^>]*": thirty million "<" would each be searched to the end
_WORD_97, _CCP_TEXT = b"\xec\xa5", 76  # [MS-DOC] 2.5: where the block of a Word file says how many characters it has
_PICTURES = ("word/media/", "xl/media/", "Pictures/")
_RELATIONS = re.compile(r"(word|xl/worksheets)/_rels/[^/]+\.rels")
_TARGET = re.compile(r"""\bTarget=["'](https?://[^"']+)""", re.IGNORECASE)
_CHINESE_DIGITS = str.maketrans("〇○零Oo一二三四五六七八九", "00000123456789")
_YEAR = re.compile(r"(?<!\d)(20\d\d)年")
MAX_CARRIED = 20  # files within a file that are searched
OPENING = 60  # characters that hold a title


class Unreadable(BaosongError, ValueError):
    """A document that does not open; the text says why, in Chinese."""


class Locked(BaosongError, ValueError):
    """A document behind a password."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a document holds: its text, the words around it (headers, footers, comments, properties), its title.

    `pages` is known of a PDF only, whose text is parted by form feeds; `pictures` counts those embedded,
    `targets` are the web addresses that its words lead to without naming them; `unread` says why some of the words
    could not be read, as a variant of the rule file.not_searched, and is empty where all of them were.
    """

    text: str
    margins: str = ""
    title: str = ""
    pages: int | None = None
    pictures: int = 0
    targets: tuple[str, ...] = ()
    unread: str = ""

    @property
    def characters(self) -> int:
        """Return the number of characters that are not white space."""
        return len(squeeze(self.text))

    @property
    def headline(self) -> str:
        """Return the title, or else the first line, cut to what a table can show."""
        first = next((line.strip() for line in self.text.splitlines() if line.strip()), "")
        return plain(personal_data.hidden(self.title or first))

    def personal_numbers(self, latest: date) -> list[Finding]:
        """Return a warning for each personal number; nobody is born after `latest`."""
        return personal_data.findings(self.text, self.margins, latest, pages=self.pages is not None)

    def names_any(self, names: Iterable[str]) -> bool:
        """Return whether the document holds a name, whatever spaces and line ends the layout put into it.

        Some PDFs hold what is written from right to left as it is seen, that is back to front.
        """
        text = alike(self.text + self.margins)
        return any(name in text or name[::-1] in text for name in map(alike, names))

    def names_year(self, year: int) -> bool:
        """Return whether the text names a year, in Arabic or Chinese digits, of whatever width."""
        return str(year) in _in_digits(self.text + self.margins)

    def opening_years(self) -> set[int]:
        """Return the years that the first line or two name: those of the title."""
        return {int(year) for year in _YEAR.findall(_in_digits(self.text[: 4 * OPENING])[:OPENING])}


def _in_digits(text: str) -> str:
    """Return a text without white space, its Chinese and full-width digits as plain ones."""
    return squeeze(unicodedata.normalize("NFKC", text).translate(_CHINESE_DIGITS))


def plain(text: str, length: int = 80) -> str:
    """Return a sender's words fit to keep and show: short and printable; a database refuses NUL and surrogates."""
    return "".join(c for c in text if c.isprintable())[:length].strip()


def squeeze(text: str) -> str:
    """Return a text without white space."""
    return "".join(text.split())


def read_docx(source: Source) -> Document:
    """Open a Word document; raises `Unreadable`, or `zips.Bomb` before a byte is unpacked."""
    import docx  # late: lxml and its friends cost more than most checks
    from docx.opc.exceptions import OpcError
    from lxml.etree import LxmlError  # type: ignore[import-untyped]

    try:
        with zip_guard.guarded(source) as archive:
            title = docx.Document(source.open()).core_properties.title.strip()
            pictures = sum(name.startswith(_PICTURES) for name in archive.namelist())
            body, margins = words(archive, _BODY), words(archive, _MARGINS)
            return Document(body, margins, title, pictures=pictures, targets=_targets(archive))
    except zip_guard.Bomb:
        raise
    except (*PARSER_ERRORS, OpcError, LxmlError) as e:
        raise Unreadable(phrase("unreadable.word")) from e


def read_pdf(source: Source, *, carried: bool = True) -> Document:
    """Open a PDF; raises `Locked` when it asks for a password to be read, `Unreadable` when it is damaged."""
    from baosong.validation.common import pdf  # late: pypdf costs more than most checks

    try:
        reader = pdf.opened(source)
        found = reader and pdf.content(reader)
        files = (
            [(name, None if f is None else f.get_data()) for name, f in pdf.embedded(reader)]
            if reader and carried
            else []
        )
    except pdf.ERRORS as e:
        raise Unreadable(phrase("unreadable.pdf")) from e
    if not found:
        raise Locked
    unread = "fonts" if found.illegible else "" if found.complete else "pages"
    return _with_carried(
        Document(found.text, found.margins, found.title, found.pages, found.pictures, unread=unread), files
    )


def read_ofd(source: Source, *, carried: bool = True) -> Document:
    """Open an OFD; raises `Locked`, `Unreadable` or `zips.Bomb`."""
    from baosong.validation.common import ofd  # late, as few send it

    try:
        with zip_guard.guarded(source) as archive:
            if ofd.is_locked(archive):
                raise Locked
            found = ofd.content(archive)
            files = list(ofd.attachments(archive)) if carried else []
    except (Locked, zip_guard.Bomb):
        raise
    except PARSER_ERRORS as e:
        raise Unreadable(phrase("unreadable.ofd")) from e
    unread = "fonts" if found.illegible else "" if found.complete else "parts"
    return _with_carried(
        Document(found.text, found.margins, found.title, found.pages, found.pictures, unread=unread), files
    )


def _with_carried(document: Document, files: Sequence[tuple[str, bytes | None]]) -> Document:
    """Return a document with the words of the files that it carries; files within these are not opened."""
    words = [name for name, _ in files]
    unread = document.unread or ("carried" if len(files) > MAX_CARRIED else "")
    for name, data in files[:MAX_CARRIED]:
        inner = _carried(name, data or b"")
        words += [inner.text, inner.margins] if inner else []
        unread = unread or ("" if inner and not inner.unread else "carried")
    return replace(document, margins="\n".join([document.margins, *words]), unread=unread) if files else document


def _carried(name: str, data: bytes) -> Document | None:
    """Return what a carried file says, None where it cannot be searched; a picture has nothing to say."""
    source = Source(name, len(data), lambda: io.BytesIO(data))
    kind = identify(source)
    alone = {"pdf": partial(read_pdf, carried=False), "ofd": partial(read_ofd, carried=False)}
    try:
        if kind in PICTURES:
            return Document("")
        return alone[kind](source) if kind in alone else read(source, kind)
    except (Unreadable, Locked, zip_guard.Bomb):
        return None


def read_ole(source: Source) -> Document:
    """Open an old Word or WPS document as evidence; its text is the two-byte text of its main stream, with debris."""
    try:
        with olefile.OleFileIO(io.BytesIO(source.read())) as ole:
            data = ole.openstream("WordDocument").read()
    except OLE_ERRORS as e:
        raise Unreadable(phrase("unreadable.document")) from e
    if len(data) < 32:
        raise Unreadable(phrase("unreadable.document"))
    if data[11] & 1:  # fEncrypted of the file information block
        raise Locked
    text = data.decode("utf-16-le", errors="ignore").replace("\x00", "")
    if data.startswith(_WORD_97) and data[_CCP_TEXT : _CCP_TEXT + 4] in (b"\0\0\0\0", b"\1\0\0\0"):
        return Document("", text)  # no more than the mark that ends the last paragraph; its headers may have words
    return Document(text)


def read_text(source: Source) -> Document:
    """Decode a plain text in the codes that are in use here."""
    data = source.read()
    text = decode_text(data)
    return Document(data.decode(text_codes(data)[-1], errors="replace") if text is None else text)


def read_sheet(source: Source, only_with: str = "") -> Document:
    """Return the words of a workbook without judging its cells; with `only_with`, none of parts without that letter."""
    try:
        with zip_guard.guarded(source) as archive:
            parts = [p for p in (_BODY, _MARGINS) if not only_with or _holds(archive, p, only_with)]
            body, margins = (words(archive, p) if p in parts else "" for p in (_BODY, _MARGINS))
            pictures = sum(name.startswith(_PICTURES) for name in archive.namelist())
            return Document(body, margins, pictures=pictures, targets=_targets(archive))
    except zip_guard.Broken as e:
        raise Unreadable(str(e)) from e


READERS = {
    "docx": read_docx,
    "pdf": read_pdf,
    "ofd": read_ofd,
    "doc": read_ole,
    "txt": read_text,
    "xlsx": read_sheet,
    "ods": read_sheet,
    "odt": read_sheet,
}


def read(source: Source, actual: str | None, only_with: str = "") -> Document | None:
    """Return what a file of this true type says, or None for a type without words.

    With `only_with` the words of a workbook may be left out where that letter does not occur: to take the words out
    of a long sheet costs more than to judge its cells. Raises `Unreadable`, `Locked` or `zips.Bomb`.
    """
    reader = READERS.get(actual or "")
    if reader is read_sheet:
        return read_sheet(source, only_with)
    return reader(source) if reader else None


def words(archive: zipfile.ZipFile, members: re.Pattern[str]) -> str:
    """Return the words of those members of an Office file, a paragraph a line.

    Tags are cut out, not parsed: no entity can expand, and a word split over several runs is whole again.
    """
    return "\n".join(_words(xml) for xml in _members(archive, members))


def _targets(archive: zipfile.ZipFile) -> tuple[str, ...]:
    """Return the web addresses behind the words of an Office file."""
    found = (html.unescape(t) for _, xml in _contents(archive, _RELATIONS) for t in _TARGET.findall(_decoded(xml)))
    return tuple(dict.fromkeys(found))


def _members(archive: zipfile.ZipFile, members: re.Pattern[str]) -> Iterator[str]:
    for name, xml in _contents(archive, members):
        yield _worded(name, _decoded(xml))


def _contents(archive: zipfile.ZipFile, members: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    left = MAX_WORDS
    for info in archive.infolist():
        name = zip_guard.plain_name(info.filename)
        if members.fullmatch(name) and left > 0:
            try:
                with archive.open(info) as member:
                    xml = member.read(min(MAX_MEMBER, left))
            except PARSER_ERRORS:
                continue  # a damaged member is told where the whole file is opened
            left -= len(xml)
            yield name, xml


def _worded(name: str, xml: str) -> str:
    """Return what words a part of a workbook holds outside the shared strings: the rest is numbers, maybe millions."""
    if name.startswith("xl/worksheets/"):
        return "".join([*_inline_texts(xml), *_HEADERS.findall(xml)])
    return "<w:br/>".join(_SHEET_NAMES.findall(xml)) if name == "xl/workbook.xml" else xml


def _inline_texts(xml: str) -> Iterator[str]:
    """Yield the texts that stand in the cells themselves, in time that follows the length even if nothing closes."""
    for piece in xml.split("<is>")[1:]:
        text, end, _ = piece.partition("</is>")
        if end:
            yield text + end


def _holds(archive: zipfile.ZipFile, members: re.Pattern[str], letter: str) -> bool:
    """Return whether a letter may occur in those members, as itself or as a character reference."""
    code = ord(letter)
    plain = letter.encode()
    spelled = re.compile(rb"&#(?:0*%d|[xX]0*(?i:%x))" % (code, code))
    return any(plain in xml or spelled.search(xml) or _is_utf16(xml) for _, xml in _contents(archive, members))


def _decoded(xml: bytes) -> str:
    return xml.decode("utf-16" if _is_utf16(xml) else "utf-8", errors="replace")


def _is_utf16(xml: bytes) -> bool:
    return xml.startswith((b"\xff\xfe", b"\xfe\xff"))


def _words(xml: str) -> str:
    return html.unescape(_TAG.sub("", _PARAGRAPH.sub("\n", xml))).strip()
