"""Makes the templates of the report, after GB/T 9704-2012, and of its single page for those who decide.

Run it as `python -m baosong_local.tools.docx_template`.

The template is a Word file, so that the department can reword it; this module is what a reviewer reads instead of it,
with the words in `letter.txt` and `one_page.txt`, and a test holds them together. Each line there is a paragraph; its
first letter is its style, `!` before it begins a new page, and `+` keeps it with the next one; lines that begin with
`|` are the rows of a table. Sizes: 2号 22 pt, 3号 16 pt, 4号 14 pt.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import docx
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
from docx.enum.text import WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Length, Mm, Pt, Twips
from lxml import etree  # type: ignore[import-untyped]

from baosong.report.docx.ooxml import CAPTION_STYLE, FIGURE_STYLE, TABLE_STYLE
from baosong.report.files import DOCUMENT, ONE_PAGE
from baosong.report.reproducible import make_reproducible
from baosong.store.settings import PROJECT

SONG, FANG, HEI, KAI = "方正小标宋简体", "仿宋_GB2312", "黑体", "楷体_GB2312"
# Style: name, font, points, alignment, first-line indent of two characters, kept with what follows.
STYLES = {
    "#": ("公文标题", SONG, 22, ALIGN.CENTER, False, True),
    "~": ("公文副标题", KAI, 16, ALIGN.CENTER, False, True),
    "1": ("公文一级标题", HEI, 16, ALIGN.JUSTIFY, True, True),
    "2": ("公文二级标题", KAI, 16, ALIGN.JUSTIFY, True, True),
    "0": ("公文正文", FANG, 16, ALIGN.JUSTIFY, True, False),
    # From the closing words to the date all stays on one page: nobody signs an empty one.
    "<": ("公文附件说明", FANG, 16, ALIGN.LEFT, True, True),
    "^": ("公文署名", FANG, 16, ALIGN.RIGHT, False, True),
    ">": ("公文日期", FANG, 16, ALIGN.RIGHT, False, False),
    "=": ("公文附件序号", HEI, 16, ALIGN.LEFT, False, True),
}
_DAY = datetime(2023, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Paper:
    """A template: its words, its margins (top, bottom, left, right), and (size, leading) in pt of text and title.

    `gap` is what stands before each paragraph and below the title, in pt.
    """

    words: str
    margins: tuple[Length, Length, Length, Length]
    text: tuple[float, float]
    title: tuple[float, float]
    numbered: bool
    gap: float = 0


PAPERS = {
    # 37 and 35 mm but for 0.07 mm: 22 lines of 29 pt are that much higher than 225 mm.
    DOCUMENT: Paper("letter.txt", (Twips(2096), Twips(1982), Mm(28), Mm(26)), (16, 29), (22, 35), numbered=True),
    ONE_PAGE: Paper("one_page.txt", (Mm(15), Mm(12), Mm(23), Mm(23)), (11, 16), (16, 24), numbered=False, gap=3),
}


def make_template(name: str = DOCUMENT) -> bytes:
    """Return a template; the same bytes each time."""
    document, paper = docx.Document(), PAPERS[name]
    _page(document, paper)
    _styles(document, paper)
    if paper.numbered:
        _page_numbers(document)
    _languages(document)
    lines = Path(__file__).with_name(paper.words).read_text(encoding="utf-8").splitlines()
    for is_table, some in groupby(lines, key=lambda line: line.startswith("|")):
        if is_table:
            _table(document, [line[1:].split("|") for line in some])
            continue
        for line in some:
            _paragraph(document, line, paper)
    for relation in [r for r in document.part.rels.values() if r.reltype.endswith("/stylesWithEffects")]:
        del document.part.rels[
            relation.rId
        ]  # python-docx's own template has it for Word 2010; it would contradict ours
    package = document.part.package
    for relation in [r for r in package.rels.values() if r.reltype.endswith("/thumbnail")]:
        del package.rels[relation.rId]  # a picture of an empty page
    document.core_properties.title, document.core_properties.author = f"{Path(name).stem}模板", ""
    document.core_properties.comments, document.core_properties.language = "", "zh-CN"
    document.core_properties.created = document.core_properties.modified = _DAY.replace(tzinfo=None)
    raw = io.BytesIO()
    document.save(raw)
    return make_reproducible(raw.getvalue(), _DAY)


def _page(document: Any, paper: Paper) -> None:
    """Set A4 and the margins, the report's for 22 lines; 28 characters a line come from `_pitch`."""
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin, section.left_margin, section.right_margin = paper.margins
    section.footer_distance = Mm(23)  # the number stands 7 mm below the text
    # A grid of characters (linesAndChars) narrower than the font makes LibreOffice give each character two cells.
    _set(section._sectPr.find(qn("w:docGrid")), linePitch="580")


