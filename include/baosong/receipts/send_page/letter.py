"""The letter (通知函) beside a send page: what to send, by when and how; it holds no secret and may be printed."""

from __future__ import annotations

import io
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from baosong.campaign import Campaign, Deliverable, Prefecture
from baosong.rules.words import size_text

_BODY, _HEAD, _TITLE = "仿宋_GB2312", "黑体", "方正小标宋简体"
_WIDTHS = (4.4, 1.9, 6.9, 2.4)  # cm, of the table's columns
_STEPS = (
    "随函的“发送页.html”是贵单位专用的报送网页，请存到本机，用 Edge 或 Chrome 浏览器双击打开。",
    "把文件或文件夹拖进网页，核对每个文件归到哪项材料，点“发送”。传大视频时断网会自动重试，关闭后重新打开、再选同一个文件，从断点接着传。",
    "几秒到几分钟后，同一网页下方出现回执。被退回的按回执改好再发一次；标明“已归档”之前，请保留本地文件。",
    "发送页含有贵单位的密钥，等同于密码，请勿转发、外传；遗失或外传请立即来电更换。涉密材料一律不得通过本系统传送。",
)


def make_letter(campaign: Campaign, prefecture: Prefecture) -> bytes:
    """Return the letter to a prefecture as a Word document."""
    document = Document()
    for section in document.sections:
        section.page_width, section.page_height = Cm(21), Cm(29.7)
        section.top_margin, section.bottom_margin = Cm(2.6), Cm(2.2)
        section.left_margin, section.right_margin = Cm(2.8), Cm(2.6)
    _write(document.add_paragraph(), f"关于报送{campaign.title}材料的通知函", _TITLE, 20, WD_ALIGN_PARAGRAPH.CENTER)
    _write(document.add_paragraph(), f"{prefecture.name}各有关单位：", _BODY, 14)
    asked = f"请于{campaign.deadline_text}（北京时间）前，报送{campaign.title}（主题：{campaign.theme}）的以下材料："
    _text(document, asked)
    _table(document, campaign.deliverables)
    _text(document, f"视频要求：{campaign.video.text}。")
    _write(document.add_paragraph(), "怎样报送", _HEAD, 14)
    for number, step in enumerate(_STEPS, start=1):
        _text(document, f"{number}. {step}")
    _contact(document, campaign)
    properties = document.core_properties
    properties.title, properties.author = f"{prefecture.name} {campaign.title}通知函", campaign.organizer
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def _table(document: Any, deliverables: list[Deliverable]) -> None:
    table = document.add_table(rows=1, cols=4)
    table.style = "Table Grid"
    for cell, title in zip(table.rows[0].cells, ("材料", "份数", "可用格式", "单个上限"), strict=True):
        _write(cell.paragraphs[0], title, _HEAD, 12, WD_ALIGN_PARAGRAPH.CENTER)
    for wanted in deliverables:
        count = str(wanted.min) if wanted.min == wanted.max else f"{wanted.min}～{wanted.max}"
        name = wanted.name if wanted.required else f"{wanted.name}（可不报）"
        texts = (name, count, "、".join(wanted.formats), size_text(wanted.max_size))
        for cell, text in zip(table.add_row().cells, texts, strict=True):
            _write(cell.paragraphs[0], text, _BODY, 12)
    _widen(table)


def _widen(table: Any) -> None:
    table.autofit = False
    for column, width in zip(table.columns, _WIDTHS, strict=True):
        column.width = Cm(width)
        for cell in column.cells:  # Word goes by the cells, WPS and LibreOffice by the columns
            cell.width = Cm(width)


def _contact(document: Any, campaign: Campaign) -> None:
    office = campaign.recipient
    _write(document.add_paragraph(), "联系方式", _HEAD, 14)
    _text(
        document, f"联系人：{'、'.join(office.contacts)}；电话：{'、'.join(office.phones)}；电子邮箱：{office.email}。"
    )
    _text(document, f"地址：{office.address}，邮编 {office.postcode}。")
    _write(document.add_paragraph(), f"{campaign.organizer}{office.office}", _BODY, 14, WD_ALIGN_PARAGRAPH.RIGHT)


def _text(document: Any, text: str) -> None:
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.first_line_indent = Pt(28)
    _write(paragraph, text, _BODY, 14)


def _write(paragraph: Any, text: str, font: str, points: float, align: Any = None) -> None:
    paragraph.alignment = align
    paragraph.paragraph_format.space_after = Pt(2)
    run = paragraph.add_run(text)
    run.font.name, run.font.size = font, Pt(points)
    run._element.rPr.rFonts.set(qn("w:eastAsia"), font)
