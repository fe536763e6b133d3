"""The files of an edition of the report: their names, types and order."""

from __future__ import annotations

import json
from typing import Any

from baosong.rules.errors import OneLineError

WORKBOOK = "汇总表.xlsx"
DOCUMENT = "汇总总结报告.docx"
PAGE = "汇总总结报告.html"
PDF = "汇总总结报告.pdf"
FIGURES = "figures.json"
CHANGES = "changes.json"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TYPES = {
    WORKBOOK: XLSX,
    DOCUMENT: DOCX,
    PAGE: "text/html; charset=utf-8",
    CHANGES: "application/json",
    FIGURES: "application/json",
}
"""The files of an edition in the order in which they are written; the figures stand there once all else does."""


class TemplateRefused(OneLineError):
    """A report's template that cannot be used; the text is Chinese, and names the place in it."""


def json_bytes(told: dict[str, Any]) -> bytes:
    """Return figures or changes as they lie in an edition's folder."""
    return json.dumps(told, ensure_ascii=False, indent=1).encode()
