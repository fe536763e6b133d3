"""Reads the form's rows out of the tables found: indicators by code or name, activities row by row, and the signatures.

Section rows, 小计 and 合计 rows, repeated headers, notes and blank rows are passed over; merged texts are filled down.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest

from baosong.campaign.form import Column, Form, Indicator
from baosong.validation.statistics.cells import Sheet
from baosong.validation.statistics.numbers import Raw, as_text, fold
from baosong.validation.statistics.rows import UnclearRow, list_rows
from baosong.validation.statistics.tables import Table, Tables, key, short_key

LONGEST_LABEL = 60  # characters with blanks: to look for a label in all of a long text would cost its square
FOOT_ROWS = 12
TOTALS = re.compile(r"^(本页|分类|以上)?(合计|小计|总计|共计|累计)")
_NUMBERING = re.compile(r"^([(（]?([一二三四五六七八九十]+|\d{1,2})[)）、.．]|[①-⑳])\s*")
_PART = re.compile(r"^(其中|#)")
_COLON = re.compile(r"[:：]")


@dataclass(slots=True)
class IndicatorRow:
    """An indicator as the sheet has it: the row, the unit it prints, and the raw values of its three columns."""

    indicator: Indicator
    row: int
    unit: str
    raw: dict[str, Raw]


@dataclass(slots=True)
class Reading:
    """Everything read from a book before it is judged; rows are counted from 0."""

    indicators: list[IndicatorRow] = field(default_factory=list)
    unknown: list[tuple[int, str]] = field(default_factory=list)
    repeated: list[IndicatorRow] = field(default_factory=list)
    renamed: list[tuple[int, Indicator, str]] = field(default_factory=list)
    contradicted: list[tuple[int, Indicator, Indicator]] = field(default_factory=list)  # by the name, by the code
    activity_rows: list[int] = field(default_factory=list)
    unclear: list[UnclearRow] = field(default_factory=list)
    activities: dict[str, list[Raw]] = field(default_factory=dict)
    signatures: dict[str, tuple[str, Sheet, int, int]] = field(default_factory=dict)
    preamble: list[tuple[str, Sheet, int, int]] = field(default_factory=list)


def read(tables: Tables, form: Form) -> Reading:
    """Return what the tables hold, raw."""
    reading = Reading()
    if tables.indicators:
        _read_indicators(tables.indicators, form, reading)
    if tables.activities:
        _read_activities(tables.activities, form, reading)
    for table in (tables.indicators, tables.activities):
        if table:
            _read_head(table, form.signatures, reading)
    return reading


def _read_indicators(table: Table, form: Form, reading: Reading) -> None:
    seen: set[str] = set()
    headings = {key(label) for c in form.indicators.columns for label in c.labels}
    for row in range(table.first, table.end):
        name, number = as_text(table.raw(row, "name")), as_text(table.raw(row, "number"))
        raw = {c: table.raw(row, c) for c in ("total", "offline", "online")}
        indicator = _known(form, name, number)
        if indicator is None:
            if name and _has_figure(raw) and not TOTALS.match(key(name)) and key(name) not in headings:
                reading.unknown.append((row, name))
            continue
        found = IndicatorRow(indicator, row, as_text(table.raw(row, "unit")), raw)
        _note_name(form, reading, found, name, number)
        (reading.repeated if indicator.code in seen else reading.indicators).append(found)
        seen.add(indicator.code)


def _has_figure(raw: dict[str, Raw]) -> bool:
    return any(value not in (None, "") for value in raw.values())


def _note_name(form: Form, reading: Reading, row: IndicatorRow, name: str, number: str) -> None:
    """Note a name that the form does not know, and a code that is another indicator's."""
    coded = form.by_code.get(fold(number).upper(), row.indicator)
    if name and _by_name(form, name) is None:
        reading.renamed.append((row.row, row.indicator, name))
    elif coded is not row.indicator:
        reading.contradicted.append((row.row, row.indicator, coded))


def _known(form: Form, name: str, number: str) -> Indicator | None:
    """Return the indicator of a row; people fill in by the printed name, so it wins over the code."""
    found = _by_name(form, name) if name else None
    return found or form.by_code.get(fold(number).upper())


