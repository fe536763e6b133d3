"""The words of one XML part of an Office package, of an open document or of a page of the web.

One table says what each element means for its words, by its local name: the same holds for Word, Excel, PowerPoint,
OpenDocument and HTML, transitional and strict, whatever prefixes a program chose. Expat reads in a stream: it builds no
tree, and a part with a DTD is not parsed at all.
"""

from __future__ import annotations

import html
import re
from io import BytesIO
from typing import Final, cast
from xml.parsers.expat import ExpatError, ParserCreate

from baosong.validation.common.dtd import declares_dtd
from baosong.validation.common.words import Place, Words

SAME: Final = "same"  # the place that its surroundings have, but not in the middle of their line
_ASIDE: dict[str, str] = {
    "txbxContent": SAME,
    "text-box": SAME,
    "note": SAME,
    "oddHeader": "margins",
    "oddFooter": "margins",
    "evenHeader": "margins",
    "evenFooter": "margins",
    "firstHeader": "margins",
    "firstFooter": "margins",
    "annotation": "margins",
    "title": "margins",
    "desc": "margins",
    "instrText": "traces",
    "delText": "traces",
    "delInstrText": "traces",
    "moveFrom": "traces",
    "tracked-changes": "traces",
    "Fallback": "traces",
    "rt": "traces",
    "rp": "traces",
    "rPh": "traces",
    "ruby-text": "traces",
    "page-number": "traces",
    "page-count": "traces",
    "script": "traces",
    "style": "traces",
}
_ASIDE_IN_SHEETS = _ASIDE | {"v": SAME, "f": "traces"}
_BREAKS = frozenset(
    re.findall(
        r"[\w-]+",
        # paragraphs, lines and cells of Word, DrawingML, OpenDocument, HTML; shared strings, comments of a workbook
        "p h br tab cr line-break si is v text div tr td th li h1 h2 h3 h4 h5 h6 "
        # properties, custom ones and those of OpenDocument
        "creator subject description keywords keyword category lastModifiedBy contentStatus identifier revision "
        "version Company Manager Application Template HyperlinkBase lpstr lpwstr bstr initial-creator user-defined "
        "author",
    )
)
_TOLD = frozenset(
    {"descr", "title", "alt", "string", "tooltip", "prompt", "promptTitle", "error", "errorTitle", "UnicodeString"}
)
_NAMES = frozenset({"sheet", "definedName", "table", "tableColumn", "property"})  # things whose names people give
_SPECIAL = frozenset({"sym", "fldSimple"})
_LETTERS = {"noBreakHyphen": "-", "s": " "}  # elements that are a letter
_SHORTEST = 11  # letters of an attribute that may be a number of somebody; most are shorter and plain
_FONTS = frozenset({"rFonts", "font", "latin", "ea", "cs", "font-face"})
_HEADER_CODES = re.compile(r'&(?:"[^"]*"|[LCRPNDTZFGAUEISXYBOH&]|K[0-9A-Fa-f]{6}|[+-]?\d{1,5})')
_ADDRESS = re.compile(r"""\b(?i:HYPERLINK)\b\s{0,9}\(?\s{0,9}["“]?(https?://[^\s"”<>\\]+)""")
_TAG = re.compile(r"<[^<>]*>")  # no "[^>]*": thirty million "<" would each be searched to the end
_PECULIAR = (b't="str"', b"t='str'", b't="d"', b"<f", b"<rPh")  # of a cell with more than a number or a text of its own
_LONG_NUMBERS = re.compile(rb">\d{11,18}(?:\.0+)?<")
_LONG_NUMBER = re.compile(r"\d{11,18}(?:\.0+)?")


def read(xml: bytes, words: Words, place: Place) -> bool:
    """Add the words of a part; return whether it is sound XML. Of a damaged one all that is no tag is traces."""
    if declares_dtd(BytesIO(xml).read):
        words.add("traces", bare(decoded(xml)))
        return False
    collector = Collector(words, place)
    parser = ParserCreate()
    parser.buffer_text = parser.ordered_attributes = True
    parser.StartElementHandler = collector.start
    parser.EndElementHandler = collector.end
    parser.CharacterDataHandler = collector.data
    try:
        parser.Parse(xml, True)
    except (ExpatError, ValueError, LookupError):
        collector.close()
        words.add("traces", bare(decoded(xml)))
        return False
    collector.close()
    return True


