"""The check of a statistics sheet: read it, normalise it, validate it against the form, all findings in one pass."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import ParseError

from baosong.campaign import Campaign, Prefecture
from baosong.campaign.form import ActivityField, Form
from baosong.campaign.layout import column_letter
from baosong.rules.catalogue import can_be_taken, finding, phrase
from baosong.rules.findings import Checked, Finding, Severity, Where
from baosong.store.source import Source
from baosong.validation.common import file_safety, zip_guard
from baosong.validation.common.filetypes import identify
from baosong.validation.statistics import appearance, crosschecks, recalculation
from baosong.validation.statistics.cells import (
    SPARE_ROWS,
    LockedSheet,
    Sheet,
    UnreadableSheet,
    parse_address,
    read_sheets,
)
from baosong.validation.statistics.formulas import compute_template_formulas
from baosong.validation.statistics.numbers import format_decimal
from baosong.validation.statistics.reader import Reading, read
from baosong.validation.statistics.structure import structure_findings
from baosong.validation.statistics.tables import Tables, find_tables
from baosong.validation.statistics.units import named_prefecture
from baosong.validation.statistics.values import AMOUNTS, Values, normalise, shown

SHOWN_A_RULE = 50


def check(source: Source, campaign: Campaign, prefecture: Prefecture | None) -> Checked:
    """Check a sheet whose size and container were found harmless; raises on no content whatever."""
    from baosong.validation.statistics import expectations

    data, form = source.read(), campaign.form
    kind = identify(source) or source.suffix
    facts: dict[str, Any] = {"format": kind} | _producer(data)
    try:
        sheets = read_sheets(data, kind, source.name, form.activities.max_rows + SPARE_ROWS)
    except LockedSheet:
        return Checked([finding("file.encrypted", "workbook")], facts)
    except UnreadableSheet as e:
        return Checked([finding("statistics.unreadable", reason=str(e))], facts)
    if any(_is_marked(sheet) for sheet in sheets):
        return file_safety.held_as_classified()
    tables = find_tables(sheets, form)
    reading = read(tables, form)
    seen = appearance.judge(tables, reading, form) + recalculation.judge(sheets, tables, reading, form)
    values = normalise(tables, reading, campaign)
    compute_template_formulas(values, form)
    unmet, validations = expectations.validate(values, form)
    findings = [
        *structure_findings(data, sheets, values, campaign),
        *seen,
        *values.findings,
        *appearance.without_what_is_told([*unmet, *crosschecks.run(values, campaign, prefecture)], seen),
    ]
    facts |= _facts(sheets, tables, reading, campaign)
    figures = figures_of(values, form) if can_be_taken(findings) else None
    listed = in_reading_order(cap_per_rule(findings), [sheet.name for sheet in sheets])
    return Checked(listed, facts, figures, validations=validations)


def _is_marked(sheet: Sheet) -> bool:
    """Return whether a sheet bears a classification mark: xls, et and computed cells are read nowhere else."""
    if file_safety.is_marked_text(sheet.name):
        return True
    if file_safety.MARK_LETTER not in "".join([v for row in sheet.rows for v in row if type(v) is str]):
        return False
    return any(file_safety.is_marked_text("\n".join(v for v in row if type(v) is str)) for row in sheet.rows)


def figures_of(values: Values, form: Form) -> dict[str, Any]:
    """Return the figures as `Checked` describes them."""
    indicators = [
        {"code": code}
        | {amount: _json(value, form.by_code[code].type) for amount, value in amounts.items()}
        | {"cell": values.indicator_where(code, "total")["cell"]}
        for code, amounts in values.indicators.items()
    ]
    specs = [f for f in form.activities.fields if f.name in values.activities]
    names = ["row", *(f.name for f in specs)]
    columns = [_json_column(values, f) for f in specs]
    numbers = [row + 1 for row in values.reading.activity_rows]
    activities = [dict(zip(names, cells, strict=True)) for cells in zip(numbers, *columns, strict=True)]
    return {"indicators": indicators, "activities": activities}


def _json_column(values: Values, spec: ActivityField) -> list[Any]:
    """Return a column's figures as JSON has them: decimals and days are their canonical texts."""
    column, texts = values.activities[spec.name], values.activity_text[spec.name]
    if spec.type == "integer":
        return [None if value is None else int(value) for value in column]
    if spec.type in ("decimal", "date"):
        return [None if value is None else text for value, text in zip(column, texts, strict=True)]
    return column


def _json(value: Any, kind: str) -> Any:
    if isinstance(value, Decimal):
        return int(value) if kind == "integer" else format_decimal(value)
    return value.isoformat() if isinstance(value, date) else value


def _facts(sheets: list[Sheet], tables: Tables, reading: Reading, campaign: Campaign) -> dict[str, Any]:
    unit = reading.signatures.get("unit", ("",))[0]
    named = named_prefecture(unit, campaign)
    columns = tables.indicators.columns if tables.indicators else {}
    used = [t.sheet.name for t in (tables.indicators, tables.activities) if t]
    return {
        "sheets": [shown(s.name) for s in sheets],
        "used": [shown(name) for name in used],
        "columns": {a: column_letter(columns[a] + 1) for a in AMOUNTS if a in columns},  # with its row, a figure's cell
        "rows": len(reading.activity_rows),
        "unit": shown(unit),
        "unit_prefecture": named.code if named else None,
        "form": campaign.form.version,
    }


def _producer(data: bytes) -> dict[str, Any]:
    """Return which program wrote a workbook, as its own properties say; nothing where they do not."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("docProps/app.xml") as member:
            root = fromstring(member.read(100_000))
    except (*zip_guard.ERRORS, OSError, ParseError, DefusedXmlException, zlib.error):
        return {}
    texts = {element.tag.rpartition("}")[2]: shown(element.text or "") for element in root}
    return {name.lower(): texts[name] for name in ("Application", "AppVersion") if texts.get(name)}


def cap_per_rule(findings: list[Finding]) -> list[Finding]:
    """Return at most so many findings a rule, the last of them followed by how many more there are."""
    seen: Counter[tuple[str, Severity]] = Counter()
    last: dict[tuple[str, Severity], Finding] = {}
    listed = []
    for found in findings:
        kind = (found.rule, found.severity)
        seen[kind] += 1
        if seen[kind] <= SHOWN_A_RULE:
            last[kind] = found
            listed.append(found)
    for (rule, severity), count in seen.items():
        if count > SHOWN_A_RULE:
            more, shown_last = phrase("sheet.more", count=count - SHOWN_A_RULE), last[rule, severity]
            listed.append(Finding(rule, severity, more, Where(**shown_last.where), fix=shown_last.fix))
    return listed


def in_reading_order(findings: list[Finding], names: Sequence[str]) -> list[Finding]:
    """Return findings as a person meets them: the whole file first, then sheet by sheet, row by row."""
    order = {shown(name): i for i, name in enumerate(names)}

    def position(found: Finding) -> tuple[int, int, int]:
        where = found.where
        if "sheet" not in where:
            return (-1, 0, 0)
        row, column = parse_address(where["cell"]) if "cell" in where else (-1, 0)
        return (order.get(shown(where["sheet"]), len(order)), row, column)

    return sorted(findings, key=position)
