"""The form as Great Expectations suites: the columns, and the values of those there; each row at fault is a finding.

Every expectation carries in its `meta` what it is about (`id`), because results do not come back in the suite's order,
and in Chinese words what it asks (`notes`), which its Data Docs show. Whatever is not met is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from baosong.campaign.form import ActivityField, Column, Form, Indicator, asked
from baosong.rules.catalogue import finding, phrase
from baosong.rules.findings import Finding, Where
from baosong.validation.statistics.cells import address
from baosong.validation.statistics.gx import Failure, Validator, expect
from baosong.validation.statistics.numbers import Raw, format_decimal
from baosong.validation.statistics.tables import Table
from baosong.validation.statistics.validations import Validation, records
from baosong.validation.statistics.values import AMOUNT_NAMES, AMOUNTS, Values, shown

_NUMBER, _CHOICE = ("blank", "filler"), ("blank_choice", "filler_choice")
_HOW_TO_FILL = {  # the variants that tell it: only a number that there is not is 0
    "text": ("blank_text", "filler_text"),
    "date": ("blank_date", "filler_date"),
    "choice": _CHOICE,
    "yes_no": _CHOICE,
    "integer": _NUMBER,
    "decimal": _NUMBER,
}
INTEGER = r"^[0-9]{1,12}$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def decimal(scale: int) -> str:
    """Return the pattern of a number that is not negative and has at most `scale` digits after the point."""
    return rf"^[0-9]{{1,12}}(?:\.[0-9]{{1,{scale}}})?$" if scale else INTEGER


def validate(values: Values, form: Form) -> tuple[list[Finding], list[Validation]]:
    """Return the findings of both tables, and what each expectation came to.

    Values are expected only of columns that exist, the others are missing.
    """
    sheets = Validator()
    findings = [*_validate_indicators(sheets, values, form), *_validate_activities(sheets, values, form)]
    return findings, records(values, form, sheets.results)


def _expect_columns(columns: Iterable[Column]) -> Any:
    needed = {c.name: c.label for c in columns if c.required}
    notes = phrase("expect.columns", columns="、".join(needed.values()))
    return expect("ExpectTableColumnsToMatchSet", "columns", notes, column_set=tuple(needed), exact_match=False)


def _missing_columns(failure: Failure, table: Table, columns: Iterable[Column]) -> Iterator[Finding]:
    where, sheet = Where(sheet=table.sheet.name, cell=address(table.header, 0)), shown(table.sheet.name)
    for column in columns:
        if column.name in failure.missing:
            yield finding("statistics.missing_column", where=where, sheet=sheet, column=column.label)


def _validate_indicators(sheets: Validator, values: Values, form: Form) -> Iterator[Finding]:
    table = values.tables.indicators
    if table is None:
        return
    specs = [form.by_code[code] for code in values.indicators]
    columns, expectations = _indicator_expectations(table, specs, values, form)
    for failure in sheets.run(columns, expectations):
        if failure.missing:
            yield from _missing_columns(failure, table, form.indicators.columns)
            continue
        rule, amount = failure.id.split("|")[:2]
        for index in failure.rows:
            yield _indicator_finding(values, table, specs[index], rule, amount)


def _indicator_expectations(
    table: Table, specs: list[Indicator], values: Values, form: Form
) -> tuple[dict[str, list[str | None]], list[Any]]:
    """Return all indicators as one frame, a column for each amount, type and need, and what to expect of each."""
    columns: dict[str, list[str | None]] = {name: [None] * len(specs) for name in table.columns}
    expectations = [_expect_columns(form.indicators.columns)]
    for amount in AMOUNTS:
        texts = [values.indicator_text[spec.code][amount] for spec in specs]
        for pattern in sorted({_pattern(spec) for spec in specs}):
            name = f"number|{amount}|{pattern}"
            columns[name] = [t if _pattern(s) == pattern else None for s, t in zip(specs, texts, strict=True)]
            notes = _notes_on_amounts(form, amount, specs, pattern)
            expectations.append(expect("ExpectColumnValuesToMatchRegex", name, notes, column=name, regex=pattern))
    if "total" in table.columns:
        totals = [values.indicator_text[spec.code]["total"] for spec in specs]
        columns["required|total"] = [t if spec.required else "" for spec, t in zip(specs, totals, strict=True)]
        titles = "、".join(s.title for s in specs if s.required)
        name, notes = "required|total", phrase("expect.totals", indicators=titles)
        expectations.append(expect("ExpectColumnValuesToNotBeNull", name, notes, column=name))
    return columns, expectations


def _notes_on_amounts(form: Form, amount: str, specs: list[Indicator], pattern: str) -> str:
    label = next(c.label for c in form.indicators.columns if c.name == amount).rpartition("：")[2]
    if pattern == INTEGER:
        return phrase("expect.integer", label=label)
    concerned = [s for s in specs if _pattern(s) == pattern]
    titles = "、".join(s.title for s in concerned)
    return phrase("expect.decimal", label=label, indicators=titles, scale=concerned[0].scale)


def _pattern(spec: Indicator) -> str:
    return decimal(spec.scale) if spec.type == "decimal" else INTEGER


def _indicator_finding(values: Values, table: Table, spec: Indicator, rule: str, amount: str) -> Finding:
    row = next(r for r in values.reading.indicators if r.indicator.code == spec.code)
    cell = _Cell(
        f"{spec.title}的{AMOUNT_NAMES[amount]}",
        values.indicator_where(spec.code, amount),
        row.raw[amount],
        table.sheet.uncached_formulas.get((row.row, table.columns.get(amount, -1))),
    )
    if rule == "required":
        return cell.required()
    return cell.not_a_number(values.indicators[spec.code][amount], spec.type)


def _validate_activities(sheets: Validator, values: Values, form: Form) -> Iterator[Finding]:
    table, columns = values.tables.activities, values.activity_text
    if table is None:
        return
    specs = [spec for spec in form.activities.fields if spec.name in columns]
    expectations = [_expect_columns(form.activities.fields)]
    if values.reading.activity_rows:
        expectations += [e for spec in specs for e in _field_expectations(spec, values.example)]
    for failure in sheets.run(columns, expectations):
        if failure.missing:
            yield from _missing_columns(failure, table, form.activities.fields)
            continue
        rule, name = failure.id.split("|")
        for index in failure.rows:
            yield _activity_finding(values, table, form.by_field[name], rule, index)


def _field_expectations(spec: ActivityField, example: str) -> Iterator[Any]:
    """Yield what a field must be; a blank concerns `required` alone."""
    column, label = spec.name, spec.label
    if spec.required:
        notes = phrase("expect.required", label=label)
        yield expect("ExpectColumnValuesToNotBeNull", f"required|{column}", notes, column=column)
    notes = phrase("expect.field", label=label, asked=asked(spec))
    match spec.type:
        case "integer" | "decimal":
            pattern = decimal(spec.scale) if spec.type == "decimal" else INTEGER
            yield expect("ExpectColumnValuesToMatchRegex", f"number|{column}", notes, column=column, regex=pattern)
        case "date":
            notes = phrase("expect.date", label=label, day=example)
            yield expect("ExpectColumnValuesToMatchRegex", f"date|{column}", notes, column=column, regex=DATE)
        case "choice" | "yes_no":
            notes = phrase("expect.choice", label=label, asked=asked(spec))
            value_set = spec.choices
            yield expect("ExpectColumnValuesToBeInSet", f"choice|{column}", notes, column=column, value_set=value_set)
        case "text":
            most = spec.max_length
            name = f"length|{column}"
            yield expect("ExpectColumnValueLengthsToBeBetween", name, notes, column=column, max_value=most)


def _activity_finding(values: Values, table: Table, spec: ActivityField, rule: str, index: int) -> Finding:
    at = (values.reading.activity_rows[index], table.columns[spec.name])
    raw = values.reading.activities[spec.name][index]
    formula = table.sheet.uncached_formulas.get(at)
    where, day = values.activity_where(index, spec.name), values.example if spec.type == "date" else ""
    cell = _Cell(f"“{spec.label}”", where, raw, formula, _HOW_TO_FILL[spec.type], day)
    if rule == "required" and not cell.is_formula:
        return cell.required()
    if rule == "number" or cell.is_formula:
        return cell.not_a_number(values.activities[spec.name][index], spec.type)
    given: dict[str, Any] = {"where": cell.where, "what": cell.what, "found": shown(raw)}
    if rule == "date":
        return finding("statistics.date", day=values.example, **given)
    if rule == "choice":
        return finding("statistics.choice", choices="、".join(spec.choices), **given)
    return finding("statistics.length", most=spec.max_length, **given)


@dataclass(frozen=True, slots=True)
class _Cell:
    """A cell at fault: what a receipt calls it, its place, what it holds, and its formula without a result if any.

    `variants` tell how one is filled in that is blank, or holds what only says that there is nothing; `day` is an
    example of a date, where it holds one.
    """

    what: str
    where: Where
    raw: Raw
    formula: str | None
    variants: tuple[str, str] = _NUMBER
    day: str = ""

    @property
    def is_formula(self) -> bool:
        """Return whether a formula without a result, or an error value, is all that the cell holds."""
        return self.raw is None and self.formula is not None

    def required(self) -> Finding:
        """Return the finding of a cell that may not be blank."""
        blank, filler = self.variants
        given: dict[str, Any] = {"where": self.where, "what": self.what} | ({"day": self.day} if self.day else {})
        if found := shown(self.raw):
            return finding("statistics.required", filler, found=found, **given)
        return finding("statistics.required", blank, **given)

    def not_a_number(self, value: Decimal | None, kind: str) -> Finding:
        """Return the finding of a cell that is no number, or not one that its column takes."""
        given: dict[str, Any] = {"where": self.where, "what": self.what, "found": shown(self.raw)}
        if value is None and self.is_formula:
            given["found"] = shown(self.formula)
            variant = "failed" if str(self.formula).startswith("#") else "without_result"
            return finding("statistics.formula", variant, **given)
        given["asked"] = phrase("number.integer") if kind == "integer" else phrase("number.decimal")
        if value is None:
            return finding("statistics.number", "unclear", **given)
        return finding("statistics.number", _fault_of(value, kind), value=format_decimal(value), **given)


def _fault_of(value: Decimal, kind: str) -> str:
    if value < 0:
        return "negative"
    return "fraction" if value != int(value) and kind == "integer" else "large"
