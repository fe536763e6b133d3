"""The Word report (汇总总结报告.docx): the department's template with words, tables, charts and photographs.

Its template is data: an ordinary Word file with words in double braces. A wrong one is refused with its place.
"""

from __future__ import annotations

import io
import re
import traceback
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

from docxtpl import DocxTemplate  # type: ignore[import-untyped]
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from baosong.report.docx.ooxml import W, Writer
from baosong.report.files import TemplateRefused
from baosong.report.narrative import MARK, Place, Words
from baosong.report.reproducible import normalised
from baosong.store.settings import PROJECT

TEMPLATE = "templates/汇总总结报告.docx"
_DAMAGED = (zipfile.BadZipFile, KeyError, ValueError, OSError)


def template_of(campaign_id: str, folders: list[Path]) -> Path:
    """Return a campaign's own template, else the common one; the folders named last, the department's own, win."""
    names = (f"templates/{campaign_id}/{Path(TEMPLATE).name}", TEMPLATE)
    homes = [*reversed(folders), PROJECT / "include" / "campaigns"]
    return next(p for name in names for p in (folder / name for folder in homes) if p.is_file())


def make_document(template: bytes, words: Words, as_of: datetime, name: str = "") -> bytes:
    """Return the report; the same template, words and moment give the same bytes. TemplateRefused names the place."""
    filled = _filled(template, words, name)
    _put_parts(filled, words, as_of, name)
    properties = filled.core_properties
    properties.title, properties.author = f"{words['活动']['标题']}总结报告", words["活动"]["主办"]
    properties.created = properties.modified = as_of.replace(tzinfo=None)
    raw = io.BytesIO()
    filled.save(raw)
    return normalised(raw.getvalue(), [], as_of)


def _filled(template: bytes, words: Words, name: str) -> Any:
    """Return the template with its words filled in; places of tables and charts still stand as marks."""
    # A template is data: the sandbox keeps it from reaching into the program, and a word that is unknown is an error.
    environment = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    document = DocxTemplate(io.BytesIO(template))
    try:
        _check_braces(document.get_docx(), name)
        document.render(words, environment, autoescape=True)
    except TemplateError as wrong:
        raise TemplateRefused(f"报告模板{name}有误：{_place(wrong, template)}{_reason(wrong)}") from wrong
    except _DAMAGED as broken:
        raise TemplateRefused(f"报告模板{name}打不开，请用 Word 另存为 docx。") from broken
    return document.docx


def _check_braces(document: Any, name: str) -> None:
    """Refuse braces that do not close in their paragraph: the renderer would swallow the text up to the next ones."""
    for number, paragraph in enumerate(document.element.body.iter(f"{{{W}}}p"), start=1):
        text = "".join(t.text or "" for t in paragraph.iter(f"{{{W}}}t"))
        if re.search(r"\{[{%#]|[}%#]\}", re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", text)):
            raise TemplateRefused(f"报告模板{name}有误：第 {number} 段“{text[:60]}”，花括号没有成对。")


def _place(wrong: TemplateError, template: bytes) -> str:
    """Return the paragraph in which it went wrong; the renderer gives each paragraph a line of its own."""
    frames = [f.lineno for f in traceback.extract_tb(wrong.__traceback__) if f.filename in ("<template>", "<unknown>")]
    line: int = getattr(wrong, "lineno", None) or next(reversed(frames), None) or 0
    document = DocxTemplate(io.BytesIO(template))
    document.render_init()
    lines = re.sub(r"<w:p([ >])", r"\n<w:p\1", document.patch_xml(document.get_xml())).splitlines()
    text = re.sub(r"<[^>]+>", "", lines[line - 1]).strip() if line and line <= len(lines) else ""
    return f"第 {line - 1} 段“{text[:60]}”，" if text else ""


def _reason(wrong: TemplateError) -> str:
    said = str(wrong)
    unknown = re.search(r"'([^']+)' is undefined|has no attribute '([^']+)'", said)
    if unknown:
        return f"没有名为“{unknown[1] or unknown[2]}”的内容，请核对名称。"
    if "Unexpected end of template" in said or "unknown tag" in said:
        return "条件或循环没有成对，请核对 if 与 endif、for 与 endfor。"
    return f"写法不对（{said}）。"


def _put_parts(document: Any, words: Words, as_of: datetime, name: str) -> None:
    """Replace each mark by its table, chart or photographs; one that shares its paragraph is refused."""
    places = {str(p): p for group in ("表", "图") for p in words[group].values()}
    writer = Writer(document.part, as_of)
    for paragraph in list(document.element.body.iter(f"{{{W}}}p")):
        text = "".join(t.text or "" for t in paragraph.iter(f"{{{W}}}t")).strip()
        if text in places:
            _replace(paragraph, writer, places[text])
        elif shared := next((p for mark, p in places.items() if MARK in text and mark in text), None):
            seen = text.replace(MARK, "")[:60]
            raise TemplateRefused(f"报告模板{name}有误：“{seen}”这一段，{shared.name} 应当独占一段。")


def _replace(paragraph: Any, writer: Writer, place: Place) -> None:
    for element in writer.elements(place.make()):
        paragraph.addprevious(element)
    paragraph.getparent().remove(paragraph)
