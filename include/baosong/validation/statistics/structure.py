"""What is to say of a book before its cells: macros, links, tables that are missing, hidden, doubled or cut short."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

from baosong.campaign import Campaign
from baosong.campaign.form import Form
from baosong.rules.findings import Finding, Severity, Where, error, note, warning
from baosong.validation.common import zip_guard
from baosong.validation.common.filetypes import OLE_ERRORS
from baosong.validation.statistics.cells import Sheet, address
from baosong.validation.statistics.crosschecks import named_prefecture
from baosong.validation.statistics.tables import Table
from baosong.validation.statistics.values import Values, shown

_YEAR = re.compile(r"(20[0-9]{2})\s*年")


def structure_findings(data: bytes, sheets: list[Sheet], values: Values, campaign: Campaign) -> list[Finding]:
    """Return what is to say of the book and its tables as a whole."""
    findings = [*_container(data), *_tables(sheets, values, campaign.form)]
    if values.tables.indicators:
        findings += _indicator_rows(values, values.tables.indicators, campaign.form)
    return [*findings, *_year(values, campaign), *_unit(values, campaign)]


def _container(data: bytes) -> Iterator[Finding]:
    members = _members(data)
    if any("vbaproject" in m or "_vba_project" in m for m in members):
        yield error(
            "file.macros",
            "工作簿里带有宏，出于安全不能接收。",
            observed="含宏",
            expected="不含宏的工作簿",
            fix="请另存为“Excel 工作簿（.xlsx）”后重新报送，这种格式不带宏。",
        )
    if any(m.startswith("xl/externallinks/") for m in members):
        yield warning(
            "statistics.external_links",
            "工作簿里有指向其他文件的公式，校验用的是文件里保存的结果。",
            observed="外部链接",
            expected="只有数值",
            fix="建议把公式复制、选择性粘贴为数值后再报送。",
        )


def _members(data: bytes) -> list[str]:
    """Return the names inside a container in lower case; an OLE file's storages count as members."""
    try:
        if data.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return [zip_guard.plain_name(n).lower() for n in archive.namelist()]
        if data.startswith(b"\xd0\xcf\x11\xe0"):
            import olefile  # type: ignore[import-untyped]

            with olefile.OleFileIO(io.BytesIO(data)) as ole:
                return ["/".join(path).lower() for path in ole.listdir(streams=True, storages=True)]
    except (*zip_guard.ERRORS, *OLE_ERRORS):
        return []
    return []


def _tables(sheets: list[Sheet], values: Values, form: Form) -> Iterator[Finding]:
    names = "、".join(shown(s.name) for s in sheets[:10]) or "没有工作表"
    for table, sheet, column in (
        (values.tables.indicators, form.indicators.sheet, "指标名称、合计"),
        (values.tables.activities, form.activities.sheet, "活动名称、活动类别"),
    ):
        if table is None:
            yield error(
                "statistics.missing_table",
                f"找不到“{sheet}”这张表",
                observed=f"工作表：{names}",
                expected=f"一张表头有“{column}”等列的表",
                fix="请使用下发的模板填报，保留原来的两张工作表和表头。",
            )
            continue
        yield from _one_table(table, form)
    for spare in values.tables.spare:
        if not spare.sheet.hidden:
            yield warning(
                "statistics.spare_table",
                f"工作表“{shown(spare.sheet.name)}”里也有一张同样的表，没有采用",
                where=Where(sheet=spare.sheet.name, cell=address(spare.header, 0)),
                observed="重复的表",
                expected="每种表一张",
                fix="如果内容分在几张表里，请合并到一张表后重新报送；否则请删去多余的表。",
            )


def _one_table(table: Table, form: Form) -> Iterator[Finding]:
    where = Where(sheet=table.sheet.name, cell=address(table.header, 0))
    if table.sheet.hidden:
        yield warning(
            "statistics.hidden_sheet",
            f"工作表“{shown(table.sheet.name)}”是隐藏的，按其中的数据校验",
            where=where,
            observed="隐藏",
            expected="可见",
            fix="请取消隐藏，确认是要报送的数据。",
        )
    if table.sheet.clipped:
        yield error(
            "statistics.too_many_rows",
            f"工作表“{shown(table.sheet.name)}”的范围太大，没有读完",
            where=where,
            observed="行数或列数超出上限",
            expected=f"不超过 {form.activities.max_rows} 行、256 列",
            fix="请删去表格外多余的行和列（选中后整行删除），保存后重新报送。",
        )


