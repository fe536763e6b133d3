"""The region's workbook (汇总表.xlsx): every total is a live formula with the ledger's value as its stored result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date
from decimal import Decimal
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from baosong.campaign.form import ActivityField, Indicator
from baosong.report.changes import Changes
from baosong.report.consolidation import Figure, Punctuality, RegionFigures, exact
from baosong.report.reproducible import make_reproducible
from baosong.report.xlsx import provenance
from baosong.report.xlsx.press import PRESS, press_sheet
from baosong.report.xlsx.provenance import Column
from baosong.report.xlsx.row_writer import MOST_ROWS, row_writer
from baosong.report.xlsx.sheet import Table, Value
from baosong.report.xlsx.timeline import DAYS, days_sheet
from baosong.rules.words import CELL_WORDS, time_text

if TYPE_CHECKING:
    from baosong.ledger import ActivityRow

REGION, PREFECTURES, ACTIVITIES, PUNCTUALITY = "汇总", "各地州市", "活动明细", "报送情况"
HEAD = 4  # the first header row of every sheet; title and explanation stand above
SUPPORTING = (provenance.ORIGINS, provenance.QUALITY, provenance.METHOD, provenance.CHARTS)
SHEETS = (REGION, PREFECTURES, ACTIVITIES, DAYS, PUNCTUALITY, PRESS, *SUPPORTING)
PARTS = {"total": "合计", "offline": "其中：线下", "online": "其中：线上"}
NONE = "—"
# Widths by which most activities stand on one line.
_ROOMY = {
    "name": 42,
    "county": 17,
    "category": 11,
    "place": 30,
    "host": 36,
    "organizer": 24,
    "form": 14,
    "leader": 18,
    "summary": 120,
}
_PATTERNS: dict[str, Value] = {"date": date(2000, 1, 1), "decimal": Decimal(1), "integer": 1}


def make_workbook(figures: RegionFigures, edition: str, changes: Changes | None = None) -> bytes:
    """Return the workbook of a `final` or `interim` edition; the same figures and changes give the same bytes."""
    book = Workbook()
    book.remove(book.worksheets[0])
    tables = {name: Table(book.create_sheet(name)) for name in SHEETS}
    columns = _columns(figures)
    mark = "（中期）" if edition == "interim" else "（部分地州市缺报）" if figures.closed_at else ""
    heading = f"{figures.campaign.title}开展情况汇总表{mark}"
    _region(tables[REGION], figures, columns, heading)
    _prefectures(tables[PREFECTURES], figures, columns, heading)
    rows = _activities(tables[ACTIVITIES], figures, heading)
    count = len(figures.activities)
    listed = (ACTIVITIES, HEAD + count) if 0 < count <= MOST_ROWS else None
    days_sheet(tables[DAYS], figures, heading, explanation(figures), HEAD, listed)
    _punctuality(tables[PUNCTUALITY], figures, heading)
    press_sheet(tables[PRESS], figures, heading, explanation(figures), HEAD)
    _supporting_sheets(tables, figures, columns, heading, changes)
    properties, campaign = book.properties, figures.campaign
    properties.title, properties.subject, properties.language = heading, campaign.theme, "zh-CN"
    properties.creator, properties.lastModifiedBy = campaign.organizer, campaign.recipient.office
    properties.created = figures.as_of.astimezone(UTC).replace(tzinfo=None)
    raw = BytesIO()
    book.save(raw)
    results, list_sheet = [t.results for t in tables.values()], f"xl/worksheets/sheet{SHEETS.index(ACTIVITIES) + 1}.xml"
    return make_reproducible(raw.getvalue(), figures.as_of, results, {list_sheet: rows})


def _supporting_sheets(
    tables: dict[str, Table], figures: RegionFigures, columns: Sequence[Column], heading: str, changes: Changes | None
) -> None:
    """Write the sheets about provenance, quality and method, and the charts."""
    # Where columns are repeated on each printed page, the title stands beside them: it would be repeated in pieces.
    for name, (first, last) in zip(SUPPORTING, ((3, 9), (1, 6), (1, 2), (1, 12)), strict=True):
        tables[name].title(f"{heading}：{name}", explanation(figures), first, last)
    rows = _rows(figures)
    provenance.origins(tables[provenance.ORIGINS], figures, columns, rows[0], HEAD)
    provenance.link(tables[PREFECTURES].sheet, figures, columns, rows[0])
    provenance.quality(tables[provenance.QUALITY], figures, HEAD)
    provenance.method(tables[provenance.METHOD], figures, changes, HEAD)
    provenance.charts(tables[provenance.CHARTS], figures, {name: t.sheet for name, t in tables.items()}, columns, rows)


def explanation(figures: RegionFigures) -> str:
    """Return the note below each title: the cut-off time of the figures, and who is missing."""
    counted = len(figures.sheets)
    parts = [
        f"统计截至 {time_text(figures.as_of, figures.campaign.zone)}（北京时间）",
        f"应报 {len(figures.prefectures)} 个地州市，已计入 {counted} 个的统计表",
    ]
    if figures.missing:
        parts.append(f"材料未报齐 {len(figures.missing)} 个：{'、'.join(p.name for p in figures.missing)}")
    else:
        parts.append("全部材料已报齐")
    return "；".join(parts) + "。"


def _columns(figures: RegionFigures) -> list[Column]:
    """Return the columns of all totals, then those of the offline and online parts that anybody stated."""
    rows = figures.campaign.form.indicators.rows
    wanted = [
        (i, part)
        for part in PARTS
        for i in rows
        if part == "total" or getattr(figures.totals[i.code], part) is not None
    ]
    return [Column(i, part, number) for number, (i, part) in enumerate(wanted, start=3)]


def _digits(indicator: Indicator) -> int:
    return indicator.scale if indicator.type == "decimal" else 0


def _rows(figures: RegionFigures) -> tuple[int, int]:
    """Return the first and the last row of the prefectures in 各地州市."""
    return HEAD + 3, HEAD + 2 + len(figures.prefectures)


def _region(table: Table, figures: RegionFigures, columns: Sequence[Column], heading: str) -> None:
    labels = ["代码", "指标名称", "计量单位", *PARTS.values(), "台账合计", "核对"]
    table.title(heading, explanation(figures), 1, len(labels))
    for column, label in enumerate(labels, start=1):
        table.head(HEAD, column, label)
    for row, indicator in enumerate(figures.campaign.form.indicators.rows, start=HEAD + 1):
        _region_row(table, row, indicator, figures, {c.part: c for c in columns if c.indicator == indicator})
    last = HEAD + len(figures.campaign.form.indicators.rows)
    table.head(last + 1, 1, "核对结论", to_column=len(labels) - 1)
    checks = f"H{HEAD + 1}:H{last}"
    verdict = f'=IF(COUNTIF({checks},"一致")=ROWS({checks}),"全部一致","有不一致")'
    table.formula(last + 1, len(labels), verdict, "全部一致")
    table.heights(range(HEAD, last + 2), 19)
    table.widths([8, 42, 11, 17, 17, 17, 17, 11])
    table.printed((HEAD, HEAD), beside=2)


def _region_row(
    table: Table, row: int, indicator: Indicator, figures: RegionFigures, columns: dict[str, Column]
) -> None:
    first, last = _rows(figures)
    total, digits = figures.totals[indicator.code], _digits(indicator)
    table.put(row, 1, indicator.code, centred=True)
    table.put(row, 2, ("　" if indicator.part_of or indicator.adds_to else "") + indicator.name)
    table.put(row, 3, indicator.unit, centred=True)
    for column, part in enumerate(PARTS, start=4):
        if part in columns:
            letter = get_column_letter(columns[part].number)
            formula = f"=SUM({PREFECTURES}!{letter}{first}:{letter}{last})"
            table.formula(row, column, formula, _result(getattr(total, part), indicator), digits=digits)
        else:
            table.put(row, column, NONE, centred=True)
    table.put(row, 7, exact(total.total or Decimal(0), indicator), digits=digits)
    table.formula(row, 8, f'=IF(ROUND(D{row}-G{row},6)=0,"一致","不一致")', "一致")


def _result(value: Decimal | None, indicator: Indicator) -> Decimal:
    return Decimal(exact(value or Decimal(0), indicator) or 0)


def _prefectures(table: Table, figures: RegionFigures, columns: Sequence[Column], heading: str) -> None:
    first, last = _rows(figures)
    table.title(f"{heading}：{PREFECTURES}", explanation(figures), 3, 9)
    table.head(HEAD, 1, "代码", to_row=HEAD + 2)
    table.head(HEAD, 2, "地州市", to_row=HEAD + 2)
    for c in columns:
        table.head(HEAD, c.number, PARTS[c.part])
        table.head(HEAD + 1, c.number, f"{c.indicator.code}\n{c.indicator.name}")
        table.head(HEAD + 2, c.number, c.indicator.unit)
    for row, p in enumerate(figures.prefectures, start=first):
        table.put(row, 1, p.prefecture.code, centred=True)
        table.put(row, 2, p.prefecture.name + ("" if p.sheet else "（未计入）"))
        for c in columns:
            figure = p.values.get(c.indicator.code, Figure())
            table.put(row, c.number, c.value(figure), digits=_digits(c.indicator))
    _sums(table, figures, columns)
    table.heights([HEAD + 1], 76)
    table.heights(range(first, last + 2), 20)
    table.widths([8, 34, *([11] * len(columns))])
    table.printed((HEAD, HEAD + 2), beside=2, scale=50)


def _sums(table: Table, figures: RegionFigures, columns: Sequence[Column]) -> None:
    first, last = _rows(figures)
    table.put(last + 1, 1, "")
    table.put(last + 1, 2, "合计", centred=True)
    for c in columns:
        letter = get_column_letter(c.number)
        result = _result(getattr(figures.totals[c.indicator.code], c.part), c.indicator)
        formula = f"=SUM({letter}{first}:{letter}{last})"
        table.formula(last + 1, c.number, formula, result, digits=_digits(c.indicator))
    table.emphasize(last + 1, range(1, len(columns) + 3))


def _activities(table: Table, figures: RegionFigures, heading: str) -> Callable[[bytes], Iterator[bytes]]:
    """Write the list's header, and return the function that adds its rows when the workbook is saved."""
    fields = [f for f in figures.campaign.form.activities.fields if f.name != "number" and not f.private]
    count = min(len(figures.activities), MOST_ROWS)
    cut = f"（只列出前 {MOST_ROWS:,} 项）" if count < len(figures.activities) else ""
    note = f"共 {len(figures.activities)} 项活动{cut}。{explanation(figures)}"
    table.title(f"{heading}：{ACTIVITIES}", note, 4, 12)
    for column, label in enumerate(["序号", "地州市", *(f.label for f in fields), "来源"], start=1):
        table.head(HEAD, column, label)
    for row, text in ((HEAD + 1, "文"), (HEAD + 2, "=")):  # patterns for `row_writer`, which replaces them
        table.put(row, 1, 1, centred=True)
        for column, field in enumerate([None, *fields, None], start=2):
            value = _PATTERNS.get(field.type, text) if field else text
            digits = field.scale if field and field.type == "decimal" else 0
            table.put(row, column, value, digits=digits, centred=bool(field and field.choices))
    widths = [6, 25, *(_ROOMY.get(f.name, f.width) for f in fields), 22]
    table.widths(widths)
    table.fit([HEAD])
    table.sheet.auto_filter.ref = f"A{HEAD}:{get_column_letter(len(fields) + 3)}{HEAD + count}"
    # On paper a line ends with the people; what stands further right is for the screen.
    online = next((n for n, f in enumerate(fields) if f.name == "online"), len(fields))
    table.printed((HEAD, HEAD), beside=3, area=f"A1:{get_column_letter(online + 3)}{HEAD + count}")
    return row_writer(HEAD + 1, islice(_activity_rows(figures, fields), count), widths)


