"""What the cells of an xlsx hold beside their values: formulas, error values, what is hidden, struck out or shown.

Only parts that hold any of it are walked, which a search of their bytes tells: most hold none, and a walk costs more
than to read all values. openpyxl would tell it too, but it refuses whole books for a font that WPS does not mind.
"""

from __future__ import annotations

import posixpath
import re
from datetime import date, datetime, timedelta
from xml.etree.ElementTree import fromstring, iterparse

from baosong.validation.sandbox.programs.found import (
    EAST_ASIAN_DATES,
    MAX_COLUMNS,
    MOST,
    Found,
    column_number,
    moved,
    spelled,
)

TYPE_CHECKING = False  # typing takes longer to import than all others
if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator
    from typing import IO, Any

    from baosong.validation.sandbox.programs.number_format import NumberFormat

CHUNK = 1 << 20
OVERLAP = 256  # bytes of a chunk's end that are searched with the next one, longer than any mark
LONGEST_COMMENT = 2000
PICTURE = "#PICTURE"
_PATTERNS = (rb"<f[ />]", rb":f[ >]", rb"""hidden=["'](?:1|true)""")  # one pattern of all is slower
_MARKS = (b't="e"', b' ht="0"', b"rPr>")  # the last where a text is of several looks
_UNSEEN_COLUMN = b' width="0"'  # before all cells
_PLAIN = re.compile(r"(?i)(?:general|@|[#,]*0(?:\.(0+))?_?\s?|[ymd/\\-]+)(?:;@)?")  # by far the most formats
_BUILT_IN = {1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 48: "##0.0E+0"}
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")  # no digit of the number that it stands beside


class Book:
    """The parts that all sheets share: which styles show or mean something else, struck texts, the first day."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.members = {name.replace("\\", "/"): name for name in archive.namelist()}
        self.archive = archive
        self.from_1904 = False
        self.styles: dict[int, Style] = {}
        if "xl/styles.xml" in self.members:
            self.styles = _styles(fromstring(self.read("xl/styles.xml")))  # noqa: S314 no entities, or it was refused
        self.texts: dict[int, tuple[str, str]] = {}
        self.struck_texts()

    def read(self, name: str) -> bytes:
        """Return a part by its plain name."""
        return self.archive.read(self.members[name])

    def struck_texts(self) -> None:
        """Note the shared texts that are struck out in part, by their numbers."""
        if (name := "xl/sharedStrings.xml") not in self.members:
            return
        with self.archive.open(self.members[name]) as part:
            if not _holds(part, [], (b"strike", b"vertAlign")):
                return
        with self.archive.open(self.members[name]) as part:
            for number, item in enumerate(_items(part)):
                if text := _parted(item):
                    self.texts[number] = text

    def sheets(self) -> dict[str, str]:
        """Return the plain name of the part that holds each sheet, by the sheet's name."""
        targets = dict(_relations(self, "xl/_rels/workbook.xml.rels", "xl"))
        root = fromstring(self.read("xl/workbook.xml"))  # noqa: S314 no entities, or it was refused
        parts = {}
        for element in root.iter():
            if tag(element) == "workbookPr":
                self.from_1904 = element.get("date1904") in ("1", "true")
            if tag(element) == "sheet":
                key = next((v for k, v in element.attrib.items() if k.endswith("}id")), "")
                parts[element.get("name", "")] = targets.get(key, "")
        return parts


class Style:
    """A cell's style as far as it changes what a value says: `decimals` are those that a plain format shows."""

    __slots__ = ("_code", "decimals", "is_day", "is_plain", "struck")

    def __init__(self, number: int, code: str, struck: bool) -> None:
        self.is_day = not code and number in EAST_ASIAN_DATES
        self._code = code or _BUILT_IN.get(number, "General")
        self.struck = struck
        simple = _PLAIN.fullmatch(self._code)
        if simple:
            self.is_plain, has_digits = True, "0" in self._code
            self.decimals = len(simple[1] or "") if has_digits else None
        else:
            self.is_plain, self.decimals = self.format.is_plain, None if self.format.is_date else self.format.decimals

    @property
    def format(self) -> NumberFormat:
        """Return the number format."""
        from baosong.validation.sandbox.programs import number_format

        return number_format.parsed(self._code)

    @property
    def is_loud(self) -> bool:
        """Return whether every cell of it must be looked at."""
        return self.struck or self.is_day or not self.is_plain


PLAIN = Style(0, "", struck=False)


def look(archive: zipfile.ZipFile, max_rows: int) -> dict[str, Found]:
    """Return what the sheets hold beside their values, by their names."""
    book, found = Book(archive), {}
    patterns = _patterns(book.styles)
    for name, part in book.sheets().items():
        if part not in book.members:
            continue
        here = found[name] = Found(from_1904=book.from_1904)
        with archive.open(book.members[part]) as xml:
            walked = bool(book.texts) or _holds(xml, patterns, _MARKS)
        if walked:
            with archive.open(book.members[part]) as xml:
                Walk(book, here, max_rows).over(xml)
        here.comments = _comments(book, part)
    return found


