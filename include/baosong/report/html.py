"""The report as one HTML file (汇总总结报告.html), made from the Word report, so that its text has one source."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from baosong.report.files import DOCUMENT, ONE_PAGE, SLIDES, WORKBOOK
from baosong.report.parts import SHADES
from baosong.report.wording import group_thousands, render

_LEVELS = {
    "公文标题": "title",
    "公文副标题": "subtitle",
    "公文一级标题": "one",
    "公文二级标题": "two",
    "公文落款": "signed",
    "公文日期": "signed",
    "公文附件序号": "annex",
    "BaosongCaption": "caption",
}
_OTHERS = (DOCUMENT, ONE_PAGE, SLIDES, WORKBOOK)  # of the same edition
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"


@dataclass(slots=True)
class Bar:
    """A row of a chart; lengths are percentages of the longest bar."""

    name: str
    lengths: list[float]
    text: str


@dataclass(slots=True)
class Block:
    """A piece of the page; `kind` is text, table, chart, map or album."""

    kind: str
    level: str = ""
    text: str = ""
    rows: list[list[str]] = field(default_factory=list)
    aligns: list[str] = field(default_factory=list)
    tiles: list[list[tuple[list[str], str]]] = field(default_factory=list)
    linked: int | None = None  # the column whose cells are addresses
    bars: list[Bar] = field(default_factory=list)
    series: list[str] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)


def make_page(document: bytes) -> str:
    """Return the HTML of a Word report that `make_document` made; the same document gives the same page."""
    import docx

    opened = docx.Document(io.BytesIO(document))
    blocks = list(_blocks(opened))
    title = "".join(b.text for b in blocks if b.level == "title")[:60]
    return render(
        "report.html", blocks=blocks, title=title, dark=SHADES[-1], others=(DOCUMENT, ONE_PAGE, SLIDES, WORKBOOK)
    )


def _blocks(document: Any) -> Iterator[Block]:
    from docx.table import Table
    from docx.text.paragraph import Paragraph

    for item in document.iter_inner_content():
        if isinstance(item, Table):
            yield _of_table(item, document.part)
        elif isinstance(item, Paragraph):
            chart = next(item._p.iter(f"{_C}chart"), None)
            if chart is not None:
                yield _chart(document.part.related_parts[chart.get(f"{_R}id")].blob)
            elif item.text.strip():
                yield Block("text", _LEVELS.get(item.style.name if item.style else "", ""), item.text.strip())


def _of_table(table: Any, part: Any) -> Block:
    if table._tbl.xpath("./w:tblPr/w:tblDescription"):
        rows = [row.tc_lst for row in table._tbl.tr_lst]
        return Block("map", tiles=[[(_lines(c), "".join(c.xpath(".//w:shd/@w:fill"))) for c in row] for row in rows])
    return _album(table, part) if table._tbl.xpath(".//a:blip") else _table(table)


def _lines(cell: Any) -> list[str]:
    return [text for p in cell.p_lst if (text := "".join(t.text or "" for t in p.iterfind(".//{*}t")))]


def _table(table: Any) -> Block:
    # Read from the XML: python-docx searches for merged cells at each cell, which takes minutes for a long list.
    rows = [["".join(t.text or "" for t in c.iterfind(".//{*}t")) for c in row.tc_lst] for row in table._tbl.tr_lst]
    second = table._tbl.tr_lst[1] if len(rows) > 1 else table._tbl.tr_lst[0]
    aligns = [next((str(jc) for jc in cell.xpath(".//w:jc/@w:val")), "left") for cell in second.tc_lst]
    return Block("table", rows=rows, aligns=aligns, linked=_linked_column(table._tbl))


def _linked_column(table: Any) -> int | None:
    field = next(table.iter("{*}fldSimple"), None)
    cell = None if field is None else next(field.iterancestors("{*}tc"))
    return None if cell is None else cell.getparent().tc_lst.index(cell)


def _album(table: Any, part: Any) -> Block:
    pictures = []
    for cell in table._tbl.iter_tcs():
        for relation in cell.xpath(".//a:blip/@r:embed"):
            text = "".join(t.text or "" for t in cell.iterfind(".//{*}t"))
            pictures.append((base64.b64encode(part.related_parts[relation].blob).decode(), text))
    return Block("album", pictures=pictures)


def _chart(xml: bytes) -> Block:
    from defusedxml.ElementTree import fromstring

    root = fromstring(xml)
    title = "".join(t.text or "" for t in root.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}t"))
    series = list(root.iter(f"{_C}ser"))
    exact = [_values(s, "val") for s in series]
    columns = [[float(v) for v in values] for values in exact]
    longest = max((sum(values) for values in zip(*columns, strict=True)), default=0) or 1
    bars = [
        Bar(name, [round(c[n] * 100 / longest, 2) for c in columns], "＋".join(group_thousands(c[n]) for c in exact))
        for n, name in enumerate(_values(series[0], "cat"))
    ]
    return Block("chart", text=title, bars=bars, series=[_values(s, "tx")[0] for s in series])


def _values(series: Any, what: str) -> list[str]:
    return [v.text or "" for v in series.find(f"{_C}{what}").iter(f"{_C}v")]