def read_sheet(xml: bytes, words: Words) -> bool:
    """Add the words of a worksheet as `read` does; of plain cells the texts are cut out, as there may be a million."""
    head, begins, rest = xml.partition(b"<sheetData>")
    cells, ends, tail = rest.rpartition(b"</sheetData>")
    peculiar = any(mark in cells for mark in _PECULIAR) or _LONG_NUMBERS.search(cells)
    if not (begins and ends) or peculiar or declares_dtd(BytesIO(xml).read):
        return read(xml, words, "text")
    texts = (piece.partition(b"</is>")[0] for piece in cells.split(b"<is>")[1:])
    words.add("text", bare(decoded(b"\n".join(texts))))
    return read(head + tail, words, "text")


def decoded(xml: bytes) -> str:
    """Return a part as text, in whichever of its two codes."""
    return xml.decode("utf-16" if xml.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", errors="replace")


def bare(xml: str) -> str:
    """Return what is left of a part without its tags: they are cut out, not parsed, and no entity can expand."""
    return html.unescape(_TAG.sub("", xml))


def without_codes(header: str) -> str:
    """Return the words of a workbook's header without the codes for fonts and places."""
    return _HEADER_CODES.sub("", header)


class Collector:
    """Takes the events of a parser and adds the words to their places, a paragraph a line."""

    def __init__(self, words: Words, place: Place) -> None:
        self._words, self._place = words, place
        self._out: list[str] = []
        self._outer: list[tuple[list[str], Place]] = []
        self._aside, self._root = _ASIDE, ""
        self._cell: list[str] = []

    def data(self, text: str) -> None:
        """Take a piece of text."""
        self._out.append(text)

    def start(self, name: str, attributes: list[str]) -> None:
        """Begin an element; `attributes` are names and values by turns."""
        local = name[name.find(":") + 1 :]
        if local == "c":  # a cell, of which there are most: its attributes are places and types
            self._cell = attributes
            return
        if attributes:
            self._attributes(local, attributes)
        if not self._root:
            self._root = local
            self._aside = _ASIDE_IN_SHEETS if local == "worksheet" else _ASIDE
        if aside := self._aside.get(local):
            self._outer.append((self._out, self._place))
            self._out = []
            self._place = self._place if aside == SAME else cast(Place, aside)
        elif local in _LETTERS:
            self._out.append(_LETTERS[local])

    def end(self, name: str) -> None:
        """End an element."""
        local = name[name.find(":") + 1 :]
        if local in self._aside and self._outer:
            self._end_aside(local)
        elif local in _BREAKS:
            self._out.append("\n")

    def close(self) -> None:
        """Add what is left, also where elements never ended."""
        while self._outer:
            self._end_aside("")
        self._words.add(self._place, "".join(self._out))
        self._out = []

    def _end_aside(self, local: str) -> None:
        chunk = "".join(self._out)
        if local in ("instrText", "f"):
            self._words.targets += [html.unescape(t) for t in _ADDRESS.findall(chunk)]
        elif local == "v" and self._root == "worksheet":
            chunk = chunk if "str" in self._cell or "d" in self._cell or _LONG_NUMBER.fullmatch(chunk) else ""
        elif local.endswith(("Header", "Footer")):
            chunk = without_codes(chunk)
        elif local == "title" and self._root == "coreProperties":
            self._words.title = chunk.strip()
        self._words.add(self._place, chunk)
        self._out, self._place = self._outer.pop()

    def _attributes(self, local: str, attributes: list[str]) -> None:
        if local in _SPECIAL:
            self._special(local, dict(zip(attributes[::2], attributes[1::2], strict=True)))
        for at in range(1, len(attributes), 2):
            value = attributes[at]
            if len(value) >= _SHORTEST or not value.isascii():
                self._attribute(local, attributes[at - 1], value)

    def _attribute(self, local: str, name: str, value: str) -> None:
        key = name[name.find(":") + 1 :]
        if key in _TOLD or (key == "name" and local in _NAMES):
            self._words.add("margins", value)
        elif local not in _FONTS and not value.isascii():
            self._words.add("traces", value)

    def _special(self, local: str, said: dict[str, str]) -> None:
        plain = {name[name.find(":") + 1 :]: value for name, value in said.items()}
        if local == "sym":
            self._out.append(_symbol(plain.get("char", "")))
        elif local == "fldSimple":
            self._words.targets += _ADDRESS.findall(plain.get("instr", ""))


def _symbol(char: str) -> str:
    """Return a symbol by its number in its font: the star of Wingdings is F0AB."""
    try:
        return chr(int(char, 16))
    except (ValueError, OverflowError):
        return ""