def _styles(root: Any) -> dict[int, Style]:
    codes = {int(e.get("numFmtId", -1)): e.get("formatCode", "") for e in root.iter() if tag(e) == "numFmt"}
    fonts = next((e for e in root if tag(e) == "fonts"), ())
    struck = [any(tag(e) == "strike" and _true(e) for e in font) for font in fonts]
    cells: Any = next((e for e in root if tag(e) == "cellXfs"), ())
    styles = {}
    for index, xf in enumerate(cells):
        number, font = int(xf.get("numFmtId", 0)), int(xf.get("fontId", 0))
        styles[index] = Style(number, codes.get(number, ""), font < len(struck) and struck[font])
    return styles


def _true(element: Any) -> bool:
    return element.get("val", "1") not in ("0", "false")


def _patterns(styles: dict[int, Style]) -> list[re.Pattern[bytes]]:
    """Return what tells that a part must be walked: a formula, a loud style, more decimals than a style shows."""
    by_decimals: dict[int, list[str]] = {}
    for i, style in styles.items():
        if style.decimals is not None and not style.is_loud:
            by_decimals.setdefault(style.decimals, []).append(str(i))
    odd = [
        rb"""(?:%s)["'][^<>]*+><v>-?[0-9]++\.[0-9]{%d}""" % ("|".join(those).encode(), decimals + 1)
        for decimals, those in by_decimals.items()
    ]
    if loud := [str(i) for i, style in styles.items() if style.is_loud]:
        odd.append(rb"""(?:%s)["']""" % "|".join(loud).encode())
    of_styles = [rb""" s=["'](?:%s)""" % b"|".join(odd)] if odd else []
    return [re.compile(p) for p in (*_PATTERNS, *of_styles)]


def _holds(part: IO[bytes], patterns: list[re.Pattern[bytes]], marks: tuple[bytes, ...]) -> bool:
    before = b""
    while chunk := part.read(CHUNK):
        if not before and _UNSEEN_COLUMN in chunk[: chunk.find(b"<sheetData")]:
            return True
        text = before + chunk
        marked = any(mark in text for mark in marks) or (b"'" in text and b"t='e'" in text)
        if marked or any(pattern.search(text) for pattern in patterns):
            return True
        before = text[-OVERLAP:]
    return False


class Walk:
    """One reading of a sheet's part, cell by cell."""

    def __init__(self, book: Book, found: Found, max_rows: int) -> None:
        self.book, self.found, self.max_rows = book, found, max_rows
        self.row, self.column = -1, -1
        self.shared: dict[str, tuple[tuple[int, int], str]] = {}

    def over(self, xml: IO[bytes]) -> None:
        """Note all that the part holds, to the last row that is read."""
        for event, element in iterparse(xml, events=("start", "end")):  # noqa: S314 no entities, or it was refused
            match event, tag(element):
                case "start", "row":
                    self.row, self.column = int(element.get("r", self.row + 2)) - 1, -1
                    if self.row >= self.max_rows or len(self.found.uncached) >= MOST:
                        break
                    if _unseen(element, "ht"):
                        self.found.hidden_rows.append(self.row)
                case "start", "col" if _unseen(element, "width"):
                    last = min(int(element.get("max", 1)), MAX_COLUMNS)
                    self.found.hidden_columns += range(int(element.get("min", 1)) - 1, last)
                case "start", "c":
                    self.column = column_number(element.get("r", "")) if element.get("r") else self.column + 1
                case "end", "c" if self.column < MAX_COLUMNS and len(self.found.uncached) < MOST:
                    self._cell(element)
                case "end", "row":
                    element.clear()

    def _cell(self, cell: Any) -> None:
        at, kind = (self.row, self.column), cell.get("t", "")
        inside = {tag(child): child for child in cell}
        value = inside["v"].text or "" if "v" in inside else ""
        if kind == "e":
            self.found.uncached[at] = PICTURE if "vm" in cell.attrib and value == "#VALUE!" else value or "#"
        elif "f" in inside:
            self._note_formula(at, inside["f"], has_result=bool(value) or (kind == "str" and "v" in inside))
        if text := self._parted_text(kind, value, inside.get("is")):
            self.found.struck_in_part(at, *text)
        if value or kind:
            self._styled(at, self.book.styles.get(int(cell.get("s") or 0), PLAIN), kind, value)

    def _note_formula(self, at: tuple[int, int], element: Any, *, has_result: bool) -> None:
        if not has_result:
            self.found.uncached[at] = spelled(self._formula(element, at))
        elif len(self.found.formulas) < MOST:
            self.found.formulas[at] = spelled(self._formula(element, at))

    def _parted_text(self, kind: str, value: str, inline: Any) -> tuple[str, str] | None:
        if kind == "s":
            return self.book.texts.get(int(value)) if value.isdecimal() else None
        return None if inline is None else _parted(inline)

    def _formula(self, element: Any, at: tuple[int, int]) -> str:
        """Return a formula as it is spelled; one that is shared stands in the first cell only."""
        if element.get("t") != "shared":
            return "=" + (element.text or "")
        first, text = self.shared.setdefault(element.get("si", ""), (at, element.text or ""))
        return "=" + moved(spelled(text), at[0] - first[0], at[1] - first[1])

    def _styled(self, at: tuple[int, int], style: Style, kind: str, value: str) -> None:
        if style.struck:
            self.found.struck.setdefault(at, None)
        if kind not in ("n", "") or not value:
            if not style.is_plain and kind in ("s", "str", "inlineStr"):
                self.found.text_formats[at] = style.format
        elif style.is_day:
            if (day := from_serial(value, self.book.from_1904)) is not None:
                self.found.values[at] = day
        elif (shown := _shown(style, value)) is not None:
            self.found.shown[at] = shown


