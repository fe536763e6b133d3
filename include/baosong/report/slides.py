"""Eight slides for a meeting (汇报幻灯片.pptx): the report's figures, map, charts and cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from itertools import count
from typing import Any
from xml.sax.saxutils import quoteattr

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_PATTERN_TYPE
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.opc.constants import RELATIONSHIP_TYPE as RELATION
from pptx.opc.package import Part as Member
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.oxml.ns import qn
from pptx.oxml.xmlchemy import OxmlElement
from pptx.util import Mm, Pt

from baosong.campaign.form import Indicator
from baosong.report.charts import chart_part
from baosong.report.consolidation import RegionFigures
from baosong.report.parts import (
    SHADES,
    Chart,
    Tile,
    TileMap,
    kinds_chart,
    prefecture_chart,
    ranked,
    timeline_chart,
)
from baosong.report.reproducible import make_reproducible
from baosong.report.template_context import TemplateContext
from baosong.report.tiles import tile_map
from baosong.report.wording import amount_text
from baosong.rules.words import strip_control

Box = tuple[float, float, float, float]  # left, top, width and height in mm
_color: Any = RGBColor.from_string
HEAD, BODY = "黑体", "仿宋_GB2312"
_WIDE, _HIGH, _EDGE = 338.7, 190.5, 20.0
_WHOLE: Box = (_EDGE, 36, _WIDE - 2 * _EDGE, 144)
_BOXES, _IN_A_ROW, _CASES, _RANKS = 12, 4, 3, 8
_UNUSED = ("/thumbnail", "/printerSettings")  # of the library's own empty presentation
_FRAME = """<p:graphicFrame xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"
 xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"
 xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">