def _styles(document: Any, paper: Paper) -> None:
    normal = document.styles["Normal"]
    _font(normal.element.get_or_add_rPr(), FANG, paper.text[0])
    defaults = document.styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}")
    _font(defaults, FANG, paper.text[0])
    for name, font, size, align, indent, keep in STYLES.values():
        points, leading = paper.title if size == 22 else paper.text
        style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = normal
        _font(style.element.get_or_add_rPr(), font, points)
        if points == 16:
            _pitch(style.element.rPr)
        form = style.paragraph_format
        form.alignment, form.keep_with_next, form.widow_control = align, keep, True
        form.line_spacing_rule, form.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(leading)
        form.space_before, form.space_after = Pt(paper.gap), Pt(paper.gap if align == ALIGN.CENTER else 0)
        if indent:
            _set(style.element.get_or_add_pPr().get_or_add_ind(), firstLineChars="200", firstLine=f"{points * 40:.0f}")
    for level, name in enumerate(("公文一级标题", "公文二级标题")):  # what Word's navigation shows
        outline = OxmlElement("w:outlineLvl")
        _set(outline, val=str(level))
        document.styles[name].element.get_or_add_pPr().append(outline)
    for name in ("公文署名", "公文日期"):
        signed = document.styles[name].element.get_or_add_pPr().get_or_add_ind()
        _set(signed, rightChars="400", right="1280")
    _small_styles(document, normal)


def _small_styles(document: Any, normal: Any) -> None:
    """Add the styles of tables, captions and figures; a figure in a line of fixed height would be cut off."""
    for name, points, after, keep in (
        (TABLE_STYLE, 9, 0, False), (CAPTION_STYLE, 14, 6, True), (FIGURE_STYLE, 9, 4, False),
    ):  # fmt: skip
        style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = normal
        _font(style.element.get_or_add_rPr(), FANG, points)
        form = style.paragraph_format
        form.line_spacing = Pt(13) if name == TABLE_STYLE else 1.0
        form.space_before = form.space_after = Pt(after)
        form.keep_with_next = keep
        form.alignment = None if name == TABLE_STYLE else ALIGN.CENTER
        snap = OxmlElement("w:snapToGrid")
        _set(snap, val="0")
        style.element.get_or_add_pPr().insert_element_before(snap, "w:spacing", "w:ind", "w:jc")


def _languages(document: Any) -> None:
    """Call text and theme Chinese: what seems to be Japanese has its punctuation centred.

    Figures are called English, as Word does: LibreOffice breaks Chinese text, and so Chinese figures, between any two.
    """
    defaults = document.styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}")
    for language in (defaults.find(qn("w:lang")), document.settings.element.find(qn("w:themeFontLang"))):
        language.attrib.clear()
        _set(language, val="en-US", eastAsia="zh-CN")
    parts = {part.partname: part for part in document.part.package.iter_parts()}
    for name in ("/word/theme/theme1.xml", "/word/fontTable.xml"):
        root = etree.fromstring(parts[name].blob)
        for japanese in root.xpath("//*[@script='Jpan' or starts-with(@*[local-name()='name'], 'ＭＳ')]"):
            japanese.getparent().remove(japanese)
        for group, font in (("majorFont", HEI), ("minorFont", FANG)):
            for script in root.iterfind(f".//{{*}}{group}/*"):
                script.attrib.update({"typeface": font} if script.tag.endswith(("latin", "ea")) else {})
        parts[name]._blob = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)


