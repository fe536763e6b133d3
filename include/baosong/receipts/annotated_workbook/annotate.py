"""An annotated copy of the sender's own sheet: the cells with findings coloured and commented, and a list in front.

The workbook is not opened in this process: a child process does that under limits, after the reader of the checks has
found it to be of moderate size. A larger workbook gets no copy; the receipt's table lists all its findings anyway.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from typing import Any

from baosong.campaign import Campaign
from baosong.receipts.view import describe_finding
from baosong.rules.findings import Finding, Severity
from baosong.rules.words import ellipsize
from baosong.store.source import Source
from baosong.validation.common import zip_guard
from baosong.validation.common.filetypes import ZIPPED, identify
from baosong.validation.sandbox import client
from baosong.validation.sandbox.run import SandboxError
from baosong.validation.statistics.cells import SPARE_ROWS, LockedSheet, Sheet, UnreadableSheet, read_sheets

log = logging.getLogger(__name__)

LARGEST = 32 << 20  # bytes of a file
UNPACKED = 128 << 20  # bytes of what is inside
MAX_CELLS = 250_000  # some ten seconds of work
MAX_MERGED = 100_000  # cells: openpyxl makes an object of each
MAX_COLUMNS = 256
LONGEST_TEXT = 300
LONGEST_COPY = 256 << 20  # bytes of the copy


def annotate(content: bytes, name: str, findings: Sequence[Finding], campaign: Campaign) -> bytes | None:
    """Return an xlsx of the sender's sheet with the findings marked, the same for the same input.

    None where nothing can be marked: no finding names a cell, or the file is unreadable, locked or not safe to open.
    """
    if not any("sheet" in f.where and "cell" in f.where for f in findings) or len(content) > LARGEST:
        return None
    source = Source(name, len(content), lambda: io.BytesIO(content))
    kind = identify(source) or source.suffix
    max_rows = campaign.form.activities.max_rows + SPARE_ROWS
    try:
        if kind in ZIPPED:
            with zip_guard.guarded(source) as archive:
                if sum(member.file_size for member in archive.infolist()) > UNPACKED:
                    return None
        sheets = read_sheets(content, kind, name, max_rows)
    except (zip_guard.Bomb, zip_guard.Broken, LockedSheet, UnreadableSheet):
        return None
    if not _moderate(sheets, max_rows):
        return None
    work = {
        "sheets": [
            {"name": s.name, "hidden": s.hidden, "top": s.top, "rows": s.rows, "merged": s.merged, "errors": _errors(s)}
            for s in sheets
        ],
        "findings": [_describe(f) for f in sorted(findings, key=lambda f: list(Severity).index(f.severity))],
        "file": ellipsize(name, 80),
        "title": campaign.title,
    }
    return _in_child(source if kind == "xlsx" else Source(name, 0, io.BytesIO), work)


def _errors(sheet: Sheet) -> dict[tuple[int, int], str]:
    """Return the error values within a sheet's rows, which hold nothing in their place."""
    rows = range(sheet.top, sheet.end)
    errors = {at: text for at, text in sheet.uncached_formulas.items() if text.startswith("#")}
    return {(r, c): text for (r, c), text in errors.items() if r in rows and c < MAX_COLUMNS}


def _moderate(sheets: Sequence[Sheet], max_rows: int) -> bool:
    """Return whether every sheet stays near its first cell: one far cell or merged range costs openpyxl gigabytes."""
    merged = sum((bottom - top + 1) * (right - left + 1) for s in sheets for (top, left), (bottom, right) in s.merged)
    cells = sum(len(row) for sheet in sheets for row in sheet.rows)
    near = all(not s.clipped and s.end <= max_rows and max(map(len, s.rows), default=0) <= MAX_COLUMNS for s in sheets)
    return near and merged <= MAX_MERGED and cells <= MAX_CELLS


def _describe(finding: Finding) -> dict[str, str]:
    """Return a finding in the receipt's words, shortened and with invisible characters escaped."""
    view = describe_finding(finding.as_json())
    words = {"word": "severity_name", "problem": "message", "found": "observed", "expected": "expected", "fix": "fix"}
    sheet, cell = finding.where.get("sheet", ""), finding.where.get("cell", "")
    place = f"{sheet} {cell}" if sheet and cell else view["place"]
    return {
        **{key: ellipsize(view[name], LONGEST_TEXT) for key, name in words.items()},
        "place": ellipsize(place),
        "severity": finding.severity.value,
        "sheet": sheet,
        "cell": cell,
    }


def _in_child(source: Source, work: dict[str, Any]) -> bytes | None:
    from baosong.receipts.annotated_workbook.marked import marked  # openpyxl, which most processes do without

    try:
        return client.run(marked, source, work, longest=LONGEST_COPY) or None
    except SandboxError as e:
        log.warning("no annotated copy: %s", e)
        return None
