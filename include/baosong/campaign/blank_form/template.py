"""The blank statistics sheet of a campaign, made from its form, whose labels the reader looks for later."""

from __future__ import annotations

import io
from copy import copy
from typing import TYPE_CHECKING

from openpyxl import Workbook
from openpyxl.formatting.rule import FormulaRule
from openpyxl.packaging.custom import StringProperty
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from baosong.campaign import Campaign, Prefecture
from baosong.campaign.blank_form.inputs import field_rule, indicator_rule, origin, prefilled_rule, signature_rule
from baosong.campaign.form import CHOICES_SHEET, GUIDE_SHEET, Form
from baosong.campaign.layout import (
    activity_range,
    first_activity_row,
    indicator_cells,
    indicator_header,
    signature_cells,
)
from baosong.campaign.prefill import formulas, prefills

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openpyxl.worksheet.worksheet import Worksheet

A4 = 9
LAST_COLUMN = 16384
_OPEN = Protection(locked=False)
_THIN = Side(style="thin", color="7F7F7F")
_GRID = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_UNDERLINE = Border(bottom=_THIN)
AMOUNTS = ("total", "offline", "online")
INPUTS = (*AMOUNTS, "remark")
_COMPUTED = PatternFill("solid", fgColor="F2F2F2")
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
    return _saved(new_book(campaign, prefecture))


def make_templates(campaign: Campaign) -> Iterator[tuple[Prefecture, bytes]]:
    """Yield each prefecture with its blank workbook: to make the book costs more than to save it, and is done once."""
    book = new_book(campaign)
    unit = book[campaign.form.indicators.sheet][signature_cells(campaign.form)["unit"]]
    for prefecture in campaign.prefectures:
        unit.value = prefecture.name
        yield prefecture, _saved(book)


def _saved(book: Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def new_book(campaign: Campaign, prefecture: Prefecture | None = None) -> Workbook:
    """Return the blank workbook as an object that can be filled in."""
    form = campaign.form
    title = form.title.format(title=campaign.title)
    book = Workbook()
    book.remove(book.worksheets[0])
    properties = book.properties
    properties.creator, properties.title, properties.language = campaign.organizer, title, "zh-CN"
    properties.subject = f"{campaign.id} {form.id} {form.version}"
    for name, value in (("活动", campaign.id), ("表式", form.id), ("表式版本", form.version)):
        book.custom_doc_props.append(StringProperty(name=name, value=value))  # type: ignore[attr-defined]
    _indicators(book.create_sheet(form.indicators.sheet), campaign, title, prefecture)
    activities = book.create_sheet(form.activities.sheet)
    _activities(activities, campaign, title, _choices(book, form))
    _guide(book.create_sheet(GUIDE_SHEET), form)
    return book


def _indicators(sheet: Worksheet, campaign: Campaign, title: str, prefecture: Prefecture | None) -> None:
    form = campaign.form
    columns = form.indicators.columns
    _title(sheet, title, len(columns))
    _signatures(sheet, campaign, prefecture)
    header = indicator_header(form)
    for at, column in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(at)].width = column.width
        _head(sheet, header, at, column.label, column.required)
    for row, spec in enumerate(form.indicators.rows, header + 1):
        indent = 2 if spec.part_of or spec.adds_to else 0
        sheet.row_dimensions[row].height = 24
        for at, column in enumerate(columns, 1):
            cell = sheet.cell(row, at, {"number": spec.code, "name": spec.name, "unit": spec.unit}.get(column.name))
            cell.font = _NEEDED if spec.required and column.name == "name" else _PLAIN
            cell.border = _GRID
            cell.alignment = _MIDDLE
            if column.name in ("name", "remark"):
                cell.alignment = Alignment("left", "center", indent=indent, wrap_text=True)
            if column.name in INPUTS:
                cell.protection = _OPEN
            if column.name in AMOUNTS:
                cell.number_format = "0" if spec.type == "integer" else f"0.{'0' * spec.scale}"
    _amounts(sheet, form)
    _note(sheet, header + len(form.indicators.rows) + 1, form.unit_note, len(columns))
    sheet.freeze_panes = f"C{header + 1}"
    _protect(sheet)
    _print_on_a4(sheet, f"{header}:{header}", landscape=False)


