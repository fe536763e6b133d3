"""The workbook's supporting sheets: provenance of each figure, data quality, method, and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from openpyxl.chart import BarChart, Reference, Series
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.drawing.colors import ColorChoice
from openpyxl.drawing.fill import PatternFillProperties
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.pagebreak import Break

from baosong.campaign.form import Indicator
from baosong.report.changes import Changes
from baosong.report.consolidation import AcceptedFile, Figure, PrefectureFigures, RegionFigures, exact
from baosong.report.wording import NOTHING
from baosong.report.xlsx.sheet import Table
from baosong.report.xlsx.timeline import DAYS

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

ORIGINS, QUALITY, METHOD, CHARTS = "数据来源", "数据质量", "口径说明", "图表"
MOST_LINKS = 20_000  # Excel takes 65,530 per sheet; beyond this only the prefectures' names are links
MOST_BARS = 40
FIRST_CHART = 6  # the row
_DARK = "404040"
_FILLS = (_DARK, "", "D0D0D0", "FFFFFF")  # of a chart's series; the second one is hatched


@dataclass(frozen=True, slots=True)
class Column:
    """A column of 各地州市: one part (total, offline, online) of one indicator."""

    indicator: Indicator
    part: str
    number: int

    def value(self, figure: Figure) -> Decimal | int | None:
        """Return the exact value of the part; None where it was not stated."""
        return exact(getattr(figure, self.part), self.indicator)


def used_sheet(file: AcceptedFile, which: int, fallback: str) -> str:
    """Return the sheet name of the indicators (0) or activities (1) in the prefecture's own file."""
    return file.used[which] if which < len(file.used) else fallback


def origins(table: Table, figures: RegionFigures, columns: Sequence[Column], first: int, head: int) -> None:
    """Write 数据来源: each cell holds the source of the figure in the same cell of 各地州市."""
    labels = ["报送编号", "文件指纹（SHA-256）"]
    end = len(columns) + 3
    table.head(head, 1, "代码", to_row=head + 2)
    table.head(head, 2, "地州市", to_row=head + 2)
    for c in columns:
        table.head(head, c.number, f"{c.indicator.code}\n{c.indicator.name}", to_row=head + 2)
    for n, label in enumerate(labels, start=end):
        table.head(head, n, label, to_row=head + 2)
    for row, p in enumerate(figures.prefectures, start=first):
        table.put(row, 1, p.prefecture.code, centred=True)
        table.put(row, 2, p.prefecture.name + ("" if p.sheet else "（未计入）"))
        for c in columns:
            table.put(row, c.number, _origin(p, c, figures), centred=True)
        s = p.sheet
        table.put(row, end, s.id if s else None, centred=True)
        table.put(row, end + 1, s.sha256 if s else None, centred=True)
    table.heights([head, head + 1, head + 2], 26)
    table.widths([8, 34, *([14] * len(columns)), 12, 76])
    table.fit(range(first, first + len(figures.prefectures)))
    last = first + len(figures.prefectures) - 1
    area = f"{get_column_letter(end)}{head}:{get_column_letter(end + 1)}{last}"
    table.printed((head, head + 2), beside=2, area=area)  # the cells are for following links, not for paper


def _origin(p: PrefectureFigures, column: Column, figures: RegionFigures) -> str:
    figure, code = p.values.get(column.indicator.code), column.indicator.code
    if p.sheet is None or figure is None or getattr(figure, column.part) is None:
        return NOTHING
    return f"{used_sheet(p.sheet, 0, figures.campaign.form.indicators.sheet)}!{p.cell(code, column.part)}"


def link(sheet: Worksheet, figures: RegionFigures, columns: Sequence[Column], first: int) -> None:
    """Link each figure of 各地州市 to its source; where those are too many, only each prefecture's name."""
    numbers = [2, *(c.number for c in columns)] if len(columns) * len(figures.prefectures) <= MOST_LINKS else [2]
    for row, p in enumerate(figures.prefectures, start=first):
        for number in numbers if p.sheet else ():
            cell: Any = sheet.cell(row, number)
            if cell.value is not None:
                cell.hyperlink = Hyperlink(ref="", location=f"'{ORIGINS}'!{cell.coordinate}")


def quality(table: Table, figures: RegionFigures, head: int) -> None:
    """Write 数据质量: the warnings about figures, each with its location."""
    names = {p.code: p.name for p in figures.campaign.prefectures}
    kinds = {d.kind.value: d.name for d in figures.campaign.deliverables}
    labels = ["地州市", "材料", "位置", "情况", "填报的是", "参照"]
    for n, label in enumerate(labels, start=1):
        table.head(head, n, label)
    for row, r in enumerate(figures.remarks, start=head + 1):
        texts = (names[r.prefecture], kinds.get(r.kind, r.kind), r.place, r.message, r.observed, r.expected)
        for n, text in enumerate(texts, start=1):
            table.put(row, n, text)
    if not figures.remarks:
        table.put(head + 1, 1, "没有需要提请核实的数据。")
    table.widths([22, 24, 28, 60, 24, 28])
    table.fit(range(head, head + 2 + len(figures.remarks)))
    table.sheet.auto_filter.ref = f"A{head}:F{head + max(1, len(figures.remarks))}"
    table.printed((head, head), beside=1)