def _shown(style: Style, value: str) -> str | None:
    """Return what is seen of a number where it may not be the number itself."""
    if style.is_plain and (style.decimals is None or len(value.partition(".")[2]) <= style.decimals):
        return None
    from decimal import Decimal, InvalidOperation

    try:
        number = Decimal(value)
        return style.format.shows(number) if number.is_finite() and abs(number.adjusted()) < 16 else None
    except InvalidOperation:
        return None


def from_serial(value: str, from_1904: bool) -> date | datetime | None:
    """Return the day that a workbook's serial number is, with its time where it has one."""
    try:
        serial = float(value) + 1462 * from_1904
        moment = datetime(1899, 12, 30) + timedelta(days=serial)
    except (ValueError, OverflowError):
        return None
    if not 1 <= serial < 2_958_466:
        return None
    return moment.date() if serial == int(serial) else moment


def _unseen(element: Any, size: str) -> bool:
    """Return whether a row or column is hidden, or made so small that nobody sees it."""
    return element.get("hidden") in ("1", "true") or element.get(size) == "0"


def _parted(item: Any) -> tuple[str, str] | None:
    """Return the text of an item without what is struck out, and that; None where all of it is seen alike."""
    runs = [(_text(run), _looks(run)) for run in item if tag(run) in ("r", "t")]
    struck = "".join(text for text, looks in runs if "strike" in looks)
    raised = any("vertAlign" in looks and any(map(str.isdigit, text)) for text, looks in runs)
    if not struck and not raised:
        return None
    seen = (text.translate(RAISED) if "vertAlign" in looks else text for text, looks in runs if "strike" not in looks)
    return "".join(seen), struck


def _text(run: Any) -> str:
    return run.text or "" if tag(run) == "t" else "".join(t.text or "" for t in run if tag(t) == "t")


def _looks(run: Any) -> set[str]:
    """Return what of a run's looks changes what it says."""
    properties = [e for p in run if tag(p) == "rPr" for e in p]
    return {tag(e) for e in properties if _true(e) and e.get("val") != "baseline"}


def _items(part: IO[bytes]) -> Iterator[Any]:
    for _, element in iterparse(part):  # noqa: S314 no entities, or it was refused
        if tag(element) == "si":
            yield element
            element.clear()


def _relations(book: Book, rels: str, folder: str, kind: str = "") -> Iterator[tuple[str, str]]:
    """Yield the id and the plain name of each part that a part leads to, of a kind only if one is named."""
    if rels not in book.members:
        return
    for relation in fromstring(book.read(rels)):  # noqa: S314 no entities, or it was refused
        if relation.get("Type", "").lower().endswith(kind):
            target = relation.get("Target", "").replace("\\", "/")
            yield relation.get("Id", ""), posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")


def _comments(book: Book, part: str) -> dict[tuple[int, int], str]:
    folder, name = posixpath.split(part)
    found: dict[tuple[int, int], str] = {}
    for _, target in _relations(book, f"{folder}/_rels/{name}.rels", folder, "comments"):
        if target in book.members:
            for comment in fromstring(book.read(target)).iter():  # noqa: S314 no entities, or it was refused
                if tag(comment) == "comment" and len(found) < MOST:
                    text = "".join(t.text or "" for t in comment.iter() if tag(t) == "t")
                    row = comment.get("ref", "").lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
                    if row.isdecimal():
                        at = (int(row) - 1, column_number(comment.get("ref", "")))
                        found[at] = text[:LONGEST_COMMENT]
    return found


def tag(element: Any) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag.rpartition("}")[2])