def _by_name(form: Form, name: str) -> Indicator | None:
    names = _indicator_names(form.indicators.rows)
    plain = _NUMBERING.sub("", fold(name))
    for spelled in (name, plain, _PART.sub("", plain)):
        for spell in (key, short_key):
            if code := names.get(spell(spelled)):
                return form.by_code[code]
    return None


@lru_cache(maxsize=32)
def _indicator_names(rows: tuple[Indicator, ...]) -> dict[str, str]:
    return {key(label): i.code for i in rows for label in i.labels}


def _read_activities(table: Table, form: Form, reading: Reading) -> None:
    names = [f.name for f in form.activities.fields if f.name in table.columns]
    told = list_rows(table, form)
    rows = reading.activity_rows = told.activities
    reading.unclear = told.unclear
    columns = list(zip_longest(*(table.sheet.rows[row - table.sheet.top] for row in rows)))
    columns += [(None,) * len(rows)] * (max(table.columns.values()) + 1 - len(columns))  # no row is as long
    reading.activities = {n: [None if v == "" else v for v in columns[table.columns[n]]] for n in names}
    index = {row: i for i, row in enumerate(rows)}
    for row, name, value in _merged_texts(table, form):
        if row in index:
            reading.activities[name][index[row]] = value


def _merged_texts(table: Table, form: Form) -> Iterator[tuple[int, str, Raw]]:
    """Yield the values that cells merged downwards share; numbers are not shared, which would count them twice."""
    texts = {f.name for f in form.activities.fields if f.type not in ("integer", "decimal")} - {"name", "number"}
    names = {column: name for name, column in table.columns.items() if name in texts}
    for (top, left), (bottom, _right) in table.sheet.merged:
        if left in names and table.first <= top < bottom < table.end:
            for row in range(top + 1, bottom + 1):
                yield row, names[left], table.sheet.value(top, left)


def _read_head(table: Table, columns: Iterable[Column], reading: Reading) -> None:
    """Read the signatures that stand above the header or below the data, and keep the preamble's texts."""
    sheet = table.sheet
    labels = {key(label): c.name for c in columns for label in c.labels}
    data = {i.row for i in reading.indicators} if table.kind == "indicators" else set(reading.activity_rows)
    rows = [*range(sheet.top, table.header), *range(max(table.first, sheet.end - FOOT_ROWS), sheet.end)]
    for row in (r for r in rows if r not in data):
        for column, text in _row_texts(sheet, row):
            if row < table.header:
                reading.preamble.append((text, sheet, row, column))
            for name, value in _signed(text, labels):
                at = column
                if not value:
                    at, value = _next_value(sheet, row, column, labels)
                if name not in reading.signatures or (value and not reading.signatures[name][0]):
                    reading.signatures[name] = (value, sheet, row, at)


def _row_texts(sheet: Sheet, row: int) -> Iterator[tuple[int, str]]:
    for column, value in enumerate(sheet.rows[row - sheet.top]):
        if isinstance(value, str) and value.strip():
            yield column, value


def _signed(text: str, labels: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each signature in a cell: `填报人：张三　联系电话：0991-1234567` holds two, `填报人` one without value."""
    parts = _COLON.split(text)
    if len(parts) == 1:
        if key(text) in labels or short_key(text) in labels:
            yield labels.get(key(text)) or labels[short_key(text)], ""
        return
    label = parts[0]
    for i, part in enumerate(parts[1:], 1):
        value, rest = part, ""
        if i < len(parts) - 1:
            value, rest = _cut_label(part, labels)
        name = labels.get(key(label)) or labels.get(short_key(label))
        if name:
            yield name, value.strip()
        label = rest


def _cut_label(text: str, labels: dict[str, str]) -> tuple[str, str]:
    """Part a value from the label that follows it."""
    for at in range(max(0, len(text) - LONGEST_LABEL), len(text)):
        if key(text[at:]) in labels and key(text[at : at + 1]):
            return text[:at], text[at:]
    return text, ""


def _next_value(sheet: Sheet, row: int, column: int, labels: dict[str, str]) -> tuple[int, str]:
    """Return the place and text right of a label; an empty text if the next thing is another label or nothing."""
    for at in range(column + 1, column + 8):
        value = sheet.value(row, at)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        text = as_text(value)
        if any(True for _ in _signed(text, labels)):
            break
        return at, text
    merged = (right for (top, left), (_, right) in sheet.merged if (top, left) == (row, column))
    return next(merged, column) + 1, ""