def method(table: Table, figures: RegionFigures, changes: Changes | None, head: int) -> None:
    """Write 口径说明: the method of counting, and the changes since the previous version."""
    form = figures.campaign.form
    title = form.title.format(title=figures.campaign.title)
    lines = [
        ("计入范围", "截至统计时已接收的统计表；同一地州市多次报送的，以最后接收的一份为准；被退回和待审核的不计入。"),
        ("合计", "“汇总”和“各地州市”的合计是公式，由各地州市的数相加得出；“台账合计”是数据库中的合计，两者应当一致。"),
        ("空格", "空格表示没有填报，与填报为 0 不同。"),
        ("数据来源", f"“各地州市”任一格的来源，写在“{ORIGINS}”的同一格：报送文件中的工作表和单元格；点击可直达。"),
        ("活动明细", "按地州市次序列出全部活动，最后一列是报送文件中的工作表和行号。"),
        ("表式", f"{title}（{form.version}）"),
        ("汇总输入", f"{len(figures.sheets)} 份统计表"),
    ]  # fmt: skip
    if changes:
        count = f"{len(changes.figures)} 个数据有变化" if changes.figures else "数据没有变化"
        lines.append((f"与第 {changes.against} 版相比", count))
        lines += [("变化", text) for text in changes.texts]
        lines += [(f"变化：{c.place}", f"{c.what}：{c.before} → {c.after}") for c in changes.figures]
    table.head(head, 1, "项目")
    table.head(head, 2, "说明")
    for row, pair in enumerate(lines, start=head + 1):
        for n, text in enumerate(pair, start=1):
            table.put(row, n, text)
    table.widths([30, 110])
    table.fit(range(head, head + 1 + len(lines)))
    table.printed((head, head), beside=1, scale=60)


def charts(
    table: Table,
    figures: RegionFigures,
    data: Mapping[str, Worksheet],
    columns: Sequence[Column],
    rows: tuple[int, int],
) -> None:
    """Draw native charts of the cells: the required indicators by prefecture, and the kinds that add up to them."""
    head = 4
    table.head(head, 1, "下列图由“汇总”“各地州市”的数据生成，随数据变化。", to_column=12)
    row = FIRST_CHART
    for i in (i for i in figures.campaign.form.indicators.rows if i.required):
        if len(figures.prefectures) <= MOST_BARS:
            parts = [c for c in columns if c.indicator == i and c.part != "total"] or [
                c for c in columns if c.indicator == i
            ]
            named = [("线下", "线上")[n] if len(parts) > 1 else "合计" for n in range(len(parts))]
            some = dict(zip([c.number for c in parts], named, strict=True))
            row = _add_chart(table, row, f"各地州市{i.name}（{i.unit}）", data["各地州市"], some, 2, rows)
        kinds = [n for n, k in enumerate(figures.campaign.form.indicators.rows, head + 1) if k.adds_to == i.code]
        if kinds and kinds == list(range(kinds[0], kinds[-1] + 1)):
            row = _add_chart(table, row, f"{i.name}分类", data["汇总"], {4: "合计"}, 2, (kinds[0], kinds[-1]))
    told = figures.activities.counts.timeline
    if told.within and 1 < len(told.days) <= MOST_BARS:
        forms = dict(enumerate(told.forms, start=2))
        _add_chart(table, row, "每日开展的活动（项）", data[DAYS], forms, 1, (head + 1, head + len(told.days)))
    table.widths([8] * 12)
    table.printed((head, head), beside=1, scale=65)


def _add_chart(
    table: Table, row: int, title: str, data: Worksheet, columns: Mapping[int, str], names: int, rows: tuple[int, int]
) -> int:
    """Draw columns, each with its series' name, below one another; return the next free row."""
    chart = BarChart()
    chart.type, chart.title, chart.gapWidth = "bar", title, 45
    chart.grouping, chart.overlap = ("stacked", 100) if len(columns) > 1 else ("clustered", None)
    for n, (column, name) in enumerate(columns.items()):
        series = Series(Reference(data, min_col=column, min_row=rows[0], max_row=rows[1]), title=name)
        series.graphicalProperties = _hatched() if n == 1 else GraphicalProperties(solidFill=_FILLS[n])
        series.graphicalProperties.line.solidFill = "000000"
        chart.append(series)
    chart.set_categories(Reference(data, min_col=names, min_row=rows[0], max_row=rows[1]))
    chart.x_axis.scaling.orientation = "maxMin"
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.y_axis.numFmt = "#,##0"
    chart.legend = chart.legend if len(columns) > 1 else None
    lines = rows[1] - rows[0] + 1
    chart.width, chart.height = 24, 4 + 0.6 * lines
    drawn = len(table.sheet._charts)  # type: ignore[attr-defined]  # openpyxl has no public list of them
    if drawn and drawn % 2 == 0:
        table.sheet.row_breaks.append(Break(id=row - 1))  # two on a page, so that none is split
    table.sheet.add_chart(chart, f"A{row}")
    return row + int(chart.height * 1.9) + 1  # rows of 15 points, with a reserve for programs that draw them lower


def _hatched() -> GraphicalProperties:
    fill = PatternFillProperties(prst="wdUpDiag")
    fill.foreground, fill.background = _colour(_DARK), _colour("FFFFFF")
    return GraphicalProperties(pattFill=fill)


def _colour(rgb: str) -> ColorChoice:
    return ColorChoice(srgbClr=rgb)  # type: ignore[arg-type]  # it takes a text, its stubs do not
