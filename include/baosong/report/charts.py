"""Charts as parts of an Office package: drawn by Word, PowerPoint and WPS themselves, with a workbook to edit them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from io import BytesIO
from typing import Any

from baosong.report.files import XLSX
from baosong.report.parts import Chart
from baosong.report.reproducible import make_reproducible
from baosong.report.wording import render

_TYPE = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
_PACKAGE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/package"


def chart_part(
    chart: Chart, as_of: datetime, number: int, member: Callable[[str, str, bytes], Any], scale: float = 1
) -> Any:
    """Return a chart's part; `member` adds a part to the package by name, type and content. `scale` is its letters'."""
    series = tuple((name, tuple(values)) for name, values in chart.series)
    book = member(f"embeddings/chart{number}.xlsx", XLSX, _book(tuple(chart.names), series, as_of))
    part = member(f"charts/chart{number}.xml", _TYPE, b"")
    relation, last = part.relate_to(book, _PACKAGE), len(chart.names) + 1
    part._blob = render("chart.xml", chart=chart, book=relation, last=last, scale=scale).encode()
    return part


@lru_cache(maxsize=16)
def _book(names: tuple[str, ...], series: tuple[tuple[str, tuple[Decimal, ...]], ...], as_of: datetime) -> bytes:
    """Return a chart's numbers as a workbook, for 编辑数据; report and slides have most charts in common."""
    from openpyxl import Workbook

    book, raw = Workbook(), BytesIO()
    sheet = book.worksheets[0]
    sheet.append(["", *(name for name, _ in series)])
    for n, name in enumerate(names):
        sheet.append([name, *(values[n] for _, values in series)])
        sheet.cell(n + 2, 1).data_type = "s"
    book.properties.created = as_of.replace(tzinfo=None)
    book.save(raw)
    return make_reproducible(raw.getvalue(), as_of)
