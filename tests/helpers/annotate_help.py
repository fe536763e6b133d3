"""Sheets with something to mark, and findings that mark it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment

from baosong.rules.findings import Finding, Severity, error
from sheet_help import LIST, TOTALS, sample

WRONG = error(
    "statistics.x", "合计不相等", where={"sheet": TOTALS, "cell": "D5"}, observed="12", expected="18", fix="请核对。"
)


def changed(change: Callable[[Workbook], None], content: bytes | None = None) -> bytes:
    book = load_workbook(io.BytesIO(content or sample().content))
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def spoil(book: Workbook) -> None:
    """Make an error, a warning beside it, a rounded figure, a wrong date, formulas, and a comment of one's own."""
    book[TOTALS]["D5"], book[TOTALS]["F9"] = 999, "约500人"
    book[LIST]["F5"] = "2023.13.45"
    book[TOTALS]["D20"] = "=SUM(E20:F20)"
    book[LIST]["T5"], book[LIST]["T5"].data_type = "=1+1", "s"
    book[TOTALS]["D5"].comment = Comment("去年也是这样填的", "张三")


def at(sheet: str, cell: str, severity: Severity = Severity.ERROR, **more: Any) -> Finding:
    return Finding("statistics.x", severity, more.pop("message", "有问题"), {"sheet": sheet, "cell": cell}, **more)