<p:nvGraphicFramePr><p:cNvPr id="{id}" name="图" descr={title}/><p:cNvGraphicFramePr/><p:nvPr/></p:nvGraphicFramePr>
<p:xfrm><a:off x="{0}" y="{1}"/><a:ext cx="{2}" cy="{3}"/></p:xfrm><a:graphic>
<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart r:id="{relation}"/></a:graphicData>
</a:graphic></p:graphicFrame>"""


def make_slides(figures: RegionFigures, context: TemplateContext) -> bytes:
    """Return the presentation; the same arguments give the same bytes."""
    deck, form = _Deck(figures.as_of), figures.campaign.form
    required = [i for i in form.indicators.rows if i.required]
    kinds = next((i for i in form.indicators.rows if form.kinds_of(i.code)), required[0])
    deck.open(context)
    deck.amounts("总体情况", _amounts(figures), _compared(context))
    deck.map(f"{required[-1].name}的地区分布", tile_map(figures, required[-1]), _ranks(figures, required[-1]))
    for i in (required[0], required[-1]):
        deck.chart(f"各地州市{i.name}", prefecture_chart(figures, i), instead=_ranks(figures, i))
    shown, days = kinds_chart(figures, kinds), timeline_chart(figures)
    heads = [head for head, chart in (("类别", shown), ("日程", days)) if chart] or ["类别"]
    said = f"按类别分，{context['指标'][kinds.code].分类}。"
    deck.chart(f"{kinds.name}的{'和'.join(heads)}", shown, days, instead=[said])
    cases = [f"{c['地州市']}：“{c['摘录']}”" for c in context["亮点"][:_CASES]]
    deck.text("典型案例", cases or ["目前没有可摘录的总结报告。"])
    deck.text("存在的问题和请予决定的事项", [*_problems(context), *(context["待决"] or ["没有需要决定的事项。"])])
    return deck.finish(context)


def _amounts(figures: RegionFigures) -> list[tuple[str, str]]:
    """Return names and totals of the indicators that are no part of others."""
    whole = [i for i in figures.campaign.form.indicators.rows if not (i.part_of or i.adds_to)]
    return [(i.name, amount_text(figures.totals[i.code].total or Decimal(0), i.unit)) for i in whole[:_BOXES]]


def _compared(context: TemplateContext) -> str:
    said, year = context["报送"], context["上年"]
    counted = f"统计截至{context['版本']['截至']}，应报{said['应报']}个地州市，已计入{said['计入']}个的统计表。"
    return counted + (f"与{year['标题']}相比，{_of(year, said)}{year['述']}。" if year else "")


def _of(year: TemplateContext, said: TemplateContext) -> str:
    return f"按两年均已报送的{year['可比']}个地州市计算，" if year["可比"] < said["应报"] else ""


def _problems(context: TemplateContext) -> list[str]:
    said = context["各地"]
    return [f"从{said['份数']}份总结报告看，{said['问题']}。"] if said["问题"] else []


def _ranks(figures: RegionFigures, indicator: Indicator) -> list[str]:
    """Return the first prefectures in words, for a region that has no map."""
    first = ranked(figures, indicator.code)[:_RANKS]
    return [f"{n}. {p.prefecture.name}　{amount_text(v, indicator.unit)}" for n, p, v in first]


class _Deck:
    """A presentation in the making, slide by slide."""

    def __init__(self, as_of: datetime) -> None:
        self._as_of, self._deck, self._numbers = as_of, Presentation(), count(1)
        self._deck.slide_width, self._deck.slide_height = Mm(_WIDE), Mm(_HIGH)
        for part in (self._deck.part, self._deck.part.package):
            for relation in [r for r in part._rels.values() if r.reltype.endswith(_UNUSED)]:
                part._rels.pop(relation.rId)

    def open(self, context: TemplateContext) -> None:
        """Add the title, who speaks and the day."""
        said, edition = context["活动"], context["版本"]
        slide = self._slide(f"{said['标题']}开展情况", (_EDGE, 60, _WIDE - 2 * _EDGE, 30), 40, PP_ALIGN.CENTER)
        mark = (
            "（中期）" if edition["中期"] else f"（{context['报送']['未齐']}个地州市缺报）" if edition["缺报"] else ""
        )
        lines = [line for line in (mark, said["主办"], edition["日期"]) if line]
        _write(slide, (_EDGE, 105, _WIDE - 2 * _EDGE, 50), lines, 24, PP_ALIGN.CENTER)

    def amounts(self, title: str, amounts: Sequence[tuple[str, str]], below: str) -> None:
        """Add a slide of figures in boxes, and a sentence below them."""
        slide, wide = self._slide(title), (_WIDE - 2 * _EDGE) / _IN_A_ROW
        for n, (name, text) in enumerate(amounts):
            box = (_EDGE + n % _IN_A_ROW * wide, 34 + n // _IN_A_ROW * 36, wide - 4, 32)
            _fill(_shape(slide, box), [(name, HEAD, 14), (text, BODY, 22)], None)
        _write(slide, (_EDGE, 144, _WIDE - 2 * _EDGE, 38), [below], 18)

    def map(self, title: str, tiles: TileMap | None, instead: Sequence[str]) -> None:
        """Add a slide of the map, or of lines where there is none."""
        if tiles is None:
            self.text(title, instead)
            return
        slide = self._slide(title)
        wide, high = min(56, 298 / len(tiles.rows[0])), min(24, 120 / len(tiles.rows))
        left = (_WIDE - wide * len(tiles.rows[0])) / 2
        for y, row in enumerate(tiles.rows):
            for x, tile in enumerate(row):
                if tile:
                    _draw(slide, tile, (left + x * wide, 36 + y * high, wide, high))
        across = min(56, 298 / len(tiles.legend))
        for n, tile in enumerate(tiles.legend):
            _draw(slide, tile, ((_WIDE - across * len(tiles.legend)) / 2 + n * across, 166, across, 12))

    def chart(self, title: str, *charts: Chart | None, instead: Sequence[str]) -> None:
        """Add a slide with charts side by side, which can be edited, or of lines where there is none."""
        if not (some := [chart for chart in charts if chart]):
            self.text(title, instead)
            return
        slide, (left, top, wide, high) = self._slide(title), _WHOLE
        wide /= len(some)
        for n, chart in enumerate(some):
            part = chart_part(chart, self._as_of, next(self._numbers), self._member, scale=1.5)
            at = (round(Mm(mm)) for mm in (left + n * wide, top, wide, high))
            relation, tree = slide.part.relate_to(part, RELATION.CHART), slide.shapes._spTree
            said = quoteattr(strip_control(chart.title))
            tree.append(parse_xml(_FRAME.format(*at, id=len(tree) + 1, title=said, relation=relation)))

    def text(self, title: str, lines: Sequence[str]) -> None:
        """Add a slide of paragraphs."""
        _write(self._slide(title), _WHOLE, lines, 22)

    def finish(self, context: TemplateContext) -> bytes:
        """Return the file, with the office and the time as its properties."""
        said, properties = context["活动"], self._deck.core_properties
        properties.title, properties.subject, properties.comments = f"{said['标题']}开展情况", said["主题"], ""
        properties.author, properties.last_modified_by, properties.keywords = said["主办"], said["处室"], ""
        properties.language, properties.revision = "zh-CN", context["版本"]["序号"]
        properties.created = properties.modified = self._as_of.astimezone(UTC).replace(tzinfo=None)
        raw = BytesIO()
        self._deck.save(raw)
        return make_reproducible(raw.getvalue(), self._as_of)

    def _slide(
        self, title: str, box: Box = (_EDGE, 10, _WIDE - 2 * _EDGE, 20), size: float = 28, align: Any = PP_ALIGN.LEFT
    ) -> Any:
        slide = self._deck.slides.add_slide(self._deck.slide_layouts[5])  # that with a title only
        shape = slide.shapes.title
        shape.left, shape.top, shape.width, shape.height = map(Mm, box)
        _paragraph(shape.text_frame.paragraphs[0], title, HEAD, size, align)
        return slide

    def _member(self, name: str, kind: str, blob: bytes) -> Any:
        return Member(PackURI(f"/ppt/{name}"), kind, self._deck.part.package, blob)


def _write(slide: Any, box: Box, lines: Sequence[str], size: float, align: Any = PP_ALIGN.LEFT) -> None:
    frame = slide.shapes.add_textbox(*map(Mm, box)).text_frame
    frame.word_wrap, frame.auto_size = True, MSO_AUTO_SIZE.TEXT_TO_FIT_SHAPE
    for n, line in enumerate(lines):
        paragraph = frame.add_paragraph() if n else frame.paragraphs[0]
        paragraph.space_after = Pt(10)
        _paragraph(paragraph, line, BODY, size, align)


def _draw(slide: Any, tile: Tile, box: Box) -> None:
    _fill(_shape(slide, box), [line for line in ((tile.name, HEAD, 14), (tile.text, BODY, 14)) if line[0]], tile.shade)
    if tile.shade is None:
        fill = slide.shapes[-1].fill
        fill.patterned()
        fill.pattern = MSO_PATTERN_TYPE.LIGHT_UPWARD_DIAGONAL
        fill.fore_color.rgb, fill.back_color.rgb = _color("E6E6E6"), _color("FFFFFF")


def _shape(slide: Any, box: Box) -> Any:
    shape = slide.shapes.add_shape(MSO_SHAPE.RECTANGLE, *map(Mm, box))
    shape._element.remove(shape._element.find(qn("p:style")))  # the theme's shadow and blue
    shape.line.color.rgb, shape.line.width = _color("000000"), Pt(0.75)
    return shape


def _fill(shape: Any, lines: Sequence[tuple[str, str, float]], shade: int | None) -> None:
    """Fill a shape and write its lines, in white where it is dark."""
    shape.fill.solid()
    shape.fill.fore_color.rgb = _color("FFFFFF" if shade is None else SHADES[shade])
    frame, letters = shape.text_frame, "FFFFFF" if shade == len(SHADES) - 1 else "000000"
    frame.word_wrap, frame.vertical_anchor = True, MSO_ANCHOR.MIDDLE
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = Mm(1)
    for n, (text, font, size) in enumerate(lines):
        _paragraph(frame.add_paragraph() if n else frame.paragraphs[0], text, font, size, PP_ALIGN.CENTER, letters)


def _paragraph(paragraph: Any, text: str, font: str, size: float, align: Any, letters: str = "000000") -> None:
    """Write a line in a Chinese font; `latin` alone would leave Chinese letters to the program's choice."""
    run, paragraph.alignment = paragraph.add_run(), align
    run.text = strip_control(text)
    run.font.size, run.font.color.rgb, run.font.name = Pt(size), _color(letters), font
    form = run._r.get_or_add_rPr()
    form.set("lang", "zh-CN")
    east = OxmlElement("a:ea")
    east.set("typeface", font)
    form.append(east)
