"""What an edition says, read from its three files by other people's parsers: texts, tables, charts, captions."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, field
from typing import Any

import docx
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree, html
from openpyxl import Workbook, load_workbook
from pptx import Presentation

from baosong.ledger.services import Services

Rows = list[list[str]]
_T = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}t"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
WORD, PAGE, BOOK = "汇总总结报告.docx", "汇总总结报告.html", "汇总表.xlsx"
ONE_PAGE, SLIDES = "一页纸.docx", "汇报幻灯片.pptx"
FILES = (WORD, PAGE, BOOK, ONE_PAGE, SLIDES, "figures.json", "changes.json")


@dataclass(frozen=True)
class Chart:
    """A chart: names of its bars, and by series the values, as they are written."""

    title: str
    names: list[str]
    series: dict[str, list[str]]


@dataclass
class Told:
    """All that a document tells, in its order."""

    texts: list[str] = field(default_factory=list)
    tables: list[Rows] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    maps: list[list[list[tuple[str, ...]]]] = field(default_factory=list)
    """Maps and their legends: rows of tiles, each its lines and its fill, () where none is."""
    captions: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def table(self, *head: str) -> Rows:
        """Return the body of the only table whose first row begins so."""
        (rows,) = [t[1:] for t in self.tables if tuple(t[0][: len(head)]) == head]
        return rows


def files_of(services: Services, prefix: str) -> dict[str, bytes]:
    return {name: services.storage.read("reports", f"{prefix}{name}") for name in FILES}


def told_by_word(raw: bytes) -> Told:
    document, told = docx.Document(io.BytesIO(raw)), Told()
    for item in document.iter_inner_content():
        if isinstance(item, Table):
            cells = [["".join(t.text for t in c.iter(_T)) for c in row.tc_lst] for row in item._tbl.tr_lst]
            if item._tbl.xpath("./w:tblPr/w:tblDescription"):
                told.maps.append([[_tile(cell) for cell in row.tc_lst] for row in item._tbl.tr_lst])
            elif item._tbl.xpath(".//a:blip"):
                told.captions += [c for row in cells for c in row if c]
            else:
                told.tables.append(cells)
        elif isinstance(item, Paragraph):
            charts = [e.get(f"{_R}id") for e in item._p.iter(f"{_C}chart")]
            told.charts += [_chart(document.part.related_parts[c]) for c in charts]
            told.texts += [item.text.strip()] if item.text.strip() else []
    return told


def _tile(cell: Any) -> tuple[str, ...]:
    return (*(t.text for t in cell.iter(_T)), *cell.xpath(".//w:shd/@w:fill"))


def _chart(part: Any) -> Chart:
    """Read a chart; what it shows must be what its own workbook holds."""
    root = etree.fromstring(part.blob)
    title = "".join(t.text for t in root.iter("{http://schemas.openxmlformats.org/drawingml/2006/main}t"))
    series = list(root.iter(f"{_C}ser"))
    names = _points(series[0], "cat")
    shown = {_points(s, "tx")[0]: _points(s, "val") for s in series}
    (book,) = [r.target_part.blob for r in part.rels.values()]
    columns = list(zip(*load_workbook(io.BytesIO(book)).worksheets[0].iter_rows(values_only=True), strict=True))
    assert [str(n) for n in columns[0][1:]] == names
    assert {c[0]: [str(v) for v in c[1:]] for c in columns[1:]} == {
        k: [_plain(v) for v in vs] for k, vs in shown.items()
    }
    return Chart(title, names, shown)


def _plain(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def _points(series: Any, what: str) -> list[str]:
    return [v.text or "" for v in series.find(f"{_C}{what}").iter(f"{_C}v")]


def told_by_slides(raw: bytes) -> list[Told]:
    """Return what each slide tells; the tiles of a map are its texts, line by line."""
    slides = []
    for slide in Presentation(io.BytesIO(raw)).slides:
        told = Told([p.text for shape in slide.shapes if shape.has_text_frame for p in shape.text_frame.paragraphs])
        parts = [slide.part.related_part(e.get(f"{_R}id")) for e in slide._element.iter(f"{_C}chart")]
        told.charts = [_chart(part) for part in parts]
        slides.append(told)
    return slides


def told_by_page(raw: bytes) -> Told:
    root, told = html.fromstring(raw.decode()), Told()
    nav, main = root.body
    assert [a.get("href") for a in nav] == [WORD, ONE_PAGE, SLIDES, BOOK]
    for item in main:
        if item.tag in ("p", "h1", "h2", "h3"):
            told.texts.append(item.text_content())
        elif item.get("class") == "wide":
            told.tables.append([[c.text_content() for c in row] for row in item.iter("tr")])
        elif item.tag == "figure":
            told.charts.append(_bars(item))
        elif item.get("class") == "map":
            told.maps.append([[_shown_tile(cell) for cell in row] for row in item.iter("tr")])
        else:
            assert item.get("class") == "album"
            told.captions += [f.text_content() for f in item.iter("figcaption")]
            assert all(i.get("src").startswith("data:image/jpeg;base64,") for i in item.iter("img"))
    return told


def _shown_tile(cell: Any) -> tuple[str, ...]:
    return (*(s.text_content() for s in cell), *re.findall(r"#(\w{6})", cell.get("style") or ""))


def _bars(figure: Any) -> Chart:
    """Read a chart of the page; its bars must be as long as its numbers say."""
    title, _, key = figure.find("figcaption").text_content().partition("：")
    series = re.findall(r"为(\w+)", key) or ["合计"]
    spans = figure.find_class("chart")[0].findall("span")
    names = [s.text_content() for s in spans[::2]]
    values = [s.text_content().strip().replace(",", "").split("＋") for s in spans[1::2]]
    lengths = [[float(r.get("width")) for r in s.iter("rect")] for s in spans[1::2]]
    longest = max(sum(map(float, row)) for row in values)
    for numbers, bars in zip(values, lengths, strict=True):
        assert all(abs(float(n) * 100 / longest - bar) < 0.01 for n, bar in zip(numbers, bars, strict=True))
    return Chart(title, names, {name: [row[n] for row in values] for n, name in enumerate(series)})


def book_of(raw: bytes, *, results: bool = False) -> Workbook:
    return load_workbook(io.BytesIO(raw), data_only=results)


def json_of(files: dict[str, bytes], name: str) -> Any:
    return json.loads(files[name])
