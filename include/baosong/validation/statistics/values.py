"""Turns the cells of a sheet into values, with a finding for each cell that was converted: a note or a warning.

Cells that cannot be read keep a text that no expectation lets pass; which message they get is decided there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from baosong.campaign import Campaign
from baosong.campaign.form import ActivityField
from baosong.rules.catalogue import finding, phrase
from baosong.rules.findings import Finding, Where
from baosong.validation.statistics.cells import address
from baosong.validation.statistics.choices import choices_of
from baosong.validation.statistics.dates import DateKind, parse_date
from baosong.validation.statistics.numbers import (
    LARGEST,
    NumberKind,
    Parsed,
    Raw,
    as_text,
    fold,
    format_decimal,
    parse_number,
    unit_factor,
)
from baosong.validation.statistics.reader import Reading
from baosong.validation.statistics.tables import Table, Tables, key

UNREADABLE = "不可读："
AMOUNT_NAMES = {"total": "合计", "offline": "线下", "online": "线上"}
AMOUNTS = tuple(AMOUNT_NAMES)
_BRACKETED = re.compile(r"[(]([^()]*)[)]\s*$")


@dataclass(slots=True)
class Values:
    """The sheet's figures: `text` holds the canonical texts that expectations validate, the rest what they mean.

    `formulas` are those of indicators, by code and column, that came without a result. `undecided`: the list has rows
    that may be activities, so that it cannot be counted. `example` is a day of the campaign, as one is to be written.
    """

    tables: Tables
    reading: Reading
    indicators: dict[str, dict[str, Decimal | None]] = field(default_factory=dict)
    indicator_rows: dict[str, int] = field(default_factory=dict)
    indicator_text: dict[str, dict[str, str | None]] = field(default_factory=dict)
    formulas: dict[tuple[str, str], str] = field(default_factory=dict)
    activities: dict[str, list[Any]] = field(default_factory=dict)
    activity_text: dict[str, list[str | None]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    undecided: bool = False
    example: str = ""

    def indicator_where(self, code: str, column: str) -> Where:
        """Return the place of an indicator's cell; of the row's name where the table lacks the column."""
        table = self.tables.indicators
        assert table is not None  # noqa: S101 there are no indicators without their table
        at = table.columns.get(column, table.columns.get("total", table.columns.get("name", 0)))
        return Where(sheet=table.sheet.name, cell=address(self.indicator_rows[code], at))

    def activity_where(self, index: int, name: str) -> Where:
        """Return the place of a field of the activity at an index."""
        table = self.tables.activities
        assert table is not None  # noqa: S101 there are no activities without their table
        return Where(
            sheet=table.sheet.name, cell=address(self.reading.activity_rows[index], table.columns.get(name, 0))
        )

    def activity(self, index: int, name: str) -> Any:
        """Return the value of a field of the activity at an index, None if there is no such column."""
        column = self.activities.get(name)
        return column[index] if column else None


def normalise(tables: Tables, reading: Reading, campaign: Campaign) -> Values:
    """Return the values of a reading, with a finding for each cell that was not simply what it should be."""
    values = Values(tables, reading, example=campaign.window.start.isoformat())
    if tables.indicators:
        _indicators(values, tables.indicators)
    if tables.activities:
        _spread_spans(reading, campaign)
        for spec in campaign.form.activities.fields:
            if spec.name in reading.activities and spec.name != "number":
                _column(values, tables.activities, spec, campaign)
        _unclear_rows(values, tables.activities, campaign)
    return values


def _unclear_rows(values: Values, table: Table, campaign: Campaign) -> None:
    """Tell of each row that may be an activity or not; where the others make up their number, it is none."""
    totals = (values.indicators.get(c.indicator or "", {}) for c in campaign.form.checks if c.test == "rows")
    agreed = any(figures.get("total") == len(values.reading.activity_rows) for figures in totals)
    values.undecided = bool(values.reading.unclear) and not agreed
    for unclear in values.reading.unclear:
        where = Where(sheet=table.sheet.name, cell=address(unclear.row, unclear.column))
        first, last = unclear.row + 1, unclear.last + 1
        rows = phrase("sheet.row", row=first if first == last else f"{first}-{last}")
        filled, missing = ("、".join(labels) for labels in (unclear.filled, unclear.missing))
        given: dict[str, Any] = {"rows": rows, "filled": filled, "missing": missing}
        values.findings.append(finding("statistics.unclear_row", "agreed" if agreed else "open", where=where, **given))


def shown(raw: Raw) -> str:
    """Return a cell's content as a message may quote it: short, on one line, without control marks."""
    text = " ".join("".join(c for c in as_text(raw) if c.isprintable() or c.isspace()).split())
    return text if len(text) <= 40 else f"{text[:40]}…"