def _activity_rows(figures: RegionFigures, fields: Sequence[ActivityField]) -> Iterator[list[Value]]:
    names = {p.prefecture.code: p.prefecture.name for p in figures.prefectures}
    sheets = {s.id: provenance.used_sheet(s, 1, figures.campaign.form.activities.sheet) for s in figures.sheets}
    for number, activity in enumerate(figures.activities, start=1):
        values = (_field_value(field, activity) for field in fields)
        origin = f"{sheets.get(activity.submission_id, '')}第{activity.row}行"
        yield [number, names[activity.prefecture], *values, origin]


def _field_value(field: ActivityField, activity: ActivityRow) -> Value:
    value: Any = activity.fields.get(field.name)
    if value is None:
        return None
    if field.type == "date":
        return date.fromisoformat(value)
    if field.type == "decimal":
        return Decimal(str(value))
    return int(value) if field.type == "integer" else str(value)


def _punctuality(table: Table, figures: RegionFigures, heading: str) -> None:
    deliverables = figures.campaign.deliverables
    labels = ["代码", "地州市", *(d.name for d in deliverables), "是否报齐", "是否按时"]
    labels += ["退回文件", "更正替换", "迟报文件", "最近回执时间"]
    note = f"截止时间 {_deadlines(figures)}。{explanation(figures)}"
    table.title(f"{heading}：{PUNCTUALITY}", note, 1, len(labels))
    for column, label in enumerate(labels, start=1):
        table.head(HEAD, column, label)
    for row, status in enumerate(figures.punctuality, start=HEAD + 1):
        for column, value in enumerate(_punctuality_row(figures, status), start=1):
            table.put(row, column, value, centred=column != 2)
    table.heights(range(HEAD, HEAD + len(figures.punctuality) + 1), 30)
    table.widths([8, 24, *([14] * len(deliverables)), 9, 9, 9, 9, 9, 17])
    table.printed((HEAD, HEAD), beside=2)


def _deadlines(figures: RegionFigures) -> str:
    """Return the campaign's deadline, and the later ones that prefectures were granted."""
    text, due = figures.campaign.text_of, figures.campaign.deadline_text
    longer = [f"{p.prefecture.name}延长至 {text(p.extended)}" for p in figures.punctuality if p.extended]
    return f"{due}（{'，'.join(longer)}）" if longer else due


def _punctuality_row(figures: RegionFigures, status: Punctuality) -> list[Value]:
    cells = [status.states.get(d.kind, ("missing", 0)) for d in figures.campaign.deliverables]
    states = [CELL_WORDS[state] + (f"（{n} 个）" if n else "") for state, n in cells]
    timely = ("按时" if status.on_time else "迟报") if status.complete else NONE
    last = time_text(status.last_receipt, figures.campaign.zone) if status.last_receipt else NONE
    complete = "报齐" if status.complete else "未报齐"
    counts = (status.rejected, status.replaced, status.late)
    return [status.prefecture.code, status.prefecture.name, *states, complete, timely, *counts, last]
