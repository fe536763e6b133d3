"""The single page is set as large as its text lets it: a region has more or less to tell, the paper stays the same."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from docx.oxml.ns import qn
from docx.shared import Length, Pt
from docx.table import Table

_STEPS = range(127, 69, -1)  # percent: from 4号 in the text down to what can still be read
_AUTO = 1.5  # of the letters' size: the highest line of the fonts that a reader may have
_LATIN = 0.6  # of a Chinese letter's width, in the widest of these fonts
_AROUND = ("space_before", "space_after")
_ROW = 2.0  # points: what margins and lines add to a row
_BESIDE = 6.0  # points: the margins beside the text of a cell
_HEIGHTS = {"spacing": ("before", "after", "line"), "ind": ("firstLine", "right"), "trHeight": ("val",)}


@dataclass(frozen=True, slots=True)
class _Text:
    """A paragraph; `ems` is its length in letters, all else in points."""

    ems: float
    size: float
    line: float
    around: float
    width: float

    def height(self, factor: float) -> float:
        """Return its height; a line may lack a letter, where none may begin the next one."""
        size = round(self.size * factor * 2) / 2
        lines = max(1, math.ceil(self.ems * size / max(self.width - size, size)))
        return (lines * self.line + self.around) * factor


@dataclass(frozen=True, slots=True)
class _Row:
    least: float
    cells: list[list[_Text]]

    def height(self, factor: float) -> float:
        """Return the height of the highest cell."""
        return max(self.least * factor, *(sum(t.height(factor) for t in cell) for cell in self.cells)) + _ROW


def fill_page(document: Any) -> None:
    """Enlarge letters, lines and map alike until they fill the page; the same document gives the same page.

    Neither Word nor LibreOffice does this by itself, so heights are estimated, rather too large than too small.
    """
    section = document.sections[0]
    wide = section.page_width - section.left_margin - section.right_margin
    high = section.page_height - section.top_margin - section.bottom_margin
    blocks = list(_blocks(document, Length(wide).pt))
    fits = (step / 100 for step in _STEPS if sum(b.height(step / 100) for b in blocks) <= Length(high).pt)
    factor = next(fits, _STEPS[-1] / 100)
    for root in (document.styles.element, document.element.body):
        _scale(root, factor)


def _blocks(document: Any, width: float) -> Iterator[_Text | _Row]:
    for item in document.iter_inner_content():
        if not isinstance(item, Table):
            yield _text(item, width)
            continue
        for row in item.rows:
            cells = [[_text(p, cell.width.pt - _BESIDE) for p in cell.paragraphs] for cell in row.cells]
            yield _Row(row.height.pt if row.height else 0.0, cells)


def _text(paragraph: Any, width: float) -> _Text:
    style, own = paragraph.style, paragraph.paragraph_format
    forms = (own, style.paragraph_format)
    sizes = [run.font.size for run in paragraph.runs if run.font.size]
    size = max(sizes, default=style.font.size or Pt(11)).pt
    line = next((f.line_spacing for f in forms if f.line_spacing), 1.0)
    around = (next((s.pt for f in forms if (s := getattr(f, at)) is not None), 0.0) for at in _AROUND)
    indent = 2 if any(f.first_line_indent for f in forms) else 0
    ems = sum(1 if unicodedata.east_asian_width(letter) in "WFA" else _LATIN for letter in paragraph.text)
    return _Text(ems + indent, size, line.pt if isinstance(line, Length) else size * _AUTO * line, sum(around), width)


def _scale(root: Any, factor: float) -> None:
    for size in root.iter(qn("w:sz")):
        if size.getparent().tag == qn("w:rPr"):  # of letters; a border's is its thickness
            size.set(qn("w:val"), str(round(int(size.get(qn("w:val"))) * factor)))
    for tag, names in _HEIGHTS.items():
        for element in root.iter(qn(f"w:{tag}")):
            exact = element.get(qn("w:lineRule")) in ("exact", "atLeast")
            for name in names:
                if (value := element.get(qn(f"w:{name}"))) and (name != "line" or exact):
                    element.set(qn(f"w:{name}"), str(round(int(value) * factor)))
