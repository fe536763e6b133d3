"""What the cells of an OpenDocument sheet hold beside their values: each cell carries the text that is seen of it."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import iterparse

from baosong.validation.sandbox.programs.found import MAX_COLUMNS, MOST, Found, spelled
from baosong.validation.sandbox.programs.xlsx_cells import LONGEST_COMMENT, RAISED, tag

TYPE_CHECKING = False  # typing takes longer to import than all others
if TYPE_CHECKING:
    import zipfile
    from typing import IO, Any

CONTENT = "content.xml"
_HIDDEN = ("collapse", "filter")
_UP = ("super", *"123456789")  # of a line's height
_BRACKETS = re.compile(r"\[([^\[\]]*+)\]")
_SHEET = re.compile(r"(?:^|(?<=:))(\$?'[^']*+'|[^.:']*+)\.")


def look(archive: zipfile.ZipFile, max_rows: int) -> dict[str, Found]:
    """Return what the sheets hold beside their values, by their names."""
    with archive.open(CONTENT) as xml:
        return Walk(max_rows).over(xml)


class Walk:
    """One reading of the content, cell by cell; a row or a cell may stand for many equal ones."""

    def __init__(self, max_rows: int) -> None:
        self.max_rows = max_rows
        self.sheets: dict[str, Found] = {}
        self.found = Found()
        self.row, self.column, self.depth = 0, 0, 0
        self.struck: set[str] = set()  # names of styles
        self.raised: set[str] = set()

    def over(self, xml: IO[bytes]) -> dict[str, Found]:
        """Return what each sheet holds."""
        for event, element in iterparse(xml, events=("start", "end")):  # noqa: S314 no entities, or it was refused
            match event, tag(element):
                case "start", "table":
                    self._begin(attributes(element).get("name", ""))
                case "end", "style":
                    self._style(element)
                case "end", "table-column":
                    self._columns(attributes(element))
                case "end", "table-row":
                    self._row(element)
        return self.sheets

    def _begin(self, name: str) -> None:
        self.found = self.sheets[name] = Found()
        self.row, self.column = 0, 0

    def _style(self, element: Any) -> None:
        name = attributes(element).get("name", "")
        for looks in (attributes(e) for e in element if tag(e) == "text-properties"):
            # LibreOffice gives a cell's line a style, and that of a part of its text a type alone
            if looks.get("text-line-through-style", looks.get("text-line-through-type", "none")) != "none":
                self.struck.add(name)
            if looks.get("text-position", "").startswith(_UP):
                self.raised.add(name)

    def _columns(self, about: dict[str, str]) -> None:
        many = _times(about, "number-columns-repeated")
        if about.get("visibility") in _HIDDEN:
            self.found.hidden_columns += range(self.column, min(self.column + many, MAX_COLUMNS))
        self.column += many

    def _row(self, row: Any) -> None:
        about = attributes(row)
        many, column = _times(about, "number-rows-repeated"), 0
        if self.row < self.max_rows:
            if about.get("visibility") in _HIDDEN:
                self.found.hidden_rows += range(self.row, min(self.row + many, self.max_rows, self.row + MOST))
            for cell in row:
                if tag(cell) in ("table-cell", "covered-table-cell"):
                    if column < MAX_COLUMNS:
                        self._cell(cell, (self.row, column))
                    column += _times(attributes(cell), "number-columns-repeated")
        self.row += many
        row.clear()

    def _cell(self, cell: Any, at: tuple[int, int]) -> None:
        about, found = attributes(cell), self.found
        text, struck = self._text(cell)
        self._beside(cell, at, about)
        if about.get("value-type") == "error" or _is_error(about, text):
            found.uncached[at], found.values[at] = text or "#", ""
        elif struck is not None:
            found.struck_in_part(at, text, struck)
        elif text and about.get("style-name") in self.struck:
            found.struck[at] = None
        elif about.get("value-type") == "time":  # of which the reader gives PT26H30M00S
            found.values[at] = text
        if about.get("value-type") in ("float", "currency", "percentage") and _differs(about.get("value", ""), text):
            found.shown[at] = text

    def _beside(self, cell: Any, at: tuple[int, int], about: dict[str, str]) -> None:
        """Note what a cell has besides its text: the cells that it covers, a comment, a formula."""
        found = self.found
        down, right = _times(about, "number-rows-spanned"), _times(about, "number-columns-spanned")
        if (down > 1 or right > 1) and len(found.merged) < MOST:
            found.merged.append((at, (at[0] + down - 1, at[1] + right - 1)))
        for note in (e for e in cell if tag(e) == "annotation"):
            found.comments[at] = "".join("".join(p.itertext()) for p in note if tag(p) == "p")[:LONGEST_COMMENT]
        if about.get("formula") and len(found.formulas) < MOST:
            found.formulas[at] = spelled(_plain(about["formula"]))

    def _text(self, cell: Any) -> tuple[str, str | None]:
        """Return what is seen of a cell's text, and what is struck out in it; None where all of it is seen alike."""
        seen: list[str] = []
        struck, raised = "", False
        for paragraph in (e for e in cell if tag(e) == "p"):
            pieces = [paragraph.text or ""]
            for span in paragraph:
                style, text = attributes(span).get("style-name"), "".join(span.itertext())
                if style in self.struck:
                    struck, text = struck + text, ""
                elif style in self.raised:
                    raised, text = raised or any(map(str.isdigit, text)), text.translate(RAISED)
                pieces += (text, span.tail or "")
            seen.append("".join(pieces))
        return "\n".join(seen), struck if struck or raised else None


def _is_error(about: dict[str, str], text: str) -> bool:
    """Return whether a formula's result is an error value, in whatever words the program has."""
    return bool(about.get("formula")) and ((text.startswith("#") and text[-1:] in "!?A0") or text.startswith("Err:"))


def _differs(value: str, text: str) -> bool:
    try:
        return Decimal(value) != Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        return True


def _plain(formula: str) -> str:
    """Return a formula as other programs spell it: of:=SUM([.E18];[$'a b'.F18]) is =SUM(E18,$'a b'!F18)."""
    text = formula[formula.find("=") :].replace(";", ",")
    return _BRACKETS.sub(lambda found: _SHEET.sub(lambda sheet: f"{sheet[1]}!" if sheet[1] else "", found[1]), text)


def _times(about: dict[str, str], name: str) -> int:
    text = about.get(name, "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 10 else 1


def attributes(element: Any) -> dict[str, str]:
    """Return an element's attributes without their namespaces; of two types of a value the more exact one."""
    found: dict[str, str] = {}
    for name, value in element.attrib.items():
        plain = name.rpartition("}")[2]
        if plain not in found or "calc" in name:
            found[plain] = value
    return found
