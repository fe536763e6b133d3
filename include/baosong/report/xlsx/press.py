"""The workbook's sheet of press coverage: every piece that prefectures sent, with its level and address."""

from __future__ import annotations

from baosong.report.consolidation import RegionFigures
from baosong.report.press_list import press_row
from baosong.report.xlsx.sheet import Table, Value

PRESS = "媒体报道"
_HEAD = ("序号", "级别", "标题", "媒体", "日期", "报送地州市", "网址")
_WIDTHS = (6, 12, 70, 38, 12, 26, 60)
_LINKS = 60_000  # Excel opens no sheet with more than 65,530


def press_sheet(table: Table, figures: RegionFigures, heading: str, note: str, head: int) -> None:
    """Write title, header and rows; addresses of the web lead there."""
    told = figures.coverage
    count = f"列有标题或网址的报道 {len(told.pieces)} 条，来自 {told.files - len(told.unlisted)} 份媒体报道材料"
    table.title(f"{heading}：{PRESS}", f"{count}；{note}", 2, len(_HEAD) - 1)
    for column, label in enumerate(_HEAD, start=1):
        table.head(head, column, label)
    for number, p in enumerate(told.pieces, start=1):
        _, *texts, link = press_row(figures, number, p)
        values: list[Value] = [number, p.level, *texts, link]
        for column, value in enumerate(values, start=1):
            cell = table.put(head + number, column, value, centred=column in (1, 2, 5))
        if link.startswith(("http://", "https://")) and number <= _LINKS:
            cell.hyperlink = link
    table.widths(_WIDTHS)
    table.fit(range(head, head + len(told.pieces) + 1))
    table.sheet.auto_filter.ref = f"A{head}:G{head + len(told.pieces)}"
    # On paper a row ends with who sent it, so that it is one line; the addresses stand in the Word report, too.
    table.printed((head, head), beside=1, area=f"A1:F{head + len(told.pieces)}")
