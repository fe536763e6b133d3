"""Tables, native charts and photographs as WordprocessingML elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape as _escape

from docx.opc.constants import RELATIONSHIP_TYPE as RELATION
from docx.opc.packuri import PackURI
from docx.opc.part import Part as Member

from baosong.report.charts import chart_part
from baosong.report.parts import SHADES, Chart, Part, Picture, Table, Tile, TileMap
from baosong.report.wording import render
from baosong.rules.words import strip_control

BODY_FONT, HEAD_FONT = "仿宋_GB2312", "黑体"
TABLE_STYLE, CAPTION_STYLE, FIGURE_STYLE = "BaosongTable", "BaosongCaption", "BaosongFigure"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_WP = "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
_NAMES = f'xmlns:w="{W}" xmlns:r="{_R}" xmlns:wp="{_WP}" xmlns:a="{_A}" xmlns:c="{_C}"'
_TWIPS, _EMU = 56.6929, 36000  # a millimetre
_SIDES = ("top", "left", "bottom", "right", "insideH", "insideV")
_ALIGNS = {"l": "left", "c": "center", "r": "right", "u": "left"}
_PICTURE = (72, 37)  # mm: the room of a photograph, two in a row, four rows of three-line captions on a page
_TILE, _LEGEND = (28.0, 12.0), (32.0, 6.0)  # mm
# Two tables without a paragraph between them become one; one point high, it makes no page of its own.
_GAP = f'<w:p><w:pPr><w:pStyle w:val="{TABLE_STYLE}"/><w:spacing w:line="20" w:lineRule="exact"/></w:pPr></w:p>'
_TOGETHER = 6  # rows: a table as short as this stays on one page; a longer one would leave half a page empty


def escape(text: str) -> str:
    """Return a text escaped for XML, without the characters that XML forbids."""
    return _escape(strip_control(text).replace("\n", " "))


class Writer:
    """Writes parts into one document; charts and pictures become members of its package."""

    def __init__(self, main: Any, as_of: datetime) -> None:
        self._main, self._as_of = main, as_of
        self._numbers = iter(range(1, 1 << 20))

    def elements(self, parts: Sequence[Part]) -> Iterator[Any]:
        """Yield the block elements of parts; photographs stand two in a row, captions below."""
        pictures = [p for p in parts if isinstance(p, Picture)]
        if pictures:
            yield self._album(pictures)
        for part in parts:
            if isinstance(part, Table):
                if part.caption:
                    yield _element(_paragraph(CAPTION_STYLE, _run(part.caption, 14, HEAD_FONT)))
                yield _element(_table(part))
                yield _element(_GAP)
            elif isinstance(part, Chart):
                yield self._chart(part)
            elif isinstance(part, TileMap):
                yield _element(_paragraph(CAPTION_STYLE, _run(part.title, 14, HEAD_FONT)))
                yield _element(_tiles(part.rows, _TILE, part.title))
                yield _element(_GAP.replace("<w:spacing", "<w:keepNext/><w:spacing"))
                yield _element(_tiles([part.legend], _LEGEND, f"{part.title}图例"))
                yield _element(_GAP)

    def _chart(self, chart: Chart) -> Any:
        number = next(self._numbers)
        relation = self._main.relate_to(chart_part(chart, self._as_of, number, self._member), RELATION.CHART)
        data = f'<a:graphicData uri="{_C}"><c:chart r:id="{relation}"/></a:graphicData>'
        high = 20 + 5 * max(3, len(chart.names))  # less, and LibreOffice leaves out every second name
        return _element(_paragraph(FIGURE_STYLE, _inline(number, chart.title, 154, high, data)))

    def _member(self, name: str, kind: str, blob: bytes) -> Any:
        return Member(PackURI(f"/word/{name}"), kind, blob, self._main.package)

    def _album(self, pictures: Sequence[Picture]) -> Any:
        cells = [self._photo(p) for p in pictures]
        if len(cells) % 2:
            cells.append(_cell("", 78, "c"))
        rows = (
            f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{a}{b}</w:tr>" for a, b in zip(cells[::2], cells[1::2], strict=True)
        )
        grid = f"<w:tblGrid>{_column(78)}{_column(78)}</w:tblGrid>"
        return _element(f"<w:tbl>{_properties((78, 78), borders=False)}{grid}{''.join(rows)}</w:tbl>")

    def _photo(self, picture: Picture) -> str:
        relation, _ = self._main.get_or_add_image(BytesIO(picture.jpeg))
        scale = min(_PICTURE[0] / picture.width, _PICTURE[1] / picture.height)
        wide, high = picture.width * scale, picture.height * scale
        number = next(self._numbers)
        data = render("picture.xml", number=number, relation=relation, wide=round(wide * _EMU), high=round(high * _EMU))
        shown = _paragraph(FIGURE_STYLE, _inline(number, picture.caption, wide, high, data))
        caption = _paragraph(TABLE_STYLE, _run(picture.caption, 10.5, BODY_FONT), "center")
        return f"<w:tc>{_cell_properties(78)}{shown}{caption}</w:tc>"


def _element(xml: str) -> Any:
    from docx.oxml import parse_xml

    return parse_xml(xml.replace(">", f" {_NAMES}>", 1))


def _paragraph(style: str, runs: str, align: str = "", *, keep: bool = False) -> str:
    jc, keep_next = f'<w:jc w:val="{align}"/>' if align else "", "<w:keepNext/>" if keep else ""
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{keep_next}{jc}</w:pPr>{runs}</w:p>'


def _run(text: str, points: float, font: str, color: str = "") -> str:
    fonts = f'<w:rFonts w:ascii="{font}" w:hAnsi="{font}" w:eastAsia="{font}" w:cs="{font}"/>'
    ink = f'<w:color w:val="{color}"/>' if color else ""
    form = f'<w:rPr>{fonts}{ink}<w:sz w:val="{points * 2:.0f}"/></w:rPr>'
    return f'<w:r>{form}<w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def _inline(number: int, title: str, wide: float, high: float, data: str) -> str:
    fonts = f'<w:rPr><w:rFonts w:ascii="{BODY_FONT}" w:hAnsi="{BODY_FONT}" w:eastAsia="{BODY_FONT}"/></w:rPr>'
    return (
        f'<w:r>{fonts}<w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0">'
        f'<wp:extent cx="{wide * _EMU:.0f}" cy="{high * _EMU:.0f}"/>'
        f'<wp:docPr id="{number}" name="图{number}" descr="{escape(title).replace(chr(34), "&quot;")}"/>'
        f"<wp:cNvGraphicFramePr/><a:graphic>{data}</a:graphic></wp:inline></w:drawing></w:r>"
    )


def _table(table: Table) -> str:
    together = len(table.rows) <= _TOGETHER
    rows = [_row(table.head, table.widths, "c" * len(table.head), HEAD_FONT, head=True, keep=True)]
    for n, row in enumerate(table.rows, start=1):
        last = n == len(table.rows)
        font = HEAD_FONT if last and table.last_is_sum else BODY_FONT
        keep = together or n == 1 or n == len(table.rows) - 1  # no single row stands at the foot or the top of a page
        rows.append(_row(row, table.widths, table.aligns, font, keep=keep and not last))
    grid = "".join(_column(width) for width in table.widths)
    return f"<w:tbl>{_properties(table.widths)}<w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"


def _tiles(rows: Sequence[Sequence[Tile | None]], size: tuple[float, float], title: str) -> str:
    """Return a table of tiles; its description tells it apart from a table of figures."""
    widths = [min(size[0], 156 / len(rows[0]))] * len(rows[0])
    said = f'<w:tblDescription w:val="{escape(title).replace(chr(34), "&quot;")}"/></w:tblPr>'
    form = f'<w:trPr><w:cantSplit/><w:trHeight w:val="{size[1] * _TWIPS:.0f}" w:hRule="atLeast"/></w:trPr>'
    cells = ("".join(_tile(tile, widths[0]) for tile in row) for row in rows)
    grid, body = "".join(_column(width) for width in widths), "".join(f"<w:tr>{form}{row}</w:tr>" for row in cells)
    head = _properties(widths, borders=False).replace("</w:tblPr>", said)
    return f"<w:tbl>{head}<w:tblGrid>{grid}</w:tblGrid>{body}</w:tbl>"


def _tile(tile: Tile | None, width: float) -> str:
    """Return a cell with name and figure; one without a figure is hatched, and says so where hatching is not drawn."""
    if tile is None:
        return f"<w:tc>{_cell_properties(width)}{_paragraph(TABLE_STYLE, '', keep=True)}</w:tc>"
    line = "".join(f'<w:{s} w:val="single" w:sz="4" w:space="0" w:color="000000"/>' for s in _SIDES[:4])
    shade = "clear" if tile.shade is not None else "thinDiagStripe"
    fill = "FFFFFF" if tile.shade is None else SHADES[tile.shade]
    look = f'<w:tcBorders>{line}</w:tcBorders><w:shd w:val="{shade}" w:color="E6E6E6" w:fill="{fill}"/>'
    letters = "FFFFFF" if fill == SHADES[-1] else ""
    texts = ((tile.name, HEAD_FONT), (tile.text, BODY_FONT))
    runs = [_run(text, 9, font, letters) for text, font in texts if text]
    lines = "".join(_paragraph(TABLE_STYLE, run, "center", keep=True) for run in runs)
    return f"<w:tc>{_cell_properties(width, look)}{lines}</w:tc>"


def _row(
    texts: Sequence[str], widths: Sequence[float], aligns: str, font: str, *, head: bool = False, keep: bool = False
) -> str:
    repeated = "<w:tblHeader/>" if head else ""
    cells = "".join(_cell(t, w, a, font, keep=keep) for t, w, a in zip(texts, widths, aligns, strict=True))
    return f"<w:tr><w:trPr><w:cantSplit/>{repeated}</w:trPr>{cells}</w:tr>"


def _cell(text: str, width: float, align: str, font: str = BODY_FONT, *, keep: bool = False) -> str:
    run = _run(text, 9, font) if text else ""
    told = _linked(text, run) if align == "u" and text.startswith(("http://", "https://")) else run
    paragraph = _paragraph(TABLE_STYLE, told, _ALIGNS[align], keep=keep)
    return f"<w:tc>{_cell_properties(width)}{paragraph}</w:tc>"


def _linked(address: str, run: str) -> str:
    """Return a run that leads to an address: a field, which needs no part of the package to know of it."""
    told = escape(address).replace('"', "%22")
    return f'<w:fldSimple w:instr=" HYPERLINK &quot;{told}&quot; ">{run}</w:fldSimple>'


def _cell_properties(width: float, look: str = "") -> str:
    return f'<w:tcPr><w:tcW w:w="{width * _TWIPS:.0f}" w:type="dxa"/>{look}<w:vAlign w:val="center"/></w:tcPr>'


def _column(width: float) -> str:
    return f'<w:gridCol w:w="{width * _TWIPS:.0f}"/>'


def _properties(widths: Sequence[float], *, borders: bool = True) -> str:
    lines = "".join(f'<w:{s} w:val="single" w:sz="4" w:space="0" w:color="000000"/>' for s in _SIDES)
    return (
        f'<w:tblPr><w:tblW w:w="{sum(widths) * _TWIPS:.0f}" w:type="dxa"/><w:jc w:val="center"/>'
        + (f"<w:tblBorders>{lines}</w:tblBorders>" if borders else "")
        + '<w:tblLayout w:type="fixed"/><w:tblCellMar><w:top w:w="14" w:type="dxa"/><w:left w:w="57" w:type="dxa"/>'
        '<w:bottom w:w="14" w:type="dxa"/><w:right w:w="57" w:type="dxa"/></w:tblCellMar></w:tblPr>'
    )
