"""Findings about a workbook as a whole: macros, links, tables that are missing, hidden, doubled or cut short."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from baosong.campaign import Campaign
from baosong.campaign.form import Form
from baosong.rules.catalogue import finding, phrase
from baosong.rules.findings import Finding, Where
from baosong.validation.common import zip_guard
from baosong.validation.common.filetypes import OLE_ERRORS
from baosong.validation.statistics.cells import Sheet, address
from baosong.validation.statistics.numbers import as_text
from baosong.validation.statistics.reader import Reading, read
from baosong.validation.statistics.tables import Table, Tables
from baosong.validation.statistics.units import named_prefecture
from baosong.validation.statistics.values import Values, shown

MOST_TOLD = 5
_YEAR = re.compile(r"(20[0-9]{2})\s*年")


def structure_findings(data: bytes, sheets: list[Sheet], values: Values, campaign: Campaign) -> list[Finding]:
    """Return the findings about the workbook and its tables, cells apart."""
    findings = [*_container(data), *_tables(sheets, values, campaign.form)]
    if values.tables.indicators:
        findings += _indicator_rows(values, values.tables.indicators, campaign.form)
    return [*findings, *_year(values, campaign), *_unit(values, campaign)]


def _container(data: bytes) -> Iterator[Finding]:
    members = _members(data)
    if any("vbaproject" in m or "_vba_project" in m for m in members):
        yield finding("file.macros", "workbook")
    if any(m.startswith("xl/externallinks/") for m in members):
        yield finding("statistics.external_links")


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
    names = "、".join(shown(s.name) for s in sheets[:10]) or phrase("sheet.none")
    for table, sheet, columns in (
        (values.tables.indicators, form.indicators.sheet, phrase("sheet.indicators")),
        (values.tables.activities, form.activities.sheet, phrase("sheet.activities")),
    ):
        if table is None:
            yield finding("statistics.missing_table", table=sheet, sheets=names, columns=columns)
        else:
            yield from _one_table(table, form)
    for spare in values.tables.spare:
        taken = values.tables.indicators if spare.kind == "indicators" else values.tables.activities
        if not spare.sheet.hidden and taken is not None:
            variant = "same" if _contents(spare, form) in (_contents(taken, form), []) else "different"
            given = {"sheet": shown(spare.sheet.name), "used": shown(taken.sheet.name)}
            yield finding("statistics.spare_table", variant, where=_header(spare), **given)


def _contents(table: Table, form: Form) -> list[tuple[str, ...]]:
    """Return what a table says, wherever it says it; none where nothing but the form is filled in."""
    if table.kind == "indicators":
        rows = read(Tables(table, None, []), form).indicators
        said = [(row.indicator.code, *map(as_text, row.raw.values())) for row in rows]
        return said if any(any(figures) for _, *figures in said) else []
    columns = read(Tables(None, table, []), form).activities
    return list(
        zip(*([as_text(v) for v in column] for name, column in columns.items() if name != "number"), strict=True)
    )


def _one_table(table: Table, form: Form) -> Iterator[Finding]:
    name = shown(table.sheet.name)
    if table.sheet.hidden:
        variant = "very" if table.sheet.very_hidden else "plain"
        yield finding("statistics.hidden_sheet", variant, where=_header(table), sheet=name)
    if table.sheet.clipped:
        rows = form.activities.max_rows
        yield finding("statistics.too_many_rows", where=_header(table), sheet=name, rows=rows)


def _header(table: Table) -> Where:
    return Where(sheet=table.sheet.name, cell=address(table.header, 0))


def _indicator_rows(values: Values, table: Table, form: Form) -> Iterator[Finding]:
    def name_cell(row: int) -> Where:
        return Where(sheet=table.sheet.name, cell=address(row, table.columns.get("name", 0)))

    for spec in form.indicators.rows:
        if spec.code not in values.indicators:
            variant, where = "required" if spec.required else "optional", name_cell(table.header)
            yield finding("statistics.missing_indicator", variant, where=where, indicator=spec.title, name=spec.name)
    for row, name in values.reading.unknown:
        yield finding("statistics.unknown_indicator", where=name_cell(row), name=shown(name))
    for row, spec, name in values.reading.renamed:
        yield finding(
            "statistics.renamed_indicator",
            where=name_cell(row),
            name=shown(name),
            indicator=spec.name,
            code=spec.code,
        )
    if values.reading.contradicted:
        yield _contradicted(values.reading, name_cell(values.reading.contradicted[0][0]))
    first = {r.indicator.code: r for r in values.reading.indicators}
    for again in values.reading.repeated:
        before = first[again.indicator.code]
        given: dict[str, Any] = {"indicator": again.indicator.title, "first": before.row + 1, "again": again.row + 1}
        variant = "same" if before.raw == again.raw else "different"
        yield finding("statistics.repeated_indicator", variant, where=name_cell(again.row), **given)


def _contradicted(reading: Reading, where: Where) -> Finding:
    """Tell all rows whose code and name are of two indicators at once: mostly one slip moved them all."""
    told = [
        phrase(
            "indicator.contradicted", row=row + 1, code=coded.code, meant=coded.name, name=named.name, other=named.code
        )
        for row, named, coded in reading.contradicted
    ]
    more = "……" if len(told) > MOST_TOLD else ""
    return finding("statistics.contradicted", where=where, rows="；".join(told[:MOST_TOLD]) + more)


def _year(values: Values, campaign: Campaign) -> Iterator[Finding]:
    """A title of another year is an old template, or, if the dates agree with it, an old sheet."""
    year = campaign.window.start.year
    titled = [(t, s, r, c) for t, s, r, c in values.reading.preamble if _YEAR.search(t)]
    others = [x for x in titled if str(year) not in x[0]]
    starts = [d for d in values.activities.get("start", []) if d]
    if starts and sum(d.year != year for d in starts) * 2 > len(starts):
        where = values.activity_where(0, "start")
        yield finding("statistics.other_year", where=where, year=year, found=starts[0].year)
    elif others and len(others) == len(titled):
        text, sheet, row, column = others[0]
        where = Where(sheet=sheet.name, cell=address(row, column))
        asked = campaign.form.title.format(title=campaign.title)
        yield finding("statistics.old_template", where=where, found=shown(text), year=year, asked=asked)


def _unit(values: Values, campaign: Campaign) -> Iterator[Finding]:
    text, sheet, row, column = values.reading.signatures.get("unit", ("", None, 0, 0))
    if text and sheet is not None and named_prefecture(text, campaign) is None:
        where = Where(sheet=sheet.name, cell=address(row, column))
        yield finding("statistics.unit_unclear", where=where, found=shown(text))
