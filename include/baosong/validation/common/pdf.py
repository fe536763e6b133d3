"""A PDF taken apart: the text of its pages, and every other word that any of its objects holds.

Annotations, stamps, form fields, bookmarks, properties, names of attachments and of layers, alternative texts: all of
them are strings of objects, so that one walk over the objects finds them, whatever the kind of object is called.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import Any, cast

from pypdf import PageObject, PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    EncodedStreamObject,
    IndirectObject,
    StreamObject,
    TextStringObject,
)

from baosong.store.source import Source
from baosong.validation.common import pdf_fonts
from baosong.validation.common.filetypes import PARSER_ERRORS
from baosong.validation.common.words import Content

MAX_PAGES = 300  # text of the first pages only: a report's prefecture and year stand on its cover
MAX_OBJECTS = 300_000  # strings and containers that are walked over for words
PAGE_END = "\f"
ERRORS = (*PARSER_ERRORS, PyPdfError)
MOST_OF_A_BLANK = 2000  # bytes of strokes on a page that is empty but for a frame or a rule
LONGEST_STRING = 1 << 16  # bytes; what is longer is a signature or a picture
LONGEST_XML = 8 << 20
LONGEST_MARK = 2000  # bytes of a form that draws a watermark
_APART = frozenset(
    {"/Resources", "/Parent", "/P", "/Pg", "/Prev", "/Encrypt", "/ID", "/CreationDate", "/ModDate", "/M"}
)
_WRITTEN = frozenset({"/RC", "/V", "/DV", "/XFA", "/Metadata"})  # whose streams are words: rich text, values, XML
_NO_TITLES = ("untitled", "(anonymous)")
_TAG = re.compile(r"<[^<>]*>")
_WALKED = (IndirectObject, DictionaryObject, ArrayObject, TextStringObject, ByteStringObject)


@lru_cache(maxsize=1)  # two look at a file, one after the other
def opened(source: Source) -> PdfReader | None:
    """Return a reader, or None for a PDF behind a password; raises one of `ERRORS` for what is damaged."""
    reader = PdfReader(source.open(), strict=False)
    return None if reader.is_encrypted and not reader.decrypt("") else reader


def content(reader: PdfReader) -> Content:
    """Read a PDF; raises one of `ERRORS` where it is damaged. Pictures cost as much as words: only without text."""
    pages = len(reader.pages)
    first = [reader.pages[i] for i in range(min(pages, MAX_PAGES))]
    settled: set[int] = set()
    text, lost = _legible(PAGE_END.join(_text(page, settled) for page in first))
    pictures = 0 if text.strip() else sum(len(page.images) or _is_drawn(page) for page in first[:5])
    title = _title(reader)
    words = dict.fromkeys(chain.from_iterable((*_stamps(page, settled), *_watermarks(page)) for page in first))
    complete = _add_words(reader, words)
    margins, lost_there = _legible("\n".join(words))
    return Content(text, margins, title, pages, pictures, lost or lost_there, complete and pages <= MAX_PAGES)


def _title(reader: PdfReader) -> str:
    """Return the title that a person gave; some programs write that there is none."""
    title = reader.metadata and reader.metadata.title
    return title.strip() if isinstance(title, str) and title not in _NO_TITLES else ""


def walk(reader: PdfReader) -> Iterator[tuple[str, Any]]:
    """Yield every string and every container that the trailer leads to, with the key that it stands under.

    At most `MAX_OBJECTS`, and last of all a None where there would be more.
    """
    stack: list[tuple[str, Any]] = [("", reader.trailer)]
    seen: set[int] = set()
    for _ in range(MAX_OBJECTS):
        if not stack:
            return
        key, value = stack.pop()
        if isinstance(value, IndirectObject):
            if value.idnum in seen:
                continue
            seen.add(value.idnum)
            value = _resolved(value)
        yield key, value
        stack += ((k, v) for k, v in _inside(key, value) if isinstance(v, _WALKED))
    yield "", None


@lru_cache(maxsize=1)
def embedded(reader: PdfReader) -> list[tuple[str, StreamObject | None]]:
    """Return the name and the content of every file that a PDF carries, wherever it is hung up."""
    found: list[tuple[str, StreamObject | None]] = []
    for key, value in walk(reader):
        if key == "/AdditionalStreams" and isinstance(value, StreamObject):  # of LibreOffice
            found.append(("", value))
        elif isinstance(value, DictionaryObject) and "/EF" in value:
            stream = next(iter(_values(_resolved(value["/EF"]))), None)
            name = _string(_resolved(value.get("/UF") or value.get("/F") or ""))
            found.append((name, stream if isinstance(stream, StreamObject) else None))
    return found


def _inside(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, ArrayObject):
        yield from ((key, item) for item in list.__iter__(value))
    elif isinstance(value, DictionaryObject):
        apart = _APART | {"/Contents"} if value.get("/Type") in ("/Page", "/Sig") else _APART
        yield from ((str(k), dict.__getitem__(value, k)) for k in value if k not in apart)


def _add_words(reader: PdfReader, words: dict[str, None]) -> bool:
    """Add what the objects say; return whether all of them were looked at."""
    value: Any = ""
    for key, value in walk(reader):
        if isinstance(value, (str, bytes)):
            words.setdefault(_string(value))
        elif isinstance(value, StreamObject) and (key in _WRITTEN or value.get("/Type") == "/Metadata"):
            words.setdefault(_without_tags(value))
    return value is not None


def _string(value: Any) -> str:
    """Return a string; programs of the East put GBK where a PDF should have UTF-16."""
    if isinstance(value, TextStringObject) and (value.isascii() or max(value) > "\u2fff"):
        return str(value)
    try:
        raw = value.original_bytes if isinstance(value, (TextStringObject, ByteStringObject)) else b""
    except ERRORS:
        raw = b""
    if len(raw) > LONGEST_STRING:
        return ""
    return pdf_fonts.decode_gbk(raw) or (str(value) if isinstance(value, str) else raw.decode("utf-8", "ignore"))


def _without_tags(stream: StreamObject) -> str:
    try:
        data = stream.get_data()[:LONGEST_XML]
    except ERRORS:
        return ""
    code = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    return html.unescape(_TAG.sub("\n", data.decode(code, "replace"))).strip()


def _legible(text: str) -> tuple[str, bool]:
    return pdf_fonts.parted(pdf_fonts.as_written(text))


def _text(page: PageObject, settled: set[int]) -> str:
    _settle_fonts(page, settled)
    return page.extract_text().replace(PAGE_END, " ")


def _stamps(page: PageObject, settled: set[int]) -> Iterator[str]:
    """Yield the text of what lies upon a page: stamps, remarks, values of fields as they are drawn."""
    for annotation in _listed(page.get("/Annots")):
        drawn = _resolved(_resolved(annotation.get("/AP", {})).get("/N")) if hasattr(annotation, "get") else None
        for form in [drawn] if isinstance(drawn, StreamObject) else _values(drawn):
            try:
                _settle_fonts(form, settled)
                yield page.extract_xform_text(cast(EncodedStreamObject, form))
            except ERRORS:
                continue  # damaged stamps are no damaged document


def _watermarks(page: PageObject) -> Iterator[str]:
    """Yield the few words of forms that a page draws, if they may be a mark: there a level alone is one."""
    for form in _values(_resolved((_resolved(page.get("/Resources")) or {}).get("/XObject"))):
        if isinstance(form, StreamObject) and form.get("/Subtype") == "/Form" and len(form._data) < LONGEST_MARK:
            with suppress(*ERRORS):
                if "密" in (text := page.extract_xform_text(cast(EncodedStreamObject, form))):
                    yield text


def _settle_fonts(holder: Any, settled: set[int]) -> None:
    """Settle the fonts of a page or a form and of all forms that it draws."""
    holders = [holder]
    while holders and len(settled) < MAX_OBJECTS:
        resources = _resolved(holders.pop().get("/Resources"))
        if not isinstance(resources, DictionaryObject):
            continue
        for font in _new(resources.get("/Font"), settled):
            with suppress(*ERRORS):
                pdf_fonts.settle(font)
        holders += (f for f in _new(resources.get("/XObject"), settled) if f.get("/Subtype") == "/Form")


def _new(holder: Any, seen: set[int]) -> list[Any]:
    """Return the dictionaries in a dictionary that were not seen before."""
    found = [
        value for value in _values(_resolved(holder)) if isinstance(value, DictionaryObject) and id(value) not in seen
    ]
    seen.update(map(id, found))
    return found


def _values(holder: Any) -> list[Any]:
    return [_resolved(value) for value in dict.values(holder)] if isinstance(holder, DictionaryObject) else []


def _listed(holder: Any) -> list[Any]:
    found = _resolved(holder)
    return [_resolved(item) for item in list.__iter__(found)] if isinstance(found, ArrayObject) else []


def _resolved(value: Any) -> Any:
    """Return what a reference leads to; None where that is damaged."""
    try:
        return value.get_object() if isinstance(value, IndirectObject) else value
    except ERRORS:
        return None


def _is_drawn(page: PageObject) -> bool:
    """Return whether a page without pictures is drawn with many strokes, as letters turned into outlines are."""
    drawn = page.get_contents()
    return drawn is not None and len(drawn.get_data()) > MOST_OF_A_BLANK