def _indicators(values: Values, table: Table) -> None:
    for row in values.reading.indicators:
        spec = row.indicator
        values.indicator_rows[spec.code] = row.row
        values.indicators[spec.code], values.indicator_text[spec.code] = {}, {}
        factor = _factor(values, row.unit, spec.unit, values.indicator_where(spec.code, "unit"))
        for column in AMOUNTS:
            scale = spec.scale if spec.type == "decimal" else None
            formula = table.sheet.uncached_formulas.get((row.row, table.columns.get(column, -1)))
            if formula and formula.startswith("=") and row.raw[column] is None:
                values.formulas[spec.code, column] = formula
            value, text, converted = _number(row.raw[column], spec.unit, factor, scale, formula)
            values.indicators[spec.code][column], values.indicator_text[spec.code][column] = value, text
            if converted:
                where = values.indicator_where(spec.code, column)
                values.findings.append(_conversion(converted, spec.title, row.raw[column], where))
        if not spec.required and "total" in table.columns:
            _fill_total(values, spec.code, spec.title)


def _fill_total(values: Values, code: str, title: str) -> None:
    figures, texts = values.indicators[code], values.indicator_text[code]
    parts = [figures[c] for c in ("offline", "online") if figures[c] is not None]
    if texts["total"] is not None or not parts:
        return
    total = sum((p for p in parts if p is not None), Decimal(0))
    figures["total"], texts["total"] = total, format_decimal(total)
    where = values.indicator_where(code, "total")
    filled = finding("statistics.total_filled", where=where, indicator=title, total=texts["total"])
    values.findings.append(filled)


def _factor(values: Values, written: str, unit: str, where: Where) -> Decimal:
    """Return what the sheet's own unit is worth in the form's, with a finding where they differ."""
    factor = unit_factor(written, unit) if written else None
    if factor is None or factor == 1:
        return Decimal(1)
    values.findings.append(finding("statistics.unit", where=where, found=shown(written), unit=unit))
    return factor


def _number(
    raw: Raw, unit: str, factor: Decimal, scale: int | None, formula: str | None
) -> tuple[Decimal | None, str | None, Parsed | None]:
    """Return a cell's value, its canonical text, and how it was read where that deserves a finding."""
    if raw is None and formula is None:
        return None, None, None
    if type(raw) is float and raw.is_integer() and abs(raw) <= LARGEST and factor == 1:
        count = int(raw)  # nearly every cell holds one, and needs no more
        return Decimal(count), str(count), None
    parsed = parse_number(raw, unit)
    if parsed.value is None:
        unreadable = parsed.kind is NumberKind.INVALID or formula is not None
        return None, UNREADABLE + as_text(raw) if unreadable else None, None
    value = parsed.value * factor
    if scale is not None and (rounded := value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)) != value:
        how = phrase("number.cut", scale=scale, value=format_decimal(rounded))
        value, parsed = rounded, Parsed(rounded, NumberKind.VAGUE, how)
    return value, format_decimal(value), parsed if parsed.note else None


def _conversion(parsed: Parsed, what: str, raw: Raw, where: Where) -> Finding:
    given: dict[str, Any] = {"where": where, "what": what, "found": shown(raw), "how": parsed.note}
    if parsed.kind is NumberKind.VAGUE:
        return finding("statistics.rounded", **given)
    return finding("statistics.normalised", **given)


def _column(values: Values, table: Table, spec: ActivityField, campaign: Campaign) -> None:
    raws = values.reading.activities[spec.name]
    if spec.type == "text":
        values.activities[spec.name] = values.activity_text[spec.name] = [clean(raw) for raw in raws]
        return
    if spec.type in ("integer", "decimal"):
        found: list[tuple[Any, str | None]] = list(_numbers(values, table, spec, raws))
    elif spec.type == "date":
        found = list(_dates(values, spec, raws, campaign))
    else:
        found = list(_choices(values, spec, raws))
    values.activities[spec.name] = [value for value, _ in found]
    values.activity_text[spec.name] = [text for _, text in found]


