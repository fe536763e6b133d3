"""The blank statistics sheet of a campaign, made from its form: what the reader looks for is what is printed here."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from openpyxl import Workbook
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties

from baosong.campaign import Campaign, Prefecture
from baosong.campaign.form import ActivityField, Form

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

A4 = 9
_THIN = Side(style="thin", color="7F7F7F")
_GRID = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_UNDERLINE = Border(bottom=_THIN)
_HEAD = PatternFill("solid", fgColor="DDE7F2")
_FONT = "宋体"
_TITLE = Font(name=_FONT, size=16, bold=True)
_BOLD = Font(name=_FONT, size=11, bold=True)
_NEEDED = Font(name=_FONT, size=11, bold=True, color="C00000")
_PLAIN = Font(name=_FONT, size=11)
_MIDDLE = Alignment(horizontal="center", vertical="center", wrap_text=True)
_LEFT = Alignment("left", "center", wrap_text=True)
_RIGHT = Alignment(horizontal="right", vertical="center")


def make_template(campaign: Campaign, prefecture: Prefecture | None = None) -> bytes:
    """Return the blank workbook as xlsx bytes, with the prefecture's name filled in if it is known."""
    buffer = io.BytesIO()
    new_book(campaign, prefecture).save(buffer)
    return buffer.getvalue()


def new_book(campaign: Campaign, prefecture: Prefecture | None = None) -> Workbook:
    """Return the blank workbook, still open for filling in."""
    form = campaign.form
    title = form.title.format(title=campaign.title)
    book = Workbook()
    book.remove(book.worksheets[0])
    properties = book.properties
    properties.creator, properties.title, properties.language = campaign.organizer, title, "zh-CN"
    properties.subject = f"{campaign.id} {form.id} {form.version}"
    _indicators(book.create_sheet(form.indicators.sheet), form, title, prefecture)
    _activities(book.create_sheet(form.activities.sheet), form, title, campaign)
    return book


def signature_cells(form: Form) -> dict[str, str]:
    """Return the cell that holds each signature's value, on the sheet of indicators; two a row below the title."""
    return {s.name: f"{'CF'[i % 2]}{2 + i // 2}" for i, s in enumerate(form.signatures)}


def indicator_header(form: Form) -> int:
    """Return the row of the indicators' header."""
    return 2 + (len(form.signatures) + 1) // 2


def indicator_cells(form: Form) -> dict[tuple[str, str], str]:
    """Return the cell of each indicator and column (`total`, `offline`, `online`, `remark`)."""
    first = indicator_header(form) + 1
    return {
        (spec.code, column.name): f"{get_column_letter(at)}{row}"
        for row, spec in enumerate(form.indicators.rows, first)
        for at, column in enumerate(form.indicators.columns, 1)
    }


def first_activity_row(form: Form) -> int:
    """Return the first row below the activity list's title, note and header."""
    return 4


def _indicators(sheet: Worksheet, form: Form, title: str, prefecture: Prefecture | None) -> None:
    columns = form.indicators.columns
    _title(sheet, title, len(columns))
    _signatures(sheet, form, prefecture)
    header = indicator_header(form)
    for at, column in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(at)].width = column.width
        _head(sheet, header, at, column.label, column.required)
    for row, spec in enumerate(form.indicators.rows, header + 1):
        indent = 2 if spec.part_of or spec.adds_to else 0
        sheet.row_dimensions[row].height = 20
        for at, column in enumerate(columns, 1):
            cell = sheet.cell(row, at, {"number": spec.code, "name": spec.name, "unit": spec.unit}.get(column.name))
            cell.font = _NEEDED if spec.required and column.name == "name" else _PLAIN
            cell.border = _GRID
            cell.alignment = _MIDDLE
            if column.name in ("name", "remark"):
                cell.alignment = Alignment("left", "center", indent=indent, wrap_text=True)
            if column.name in ("total", "offline", "online"):
                cell.number_format = "0" if spec.type == "integer" else f"0.{'0' * spec.scale}"
    cells = indicator_cells(form)
    for spec in form.indicators.rows:
        rule = _number_rule(spec.type, f"{spec.name}（{spec.unit}）")
        rule.add(f"{cells[spec.code, 'total']}:{cells[spec.code, 'online']}")
        sheet.add_data_validation(rule)
    _note(sheet, header + len(form.indicators.rows) + 1, form.unit_note, len(columns))
    sheet.freeze_panes = f"C{header + 1}"
    _print_on_a4(sheet, f"{header}:{header}", landscape=False)


