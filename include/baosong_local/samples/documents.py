"""Summary reports and press pieces for the demo and the tests: deterministic by seed, written like the real ones."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from baosong.campaign import Campaign, Prefecture
from baosong_local.samples import prose

Figures = Mapping[str, Sequence[int | Decimal]]
"""Indicator code -> (total, offline, online), as a statistics sample has them."""

PDF_FONT = """\
<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UTF16-H /DescendantFonts [
<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000
   /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >>
   /FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880]
      /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >> >>
] >>"""
FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def make_report(campaign: Campaign, prefecture: Prefecture, seed: int, figures: Figures | None = None) -> bytes:
    """Return a prefecture's summary report as docx; given figures, it tells them as the statistics sheet does."""
    import docx

    rng = random.Random(f"report/{prefecture.code}/{seed}")
    document = docx.Document()
    title = f"{prefecture.name}{campaign.title}总结报告"
    document.core_properties.title = title
    document.add_heading(title, 0)
    document.add_paragraph(f"{campaign.organizer}：")
    for heading, paragraphs in report_chapters(campaign, prefecture, rng):
        if heading:
            document.add_heading(heading, 1)
        for text in paragraphs:
            document.add_paragraph(text)
    if figures:
        _add_figures(document, campaign, figures)
    document.add_paragraph(f"{prefecture.name}科学技术局")
    document.add_paragraph(_day_text(campaign.window.end + timedelta(days=rng.randint(2, 10))))
    return _steady(document)


def make_press(campaign: Campaign, prefecture: Prefecture, seed: int) -> bytes:
    """Return a press piece as docx: headline, medium, date, link, text."""
    import docx

    rng = random.Random(f"press/{prefecture.code}/{seed}")
    day = _some_day(campaign, rng)
    medium = rng.choice(prose.MEDIA).format(name=prefecture.name)
    document = docx.Document()
    document.core_properties.title = headline = rng.choice(prose.HEADLINES).format(
        name=prefecture.name, title=campaign.title, theme=campaign.theme
    )
    document.add_heading(headline, 0)
    document.add_paragraph(f"媒体：{medium}")
    document.add_paragraph(f"日期：{_day_text(day)}")
    document.add_paragraph(
        f"网址：https://news.example.cn/{prefecture.code}/{day:%Y%m%d}/{rng.randint(10000, 99999)}.html"
    )
    for text in rng.sample(prose.NEWS, 3):
        document.add_paragraph(_fill(text, campaign, prefecture, rng))
    return _steady(document)


def make_link_list(campaign: Campaign, prefecture: Prefecture, seed: int) -> bytes:
    """Return a list of press links as plain text: title, medium, date, address."""
    rng = random.Random(f"links/{prefecture.code}/{seed}")
    lines = [f"{prefecture.name}{campaign.title}媒体报道链接"]
    for i in range(1, rng.randint(4, 8)):
        day, medium = _some_day(campaign, rng), rng.choice(prose.MEDIA).format(name=prefecture.name)
        headline = rng.choice(prose.HEADLINES).format(name=prefecture.name, title=campaign.title, theme=campaign.theme)
        lines.append(
            f"{i}. {headline}\t{medium}\t{day}\thttps://news.example.cn/{prefecture.code}/{day:%Y%m%d}/{i}.html"
        )
    return "\r\n".join(lines).encode()


def make_pdf_report(campaign: Campaign, prefecture: Prefecture, seed: int) -> bytes:
    """Return a summary report as PDF with searchable text, a chapter a page; fonts are left to the reader's machine."""
    rng = random.Random(f"pdf/{prefecture.code}/{seed}")
    title = f"{prefecture.name}{campaign.title}总结报告"
    chapters = report_chapters(campaign, prefecture, rng)
    return make_pdf([[title if i == 0 else heading, *texts] for i, (heading, texts) in enumerate(chapters)])


def make_pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """Return a PDF of these pages of paragraphs; Chinese is encoded in UTF-16 by a predefined map, no font embedded."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        PDF_FONT,
    ]
    for i, paragraphs in enumerate(pages):
        content = _page_content(paragraphs)
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * i} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        bodies.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    return _pdf_file(bodies)


def make_scan(picture: bytes) -> bytes:
    """Return a PDF that is nothing but a picture, as a scanner makes it."""
    from PIL import Image

    out = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.save(out, "PDF")
    return out.getvalue()


def lock(office_file: bytes, password: str = "kepu2023") -> bytes:  # noqa: S107 - a made-up file, a made-up password
    """Return a docx or xlsx behind a password, as Office and WPS save it."""
    from msoffcrypto.format.ooxml import OOXMLFile

    out = io.BytesIO()
    OOXMLFile(io.BytesIO(office_file)).encrypt(password, out)
    return out.getvalue()


def report_chapters(campaign: Campaign, prefecture: Prefecture, rng: random.Random) -> list[tuple[str, list[str]]]:
    """Return headings and paragraphs of a report; the first chapter has no heading."""
    return [
        (heading, [_fill(text, campaign, prefecture, rng) for text in rng.sample(texts, count)])
        for heading, texts, count in prose.CHAPTERS
    ]


def _fill(text: str, campaign: Campaign, prefecture: Prefecture, rng: random.Random) -> str:
    return text.format(
        name=prefecture.name,
        title=campaign.title,
        theme=campaign.theme,
        start=_day_text(campaign.window.start),
        end=_day_text(campaign.window.end),
        day=_day_text(_some_day(campaign, rng)),
        place=rng.choice(prose.PLACES),
        place2=rng.choice(prose.PLACES),
        topic=rng.choice(prose.TOPICS),
        topic2=rng.choice(prose.TOPICS),
        some=rng.randint(6, 40),
        many=rng.randint(3, 60) * 100,
    )


def _add_figures(document: Any, campaign: Campaign, figures: Figures) -> None:
    """Put the sheet's totals into a table of the report, so that both tell the same."""
    rows = [row for row in campaign.form.indicators.rows if row.code in figures]
    document.add_heading("附：主要数据", 1)
    table = document.add_table(rows=1, cols=3)
    for cell, text in zip(table.rows[0].cells, ("指标", "合计", "单位"), strict=True):
        cell.text = text
    for row in rows:
        for cell, text in zip(table.add_row().cells, (row.name, str(figures[row.code][0]), row.unit), strict=True):
            cell.text = text


def _steady(document: Any) -> bytes:
    """Return a docx with the dates of its members set to one day: the same seed gives the same bytes."""
    written, out = io.BytesIO(), io.BytesIO()
    document.save(written)
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, FIRST_DAY), old.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _some_day(campaign: Campaign, rng: random.Random) -> date:
    return campaign.window.start + timedelta(days=rng.randint(0, (campaign.window.end - campaign.window.start).days))


def _day_text(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _page_content(paragraphs: Sequence[str]) -> str:
    lines = [p[i : i + 36] for p in paragraphs for i in range(0, len(p), 36)]
    shown = "\n".join(f"<{line.encode('utf-16-be').hex()}> Tj T*" for line in lines[:46])
    return f"BT /F1 13 Tf 16 TL 60 780 Td\n{shown}\nET"


def _pdf_file(bodies: Sequence[str]) -> bytes:
    out, offsets = io.BytesIO(), []
    out.write(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
    for number, body in enumerate(bodies, 1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode())
    start = out.tell()
    out.write(f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode())
    out.writelines(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    out.write(f"trailer << /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()
