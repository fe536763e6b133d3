"""Colours and comments on the cells that findings name, and the removal of those of an earlier annotated copy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import cast

from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.utils import column_index_from_string
from openpyxl.worksheet.worksheet import Worksheet

from baosong.receipts.annotated_workbook.book import cells_of
from baosong.rules.words import strip_control

FindingView = Mapping[str, str]

AUTHOR = "报送系统"
FILLS = {  # dark, middle and pale, so that they differ in black and white print as well
    "error": PatternFill("solid", fgColor="F4A6A0"),
    "warning": PatternFill("solid", fgColor="FFE08A"),
    "note": PatternFill("solid", fgColor="DCE9F7"),
}
LONGEST = 1500
_THEIRS = "\n—— 原有批注 ——\n"
_ADDRESS = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
_WIDTH, _LINE, _HIGHEST = 330, 17, 420  # pixels
_LETTERS = 23  # Chinese characters per line of that width


def mark(by_name: Mapping[str, Worksheet], findings: Sequence[FindingView]) -> int:
    """Colour every cell by its most severe finding and comment it with all of them; return the number of cells."""
    for sheet in by_name.values():
        _wipe(sheet)
    by_cell: dict[tuple[str, str], list[FindingView]] = {}
    for finding in findings:
        if cell := cell_of(by_name, finding):
            by_cell.setdefault((finding["sheet"], cell.coordinate), []).append(finding)
    for (name, address), here in by_cell.items():
        cell = cast(Cell, by_name[name][address])
        cell.fill = FILLS[min((f["severity"] for f in here), key=list(FILLS).index)]
        cell.comment = _comment(here, cell.comment)
    return len(by_cell)


def cell_of(by_name: Mapping[str, Worksheet], finding: FindingView) -> Cell | None:
    """Return the cell of a finding, the first of a merged range; None where the workbook has no such cell."""
    sheet = by_name.get(finding["sheet"])
    address = _ADDRESS.fullmatch(finding["cell"])
    if sheet is None or address is None:
        return None
    row, column = int(address[2]), column_index_from_string(address[1])
    if row > _LAST_ROW or column > _LAST_COLUMN:
        return None
    cell = sheet.cell(row, column)
    if isinstance(cell, MergedCell):
        (first,) = [r for r in sheet.merged_cells.ranges if cell.coordinate in r][:1]
        return cast(Cell, sheet.cell(first.min_row, first.min_col))
    return cell


def _comment(here: Sequence[FindingView], theirs: Comment | None) -> Comment:
    text = "\n\n".join(_text(finding) for finding in here)
    if len(text) > LONGEST:
        text = text[:LONGEST] + "……\n（其余见“校验结果”页）"
    if theirs is not None:
        text += _THEIRS + theirs.text
    text = strip_control(text)
    lines = sum(1 + len(line) // _LETTERS for line in text.split("\n"))
    return Comment(text, AUTHOR, height=min(_LINE * (lines + 1), _HIGHEST), width=_WIDTH)


def _text(finding: FindingView) -> str:
    parts = [f"【{finding['word']}】{finding['problem']}"]
    for label, key in (("实际", "found"), ("要求", "expected"), ("怎样修改", "fix")):
        if finding[key]:
            parts.append(f"{label}：{finding[key]}")
    return "\n".join(parts)


def _wipe(sheet: Worksheet) -> None:
    """Remove the marks of an earlier copy: people correct the annotated copy itself and submit it again."""
    ours = {fill.fgColor.rgb for fill in FILLS.values()}
    for cell in cells_of(sheet):
        if cell.comment is None or cell.comment.author != AUTHOR:
            continue
        _, marker, theirs = cell.comment.text.partition(_THEIRS)
        cell.comment = Comment(theirs, "") if marker else None
        if cell.fill.fill_type == "solid" and cell.fill.fgColor.rgb in ours:
            cell.fill = PatternFill()