def _activities(sheet: Worksheet, form: Form, title: str, campaign: Campaign) -> None:
    fields = form.activities.fields
    _title(sheet, f"{title}（{form.activities.sheet}）", len(fields))
    first = first_activity_row(form)
    last = first + form.activities.blank_rows - 1
    _note(sheet, first - 2, f"每项活动填一行，带 * 的列必填；{form.unit_note}", len(fields))
    for at, spec in enumerate(fields, 1):
        letter = get_column_letter(at)
        sheet.column_dimensions[letter].width = spec.width
        _head(sheet, first - 1, at, spec.label + ("*" if spec.required else ""), spec.required)
        if rule := _rule(spec, campaign):
            rule.add(f"{letter}{first}:{letter}{last}")
            sheet.add_data_validation(rule)
        for row in range(first, last + 1):
            cell = sheet.cell(row, at)
            cell.font, cell.alignment = _PLAIN, _LEFT if spec.type == "text" else _MIDDLE
            cell.number_format = {"date": "yyyy-mm-dd", "integer": "0", "decimal": "0.00"}.get(spec.type, "General")
    end = get_column_letter(len(fields))
    filled = FormulaRule(formula=[f"COUNTA($A{first}:${end}{first})>0"], border=_GRID)  # type: ignore[no-untyped-call]
    # Only filled rows get a grid, so that blank ones are not printed.
    sheet.conditional_formatting.add(f"A{first}:{end}{last}", filled)
    sheet.sheet_format.defaultRowHeight, sheet.sheet_format.customHeight = 30, True  # two lines; rows still grow
    sheet.freeze_panes = f"C{first}"
    _print_on_a4(sheet, f"{first - 1}:{first - 1}", landscape=True)


def _title(sheet: Worksheet, title: str, width: int) -> None:
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=width)
    cell = sheet.cell(1, 1, title)
    cell.font, cell.alignment = _TITLE, _MIDDLE
    sheet.row_dimensions[1].height = 36


def _signatures(sheet: Worksheet, form: Form, prefecture: Prefecture | None) -> None:
    places = signature_cells(form)
    for i, spec in enumerate(form.signatures):
        row, right = 2 + i // 2, i % 2
        sheet.row_dimensions[row].height = 24
        label = sheet.cell(row, 5 if right else 1, spec.label)
        label.font, label.alignment = _NEEDED if spec.required else _BOLD, _RIGHT
        value = sheet[places[spec.name]]
        value.font, value.alignment, value.border = _PLAIN, _LEFT, _UNDERLINE
        if spec.name == "date":
            value.number_format = "yyyy-mm-dd"
        if spec.name == "unit" and prefecture:
            value.value = prefecture.name
        if not right:
            sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=2)
        sheet.merge_cells(f"{places[spec.name]}:{'G' if right else 'D'}{row}")


def _head(sheet: Worksheet, row: int, column: int, label: str, needed: bool) -> None:
    cell = sheet.cell(row, column, label)
    cell.font, cell.fill, cell.border, cell.alignment = _NEEDED if needed else _BOLD, _HEAD, _GRID, _MIDDLE
    sheet.row_dimensions[row].height = 32


def _note(sheet: Worksheet, row: int, text: str, width: int) -> None:
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=width)
    cell = sheet.cell(row, 1, text)
    cell.font, cell.alignment = _PLAIN, _LEFT
    sheet.row_dimensions[row].height = 32


def _rule(spec: ActivityField, campaign: Campaign) -> DataValidation | None:
    if spec.choices:
        words = ",".join(spec.choices)
        rule = DataValidation("list", formula1=f'"{words}"', errorTitle=spec.label, error="请从下拉列表中选择。")
        return _prompted(rule, spec.label, spec.prompt or "请从下拉列表中选择。")
    if spec.type == "date":
        days = campaign.window
        text = f"请填年月日，如 {days.start.isoformat()}；活动周为 {days.start.isoformat()} 至 {days.end.isoformat()}。"
        rule = DataValidation(
            "date", "greaterThan", "36526", errorTitle=spec.label, error="请填写日期，如 2023-05-20。"
        )
        return _prompted(rule, spec.label, text)
    if spec.type in ("integer", "decimal"):
        return _number_rule(spec.type, spec.label)
    return _prompted(DataValidation(), spec.label, spec.prompt) if spec.prompt else None


def _number_rule(kind: str, label: str) -> DataValidation:
    if kind == "integer":
        text = "请填不小于 0 的整数，没有的填 0。"
        rule = DataValidation("whole", "greaterThanOrEqual", "0", errorTitle="请填数字", error=text)
    else:
        text = "请填不小于 0 的数，可保留两位小数，没有的填 0。"
        rule = DataValidation("decimal", "greaterThanOrEqual", "0", errorTitle="请填数字", error=text)
    return _prompted(rule, label, text)


def _prompted(rule: DataValidation, title: str, text: str) -> DataValidation:
    rule.allowBlank, rule.showInputMessage, rule.showErrorMessage = True, True, True
    rule.promptTitle, rule.prompt = title[:32], text
    rule.errorTitle = (rule.errorTitle or title)[:32]
    return rule


def _print_on_a4(sheet: Worksheet, repeated: str, *, landscape: bool) -> None:
    sheet.page_setup.paperSize = A4
    sheet.page_setup.orientation = "landscape" if landscape else "portrait"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = repeated
    sheet.print_options.horizontalCentered = True
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    if sheet.oddFooter:
        sheet.oddFooter.center.text = "第 &P 页，共 &N 页"
