"""The first sheet of an annotated copy: every finding, the most severe first, with a link to its cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import copy
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import quote_sheetname
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from baosong.receipts.annotated_workbook.marks import FILLS, cell_of
from baosong.report.xlsx.sheet import Table

NAME = "校验结果"
TITLE = "统计表校验结果"
_COLUMNS = (
    ("程度", "word", 10.0), ("位置", "place", 18.0), ("问题", "problem", 40.0),
    ("实际", "found", 20.0), ("要求", "expected", 26.0), ("怎样修改", "fix", 36.0),
)  # fmt: skip
_HEAD = 3
_HELP = (
    "点“位置”可跳到该单元格，那里的批注写明怎样修改。改好后请放回“统计表”文件夹重新报送；"
    "直接在本文件上改也可以，本页和批注不必删除。"
)


def add_listing(book: Workbook, by_name: Mapping[str, Worksheet], work: Mapping[str, Any]) -> None:
    """Insert the list before the sender's sheets, replacing the list of an earlier annotated copy."""
    for sheet in [s for s in book.worksheets if s.title == NAME and s["A1"].value == TITLE]:
        book.remove(sheet)
    table = Table(book.create_sheet(NAME, 0))
    table.widths([width for _, _, width in _COLUMNS])
    table.title(TITLE, _summary(work), 1, len(_COLUMNS))
    table.heights([2], 48.0)
    for column, (label, _, _) in enumerate(_COLUMNS, 1):
        table.head(_HEAD, column, label)
    for row, finding in enumerate(work["findings"], _HEAD + 1):
        for column, (_, key, _) in enumerate(_COLUMNS, 1):
            table.put(row, column, finding[key], centred=key == "word")
        table.sheet.cell(row, 1).fill = FILLS[finding["severity"]]
        _link(table.sheet, row, by_name, finding)
    table.fit(range(_HEAD + 1, _HEAD + 1 + len(work["findings"])))
    table.printed((_HEAD, _HEAD), beside=1)
    _open_at(book, table.sheet)


def _summary(work: Mapping[str, Any]) -> str:
    counts = Counter(finding["word"] for finding in work["findings"])
    summary = "，".join(f"{word} {count} 处" for word, count in counts.items())
    return f"{work['title']}　文件：{work['file']}　{summary}。\n{_HELP}"


def _link(sheet: Worksheet, row: int, by_name: Mapping[str, Worksheet], finding: Mapping[str, str]) -> None:
    target = by_name.get(finding["sheet"])
    if target is None:
        return
    cell = cell_of(by_name, finding)
    place = sheet.cell(row, 2)
    address = cell.coordinate if cell else "A1"
    place.hyperlink = Hyperlink(ref=place.coordinate, location=f"{quote_sheetname(target.title)}!{address}")
    font = copy(place.font)
    place.font = Font(name=font.name, size=font.size, color="17407B", underline="single")


def _open_at(book: Workbook, sheet: Worksheet) -> None:
    """Make this sheet the active and only selected one: typing into a group of selected sheets changes all of them."""
    for other in book.worksheets:
        other.sheet_view.tabSelected = other is sheet
    book.active = sheet
    for view in book.views:
        view.firstSheet = 0