def clean(raw: Raw) -> str | None:
    """Return a text cell on one line, None if it holds nothing."""
    if raw is None:
        return None
    if isinstance(raw, str) and raw.isprintable() and "  " not in raw:
        return raw.strip() or None
    text = as_text(raw)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()) or None


def _numbers(
    values: Values, table: Table, spec: ActivityField, raws: list[Raw]
) -> Iterator[tuple[Decimal | None, str | None]]:
    unit = spec.unit
    header = _BRACKETED.search(fold(table.labels.get(spec.name, "")))
    head = Where(sheet=table.sheet.name, cell=address(table.header, table.columns[spec.name]))
    factor = _factor(values, header[1] if header else "", unit, head)
    scale = spec.scale if spec.type == "decimal" else None
    formulas = table.sheet.uncached_formulas
    known: dict[float, tuple[Decimal | None, str]] = {}  # counts repeat, and a Decimal costs more than to look it up
    for index, raw in enumerate(raws):
        if type(raw) is float and raw in known:
            yield known[raw]
            continue
        at = (values.reading.activity_rows[index], table.columns[spec.name])
        formula = formulas.get(at) if formulas else None
        value, text, converted = _number(raw, unit, factor, scale, formula)
        if converted:
            where = values.activity_where(index, spec.name)
            values.findings.append(_conversion(converted, f"“{spec.label}”", raw, where))
        elif type(raw) is float and text is not None and formula is None:
            known[raw] = value, text
        yield value, text


def _spread_spans(reading: Reading, campaign: Campaign) -> None:
    """Give the end of `5月20日-22日` to the column of last days where that one is blank."""
    starts, ends = reading.activities.get("start"), reading.activities.get("end")
    if starts is None or ends is None:
        return
    window = campaign.window
    for index, (first, last) in enumerate(zip(starts, ends, strict=True)):
        if isinstance(first, str) and as_text(last) == "":
            span = parse_date(first, window.start, window.end)
            ends[index] = first if span.last != span.value else last


def _dates(
    values: Values, spec: ActivityField, raws: list[Raw], campaign: Campaign
) -> Iterator[tuple[date | None, str | None]]:
    window = campaign.window
    table = values.tables.activities
    known: dict[date, str] = {}  # a campaign has few days
    for index, raw in enumerate(raws):
        if type(raw) is date:
            yield raw, known.get(raw) or known.setdefault(raw, raw.isoformat())
            continue
        parsed = parse_date(raw, window.start, window.end)
        row = values.reading.activity_rows[index]
        formula = table.sheet.uncached_formulas.get((row, table.columns[spec.name])) if table else None
        if parsed.kind is DateKind.INVALID or (formula and parsed.value is None):
            yield None, UNREADABLE + as_text(raw)
            continue
        value = parsed.last if spec.name == "end" else parsed.value
        yield value, value.isoformat() if value else None
        if parsed.note:
            given: dict[str, Any] = {"what": f"“{spec.label}”", "found": shown(raw), "how": parsed.note}
            given |= {"where": values.activity_where(index, spec.name), "day": values.example}
            if parsed.kind is DateKind.VAGUE:
                values.findings.append(finding("statistics.rounded", "date", **given))
            else:
                values.findings.append(finding("statistics.normalised", "date", **given))


def _choices(values: Values, spec: ActivityField, raws: list[Raw]) -> Iterator[tuple[str | None, str | None]]:
    known, chosen = choices_of(spec), {choice: (choice, choice) for choice in spec.choices}
    for index, raw in enumerate(raws):
        if type(raw) is str and raw in chosen:
            yield chosen[raw]
            continue
        text = clean(raw)
        if text is None or text in chosen:
            yield text, text
            continue
        same = known.same(text)
        choice = same or known.nearest(text)
        yield choice, choice or UNREADABLE + text
        if choice and key(choice) != key(text):
            given: dict[str, Any] = {"what": f"“{spec.label}”", "found": shown(text), "choice": choice}
            given["where"] = values.activity_where(index, spec.name)
            if same:
                values.findings.append(finding("statistics.normalised", "choice", **given))
            else:
                values.findings.append(finding("statistics.nearest_choice", choices="、".join(spec.choices), **given))
