"""The Word report (汇总总结报告.docx): the department's template filled with text, tables, charts and photographs.

The template is data: an ordinary Word file with names in double braces. A faulty one is refused with its paragraph.
"""

from __future__ import annotations

import io
import re
import traceback
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docxtpl import DocxTemplate  # type: ignore[import-untyped]
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from baosong.report.docx.one_page import fill_page
from baosong.report.docx.ooxml import W, Writer
from baosong.report.files import DOCUMENT, ONE_PAGE, TemplateRefused
from baosong.report.reproducible import make_reproducible
from baosong.report.template_context import MARK, TemplateContext
from baosong.store.settings import PROJECT

_DAMAGED = (zipfile.BadZipFile, KeyError, ValueError, OSError)


def template_of(name: str, campaign_id: str, folders: list[Path]) -> Path:
    """Return a campaign's own template of a file, else the common one; later folders (the department's own) win."""
    names = (f"templates/{campaign_id}/{name}", f"templates/{name}")
    homes = [*reversed(folders), PROJECT / "include" / "campaigns"]
    return next(p for name in names for p in (folder / name for folder in homes) if p.is_file())


def make_document(template: bytes, context: TemplateContext, as_of: datetime, name: str = DOCUMENT) -> bytes:
    """Return the report, or another `name` of `TEMPLATES`; the same arguments give the same bytes.

    TemplateRefused names the faulty paragraph.
    """
    called = "" if name == DOCUMENT else f"“{name}”"
    filled = _filled(template, context, called)
    _put_parts(filled, context, as_of, called)
    if name == ONE_PAGE:
        fill_page(filled)
    properties, said = filled.core_properties, context["活动"]
    what = "总结报告" if name == DOCUMENT else f"开展情况{Path(name).stem}"
    properties.title, properties.subject, properties.comments = f"{said['标题']}{what}", said["主题"], ""
    properties.author, properties.last_modified_by = said["主办"], said["处室"]
    properties.language, properties.revision = "zh-CN", context["版本"]["序号"]
    properties.created = properties.modified = as_of.astimezone(UTC).replace(tzinfo=None)
    raw = io.BytesIO()
    filled.save(raw)
    return make_reproducible(raw.getvalue(), as_of)


def _filled(template: bytes, context: TemplateContext, name: str) -> Any:
    """Return the template with its text filled in; tables and charts are still marks."""
    # A template is data: Jinja's sandbox keeps it from reaching into the program, and an unknown name is an error.
    environment = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    document = DocxTemplate(io.BytesIO(template))
    try:
        _check_braces(document.get_docx(), name)
        document.render(context, environment, autoescape=True)
    except TemplateError as wrong:
        raise TemplateRefused(f"报告模板{name}有误：{_location(wrong, template)}{_reason(wrong)}") from wrong
    except _DAMAGED as broken:
        raise TemplateRefused(f"报告模板{name}打不开，请用 Word 另存为 docx。") from broken
    return document.docx


def _check_braces(document: Any, name: str) -> None:
    """Refuse braces that are not closed in their paragraph: the renderer would drop the text up to the next ones."""
    for number, paragraph in enumerate(document.element.body.iter(f"{{{W}}}p"), start=1):
        text = "".join(t.text or "" for t in paragraph.iter(f"{{{W}}}t"))
        if re.search(r"\{[{%#]|[}%#]\}", re.sub(r"\{\{[^{}]*\}\}|\{%[^{}]*%\}|\{#[^{}]*#\}", "", text)):
            raise TemplateRefused(f"报告模板{name}有误：第 {number} 段“{text[:60]}”，花括号没有成对。")


def _location(wrong: TemplateError, template: bytes) -> str:
    """Return the faulty paragraph; the renderer puts each paragraph on a line of its own."""
    frames = [f.lineno for f in traceback.extract_tb(wrong.__traceback__) if f.filename in ("<template>", "<unknown>")]
    line: int = getattr(wrong, "lineno", None) or next(reversed(frames), None) or 0
    document = DocxTemplate(io.BytesIO(template))
    document.render_init()
    lines = re.sub(r"<w:p([ >])", r"\n<w:p\1", document.patch_xml(document.get_xml())).splitlines()
    text = re.sub(r"<[^<>]+>", "", lines[line - 1]).strip() if line and line <= len(lines) else ""
    return f"第 {line - 1} 段“{text[:60]}”，" if text else ""


def _reason(wrong: TemplateError) -> str:
    message = str(wrong)
    unknown = re.search(r"'([^']+)' is undefined|has no attribute '([^']+)'", message)
    if unknown:
        return f"没有名为“{unknown[1] or unknown[2]}”的内容，请核对名称。"
    if "Unexpected end of template" in message or "unknown tag" in message:
        return "条件或循环没有成对，请核对 if 与 endif、for 与 endfor。"
    return f"写法不对（{message}）。"


def _put_parts(document: Any, context: TemplateContext, as_of: datetime, name: str) -> None:
    """Replace each mark by its table, chart or photographs; a mark that shares its paragraph is refused."""
    places = {str(p): p for group in ("表", "图") for p in context[group].values()}
    writer = Writer(document.part, as_of)
    for paragraph in list(document.element.body.iter(f"{{{W}}}p")):
        text = "".join(t.text or "" for t in paragraph.iter(f"{{{W}}}t")).strip()
        if text in places:
            for element in writer.elements(places[text].make()):
                paragraph.addprevious(element)
            paragraph.getparent().remove(paragraph)
        elif shared := next((p for mark, p in places.items() if MARK in text and mark in text), None):
            seen = text.replace(MARK, "")[:60]
            raise TemplateRefused(f"报告模板{name}有误：“{seen}”这一段，{shared.name} 应当独占一段。")