def _amounts(sheet: Worksheet, form: Form) -> None:
    """Prefill the cells that follow from others, and give every figure its input check."""
    cells, prefilled = indicator_cells(form), prefills(form)
    for cell, formula in formulas(form).items():
        sheet[cells[cell]].value = formula
        sheet[cells[cell]].fill = _COMPUTED
    for spec in form.indicators.rows:
        rule = indicator_rule(spec)
        for amount in AMOUNTS:
            if prefill := prefilled.get((spec.code, amount)):
                own = prefilled_rule(spec, prefill, form)
                own.add(cells[spec.code, amount])
                sheet.add_data_validation(own)
            else:
                rule.add(cells[spec.code, amount])
        if rule.sqref:
            sheet.add_data_validation(rule)


def _choices(book: Workbook, form: Form) -> dict[str, str]:
    """Return the formula of each drop-down, by field; what a rule cannot hold stands in columns of a hidden sheet."""
    choosing = [spec for spec in form.activities.fields if spec.choices]
    formulas = {spec.name: f'"{",".join(spec.choices)}"' for spec in choosing if spec.fits_inline}
    if len(formulas) == len(choosing):
        return formulas
    sheet = book.create_sheet(CHOICES_SHEET)
    sheet.sheet_state = "hidden"
    for at, spec in enumerate((spec for spec in choosing if not spec.fits_inline), 1):
        for row, word in enumerate(spec.choices, 1):
            cell = sheet.cell(row, at, word)
            cell.data_type = "s"  # also of one that begins with "="
        letter = get_column_letter(at)
        formulas[spec.name] = f"{CHOICES_SHEET}!${letter}$1:${letter}${len(spec.choices)}"
    _protect(sheet)
    return formulas


def _activities(sheet: Worksheet, campaign: Campaign, title: str, choices: dict[str, str]) -> None:
    form = campaign.form
    fields = form.activities.fields
    _title(sheet, f"{title}（{form.activities.sheet}）", len(fields))
    first = first_activity_row(form)
    last = first + form.activities.blank_rows - 1
    _note(sheet, first - 2, f"每项活动填一行，红字带 * 的列必填。{form.activities.note}", len(fields))
    for at, spec in enumerate(fields, 1):
        letter = get_column_letter(at)
        sheet.column_dimensions[letter].width = spec.width
        _head(sheet, first - 1, at, spec.label + ("*" if spec.required else ""), spec.required)
        rule = field_rule(spec, campaign, choices.get(spec.name, ""))
        rule.add(activity_range(form, spec.name))
        sheet.add_data_validation(rule)
        cell = sheet.cell(first, at)
        cell.font, cell.alignment = _PLAIN, _LEFT if spec.type == "text" else _MIDDLE
        cell.protection = _OPEN
        cell.number_format = {"date": "yyyy-mm-dd", "integer": "0", "decimal": "0.00"}.get(spec.type, "General")
        for row in range(first + 1, last + 1):  # in one: each of the four is looked up among all styles of the book
            sheet.cell(row, at)._style = copy(cell._style)  # type: ignore[union-attr]
    end = get_column_letter(len(fields))
    filled = FormulaRule(formula=[f"COUNTA($A{first}:${end}{first})>0"], border=_GRID)  # type: ignore[no-untyped-call]
    # Only filled rows get a grid, so that blank ones are not printed.
    sheet.conditional_formatting.add(f"A{first}:{end}{last}", filled)
    sheet.freeze_panes = f"C{first}"
    _protect(sheet)
    _allow_rows(sheet, len(fields))
    _print_on_a4(sheet, f"{first - 1}:{first - 1}", landscape=True)


