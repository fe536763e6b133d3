"""Word and PDF documents read for what checks ask of them: do they open, how many pages, which words.

Everything is parsed from memory and behind the zip guard, so an exception in here is a parser's word on the bytes.
"""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from baosong.rules.catalogue import phrase
from baosong.rules.errors import BaosongError
from baosong.rules.findings import Finding
from baosong.rules.words import alike
from baosong.store.source import Source
from baosong.validation.common import ole_text, package_text, personal_data, zip_guard
from baosong.validation.common.filetypes import OLE_ERRORS, PARSER_ERRORS, PICTURES, decode_text, identify, text_codes
from baosong.validation.common.words import Words

logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it logs each damaged object, in the sender's words

_WORD_97, _CCP_TEXT = b"\xec\xa5", 76  # [MS-DOC] 2.5: where the block of a Word file says how many characters it has
_PAGE_NUMBERS = re.compile(r"(?:第?\d{1,4}页?|[-—–－·•/,，]|共\d{1,4}页|Page\d{1,4}|of\d{1,4}){0,2000}+")
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
    `targets` are the web addresses that its words lead to without naming them. `traces` are searched for marks alone,
    `missed` names the parts that could not be searched, and `unread` says why some of the text could not be read, as a
    variant of the rule file.not_searched; it is empty where all of it was.
    """

    text: str
    margins: str = ""
    title: str = ""
    pages: int | None = None
    pictures: int = 0
    targets: tuple[str, ...] = ()
    traces: str = ""
    missed: tuple[str, ...] = ()
    unread: str = ""

    @property
    def characters(self) -> int:
        """Return the number of characters that are not white space."""
        return len(squeeze(self.text))

    @property
    def says_something(self) -> bool:
        """Return whether the text holds more than page numbers, which some programs write into it."""
        return _PAGE_NUMBERS.fullmatch(squeeze(self.text)) is None

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


def _document(words: Words, title: str = "", pages: int | None = None) -> Document:
    text, margins, traces = ("\n".join(parts) for parts in (words.text, words.margins, words.traces))
    return Document(
        text.strip(),
        margins.strip(),
        title,
        pages,
        words.pictures,
        tuple(dict.fromkeys(words.targets)),
        traces,
        tuple(words.missed),
    )


def _words(only_with: str = "") -> Words:
    return Words(only_with=only_with, foreign=_foreign)


def _foreign(data: bytes) -> str:
    """Return the words of a PDF within another document; raises `Unreadable` where not all of them can be read."""
    document = read_pdf(_of_bytes(data), carried=False)
    if document.unread:
        raise Unreadable(document.unread)
    return f"{document.text}\n{document.margins}"


def _of_bytes(data: bytes, name: str = "") -> Source:
    return Source(name, len(data), lambda: io.BytesIO(data))


def read_docx(source: Source) -> Document:
    """Open a Word document; raises `Unreadable`, or `zips.Bomb` before a byte is unpacked."""
    words = _words()
    try:
        with zip_guard.guarded(source) as archive:
            package = package_text.read(archive, words)
    except zip_guard.Bomb:
        raise
    except PARSER_ERRORS as e:
        raise Unreadable(phrase("unreadable.word")) from e
    if package.kind != "docx" or words.broken or package.main in words.missed:
        raise Unreadable(phrase("unreadable.word"))
    return _document(words, words.title)


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
    """Return a document with the words of the files that it carries; files within a PDF or OFD of these stay shut."""
    words, missed = [name for name, _ in files], [name for name, _ in files[MAX_CARRIED:]]
    for name, data in files[:MAX_CARRIED]:
        if inner := _carried(name, data or b""):
            words += [inner.text, inner.margins, inner.traces]
        if inner is None or inner.unread or inner.missed:
            missed.append(plain(name))
    margins = "\n".join([document.margins, *words])
    return replace(document, margins=margins, missed=tuple(missed)) if files else document


def _carried(name: str, data: bytes) -> Document | None:
    """Return what a carried file says, None where it cannot be searched; a picture has nothing to say."""
    source = _of_bytes(data, name)
    kind = identify(source)
    alone = {"pdf": partial(read_pdf, carried=False), "ofd": partial(read_ofd, carried=False)}
    try:
        if kind in PICTURES:
            return Document("")
        return alone[kind](source) if kind in alone else read(source, kind)
    except (Unreadable, Locked, zip_guard.Bomb):
        return None


def read_ole(source: Source) -> Document:
    """Open an old Word or WPS document as evidence.

    Where its piece table cannot be read, its text is the two-byte text of its main stream, with debris.
    """
    words = _words()
    try:
        with ole_text.opened(source.read()) as ole:
            data = ole.openstream("WordDocument").read()
            if len(data) < 32:
                raise Unreadable(phrase("unreadable.document"))
            if data[11] & 1:  # fEncrypted of the file information block
                raise Locked
            read_well = package_text.read_ole(ole, words)
    except OLE_ERRORS as e:
        if isinstance(e, BaosongError):
            raise
        raise Unreadable(phrase("unreadable.document")) from e
    if not read_well:
        debris = data.decode("utf-16-le", errors="ignore").replace("\x00", "")
        empty = data.startswith(_WORD_97) and data[_CCP_TEXT : _CCP_TEXT + 4] in (b"\0\0\0\0", b"\1\0\0\0")
        words.add("margins" if empty else "text", debris)  # no more than the mark that ends the last paragraph
    return _document(words)


def read_old_sheet(source: Source) -> Document:
    """Search an old workbook, or another compound file, for marks; its cells are read elsewhere."""
    words = _words()
    try:
        with ole_text.opened(source.read()) as ole:
            package_text.read_ole(ole, words)
    except OLE_ERRORS as e:
        raise Unreadable(phrase("unreadable.document")) from e
    return _document(words)


def read_text(source: Source) -> Document:
    """Decode a plain text in the codes that are in use here."""
    data = source.read()
    text = decode_text(data)
    return Document(data.decode(text_codes(data)[-1], errors="replace") if text is None else text)


def read_sheet(source: Source, only_with: str = "") -> Document:
    """Return the words of a workbook without judging its cells; with `only_with`, none of parts without that letter."""
    words = _words(only_with)
    try:
        with zip_guard.guarded(source) as archive:
            if package_text.is_locked(archive):
                raise Locked
            package_text.read(archive, words)
    except zip_guard.Broken as e:
        raise Unreadable(str(e)) from e
    return _document(words)


def read_markup(source: Source) -> Document:
    """Return the words of a page of the web, of an XML or of a Rich Text file, whatever its name says."""
    words = _words()
    package_text.embedded(source.name, source.read(), words, "text")
    return _document(words)


MARKS_ONLY = frozenset({"rtf", "xls", "ppt", "works"})  # searched for marks; their words are in no good order
READERS = {
    "docx": read_docx,
    "pdf": read_pdf,
    "ofd": read_ofd,
    "doc": read_ole,
    "txt": read_text,
    "xlsx": read_sheet,
    "ods": read_sheet,
    "odt": read_sheet,
    "xlsb": read_sheet,
    "pptx": read_sheet,
    "odp": read_sheet,
    "odg": read_sheet,
    "vsdx": read_sheet,
    "epub": read_sheet,
    "xps": read_sheet,
    "xls": read_old_sheet,
    "ppt": read_old_sheet,
    "works": read_old_sheet,
    "html": read_markup,
    "mht": read_markup,
    "xml": read_markup,
    "wordxml": read_markup,
    "excelxml": read_markup,
    "fodt": read_markup,
    "uof": read_markup,
    "rtf": read_markup,
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
