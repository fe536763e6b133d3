"""An annotated copy of the sender's own sheet: the cells with findings coloured and commented, and a list in front.

The workbook is not opened in this process: a child of the sandbox does that, under limits. A large workbook gets no
copy; the receipt's table lists all its findings anyway.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence

from baosong.campaign import Campaign
from baosong.receipts.view import describe_finding
from baosong.rules.findings import Finding, Severity
from baosong.rules.words import ellipsize
from baosong.store.source import Source
from baosong.validation.common.filetypes import identify
from baosong.validation.sandbox import client
from baosong.validation.sandbox.run import SandboxError
from baosong.validation.statistics.cells import SPARE_ROWS

log = logging.getLogger(__name__)

LARGEST = 32 << 20  # bytes of a file
LONGEST_TEXT = 300
LONGEST_COPY = 256 << 20  # bytes of the copy


def annotate(content: bytes, name: str, findings: Sequence[Finding], campaign: Campaign) -> bytes | None:
    """Return an xlsx of the sender's sheet with the findings marked, the same for the same input.

    None where nothing can be marked: no finding names a cell, or the file is unreadable, locked or not safe to open.
    """
    if not any("sheet" in f.where and "cell" in f.where for f in findings) or len(content) > LARGEST:
        return None
    from baosong.receipts.annotated_workbook.marked import marked  # openpyxl, which most processes do without

    source = Source(name, len(content), lambda: io.BytesIO(content))
    work = {
        "kind": identify(source) or source.suffix,
        "max_rows": campaign.form.activities.max_rows + SPARE_ROWS,
        "findings": [_describe(f) for f in sorted(findings, key=lambda f: list(Severity).index(f.severity))],
        "file": ellipsize(name, 80),
        "title": campaign.title,
    }
    try:
        return client.run(marked, source, work, longest=LONGEST_COPY) or None
    except SandboxError as e:
        log.warning("no annotated copy: %s", e)
        return None


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