def _guide(sheet: Worksheet, form: Form) -> None:
    """Say how to fill in the sheets, and how each grey cell is worked out; the guide goes where the form goes."""
    found = prefills(form)
    origins = [(spec, found[spec.code, "total"]) for spec in form.indicators.rows if (spec.code, "total") in found]
    _title(sheet, GUIDE_SHEET, 2)
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 34, 76
    for at, line in enumerate(form.guide, 2):
        _note(sheet, at, f"{at - 1}. {line}", 2)
    head = len(form.guide) + 2
    for at, label in enumerate(("灰底的格", "怎样算出"), 1):
        _head(sheet, head, at, label, needed=False)
    for row, (spec, prefill) in enumerate(origins, head + 1):
        sheet.row_dimensions[row].height = 20
        for at, text in enumerate((f"{spec.code} {spec.name}", origin(prefill, form)), 1):
            cell = sheet.cell(row, at, text)
            cell.font, cell.alignment, cell.border = _PLAIN, _LEFT, _GRID
    _protect(sheet)
    _print_on_a4(sheet, "1:1", landscape=False)


def _title(sheet: Worksheet, title: str, width: int) -> None:
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=width)
    cell = sheet.cell(1, 1, title)
    cell.font, cell.alignment = _TITLE, _MIDDLE
    sheet.row_dimensions[1].height = 36


def _signatures(sheet: Worksheet, campaign: Campaign, prefecture: Prefecture | None) -> None:
    form = campaign.form
    places = signature_cells(form)
    for i, spec in enumerate(form.signatures):
        row, right = 2 + i // 2, i % 2
        sheet.row_dimensions[row].height = 32  # two lines: 克孜勒苏柯尔克孜自治州科学技术局 needs them
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
        span = f"{places[spec.name]}:{'G' if right else 'D'}{row}"
        sheet.merge_cells(span)
        for cell in sheet[span][0]:
            cell.protection = _OPEN
        rule = signature_rule(spec, campaign)
        rule.add(places[spec.name])
        sheet.add_data_validation(rule)


def _head(sheet: Worksheet, row: int, column: int, label: str, needed: bool) -> None:
    cell = sheet.cell(row, column, label)
    cell.font, cell.fill, cell.border, cell.alignment = _NEEDED if needed else _BOLD, _HEAD, _GRID, _MIDDLE
    sheet.row_dimensions[row].height = 32


def _note(sheet: Worksheet, row: int, text: str, width: int) -> None:
    sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=width)
    cell = sheet.cell(row, 1, text)
    cell.font, cell.alignment = _PLAIN, _LEFT
    sheet.row_dimensions[row].height = 32


def _protect(sheet: Worksheet) -> None:
    """Lock the printed cells without a password: against slips of the hand only, and easy to lift.

    Inputs are unlocked where they are written. Rows and columns may be resized and cells formatted.
    """
    protection = sheet.protection
    protection.sheet = True
    protection.formatCells = protection.formatColumns = protection.formatRows = False  # False allows it


def _allow_rows(sheet: Worksheet, columns: int) -> None:
    """Allow inserting, deleting, sorting and filtering rows; Excel requires all their cells to be unlocked."""
    protection = sheet.protection
    protection.insertRows = protection.deleteRows = protection.sort = protection.autoFilter = False
    for at in range(1, columns + 1):
        sheet.column_dimensions[get_column_letter(at)].protection = _OPEN
    rest = sheet.column_dimensions[get_column_letter(columns + 1)]
    rest.min, rest.max, rest.width, rest.protection = columns + 1, LAST_COLUMN, 9, _OPEN


def _print_on_a4(sheet: Worksheet, repeated: str, *, landscape: bool) -> None:
    sheet.page_setup.paperSize = A4
    sheet.page_setup.orientation = "landscape" if landscape else "portrait"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = repeated
    sheet.print_options.horizontalCentered = True
    sheet.page_margins.left = sheet.page_margins.right = 0.4 if landscape else 0.5
    if sheet.oddFooter:
        sheet.oddFooter.center.text = "第 &P 页，共 &N 页"