def _indicator_rows(values: Values, table: Table, form: Form) -> Iterator[Finding]:
    sheet = table.sheet.name
    for spec in form.indicators.rows:
        if spec.code not in values.indicators:
            yield Finding(
                "statistics.missing_indicator",
                Severity.ERROR if spec.required else Severity.WARNING,
                f"缺少指标 {spec.title} 这一行" + ("" if spec.required else "，按没有填写计"),
                Where(sheet=sheet, cell=address(table.header, table.columns.get("name", 0))),
                "没有这一行",
                f"有一行“{spec.name}”",
                "请使用下发的模板，不要删改指标行。",
            )
    name_at = table.columns.get("name", 0)
    for row, name in values.reading.unknown:
        where = Where(sheet=sheet, cell=address(row, name_at))
        text = f"“{shown(name)}”不是表式里的指标，这一行没有计入"
        yield warning(
            "statistics.unknown_indicator",
            text,
            where=where,
            observed=shown(name),
            fix="如属已有指标，请用模板里的名称。",
        )
    for row, spec, name in values.reading.renamed:
        where = Where(sheet=sheet, cell=address(row, name_at))
        text = f"指标名称“{shown(name)}”与表式不同，按序号 {spec.code} 当作“{spec.name}”"
        yield warning(
            "statistics.renamed_indicator",
            text,
            where=where,
            observed=shown(name),
            expected=spec.name,
            fix=f"如是同一项指标，请改回“{spec.name}”；如是另一项，请不要用序号 {spec.code}。",
        )
    yield from _repeated(values, table)


def _repeated(values: Values, table: Table) -> Iterator[Finding]:
    first = {r.indicator.code: r for r in values.reading.indicators}
    for again in values.reading.repeated:
        spec, same = again.indicator, first[again.indicator.code].raw == again.raw
        say = note if same else error
        yield say(
            "statistics.repeated_indicator",
            f"指标 {spec.title} 出现了两次" + ("，数字相同" if same else "，数字不同，不知以哪一行为准"),
            where=Where(sheet=table.sheet.name, cell=address(again.row, table.columns.get("name", 0))),
            observed=f"第 {first[spec.code].row + 1} 行和第 {again.row + 1} 行",
            expected="每项指标一行",
            fix="请只保留一行。",
        )


def _year(values: Values, campaign: Campaign) -> Iterator[Finding]:
    """A title of another year is an old template, or, if the dates agree with it, an old sheet."""
    year = campaign.window.start.year
    titled = [(t, s, r, c) for t, s, r, c in values.reading.preamble if _YEAR.search(t)]
    others = [x for x in titled if str(year) not in x[0]]
    starts = [d for d in values.activities.get("start", []) if d]
    old = starts and sum(d.year != year for d in starts) * 2 > len(starts)
    if old:
        yield error(
            "statistics.other_year",
            f"多数活动的日期不在 {year} 年，像是其他年份的统计表",
            where=values.activity_where(0, "start"),
            observed=f"{starts[0].year}年",
            expected=f"{year}年",
            fix=f"请报送 {year} 年的统计表；如果是日期写错，请改正。",
        )
    if others and len(others) == len(titled) and not old:
        text, sheet, row, column = others[0]
        yield warning(
            "statistics.old_template",
            f"表头写的是“{shown(text)}”，不是 {year} 年的表",
            where=Where(sheet=sheet.name, cell=address(row, column)),
            observed=shown(text),
            expected=campaign.form.title.format(title=campaign.title),
            fix="请改用今年下发的模板。",
        )


def _unit(values: Values, campaign: Campaign) -> Iterator[Finding]:
    text, sheet, row, column = values.reading.signatures.get("unit", ("", None, 0, 0))
    if text and sheet is not None and named_prefecture(text, campaign) is None:
        yield warning(
            "statistics.unit_unclear",
            f"从填报单位“{shown(text)}”看不出是哪个地州市",
            where=Where(sheet=sheet.name, cell=address(row, column)),
            observed=shown(text),
            expected="地州市的名称，如“乌鲁木齐市科学技术局”",
            fix="请写全填报单位的名称。",
        )
