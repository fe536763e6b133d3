"""The files of an edition of the report: their names, types and order."""

from __future__ import annotations

import json
from typing import Any

from baosong.rules.errors import OneLineError

WORKBOOK = "汇总表.xlsx"
DOCUMENT = "汇总总结报告.docx"
PAGE = "汇总总结报告.html"
PDF = "汇总总结报告.pdf"
ONE_PAGE = "一页纸.docx"
SLIDES = "汇报幻灯片.pptx"
ONE_PAGE_PDF = "一页纸.pdf"
FIGURES = "figures.json"
CHANGES = "changes.json"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TYPES = {
    WORKBOOK: XLSX,
    DOCUMENT: DOCX,
    ONE_PAGE: DOCX,
    SLIDES: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    PAGE: "text/html; charset=utf-8",
    CHANGES: "application/json",
    FIGURES: "application/json",
}
"""The content types of an edition's files in writing order; figures.json comes last and marks a complete folder."""
TEMPLATES = (DOCUMENT, ONE_PAGE)
"""The files that are made from a template of the same name."""
PDFS = {PDF: DOCUMENT, ONE_PAGE_PDF: ONE_PAGE}
"""The files that LibreOffice makes of others, where it and a Chinese font are installed."""


class TemplateRefused(OneLineError):
    """A report template that cannot be used; the message is Chinese and names the paragraph."""


def json_bytes(content: dict[str, Any]) -> bytes:
    """Return figures or changes as the bytes of their file."""
    return json.dumps(content, ensure_ascii=False, indent=1).encode()