def _page_numbers(document: Any) -> None:
    """Put — 1 — in 4号 at the foot: odd pages right, even pages left, one character from the edge of the text."""
    document.settings.odd_and_even_pages_header_footer = True
    section = document.sections[0]
    for footer, align, side in ((section.footer, ALIGN.RIGHT, "right"), (section.even_page_footer, ALIGN.LEFT, "left")):
        paragraph = footer.paragraphs[0]
        paragraph.style = document.styles["Normal"]
        paragraph.alignment = align
        _set(paragraph._p.get_or_add_pPr().get_or_add_ind(), **{f"{side}Chars": "100", side: "280"})
        for text in ("— ", "PAGE", " —"):
            run = paragraph.add_run("" if text == "PAGE" else text)
            _font(run._r.get_or_add_rPr(), "宋体", 14)
            if text == "PAGE":
                _field(run, text)


def _field(run: Any, name: str) -> None:
    for kind in ("begin", None, "end"):
        if kind is None:
            text = OxmlElement("w:instrText")
            text.text = name
            run._r.append(text)
        else:
            mark = OxmlElement("w:fldChar")
            _set(mark, fldCharType=kind)
            run._r.append(mark)


def _table(document: Any, rows: list[list[str]]) -> None:
    """Add a table of figures: names above, large figures, their units below, no lines between these."""
    table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
    narrow = {"w": "28", "type": "dxa"}
    for group, parts in (
        ("tblBorders", {"insideH": {"val": "nil"}}),
        ("tblCellMar", {"left": narrow, "right": narrow}),
    ):
        properties = OxmlElement(f"w:{group}")
        for part, form in parts.items():
            properties.append(made := OxmlElement(f"w:{part}"))
            _set(made, **form)
        table._tbl.tblPr.find(qn("w:tblLook")).addprevious(properties)
    for number, row in enumerate(rows):
        for cell, text in zip(table.rows[number].cells, row, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.style, paragraph.alignment = document.styles[TABLE_STYLE], ALIGN.CENTER
            paragraph.paragraph_format.line_spacing = 1.0
            _font(paragraph.add_run(text)._r.get_or_add_rPr(), HEI if number == 1 else FANG, 13 if number == 1 else 8.5)


def _paragraph(document: Any, line: str, paper: Paper) -> None:
    """Add a line of the text: its first letter is its style, `!` begins a page, `+` keeps it with the next."""
    new_page, kept, line = line.startswith("!"), line.startswith("+"), line.lstrip("!+")
    kind, text = (line[0], line[1:]) if line else ("0", "")
    name, font, size, *_ = STYLES[kind]
    points = (paper.title if size == 22 else paper.text)[0]
    paragraph = document.add_paragraph(style=name)
    paragraph.paragraph_format.page_break_before = new_page or None
    paragraph.paragraph_format.keep_with_next = kept or None
    run = paragraph.add_run(text)
    _font(run._r.get_or_add_rPr(), font, points)


def _font(properties: Any, font: str, points: float) -> None:
    """Set all four fonts: without `eastAsia` Word writes Chinese in a font of its own choice."""
    fonts = properties.get_or_add_rFonts()
    fonts.attrib.clear()
    _set(fonts, ascii=font, hAnsi=font, eastAsia=font, cs=font)
    properties.get_or_add_sz().val = Pt(points)


def _pitch(properties: Any) -> None:
    """Draw 3号 letters together by a quarter of a point, so that 28 of them fill the 156 mm of a line."""
    pitch = OxmlElement("w:spacing")
    _set(pitch, val="-5")
    properties.insert_element_before(pitch, "w:w", "w:kern", "w:position", "w:sz")


def _set(element: Any, **values: str) -> None:
    for name, value in values.items():
        element.set(qn(f"w:{name}"), value)


if __name__ == "__main__":
    for paper_name in PAPERS:
        target = PROJECT / "include" / "campaigns" / "templates" / paper_name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(make_template(paper_name))
